//! Processes as they run programs and end, a line each: what `trace` prints.
//!
//! Plain lines that scroll: nothing is redrawn, so that a pipe, a file and a terminal get the same. No
//! line is cut; whoever looks for an argument has to find it.

use std::io;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::CompactFormatter;
use sysdiag_analyze::{amount, human};
use sysdiag_model::report::{EbpfExec, EbpfExit, EbpfSignal};
use sysdiag_model::snapshot::{TraceCounts, TraceLosses};
use sysdiag_model::{Timestamp, UnitName};

use super::Format;
use super::json_text::Safe;
use super::rich::colors::Role;
use super::text::Line;

/// From here on there is room for parent and user.
const WIDE: u16 = 120;
/// Columns of names of units before what follows is moved; longer ones are not cut.
const UNIT: usize = 22;

/// What is told, in order of time; the last is the end.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Told {
    /// A process ran a program.
    Exec(EbpfExec),
    /// A process ended.
    Exit(EbpfExit),
    /// Tracing ended.
    End(Ended),
}

/// All that happened meanwhile, told or filtered.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Ended {
    /// When.
    pub(crate) time: Timestamp,
    /// Microseconds that were traced.
    pub(crate) duration_usec: u64,
    /// On the whole host.
    #[serde(flatten)]
    pub(crate) totals: TraceCounts,
    /// What is missing above.
    pub(crate) lost: TraceLosses,
}

/// Writes lines of one format for a terminal of some width.
pub(crate) struct Stream {
    format: Format,
    wide: bool,
}

impl Stream {
    pub(crate) const fn new(format: Format, width: u16) -> Self {
        Self { format, wide: width >= WIDE }
    }

    /// What stands above the columns.
    pub(crate) fn heading(&self, out: &mut dyn io::Write) -> io::Result<()> {
        if self.format != Format::Rich {
            return Ok(());
        }
        let mut line = Line::new().role(Role::Heading, "TIME (UTC)");
        line = line.right(Line::new().role(Role::Heading, "PID"), 21);
        if self.wide {
            line = line.right(Line::new().role(Role::Heading, "PARENT"), 30);
            line = line.right(Line::new().role(Role::Heading, "USER"), 37);
        }
        let unit = line.width() + 2;
        line.at(unit)
            .role(Role::Heading, "UNIT")
            .at(unit + UNIT)
            .role(Role::Heading, " EVENT")
            .write(out)
    }

    /// Writes one line.
    pub(crate) fn write(&self, told: &Told, out: &mut dyn io::Write) -> io::Result<()> {
        match (self.format, told) {
            (Format::Json, told) => {
                let format = Safe::new(CompactFormatter);
                let mut document = Serializer::with_formatter(&mut *out, format);
                told.serialize(&mut document).map_err(io::Error::from)?;
                out.write_all(b"\n")
            }
            (Format::Rich, Told::Exec(exec)) => {
                let who = (exec.pid, exec.ppid, exec.uid, exec.unit.as_ref());
                exec_text(self.begin(exec.time, who), exec).write(out)
            }
            (Format::Rich, Told::Exit(exit)) => {
                let who = (exit.pid, exit.ppid, exit.uid, exit.unit.as_ref());
                exit_text(self.begin(exit.time, who), exit).write(out)
            }
            (Format::Rich, Told::End(ended)) => end_text(ended).write(out),
        }
    }

    /// Time, process, parent, user and unit.
    fn begin(&self, time: Timestamp, who: (u32, u32, u32, Option<&UnitName>)) -> Line {
        let (pid, parent, uid, unit) = who;
        let mut line = Line::new().role(Role::Faint, &clock(time));
        line = line.right(Line::new().text(&pid.to_string()), 21);
        if self.wide {
            line = line.right(Line::new().text(&parent.to_string()), 30);
            line = line.right(Line::new().text(&uid.to_string()), 37);
        }
        let column = line.width() + 2;
        let name = unit.map_or("-", UnitName::as_str);
        line.at(column).role(Role::Subject, name).at(column + UNIT)
    }
}

/// `02:40:11.123`.
fn clock(time: Timestamp) -> String {
    time.to_string().get(11..23).unwrap_or_default().to_owned()
}

fn exec_text(line: Line, exec: &EbpfExec) -> Line {
    let mut line = line.text(" exec  ").text(&command_line(exec));
    if let Some(interpreter) = &exec.interpreter {
        line = line.role(Role::Faint, &format!(" (by {interpreter})"));
    }
    for (so, what) in [
        (exec.deleted, " (a deleted file)"),
        (exec.writable_by_all, " (anybody may write to the file)"),
    ] {
        if so {
            line = line.role(Role::Warning, what);
        }
    }
    line
}

/// The file and its arguments, as a shell would take them; `…` where some are missing.
fn command_line(exec: &EbpfExec) -> String {
    let mut text = human::shell_word(&exec.file);
    for argument in exec.arguments.iter().flatten().skip(1) {
        text.push(' ');
        text.push_str(&human::shell_word(argument));
    }
    if exec.arguments_cut || exec.arguments.is_none() {
        text.push_str(" …");
    }
    text
}

