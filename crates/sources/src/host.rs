//! What machine it is: a handful of small files, each known or not by itself.

use std::io;

use rustix::fs::OFlags;
use rustix::process::geteuid;
use sysdiag_model::snapshot::{Host, OsRelease};
use sysdiag_model::{Gap, Probe, Why};

use crate::{Root, file, gap, processes, text};

/// `os-release(5)` files are a few hundred bytes; the others one word.
const MAX_BYTES: usize = 64 * 1024;

/// The identity of the host below `root`.
pub fn read(root: &Root) -> Host {
    Host {
        hostname: word(root, "host name", "/proc/sys/kernel/hostname"),
        boot_id: gap::parsed(
            "boot id",
            "/proc/sys/kernel/random/boot_id",
            file::read(root, "/proc/sys/kernel/random/boot_id", MAX_BYTES),
            |bytes| std::str::from_utf8(bytes).ok()?.parse().ok(),
        ),
        os: os_release(root),
        kernel_release: word(root, "kernel release", "/proc/sys/kernel/osrelease"),
        architecture: architecture(root),
        init_name: init_name(root),
        collector_uid: geteuid().as_raw(),
        missing_tools: missing_tools(root),
    }
}

/// Commands that findings propose and that a minimal host may not have.
const TOOLS: [&str; 18] = [
    "chronyc",
    "coredumpctl",
    "du",
    "findmnt",
    "fuser",
    "getent",
    "journalctl",
    "loginctl",
    "lsblk",
    "lsof",
    "needrestart",
    "ps",
    "ss",
    "systemctl",
    "systemd-analyze",
    "systemd-cgtop",
    "timedatectl",
    "vmstat",
];
/// Where a shell of root looks for them.
const BIN: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

fn missing_tools(root: &Root) -> Vec<String> {
    let is_there = |tool: &&str| {
        BIN.iter().any(|folder| file::open(root, format!("{folder}/{tool}"), OFlags::PATH).is_ok())
    };
    TOOLS.iter().filter(|tool| !is_there(tool)).map(|tool| (*tool).to_owned()).collect()
}

/// A file that holds one word or line.
fn word(root: &Root, what: &str, path: &str) -> Probe<String> {
    gap::parsed(what, path, file::read(root, path, MAX_BYTES), |bytes| {
        text::single(bytes).map(text::string)
    })
}

/// `/proc/1/comm`; where `/proc` hides the processes of others, PID 1 is not there for a user.
fn init_name(root: &Root) -> Probe<String> {
    const WHAT: &str = "name of PID 1";
    match word(root, WHAT, "/proc/1/comm") {
        Probe::Unknown(gap) if gap.why == Why::Absent => {
            Probe::Unknown(processes::hide_option(root).map_or(gap, |option| {
                let reason = format!("/proc is mounted with {option}");
                Gap::new(WHAT, Why::NotPermitted, gap::or_as_root(&reason))
            }))
        }
        probe => probe,
    }
}

/// `/proc/sys/kernel/arch` came with Linux 6.1; of a running host `uname(2)` says the same.
fn architecture(root: &Root) -> Probe<String> {
    if root.is_host() {
        let name = rustix::system::uname();
        return Probe::Known(name.machine().to_string_lossy().into_owned());
    }
    word(root, "architecture", "/proc/sys/kernel/arch")
}

/// `/etc/os-release`, else `/usr/lib/os-release`.
fn os_release(root: &Root) -> Probe<OsRelease> {
    let read = |path| file::read(root, path, MAX_BYTES);
    let bytes = match read("/etc/os-release") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => read("/usr/lib/os-release"),
        other => other,
    };
    match bytes {
        Ok(bytes) => Probe::Known(parse_os_release(&bytes)),
        Err(error) if gap::why(&error) == Why::Absent => Probe::Unknown(Gap::new(
            "operating system",
            Why::Absent,
            "neither /etc/os-release nor /usr/lib/os-release is there",
        )),
        Err(error) => Probe::Unknown(gap::from_io("operating system", &error)),
    }
}

