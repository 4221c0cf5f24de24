//! Colour by meaning: what a piece of text is, and how that looks. Nothing is told by colour alone.

use anstyle::{AnsiColor, Style};
use sysdiag_model::Severity;

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Anything else.
    Plain,
    /// Label and count of a severity.
    Critical,
    /// As above.
    Error,
    /// As above.
    Warning,
    /// As above.
    Note,
    /// The verdict that nothing is wrong.
    Fine,
    /// The verdict or section that says something is not known.
    Unknown,
    /// Name of a section or of a column.
    Heading,
    /// The unit, host or command a line is about.
    Subject,
    /// A command to be pasted.
    Command,
    /// Units of figures, sources, times: what is read last.
    Faint,
}

impl Role {
    /// The role of a severity's label.
    pub(crate) const fn of(severity: Severity) -> Self {
        match severity {
            Severity::Critical => Self::Critical,
            Severity::Error => Self::Error,
            Severity::Warning => Self::Warning,
            Severity::Info => Self::Note,
        }
    }

    /// How it looks. The sixteen colours of the terminal only: users have chosen those.
    pub(crate) const fn style(self) -> Style {
        const fn colour(colour: AnsiColor) -> Style {
            colour.on_default()
        }
        match self {
            Self::Plain => Style::new(),
            Self::Critical => colour(AnsiColor::Red).bold().invert(),
            Self::Error => colour(AnsiColor::Red).bold(),
            Self::Warning | Self::Unknown => colour(AnsiColor::Yellow).bold(),
            Self::Note => colour(AnsiColor::Cyan),
            Self::Fine => colour(AnsiColor::Green).bold(),
            Self::Heading | Self::Subject => Style::new().bold(),
            Self::Command => colour(AnsiColor::Blue),
            Self::Faint => Style::new().dimmed(),
        }
    }
}
