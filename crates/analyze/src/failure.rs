//! Why a unit failed, in words and as evidence: what the rules about failures have in common.

use sysdiag_model::report::UnitProblem;
use sysdiag_model::snapshot::{ServiceDetail, UnitTimes};
use sysdiag_model::{Evidence, UnitType, Value};

use crate::amount::{bytes, count, duration};
use crate::health::ending::{self, Ending, How};
use crate::health::flapping::START_LIMIT;
use crate::human::{ago, shell_word, shortened};
use crate::kinds;
use crate::lacks;
use crate::trace::{ends, who};
use crate::units::Units;
use crate::{errno, exit_status};

const MOST_CHARACTERS: usize = 300;
/// Lines of the unit's own that stand as evidence: programs like to complain in two.
const LAST_WORDS: usize = 2;

/// `nginx.service failed 4 min ago: its main process exited with status 1`.
pub(crate) fn sentence(units: &Units<'_>, problem: &UnitProblem) -> String {
    let when = problem.since.map(|since| format!(" {}", ago(since, units.clock.realtime)));
    format!("{} failed{}: {}", problem.name, when.unwrap_or_default(), reason(units, problem))
}

/// Why it failed: the second half of a sentence.
pub(crate) fn reason(units: &Units<'_>, problem: &UnitProblem) -> String {
    let name = problem.name.as_str();
    let result = problem.result.as_deref();
    if let Some(reason) = kinds::reason(units, problem) {
        return reason;
    }
    let ending = ending::of(units, name, result);
    let ended = ending.as_ref().map(|ending| how_it_ended(units, ending, problem));
    let service = units.detail(name).and_then(|detail| detail.service.as_ref());
    match result {
        Some("timeout") => timeout(units, problem),
        Some("watchdog") => match service.and_then(|service| service.watchdog_usec) {
            Some(limit) if limit > 0 && limit != u64::MAX => {
                format!("it gave no sign of life to its watchdog for {}", duration(limit))
            }
            _ => "it gave no sign of life to its watchdog".to_owned(),
        },
        Some("oom-kill") => {
            let limit = units.detail(name).and_then(|detail| detail.memory_max_bytes);
            match limit.filter(|limit| *limit != u64::MAX) {
                Some(limit) => format!(
                    "a process of it was killed for want of memory, its limit is {}",
                    bytes(limit)
                ),
                None => "a process of it was killed for want of memory".to_owned(),
            }
        }
        Some("protocol") => protocol(service),
        Some("resources") => resources(units, name),
        Some(START_LIMIT) => match ended {
            Some(ended) => format!("it was started too often; {ended}"),
            None => "it was started too often".to_owned(),
        },
        Some("service-start-limit-hit") => "its service was started too often".to_owned(),
        Some("unit-start-limit-hit") => "the unit that it starts was started too often".to_owned(),
        Some("trigger-limit-hit") => "it was triggered too often".to_owned(),
        Some("success") => "systemd names no reason".to_owned(),
        Some(result) => ended.unwrap_or_else(|| format!("its result is '{result}'")),
        None => ended.unwrap_or_else(|| "its result could not be read".to_owned()),
    }
}

