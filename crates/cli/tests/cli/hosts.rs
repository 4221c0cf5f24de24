//! Every command in every format on every recorded host of `fixtures/hosts`.
//!
//! `cargo xtask record` makes them, of booted guests. "Now" is in a capture, so a report never changes
//! but with the program.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use flate2::read::GzDecoder;
use serde_json::Value;
use sysdiag_analyze::{Past, Scope, Settings, assess};
use sysdiag_model::{Finding, Probe, Report, Severity, Snapshot};
use sysdiag_sources::capture;
use unicode_width::UnicodeWidthStr;

use crate::sandbox::{Outcome, Sandbox, outcome};

/// `UNIT` becomes a unit that is worth a look on that host.
const COMMANDS: &[&[&str]] = &[
    &["run"],
    &["run", "-v"],
    &["run", "--analyze-full-graph"],
    &["analyze-boot"],
    &["analyze-health"],
    &["analyze-resources"],
    &["analyze-logs"],
    &["analyze-unit", "UNIT"],
];

/// A recorded host.
pub(crate) struct Host {
    name: String,
    path: PathBuf,
}

impl Host {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The JSON of the capture.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        GzDecoder::new(fs::File::open(&self.path).unwrap()).read_to_string(&mut text).unwrap();
        text
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        capture::read(&self.path).unwrap()
    }

    /// What a healthy guest is called.
    fn is_healthy(&self) -> bool {
        self.name.ends_with("-healthy") || self.name.ends_with("-servers")
    }
}

/// All of them, in the order of their names.
fn hosts() -> Vec<Host> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/hosts");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut hosts: Vec<Host> = files
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.strip_suffix(".json.gz")?.to_owned();
            Some(Host { name, path })
        })
        .collect();
    hosts.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(hosts.len() >= 2, "where are the recorded hosts?");
    hosts
}

/// `test` on every host, several at once.
pub(crate) fn on_every_host(test: impl Fn(&Host) + Sync) {
    let (hosts, next) = (hosts(), AtomicUsize::new(0));
    let worker = || {
        while let Some(host) = hosts.get(next.fetch_add(1, Ordering::Relaxed)) {
            test(host);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(worker);
        }
    });
}

/// What `run` says of it, without history.
pub(crate) fn report_on(snapshot: &Snapshot) -> Report {
    let first_run = Probe::Known(Past::default());
    assess(snapshot, &first_run, &Settings::default(), &Scope::run())
}

/// The unit of the first finding, else one that every guest has.
fn unit_of_interest(host: &Host) -> String {
    let snapshot = host.snapshot();
    let report = report_on(&snapshot);
    let known =
        |name: &str| snapshot.systemd.value().is_some_and(|systemd| systemd.unit(name).is_some());
    let subjects = report.findings.iter().map(|finding| finding.subject.as_str());
    subjects
        .filter(|subject| known(subject))
        .map(str::to_owned)
        .next()
        .unwrap_or("e2e.service".into())
}

/// A command on a host, as a terminal of this width would show it.
fn run(host: &Host, command: &[&str], columns: &str, colour: &str) -> Outcome {
    let sandbox = Sandbox::new();
    let mut args = command.to_vec();
    args.extend(["--from", host.path.to_str().unwrap()]);
    outcome(sandbox.command(&args).env("COLUMNS", columns).env(colour, "1"))
}

/// Without the sequences of colours; any other is left as it is.
pub(crate) fn without_colour(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
        plain.push_str(rest.strip_prefix('m').unwrap_or_else(|| panic!("not a colour: {part:?}")));
    }
    plain
}

#[test]
fn terminal_reports() {
    on_every_host(|host| {
        let unit = unit_of_interest(host);
        for columns in ["80", "160"] {
            let mut shown = String::new();
            for command in COMMANDS {
                let command: Vec<&str> = command
                    .iter()
                    .map(|word| if *word == "UNIT" { &unit } else { *word })
                    .collect();
                let plain = run(host, &command, columns, "NO_COLOR");
                let coloured = run(host, &command, columns, "CLICOLOR_FORCE");
                let at = format!("{} {} at {columns} columns", host.name, command.join(" "));
                assert_eq!(without_colour(&coloured.stdout), plain.stdout, "{at}");
                assert!(
                    plain.stdout.is_empty() || coloured.stdout != plain.stdout,
                    "no colour: {at}"
                );
                assert!(!plain.stdout.contains(|c: char| c.is_control() && c != '\n'), "{at}");
                assert_eq!(plain.code, coloured.code, "{at}");
                let width: usize = columns.parse().unwrap();
                for line in plain.stdout.lines() {
                    // A command is not cut: it is there to be copied.
                    let whole = line.trim_start().starts_with("next ");
                    assert!(whole || line.width() <= width, "{at}: {line}");
                }
                writeln!(
                    shown,
                    "$ sysdiag-analyzer {}    # exit code {}",
                    command.join(" "),
                    plain.code
                )
                .unwrap();
                writeln!(shown, "{}{}", plain.stdout, plain.stderr).unwrap();
            }
            insta::assert_snapshot!(format!("{}-{columns}", host.name), shown);
        }
    });
}

