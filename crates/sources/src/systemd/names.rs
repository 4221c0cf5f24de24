//! D-Bus names of systemd, `org.freedesktop.systemd1(5)`.

use sysdiag_model::UnitType;

pub(super) const SERVICE: &str = "org.freedesktop.systemd1";
pub(super) const MANAGER_PATH: &str = "/org/freedesktop/systemd1";
pub(super) const MANAGER: &str = "org.freedesktop.systemd1.Manager";
pub(super) const UNIT: &str = "org.freedesktop.systemd1.Unit";
pub(super) const SERVICE_UNIT: &str = "org.freedesktop.systemd1.Service";
pub(super) const SOCKET_UNIT: &str = "org.freedesktop.systemd1.Socket";
pub(super) const TIMER_UNIT: &str = "org.freedesktop.systemd1.Timer";
pub(super) const MOUNT_UNIT: &str = "org.freedesktop.systemd1.Mount";

/// The interface of a kind of unit that has properties beyond those of every unit.
pub(super) const fn interface_of(kind: UnitType) -> Option<&'static str> {
    match kind {
        UnitType::Service => Some(SERVICE_UNIT),
        UnitType::Socket => Some(SOCKET_UNIT),
        UnitType::Timer => Some(TIMER_UNIT),
        UnitType::Mount => Some(MOUNT_UNIT),
        UnitType::Automount => Some("org.freedesktop.systemd1.Automount"),
        UnitType::Swap => Some("org.freedesktop.systemd1.Swap"),
        UnitType::Path => Some("org.freedesktop.systemd1.Path"),
        UnitType::Slice => Some("org.freedesktop.systemd1.Slice"),
        UnitType::Scope => Some("org.freedesktop.systemd1.Scope"),
        UnitType::Device | UnitType::Target => None,
    }
}
