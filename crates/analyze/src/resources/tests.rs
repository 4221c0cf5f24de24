//! The whole section, and that no counter brings the analysis down.

use proptest::prelude::*;
use sysdiag_model::{Gap, Probe, Why};

use super::arbitrary::snapshot;
use super::*;
use crate::testing::{findings, healthy};

#[test]
fn what_was_not_read_is_absent() {
    let mut snapshot = healthy();
    snapshot.cgroups = Probe::Unknown(Gap::new("cgroups", Why::NotSupported, "cgroup v1 only"));
    let resources = analyze(&snapshot, &Settings::default());
    assert_eq!((resources.unit_usage, resources.top_cpu_units), (None, None));
    assert!(resources.system_usage.is_some() && resources.child_process_groups.is_some());
}

#[test]
fn no_rule_of_this_section_has_anything_to_say_about_a_healthy_host() {
    let snapshot = healthy();
    for rule in crate::rules::ALL {
        assert_eq!(findings(rule, &snapshot), [], "{}", rule.id);
    }
}

proptest! {
    #[test]
    fn no_counter_brings_it_down(snapshot in snapshot()) {
        let resources = analyze(&snapshot, &Settings::default());
        for unit in resources.unit_usage.iter().flatten() {
            prop_assert!(unit.cpu_percent.is_none_or(|percent| percent >= 0.0 && percent.is_finite()));
        }
        let system = resources.system_usage.unwrap();
        prop_assert!(system.cpu_percent.is_none_or(|percent| (0.0..=100.0).contains(&percent)));
        for rule in crate::rules::ALL {
            for finding in findings(rule, &snapshot) {
                prop_assert!(!finding.title.contains("NaN") && !finding.title.contains("inf"));
            }
        }
    }
}
