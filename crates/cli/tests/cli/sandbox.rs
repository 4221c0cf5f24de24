//! A home, a configuration and a history of its own for one test.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// A directory of its own for one test.
pub(crate) struct Sandbox {
    directory: TempDir,
}

/// What a run of the binary left.
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let sandbox = Self { directory: TempDir::new().unwrap() };
        let history = sandbox.history();
        sandbox.configure(&format!("[history]\ndirectory = \"{}\"\n", history.display()));
        sandbox
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// What `-c` reads.
    pub(crate) fn configure(&self, text: &str) {
        self.write("config.toml", text);
    }

    pub(crate) fn history(&self) -> PathBuf {
        self.path("history")
    }

    pub(crate) fn saved(&self) -> Vec<PathBuf> {
        let Ok(listing) = fs::read_dir(self.history()) else { return vec![] };
        let is_report = |path: &PathBuf| path.to_str().unwrap().contains("/report-");
        let mut files: Vec<PathBuf> =
            listing.map(|item| item.unwrap().path()).filter(is_report).collect();
        files.sort();
        files
    }

    /// The binary with nothing of this machine's environment.
    pub(crate) fn bare(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sysdiag-analyzer"));
        command.env_clear().env("HOME", self.directory.path()).current_dir(self.directory.path());
        command
    }

    /// The binary with this sandbox's configuration.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.bare();
        command.arg("-c").arg(self.path("config.toml")).args(args);
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Outcome {
        outcome(&mut self.command(args))
    }
}

pub(crate) fn outcome(command: &mut Command) -> Outcome {
    let output = command.output().unwrap();
    Outcome {
        code: output.status.code().expect("killed by a signal"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Outcome {
    /// The one JSON document on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, self.stderr))
    }

    /// The same, checked against the schema of reports.
    pub(crate) fn report(&self) -> Value {
        let report = self.json();
        let schema = sysdiag_analyzer::sinks::json::schema();
        let validator = jsonschema::validator_for(schema.as_value()).unwrap();
        let problems: Vec<String> =
            validator.iter_errors(&report).map(|error| error.to_string()).collect();
        assert_eq!(problems, Vec::<String>::new());
        report
    }

    /// Refused with this exit code, a reason, and nothing on standard output.
    pub(crate) fn refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        assert_eq!(self.stdout, "");
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in: {}", self.stderr);
        }
        let raw = |c: char| c.is_control() && c != '\n';
        assert!(!self.stderr.contains(raw), "{:?}", self.stderr);
    }
}

/// Whether the machine that tests run on has systemd as PID 1.
pub(crate) fn has_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}
