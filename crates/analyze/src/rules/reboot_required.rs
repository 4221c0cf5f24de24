//! The host should be restarted.

use sysdiag_model::snapshot::Restart;
use sysdiag_model::{Evidence, Finding, Severity, Value};

use super::support::{HOST, is_container};
use crate::{Context, Explanation, Need, Rule, Section, human};

/// Packages that are named.
const MAX_PACKAGES: usize = 5;
const MARK: &str = "/run/reboot-required";
const MODULES: &str = "/lib/modules";

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "reboot-required",
    title: "A reboot is required",
    severity: Severity::Warning,
    section: Section::Health,
    needs: &[Need::System],
    explanation: Explanation {
        checks: "/run/reboot-required, which packages of Debian and Ubuntu leave, and \
                 /run/reboot-required.pkgs; whether the modules of the running kernel are gone \
                 from /lib/modules while those of another are there and modules are in use (a \
                 warning); whether a newer kernel of the same kind is installed (a remark). \
                 Kernels are not looked at in containers.",
        matters: "What was upgraded runs in its old version, with the faults that the new one \
                  mends. Without its modules the kernel cannot load a driver or a file system any \
                  more: a disk that is plugged in, a firewall rule, a mount will fail.",
        todo: "Restart the host at a time that suits its users.",
        references: &["systemctl(1), reboot", "depmod(8)", "uname(2)"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    finding(context).into_iter().collect()
}

fn finding(context: &Context<'_>) -> Option<Finding> {
    let snapshot = context.snapshot;
    let restart = snapshot.system.value()?.restart.value()?;
    // Whether it is a container is known from systemd.
    let own_kernel = context.boot.is_some() && !is_container(context);
    let running = snapshot.host.kernel_release.value().filter(|_| own_kernel);
    let gone = running.and_then(|running| modules_gone(restart, running));
    let newer = running.and_then(|running| newer(restart, running));
    let now = snapshot.clock.realtime;
    let (severity, title) = match (restart.required, gone, newer) {
        (Some(since), ..) => {
            let packages = packages(restart);
            (
                RULE.severity,
                format!("A package asked for a reboot {}{packages}", human::ago(since, now)),
            )
        }
        (None, Some(other), _) => (
            RULE.severity,
            format!(
                "The modules of the running kernel {} are gone, those of {other} are installed: a \
                 reboot is required",
                running?
            ),
        ),
        (None, None, Some(newer)) => (
            Severity::Info,
            format!("Kernel {newer} is installed and will run after a reboot, {} runs", running?),
        ),
        (None, None, None) => return None,
    };
    let mut finding = Finding::new(RULE.id, severity, HOST, title)
        .since(restart.required)
        .next("systemctl reboot");
    if let Some(time) = restart.required {
        finding = finding.because(Evidence::new("required since", Value::Time(time), MARK));
    }
    if !restart.packages.is_empty() {
        let source = "/run/reboot-required.pkgs";
        finding = finding.because(Evidence::text("packages", restart.packages.join(", "), source));
    }
    if let Some(running) = running.filter(|_| gone.is_some() || newer.is_some()) {
        let source = "/proc/sys/kernel/osrelease";
        finding = finding.because(Evidence::text("running kernel", running, source));
    }
    if let Some(kernels) = restart.kernels.as_ref().filter(|_| gone.is_some() || newer.is_some()) {
        finding = finding.because(Evidence::text("installed", kernels.join(", "), MODULES));
    }
    Some(finding)
}

/// ` (linux-image-amd64, libc6 and 2 more)`.
fn packages(restart: &Restart) -> String {
    if restart.packages.is_empty() {
        return String::new();
    }
    let named: Vec<&str> = restart.packages.iter().take(MAX_PACKAGES).map(String::as_str).collect();
    match restart.packages.len().saturating_sub(MAX_PACKAGES) {
        0 => format!(" ({})", named.join(", ")),
        more => format!(" ({} and {more} more)", named.join(", ")),
    }
}

/// Another kernel that has modules, if the running one uses modules and has none on disk.
fn modules_gone<'a>(restart: &'a Restart, running: &str) -> Option<&'a str> {
    let kernels = restart.kernels.as_ref()?;
    if restart.modules_loaded != Some(true) || kernels.iter().any(|kernel| kernel == running) {
        return None;
    }
    kernels.iter().max_by_key(|kernel| Release::of(kernel).numbers).map(String::as_str)
}

