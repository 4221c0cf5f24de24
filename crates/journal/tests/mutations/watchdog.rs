//! Ends the process, and says at which seed, if one step takes too long.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// Dropped when the work is done.
pub(crate) struct Watchdog {
    step: Arc<AtomicU64>,
}

impl Watchdog {
    /// No step may take longer than `patience`.
    pub(crate) fn new(patience: Duration) -> Self {
        let step = Arc::new(AtomicU64::new(0));
        let watched = Arc::downgrade(&step);
        thread::spawn(move || watch(&watched, patience));
        Self { step }
    }

    pub(crate) fn step(&self, seed: u64) {
        self.step.store(seed, Ordering::Relaxed);
    }
}

fn watch(step: &Weak<AtomicU64>, patience: Duration) {
    let mut seen = (u64::MAX, Instant::now());
    while let Some(step) = step.upgrade() {
        let now = step.load(Ordering::Relaxed);
        drop(step);
        if now != seen.0 {
            seen = (now, Instant::now());
        } else if seen.1.elapsed() > patience {
            eprintln!("seed {now} takes longer than {patience:?}");
            std::process::abort();
        }
        // How often is looked, not how long is waited for anything.
        thread::sleep(Duration::from_millis(100));
    }
}
