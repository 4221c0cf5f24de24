//! Where a report goes. A sink gets a finished [`Report`] and a writer; it asks no source, reads no
//! clock and decides nothing: what is bad was decided by the rules.
//!
//! A new format is a file here with a `write` and a variant of [`Format`].

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod fixtures_trace;
pub mod json;
mod json_text;
pub mod rich;
pub(crate) mod stream;
pub(crate) mod text;

use std::io;

use clap::ValueEnum;
use sysdiag_model::Report;

/// The formats of `-o`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person at a terminal.
    #[default]
    Rich,
    /// One JSON document, see `schema/report.schema.json`.
    Json,
}

/// How a person wants to see a report; [`Format::Json`] takes no notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    /// Columns of the terminal. Narrower than [`View::MIN_WIDTH`] is shown as that.
    pub width: u16,
    /// How often `-v` was given: 1 shows sources of evidence, full lists and other properties.
    pub verbose: u8,
    /// What the command is about: that section is shown in full.
    pub focus: Focus,
}

/// What a command is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the section of the report of the same name")]
pub enum Focus {
    /// `run`: the verdict, the findings, and a few lines of every section.
    #[default]
    Overview,
    Boot,
    Health,
    Resources,
    Logs,
    Unit,
}

impl View {
    /// Below this the columns of the report do not fit; the terminal wraps.
    pub const MIN_WIDTH: u16 = 60;

    /// As wide as given, not verbose, about everything.
    pub const fn new(width: u16) -> Self {
        Self { width, verbose: 0, focus: Focus::Overview }
    }

    /// With a section in full.
    #[must_use]
    pub const fn focused(mut self, focus: Focus) -> Self {
        self.focus = focus;
        self
    }

    /// With more detail.
    #[must_use]
    pub const fn verbose(mut self, verbose: u8) -> Self {
        self.verbose = verbose;
        self
    }
}

/// Writes `report`. Styles are ANSI sequences: a writer that strips them where they are not wanted
/// is the caller's part (`anstream`).
pub fn write(
    format: Format,
    report: &Report,
    out: &mut dyn io::Write,
    view: &View,
) -> io::Result<()> {
    match format {
        Format::Rich => rich::write(report, out, *view),
        Format::Json => json::write(report, out),
    }
}
