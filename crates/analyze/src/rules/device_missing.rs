//! Devices that were waited for and did not come.

use sysdiag_model::{Evidence, Finding, Severity, UnitName, UnitType};

use crate::amount::duration;
use crate::dependencies::may_be_absent;
use crate::human::{ago, shortened};
use crate::units::Units;
use crate::{Context, Explanation, Need, Rule, Section};

/// Units that a finding names.
const MOST_UNITS: usize = 5;
const MOST_CHARACTERS: usize = 160;

/// See the explanation.
pub(super) const RULE: Rule = Rule {
    id: "device-missing",
    title: "A device did not appear",
    severity: Severity::Error,
    section: Section::Health,
    needs: &[Need::Systemd, Need::Journal],
    explanation: Explanation {
        checks: "Device units whose start job timed out in this boot and that are not there now. One \
                 that nothing needs any more is forgotten after recovered_window_seconds (3600). \
                 A warning if only mounts and swaps with the option nofail need them.",
        matters: "What is mounted from the device or swaps to it is not there, nor anything that \
                  requires that. A boot waits for it, and may end in emergency mode.",
        todo: "See which devices there are and what their UUIDs are (lsblk -f). Correct the entry \
               in /etc/fstab or /etc/crypttab, or add nofail if the host can do without it.",
        references: &["systemd.device(5)", "fstab(5)", "systemd.mount(5), nofail"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let Some(units) = Units::of(context.snapshot) else { return Vec::new() };
    let names = units.names_with_events();
    let devices = names.filter(|name| UnitName::from(*name).unit_type() == Some(UnitType::Device));
    let window = context.settings.recovered_window_seconds.saturating_mul(1_000_000);
    devices.filter_map(|name| finding(&units, name, window)).collect()
}

fn finding(units: &Units<'_>, name: &str, window_usec: u64) -> Option<Finding> {
    // One that no loaded unit needs is not loaded; neither is it there.
    let unit = units.systemd.unit(name);
    let absent = unit.is_none_or(|unit| unit.active_state == "inactive");
    let event = units.failed_start(name).filter(|_| absent)?;
    let old = units.clock.realtime.usec_since(event.time) > window_usec;
    if event.job_result.as_deref() != Some("timeout") || (unit.is_none() && old) {
        return None;
    }
    let detail = units.detail(name);
    let needed_by: Vec<&UnitName> = ["RequiredBy", "BoundBy"]
        .into_iter()
        .filter_map(|edge| detail?.dependencies.get(edge))
        .flatten()
        .collect();
    let optional =
        !needed_by.is_empty() && needed_by.iter().all(|unit| may_be_absent(units, unit.as_str()));
    let severity = if optional { Severity::Warning } else { RULE.severity };
    let path = path(name).map_or_else(|| name.to_owned(), |path| shortened(&path, MOST_CHARACTERS));
    let limits = detail.map(|it| [it.job_timeout_usec, it.job_running_timeout_usec]);
    let limit = limits.into_iter().flatten().flatten().filter(|usec| *usec > 0).min();
    let limit = limit.map(|usec| format!(" within {}", duration(usec))).unwrap_or_default();
    let when = ago(event.time, units.clock.realtime);
    let title = format!("The device {path} did not appear{limit}; systemd gave up {when}");
    let mut finding = Finding::new(RULE.id, severity, name, title)
        .since(Some(event.time))
        .because(Evidence::text("job result", "timeout", "journal JOB_RESULT"))
        .next("lsblk -f");
    for unit in needed_by.into_iter().take(MOST_UNITS) {
        let source = units.detail(unit.as_str()).and_then(|detail| detail.source_path.as_deref());
        let what = match source {
            Some(path) => format!("needed by ({})", shortened(path, MOST_CHARACTERS)),
            None => "needed by".to_owned(),
        };
        finding =
            finding.because(Evidence::text(what, unit.as_str(), "RequiredBy, BoundBy (D-Bus)"));
    }
    Some(finding)
}

/// The path of a device unit: `systemd-escape(1)` backwards.
fn path(name: &str) -> Option<String> {
    let stem = name.strip_suffix(".device")?;
    let mut path = vec![b'/'];
    let mut rest = stem.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'-' => path.push(b'/'),
            b'\\' => {
                let digits = after.strip_prefix(b"x").and_then(|after| after.get(..2))?;
                let digits = std::str::from_utf8(digits).ok()?;
                path.push(u8::from_str_radix(digits, 16).ok()?);
                rest = after.get(3..)?;
            }
            other => path.push(*other),
        }
    }
    String::from_utf8(path).ok()
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;
    use sysdiag_model::snapshot::UnitEventKind;

    use super::*;
    use crate::testing::{add_unit, findings, healthy, systemd_of, unit};
    use crate::testing_events::{assessed, depends, event, journal_of};

    const DEVICE: &str = r"dev-disk-by\x2duuid-0000\x2ddead.device";

    fn waited_for() -> Snapshot {
        let mut snapshot = healthy();
        let mut device = unit(DEVICE, "inactive", "dead");
        device.times = None;
        add_unit(&mut snapshot, device);
        let mut mount = unit("data.mount", "inactive", "dead");
        mount.times.as_mut().unwrap().inactive_exit_usec = None;
        add_unit(&mut snapshot, mount);
        depends(&mut snapshot, DEVICE, "RequiredBy", "data.mount");
        depends(&mut snapshot, DEVICE, "BoundBy", "data.mount");
        depends(&mut snapshot, "data.mount", "Requires", DEVICE);
        let details = &mut systemd_of(&mut snapshot).details;
        details.get_mut(DEVICE).unwrap().job_running_timeout_usec = Some(90_000_000);
        details.get_mut(DEVICE).unwrap().dependencies.remove("BoundBy");
        details.get_mut("data.mount").unwrap().source_path = Some("/etc/fstab".to_owned());
        for (name, result) in [(DEVICE, "timeout"), ("data.mount", "dependency")] {
            event(&mut snapshot, name, UnitEventKind::StartFailed, 180).job_result =
                Some(result.to_owned());
        }
        snapshot
    }

    #[test]
    fn fires_once_and_what_needs_it_hangs_below() {
        let snapshot = waited_for();
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "The device /dev/disk/by-uuid/0000-dead did not appear within 1 min 30 s; systemd gave \
             up 3 min ago"
        );
        assert_eq!(found[0].severity, Severity::Error);
        assert_eq!(found[0].evidence[1].what, "needed by (/etc/fstab)");
        let report = assessed(&snapshot);
        assert_eq!(report.findings.len(), 2);
        assert_eq!(report.findings[1].key.as_str(), "dependency-failed:data.mount");
        assert_eq!(report.findings[1].cause.as_ref(), Some(&found[0].key));
    }

    #[test]
    fn what_may_be_absent_is_a_warning() {
        let mut snapshot = waited_for();
        let mount = systemd_of(&mut snapshot).details.get_mut("data.mount").unwrap();
        mount.mount_options = Some("rw,nofail".to_owned());
        let report = assessed(&snapshot);
        assert!(report.findings.iter().all(|finding| finding.severity == Severity::Warning));
    }

    #[test]
    fn silent_once_it_is_there_and_about_jobs_that_were_given_up() {
        let mut snapshot = waited_for();
        add_unit(&mut snapshot, unit(DEVICE, "active", "plugged"));
        assert!(findings(&RULE, &snapshot).is_empty());
        let mut snapshot = healthy();
        event(&mut snapshot, DEVICE, UnitEventKind::StartFailed, 180).job_result =
            Some("canceled".to_owned());
        assert!(findings(&RULE, &snapshot).is_empty());
    }

    #[test]
    fn what_nothing_needs_any_more_is_forgotten() {
        for (seconds, number) in [(180, 1), (3_700, 0)] {
            let mut snapshot = healthy();
            event(&mut snapshot, DEVICE, UnitEventKind::StartFailed, seconds).job_result =
                Some("timeout".to_owned());
            // Without a boot, events of before the boot do not count.
            let boot_id = snapshot.host.boot_id.value().copied();
            journal_of(&mut snapshot).boot_id = boot_id;
            assert_eq!(findings(&RULE, &snapshot).len(), number, "{seconds}");
        }
    }

    #[test]
    fn names_are_paths() {
        assert_eq!(path(r"dev-disk-by\x2duuid-a.device").unwrap(), "/dev/disk/by-uuid/a");
        assert_eq!(path("dev-vda.device").unwrap(), "/dev/vda");
        for odd in [r"dev-\x.device", r"dev-\xzz.device", r"dev-\", r"dev\xff.device", "dev.mount"]
        {
            assert_eq!(path(odd), None, "{odd}");
        }
    }
}