/// Shell-like assignments, `os-release(5)`; a later one replaces an earlier one.
fn parse_os_release(bytes: &[u8]) -> OsRelease {
    let mut os = OsRelease { id: None, name: None, version_id: None, pretty_name: None };
    for line in text::lines(bytes) {
        let Some((key, value)) = text::split_once(line.trim_ascii(), b'=') else { continue };
        let field = match key {
            b"ID" => &mut os.id,
            b"NAME" => &mut os.name,
            b"VERSION_ID" => &mut os.version_id,
            b"PRETTY_NAME" => &mut os.pretty_name,
            _ => continue,
        };
        *field = Some(unquote(value)).filter(|value| !value.is_empty());
    }
    os
}

/// A value without its quotes; in double quotes a backslash makes the next character plain.
fn unquote(value: &[u8]) -> String {
    match value {
        [b'\'', inner @ .., b'\''] => text::string(inner),
        [b'"', inner @ .., b'"'] => unescape(inner),
        plain => unescape(plain),
    }
}

fn unescape(value: &[u8]) -> String {
    let mut plain = Vec::with_capacity(value.len());
    let mut bytes = value.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => plain.extend(bytes.next()),
            _ => plain.push(*byte),
        }
    }
    text::string(&plain)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn host(folder: &std::path::Path) -> Host {
        read(&Root::at(folder))
    }

    #[test]
    fn each_file_is_known_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in [
            ("proc/sys/kernel/hostname", "web-03\n"),
            ("proc/sys/kernel/random/boot_id", "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9\n"),
            ("proc/1/comm", "systemd\n"),
            (
                "usr/lib/os-release",
                "ID=debian\nPRETTY_NAME=\"Debian \\\"12\\\"\"\nVERSION_ID='12'\n",
            ),
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let host = host(folder.path());
        assert_eq!(host.hostname, Probe::Known("web-03".to_owned()));
        assert_eq!(host.init_name, Probe::Known("systemd".to_owned()));
        assert_eq!(host.boot_id.value().unwrap().to_string(), "0a1b2c3d4e5f60718293a4b5c6d7e8f9");
        let os = host.os.value().unwrap();
        assert_eq!(os.id.as_deref(), Some("debian"));
        assert_eq!(os.pretty_name.as_deref(), Some("Debian \"12\""));
        assert_eq!(os.version_id.as_deref(), Some("12"));
        assert_eq!(os.name, None);
        assert_eq!(host.kernel_release.gaps()[0].why, Why::Absent);
        assert_eq!(host.architecture.gaps()[0].why, Why::Absent);
    }

    #[test]
    fn nothing_there_is_all_gaps() {
        let folder = tempfile::tempdir().unwrap();
        let host = host(folder.path());
        assert_eq!(host.hostname.gaps()[0].why, Why::Absent);
        assert_eq!(host.os.gaps()[0].why, Why::Absent);
    }

    #[test]
    fn a_hidden_init_is_not_permitted() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("proc/self")).unwrap();
        let mounts = "1 0 0:9 / /proc rw - proc proc rw,hidepid=invisible\n";
        fs::write(folder.path().join("proc/self/mountinfo"), mounts).unwrap();
        let gap = host(folder.path()).init_name.gaps()[0].clone();
        assert_eq!(gap.why, Why::NotPermitted);
        assert!(gap.hint.unwrap().contains("hidepid=invisible"));
    }

    #[test]
    fn a_boot_id_that_is_none_is_malformed() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("proc/sys/kernel/random")).unwrap();
        fs::write(folder.path().join("proc/sys/kernel/random/boot_id"), "hello").unwrap();
        assert_eq!(host(folder.path()).boot_id.gaps()[0].why, Why::Malformed);
    }

    #[test]
    fn this_machine() {
        let host = read(&Root::host());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        assert_eq!(host.kernel_release, Probe::Known(kernel.trim().to_owned()));
        assert!(host.boot_id.value().is_some());
        assert!(host.architecture.value().is_some());
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, quoted in "(ID|NAME)=['\"\\\\a]{0,12}") {
            let _ = parse_os_release(&bytes);
            let _ = parse_os_release(quoted.as_bytes());
        }
    }
}
