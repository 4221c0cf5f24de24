//! What `run` and every `analyze-*` do: collect or read a capture, assess, compare with history,
//! save, print, and end with the exit code of what was found.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use sysdiag_analyze::{Need, Past, Scope, history};
use sysdiag_model::snapshot::{Outcome, SourceTiming};
use sysdiag_model::{Finding, Gap, Probe, Report, Severity, Snapshot, Timestamp, Why};
use sysdiag_sources::mask::{mask_args, mask_trace};
use sysdiag_sources::{LogOptions, Options, Progress, Root, capture};
use sysdiag_trace::Background;

use crate::args::{AnalysisArgs, Global};
use crate::config::{Config, Loaded, Locations};
use crate::history::{LookBack, Skipped, Store};
use crate::messages::Messages;
use crate::progress::StatusLine;
use crate::sinks::{self, Focus, Format, View};
use crate::{Error, Exit, console};

/// What a command asks of the pipeline.
pub(crate) struct Task<'a> {
    pub(crate) global: &'a Global,
    pub(crate) analysis: &'a AnalysisArgs,
    pub(crate) scope: Scope,
    pub(crate) focus: Focus,
    /// The command rests on these: without all of them it is exit code 3.
    pub(crate) needs: &'static [Need],
    pub(crate) history: UseOfHistory,
}

/// What a command does with history. A capture never touches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UseOfHistory {
    Nothing,
    /// What earlier boots logged.
    Messages,
    /// What earlier reports said about the unit of the page.
    OfUnit,
    Compare,
    CompareAndSave,
}

/// The configuration as the arguments and the environment say.
pub(crate) fn configuration(global: &Global) -> Result<Loaded, Error> {
    let home = std::env::home_dir().filter(|home| home.is_absolute());
    let locations = Locations::new(global.config.as_deref(), home.as_deref());
    Loaded::read(&locations, home.as_deref())
}

/// Columns where nobody says how many there are.
const UNKNOWN_WIDTH: u16 = 80;
/// Nobody has more.
const MAX_WIDTH: u16 = 1000;

/// What to collect, before a command adds to it.
pub(crate) fn options(config: &Config) -> Options {
    Options {
        deadline: Duration::from_secs(config.collect.deadline_seconds),
        sample_interval: Duration::from_millis(config.collect.sample_interval_ms),
        unit: None,
        ordering: false,
        recent_lines: config.collect.recent_lines,
        recent_of_all_units: false,
        restart_window: Duration::from_secs(config.analysis.crash_loop_window_seconds),
        logs: None,
    }
}

/// The logs of this boot that `run` groups: warnings and worse.
pub(crate) fn logs(config: &Config, messages: &Messages) -> LogOptions {
    LogOptions {
        max_priority: 4,
        patterns: config.logs.patterns.clone(),
        baseline: messages.known(config.logs.baseline_boots),
        ..LogOptions::default()
    }
}

/// Reads this host, with a status line if that takes long.
pub(crate) fn collect(options: &Options) -> Snapshot {
    let mut status = StatusLine::new();
    sysdiag_sources::collect(&Root::host(), options, &mut |progress| status.update(progress))
}

/// Reads this host while its processes are traced, for `least` and the time that reading takes. What
/// happened to a unit before it was read is what explains it, so it is read last.
pub(crate) fn collect_traced(options: &Options, least: Duration) -> Snapshot {
    let began = Instant::now();
    let tracing = Background::start(sysdiag_trace::Options::default(), least, mask_args);
    if let Ok(tracing) = &tracing {
        let mut status = StatusLine::new();
        loop {
            let left = tracing.remaining(least);
            if left.is_zero() {
                break;
            }
            let elapsed = least.saturating_sub(left);
            status.update(Progress { source: "processes to be traced", elapsed });
            thread::sleep(left.min(Duration::from_secs(1)));
        }
    }
    let begun = began.elapsed();
    let mut snapshot = collect(options);
    snapshot.trace = match tracing {
        Ok(tracing) => tracing.finish(),
        Err(gap) => Probe::Unknown(gap),
    };
    if let Some(trace) = snapshot.trace.value_mut() {
        mask_trace(trace);
    }
    let usec = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    for timing in &mut snapshot.timings {
        timing.start_usec = timing.start_usec.saturating_add(usec(begun));
    }
    snapshot.timings.push(SourceTiming {
        source: "trace".to_owned(),
        start_usec: 0,
        elapsed_usec: usec(began.elapsed()),
        outcome: match &snapshot.trace {
            Probe::Known(_) => Outcome::Complete,
            Probe::Partial(..) => Outcome::Partial,
            Probe::Unknown(_) => Outcome::Failed,
        },
    });
    snapshot
}

