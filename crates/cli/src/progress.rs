//! The status line on standard error while a source takes more than a second.

use std::io::{self, Write};
use std::time::Duration;

use sysdiag_sources::Progress;

use crate::console;

/// A source is named from here on.
const PATIENCE: Duration = Duration::from_secs(1);

/// One line that is written over and erased in the end; silent where nobody watches.
#[derive(Debug)]
pub(crate) struct StatusLine {
    watched: bool,
    shown: Option<(&'static str, u64)>,
}

impl StatusLine {
    /// Shown if standard error is a terminal and messages are wanted.
    pub(crate) fn new() -> Self {
        Self { watched: console::is_watched(), shown: None }
    }

    /// Shows what is waited for.
    pub(crate) fn update(&mut self, progress: Progress) {
        if !self.watched || progress.elapsed < PATIENCE {
            return;
        }
        let now = (progress.source, progress.elapsed.as_secs());
        if self.shown != Some(now) {
            self.shown = Some(now);
            let (source, seconds) = now;
            drop(write!(io::stderr(), "\r\x1b[Kwaiting for {source} ... {seconds} s"));
        }
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        if self.shown.is_some() {
            drop(write!(io::stderr(), "\r\x1b[K"));
        }
    }
}
