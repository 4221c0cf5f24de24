//! The journal source against journals that real journalds wrote, and what `journalctl` of the
//! same systems printed of them (`fixtures/journal/README.md`).

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper that fails is a failed test"
)]

mod damage;
mod events;
mod fixture;
mod lines;
mod logs;
mod machine;
mod previous;