/// The newest of the kernels that are newer than the running one and of its kind.
fn newer<'a>(restart: &'a Restart, running: &str) -> Option<&'a str> {
    let now = Release::of(running);
    let kernels = restart.kernels.as_ref()?.iter();
    kernels
        .filter(|kernel| {
            let other = Release::of(kernel);
            other.kind == now.kind && other.numbers > now.numbers
        })
        .max_by_key(|kernel| Release::of(kernel).numbers)
        .map(String::as_str)
}

/// `6.1.0-37-cloud-amd64` is 6, 1, 0, 37 of the kind `-cloud-amd`.
struct Release {
    numbers: Vec<u64>,
    kind: String,
}

impl Release {
    fn of(release: &str) -> Self {
        let end = release.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(release.len());
        let (numbers, kind) = release.split_at_checked(end).unwrap_or((release, ""));
        Self {
            numbers: numbers
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|number| number.parse().ok())
                .collect(),
            kind: kind.chars().filter(|c| !c.is_ascii_digit()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use sysdiag_model::{Probe, Snapshot};

    use super::*;
    use crate::testing::{findings, healthy, system_of, systemd_of};
    use crate::testing_events::ago;

    fn with(kernels: &[&str]) -> Snapshot {
        let mut snapshot = healthy();
        system_of(&mut snapshot).restart = Probe::Known(Restart {
            required: None,
            packages: Vec::new(),
            kernels: Some(kernels.iter().map(|name| (*name).to_owned()).collect()),
            modules_loaded: Some(true),
        });
        snapshot
    }

    fn restart_of(snapshot: &mut Snapshot) -> &mut Restart {
        system_of(snapshot).restart.value_mut().unwrap()
    }

    #[test]
    fn fires_once_when_a_package_asks_for_it() {
        let mut snapshot = with(&["6.1.0-38-amd64"]);
        restart_of(&mut snapshot).required = Some(ago(7_200));
        restart_of(&mut snapshot).packages = vec!["libc6".to_owned(), "linux-image".to_owned()];
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].title, "A package asked for a reboot 2 h ago (libc6, linux-image)");
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(found[0].evidence.len(), 4);
    }

    #[test]
    fn fires_once_when_the_modules_are_gone() {
        let found = findings(&RULE, &with(&["6.1.0-38-amd64", "6.1.0-9-amd64"]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].severity, Severity::Warning);
        assert_eq!(
            found[0].title,
            "The modules of the running kernel 6.1.0-37-amd64 are gone, those of 6.1.0-38-amd64 \
             are installed: a reboot is required"
        );
    }

    #[test]
    fn a_newer_kernel_is_a_remark() {
        let kernels = ["6.1.0-37-amd64", "6.1.0-38-amd64", "6.1.0-40-cloud-amd64"];
        let found = findings(&RULE, &with(&kernels));
        assert_eq!(found[0].severity, Severity::Info);
        assert_eq!(
            found[0].title,
            "Kernel 6.1.0-38-amd64 is installed and will run after a reboot, 6.1.0-37-amd64 runs"
        );
    }

    #[test]
    fn silent_when_it_is_the_newest_in_containers_and_without_modules() {
        assert!(findings(&RULE, &healthy()).is_empty());
        assert!(findings(&RULE, &with(&["6.1.0-37-amd64", "6.1.0-9-amd64"])).is_empty());
        assert!(findings(&RULE, &with(&[])).is_empty());
        // A kernel that came without modules, such as those of micro machines.
        let mut snapshot = with(&["6.1.0-9-amd64"]);
        restart_of(&mut snapshot).modules_loaded = Some(false);
        assert!(findings(&RULE, &snapshot).is_empty());
        let mut snapshot = with(&["6.1.0-38-amd64"]);
        systemd_of(&mut snapshot).manager.security_start_monotonic_usec = Some(0);
        assert!(findings(&RULE, &snapshot).is_empty());
    }

    #[test]
    fn releases_are_compared_by_number() {
        for (newer, older) in [
            ("6.1.0-10-amd64", "6.1.0-9-amd64"),
            ("6.12.43+deb13-amd64", "6.12.9+deb13-amd64"),
            ("6.5.6-300.fc39.x86_64", "6.5.6-200.fc38.x86_64"),
            ("5.15.0-101-generic", "5.15.0-91-generic"),
        ] {
            let (newer, older) = (Release::of(newer), Release::of(older));
            assert!(newer.numbers > older.numbers && newer.kind == older.kind);
        }
    }
}
