//! Standard error: messages, logs and their levels. Standard output carries only the report.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use anstyle::{AnsiColor, Style};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::args::Global;
use crate::{Error, sinks};

static QUIET: AtomicBool = AtomicBool::new(false);

/// Sets up messages and logs as `-v` and `-q` say.
pub(crate) fn init(global: &Global) {
    QUIET.store(global.quiet, Ordering::Relaxed);
    let level = match (global.quiet, global.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, 2) => LevelFilter::DEBUG,
        (false, _) => LevelFilter::TRACE,
    };
    let logs = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .event_format(Line)
        .finish();
    // Only the first of several in one process (tests) can be the global one.
    drop(tracing::subscriber::set_global_default(logs));
}

/// One log line: level, module, message; no time, for a command ends in seconds.
struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut text = String::new();
        context.field_format().format_fields(Writer::new(&mut text), event)?;
        let level = event.metadata().level().as_str().to_ascii_lowercase();
        writeln!(writer, "{level}: {}: {}", event.metadata().target(), sinks::text::escape(&text))
    }
}

/// Whether messages that are no errors are unwanted.
pub(crate) fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Whether a person watches standard error.
pub(crate) fn is_watched() -> bool {
    !is_quiet() && io::stderr().is_terminal()
}

/// Tells why a command ended, and what can be done.
pub(crate) fn error(error: &Error) {
    message("error", &error.to_string());
    if let Some(hint) = error.hint_text() {
        message("hint", hint);
    }
}

/// Tells what a command does without.
pub(crate) fn warning(text: &str) {
    if !is_quiet() {
        message("warning", text);
    }
}

/// Tells what a command did.
pub(crate) fn note(text: &str) {
    if !is_quiet() {
        message("note", text);
    }
}

/// Writes `label: text`, each line escaped. A reader that went away is no error.
pub(crate) fn message(label: &str, text: &str) {
    let style = match label {
        "error" => Style::new().bold().fg_color(Some(AnsiColor::Red.into())),
        "warning" => Style::new().bold().fg_color(Some(AnsiColor::Yellow.into())),
        _ => Style::new().bold(),
    };
    let mut out = anstream::stderr().lock();
    for (index, line) in text.lines().enumerate() {
        let line = sinks::text::escape(line);
        drop(if index == 0 {
            writeln!(out, "{style}{label}:{style:#} {line}")
        } else {
            writeln!(out, "  {line}")
        });
    }
}
