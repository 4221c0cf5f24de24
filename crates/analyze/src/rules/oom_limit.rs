//! Whose limit it was at which processes of a unit were killed: its own, one inside it, that of a
//! slice it is in, or the end of the host's memory.
//!
//! The kernel says so in its log. Where that is not there, the counters of the cgroups tell: `oom` of
//! `memory.events.local` counts how often a cgroup itself was at its limit and nothing could be given
//! back (Documentation/admin-guide/cgroup-v2.rst).

use sysdiag_model::snapshot::{Cgroup, CgroupTree};
use sysdiag_model::{Timestamp, UnitName};

use super::support::{is_slice, kernel_lines};
use crate::Context;

/// Deeper cgroups are nobody's.
const MOST_LEVELS: usize = 64;

/// A process that the kernel says it killed in a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Victim<'a> {
    pub(super) time: Timestamp,
    /// Its name, as short as the kernel keeps it.
    pub(super) task: &'a str,
    pub(super) pid: u32,
    /// Path of the cgroup it was in.
    path: &'a str,
    /// Path of the cgroup whose limit it was; none: the host had no memory left.
    limit: Option<&'a str>,
}

/// Where memory ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Limit {
    /// At the unit's own `memory.max`.
    Own,
    /// At that of a cgroup inside the unit, whose path below the unit this is.
    Inside { path: String, max_bytes: Option<u64> },
    /// At that of a slice the unit is in.
    Slice { name: UnitName, max_bytes: Option<u64> },
    /// Nowhere: the host's memory was used up.
    Host,
}

/// The last process that the kernel said it killed in this unit.
pub(super) fn victim<'a>(context: &Context<'a>, unit: &UnitName) -> Option<Victim<'a>> {
    let of_unit = kernel_lines(context)
        .filter_map(|line| parse(line.time, &line.message))
        .filter(|victim| victim.path.split('/').any(|part| part == unit.as_str()));
    of_unit.max_by_key(|victim| victim.time)
}

/// `oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a.slice,
/// task_memcg=/a.slice/a.service,task=perl,pid=168,uid=0`; `global_oom` stands for `oom_memcg=` where
/// it was the host (`mm/oom_kill.c`, `dump_oom_summary` and `mem_cgroup_print_oom_context`).
fn parse(time: Timestamp, message: &str) -> Option<Victim<'_>> {
    let (before, rest) = message.split_once(",task_memcg=")?;
    let limit = before.split_once(",oom_memcg=").map(|(_, path)| path);
    if limit.is_none() && !before.ends_with(",global_oom") {
        return None;
    }
    let (path, rest) = rest.split_once(",task=")?;
    let (task, rest) = rest.rsplit_once(",pid=")?;
    let pid = rest.split(',').next()?.parse().ok()?;
    Some(Victim { time, task, pid, path, limit })
}

/// Where it ended. None: that is not known.
pub(super) fn limit(
    context: &Context<'_>,
    unit: &UnitName,
    victim: Option<&Victim<'_>>,
    group: Option<&Cgroup>,
) -> Option<Limit> {
    let tree = context.snapshot.cgroups.value();
    match victim {
        Some(Victim { limit: None, .. }) => Some(Limit::Host),
        Some(Victim { limit: Some(path), .. }) => named(tree, unit, path),
        None => counted(tree?, unit, group?),
    }
}

/// The limit of the cgroup at `path`, as the kernel names it.
fn named(tree: Option<&CgroupTree>, unit: &UnitName, path: &str) -> Option<Limit> {
    let max_bytes = tree.and_then(|tree| tree.group(path)?.memory_max_bytes);
    let mut parts = path.split('/').skip_while(|part| *part != unit.as_str());
    if parts.next().is_some() {
        let inside: Vec<&str> = parts.collect();
        return Some(match inside.join("/") {
            path if path.is_empty() => Limit::Own,
            path => Limit::Inside { path, max_bytes },
        });
    }
    let name = UnitName::new(path.rsplit('/').next()?);
    is_slice(&name).then_some(Limit::Slice { name, max_bytes })
}

/// The unit itself, something in it, or the nearest slice around it that was at its limit.
fn counted(tree: &CgroupTree, unit: &UnitName, group: &Cgroup) -> Option<Limit> {
    if at_limit(group)? {
        return Some(Limit::Own);
    }
    let below = format!("{}/", group.path);
    let mut inside = tree.groups.iter().filter(|inner| inner.path.starts_with(&below));
    if let Some(inner) = inside.find(|inner| at_limit(inner) == Some(true)) {
        return named(Some(tree), unit, &inner.path);
    }
    let mut path = group.path.as_str();
    for _ in 0..MOST_LEVELS {
        let (parent, _) = path.rsplit_once('/').filter(|(parent, _)| !parent.is_empty())?;
        if tree.group(parent).and_then(at_limit) == Some(true) {
            return named(Some(tree), unit, parent);
        }
        path = parent;
    }
    None
}

fn at_limit(group: &Cgroup) -> Option<bool> {
    Some(group.memory_events_local?.oom? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_usec(5);

    fn said(limit: &str) -> String {
        format!(
            "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0{limit},\
             task_memcg=/a.slice/a.service/payload,task=x,y,pid=168,uid=0"
        )
    }

    fn of(limit: &str) -> Option<Limit> {
        let message = said(limit);
        let unit = UnitName::new("a.service");
        match parse(AT, &message)?.limit {
            None => Some(Limit::Host),
            Some(path) => named(None, &unit, path),
        }
    }

    #[test]
    fn the_kernel_names_the_cgroup_or_the_host() {
        let message = said(",global_oom");
        let victim = parse(AT, &message).unwrap();
        assert_eq!((victim.task, victim.pid), ("x,y", 168));
        assert_eq!(of(",global_oom"), Some(Limit::Host));
        assert_eq!(of(",oom_memcg=/a.slice/a.service"), Some(Limit::Own));
        assert_eq!(
            of(",oom_memcg=/a.slice/a.service/payload"),
            Some(Limit::Inside { path: "payload".to_owned(), max_bytes: None })
        );
        assert_eq!(
            of(",oom_memcg=/a.slice"),
            Some(Limit::Slice { name: "a.slice".into(), max_bytes: None })
        );
        assert_eq!(of(",oom_memcg=/docker/0123"), None);
        assert_eq!(of(""), None);
        for broken in
            ["", "oom-kill:task_memcg=,task=,pid=", ",global_oom,task_memcg=/,task=a,pid=x"]
        {
            assert_eq!(parse(AT, broken), None, "{broken}");
        }
    }
}
