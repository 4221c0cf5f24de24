//! Processes below services and containers, grouped by the program they run.

use std::collections::{BTreeMap, BTreeSet};

use sysdiag_model::report::ChildProcessGroup;
use sysdiag_model::snapshot::{CgroupTree, Process, Processes, Systemd};
use sysdiag_model::{UnitName, UnitType, place};

use super::container::container;

/// PIDs that one group names.
const MAX_PIDS: usize = 64;

/// Groups, most memory first. None: CPU times cannot be counted, the ticks are not known.
///
/// Processes of services without the main process, which the unit's own figures stand for; of
/// containers all processes, whatever unit they are in. Kernel threads belong to nobody.
pub(super) fn child_process_groups(
    processes: &Processes,
    cgroups: Option<&CgroupTree>,
    systemd: Option<&Systemd>,
) -> Option<Vec<ChildProcessGroup>> {
    if processes.ticks_per_second == 0 {
        return None;
    }
    let members = members(processes, cgroups, systemd);
    let mains: BTreeSet<u32> =
        members.iter().filter_map(|(unit, list)| main_process(unit, list, systemd)).collect();

    let mut groups: BTreeMap<(UnitName, &str, Option<String>), Vec<&Process>> = BTreeMap::new();
    for (unit, list) in members {
        for member in list.into_iter().filter(|member| !mains.contains(&member.process.pid)) {
            let key = (unit.clone(), member.process.comm.as_str(), member.container);
            groups.entry(key).or_default().push(member.process);
        }
    }
    let mut groups: Vec<ChildProcessGroup> = groups
        .into_iter()
        .map(|((unit, comm, container), list)| {
            group(unit, comm, container, &list, processes.ticks_per_second)
        })
        .collect();
    groups.sort_by(|a, b| {
        b.memory_bytes
            .cmp(&a.memory_bytes)
            .then_with(|| a.parent_unit.cmp(&b.parent_unit))
            .then_with(|| a.command_name.cmp(&b.command_name))
    });
    Some(groups)
}

struct Member<'a> {
    process: &'a Process,
    container: Option<String>,
}

fn members<'a>(
    processes: &'a Processes,
    cgroups: Option<&CgroupTree>,
    systemd: Option<&Systemd>,
) -> BTreeMap<UnitName, Vec<Member<'a>>> {
    let root = cgroups.map_or("", |tree| tree.root.as_str());
    // For processes that would not say where they are.
    let listed: BTreeMap<u32, &str> = cgroups
        .iter()
        .flat_map(|tree| &tree.groups)
        .flat_map(|group| group.procs.iter().flatten().map(|pid| (*pid, group.path.as_str())))
        .collect();
    let mut members: BTreeMap<UnitName, Vec<Member<'_>>> = BTreeMap::new();
    for process in processes.list.iter().filter(|process| !process.kernel_thread) {
        let path = process.cgroup.as_deref().or_else(|| listed.get(&process.pid).copied());
        let Some((path, place)) = path.and_then(|path| Some((path, place(root, path)?))) else {
            continue;
        };
        let below = path.strip_prefix(root).unwrap_or(path);
        let container = container(below);
        let is_service = place.unit.unit_type() == Some(UnitType::Service);
        let known = systemd.is_none_or(|systemd| systemd.unit(place.unit.as_str()).is_some());
        if known && (is_service || container.is_some()) {
            members.entry(place.unit).or_default().push(Member { process, container });
        }
    }
    members
}

