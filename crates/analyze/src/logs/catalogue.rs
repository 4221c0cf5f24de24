//! Messages known to be bad, as data: message ids of systemd, and wordings of the kernel.
//!
//! systemd's messages are known by id alone (`sd-messages.h`, the message catalogue). The kernel
//! gives no ids, so there the words count, and only where the kernel itself is the sender.

/// Message id and pattern key.
const BY_ID: [(&str, &str); 12] = [
    ("fc2e22bc6ee647b6b90729ab34a250b1", "core-dump"),
    ("5aadd8e954dc4b1a8c954d63fd9e1137", "core-dump-truncated"),
    ("be02cf6855d2428ba40df7e9d022f03d", "start-failed"),
    ("d9b373ed55a64feb8242e02dbe79a49c", "unit-failed"),
    ("fe6faa94e7774663a0da52717891d8ef", "oom-kill"),
    ("d989611b15e44c9dbf31e3c81256e4ed", "oom-kill"),
    ("641257651c1b4ec9a8624d7a40a9e1e7", "exec-failed"),
    ("c7a787079b354eaaa9e77b371893cd27", "time-change"),
    ("a596d6fe7bfa4994828e72309e95d61e", "log-suppressed"),
    ("e9bf28e6e834481bb6f48f548ad13606", "log-missed"),
    ("1675d7f172174098b1108bf8c7dc8f5d", "dnssec-failure"),
    ("1dee0369c7fc4736b7099b38ecb46ee7", "overmounting"),
];

/// Words of the kernel and pattern key; the first that fits counts.
const KERNEL: [(&str, &str); 19] = [
    ("oom-kill:", "oom-kill"),
    ("Out of memory: Killed process", "oom-kill"),
    ("Memory cgroup out of memory: Killed process", "oom-kill"),
    ("segfault at ", "segfault"),
    ("general protection fault", "segfault"),
    ("trap invalid opcode", "segfault"),
    ("I/O error, dev ", "io-error"),
    ("Buffer I/O error", "io-error"),
    ("blocked for more than ", "hung-task"),
    ("soft lockup", "lockup"),
    ("hard LOCKUP", "lockup"),
    ("rcu_sched detected stalls", "lockup"),
    ("EXT4-fs error", "fs-error"),
    ("XFS (", "fs-error"),
    ("BTRFS error", "fs-error"),
    ("BTRFS critical", "fs-error"),
    ("Remounting filesystem read-only", "fs-error"),
    ("[Hardware Error]", "hardware-error"),
    ("Kernel panic", "kernel-panic"),
];

/// Least important priority at which the kernel's words are taken for a problem. An OOM kill and
/// a fault of a program are logged as information.
const KERNEL_AT: u8 = 6;
/// XFS puts its name before every message.
const XFS_AT: u8 = 3;

/// The pattern a message of this id belongs to.
pub(super) fn by_id(message_id: &str) -> Option<&'static str> {
    BY_ID.iter().find(|(id, _)| *id == message_id).map(|(_, key)| *key)
}

/// The pattern a message of the kernel belongs to.
pub(super) fn of_kernel(wording: &str, priority: u8) -> Option<&'static str> {
    let fits = |(words, _): &&(&str, &str)| {
        wording.contains(words) && priority <= if *words == "XFS (" { XFS_AT } else { KERNEL_AT }
    };
    KERNEL.iter().find(fits).map(|(_, key)| *key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ids_and_keys_are_kebab_case() {
        for (id, _) in BY_ID {
            assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        }
        for (_, key) in BY_ID.iter().chain(&KERNEL) {
            assert!(key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{key}");
        }
    }

    #[test]
    fn a_mount_of_xfs_is_no_error() {
        assert_eq!(of_kernel("XFS (vda1): Mounting V5 Filesystem", 5), None);
        assert_eq!(of_kernel("XFS (vda1): Corruption detected", 1), Some("fs-error"));
    }
}
