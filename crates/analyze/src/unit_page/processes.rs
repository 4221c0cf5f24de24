//! The processes of a unit as a tree, as `systemctl status` shows them.

use std::collections::{BTreeMap, BTreeSet};

use sysdiag_model::Snapshot;
use sysdiag_model::report::UnitProcess;
use sysdiag_model::snapshot::{Process, Processes};

use crate::human::shortened;

const MOST_PROCESSES: usize = 1_000;
const MOST_CHARACTERS: usize = 512;

/// Processes in the cgroup at `path` and below, parents before children, siblings by PID.
/// None: processes could not be read.
pub(super) fn below(snapshot: &Snapshot, path: &str) -> Option<Vec<UnitProcess>> {
    let processes = snapshot.processes.value()?;
    let inside = |process: &&Process| {
        let rest = process.cgroup.as_deref().and_then(|cgroup| cgroup.strip_prefix(path));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || path.ends_with('/'))
    };
    let members: BTreeMap<u32, &Process> =
        processes.list.iter().filter(inside).map(|process| (process.pid, process)).collect();
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let mut tops = Vec::new();
    for process in members.values() {
        if process.ppid != process.pid && members.contains_key(&process.ppid) {
            children.entry(process.ppid).or_default().push(process.pid);
        } else {
            tops.push(process.pid);
        }
    }
    let mut tree = Vec::new();
    let mut seen = BTreeSet::new();
    // A PID that was used again while the list was read can close a ring that no top leads to.
    for top in tops.into_iter().chain(members.keys().copied()) {
        let mut ahead = vec![(top, 0)];
        while let Some((pid, depth)) = ahead.pop() {
            let Some(process) = members.get(&pid).filter(|_| seen.insert(pid)) else { continue };
            tree.push(entry(processes, process, depth));
            let below = children.get(&pid).into_iter().flatten().rev();
            ahead.extend(below.map(|child| (*child, depth + 1)));
        }
    }
    tree.truncate(MOST_PROCESSES);
    Some(tree)
}

fn entry(processes: &Processes, process: &Process, depth: u32) -> UnitProcess {
    let arguments = process.cmdline.as_ref().filter(|arguments| !arguments.is_empty());
    let command = match arguments {
        Some(arguments) => arguments.join(" "),
        // As ps(1) shows what has no arguments.
        None => format!("[{}]", process.comm),
    };
    let ticks = process.user_ticks.saturating_add(process.system_ticks);
    let per_second = u128::from(processes.ticks_per_second.max(1));
    let usec = u128::from(ticks).saturating_mul(1_000_000) / per_second;
    UnitProcess {
        pid: process.pid,
        ppid: process.ppid,
        depth,
        state: process.state,
        command: shortened(&command, MOST_CHARACTERS),
        cpu_usage_usec: u64::try_from(usec).unwrap_or(u64::MAX),
        memory_bytes: process.pss_bytes.unwrap_or(process.rss_bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{healthy, process};

    fn tree(list: Vec<Process>) -> Vec<(u32, u32)> {
        let mut snapshot = healthy();
        snapshot.processes.value_mut().unwrap().list = list;
        let tree = below(&snapshot, "/a.service").unwrap();
        tree.iter().map(|process| (process.pid, process.depth)).collect()
    }

    #[test]
    fn parents_come_before_children() {
        let list = vec![
            process(1, 0, "systemd", "/init.scope"),
            process(10, 30, "late", "/a.service"),
            process(30, 1, "main", "/a.service"),
            process(40, 30, "early", "/a.service/payload"),
            process(50, 10, "deep", "/a.service"),
            process(60, 1, "other", "/a.service2"),
        ];
        assert_eq!(tree(list), [(30, 0), (10, 1), (50, 2), (40, 1)]);
    }

    #[test]
    fn a_ring_of_parents_is_shown_once() {
        let list = vec![process(10, 20, "a", "/a.service"), process(20, 10, "b", "/a.service")];
        assert_eq!(tree(list), [(10, 0), (20, 1)]);
    }
}
