//! How sockets, timers, paths, mounts, automounts and swaps fail: what sets them apart from
//! services, in words and as evidence.

use sysdiag_model::report::UnitProblem;
use sysdiag_model::snapshot::{LogLine, UnitDetail};
use sysdiag_model::{Evidence, Timestamp, UnitType, Value};

use crate::amount::{count, duration};
use crate::dependencies::is_unavailable;
use crate::errno;
use crate::health::ending::{self, How};
use crate::human::shortened;
use crate::units::Units;
use crate::words;

/// Longest path or address in a sentence.
const MOST_CHARACTERS: usize = 100;
/// Longest quotation in a sentence.
const MOST_SAID: usize = 120;
/// What was logged about a failure was logged within this time before it.
const LAST_MOMENTS_USEC: u64 = 10_000_000;

/// Exit statuses of `mount(8)`; several at once are added up.
const MOUNT_STATUSES: [(i32, &str); 7] = [
    (1, "wrong usage or not permitted"),
    (2, "system error"),
    (4, "a bug in mount"),
    (8, "interrupted"),
    (16, "mtab could not be written"),
    (32, "the mount itself failed"),
    (64, "some mounts failed"),
];

/// Why `problem` failed: the second half of a sentence. None: nothing to say beyond what holds for
/// services too.
pub(crate) fn reason(units: &Units<'_>, problem: &UnitProblem) -> Option<String> {
    let name = problem.name.as_str();
    let result = problem.result.as_deref()?;
    let detail = units.detail(name);
    match (problem.name.unit_type()?, result) {
        (UnitType::Socket, "resources") => cannot_listen(units, problem),
        (UnitType::Socket, "exit-code") => owner_unknown(units, problem),
        (UnitType::Socket | UnitType::Path, "trigger-limit-hit") => {
            let limit = detail.and_then(|detail| {
                let number = detail.trigger_limit_burst.filter(|number| *number > 0)?;
                let within = duration(detail.trigger_limit_interval_usec?);
                let times = count(number.into(), "time", "times");
                Some(format!(", more than {times} within {within}"))
            });
            let unit = triggered(units, name).unwrap_or_else(|| "what it starts".to_owned());
            let limit = limit.unwrap_or_default();
            Some(format!("it was triggered too often: it started {unit} again and again{limit}"))
        }
        (UnitType::Socket, "service-start-limit-hit")
        | (UnitType::Path, "unit-start-limit-hit")
        | (UnitType::Automount, "mount-start-limit-hit") => Some(match triggered(units, name) {
            Some(unit) => format!("{unit}, which it starts, was started too often"),
            None => "what it starts was started too often".to_owned(),
        }),
        (UnitType::Timer, "resources") => {
            nothing_to_start(units, name).or_else(|| not_set_up(units, problem))
        }
        (UnitType::Path, "resources") => {
            nothing_to_start(units, name).or_else(|| cannot_watch(units, problem))
        }
        (_, "resources") if problem.name.unit_type() != Some(UnitType::Service) => {
            not_set_up(units, problem)
        }
        (UnitType::Automount, "unmounted") => {
            let place = detail?.mount_where.as_deref()?;
            Some(format!("somebody unmounted it from {}", shortened(place, MOST_CHARACTERS)))
        }
        (UnitType::Mount, _) => mount(units, problem, detail?),
        (UnitType::Swap, _) => swap(units, problem, detail?),
        _ => None,
    }
}

/// How a unit is that can never be started, by its load state.
pub(crate) fn unavailable(load_state: &str) -> Option<&'static str> {
    is_unavailable(load_state).then_some(match load_state {
        "masked" => "is masked",
        "not-found" => "does not exist",
        _ => "has an error in its unit file",
    })
}

/// What a timer, socket, path or automount starts, if that is one unit.
pub(crate) fn triggered(units: &Units<'_>, name: &str) -> Option<String> {
    if let Some(unit) = units.systemd.timers.get(name).and_then(|timer| timer.unit.as_ref()) {
        return Some(unit.as_str().to_owned());
    }
    let unit = units.detail(name)?.dependencies.get("Triggers")?.first()?;
    Some(unit.as_str().to_owned())
}

