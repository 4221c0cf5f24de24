//! The head of a report: which machine, which system, and for how long it has been up.

use sysdiag_model::Snapshot;
use sysdiag_model::report::ReportHost;
use sysdiag_model::snapshot::Manager;

/// What `Virtualization` says of containers (`systemd-detect-virt(1)`, `--container`).
const CONTAINERS: [&str; 11] = [
    "openvz",
    "lxc",
    "lxc-libvirt",
    "systemd-nspawn",
    "docker",
    "podman",
    "rkt",
    "wsl",
    "proot",
    "pouch",
    "container-other",
];

/// The identity of the host as far as it is known.
pub(crate) fn describe(snapshot: &Snapshot) -> ReportHost {
    let host = &snapshot.host;
    let manager = snapshot.systemd.value().map(|systemd| &systemd.manager);
    let os = host.os.value().and_then(|os| {
        os.pretty_name.clone().or_else(|| Some(join(os.name.as_ref()?, os.version_id.as_ref())))
    });
    let init = host.init_name.value().filter(|name| manager.is_none() && *name != "systemd");
    ReportHost {
        os,
        kernel: host.kernel_release.value().cloned(),
        architecture: host.architecture.value().cloned(),
        systemd_version: manager.map(|manager| manager.version.clone()),
        system_state: manager.and_then(|manager| manager.system_state.clone()),
        virtualization: manager.and_then(virtualization),
        init: init.cloned(),
        uptime_usec: Some(uptime_usec(snapshot, manager)).filter(|usec| *usec > 0),
    }
}

fn join(name: &str, version: Option<&String>) -> String {
    version.map_or_else(|| name.to_owned(), |version| format!("{name} {version}"))
}

fn virtualization(manager: &Manager) -> Option<String> {
    let virtualization = manager.virtualization.as_deref()?;
    Some(if virtualization.is_empty() { "none" } else { virtualization }.to_owned())
}

/// Since boot, suspend included; in a container since its manager started. 0 where it is not known (the
/// journal of another machine).
fn uptime_usec(snapshot: &Snapshot, manager: Option<&Manager>) -> u64 {
    let container = manager.filter(|manager| {
        manager.virtualization.as_deref().is_some_and(|name| CONTAINERS.contains(&name))
    });
    let started = container.and_then(|manager| manager.userspace_monotonic_usec);
    match started.filter(|usec| *usec > 0) {
        Some(usec) => snapshot.clock.monotonic_usec.saturating_sub(usec),
        None => snapshot.clock.boottime_usec,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW_USEC, healthy, systemd_of};

    #[test]
    fn a_container_is_up_since_its_manager_started() {
        let mut snapshot = healthy();
        assert_eq!(describe(&snapshot).uptime_usec, Some(NOW_USEC));
        assert_eq!(describe(&snapshot).virtualization.as_deref(), Some("none"));
        systemd_of(&mut snapshot).manager.virtualization = Some("systemd-nspawn".to_owned());
        assert_eq!(describe(&snapshot).uptime_usec, Some(NOW_USEC - 2_000_000));
    }
}
