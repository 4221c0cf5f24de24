//! Whether all processes are seen: `hidepid=` of `/proc`, `proc(5)`, and processes refused to us.

use sysdiag_model::snapshot::Process;
use sysdiag_model::{Gap, Why};

use crate::{Root, gap, mountinfo};

/// What is hidden from this user, judged by PID 1, which every PID namespace has.
pub(super) fn hidden(root: &Root, seen: &[Process], unreadable: usize) -> Option<Gap> {
    let sees_init = seen.first().is_some_and(|process| process.pid == 1);
    if sees_init && unreadable == 0 {
        return None;
    }
    let how = hide_option(root).map_or_else(
        || "another user's processes are not shown".to_owned(),
        |option| format!("/proc is mounted with {option}"),
    );
    let what = match unreadable {
        0 => "processes of other users".to_owned(),
        count => format!("{} of other users", gap::processes(count)),
    };
    Some(Gap::new(what, Why::NotPermitted, gap::or_as_root(&how)))
}

/// `hidepid=2` of the mount at `/proc` that is seen, if it hides anything.
pub(crate) fn hide_option(root: &Root) -> Option<String> {
    find_hide_option(&mountinfo::read(root).unwrap_or_default())
}

fn find_hide_option(mountinfo: &[u8]) -> Option<String> {
    let mounts = mountinfo::parse(mountinfo);
    let proc = mounts.filter(|mount| mount.mount_point.as_ref() == b"/proc").last()?;
    let option = proc.super_options.split(|byte| *byte == b',').find(|option| {
        option.starts_with(b"hidepid=") && *option != b"hidepid=0" && *option != b"hidepid=off"
    })?;
    Some(crate::text::string(option))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn options_that_hide() {
        for (options, expected) in [
            ("rw", None),
            ("rw,hidepid=0", None),
            ("rw,hidepid=off", None),
            ("rw,hidepid=2", Some("hidepid=2")),
            ("rw,gid=4,hidepid=invisible", Some("hidepid=invisible")),
            ("rw,hidepid=noaccess,subset=pid", Some("hidepid=noaccess")),
            ("rw,hidepid=ptraceable", Some("hidepid=ptraceable")),
        ] {
            let text = format!(
                "1 0 0:9 / /proc rw - proc proc rw,hidepid=1\n2 1 0:9 / /proc rw - proc proc {options}\n\
                 3 1 0:9 / /srv/proc rw - proc proc rw,hidepid=1\n"
            );
            assert_eq!(find_hide_option(text.as_bytes()).as_deref(), expected, "{options}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>) {
            let _ = find_hide_option(&bytes);
        }
    }
}