/// The address, from the error that names it, and the error number. The process that listens for
/// PID 1 knows it better than PID 1 itself, which only learns that it failed.
fn cannot_listen(units: &Units<'_>, problem: &UnitProblem) -> Option<String> {
    let name = problem.name.as_str();
    let own = units.detail(name).map(|detail| &detail.listen).filter(|listen| !listen.is_empty());
    let listen = own.or_else(|| units.systemd.sockets.get(name).map(|socket| &socket.listen))?;
    let until = problem.since?;
    let errors: Vec<&LogLine> = errors(units, name, until).collect();
    let of_address = |line: &&&LogLine| listen.iter().any(|(_, at)| line.message.contains(at));
    let told = errors.iter().filter(of_address);
    let told = told.min_by_key(|line| words::is_of_manager(line))?;
    let (_, address) = listen.iter().find(|(_, address)| told.message.contains(address))?;
    let errno = told.errno.map(|errno| format!(": {}", errno::words(errno)));
    let address = shortened(address, MOST_CHARACTERS);
    Some(format!("it cannot listen at {address}{}", errno.unwrap_or_default()))
}

/// What hands the socket file over ends with 216 or 217 if there is no such group or user
/// (`systemd.socket(5)`, `SocketUser=`); nothing was to run as them.
fn owner_unknown(units: &Units<'_>, problem: &UnitProblem) -> Option<String> {
    let ending = ending::of(units, problem.name.as_str(), problem.result.as_deref())?;
    let of_owner = ending.command.as_deref() == Some("ExecStartChown");
    match ending.how {
        How::Exited(216) if of_owner => {
            Some("the group in SocketGroup= cannot be found".to_owned())
        }
        How::Exited(217) if of_owner => Some("the user in SocketUser= cannot be found".to_owned()),
        _ => None,
    }
}

fn nothing_to_start(units: &Units<'_>, name: &str) -> Option<String> {
    let unit = triggered(units, name)?;
    let how = unavailable(&units.systemd.unit(&unit)?.load_state)?;
    Some(format!("{unit}, which it starts, {how}"))
}

/// systemd watches paths by `inotify(7)`, which has limits of its own.
fn cannot_watch(units: &Units<'_>, problem: &UnitProblem) -> Option<String> {
    let until = problem.since?;
    let errno = errors(units, problem.name.as_str(), until).last()?.errno?;
    match errno {
        errno::ENOSPC => {
            Some("no inotify watch is left for it (fs.inotify.max_user_watches)".to_owned())
        }
        errno::EMFILE => {
            Some("no inotify instance is left for it (fs.inotify.max_user_instances)".to_owned())
        }
        _ => not_set_up(units, problem),
    }
}

/// The last error that PID 1 had with the unit.
fn not_set_up(units: &Units<'_>, problem: &UnitProblem) -> Option<String> {
    let until = problem.since?;
    let last = errors(units, problem.name.as_str(), until).last()?;
    Some(format!("systemd could not set it up: {}", errno::words(last.errno?)))
}

/// Lines with an error number that were logged shortly before `until`.
fn errors<'a>(
    units: &Units<'a>,
    name: &str,
    until: Timestamp,
) -> impl Iterator<Item = &'a LogLine> {
    let (from, until) = (until.minus_usec(LAST_MOMENTS_USEC), until.plus_usec(1_000_000));
    let lines = units.journal.and_then(|journal| journal.recent.get(name)).into_iter().flatten();
    lines.filter(move |line| line.errno.is_some() && (from..=until).contains(&line.time))
}

fn mount(units: &Units<'_>, problem: &UnitProblem, detail: &UnitDetail) -> Option<String> {
    let what = shortened(detail.mount_what.as_deref()?, MOST_CHARACTERS);
    let place = shortened(detail.mount_where.as_deref()?, MOST_CHARACTERS);
    match problem.result.as_deref()? {
        "exit-code" if detail.mount_what_exists == Some(false) => {
            Some(format!("{what}, which it mounts at {place}, does not exist"))
        }
        "exit-code" => {
            let status = exit_status(units, problem)?;
            let meaning = MOUNT_STATUSES.iter().find(|(number, _)| *number == status);
            let meaning = meaning.map(|(_, means)| format!(" ({means})")).unwrap_or_default();
            let said = last_words(units, problem, detail, "mount: ").unwrap_or(meaning);
            let ended = format!("mount exited with status {status}{said}");
            Some(format!("{what} cannot be mounted at {place}: {ended}"))
        }
        "timeout" => {
            let limit = detail.mount_timeout_usec.map(|usec| format!(" within {}", duration(usec)));
            let limit = limit.unwrap_or_else(|| " in time".to_owned());
            let times = units.systemd.unit(problem.name.as_str()).and_then(|unit| unit.times)?;
            let was_up = times.active_enter_usec >= times.inactive_exit_usec;
            Some(if was_up {
                format!("{place} was not unmounted{limit}")
            } else {
                format!("{what} was not mounted at {place}{limit}")
            })
        }
        "protocol" => Some(format!("mount ended well, but nothing is mounted at {place}")),
        _ => None,
    }
}