/// The main process of a service: as systemd says, else the first of those nobody in the service
/// started.
fn main_process(unit: &UnitName, members: &[Member<'_>], systemd: Option<&Systemd>) -> Option<u32> {
    if unit.unit_type() != Some(UnitType::Service) {
        return None;
    }
    let told = systemd
        .and_then(|systemd| systemd.details.get(unit))
        .and_then(|detail| detail.service.as_ref()?.main_pid);
    if let Some(pid) = told {
        return Some(pid).filter(|pid| *pid != 0);
    }
    let pids: BTreeSet<u32> = members.iter().map(|member| member.process.pid).collect();
    members
        .iter()
        .map(|member| member.process)
        .filter(|process| !pids.contains(&process.ppid))
        .min_by_key(|process| (process.start_ticks, process.pid))
        .map(|process| process.pid)
}

fn group(
    parent_unit: UnitName,
    comm: &str,
    container: Option<String>,
    list: &[&Process],
    ticks_per_second: u64,
) -> ChildProcessGroup {
    let ticks = list.iter().fold(0_u64, |sum, process| {
        sum.saturating_add(process.user_ticks).saturating_add(process.system_ticks)
    });
    let sum = |of: fn(&Process) -> Option<u64>| {
        list.iter().try_fold(0_u64, |sum, process| Some(sum.saturating_add(of(process)?)))
    };
    // PSS counts shared pages once; a zombie has neither and does not stand in the way.
    let pss = sum(|process| if process.state == 'Z' { Some(0) } else { process.pss_bytes });
    let rss = || list.iter().fold(0_u64, |sum, process| sum.saturating_add(process.rss_bytes));
    let mut pids: Vec<u32> = list.iter().map(|process| process.pid).collect();
    pids.sort_unstable();
    pids.truncate(MAX_PIDS);
    ChildProcessGroup {
        parent_unit,
        command_name: comm.to_owned(),
        process_count: list.len() as u64,
        pids,
        cpu_seconds_total: ticks as f64 / ticks_per_second as f64,
        memory_bytes: pss.unwrap_or_else(rss),
        memory_kind: if pss.is_some() { "pss" } else { "rss" }.to_owned(),
        container,
    }
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;
    use sysdiag_model::snapshot::{ServiceDetail, UnitDetail};

    use super::*;
    use crate::testing::{MIB, add_unit, cgroup_of, healthy, process, systemd_of, unit};

    const NGINX: &str = "/system.slice/nginx.service";

    fn host(list: Vec<Process>) -> Snapshot {
        let mut snapshot = healthy();
        snapshot.processes.value_mut().unwrap().list.extend(list);
        snapshot
    }

    fn groups(snapshot: &Snapshot) -> Vec<ChildProcessGroup> {
        child_process_groups(
            snapshot.processes.value().unwrap(),
            snapshot.cgroups.value(),
            snapshot.systemd.value(),
        )
        .unwrap()
    }

    fn lines(snapshot: &Snapshot) -> Vec<String> {
        groups(snapshot)
            .iter()
            .map(|group| {
                let container = group.container.as_deref().unwrap_or("-");
                format!("{} {} {:?} {container}", group.parent_unit, group.command_name, group.pids)
            })
            .collect()
    }

    #[test]
    fn children_are_grouped_without_the_main_process() {
        let mut snapshot = host(vec![
            process(10, 1, "nginx", NGINX),
            process(12, 10, "nginx", NGINX),
            process(11, 10, "nginx", NGINX),
            process(13, 11, "php-fpm", &format!("{NGINX}/workers")),
        ]);
        assert_eq!(
            lines(&snapshot),
            ["nginx.service nginx [11, 12] -", "nginx.service php-fpm [13] -"]
        );
        let group = &groups(&snapshot)[0];
        assert_eq!((group.process_count, group.memory_bytes), (2, 12 * MIB));
        assert_eq!((group.memory_kind.as_str(), group.cpu_seconds_total), ("pss", 3.0));

        // systemd knows better than the tree of processes.
        let detail = UnitDetail {
            service: Some(ServiceDetail { main_pid: Some(12), ..ServiceDetail::default() }),
            ..UnitDetail::default()
        };
        systemd_of(&mut snapshot).details.insert("nginx.service".into(), detail);
        assert_eq!(lines(&snapshot)[0], "nginx.service nginx [10, 11] -");
    }

    #[test]
    fn one_unreadable_pss_makes_it_rss() {
        let mut secret = process(12, 10, "nginx", NGINX);
        secret.pss_bytes = None;
        let mut zombie = process(13, 10, "worker", NGINX);
        (zombie.state, zombie.pss_bytes, zombie.rss_bytes) = ('Z', None, 0);
        let snapshot = host(vec![
            process(10, 1, "nginx", NGINX),
            process(11, 10, "nginx", NGINX),
            secret,
            zombie,
            process(14, 10, "worker", NGINX),
        ]);
        let kinds: Vec<(String, u64)> = groups(&snapshot)
            .into_iter()
            .map(|group| (group.memory_kind, group.memory_bytes))
            .collect();
        assert_eq!(kinds, [("rss".to_owned(), 16 * MIB), ("pss".to_owned(), 6 * MIB)]);
    }

    #[test]
    fn containers_count_whole_and_sessions_do_not() {
        let id = "4f1c8a0b2d3e".to_owned() + &"0123456789abc".repeat(4);
        let scope = format!("docker-{id}.scope");
        let mut snapshot = host(vec![
            process(20, 1, "postgres", &format!("/system.slice/{scope}")),
            process(30, 1, "redis-server", &format!("/docker/{id}")),
            process(40, 1, "bash", "/user.slice/user-1000.slice/session-3.scope"),
        ]);
        for name in [scope.as_str(), "-.slice", "session-3.scope"] {
            add_unit(&mut snapshot, unit(name, "active", "running"));
        }
        assert_eq!(
            lines(&snapshot),
            [
                "-.slice redis-server [30] docker:4f1c8a0b2d3e".to_owned(),
                format!("{scope} postgres [20] docker:4f1c8a0b2d3e")
            ]
        );
    }

    #[test]
    fn a_process_that_hides_its_cgroup_is_found_in_the_tree() {
        let mut child = process(11, 10, "worker", "");
        child.cgroup = None;
        let mut snapshot = host(vec![process(10, 1, "nginx", NGINX), child]);
        assert!(lines(&snapshot).is_empty());
        cgroup_of(&mut snapshot, NGINX).procs = Some(vec![10, 11]);
        assert_eq!(lines(&snapshot), ["nginx.service worker [11] -"]);
    }

    #[test]
    fn pids_are_bounded() {
        let mut list = vec![process(10, 1, "nginx", NGINX)];
        list.extend((100..300).map(|pid| process(pid, 10, "nginx", NGINX)));
        let snapshot = host(list);
        let group = &groups(&snapshot)[0];
        assert_eq!((group.process_count, group.pids.len(), group.pids[0]), (200, MAX_PIDS, 100));
    }
}
