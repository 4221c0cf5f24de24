//! Which log lines tell something: what to show of a unit's log, never whether something is wrong.
//!
//! systemd says the same few things whenever a unit starts, stops or fails. A finding says them
//! already, in its own words; repeated as evidence they hide the line that tells why.

use sysdiag_model::snapshot::LogLine;

/// What systemd says of every unit, behind its name or before it (`src/core/*.c`, v247 to v257).
const OF_EVERY_UNIT: [&str; 38] = [
    "Starting ",
    "Started ",
    "Finished ",
    "Stopping ",
    "Stopped ",
    "Closed ",
    "Listening on ",
    "Mounting ",
    "Mounted ",
    "Unmounting ",
    "Unmounted ",
    "Reloading ",
    "Reloaded ",
    "Reload failed for ",
    "Reload operation timed out",
    "Activating swap ",
    "Activated swap ",
    "Deactivated successfully",
    "Failed to start ",
    "Failed to listen on ",
    "Failed to mount ",
    "Failed to activate swap ",
    "Failed with result ",
    "Dependency failed for ",
    "Timed out starting ",
    "Main process exited",
    "Control process exited",
    "Mount process exited",
    "Swap process exited",
    "Scheduled restart job",
    "Start request repeated too quickly",
    "start operation timed out",
    "stop-sigterm timed out",
    "State 'stop-sigterm' timed out",
    "Watchdog timeout",
    "Consumed ",
    "Killing process ",
    "Triggering OnFailure= dependencies",
];

/// Advice that some programs end with.
const FILLERS: [&str; 2] = ["dmesg(1) may have more information", "See \"systemctl status "];

/// Whether PID 1 logged the line; a user's systemd has the same name and speaks for its own unit.
pub(crate) fn is_of_manager(line: &LogLine) -> bool {
    line.identifier.as_deref() == Some("systemd") && line.pid.is_none_or(|pid| pid == 1)
}

/// Whether the line was logged as a warning or worse.
pub(crate) fn is_complaint(line: &LogLine) -> bool {
    let level = line.level.as_deref();
    matches!(level, Some("EMERG" | "ALERT" | "CRIT" | "ERR" | "WARNING"))
}

/// Whether the line says no more than that the unit started, stopped or failed.
pub(crate) fn is_stock(line: &LogLine, unit: &str) -> bool {
    let message = line.message.strip_prefix(unit).and_then(|rest| rest.strip_prefix(": "));
    let message = message.unwrap_or(&line.message);
    is_of_manager(line)
        && (OF_EVERY_UNIT.iter().any(|stock| message.starts_with(stock))
            || (message.starts_with("Job ") && message.contains(" failed with result "))
            || message.contains(" was skipped because of "))
}

/// Whether the line is mere advice.
pub(crate) fn is_filler(message: &str) -> bool {
    let message = message.trim();
    message.is_empty() || FILLERS.iter().any(|filler| message.starts_with(filler))
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Timestamp;

    use super::*;

    fn line(identifier: &str, pid: u32, message: &str) -> LogLine {
        LogLine {
            time: Timestamp::from_usec(1),
            level: None,
            identifier: Some(identifier.to_owned()),
            pid: Some(pid),
            message: message.to_owned(),
            cursor: None,
            errno: None,
        }
    }

    #[test]
    fn stock_is_what_systemd_says_of_every_unit() {
        for (message, stock) in [
            ("a.service: Failed with result 'protocol'.", true),
            ("Failed to start a.service - Example.", true),
            ("a.service: Main process exited, code=exited, status=1/FAILURE", true),
            ("a.service: Job a.service/start failed with result 'dependency'.", true),
            ("a.service: Can't open PID file /run/a.pid (yet?) after start", false),
            ("a.socket: Failed to create listening socket (192.0.2.1:9): no address", false),
            ("b.service: Failed with result 'protocol'.", false),
        ] {
            assert_eq!(is_stock(&line("systemd", 1, message), "a.service"), stock, "{message}");
            assert!(!is_stock(&line("sh", 7, message), "a.service"), "{message}");
        }
    }

    #[test]
    fn a_users_systemd_speaks_for_its_own_unit() {
        assert!(is_of_manager(&line("systemd", 1, "")));
        assert!(!is_of_manager(&line("systemd", 239, "")));
        assert!(!is_of_manager(&line("sh", 1, "")));
    }

    #[test]
    fn advice_is_no_reason() {
        assert!(is_filler("       dmesg(1) may have more information after failed mount."));
        assert!(!is_filler("mount: /x: wrong fs type"));
    }
}
