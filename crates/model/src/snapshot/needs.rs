//! What a unit cannot start without, and what was found of it on disk.

use serde::{Deserialize, Serialize};

/// A file or directory that a setting of a unit names, and what is in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFact {
    /// Absolute, as the setting has it.
    pub path: String,
    /// `ExecStart`, `EnvironmentFile`, `WorkingDirectory`, `ReadWritePaths`, ...
    pub setting: String,
    /// The program that names this file as its interpreter: in its first line, or in its ELF header.
    #[serde(default)]
    pub interpreter_of: Option<String>,
    /// Where symbolic links lead to, if that is another path.
    #[serde(default)]
    pub leads_to: Option<String>,
    /// None: not looked at (a network file system, no permission, no time).
    #[serde(default)]
    pub state: Option<FileState>,
}

/// What is at a path, symbolic links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// Nothing.
    Missing,
    /// A regular file that nobody may execute.
    File,
    /// A regular file with an execute permission.
    Program,
    /// As [`FileState::Program`], on a file system that is mounted `noexec`.
    Noexec,
    /// A directory.
    Directory,
    /// A device, a socket, a FIFO.
    Other,
}

/// A user or group that a setting of a unit names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountFact {
    /// Its name, never a number.
    pub name: String,
    /// Which of the two.
    pub kind: AccountKind,
    /// Whether `/etc/passwd` or `/etc/group` has it. Other sources (LDAP, `systemd-homed`) may
    /// know more names. None: the file could not be read.
    pub listed: Option<bool>,
}

/// Users and groups can have the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// `User=`.
    User,
    /// `Group=`, `SupplementaryGroups=`.
    Group,
}

/// One `Assert...=` of a unit as it was last checked (`Asserts`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssertFact {
    /// `AssertPathExists`, ...
    pub setting: String,
    /// Its value, with `!` in front if it is negated.
    pub value: String,
    /// Whether it was not met; one of several with `|` need not be.
    pub failed: bool,
}
