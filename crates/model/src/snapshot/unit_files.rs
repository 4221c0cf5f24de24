//! Unit files as they are on disk, which need not be what systemd has loaded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Gap, Probe, Timestamp, UnitName, Why};

/// The unit search path of the system manager and the names in it, systemd.unit(5).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitFiles {
    /// The directories, the one that wins first. Not all of them need be there.
    pub search_path: Vec<String>,
    /// Every name with a file or a link, sorted; templates as `getty@.service`.
    pub names: Vec<UnitName>,
    /// Names that are links to another one.
    pub aliases: BTreeMap<UnitName, UnitName>,
    /// The unit whose page is asked for, if it is on disk.
    pub asked: Option<UnitOnDisk>,
}

/// Of a snapshot that was written before unit files were read.
pub(super) fn not_read() -> Probe<UnitFiles> {
    Probe::Unknown(Gap::new(
        "unit files",
        Why::Absent,
        "the capture was written by a version that did not read them",
    ))
}

/// What the search path says of one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitOnDisk {
    /// The real name, all aliases followed.
    pub name: UnitName,
    /// All its names, sorted: `name` and what is an alias of it.
    pub names: Vec<UnitName>,
    /// The unit file. None: only drop-ins or links know the name.
    pub fragment: Option<Fragment>,
    /// Drop-ins in the order in which they apply.
    pub drop_ins: Vec<String>,
    /// What asks for it by a link: `multi-user.target.wants/nginx.service`.
    pub links: Vec<UnitLink>,
    /// What it asks for by links in folders of its own.
    #[serde(default)]
    pub asks_for: Vec<UnitLink>,
    /// As `systemctl is-enabled` says it: `enabled`, `disabled`, `static`, `masked`, ...
    pub unit_file_state: Option<String>,
    /// What the files say, in the order in which it applies; secrets are masked.
    pub declarations: Vec<Declaration>,
}

/// A unit file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fragment {
    /// Where it is in the search path.
    pub path: String,
    /// Where it leads, if it is a link out of the search path.
    pub target: Option<String>,
    /// It is empty, or a link to `/dev/null`.
    pub masked: bool,
}

/// A link below `*.wants/`, `*.requires/` or `*.upholds/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnitLink {
    /// The unit that asks.
    pub by: UnitName,
    /// As which dependency of it: `Wants`, `Requires`, `Upholds`.
    pub edge_type: String,
    /// The unit asked for: the unit itself, one of its aliases, or an instance of a template.
    pub unit: UnitName,
    /// The link.
    pub path: String,
}

/// One assignment in a unit file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declaration {
    /// Without brackets: `Unit`.
    pub section: String,
    /// Left of the `=`.
    pub key: String,
    /// Right of it. Empty: what was said before is dropped.
    pub value: String,
    /// The fragment or drop-in.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

/// A file of a unit that is not as it was when systemd read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedFile {
    /// The fragment, drop-in or source.
    pub path: String,
    /// What became of it.
    pub change: FileChange,
    /// When its content or name last changed (`st_ctime`, or that of the folder it was in). None:
    /// not known.
    pub time: Option<Timestamp>,
}

/// What became of a file since systemd read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileChange {
    /// It has other content, or was put in the place of the old one.
    Changed,
    /// It was not there.
    Added,
    /// It is gone.
    Removed,
}

impl Declaration {
    /// The words of the value, such as the units of `After=`, without the quotes around one.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.value.split_ascii_whitespace().map(|word| {
            let quoted = ['"', '\''].into_iter().find_map(|quote| {
                word.strip_prefix(quote).and_then(|word| word.strip_suffix(quote))
            });
            quoted.unwrap_or(word)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_list() {
        let declaration = Declaration {
            section: "Unit".to_owned(),
            key: "After".to_owned(),
            value: "a.service \t\"b.service\" '".to_owned(),
            file: "/etc/systemd/system/c.service".to_owned(),
            line: 2,
        };
        assert_eq!(declaration.words().collect::<Vec<_>>(), ["a.service", "b.service", "'"]);
    }
}
