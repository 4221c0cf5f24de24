//! The last lines about units: what `systemctl status` shows of them.
//!
//! Of a unit are the lines of its own processes (`_SYSTEMD_UNIT`), of PID 1 and what it forks
//! about it (`UNIT`), of root's daemons about it (`OBJECT_SYSTEMD_UNIT`) and of its core dumps (`COREDUMP_UNIT`).

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Instant;

use sysdiag_model::snapshot::LogLine;
use sysdiag_model::{Gap, UnitName};

use super::events::tells_of_core_dumps;
use super::line::line;
use super::messages::COREDUMP;
use super::reader::{Entry, Faults, Reader, Select};

/// A search for one unit looks its matches up in every file: about as much work as reading this
/// many entries.
const SEARCH_COST: u64 = 4;

/// The last `n` lines of each of `units` in one boot that has `entries` entries, oldest first.
pub(super) fn read(
    reader: &Reader,
    boot_id: &str,
    entries: u64,
    units: &[UnitName],
    n: usize,
    deadline: Instant,
) -> (Vec<(UnitName, Vec<LogLine>)>, Vec<Gap>) {
    let mut faults = Faults::default();
    if n == 0 || units.is_empty() {
        return (units.iter().map(|unit| (unit.clone(), Vec::new())).collect(), Vec::new());
    }
    let searches = (n as u64).saturating_add(SEARCH_COST).saturating_mul(units.len() as u64);
    let lines = if searches > entries {
        in_one_pass(reader, boot_id, units, n, deadline, &mut faults)
    } else {
        let search = |unit: &UnitName| {
            (unit.clone(), of_unit(reader, Some(boot_id), unit, n, deadline, &mut faults))
        };
        units.iter().map(search).collect()
    };
    (lines, faults.into_gaps("last log lines of units"))
}

/// The last `n` lines of `unit` in any boot, oldest first.
pub(super) fn of_any_boot(
    reader: &Reader,
    unit: &UnitName,
    n: usize,
    deadline: Instant,
) -> (Vec<LogLine>, Vec<Gap>) {
    let mut faults = Faults::default();
    let lines = of_unit(reader, None, unit, n, deadline, &mut faults);
    (lines, faults.into_gaps("last log lines of units"))
}

fn of_unit(
    reader: &Reader,
    boot_id: Option<&str>,
    unit: &UnitName,
    n: usize,
    deadline: Instant,
    faults: &mut Faults,
) -> Vec<LogLine> {
    let name = unit.as_str();
    let select = Select {
        all: boot_id.map(|boot_id| ("_BOOT_ID", boot_id)).into_iter().collect(),
        any: vec![
            vec![("_SYSTEMD_UNIT", name)],
            vec![("UNIT", name), ("_UID", "0")],
            vec![("OBJECT_SYSTEMD_UNIT", name), ("_UID", "0")],
            vec![("COREDUMP_UNIT", name), ("MESSAGE_ID", COREDUMP)],
        ],
        ..Select::default()
    };
    let mut lines = Vec::new();
    reader.newest_first(&select, deadline, faults, |entry| {
        // The last match alone can be forged.
        if about(entry).any(|about| about == name) {
            lines.extend(line(entry));
        }
        if lines.len() >= n { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    lines.reverse();
    lines
}

fn in_one_pass(
    reader: &Reader,
    boot_id: &str,
    units: &[UnitName],
    n: usize,
    deadline: Instant,
    faults: &mut Faults,
) -> Vec<(UnitName, Vec<LogLine>)> {
    let mut of_units: BTreeMap<&str, Vec<LogLine>> =
        units.iter().map(|unit| (unit.as_str(), Vec::new())).collect();
    let mut full = 0;
    let select = Select { all: vec![("_BOOT_ID", boot_id)], ..Select::default() };
    reader.newest_first(&select, deadline, faults, |entry| {
        let mut text = None;
        let mut before = Vec::new();
        for unit in about(entry) {
            if before.contains(&unit) {
                continue;
            }
            before.push(unit);
            let lines = of_units.get_mut(unit).filter(|lines| lines.len() < n);
            let Some(lines) = lines else { continue };
            let Some(line) = text.get_or_insert_with(|| line(entry)) else { continue };
            lines.push(line.clone());
            full += usize::from(lines.len() >= n);
        }
        if full >= of_units.len() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let named = of_units.into_iter().map(|(unit, mut lines)| {
        lines.reverse();
        (UnitName::new(unit), lines)
    });
    named.collect()
}

/// The units that an entry is about, as far as its sender is to be believed.
pub(super) fn about<'a>(entry: &'a Entry<'_>) -> impl Iterator<Item = &'a str> {
    let sender = entry.text("_SYSTEMD_UNIT");
    // What PID 1 forks for a unit logs as it does, and has often ended before journald can tell its
    // unit. Of any other process of root it can.
    let forked = || entry.is("_UID", "0") && entry.bytes("_SYSTEMD_UNIT").is_none();
    let manager = entry.text("UNIT").filter(|_| entry.is("_PID", "1") || forked());
    let root = entry.text("OBJECT_SYSTEMD_UNIT").filter(|_| entry.is("_UID", "0"));
    let dump = entry
        .text("COREDUMP_UNIT")
        .filter(|_| entry.is("MESSAGE_ID", COREDUMP) && tells_of_core_dumps(entry));
    [sender, manager, root, dump].into_iter().flatten()
}