/// `its main process exited with status 3`; of a process that could not be started, what it lacks.
pub(crate) fn how_it_ended(units: &Units<'_>, ending: &Ending, problem: &UnitProblem) -> String {
    let name = problem.name.as_str();
    if let Some(reason) = lacks::of(units, name, problem.result.as_deref(), Some(ending)) {
        return reason.words();
    }
    let not_spawned = lacks::not_spawned(units, name).and_then(|event| event.errno);
    let kind = problem.name.unit_type();
    let process = match (ending.command.as_deref(), kind) {
        (None | Some("ExecMount"), Some(UnitType::Mount)) => "mount".to_owned(),
        (None | Some("ExecActivate"), Some(UnitType::Swap)) => "swapon".to_owned(),
        (None | Some("ExecStart"), _) => "its main process".to_owned(),
        (Some(command), _) => format!("its {command}= process"),
    };
    let traced = ends::of_failure(units, name, ending, problem.since);
    let exec_failed = traced.and_then(|exit| ends::exec_failed(exit, ending.path.as_deref()));
    match &ending.how {
        How::Exited(status) => match exit_status::meaning(*status) {
            Some((name, meaning)) => {
                let error = not_spawned.map(|errno| format!("; {}", errno::words(errno)));
                let error = error.unwrap_or_default();
                format!("{process} exited with status {status} ({name}: {meaning}{error})")
            }
            None if exec_failed.is_some() => {
                let failed = exec_failed.unwrap_or_default();
                format!("{process} exited with status {status}: {failed}")
            }
            None => match exit_status::convention(*status) {
                Some(meaning) => format!("{process} exited with status {status} ({meaning})"),
                None => format!("{process} exited with status {status}"),
            },
        },
        How::Killed(signal) => {
            let limit = limit_of(signal).map(|what| format!(" ({what})")).unwrap_or_default();
            let by = traced.and_then(|exit| exit.signal.as_ref()).and_then(who::asked_for);
            let by = by.map(|by| format!(", sent by {by}")).unwrap_or_default();
            format!("{process} was killed by {signal}{limit}{by}")
        }
        How::Dumped(signal) => {
            let limit = limit_of(signal).map(|what| format!(": {what}")).unwrap_or_default();
            format!("{process} dumped core ({signal}{limit})")
        }
    }
}

/// What the kernel kills with this signal for, `signal(7)`.
fn limit_of(signal: &str) -> Option<&'static str> {
    match signal {
        "SIGSYS" => Some("a system call it may not make, see SystemCallFilter="),
        "SIGXCPU" => Some("it used more CPU time than LimitCPU= allows"),
        "SIGXFSZ" => Some("it wrote a larger file than LimitFSIZE= allows"),
        _ => None,
    }
}

fn resources(units: &Units<'_>, name: &str) -> String {
    if let Some(reason) = lacks::of(units, name, Some("resources"), None) {
        return reason.words();
    }
    let listen = units.detail(name).and_then(|detail| detail.listen.first());
    match listen {
        Some((_, address)) => format!("it cannot listen at {}", shortened(address, 100)),
        None => "systemd could not set up what it needs; its log says what".to_owned(),
    }
}

/// `SERVICE_FAILURE_PROTOCOL`: all processes ended, and the one sign that was waited for is missing.
fn protocol(service: Option<&ServiceDetail>) -> String {
    let kind = service.and_then(|service| service.service_type.as_deref());
    let pid_file = service.and_then(|service| service.pid_file.as_deref());
    match (kind, pid_file.filter(|path| !path.is_empty())) {
        (Some(kind @ ("notify" | "notify-reload")), _) => {
            format!("it ended without having reported that it was ready (Type={kind})")
        }
        (Some("forking"), Some(path)) => {
            format!("it never wrote its PID file {} (Type=forking)", shortened(path, 100))
        }
        (Some(kind), _) => format!("it did not start as Type={kind} asks it to"),
        (None, _) => "it did not start as its Type= asks it to".to_owned(),
    }
}

fn timeout(units: &Units<'_>, problem: &UnitProblem) -> String {
    let name = problem.name.as_str();
    let times = units.systemd.unit(name).and_then(|unit| unit.times);
    let service = units.detail(name).and_then(|detail| detail.service.as_ref());
    // Up after it last set out: then it was stopping that took too long.
    let was_up = times.is_some_and(|times| times.active_enter_usec >= times.inactive_exit_usec);
    let (what, limit) = if was_up {
        ("stop", service.and_then(|service| service.timeout_stop_usec))
    } else {
        ("start", service.and_then(|service| service.timeout_start_usec))
    };
    let late = match limit.filter(|limit| *limit > 0 && *limit != u64::MAX) {
        Some(limit) => format!("within {}", duration(limit)),
        None => "in time".to_owned(),
    };
    if was_up {
        let most = service.and_then(|service| service.runtime_max_usec);
        return match most.filter(|most| ran_for(times).is_some_and(|ran| ran >= *most)) {
            Some(most) => format!("it ran for longer than {} (RuntimeMaxSec=)", duration(most)),
            None => format!("it did not {what} {late}"),
        };
    }
    let ending = ending::of(units, name, Some("timeout"));
    let command = ending.and_then(|ending| ending.command).filter(|name| name != "ExecStart");
    let kind = service.and_then(|service| service.service_type.as_deref());
    match (command, kind) {
        (Some(command), _)
            if matches!(command.as_str(), "ExecStartPre" | "ExecStartPost" | "ExecCondition") =>
        {
            format!("its {command}= process did not end {late}")
        }
        (None, Some(kind @ ("notify" | "notify-reload"))) => {
            format!("it did not report that it was ready {late} (Type={kind})")
        }
        (None, Some("dbus")) => {
            format!("it did not take its name on the bus {late} (Type=dbus)")
        }
        _ => format!("it did not {what} {late}"),
    }
}

