//! The reader against what systemd itself reads and writes, and against files that were damaged.
//!
//! Needs `journalctl` and `systemd-journal-remote` (`scripts/setup.sh`).

#[cfg(test)]
mod compare;
#[cfg(test)]
mod export;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod image;
#[cfg(test)]
mod journalctl;
#[cfg(test)]
mod moving;
#[cfg(test)]
mod ours;
#[cfg(test)]
mod query;
#[cfg(test)]
mod recompress;
#[cfg(test)]
mod rng;
#[cfg(test)]
mod synthetic;
