//! The units that a cgroup path leads through.

use sysdiag_model::{UnitName, UnitType};

/// Units of a cgroup path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Units {
    /// That of the system's manager: the first that is no slice; the last slice if there are only those.
    pub(super) system: Option<UnitName>,
    /// The last one beneath it: of a user's manager or within a container.
    pub(super) inner: Option<UnitName>,
}

/// Takes a path apart as `systemd-cgls` shows it. A component may begin with `_`, which systemd puts
/// there so that it is not taken for a file of the kernel (`cg_escape`).
pub(super) fn units(path: &str) -> Units {
    let mut units = Units::default();
    let mut beneath = false;
    for component in path.split('/') {
        let name = UnitName::new(component.strip_prefix('_').unwrap_or(component));
        let Some(kind) = name.unit_type() else { continue };
        if beneath {
            units.inner = Some(name);
        } else {
            beneath = kind != UnitType::Slice;
            units.system = Some(name);
        }
    }
    units.inner = units.inner.filter(|inner| inner.unit_type() != Some(UnitType::Slice));
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_of_the_system_and_unit_within() {
        for (path, system, inner) in [
            ("/system.slice/hungry.service", Some("hungry.service"), None),
            ("/system.slice/hungry.service/worker", Some("hungry.service"), None),
            (
                r"/system.slice/system-getty.slice/getty@tty1.service",
                Some("getty@tty1.service"),
                None,
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope",
                Some("user@1000.service"),
                Some("app-x.scope"),
            ),
            ("/user.slice/user-1000.slice", Some("user-1000.slice"), None),
            ("/system.slice/_cpu.service", Some("cpu.service"), None),
            ("/", None, None),
            ("", None, None),
        ] {
            let found = units(path);
            assert_eq!(found.system, system.map(UnitName::new), "{path}");
            assert_eq!(found.inner, inner.map(UnitName::new), "{path}");
        }
    }
}
