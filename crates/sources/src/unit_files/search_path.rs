//! Where the system manager looks for units, systemd.unit(5) "System Unit Search Path".

/// The directories, the one that wins first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchPath(Vec<String>);

/// As systemd has it compiled in. Debian 12 has `/lib` before `/usr/lib`, and both are one directory.
const STANDARD: [&str; 13] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator.late",
];
/// More directories than any `SYSTEMD_UNIT_PATH` names.
const MAX_DIRECTORIES: usize = 64;

impl SearchPath {
    /// What systemd uses unless it is told otherwise.
    pub fn standard() -> Self {
        Self(STANDARD.map(str::to_owned).to_vec())
    }

    /// What a running manager says it uses (`UnitPath`); the standard one if it says nothing.
    pub fn of_manager(unit_path: &[String]) -> Self {
        let absolute = unit_path.iter().filter(|path| path.starts_with('/'));
        let directories: Vec<String> = absolute.take(MAX_DIRECTORIES).cloned().collect();
        if directories.is_empty() { Self::standard() } else { Self(directories) }
    }

    /// The directories, the one that wins first.
    pub fn directories(&self) -> &[String] {
        &self.0
    }
}

/// The part of the search path a directory belongs to, by the end of its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// What the administrator or a package put there.
    Files,
    /// Written by generators at every load of units, systemd.generator(7).
    Generated,
    /// Written by systemd for units that were made by a call, `systemd-run(1)`.
    Transient,
    /// Written by systemd for `systemctl set-property`.
    Control,
}

/// Who writes `directory`.
pub(super) fn origin(directory: &str) -> Origin {
    match directory.rsplit('/').next().unwrap_or_default() {
        "generator" | "generator.early" | "generator.late" => Origin::Generated,
        "transient" => Origin::Transient,
        "system.control" => Origin::Control,
        _ => Origin::Files,
    }
}

/// Whether what is in `directory` is lost at the next boot.
pub(super) fn is_runtime(directory: &str) -> bool {
    directory.starts_with("/run/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manager_knows_better() {
        let said = ["/run/systemd/system".to_owned(), "odd".to_owned()];
        assert_eq!(SearchPath::of_manager(&said).directories(), ["/run/systemd/system"]);
        assert_eq!(SearchPath::of_manager(&[]), SearchPath::standard());
    }

    #[test]
    fn systemds_own_directories_are_known() {
        let own = |path: &&&str| origin(path) != Origin::Files;
        assert_eq!(STANDARD.iter().filter(own).count(), 6);
        assert_eq!(STANDARD.iter().filter(|path| is_runtime(path)).count(), 7);
        assert_eq!(origin("/run/systemd/generator.late"), Origin::Generated);
    }
}
