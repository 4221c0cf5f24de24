//! Who uses what: figures of the host, of units and of processes, derived from two samples.
//!
//! What could not be read stays absent. Nothing is judged here; that is what rules do.

#[cfg(test)]
mod arbitrary;
mod children;
mod container;
mod host;
mod rates;
#[cfg(test)]
mod tests;
mod units;

use sysdiag_model::Snapshot;
use sysdiag_model::report::ResourceAnalysis;

pub(crate) use container::container;
pub use host::{inodes_used_percent, space_used_percent};
pub(crate) use rates::per_second;
pub(crate) use sysdiag_model::place;

use crate::Settings;

/// The resources of `snapshot`; lists of top units are as long as `settings` say.
pub fn analyze(snapshot: &Snapshot, settings: &Settings) -> ResourceAnalysis {
    let (systemd, cgroups) = (snapshot.systemd.value(), snapshot.cgroups.value());
    let processes = snapshot.processes.value();
    let unit_usage = cgroups.map(|tree| units::unit_usage(tree, systemd));
    let top = unit_usage.as_ref().map(|units| units::top(units, settings.top_units));
    let (top_cpu_units, top_memory_units, top_io_units) = match top {
        Some(top) => (Some(top.cpu), Some(top.memory), Some(top.io)),
        None => (None, None, None),
    };
    ResourceAnalysis {
        system_usage: snapshot.system.value().map(|system| host::system_usage(system, processes)),
        unit_usage,
        child_process_groups: processes
            .and_then(|processes| children::child_process_groups(processes, cgroups, systemd)),
        top_cpu_units,
        top_memory_units,
        top_io_units,
    }
}
