//! `analyze-unit`: everything about one unit.

use sysdiag_analyze::{Need, Scope, find_unit};
use sysdiag_model::{Snapshot, UnitName};

use super::unit_name;
use crate::args::{Global, UnitArgs};
use crate::config::similar_few;
use crate::pipeline::{self, Task, UseOfHistory};
use crate::sinks::Focus;
use crate::{Error, Exit};

/// Log lines of the page.
const RECENT_LINES: usize = 50;
/// Names that are offered in the place of one that is not there.
const NEAREST: usize = 3;

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
    // Where nobody knows what is loaded, the rest of the page is shown, and the exit code is 3.
    if find_unit(&snapshot, &asked).is_none() && snapshot.systemd.value().is_some() {
        return Err(not_there(&snapshot, &asked, &args.unit));
    }
    let task = Task {
        global,
        analysis: &args.analysis,
        scope: Scope { unit: Some(asked), ..Scope::default() },
        focus: Focus::Unit,
        needs: &[Need::Systemd],
        history: UseOfHistory::OfUnit,
    };
    task.finish(&config, &snapshot)
}

/// Why there is no page, and which names are near. `text`: as the user wrote it.
fn not_there(snapshot: &Snapshot, asked: &UnitName, text: &str) -> Error {
    let Some(files) = snapshot.unit_files.value() else {
        let error = Error::usage(format!("unit {asked} is not loaded"));
        return error.hint("systemctl list-units --all lists what is loaded");
    };
    if files.names.binary_search(asked).is_ok() {
        return Error::usage(format!("unit {asked} was not loaded when the capture was taken"))
            .hint("a capture holds what loaded units say of themselves, and no unit files");
    }
    let loaded = snapshot.systemd.value().map(|systemd| systemd.units.as_slice());
    let loaded = loaded.unwrap_or_default().iter().map(|unit| &unit.name);
    let names = loaded.chain(&files.names);
    let error = Error::usage(format!("there is no unit {asked}, neither loaded nor on disk"));
    let near = nearest(asked, names, is_any_kind(text));
    if near.is_empty() {
        return error.hint("systemctl list-units --all and list-unit-files list what there is");
    }
    error.hint(format!("the nearest names: {}", near.join(", ")))
}

/// Whether the user named no kind, so that any may be meant.
fn is_any_kind(text: &str) -> bool {
    !text.starts_with('/') && UnitName::from(text).unit_type().is_none()
}

/// Names like `asked`. Of the same kind only, if one was named: nobody who asks for a service means
/// its slice.
fn nearest<'a>(
    asked: &UnitName,
    names: impl Iterator<Item = &'a UnitName>,
    any_kind: bool,
) -> Vec<&'a str> {
    let mut names: Vec<&UnitName> =
        names.filter(|name| any_kind || name.unit_type() == asked.unit_type()).collect();
    // The better known kinds first, where several have the stem.
    names.sort_by_key(|name| (name.unit_type(), name.as_str()));
    names.dedup();
    let stems = similar_few(asked.stem(), names.iter().map(|name| name.stem()), NEAREST);
    let with_stem = |stem| names.iter().filter(move |name| name.stem() == stem);
    stems.into_iter().flat_map(with_stem).map(|name| name.as_str()).take(NEAREST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_are_meant_where_none_is_named() {
        let names = ["fstrim.timer", "fstrim.service", "fstab.slice", "nginx.service"];
        let names = names.map(UnitName::from);
        // More is unlike than alike in fstab.
        let near = |asked: &str, any| nearest(&UnitName::from(asked), names.iter(), any);
        assert_eq!(near("fstrin.service", true), ["fstrim.service", "fstrim.timer"]);
        assert_eq!(near("fstrin.service", false), ["fstrim.service"]);
        assert_eq!(near("ngnix.timer", false), [""; 0]);
        assert!(is_any_kind("fstrim") && is_any_kind("python3.11"));
        assert!(!is_any_kind("fstrim.timer") && !is_any_kind("/var"));
    }
}
