//! What could not be read of that which the report rests on: not known is not healthy.

use std::collections::BTreeSet;

use sysdiag_model::snapshot::System;
use sysdiag_model::{Gap, Probe, Snapshot, Why};

use crate::{Need, Past, Scope, clock, rules, trace};

/// The entries of `not_assessed`, without repetition, by what is missing.
pub(crate) fn list(snapshot: &Snapshot, past: &Probe<Past>, scope: &Scope) -> Vec<Gap> {
    let mut gaps: BTreeSet<Gap> = of_host(snapshot).chain(past.gaps()).cloned().collect();
    for need in needs(scope) {
        gaps.extend(need.gaps(snapshot).iter().cloned());
        if need == Need::System
            && let Some(system) = snapshot.system.value()
        {
            gaps.extend(of_system(system).cloned());
            gaps.extend(clock::gap(snapshot));
        }
        if need == Need::Trace {
            gaps.extend(trace::lost(snapshot));
        }
        if need == Need::Processes
            && let Some(processes) = snapshot.processes.value()
        {
            gaps.extend(processes.held.gaps().iter().cloned());
            gaps.extend(processes.deleted.gaps().iter().cloned());
        }
    }
    // Without systemd there is nothing to compare them with, and its gap says enough.
    if (scope.health || scope.unit.is_some()) && snapshot.systemd.value().is_some() {
        gaps.extend(snapshot.unit_files.gaps().iter().cloned());
    }
    for rule in rules::ALL.iter().filter(|rule| rule.section.is_in(scope)) {
        gaps.extend(rule.needs.iter().filter_map(|need| need.missing(snapshot)).cloned());
    }
    let told = gaps.iter().any(|gap| gap.what.starts_with("log messages"));
    let has_none = snapshot.journal.value().is_some_and(|digest| digest.logs.is_none());
    if scope.logs && has_none && !told {
        let hint = "the messages were not collected; collect with `run` or `analyze-logs`";
        gaps.insert(Gap::new("log messages", Why::Disabled, hint));
    }
    let logs = snapshot.journal.value().and_then(|digest| digest.logs.as_ref());
    let told = gaps.iter().any(|gap| gap.what == KNOWN_BAD);
    if scope.logs && logs.is_some_and(|logs| logs.patterns.is_none()) && !told {
        let hint = "the capture is of a version that did not look for them";
        gaps.insert(Gap::new(KNOWN_BAD, Why::Absent, hint));
    }
    gaps.into_iter().collect()
}

/// What the collector could not look for if the catalogue cannot be used.
const KNOWN_BAD: &str = "messages known to be bad";

/// The sources that the sections of `scope` rest on.
fn needs(scope: &Scope) -> Vec<Need> {
    let page = scope.unit.is_some();
    [
        (Need::Systemd, scope.boot || scope.health || scope.dependencies || page),
        (Need::Cgroups, scope.resources || page),
        (Need::System, scope.resources),
        (Need::Processes, scope.resources || page),
        (Need::Ordering, scope.graph),
        (Need::Trace, scope.trace),
        (Need::Journal, scope.boot || scope.health || scope.logs || scope.dependencies || page),
    ]
    .into_iter()
    .filter_map(|(need, rests)| rests.then_some(need))
    .collect()
}

fn of_host(snapshot: &Snapshot) -> impl Iterator<Item = &Gap> {
    let host = &snapshot.host;
    [
        host.hostname.gaps(),
        host.boot_id.gaps(),
        host.os.gaps(),
        host.kernel_release.gaps(),
        host.architecture.gaps(),
        host.init_name.gaps(),
    ]
    .into_iter()
    .flatten()
}

fn of_system(system: &System) -> impl Iterator<Item = &Gap> {
    let file_systems = system.file_systems.value().into_iter().flatten();
    [
        system.memory.gaps(),
        system.load.gaps(),
        system.pressure.gaps(),
        system.swaps.gaps(),
        system.file_systems.gaps(),
        system.file_handles.gaps(),
        system.clock_mark.gaps(),
        system.restart.gaps(),
    ]
    .into_iter()
    .chain(file_systems.map(|file_system| file_system.usage.gaps()))
    .flatten()
}
