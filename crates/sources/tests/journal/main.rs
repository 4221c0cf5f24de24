//! The journal source against journals that real journalds wrote, and what `journalctl` of the
//! same systems printed of them (`fixtures/journal/README.md`).

mod damage;
mod events;
mod fixture;
mod lines;
mod logs;