fn swap(units: &Units<'_>, problem: &UnitProblem, detail: &UnitDetail) -> Option<String> {
    let what = shortened(detail.mount_what.as_deref()?, MOST_CHARACTERS);
    match problem.result.as_deref()? {
        "exit-code" if detail.mount_what_exists == Some(false) => {
            Some(format!("{what}, which it swaps to, does not exist"))
        }
        "exit-code" => {
            let status = exit_status(units, problem)?;
            let said = last_words(units, problem, detail, "swapon: ").unwrap_or_default();
            Some(format!("{what} cannot be used to swap: swapon exited with status {status}{said}"))
        }
        "timeout" => {
            let limit = detail.mount_timeout_usec.map(|usec| format!(" within {}", duration(usec)));
            let limit = limit.unwrap_or_else(|| " in time".to_owned());
            Some(format!("{what} was not activated{limit}"))
        }
        _ => None,
    }
}

/// `: wrong fs type`, what the program said last, without the names that the sentence has already.
fn last_words(
    units: &Units<'_>,
    problem: &UnitProblem,
    detail: &UnitDetail,
    program: &str,
) -> Option<String> {
    let lines = units.last_words(problem.name.as_str(), 1);
    let line = lines.first()?;
    let until = problem.since?;
    if line.time < until.minus_usec(LAST_MOMENTS_USEC) {
        return None;
    }
    let mut said = line.message.trim().trim_end_matches('.').strip_prefix(program)?;
    for name in [&detail.mount_where, &detail.mount_what].into_iter().flatten() {
        let rest = said.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix(": "));
        said = rest.unwrap_or(said);
    }
    (!said.is_empty()).then(|| format!(": {}", shortened(said, MOST_SAID)))
}

fn exit_status(units: &Units<'_>, problem: &UnitProblem) -> Option<i32> {
    match ending::of(units, problem.name.as_str(), problem.result.as_deref())?.how {
        How::Exited(status) => Some(status),
        How::Killed(_) | How::Dumped(_) => None,
    }
}

