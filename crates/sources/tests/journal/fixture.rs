//! The recorded journals, unpacked, and what `journalctl` made of them.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use serde_json::Value;
use sysdiag_model::{BootId, Timestamp};
use sysdiag_sources::Root;
use sysdiag_sources::journal::Source;

/// Debian 12 and Debian 13.
pub(crate) const SUITES: [&str; 2] = ["bookworm", "trixie"];

/// A machine with a kernel of its own.
pub(crate) const MACHINE: &str = "machine";

/// Each of them in three boots, of which the first ended without a shutdown and the second with one.
pub(crate) const REBOOTS: [&str; 2] = ["reboots-bookworm", "reboots-trixie"];

pub(crate) struct Fixture {
    folder: tempfile::TempDir,
    /// Every entry, as `journalctl -o json` printed it, oldest first.
    pub(crate) entries: Vec<Entry>,
    /// As `journalctl --list-boots` printed them, oldest first.
    pub(crate) boots: Vec<BootId>,
}

pub(crate) struct Entry(Value);

impl Fixture {
    pub(crate) fn unpack(suite: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let from = recorded(suite);
        let machine = fs::read_to_string(from.join("machine-id")).unwrap();
        let logs = folder.path().join("var/log/journal").join(machine.trim());
        fs::create_dir_all(&logs).unwrap();
        fs::create_dir(folder.path().join("etc")).unwrap();
        fs::write(folder.path().join("etc/machine-id"), machine).unwrap();
        for packed in fs::read_dir(&from).unwrap() {
            let packed = packed.unwrap().path();
            let name = packed.file_name().unwrap().to_str().unwrap();
            let journal = name.strip_suffix(".gz").filter(|name| name.contains(".journal"));
            if let Some(name) = journal {
                fs::write(logs.join(name), gunzip(&packed)).unwrap();
            }
        }
        let text = String::from_utf8(gunzip(&from.join("all.json.gz"))).unwrap();
        let entries = text.lines().map(|line| Entry(serde_json::from_str(line).unwrap())).collect();
        let boots = fs::read_to_string(from.join("boots")).unwrap();
        let boots =
            boots.lines().map(|line| line.split_whitespace().nth(1).unwrap().parse().unwrap());
        Self { entries, boots: boots.collect(), folder }
    }

    pub(crate) fn root(&self) -> Root {
        Root::at(self.folder.path())
    }

    pub(crate) fn journal_file(&self, name: &str) -> PathBuf {
        let machine = fs::read_to_string(self.folder.path().join("etc/machine-id")).unwrap();
        self.folder.path().join("var/log/journal").join(machine.trim()).join(name)
    }

    pub(crate) fn open(&self, boot: BootId) -> Source {
        Source::open(&self.root(), Some(boot), soon()).unwrap()
    }

    /// The entries of one boot.
    pub(crate) fn of(&self, boot: BootId) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.boot() == boot)
    }
}

impl Entry {
    /// A field's value as text; what is not UTF-8 is printed as an array of bytes.
    pub(crate) fn text(&self, field: &str) -> Option<String> {
        match self.0.get(field)? {
            Value::String(text) => Some(text.clone()),
            Value::Array(bytes) => {
                let bytes: Vec<u8> =
                    bytes.iter().map(|byte| byte.as_u64().unwrap().try_into().unwrap()).collect();
                Some(String::from_utf8_lossy(&bytes).into_owned())
            }
            other => panic!("{field} is {other}"),
        }
    }

    pub(crate) fn is(&self, field: &str, value: &str) -> bool {
        self.text(field).as_deref() == Some(value)
    }

    pub(crate) fn boot(&self) -> BootId {
        self.text("_BOOT_ID").unwrap().parse().unwrap()
    }

    pub(crate) fn received(&self) -> Timestamp {
        Timestamp::from_usec(self.text("__REALTIME_TIMESTAMP").unwrap().parse().unwrap())
    }

    pub(crate) fn time(&self) -> Timestamp {
        let source = self.text("_SOURCE_REALTIME_TIMESTAMP");
        source.map_or_else(|| self.received(), |text| Timestamp::from_usec(text.parse().unwrap()))
    }

    pub(crate) fn cursor(&self) -> String {
        self.text("__CURSOR").unwrap()
    }

    pub(crate) fn priority(&self) -> Option<u8> {
        self.text("PRIORITY").map(|text| text.parse().unwrap())
    }
}

pub(crate) fn recorded(suite: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal").join(suite)
}

pub(crate) fn gunzip(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    GzDecoder::new(File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_mins(1)
}
