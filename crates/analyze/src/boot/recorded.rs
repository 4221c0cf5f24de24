//! Boots that were recorded on real systemd, beside what `systemd-analyze` printed about them.
//!
//! Sections of a recording: stamps of the manager, units with their four stamps, `After=` of the
//! units on the chain, then the output of `systemd-analyze time`, `blame` and `critical-chain`.

use std::collections::BTreeMap;

use sysdiag_model::report::{BootAnalysis, BootTimes, ChainLink};
use sysdiag_model::snapshot::{Systemd, UnitTimes};
use sysdiag_model::{Snapshot, UnitName};

use crate::testing::{healthy, systemd_of, unit};
use crate::timespan::format_msec;

const RECORDINGS: [(&str, &str); 3] = [
    ("systemd 252 in a container", include_str!("recorded/container-252.txt")),
    ("systemd 257 in a container", include_str!("recorded/container-257.txt")),
    ("systemd 252 in a machine", include_str!("recorded/machine-252.txt")),
];

#[test]
fn every_line_equals_that_of_systemd_analyze() {
    for (name, recording) in RECORDINGS {
        let sections = sections(recording);
        let mut snapshot = snapshot(&sections);
        let boot = super::analyze(systemd_of(&mut snapshot));
        assert_eq!(time_lines(&boot), trimmed(&sections["time"]), "{name}");
        assert_eq!(chain_lines(&boot.critical_chain), trimmed(&sections["chain"]), "{name}");
        // Lines that show the same time stand there in any order.
        let mut blame: Vec<String> = boot
            .blame
            .iter()
            .map(|entry| format!("{} {}", format_msec(entry.time_usec), entry.unit))
            .collect();
        let mut expected = trimmed(&sections["blame"]);
        assert!(blame.len() > 10, "{name}");
        assert_eq!(blame[0], expected[0], "{name}");
        blame.sort();
        expected.sort();
        assert_eq!(blame, expected, "{name}");
    }
}

fn sections(recording: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut sections: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut name = "";
    for line in recording.lines() {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(heading) => name = heading,
            None => sections.entry(name).or_default().push(line),
        }
    }
    sections
}

fn snapshot(sections: &BTreeMap<&str, Vec<&str>>) -> Snapshot {
    let stamps: BTreeMap<&str, Option<u64>> = sections["manager"]
        .iter()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, stamp)| (name, stamp.parse().ok()))
        .collect();
    let mut snapshot = healthy();
    let systemd: &mut Systemd = systemd_of(&mut snapshot);
    let manager = &mut systemd.manager;
    manager.firmware_monotonic_usec = stamps["Firmware"];
    manager.loader_monotonic_usec = stamps["Loader"];
    manager.initrd_monotonic_usec = stamps["InitRD"];
    manager.userspace_monotonic_usec = stamps["Userspace"];
    manager.finish_monotonic_usec = stamps["Finish"];
    manager.security_start_monotonic_usec = stamps["SecurityStart"];
    manager.soft_reboot_start_monotonic_usec = stamps["SoftRebootStart"];
    systemd.default_target = Some(sections["target"][0].into());
    systemd.units = sections["units"]
        .iter()
        .map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let stamp = |index: usize| words[index].parse().ok().filter(|usec| *usec != 0);
            let mut unit = unit(words[0], "active", "active");
            unit.times = Some(UnitTimes {
                inactive_exit_usec: stamp(1),
                active_enter_usec: stamp(2),
                active_exit_usec: stamp(3),
                inactive_enter_usec: stamp(4),
            });
            unit
        })
        .collect();
    systemd.units.sort_by(|a, b| a.name.cmp(&b.name));
    systemd.chain_after = sections["after"]
        .iter()
        .map(|line| {
            let mut names = line.split(' ').map(UnitName::from);
            (names.next().unwrap(), names.collect())
        })
        .collect();
    snapshot
}

fn trimmed(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| line.trim().to_owned()).collect()
}

fn time_lines(boot: &BootAnalysis) -> Vec<String> {
    let BootTimes { kernel_usec, initrd_usec, userspace_usec, total_usec, .. } = boot.times;
    let phases = [(kernel_usec, "kernel"), (initrd_usec, "initrd"), (userspace_usec, "userspace")];
    let shown: Vec<String> = phases
        .into_iter()
        .filter_map(|(usec, name)| Some(format!("{} ({name})", format_msec(usec?))))
        .collect();
    // systemd-analyze leaves out a total that has one part.
    let total = total_usec.filter(|_| shown.len() > 1);
    let total = total.map(|usec| format!(" = {}", format_msec(usec))).unwrap_or_default();
    vec![
        format!("Startup finished in {}{total}", shown.join(" + ")),
        format!(
            "{} reached after {} in userspace.",
            boot.default_target.as_ref().unwrap(),
            format_msec(boot.default_target_reached_usec.unwrap())
        ),
    ]
}

/// As systemd-analyze draws it; none of the recordings has two units at the same microsecond.
fn chain_lines(chain: &[ChainLink]) -> Vec<String> {
    chain
        .iter()
        .map(|link| {
            let branch = if link.depth == 0 { "" } else { "└─" };
            let at = link.at_usec.map(|usec| format!(" @{}", format_msec(usec)));
            let took = link.took_usec.map(|usec| format!(" +{}", format_msec(usec)));
            let (at, took) = (at.unwrap_or_default(), took.unwrap_or_default());
            format!("{branch}{}{at}{took}", link.unit)
        })
        .collect()
}
