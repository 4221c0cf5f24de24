//! Every process that runs a program or ends, on the whole host, seen by the kernel itself (eBPF).
//!
//! [`precondition`] decides whether that can be done here, without trying. [`Tracer`] attaches the
//! programs of `bpf/trace.bpf.c` and hands out [`Event`]s; [`Digest`] makes the bounded digest of them
//! that a snapshot holds; [`Background`] does both on a thread while something else runs.
//!
//! What is not here: no rule, no terminal, no compiler. The object was compiled before
//! (`cargo xtask bpf`) and is adapted to the running kernel when it is loaded. Nothing is pinned: what
//! is attached is gone with the process, however that ends.

mod background;
mod clock;
mod counts;
mod digest;
mod event;
mod groups;
mod join;
mod known;
mod load;
mod memory;
mod precondition;
mod tracer;
mod wire;

pub use self::background::{Background, Stopper};
pub use self::digest::Digest;
pub use self::event::{
    Event, Exec, Exit, Fork, Mask, OomVictim, Party, Process, Program, Sender, Signal,
};
pub use self::groups::Group;
pub use self::load::Options;
pub use self::precondition::{Facts, precondition};
pub use self::tracer::{Tracer, Waker};