/// How long a unit was up until it began to stop.
fn ran_for(times: Option<UnitTimes>) -> Option<u64> {
    let times = times?;
    times.active_exit_usec?.checked_sub(times.active_enter_usec?)
}

/// Result, exit status or signal, command, restarts, last words.
pub(crate) fn evidence(units: &Units<'_>, problem: &UnitProblem) -> Vec<Evidence> {
    let name = problem.name.as_str();
    // A unit that runs again has the result of a run that is not over: none yet.
    let result = units
        .result(name)
        .filter(|fact| fact.value != "success")
        .or_else(|| units.last_failure(name));
    let mut facts = vec![match result {
        Some(fact) => Evidence::text("result", fact.value, fact.source),
        None => property("state", &problem.active_state, "ActiveState"),
    }];
    let ending = ending::of(units, name, result.map(|fact| fact.value));
    let explained = ending.is_some();
    let traced = ending.as_ref().and_then(|ending| {
        let exit = ends::of_failure(units, name, ending, problem.since)?;
        Some(ends::evidence(exit, ending.path.as_deref()))
    });
    let not_spawned = lacks::not_spawned(units, name).filter(|_| {
        let status = ending.as_ref().map(|ending| &ending.how);
        matches!(status, Some(How::Exited(status)) if exit_status::meaning(*status).is_some())
    });
    if let Some(ending) = ending {
        facts.push(match &ending.how {
            How::Exited(status) => {
                Evidence::new("exit status", Value::Number(i64::from(*status)), ending.source)
            }
            How::Killed(signal) | How::Dumped(signal) => {
                Evidence::text("signal", signal, ending.source)
            }
        });
        if let Some(argv) = ending.argv.filter(|argv| !argv.is_empty()) {
            let line = command_line(&argv);
            let property = ending.command.unwrap_or_else(|| "ExecStart".to_owned());
            facts.push(Evidence::text("command", line, format!("{property} (D-Bus)")));
        }
    } else if let Some(argv) = ending::only_command(units, name, "ExecStart") {
        facts.push(Evidence::text("command", command_line(&argv), "ExecStart (D-Bus)"));
    }
    if let Some(errno) = not_spawned.and_then(|event| event.errno) {
        let said = format!("{} ({errno})", errno::words(errno));
        facts.push(Evidence::text("error", said, "journal ERRNO"));
    }
    facts.extend(traced.into_iter().flatten());
    facts.extend(kinds::evidence(units, name));
    let mut lines = units.last_words(name, LAST_WORDS);
    if lines.is_empty() && !explained {
        lines.extend(problem.since.and_then(|since| units.first_complaint(name, since)));
    }
    facts.extend(lines.into_iter().map(|line| {
        let message = shortened(line.message.trim(), MOST_CHARACTERS);
        Evidence::text("logged", message, "journal MESSAGE")
    }));
    facts
}

fn command_line(argv: &[String]) -> String {
    let words: Vec<String> = argv.iter().map(|word| shell_word(word)).collect();
    shortened(&words.join(" "), MOST_CHARACTERS)
}

/// `3 restarts`.
pub(crate) fn restarts(number: u64) -> String {
    count(number, "restart", "restarts")
}

/// A property that systemd gave for a unit.
pub(crate) fn property(what: impl Into<String>, value: &str, property: &str) -> Evidence {
    Evidence::text(what, shortened(value, MOST_CHARACTERS), format!("{property} (D-Bus)"))
}
