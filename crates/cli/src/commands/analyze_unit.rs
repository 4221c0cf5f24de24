//! `analyze-unit`: everything about one unit.

use sysdiag_analyze::{Need, Scope};
use sysdiag_model::{Snapshot, UnitName};

use super::unit_name;
use crate::args::{Global, UnitArgs};
use crate::config::similar;
use crate::pipeline::{self, Task, UseOfHistory};
use crate::sinks::Focus;
use crate::{Error, Exit};

/// Log lines of the page.
const RECENT_LINES: usize = 50;

pub(super) fn run(global: &Global, args: &UnitArgs) -> Result<Exit, Error> {
    let config = pipeline::configuration(global)?.config;
    let asked = unit_name::mangle(&args.unit).map_err(|why| {
        Error::usage(format!("{}: {why}", args.unit.escape_debug().take(300).collect::<String>()))
    })?;
    let snapshot = if let Some(path) = &args.analysis.from {
        pipeline::read_capture(path)?
    } else {
        let mut options = pipeline::options(&config);
        options.unit = Some(asked.clone());
        options.recent_lines = options.recent_lines.max(RECENT_LINES);
        pipeline::collect(&options)
    };
    let unit = match pipeline::find_unit(&snapshot, &asked) {
        Some(unit) => unit,
        None if snapshot.systemd.value().is_some() => return Err(not_loaded(&snapshot, &asked)),
        // Nobody knows what is loaded: the rest of the page, and exit code 3.
        None => asked,
    };
    let task = Task {
        global,
        analysis: &args.analysis,
        scope: Scope { unit: Some(unit), ..Scope::default() },
        focus: Focus::Unit,
        needs: &[Need::Systemd],
        history: UseOfHistory::OfUnit,
    };
    task.finish(&config, &snapshot)
}

fn not_loaded(snapshot: &Snapshot, asked: &UnitName) -> Error {
    let units =
        snapshot.systemd.value().map(|systemd| systemd.units.as_slice()).unwrap_or_default();
    // Of the same kind only: nobody who asks for a service means its slice.
    let kind = asked.unit_type();
    let same_kind = units.iter().map(|unit| &unit.name).filter(|name| name.unit_type() == kind);
    let meant = similar(asked.stem(), same_kind.map(UnitName::stem));
    let error = Error::usage(format!("unit {asked} is not loaded"));
    match (meant, kind) {
        (Some(stem), Some(kind)) => {
            error.hint(format!("the nearest loaded name is {stem}.{}", kind.suffix()))
        }
        _ => error.hint("systemctl list-units --all lists what is loaded"),
    }
}
