//! Damaged journal files: whatever is in them, reading ends, soon, in little memory, without a panic.

#[cfg(test)]
mod crafted;
#[cfg(test)]
mod damaged;
#[cfg(test)]
#[expect(dead_code, reason = "the format is only written here")]
#[path = "../golden/export.rs"]
mod export;
#[cfg(test)]
#[expect(dead_code, reason = "journalctl is not asked about damaged files")]
#[path = "../golden/journalctl.rs"]
mod journalctl;
#[cfg(test)]
mod objects;
#[cfg(test)]
mod read;
#[cfg(test)]
#[path = "../golden/rng.rs"]
mod rng;
#[cfg(test)]
#[path = "../golden/synthetic.rs"]
mod synthetic;
#[cfg(test)]
mod watchdog;
