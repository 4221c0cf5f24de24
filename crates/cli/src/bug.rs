//! What happens when the program breaks one of its own rules: a short message and exit code 70,
//! whichever thread it was in.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Exit, console};

static PANICKED: AtomicBool = AtomicBool::new(false);

/// Replaces the message of a panic, which is for developers, by one that is for users.
pub(crate) fn install_hook() {
    panic::set_hook(Box::new(|info| {
        PANICKED.store(true, Ordering::Relaxed);
        let place = info.location().map_or_else(String::new, |at| format!(" ({at})"));
        let what = info.payload_as_str().unwrap_or("no message");
        console::message("error", &format!("internal error: {what}{place}"));
        console::message(
            "hint",
            &format!(
                "this is a bug in sysdiag-analyzer {}; please report it with the line above",
                env!("CARGO_PKG_VERSION")
            ),
        );
    }));
}

/// Runs `f`; a panic in it, or in any thread it started, is [`Exit::Bug`].
pub(crate) fn guard(f: impl FnOnce() -> Exit) -> Exit {
    let exit = panic::catch_unwind(AssertUnwindSafe(f)).unwrap_or(Exit::Bug);
    if PANICKED.load(Ordering::Relaxed) { Exit::Bug } else { exit }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_exit_code_70() {
        assert_eq!(guard(|| panic!("as planned")).code(), 70);
    }
}