/// Reads a capture.
pub(crate) fn read_capture(path: &Path) -> Result<Snapshot, Error> {
    capture::read(path).map_err(|error| Error::usage(error.to_string()))
}

/// The time on this host now.
pub(crate) fn now() -> Timestamp {
    let usec = u64::try_from(jiff::Timestamp::now().as_microsecond()).unwrap_or_default();
    Timestamp::from_usec(usec)
}

impl Task<'_> {
    /// From a snapshot without messages to the exit code. `scope` may have been made more exact by the
    /// snapshot.
    pub(crate) fn finish(self, config: &Config, snapshot: &Snapshot) -> Result<Exit, Error> {
        self.finish_with(config, snapshot, Messages::none())
    }

    /// The same, where earlier boots are known.
    pub(crate) fn finish_with(
        self,
        config: &Config,
        snapshot: &Snapshot,
        messages: Messages,
    ) -> Result<Exit, Error> {
        let store = Store::new(&config.history.directory);
        let use_of_history = match self.analysis.from {
            Some(_) => UseOfHistory::Nothing,
            None => self.history,
        };
        let mut past = match use_of_history {
            UseOfHistory::Nothing => Probe::Known(Past::default()),
            UseOfHistory::Messages => messages.past(),
            _ => past(&store, config, snapshot.host.hostname.value().map(String::as_str)),
        };
        if let Some(past) = past.value_mut() {
            past.messages = messages.before(snapshot);
        }
        let mut report = sysdiag_analyze::assess(snapshot, &past, &config.analysis, &self.scope);
        let mut exit = Exit::Ok;
        match use_of_history {
            UseOfHistory::Nothing | UseOfHistory::Messages => {}
            UseOfHistory::OfUnit => past_of_unit(&store, &mut report),
            UseOfHistory::Compare => resolve(&store, &past, &mut report),
            UseOfHistory::CompareAndSave => {
                resolve(&store, &past, &mut report);
                let saved = save(&store, config.history.max_files, &mut report);
                if saved != Saved::No {
                    messages.save(&store, snapshot);
                }
                if saved != Saved::Yes {
                    exit = Exit::ActionFailed;
                }
            }
        }
        print(self.global, &report, self.focus)?;
        exit = exit.max(verdict(&report, self.analysis.fail_on));
        let missing = |need: &Need| need.missing(snapshot).is_some();
        if !self.needs.is_empty() && self.needs.iter().all(missing) {
            exit = exit.max(Exit::NoSource);
        }
        Ok(exit)
    }
}

/// Whether there is a finding at or above `fail_on`.
fn verdict(report: &Report, fail_on: Severity) -> Exit {
    let bad = report.findings.iter().any(|finding| finding.severity >= fail_on);
    if bad { Exit::Findings } else { Exit::Ok }
}

/// What earlier reports of this host said.
fn past(store: &Store, config: &Config, hostname: Option<&str>) -> Probe<Past> {
    let count = usize::try_from(config.history.compare_reports).unwrap_or(usize::MAX);
    match store.look_back(count, hostname) {
        Ok(LookBack { past, skipped }) => {
            for (path, why) in skipped {
                console::warning(&format!("skipped {}: {why}", path.display()));
            }
            Probe::Known(past)
        }
        // An ordinary user has no access to root's history.
        Err(error) => {
            tell_unreadable(store, &error);
            let (why, hint) = match error.kind() {
                io::ErrorKind::PermissionDenied => (Why::NotPermitted, "run as root".to_owned()),
                _ => (Why::Malformed, format!("check history.directory: {error}")),
            };
            Probe::Unknown(Gap::new("history", why, hint))
        }
    }
}