/// What the unit was to do: addresses are the matter of the rule about sockets.
pub(crate) fn evidence(units: &Units<'_>, name: &str) -> Vec<Evidence> {
    let Some(detail) = units.detail(name) else { return Vec::new() };
    let texts = [
        ("what", &detail.mount_what, "What (D-Bus)"),
        ("where", &detail.mount_where, "Where (D-Bus)"),
        ("type", &detail.mount_type, "Type (D-Bus)"),
        ("options", &detail.mount_options, "Options (D-Bus)"),
    ];
    let mut facts: Vec<Evidence> = texts
        .into_iter()
        .filter_map(|(what, value, source)| Some((what, value.as_deref()?, source)))
        .map(|(what, value, source)| Evidence::text(what, shortened(value, 300), source))
        .collect();
    if let Some(usec) = detail.mount_timeout_usec.filter(|_| !facts.is_empty()) {
        let timed_out = units.result(name).is_some_and(|fact| fact.value == "timeout");
        let fact = Evidence::new("timeout", Value::Usec(usec), "TimeoutUSec (D-Bus)");
        facts.extend(timed_out.then_some(fact));
    }
    // Made by a generator: that file is the one to mend.
    if let Some(path) = detail.source_path.as_deref().filter(|_| !facts.is_empty()) {
        facts.push(Evidence::text("configured in", shortened(path, 300), "SourcePath (D-Bus)"));
    }
    facts
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;
    use sysdiag_model::snapshot::{TimerState, UnitEventKind};

    use super::*;
    use crate::Settings;
    use crate::health::of_unit;
    use crate::testing::{NOW_USEC, add_unit, healthy, systemd_of, unit};
    use crate::testing_events::{ago, depends, event, journal_of, line, timer};

    fn failed(name: &str, result: &str) -> Snapshot {
        let mut snapshot = healthy();
        let mut failed = unit(name, "failed", "failed");
        failed.times.as_mut().unwrap().inactive_exit_usec = Some(NOW_USEC - 240_000_000);
        add_unit(&mut snapshot, failed);
        let detail = UnitDetail {
            result: Some(result.to_owned()),
            state_change: Some(ago(240)),
            ..UnitDetail::default()
        };
        systemd_of(&mut snapshot).details.insert(name.into(), detail);
        snapshot
    }

    fn detail<'a>(snapshot: &'a mut Snapshot, name: &str) -> &'a mut UnitDetail {
        systemd_of(snapshot).details.get_mut(name).unwrap()
    }

    fn exited(snapshot: &mut Snapshot, name: &str, status: i32) {
        let exit = event(snapshot, name, UnitEventKind::ProcessExit, 240);
        exit.exit_code = Some("exited".to_owned());
        exit.exit_status = Some(status.to_string());
    }

    fn said(snapshot: &Snapshot, name: &str) -> Option<String> {
        let units = Units::of(snapshot).unwrap();
        let unit = units.systemd.unit(name).unwrap();
        reason(&units, &of_unit(&units, unit, &Settings::default(), 0))
    }

    #[test]
    fn of_several_addresses_the_one_that_failed_is_named() {
        let mut snapshot = failed("a.socket", "resources");
        detail(&mut snapshot, "a.socket").listen =
            ["/run/a.sock", "192.0.2.1:80"].map(|at| ("Stream".to_owned(), at.to_owned())).to_vec();
        assert_eq!(said(&snapshot, "a.socket"), None);
        for (identifier, errno) in [("(sd-listen)", 99), ("systemd", 5)] {
            line(&mut snapshot, "a.socket", "Failed to listen (192.0.2.1:80): no");
            let lines = journal_of(&mut snapshot).recent.get_mut("a.socket").unwrap();
            let last = lines.last_mut().unwrap();
            (last.identifier, last.errno) = (Some(identifier.to_owned()), Some(errno));
            last.pid = Some(if identifier == "systemd" { 1 } else { 77 });
        }
        assert_eq!(
            said(&snapshot, "a.socket").unwrap(),
            "it cannot listen at 192.0.2.1:80: Cannot assign requested address"
        );
    }

    #[test]
    fn an_owner_that_does_not_exist_is_not_who_the_service_runs_as() {
        let mut snapshot = failed("a.socket", "exit-code");
        exited(&mut snapshot, "a.socket", 217);
        assert_eq!(said(&snapshot, "a.socket"), None);
        let events = &mut journal_of(&mut snapshot).unit_events;
        events[0].command = Some("ExecStartChown".to_owned());
        assert_eq!(said(&snapshot, "a.socket").unwrap(), "the user in SocketUser= cannot be found");
    }

    #[test]
    fn limits_are_named_with_what_hit_them() {
        let mut snapshot = failed("a.path", "trigger-limit-hit");
        depends(&mut snapshot, "a.path", "Triggers", "b.service");
        detail(&mut snapshot, "a.path").trigger_limit_burst = Some(200);
        detail(&mut snapshot, "a.path").trigger_limit_interval_usec = Some(2_000_000);
        assert_eq!(
            said(&snapshot, "a.path").unwrap(),
            "it was triggered too often: it started b.service again and again, more than 200 times \
             within 2 s"
        );
        for (name, result) in [
            ("a.path", "unit-start-limit-hit"),
            ("a.socket", "service-start-limit-hit"),
            ("a.automount", "mount-start-limit-hit"),
        ] {
            let mut snapshot = failed(name, result);
            depends(&mut snapshot, name, "Triggers", "b.unit");
            let expected = "b.unit, which it starts, was started too often";
            assert_eq!(said(&snapshot, name).unwrap(), expected);
        }
    }

    #[test]
    fn what_systemd_could_not_set_up_has_an_error_number() {
        for (name, number, how) in [
            ("a.path", 28, "no inotify watch is left for it (fs.inotify.max_user_watches)"),
            ("a.path", 24, "no inotify instance is left for it (fs.inotify.max_user_instances)"),
            ("a.path", 13, "systemd could not set it up: Permission denied"),
            ("a.automount", 2, "systemd could not set it up: No such file or directory"),
        ] {
            let mut snapshot = failed(name, "resources");
            assert_eq!(said(&snapshot, name), None);
            line(&mut snapshot, name, "no");
            let lines = journal_of(&mut snapshot).recent.get_mut(name).unwrap();
            lines[0].errno = Some(number);
            assert_eq!(said(&snapshot, name).unwrap(), how);
        }
    }

    #[test]
    fn a_timer_names_what_is_not_there_to_be_started() {
        let mut snapshot = failed("a.timer", "resources");
        let state = TimerState { result: Some("resources".to_owned()), ..timer("b.service") };
        systemd_of(&mut snapshot).timers.insert("a.timer".into(), state);
        assert_eq!(said(&snapshot, "a.timer"), None);
        let mut gone = unit("b.service", "inactive", "dead");
        gone.load_state = "not-found".to_owned();
        add_unit(&mut snapshot, gone);
        assert_eq!(
            said(&snapshot, "a.timer").unwrap(),
            "b.service, which it starts, does not exist"
        );
    }

    fn mount_of(result: &str) -> Snapshot {
        let mut snapshot = failed("mnt-x.mount", result);
        let detail = detail(&mut snapshot, "mnt-x.mount");
        detail.mount_what = Some("/dev/vdb".to_owned());
        detail.mount_where = Some("/mnt/x".to_owned());
        detail.mount_type = Some("ext4".to_owned());
        detail.mount_timeout_usec = Some(90_000_000);
        detail.source_path = Some("/etc/fstab".to_owned());
        snapshot
    }

    #[test]
    fn a_mount_says_what_and_where() {
        let mut snapshot = mount_of("exit-code");
        exited(&mut snapshot, "mnt-x.mount", 32);
        assert_eq!(
            said(&snapshot, "mnt-x.mount").unwrap(),
            "/dev/vdb cannot be mounted at /mnt/x: mount exited with status 32 (the mount itself \
             failed)"
        );
        line(&mut snapshot, "mnt-x.mount", "mount: /mnt/x: unknown filesystem type 'ext9'.");
        assert_eq!(
            said(&snapshot, "mnt-x.mount").unwrap(),
            "/dev/vdb cannot be mounted at /mnt/x: mount exited with status 32: unknown filesystem \
             type 'ext9'"
        );
        let facts = evidence(&Units::of(&snapshot).unwrap(), "mnt-x.mount");
        let whats: Vec<&str> = facts.iter().map(|fact| fact.what.as_str()).collect();
        assert_eq!(whats, ["what", "where", "type", "configured in"]);
        detail(&mut snapshot, "mnt-x.mount").mount_what_exists = Some(false);
        assert_eq!(
            said(&snapshot, "mnt-x.mount").unwrap(),
            "/dev/vdb, which it mounts at /mnt/x, does not exist"
        );
    }

    #[test]
    fn a_mount_that_takes_too_long_says_which_way() {
        let mut snapshot = mount_of("timeout");
        add_unit(&mut snapshot, {
            let mut failed = unit("mnt-x.mount", "failed", "failed");
            failed.times.as_mut().unwrap().active_enter_usec = None;
            failed
        });
        assert_eq!(
            said(&snapshot, "mnt-x.mount").unwrap(),
            "/dev/vdb was not mounted at /mnt/x within 1 min 30 s"
        );
        add_unit(&mut snapshot, unit("mnt-x.mount", "failed", "failed"));
        assert_eq!(
            said(&snapshot, "mnt-x.mount").unwrap(),
            "/mnt/x was not unmounted within 1 min 30 s"
        );
    }

    #[test]
    fn a_swap_names_its_file() {
        let mut snapshot = failed("swapfile.swap", "exit-code");
        detail(&mut snapshot, "swapfile.swap").mount_what = Some("/swapfile".to_owned());
        exited(&mut snapshot, "swapfile.swap", 255);
        assert_eq!(
            said(&snapshot, "swapfile.swap").unwrap(),
            "/swapfile cannot be used to swap: swapon exited with status 255"
        );
        detail(&mut snapshot, "swapfile.swap").mount_what_exists = Some(false);
        assert_eq!(
            said(&snapshot, "swapfile.swap").unwrap(),
            "/swapfile, which it swaps to, does not exist"
        );
    }
}
