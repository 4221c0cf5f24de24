//! Errors of the operating system as gaps, in the same words for every source.

use std::io;

use rustix::process::geteuid;
use sysdiag_model::{Gap, Probe, Why};

/// The gap that `error` leaves in `what`.
pub(crate) fn from_io(what: impl Into<String>, error: &io::Error) -> Gap {
    let why = why(error);
    let hint = match why {
        Why::NotPermitted => or_as_root(&reason(error)),
        _ => reason(error),
    };
    Gap::new(what, why, hint)
}

/// As [`from_io`], with the file that could not be read.
pub(crate) fn of_file(what: impl Into<String>, file: &str, error: &io::Error) -> Gap {
    let mut gap = from_io(what, error);
    gap.hint = gap.hint.map(|hint| format!("{file}: {hint}"));
    gap
}

/// `1 process`, `12 processes`: what a gap is about.
pub(crate) fn processes(count: usize) -> String {
    if count == 1 { "1 process".to_owned() } else { format!("{count} processes") }
}

/// `reason`, and what helps against it unless that is the case already: root that is refused is in a
/// container, or a security module is in the way.
pub(crate) fn or_as_root(reason: &str) -> String {
    if geteuid().is_root() { reason.to_owned() } else { format!("{reason}; run as root") }
}

/// The gap of a file that was read and has not the form the kernel gives it.
pub(crate) fn malformed(what: impl Into<String>, file: &str) -> Gap {
    Gap::new(what, Why::Malformed, format!("{file} is not in the form that proc(5) describes"))
}

/// What a parser made of a file: `None` is a malformed one.
pub(crate) fn parsed<T>(
    what: &str,
    file: &str,
    bytes: io::Result<Vec<u8>>,
    parse: impl FnOnce(&[u8]) -> Option<T>,
) -> Probe<T> {
    match bytes {
        Ok(bytes) => {
            parse(&bytes).map_or_else(|| Probe::Unknown(malformed(what, file)), Probe::Known)
        }
        Err(error) => Probe::Unknown(of_file(what, file, &error)),
    }
}

/// Kinds of errors; the numbers are `errno(3)`.
pub(crate) fn why(error: &io::Error) -> Why {
    use rustix::io::Errno;
    let code = Errno::from_io_error(error);
    match (code, error.kind()) {
        // No such process, no such device: the thing went away while it was being read.
        (Some(Errno::SRCH | Errno::NODEV | Errno::NXIO), _) | (_, io::ErrorKind::NotFound) => {
            Why::Absent
        }
        (_, io::ErrorKind::PermissionDenied) => Why::NotPermitted,
        (Some(Errno::OPNOTSUPP | Errno::NOSYS), _) | (_, io::ErrorKind::Unsupported) => {
            Why::NotSupported
        }
        (_, io::ErrorKind::TimedOut) => Why::TimedOut,
        _ => Why::Malformed,
    }
}

/// The error in words, without Rust's "(os error 2)".
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn each_error_has_its_kind() {
        for (errno, expected) in [
            (Errno::NOENT, Why::Absent),
            (Errno::SRCH, Why::Absent),
            (Errno::ACCESS, Why::NotPermitted),
            (Errno::PERM, Why::NotPermitted),
            (Errno::OPNOTSUPP, Why::NotSupported),
            (Errno::TIMEDOUT, Why::TimedOut),
            (Errno::INVAL, Why::Malformed),
        ] {
            assert_eq!(why(&errno.into()), expected, "{errno:?}");
        }
    }

    #[test]
    fn says_what_would_help() {
        let gap = from_io("journal", &Errno::ACCESS.into());
        let hint = gap.hint.unwrap();
        assert_eq!(hint.starts_with("Permission denied; run as"), !geteuid().is_root(), "{hint}");
    }

    #[test]
    fn a_parser_that_gives_nothing_is_a_gap() {
        let probe = parsed("load", "/proc/loadavg", Ok(b"x".to_vec()), |_| None::<u8>);
        assert_eq!(probe.gaps()[0].why, Why::Malformed);
        let probe = parsed("load", "/proc/loadavg", Err(Errno::NOENT.into()), |_| Some(1));
        assert_eq!(probe.gaps()[0].why, Why::Absent);
        assert!(probe.gaps()[0].hint.as_deref().unwrap().starts_with("/proc/loadavg: "));
    }
}
