//! Which units a message is about. The kernel names processes, not units: what the snapshot knows of
//! the process tells.

use sysdiag_model::snapshot::{PatternHit, Process};
use sysdiag_model::{Snapshot, Timestamp, UnitName};

use crate::resources::place;

/// Patterns of the kernel that name a process by its id and are about that process; others only say
/// which one happened to run.
const OF_A_PROCESS: [&str; 4] =
    ["kern.hung_task", "kern.soft_lockup", "proc.segfault", "proc.trap"];

/// A message of the kernel is received this long after the process ended, at most.
const MOST_LATE_USEC: u64 = 10_000_000;

/// The units that `hit` is about, in the order of their names, without those that only report it.
pub(crate) fn units(snapshot: &Snapshot, hit: &PatternHit) -> Vec<UnitName> {
    let mut units = not_reporters(&hit.units);
    if units.is_empty() && OF_A_PROCESS.contains(&hit.pattern.as_str()) {
        units.extend(of_process(snapshot, hit));
    }
    units.sort();
    units
}

/// `units` without those that report crashes: they are not who crashed.
pub(super) fn not_reporters(units: &[UnitName]) -> Vec<UnitName> {
    let concerned = |unit: &&UnitName| !unit.as_str().starts_with("systemd-coredump@");
    units.iter().filter(concerned).cloned().collect()
}

/// The unit of the process that all messages name, as far as they were kept.
fn of_process(snapshot: &Snapshot, hit: &PatternHit) -> Option<UnitName> {
    let pid: u32 = hit.details.get("pid")?.parse().ok()?;
    // `INFO: task dd:308 blocked`, `stuck for 22s! [dd:308]`, `dd[308]: segfault`.
    let named = [format!(":{pid} "), format!(":{pid}]"), format!("[{pid}]")];
    let names = |message: &str| named.iter().any(|name| message.contains(name.as_str()));
    if !hit.examples.iter().all(|line| names(&line.message)) {
        return None;
    }
    running(snapshot, hit, pid).or_else(|| ended(snapshot, pid, hit.last))
}

/// The unit of the process if it still runs. The id is that of another by now if the name differs, or
/// if it is younger than the message.
fn running(snapshot: &Snapshot, hit: &PatternHit, pid: u32) -> Option<UnitName> {
    let processes = snapshot.processes.value()?;
    let index = processes.list.binary_search_by_key(&pid, |process| process.pid).ok()?;
    let process = processes.list.get(index)?;
    let comm = hit.details.get("comm")?;
    let started = started(snapshot, process, processes.ticks_per_second.max(1));
    if process.comm != *comm || started > hit.last {
        return None;
    }
    let root = snapshot.cgroups.value().map_or("", |tree| tree.root.as_str());
    let unit = place(root, process.cgroup.as_deref()?)?.unit;
    (unit != "-.slice").then_some(unit)
}

/// When a process started, by the wall clock; a second too early rather than too late.
fn started(snapshot: &Snapshot, process: &Process, ticks_per_second: u64) -> Timestamp {
    let after_boot = process.start_ticks / ticks_per_second * 1_000_000;
    let age = snapshot.clock.boottime_usec.saturating_sub(after_boot);
    snapshot.clock.realtime.minus_usec(age)
}

/// The service whose main process it was. The message may come late: its time is that at which journald
/// received it.
fn ended(snapshot: &Snapshot, pid: u32, at: Timestamp) -> Option<UnitName> {
    let systemd = snapshot.systemd.value()?;
    let mut services = systemd.details.iter().filter_map(|(name, detail)| {
        let service = detail.service.as_ref()?;
        let (start, exit) = (service.exec_main_start?, service.exec_main_exit?);
        (service.exec_main_pid == Some(pid) && start <= at && at <= exit.plus_usec(MOST_LATE_USEC))
            .then_some(name)
    });
    services.next().cloned()
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Severity;

    use super::*;
    use crate::testing::{healthy, process, systemd_of};
    use crate::testing_events::{ago, failed_service, hit_of, journal_of, logged};

    /// The units of a message about the process 900 called `comm`.
    fn units_of(snapshot: &mut Snapshot, pattern: &str, comm: &str) -> Vec<UnitName> {
        logged(snapshot, pattern, Severity::Error, 60, 1);
        let logs = journal_of(snapshot).logs.as_mut().unwrap();
        let hit = logs.patterns.as_mut().unwrap().hits.last_mut().unwrap();
        hit.details.insert("pid".to_owned(), "900".to_owned());
        hit.details.insert("comm".to_owned(), comm.to_owned());
        hit.examples[0].message = format!("INFO: task {comm}:900 blocked");
        let hit = hit.clone();
        units(snapshot, &hit)
    }

    #[test]
    fn a_process_that_runs_is_in_its_unit() {
        let mut snapshot = healthy();
        let list = &mut snapshot.processes.value_mut().unwrap().list;
        list.push(process(900, 1, "dd", "/system.slice/nginx.service"));
        assert_eq!(units_of(&mut snapshot, "kern.hung_task", "dd"), ["nginx.service"]);
        // The id is that of another by now.
        assert!(units_of(&mut snapshot, "kern.hung_task", "tar").is_empty());
        // It only ran on the CPU that something happened on.
        assert!(units_of(&mut snapshot, "kern.warn", "dd").is_empty());
        let young = snapshot.clock.boottime_usec / 10_000 - 500;
        snapshot.processes.value_mut().unwrap().list.last_mut().unwrap().start_ticks = young;
        assert!(units_of(&mut snapshot, "kern.hung_task", "dd").is_empty());
    }

    #[test]
    fn the_main_process_of_a_service_that_ended() {
        let mut snapshot = healthy();
        failed_service(&mut snapshot, "a.service", "signal", 2, 11);
        let detail = systemd_of(&mut snapshot).details.get_mut("a.service").unwrap();
        let service = detail.service.as_mut().unwrap();
        service.exec_main_pid = Some(900);
        (service.exec_main_start, service.exec_main_exit) = (Some(ago(100)), Some(ago(61)));
        assert_eq!(units_of(&mut snapshot, "proc.segfault", "a"), ["a.service"]);
        let detail = systemd_of(&mut snapshot).details.get_mut("a.service").unwrap();
        detail.service.as_mut().unwrap().exec_main_exit = Some(ago(90));
        assert!(units_of(&mut snapshot, "proc.segfault", "a").is_empty());
    }

    #[test]
    fn messages_about_several_processes_are_of_no_one_unit() {
        let mut snapshot = healthy();
        let list = &mut snapshot.processes.value_mut().unwrap().list;
        list.push(process(900, 1, "dd", "/system.slice/nginx.service"));
        units_of(&mut snapshot, "kern.hung_task", "dd");
        let mut hit = hit_of(&mut snapshot).clone();
        assert_eq!(units(&snapshot, &hit), ["nginx.service"]);
        let mut other = hit.examples[0].clone();
        "INFO: task dd:901 blocked".clone_into(&mut other.message);
        hit.examples.insert(0, other);
        assert!(units(&snapshot, &hit).is_empty());
    }

    #[test]
    fn who_reports_a_crash_is_not_who_crashed() {
        let mut snapshot = healthy();
        logged(&mut snapshot, "proc.coredump", Severity::Error, 60, 1);
        let logs = journal_of(&mut snapshot).logs.as_mut().unwrap();
        let hit = &mut logs.patterns.as_mut().unwrap().hits[0];
        hit.units = vec!["systemd-coredump@1-2-0.service".into(), "a.service".into()];
        let hit = hit.clone();
        assert_eq!(units(&snapshot, &hit), ["a.service"]);
    }
}
