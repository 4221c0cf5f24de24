//! Which unit a cgroup belongs to, by its path in the tree.
//!
//! Asking systemd for the `ControlGroup` of every unit would cost it far more; the path says the
//! same: slices, then one unit, then whatever that unit made of the part below it.

use crate::{UnitName, UnitType};

/// The unit behind a cgroup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The unit. For a folder that is no unit's: the slice around it.
    pub unit: UnitName,
    /// Whether this is the unit's own cgroup, not one below it.
    pub own: bool,
}

/// The place of `path`, a path in the tree, with the manager's own cgroup at `root`.
///
/// None: the path is outside of the manager's part of the tree. Units of user managers belong to
/// `user@UID.service`, those in a container to the unit of the container.
pub fn place(root: &str, path: &str) -> Option<Place> {
    let below = path.strip_prefix(root.trim_end_matches('/'))?;
    if !below.is_empty() && !below.starts_with('/') {
        return None;
    }
    let mut slice = "-.slice";
    let mut components = below.split('/').filter(|part| !part.is_empty()).map(unescape);
    while let Some(name) = components.next() {
        match UnitName::new(name).unit_type() {
            Some(UnitType::Slice) if is_child_slice(slice, name) => slice = name,
            Some(
                UnitType::Service
                | UnitType::Scope
                | UnitType::Socket
                | UnitType::Mount
                | UnitType::Swap,
            ) => {
                let own = components.next().is_none();
                return Some(Place { unit: UnitName::new(name), own });
            }
            _ => return Some(Place { unit: UnitName::new(slice), own: false }),
        }
    }
    Some(Place { unit: UnitName::new(slice), own: true })
}

/// systemd puts an underscore before names that would look like a file of the cgroup itself.
fn unescape(component: &str) -> &str {
    component.strip_prefix('_').unwrap_or(component)
}

/// `a-b.slice` lies in `a.slice`, and only there (`systemd.slice(5)`).
fn is_child_slice(parent: &str, name: &str) -> bool {
    let stem = name.strip_suffix(".slice").unwrap_or(name);
    let expected = match stem.rsplit_once('-') {
        Some((before, last)) if !before.is_empty() && !last.is_empty() => before,
        Some(_) => return false,
        None => "-",
    };
    !stem.is_empty() && parent.strip_suffix(".slice") == Some(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &str) -> (String, bool) {
        let place = place("", path).unwrap();
        (place.unit.as_str().to_owned(), place.own)
    }

    #[test]
    fn the_units_own_cgroup_is_the_last_component() {
        for (path, unit) in [
            ("/", "-.slice"),
            ("/init.scope", "init.scope"),
            ("/system.slice", "system.slice"),
            ("/system.slice/nginx.service", "nginx.service"),
            ("/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"),
            ("/user.slice/user-1000.slice", "user-1000.slice"),
            ("/user.slice/user-1000.slice/session-3.scope", "session-3.scope"),
            ("/system.slice/_cpu.service", "cpu.service"),
            ("/system.slice/__odd.service", "_odd.service"),
            ("/system.slice/dbus.socket", "dbus.socket"),
        ] {
            assert_eq!(at(path), (unit.to_owned(), true), "{path}");
        }
    }

    #[test]
    fn what_lies_below_a_unit_is_the_units() {
        for (path, unit) in [
            ("/system.slice/docker.service/inner", "docker.service"),
            ("/system.slice/systemd-udevd.service/udev", "systemd-udevd.service"),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/foot.service",
                "user@1000.service",
            ),
            (
                "/machine.slice/machine-deb.scope/payload/system.slice/a.service",
                "machine-deb.scope",
            ),
        ] {
            assert_eq!(at(path), (unit.to_owned(), false), "{path}");
        }
    }

    #[test]
    fn a_folder_that_is_no_unit_belongs_to_its_slice() {
        assert_eq!(at("/docker/4f1c"), ("-.slice".to_owned(), false));
        assert_eq!(at("/system.slice/odd"), ("system.slice".to_owned(), false));
        // A slice in the wrong place is not systemd's.
        assert_eq!(
            at("/system.slice/user-1000.slice/a.service"),
            ("system.slice".to_owned(), false)
        );
        assert_eq!(at("/a.slice/a-.slice"), ("a.slice".to_owned(), false));
    }

    #[test]
    fn only_below_the_managers_own_root() {
        let inside = place("/machine/x", "/machine/x/system.slice/a.service").unwrap();
        assert_eq!(inside.unit, "a.service");
        assert_eq!(place("/machine/x", "/machine/x").unwrap().unit, "-.slice");
        assert_eq!(place("/machine/x", "/machine/xy/a.service"), None);
        assert_eq!(place("/machine/x", "/system.slice"), None);
    }
}