/// Lists the problems that earlier reports had and this one has not any more.
fn resolve(store: &Store, past: &Probe<Past>, report: &mut Report) {
    let gone = past.value().map(|past| history::gone(report, past)).unwrap_or_default();
    let mut resolved: Vec<Finding> = Vec::new();
    let times: BTreeSet<Timestamp> = gone.iter().map(|gone| gone.last_seen).collect();
    // The newest first; nearly always there is one only, the last report.
    for time in times.into_iter().rev().take(MOST_UNPACKED) {
        let Ok(Some(earlier)) = store.at(time) else { continue };
        let is_gone = |finding: &Finding| {
            gone.iter().any(|gone| gone.last_seen == time && gone.key == finding.key)
        };
        resolved.extend(earlier.findings.into_iter().filter(is_gone));
    }
    for finding in &mut resolved {
        finding.status = None;
    }
    report.resolved_findings = resolved;
}

/// Reports that are unpacked to say what is resolved.
const MOST_UNPACKED: usize = 3;
/// Reports that the page about a unit looks back on.
const PAST_REPORTS: usize = 20;

/// Adds what the last reports of this host said about the unit of the page.
fn past_of_unit(store: &Store, report: &mut Report) {
    let Some(page) = &mut report.unit_analysis else { return };
    match store.last(PAST_REPORTS, |earlier| earlier.hostname == report.hostname) {
        Ok((earlier, skipped)) => {
            warn_skipped(skipped);
            page.history = Some(history::of_unit(&page.name, &earlier));
        }
        Err(error) => tell_unreadable(store, &error),
    }
}

fn warn_skipped(skipped: Vec<Skipped>) {
    for (path, why) in skipped {
        console::warning(&format!("skipped {}: {why}", path.display()));
    }
}

/// An ordinary user has no access to root's history.
fn tell_unreadable(store: &Store, error: &io::Error) {
    tracing::info!(directory = %store.directory().display(), %error, "cannot read history");
}

/// Whether the report was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Saved {
    Yes,
    /// But not all older ones that should be are deleted.
    WithoutRetention,
    No,
}

/// Saves the report and applies retention; what failed is told and in the report.
fn save(store: &Store, max_files: i64, report: &mut Report) -> Saved {
    let path = match store.save(report) {
        Ok(path) => path,
        Err(error) => {
            console::error(&Error::action(error.to_string()).hint(error.hint()));
            report.errors.push(error.to_string());
            return Saved::No;
        }
    };
    tracing::info!(path = %path.display(), "report saved");
    let Some(max_files) = usize::try_from(max_files).ok().filter(|max| *max > 0) else {
        return Saved::Yes;
    };
    let mut failed = Vec::new();
    match store.retain(max_files) {
        Ok(retained) => {
            for path in &retained.deleted {
                tracing::info!(path = %path.display(), "report deleted");
            }
            failed.extend(retained.failed.into_iter().map(|(path, error)| {
                format!("cannot delete the old report {}: {error}", path.display())
            }));
        }
        Err(error) => failed
            .push(format!("cannot list the reports in {}: {error}", store.directory().display())),
    }
    for text in &failed {
        console::message("error", text);
    }
    let done = if failed.is_empty() { Saved::Yes } else { Saved::WithoutRetention };
    report.errors.extend(failed);
    done
}

/// Writes the report to standard output.
pub(crate) fn print(global: &Global, report: &Report, focus: Focus) -> Result<(), Error> {
    let view = View::new(width()).verbose(global.verbose).focused(focus);
    output(global.output, |out| sinks::write(global.output, report, out, &view))
}

/// Writes to standard output. A reader that went away (`| head`) is no error.
pub(crate) fn output(
    format: Format,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Error> {
    let written = if format == Format::Rich {
        let mut out = BufWriter::new(anstream::stdout().lock());
        write(&mut out).and_then(|()| out.flush())
    } else {
        let mut out = BufWriter::new(io::stdout().lock());
        write(&mut out).and_then(|()| out.flush())
    };
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::action(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Columns of what standard output is shown on, as far as that is known.
pub(crate) fn width() -> u16 {
    terminal_width().or_else(columns).unwrap_or(UNKNOWN_WIDTH)
}

/// Columns of the terminal on standard output; none if it is no terminal.
fn terminal_width() -> Option<u16> {
    let out = io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&out).ok()?;
    Some(size.ws_col).filter(|columns| *columns > 0)
}

/// What `COLUMNS` says, if it is a number that a terminal can have.
fn columns() -> Option<u16> {
    let columns = std::env::var("COLUMNS").ok()?.parse().ok()?;
    Some(columns).filter(|columns| (1..=MAX_WIDTH).contains(columns))
}
