//! Names of signals, `signal(7)`, numbers as on x86 and ARM.

/// The name of signal `number`, such as `SIGKILL`; real-time signals count from `SIGRTMIN`.
///
/// None for a number that is no signal.
pub fn signal_name(number: i32) -> Option<String> {
    const NAMES: [&str; 31] = [
        "SIGHUP",
        "SIGINT",
        "SIGQUIT",
        "SIGILL",
        "SIGTRAP",
        "SIGABRT",
        "SIGBUS",
        "SIGFPE",
        "SIGKILL",
        "SIGUSR1",
        "SIGSEGV",
        "SIGUSR2",
        "SIGPIPE",
        "SIGALRM",
        "SIGTERM",
        "SIGSTKFLT",
        "SIGCHLD",
        "SIGCONT",
        "SIGSTOP",
        "SIGTSTP",
        "SIGTTIN",
        "SIGTTOU",
        "SIGURG",
        "SIGXCPU",
        "SIGXFSZ",
        "SIGVTALRM",
        "SIGPROF",
        "SIGWINCH",
        "SIGIO",
        "SIGPWR",
        "SIGSYS",
    ];
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    if let Some(name) = NAMES.get(index) {
        return Some((*name).to_owned());
    }
    match number {
        34 => Some("SIGRTMIN".to_owned()),
        35..=64 => Some(format!("SIGRTMIN+{}", number - 34)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::signal_name;

    #[test]
    fn names_as_kill_1_prints_them() {
        assert_eq!(signal_name(9).as_deref(), Some("SIGKILL"));
        assert_eq!(signal_name(31).as_deref(), Some("SIGSYS"));
        assert_eq!(signal_name(36).as_deref(), Some("SIGRTMIN+2"));
        for none in [0, -1, 32, 33, 65, i32::MIN] {
            assert_eq!(signal_name(none), None);
        }
    }
}
