//! Whose processes they are: sessions of users, containers, the sender of a signal.

use sysdiag_model::snapshot::{SignalSender, TracedProgram, TracedSignal};
use sysdiag_model::{Snapshot, UnitName, UnitType};

use crate::human::{shell_word, shortened};
use crate::resources::container;

/// Characters of a command line.
const MOST_CHARACTERS: usize = 160;
/// Characters of a name.
const MOST_NAME: usize = 32;

/// Programs that run containers and virtual machines (the first 15 bytes of their names): they signal and start what is in them.
const RUNTIMES: [&str; 21] = [
    "bwrap",
    "conmon",
    "containerd",
    "containerd-shim",
    "crio",
    "crun",
    "docker-init",
    "dockerd",
    "exe",
    "kubelet",
    "libvirtd",
    "lxc-attach",
    "lxc-start",
    "lxd",
    "podman",
    "rpc-libvirtd",
    "rpc-virtqemud",
    "runc",
    "systemd-machine",
    "systemd-nspawn",
    "virtqemud",
];

/// Whether the unit is what a user does: the session of a login, or the user's own manager.
pub(crate) fn is_of_user(unit: &UnitName) -> bool {
    let name = unit.as_str();
    name.starts_with("user@")
        || name.starts_with("session-") && unit.unit_type() == Some(UnitType::Scope)
}

/// Whether a process at this path is in a container.
pub(crate) fn in_container(snapshot: &Snapshot, cgroup: Option<&str>) -> bool {
    let root = snapshot.cgroups.value().map_or("", |tree| tree.root.as_str());
    cgroup.is_some_and(|path| container(path.strip_prefix(root).unwrap_or(path)).is_some())
}

/// Whether a process of this name is part of what runs containers.
pub(crate) fn is_runtime(command: &str) -> bool {
    // `runc:[2:INIT]` is a container on its way.
    let name = command.split_once(':').map_or(command, |(name, _)| name);
    RUNTIMES.contains(&name) || name.starts_with("containerd-shim")
}

/// `pkill (PID 812) of backup.service`, `a user's session (bash, PID 812, session-3.scope)`.
pub(crate) fn sender(sender: &SignalSender) -> String {
    let (command, pid) = (shortened(&sender.command, MOST_NAME), sender.pid);
    match &sender.unit {
        Some(unit) if is_of_user(unit) => {
            format!("a user's session ({command}, PID {pid}, {unit})")
        }
        Some(unit) => format!("{command} (PID {pid}) of {unit}"),
        None => format!("{command} (PID {pid})"),
    }
}

/// Who sent it, if it was neither the kernel nor systemd.
pub(crate) fn asked_for(sent: &TracedSignal) -> Option<String> {
    (!sent.by_kernel && sent.sender.pid != 1).then(|| sender(&sent.sender))
}

/// `SIGKILL from pkill (PID 812) of backup.service, user id 0`, for an evidence.
pub(crate) fn signal(sent: &TracedSignal) -> String {
    let name = super::signal(sent.number);
    if sent.by_kernel {
        return format!("{name} from the kernel");
    }
    format!("{name} from {}, user id {}", sender(&sent.sender), sent.sender.uid)
}

/// The command line, or the file where there is none.
pub(crate) fn command_line(program: &TracedProgram) -> String {
    let Some(arguments) = program.arguments.as_ref().filter(|arguments| !arguments.is_empty())
    else {
        return shortened(&program.file, MOST_CHARACTERS);
    };
    // One word too many is cut off anyway.
    let words: Vec<String> =
        arguments.iter().take(MOST_CHARACTERS).map(|word| shell_word(word)).collect();
    let more = if program.arguments_cut { " …" } else { "" };
    shortened(&format!("{}{more}", words.join(" ")), MOST_CHARACTERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_have_sessions_and_a_manager() {
        for (unit, is) in [
            ("session-3.scope", true),
            ("user@1000.service", true),
            ("session-migration.service", false),
            ("nginx.service", false),
            ("init.scope", false),
        ] {
            assert_eq!(is_of_user(&unit.into()), is, "{unit}");
        }
    }

    #[test]
    fn runtimes_by_the_names_that_the_kernel_cuts() {
        for (command, is) in [
            ("runc:[2:INIT]", true),
            ("containerd-shim", true),
            ("crun", true),
            ("bash", false),
            ("runcron", false),
        ] {
            assert_eq!(is_runtime(command), is, "{command}");
        }
    }
}