fn exit_text(line: Line, exit: &EbpfExit) -> Line {
    let (role, how) = match (&exit.signal, exit.exit_status) {
        (Some(signal), _) => {
            let core = if exit.core_dumped { ", core dumped" } else { "" };
            (Role::Error, format!("killed by {signal}{core}"))
        }
        (None, Some(0)) => (Role::Plain, "status 0".to_owned()),
        (None, Some(status)) => (Role::Error, format!("status {status}")),
        (None, None) => (Role::Unknown, "nobody knows how".to_owned()),
    };
    let bound = if exit.peak_rss_at_most { "≤ " } else { "" };
    let rest = format!(
        " after {}, peak {bound}{}",
        lifetime(exit.duration_usec),
        amount::bytes(exit.peak_rss_bytes)
    );
    let mut line = line.text(" exit  ").text(&exit.command).text(": ");
    line = line.role(role, &how).role(Role::Faint, &rest);
    if let Some(sent) = exit.sent.as_ref().filter(|sent| !sent.by_kernel) {
        line = line.text(&sent_by(sent, exit.signal.as_deref()));
    }
    if exit.oom_victim {
        line = line.role(Role::Error, "; chosen because memory had run out");
    }
    line
}

/// `; sent by kill[4711] of a.service`; with its name, if it did not end the process by itself.
fn sent_by(sent: &EbpfSignal, ended_by: Option<&str>) -> String {
    let what = match ended_by {
        Some(signal) if signal == sent.signal => "; sent".to_owned(),
        _ => format!("; {} sent", sent.signal),
    };
    let unit = sent.unit.as_ref().map(|unit| format!(" of {unit}")).unwrap_or_default();
    format!("{what} by {}[{}]{unit}", sent.command, sent.pid)
}

/// `4.2 ms`, `0.3 s`, `4 min`.
fn lifetime(usec: u64) -> String {
    match usec {
        1_000_000.. => amount::duration(usec),
        _ => format!("{:.1} ms", usec as f64 / 1e3),
    }
}

fn end_text(ended: &Ended) -> Line {
    let totals = &ended.totals;
    let mut parts = vec![
        amount::count(totals.execs, "exec", "execs"),
        amount::count(totals.exits, "exit", "exits"),
    ];
    for (count, what) in [(totals.failures, "failed"), (totals.killed, "ended by a signal")] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    let text = format!("{} of the host: {}", lifetime(ended.duration_usec), parts.join(", "));
    let lost = ended.lost.total();
    let line = Line::new().role(Role::Heading, &text);
    match lost {
        0 => line.text("; no event was lost"),
        _ => {
            line.role(Role::Warning, &format!("; {} lost", amount::count(lost, "event", "events")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time() -> Timestamp {
        "2026-11-24T02:40:11.123456Z".parse().unwrap()
    }

    fn exec() -> Told {
        Told::Exec(EbpfExec {
            time: time(),
            pid: 4711,
            ppid: 812,
            uid: 33,
            unit: Some(UnitName::new("nginx.service")),
            cgroup_path: None,
            command: "foo".to_owned(),
            file: "/usr/bin/foo".to_owned(),
            interpreter: Some("/bin/sh".to_owned()),
            arguments: Some(["foo", "a b", "\u{202e}c"].map(str::to_owned).to_vec()),
            arguments_cut: true,
            deleted: true,
            writable_by_all: false,
            folder_writable_by_all: false,
        })
    }

    fn exit() -> EbpfExit {
        EbpfExit {
            time: time(),
            pid: 4711,
            ppid: 812,
            uid: 33,
            unit: None,
            cgroup_path: None,
            command: "foo\x1b[31m".to_owned(),
            file: None,
            arguments: None,
            arguments_cut: false,
            never_execed: false,
            duration_usec: 4200,
            exit_status: None,
            signal: Some("SIGKILL".to_owned()),
            core_dumped: false,
            oom_victim: false,
            peak_rss_bytes: 12 << 20,
            peak_rss_at_most: true,
            sent: Some(EbpfSignal {
                time: time(),
                signal: "SIGKILL".to_owned(),
                by_kernel: false,
                pid: 99,
                uid: 0,
                command: "bash".to_owned(),
                unit: Some(UnitName::new("ssh.service")),
                cgroup_path: None,
            }),
        }
    }

    fn ended(lost: u64) -> Told {
        let totals =
            TraceCounts { forks: 7, execs: 1, exits: 3, failures: 1, killed: 1, short_lived: 2 };
        Told::End(Ended {
            time: time(),
            duration_usec: 5_000_000,
            totals,
            lost: TraceLosses { exits: lost, ..TraceLosses::default() },
        })
    }

    fn written(format: Format, width: u16, told: &[Told]) -> String {
        let stream = Stream::new(format, width);
        let mut out = Vec::new();
        stream.heading(&mut out).unwrap();
        for told in told {
            stream.write(told, &mut out).unwrap();
        }
        let out = anstream::adapter::strip_bytes(&out).into_vec();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_of_a_narrow_and_of_a_wide_terminal() {
        let asked = EbpfExit {
            exit_status: Some(3),
            signal: None,
            oom_victim: true,
            duration_usec: 4_000_000,
            ..exit()
        };
        let told = [exec(), Told::Exit(exit()), Told::Exit(asked), ended(0), ended(2)];
        insta::assert_snapshot!("80", written(Format::Rich, 80, &told));
        insta::assert_snapshot!("160", written(Format::Rich, 160, &told));
    }

    #[test]
    fn json_is_one_object_a_line_without_what_terminals_obey() {
        let text = written(Format::Json, 80, &[exec(), Told::Exit(exit()), ended(2)]);
        assert!(!text.contains(['\x1b', '\u{202e}']));
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let events: Vec<&str> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
        assert_eq!(events, ["exec", "exit", "end"]);
        assert_eq!(lines[0]["arguments"][2], "\u{202e}c");
        assert_eq!(lines[1]["sent"]["unit"], "ssh.service");
        assert_eq!((&lines[2]["execs"], &lines[2]["lost"]["exits"]), (&1.into(), &2.into()));
    }
}
