//! Time services, and what their being active says of the clock.

use sysdiag_model::snapshot::{Snapshot, Unit};
use sysdiag_model::{Gap, Why};

use crate::units::Units;

/// The one that leaves a mark when it has set the clock.
pub(crate) const TIMESYNCD: &str = "systemd-timesyncd.service";
/// Others, and who can be asked how they are.
const OTHERS: [(&str, &str); 8] = [
    ("chrony.service", "chronyc tracking"),
    ("chronyd.service", "chronyc tracking"),
    ("ntp.service", "ntpq -p"),
    ("ntpd.service", "ntpq -p"),
    ("ntpsec.service", "ntpq -p"),
    ("openntpd.service", "ntpctl -s status"),
    ("ntpd-rs.service", "ntp-ctl status"),
    ("phc2sys.service", "pmc -u -b 0 'GET TIME_STATUS_NP'"),
];

/// The unit, and for how many microseconds it has been active. None: it is not.
pub(crate) fn active_for<'a>(snapshot: &'a Snapshot, name: &str) -> Option<(&'a Unit, u64)> {
    let unit = snapshot.systemd.value()?.unit(name)?;
    if unit.active_state != "active" {
        return None;
    }
    let since = Units::of(snapshot)?.since(unit)?;
    Some((unit, snapshot.clock.realtime.usec_since(since)))
}

/// What is not known of the clock where another time service sets it.
pub(crate) fn gap(snapshot: &Snapshot) -> Option<Gap> {
    let systemd = snapshot.systemd.value()?;
    let active = |name: &str| systemd.unit(name).is_some_and(|unit| unit.active_state == "active");
    if active(TIMESYNCD) {
        return None;
    }
    let (name, command) = OTHERS.into_iter().find(|(name, _)| active(name))?;
    let hint = format!("{name} leaves no mark that can be read; ask it: {command}");
    Some(Gap::new("clock synchronisation", Why::NotSupported, hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW_USEC, add_unit, healthy, unit};

    #[test]
    fn active_since_it_became_so() {
        let mut snapshot = healthy();
        assert!(active_for(&snapshot, TIMESYNCD).is_none());
        add_unit(&mut snapshot, unit(TIMESYNCD, "active", "running"));
        assert_eq!(active_for(&snapshot, TIMESYNCD).unwrap().1, NOW_USEC - 4_000_000);
        add_unit(&mut snapshot, unit(TIMESYNCD, "inactive", "dead"));
        assert!(active_for(&snapshot, TIMESYNCD).is_none());
    }

    #[test]
    fn of_other_services_it_is_not_known() {
        let mut snapshot = healthy();
        assert_eq!(gap(&snapshot), None);
        add_unit(&mut snapshot, unit("chrony.service", "active", "running"));
        assert!(gap(&snapshot).unwrap().hint.unwrap().ends_with("ask it: chronyc tracking"));
        add_unit(&mut snapshot, unit(TIMESYNCD, "active", "running"));
        assert_eq!(gap(&snapshot), None);
    }
}
