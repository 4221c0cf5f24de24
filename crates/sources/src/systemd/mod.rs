//! The manager and its units over D-Bus, in two rounds: first what every unit must say, cheaply and
//! in a pipeline, then everything about the few that are in question.
//!
//! Only units that `ListUnits` named are asked for, because asking for another makes PID 1 load it.
//! Nothing is judged here; [`suspects()`] only picks whom to ask more.

mod chain;
mod changed;
mod connect;
mod detail;
mod kinds;
mod look;
mod manager;
mod names;
mod needs;
mod on_disk;
mod ordering;
mod paths;
mod properties;
mod session;
mod suspects;
mod units;

pub(crate) use ordering::read_files;
pub use session::{Deep, Opened, Session, open};
pub(crate) use suspects::primary_name;
pub use suspects::suspects;
