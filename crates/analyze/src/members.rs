//! The processes of units, by the cgroups they are in.

use std::collections::BTreeMap;

use sysdiag_model::snapshot::Process;
use sysdiag_model::{Snapshot, Timestamp, UnitName};

use crate::human::{shell_word, shortened};
use crate::resources::place;

/// Processes of each unit by PID, those in cgroups below its own included, kernel threads and such
/// as have ended excluded. None: processes could not be read.
pub(crate) fn of_units(snapshot: &Snapshot) -> Option<BTreeMap<UnitName, Vec<&Process>>> {
    let processes = snapshot.processes.value()?;
    let root = snapshot.cgroups.value().map_or("", |tree| tree.root.as_str());
    let mut units: BTreeMap<UnitName, Vec<&Process>> = BTreeMap::new();
    let live = |process: &&Process| !process.kernel_thread && !matches!(process.state, 'Z' | 'X');
    for process in processes.list.iter().filter(live) {
        let place = process.cgroup.as_deref().and_then(|path| place(root, path));
        if let Some(place) = place {
            units.entry(place.unit).or_default().push(process);
        }
    }
    Some(units)
}

/// When the process was started: microseconds of `CLOCK_BOOTTIME`, cut to a tick.
pub(crate) fn started_usec(snapshot: &Snapshot, process: &Process) -> Option<u64> {
    let per_second = u128::from(snapshot.processes.value()?.ticks_per_second.max(1));
    let usec = u128::from(process.start_ticks).saturating_mul(1_000_000) / per_second;
    u64::try_from(usec).ok()
}

/// When the process was started, by the wall clock of now.
pub(crate) fn started(snapshot: &Snapshot, process: &Process) -> Option<Timestamp> {
    let age = snapshot.clock.boottime_usec.saturating_sub(started_usec(snapshot, process)?);
    Some(snapshot.clock.realtime.minus_usec(age))
}

/// Program and arguments, at most so many characters.
pub(crate) fn command(process: &Process, most: usize) -> String {
    match process.cmdline.as_ref().filter(|arguments| !arguments.is_empty()) {
        Some(arguments) => {
            let words: Vec<String> = arguments.iter().map(|word| shell_word(word)).collect();
            shortened(&words.join(" "), most)
        }
        None => shortened(&process.comm, most),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{healthy, process};

    #[test]
    fn processes_belong_to_the_unit_whose_cgroup_they_are_below() {
        let mut snapshot = healthy();
        let list = &mut snapshot.processes.value_mut().unwrap().list;
        list.push(process(7, 1, "a", "/system.slice/a.service"));
        list.push(process(8, 7, "worker", "/system.slice/a.service/pool"));
        list.push(process(9, 7, "gone", "/system.slice/a.service"));
        list[3].state = 'Z';
        let units = of_units(&snapshot).unwrap();
        let pids: Vec<u32> = units["a.service"].iter().map(|process| process.pid).collect();
        assert_eq!(pids, [7, 8]);
        assert_eq!(command(units["a.service"][1], 80), "worker");
    }

    #[test]
    fn a_start_in_ticks_is_a_time() {
        let mut snapshot = healthy();
        let mut process = process(7, 1, "a", "/");
        // Half an hour after the boot, and half an hour ago.
        process.start_ticks = 180_000;
        snapshot.processes.value_mut().unwrap().ticks_per_second = 100;
        let ago = snapshot.clock.realtime.minus_usec(1_800_000_000);
        assert_eq!(started(&snapshot, &process), Some(ago));
    }
}
