//! D-Bus names of systemd, `org.freedesktop.systemd1(5)`.

pub(super) const SERVICE: &str = "org.freedesktop.systemd1";
pub(super) const MANAGER_PATH: &str = "/org/freedesktop/systemd1";
pub(super) const MANAGER: &str = "org.freedesktop.systemd1.Manager";
pub(super) const UNIT: &str = "org.freedesktop.systemd1.Unit";
pub(super) const SERVICE_UNIT: &str = "org.freedesktop.systemd1.Service";
pub(super) const SOCKET_UNIT: &str = "org.freedesktop.systemd1.Socket";
pub(super) const TIMER_UNIT: &str = "org.freedesktop.systemd1.Timer";
pub(super) const MOUNT_UNIT: &str = "org.freedesktop.systemd1.Mount";
