//! `show-history`: lists saved reports, or prints one of them.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;
use sysdiag_model::{Report, Severity, Timestamp};

use crate::args::{Global, HistoryArgs};
use crate::history::{Entry, Store, Unusable};
use crate::pipeline;
use crate::sinks::text::escape;
use crate::sinks::{Focus, Format, rich};
use crate::{Error, Exit, console};

pub(super) fn run(global: &Global, args: &HistoryArgs) -> Result<Exit, Error> {
    let config = pipeline::configuration(global)?.config;
    let store = Store::new(config.history.directory);
    match args.open {
        Some(number) => open(global, &store, number),
        None => list(global, &store, args.limit),
    }
}

/// Every usable report goes to `each`, the newest first, until it answers false; the rest is
/// returned, with the reason.
fn walk(
    store: &Store,
    mut each: impl FnMut(Entry, Report) -> bool,
) -> Result<Vec<(String, Unusable)>, Error> {
    let cannot_list = |error: io::Error| {
        let directory = store.directory().display();
        Error::action(format!("cannot list the reports in {directory}: {error}"))
            .hint("run as root, or set history.directory to a directory of your own")
    };
    let (entries, misnamed) = store.entries().map_err(cannot_list)?;
    let mut skipped: Vec<(String, Unusable)> =
        misnamed.iter().map(|path| (shown(path), Unusable::Misnamed)).collect();
    for entry in entries {
        match store.read(&entry) {
            Ok(report) => {
                if !each(entry, report) {
                    break;
                }
            }
            Err(Unusable::Gone) => {}
            Err(why) => skipped.push((shown(&entry.path), why)),
        }
    }
    Ok(skipped)
}

fn open(global: &Global, store: &Store, number: u32) -> Result<Exit, Error> {
    let mut seen = 0;
    let mut found = None;
    walk(store, |_, report| {
        seen += 1;
        if seen == number {
            found = Some(report);
        }
        found.is_none()
    })?;
    match found {
        Some(report) => {
            let focus = if report.unit_analysis.is_some() { Focus::Unit } else { Focus::Overview };
            pipeline::print(global, &report, focus)?;
            Ok(Exit::Ok)
        }
        None => Err(Error::usage(format!(
            "--open {number}: there are {seen} reports in {}",
            store.directory().display()
        ))),
    }
}

/// One line of the list.
#[derive(Serialize)]
struct Line {
    number: usize,
    file: String,
    size_bytes: u64,
    timestamp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<String>,
    verdict: String,
    findings: Counts,
}

#[derive(Serialize)]
struct Counts {
    critical: usize,
    error: usize,
    warning: usize,
    info: usize,
}

#[derive(Serialize)]
struct Listing {
    directory: String,
    reports: Vec<Line>,
    reports_count: usize,
    skipped: Vec<Skipped>,
}

#[derive(Serialize)]
struct Skipped {
    file: String,
    why: String,
}

fn list(global: &Global, store: &Store, limit: usize) -> Result<Exit, Error> {
    let mut reports = Vec::new();
    let mut reports_count = 0;
    let skipped = walk(store, |entry, report| {
        reports_count += 1;
        if reports.len() < limit {
            reports.push(line(reports_count, &entry, report));
        }
        true
    })?;
    let skipped: Vec<Skipped> =
        skipped.into_iter().map(|(file, why)| Skipped { file, why: why.to_string() }).collect();
    let directory = shown(store.directory());
    let listing = Listing { directory, reports, reports_count, skipped };
    pipeline::output(global.output, |out| match global.output {
        Format::Rich => write(&listing, out),
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &listing)?;
            writeln!(out)
        }
    })?;
    if global.output == Format::Rich {
        for Skipped { file, why } in &listing.skipped {
            console::warning(&format!("skipped {file}: {why}"));
        }
    }
    Ok(Exit::Ok)
}

fn line(number: usize, entry: &Entry, report: Report) -> Line {
    let problems = Counts::of(|severity| rich::problems(&report.findings, severity));
    let found = |severity| report.findings.iter().filter(|it| it.severity == severity).count();
    let findings = Counts::of(found);
    Line {
        number,
        file: shown(&entry.path),
        size_bytes: entry.size_bytes,
        timestamp: report.timestamp,
        verdict: verdict(&report, &problems),
        hostname: report.hostname,
        findings,
    }
}

impl Counts {
    fn of(count: impl Fn(Severity) -> usize) -> Self {
        Self {
            critical: count(Severity::Critical),
            error: count(Severity::Error),
            warning: count(Severity::Warning),
            info: count(Severity::Info),
        }
    }
}

/// The counts in words, the worst first, as the head of the report has them.
fn verdict(report: &Report, counts: &Counts) -> String {
    let words = [
        (counts.critical, "critical"),
        (counts.error, if counts.error == 1 { "error" } else { "errors" }),
        (counts.warning, if counts.warning == 1 { "warning" } else { "warnings" }),
        (counts.info, "info"),
    ];
    let told: Vec<String> = words
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    match (told.is_empty(), report.health_analysis.is_some()) {
        (false, _) => told.join(", "),
        (true, true) => "no problems".to_owned(),
        // Not known is not healthy.
        (true, false) => "units not assessed".to_owned(),
    }
}

fn write(listing: &Listing, out: &mut dyn Write) -> io::Result<()> {
    let directory = escape(&listing.directory);
    if listing.reports_count == 0 {
        return writeln!(out, "No reports in {directory}");
    }
    let width = listing.reports.iter().map(|line| line.verdict.len()).max().unwrap_or_default();
    for line in &listing.reports {
        let file = Path::new(&line.file).file_name().unwrap_or_default().to_string_lossy();
        writeln!(
            out,
            "{:>3}  {}  {:>8}  {:width$}  {}",
            line.number,
            time(line.timestamp),
            kibibytes(line.size_bytes),
            escape(&line.verdict),
            escape(&file),
        )?;
    }
    let (shown, all) = (listing.reports.len(), listing.reports_count);
    writeln!(out, "{shown} of {all} reports in {directory}")
}

/// To the second, in UTC.
fn time(time: Timestamp) -> String {
    let text = time.to_string();
    let (whole, _) = text.split_once('.').unwrap_or((&text, ""));
    format!("{} UTC", whole.replace('T', " "))
}

fn kibibytes(bytes: u64) -> String {
    format!("{:.1} KiB", bytes as f64 / 1024.0)
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
