//! `/proc/PID/stat`, `proc_pid_stat(5)`.

use crate::text;

/// `PF_KTHREAD` of the kernel's `include/linux/sched.h`.
const KERNEL_THREAD: u64 = 0x0020_0000;

/// The columns that are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) pid: u32,
    pub(super) comm: String,
    pub(super) state: char,
    pub(super) ppid: u32,
    pub(super) user_ticks: u64,
    pub(super) system_ticks: u64,
    pub(super) threads: u32,
    pub(super) start_ticks: u64,
    pub(super) rss_pages: u64,
    pub(super) kernel_thread: bool,
}

/// The name is between the first parenthesis and the last: it may hold parentheses, blanks and
/// newlines itself.
pub(super) fn parse(bytes: &[u8]) -> Option<Stat> {
    let open = bytes.iter().position(|byte| *byte == b'(')?;
    let close = bytes.iter().rposition(|byte| *byte == b')')?;
    let pid = text::small(bytes.get(..open)?.trim_ascii())?;
    let comm = text::string(bytes.get(open + 1..close)?);
    let mut fields = text::fields(bytes.get(close + 1..)?);
    let state = match fields.next()? {
        [letter] if letter.is_ascii_alphabetic() => char::from(*letter),
        _ => return None,
    };
    let ppid = text::small(fields.next()?)?;
    // pgrp, session, tty_nr, tpgid
    let flags = text::number(fields.nth(4)?)?;
    // minflt, cminflt, majflt, cmajflt
    let user_ticks = text::number(fields.nth(4)?)?;
    let system_ticks = text::number(fields.next()?)?;
    // cutime, cstime, priority, nice
    let threads = text::small(fields.nth(4)?)?;
    // itrealvalue
    let start_ticks = text::number(fields.nth(1)?)?;
    // vsize
    let rss_pages = text::number(fields.nth(1)?)?;
    let kernel_thread = flags & KERNEL_THREAD != 0;
    Some(Stat {
        pid,
        comm,
        state,
        ppid,
        user_ticks,
        system_ticks,
        threads,
        start_ticks,
        rss_pages,
        kernel_thread,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(comm: &str) -> String {
        format!(
            "812 ({comm}) S 1 812 812 0 -1 4194560 2000 0 3 0 11 22 0 0 20 0 4 0 5555 9000000 333 \
             18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0 1 2 3 4 5 6 7 0\n"
        )
    }

    #[test]
    fn the_columns() {
        assert_eq!(
            parse(line("postgres").as_bytes()),
            Some(Stat {
                pid: 812,
                comm: "postgres".to_owned(),
                state: 'S',
                ppid: 1,
                user_ticks: 11,
                system_ticks: 22,
                threads: 4,
                start_ticks: 5555,
                rss_pages: 333,
                kernel_thread: false
            })
        );
    }

    #[test]
    fn names_may_hold_anything() {
        for name in ["(sd-pam)", "a) R 1 2", "two words", "new\nline", ")", ""] {
            assert_eq!(parse(line(name).as_bytes()).unwrap().comm, name);
        }
    }

    #[test]
    fn kernel_threads() {
        let text = "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 3 0 0 20 0 1 0 14 0 0 0\n";
        let stat = parse(text.as_bytes()).unwrap();
        assert!(stat.kernel_thread);
        assert_eq!(stat.rss_pages, 0);
    }

    #[test]
    fn what_is_cut_is_nothing() {
        let whole = line("x");
        let needed = whole.find(" 333 ").unwrap() + 4;
        for end in 0..needed - 2 {
            assert_eq!(parse(&whole.as_bytes()[..end]), None, "{end}");
        }
        assert_eq!(parse(b"1 (x) S -1 0\n"), None);
        assert_eq!(parse(b") ( S 1\n"), None);
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, words in "[0-9]{0,9} ?[()a]{0,4} [A-Z]( [0-9-]{0,21}){0,24}") {
            let _ = parse(&bytes);
            let _ = parse(words.as_bytes());
        }
    }
}