/// What a script reads first: the forest of findings, what is not known, which sections there are.
fn essence(report: &Value) -> String {
    let list = |key: &str| report[key].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut lines = String::new();
    for finding in list("findings") {
        write!(lines, "{} {}", text(&finding["severity"]), text(&finding["key"])).unwrap();
        if let Some(cause) = finding["cause"].as_str() {
            write!(lines, " < {cause}").unwrap();
        }
        writeln!(lines).unwrap();
    }
    for gap in list("not_assessed") {
        writeln!(lines, "not assessed: {}: {}", text(&gap["what"]), text(&gap["why"])).unwrap();
    }
    let sections = report.as_object().unwrap().keys().filter(|key| key.ends_with("_analysis"));
    writeln!(lines, "{}", sections.cloned().collect::<Vec<_>>().join(" ")).unwrap();
    lines
}

#[test]
fn json_reports() {
    on_every_host(|host| {
        let unit = unit_of_interest(host);
        let mut shown = String::new();
        for command in COMMANDS.iter().filter(|command| !command.contains(&"-v")) {
            let mut command: Vec<&str> =
                command.iter().map(|word| if *word == "UNIT" { &unit } else { *word }).collect();
            let line = command.join(" ");
            command.extend(["-o", "json"]);
            let json = run(host, &command, "80", "NO_COLOR");
            writeln!(shown, "$ sysdiag-analyzer -o json {line}    # exit code {}", json.code)
                .unwrap();
            let found =
                if json.stdout.is_empty() { json.stderr.clone() } else { essence(&json.report()) };
            writeln!(shown, "{found}").unwrap();
            let again = run(host, &command, "160", "CLICOLOR_FORCE");
            assert_eq!(again.stdout, json.stdout, "{}: {line}", host.name);
        }
        insta::assert_snapshot!(format!("{}-json", host.name), shown);
    });
}

#[test]
fn healthy_hosts_are_silent() {
    let healthy: Vec<Host> = hosts().into_iter().filter(Host::is_healthy).collect();
    assert!(!healthy.is_empty());
    for host in healthy {
        let report = report_on(&host.snapshot());
        let bad = |finding: &&Finding| finding.severity >= Severity::Warning;
        let found: Vec<&Finding> = report.findings.iter().filter(bad).collect();
        assert!(found.is_empty(), "{}: {found:?}", host.name);
    }
}

#[test]
fn no_secret_is_recorded() {
    let mut planted = 0;
    for host in hosts() {
        let text = host.text();
        assert!(!text.contains("canary"), "{} holds a secret", host.name);
        // The service that logs and takes secrets was there.
        planted += usize::from(text.contains("e2e-secrets.service") && text.contains("[masked]"));
    }
    assert!(planted >= 1, "no host had a secret");
}

#[test]
fn the_verdict_counts_causes_not_effects() {
    let most = AtomicUsize::new(0);
    on_every_host(|host| {
        let report = report_on(&host.snapshot());
        let mut worst: BTreeMap<&str, Severity> = BTreeMap::new();
        for finding in &report.findings {
            let mut top = finding;
            while let Some(cause) = &top.cause {
                top = report.findings.iter().find(|it| it.key == *cause).unwrap();
            }
            let severity = worst.entry(top.key.as_str()).or_insert(finding.severity);
            *severity = finding.severity.max(*severity);
        }
        most.fetch_max(report.findings.len() - worst.len(), Ordering::Relaxed);
        let shown = run(host, &["run"], "200", "NO_COLOR").stdout;
        let verdict = shown.lines().nth(1).unwrap();
        for (severity, one, several) in [
            (Severity::Critical, "critical", "critical"),
            (Severity::Error, "error", "errors"),
            (Severity::Warning, "warning", "warnings"),
        ] {
            let said = verdict.split(" · ").find_map(|part| {
                let (number, word) = part.trim().split_once(' ')?;
                (word == one || word == several).then(|| number.parse::<usize>().unwrap())
            });
            let there = worst.values().filter(|worst| **worst == severity).count();
            assert_eq!(said.unwrap_or_default(), there, "{}: {verdict}", host.name);
        }
    });
    assert!(most.into_inner() > 9, "no host has more effects than causes");
}
