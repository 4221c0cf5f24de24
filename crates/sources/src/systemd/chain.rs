//! Whose `After=` the critical chain needs: the default target's, then that of the unit it waited
//! for longest, and so on down (`systemd-analyze(1)`, critical-chain).
//!
//! The chain itself is computed by the analysis; here only the lists it will look at are fetched.

use std::collections::{BTreeMap, HashMap, HashSet};

use sysdiag_model::UnitName;

use super::names::UNIT;
use super::units::Listed;
use crate::dbus::{Call, Connection, Error};

/// The most units on a chain: a boot that waits for more, one after another, is not finished.
const MAX_LINKS: usize = 512;

/// Fetches `After=` of `target` and of every unit the chain below it visits.
pub(super) fn read(
    connection: &mut Connection,
    units: &[Listed],
    target: &UnitName,
    finish_usec: u64,
) -> Result<BTreeMap<UnitName, Vec<UnitName>>, Error> {
    let by_name: HashMap<&str, &Listed> =
        units.iter().map(|listed| (listed.unit.name.as_str(), listed)).collect();
    let mut after = BTreeMap::new();
    let mut seen: HashSet<UnitName> = HashSet::from([target.clone()]);
    let mut open = vec![target.clone()];
    while let Some(name) = open.pop() {
        let Some(listed) = by_name.get(name.as_str()) else { continue };
        if after.len() >= MAX_LINKS {
            break;
        }
        let list: Vec<UnitName> = match connection.call(&Call::get(&listed.path, UNIT, "After")) {
            Ok(reply) => reply.value()?.strings()?.into_iter().map(UnitName::new).collect(),
            // It vanished: the chain ends here.
            Err(Error::Call(_)) => continue,
            Err(error) => return Err(error),
        };
        for next in
            last_up(&list, finish_usec, |name| by_name.get(name)?.unit.times?.active_enter_usec)
        {
            if seen.insert(next.clone()) {
                open.push(next.clone());
            }
        }
        after.insert(name, list);
    }
    Ok(after)
}

/// The units of `list` that were up last, not after the end of the boot: several if at the same time.
fn last_up(
    list: &[UnitName],
    finish_usec: u64,
    up: impl Fn(&str) -> Option<u64>,
) -> Vec<&UnitName> {
    let in_boot = |name: &UnitName| up(name.as_str()).filter(|usec| *usec <= finish_usec);
    let Some(last) = list.iter().filter_map(in_boot).max() else { return Vec::new() };
    list.iter().filter(|name| in_boot(name) == Some(last)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_within_the_boot_is_followed() {
        let list = ["a.service", "b.service", "c.service", "late.service", "never.service"]
            .map(UnitName::from);
        let up = |name: &str| match name {
            "a.service" => Some(5),
            "b.service" | "c.service" => Some(7),
            "late.service" => Some(11),
            _ => None,
        };
        let names = |finish| {
            last_up(&list, finish, up).into_iter().map(UnitName::as_str).collect::<Vec<_>>()
        };
        assert_eq!(names(10), ["b.service", "c.service"]);
        assert_eq!(names(11), ["late.service"]);
        assert_eq!(names(1), [""; 0]);
    }
}
