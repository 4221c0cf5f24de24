//! Whether processes can be traced here, decided from files before anything is tried: a refused
//! system call says little, and these reasons are worth a clear sentence each.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::{fs, io::Read};

use sysdiag_model::{Gap, Why};

/// What is missing, in a report.
pub(crate) const WHAT: &str = "process tracing (eBPF)";
/// Of each file that is read here.
const MAX_BYTES: u64 = 8 * 1024 * 1024;
/// `PROC_PID_INIT_INO`, `include/linux/proc_ns.h`: the PID namespace of the host itself.
const INITIAL_PID_NAMESPACE: u64 = 0xEFFF_FFFC;
/// Numbers of `capabilities(7)`.
const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// What decides. `None`: could not be read, and is then no reason to refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// `CapEff` of `/proc/self/status`.
    pub effective_capabilities: Option<u64>,
    /// Inode of `/proc/self/ns/pid`.
    pub pid_namespace: Option<u64>,
    /// `/sys/kernel/btf/vmlinux` is there.
    pub has_btf: bool,
    /// The level in brackets in `/sys/kernel/security/lockdown`, `kernel_lockdown(7)`.
    pub lockdown: Option<String>,
    /// A cgroup v2 tree is mounted; with `false`, only version 1 or nothing is.
    pub has_cgroup2: Option<bool>,
}

impl Facts {
    /// Reads them below `root`, which is `/` but in tests.
    pub fn read(root: &Path) -> Self {
        let text = |path: &str| {
            let mut text = Vec::new();
            let file = fs::File::open(root.join(path)).ok()?;
            file.take(MAX_BYTES).read_to_end(&mut text).ok()?;
            Some(String::from_utf8_lossy(&text).into_owned())
        };
        Self {
            effective_capabilities: text("proc/self/status").as_deref().and_then(capabilities),
            pid_namespace: fs::metadata(root.join("proc/self/ns/pid")).ok().map(|meta| meta.ino()),
            has_btf: root.join("sys/kernel/btf/vmlinux").is_file(),
            lockdown: text("sys/kernel/security/lockdown").as_deref().and_then(level),
            has_cgroup2: text("proc/self/mountinfo")
                .map(|mounts| mounts.lines().any(|line| line.contains(" - cgroup2 "))),
        }
    }

    /// The first reason against it: what only another kernel or another place would change comes before
    /// what `sudo` would.
    pub fn decide(&self) -> Result<(), Gap> {
        let refuse = |why: Why, hint: &str| Err(Gap::new(WHAT, why, hint));
        if !self.has_btf {
            return refuse(
                Why::NotSupported,
                "this kernel has no BTF (/sys/kernel/btf/vmlinux); it needs one built with \
                 CONFIG_DEBUG_INFO_BTF, as distributions do since 2020",
            );
        }
        if self.pid_namespace.is_some_and(|inode| inode != INITIAL_PID_NAMESPACE) {
            return refuse(
                Why::NotSupported,
                "this is a container with its own process ids, and the kernel would name \
                 those of the host; run it on the host, or in a container with the host's PID namespace",
            );
        }
        if self.has_cgroup2 == Some(false) {
            return refuse(
                Why::NotSupported,
                "no cgroup v2 tree is mounted, so that processes cannot be mapped to units; \
                 boot with systemd.unified_cgroup_hierarchy=1",
            );
        }
        if self.lockdown.as_deref() == Some("confidentiality") {
            return refuse(
                Why::NotPermitted,
                "the kernel is locked down for confidentiality \
                 (/sys/kernel/security/lockdown), and lets nobody trace it",
            );
        }
        let has = |capability: u32| {
            self.effective_capabilities.is_none_or(|set| set & (1 << capability) != 0)
        };
        let is_root = has(CAP_SYS_ADMIN);
        if !(is_root || (has(CAP_BPF) && has(CAP_PERFMON))) {
            return refuse(
                Why::NotPermitted,
                "run it as root, or with the capabilities CAP_BPF and CAP_PERFMON",
            );
        }
        Ok(())
    }
}

/// Whether processes can be traced on this host, by what its files say.
///
/// # Errors
///
/// They cannot; the gap says why and what would change that.
pub fn precondition() -> Result<(), Gap> {
    Facts::read(Path::new("/")).decide()
}

fn capabilities(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

/// `integrity` of `none [integrity] confidentiality`.
fn level(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    rest.split_once(']').map(|(level, _)| level.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Facts = Facts {
        effective_capabilities: Some(1 << CAP_BPF | 1 << CAP_PERFMON),
        pid_namespace: Some(INITIAL_PID_NAMESPACE),
        has_btf: true,
        lockdown: None,
        has_cgroup2: Some(true),
    };

    #[test]
    fn each_reason_has_its_sentence() {
        assert_eq!(GOOD.decide(), Ok(()));
        let root = Facts { effective_capabilities: Some(1 << CAP_SYS_ADMIN), ..GOOD };
        assert_eq!(root.decide(), Ok(()));
        let locked = |level: &str| Facts { lockdown: Some(level.to_owned()), ..GOOD };
        assert_eq!(locked("integrity").decide(), Ok(()));
        for (facts, why, word) in [
            (Facts { has_btf: false, ..GOOD }, Why::NotSupported, "BTF"),
            (Facts { pid_namespace: Some(4_026_532_000), ..GOOD }, Why::NotSupported, "container"),
            (Facts { has_cgroup2: Some(false), ..GOOD }, Why::NotSupported, "cgroup v2"),
            (locked("confidentiality"), Why::NotPermitted, "locked down"),
            (
                Facts { effective_capabilities: Some(1 << CAP_BPF), ..GOOD },
                Why::NotPermitted,
                "as root",
            ),
        ] {
            let gap = facts.decide().unwrap_err();
            assert_eq!(gap.why, why);
            assert!(gap.hint.unwrap().contains(word), "{word}");
        }
    }

    #[test]
    fn files_say_it() {
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let nothing = Facts::read(folder.path());
        assert_eq!(
            (nothing.has_btf, nothing.has_cgroup2, nothing.pid_namespace),
            (false, None, None)
        );
        write("proc/self/status", "Name:\tx\nCapEff:\t000000c000000000\n");
        write("proc/self/ns/pid", "");
        write("proc/self/mountinfo", "31 23 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
        write("sys/kernel/btf/vmlinux", "x");
        write("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
        let facts = Facts::read(folder.path());
        assert_eq!(
            Facts { pid_namespace: GOOD.pid_namespace, ..facts },
            Facts { lockdown: Some("integrity".to_owned()), ..GOOD }
        );
    }
}
