//! What can go wrong in a command, and the exit code it ends with.
//!
//! A host that is not well is no error: findings are the result. A source that could not be read is
//! no error either, unless the command rests on it ([`Exit::NoSource`]).

use std::fmt;

use sysdiag_model::Gap;

/// How a command ended. Ordered: where two apply, the higher wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Nothing at or above `--fail-on`.
    Ok,
    /// Findings at or above `--fail-on`.
    Findings,
    /// Wrong usage or configuration.
    Usage,
    /// A source that the command rests on gave nothing.
    NoSource,
    /// An action failed.
    ActionFailed,
    /// The program broke one of its own rules.
    Bug,
}

impl Exit {
    /// Every way to end.
    pub const ALL: [Self; 6] =
        [Self::Ok, Self::Findings, Self::Usage, Self::NoSource, Self::ActionFailed, Self::Bug];

    /// As the shell sees it.
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::NoSource => 3,
            Self::ActionFailed => 4,
            Self::Bug => 70,
        }
    }

    /// For the man page.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "No findings at or above the severity of --fail-on.",
            Self::Findings => "Findings at or above the severity of --fail-on.",
            Self::Usage => {
                "Wrong usage or configuration, such as a unit that is not loaded or something that \
                 a capture does not hold."
            }
            Self::NoSource => {
                "A source that the command rests on gave nothing: systemd for run, analyze-boot, \
                 analyze-health and analyze-unit; cgroups and /proc for analyze-resources; the \
                 journal for analyze-logs; eBPF for trace. The report of the rest is still printed."
            }
            Self::ActionFailed => {
                "An action failed, such as saving the report. The report is still printed."
            }
            Self::Bug => "A bug in the program. Please report it.",
        }
    }
}

/// Why a command ended without doing what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    exit: Exit,
    message: String,
    hint: Option<String>,
}

impl Error {
    /// The user asked for something that makes no sense or is not there.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into(), hint: None }
    }

    /// Something that was to be done could not be done.
    pub fn action(message: impl Into<String>) -> Self {
        Self { exit: Exit::ActionFailed, message: message.into(), hint: None }
    }

    /// The one thing a command reads cannot be read.
    pub fn no_source(gap: &Gap) -> Self {
        let message = format!("{}: {}", gap.what, gap.why.as_str());
        Self { exit: Exit::NoSource, message, hint: gap.hint.clone() }
    }

    /// A state that the program's own rules exclude.
    pub fn bug(message: impl Into<String>) -> Self {
        Self { exit: Exit::Bug, message: message.into(), hint: None }
    }

    /// With what the user can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The exit code it ends with.
    pub const fn exit(&self) -> Exit {
        self.exit
    }

    /// What the user can do about it.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_higher_number_wins() {
        assert!(Exit::ALL.is_sorted_by_key(|exit| exit.code()));
        assert!(Exit::ALL.is_sorted());
        assert_eq!(Exit::Findings.max(Exit::ActionFailed).code(), 4);
    }
}
