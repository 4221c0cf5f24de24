//! What only unit files tell: the requirements of units that systemd has unloaded again, and the
//! files of `StandardOutput=`, which are no properties.
//!
//! A unit whose start job failed for another is unloaded soon; asking systemd for it would load it.

use std::collections::BTreeMap;

use sysdiag_model::snapshot::{AssertFact, Declaration, FileFact, UnitDetail};
use sysdiag_model::{Gap, UnitName};

use crate::Root;
use crate::unit_files::{Listing, SearchPath, declarations, read};

/// Units that are looked up.
const MAX_UNITS: usize = 200;
/// Requirements of one unit.
const MAX_DEPENDENCIES: usize = 1000;
/// Settings that name units.
const DEPENDENCIES: [&str; 9] = [
    "Requires",
    "Requisite",
    "BindsTo",
    "Wants",
    "PartOf",
    "Upholds",
    "After",
    "Before",
    "Conflicts",
];
/// Settings whose paths imply that the mounts they are on are required.
const PATHS: [&str; 3] = ["RequiresMountsFor", "WorkingDirectory", "RootDirectory"];

/// Adds what the disk says of `unloaded`. `loaded` are the units in question that systemd has: links
/// in `*.requires` may lead to them.
pub(super) fn add<'a>(
    details: &mut BTreeMap<UnitName, UnitDetail>,
    root: &Root,
    unloaded: impl Iterator<Item = &'a UnitName>,
    loaded: &[&UnitName],
) -> Vec<Gap> {
    let unloaded: Vec<&UnitName> = unloaded.take(MAX_UNITS).collect();
    if unloaded.is_empty() {
        return Vec::new();
    }
    let (listing, mut gaps) = Listing::read(root, &SearchPath::standard());
    for name in &unloaded {
        let (unit, more) = read(root, &listing, name);
        gaps.extend(more);
        let Some(unit) = unit else { continue };
        let mut detail = UnitDetail {
            names: unit.names,
            fragment_path: unit.fragment.map(|fragment| fragment.path),
            drop_in_paths: unit.drop_ins,
            unit_file_state: unit.unit_file_state,
            asserts: asserts(&unit.declarations),
            ..UnitDetail::default()
        };
        for setting in DEPENDENCIES {
            let words = in_force(&unit.declarations, "Unit", setting);
            let names = words.filter_map(|word| expanded(name, word));
            let mut names: Vec<UnitName> =
                names.take(MAX_DEPENDENCIES).map(|other| listing_name(&listing, other)).collect();
            if setting == "Requires" {
                names.extend(mounts(&unit.declarations, &unloaded, loaded));
            }
            if !names.is_empty() {
                names.dedup();
                detail.dependencies.insert(setting.to_owned(), names);
            }
        }
        details.insert((*name).clone(), detail);
    }
    for other in loaded.iter().chain(&unloaded).take(MAX_UNITS) {
        let Some(unit) = listing.find(other) else { continue };
        for link in unit.links.into_iter().filter(|link| unloaded.contains(&&link.by)) {
            let detail = details.entry(link.by).or_default();
            let names = detail.dependencies.entry(link.edge_type).or_default();
            if !names.contains(other) {
                names.push((*other).clone());
            }
        }
    }
    gaps
}

/// An alias of a unit on disk is that unit.
fn listing_name(listing: &Listing, other: UnitName) -> UnitName {
    listing.find(&other).map_or(other, |unit| unit.name)
}

/// The words of a list setting; an empty assignment drops what was said before.
fn in_force<'a>(
    declarations: &'a [Declaration],
    section: &'a str,
    key: &'a str,
) -> impl Iterator<Item = &'a str> {
    let all: Vec<&Declaration> =
        declarations.iter().filter(|it| it.section == section && it.key == key).collect();
    let from = all.iter().rposition(|it| it.value.trim().is_empty()).map_or(0, |at| at + 1);
    all.into_iter().skip(from).flat_map(Declaration::words)
}

/// The specifiers that names of units have, `systemd.unit(5)`. None: another one.
fn expanded(unit: &UnitName, word: &str) -> Option<UnitName> {
    if !word.contains('%') {
        return Some(UnitName::new(word));
    }
    let full = unit.as_str();
    let stem = full.rsplit_once('.').map_or(full, |(stem, _)| stem);
    let (prefix, instance) = stem.split_once('@').unwrap_or((stem, ""));
    let mut name = String::new();
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            name.push(c);
            continue;
        }
        name.push_str(match chars.next()? {
            '%' => "%",
            'i' => instance,
            'n' => full,
            'N' => stem,
            'p' => prefix,
            'j' => prefix.rsplit('-').next().unwrap_or(prefix),
            _ => return None,
        });
    }
    Some(UnitName::new(name))
}

/// The units in question that are mounts on the way to a path that the unit needs.
fn mounts(
    declarations: &[Declaration],
    unloaded: &[&UnitName],
    loaded: &[&UnitName],
) -> Vec<UnitName> {
    let mut found = Vec::new();
    for setting in PATHS {
        let section = if setting == "RequiresMountsFor" { "Unit" } else { "Service" };
        for path in in_force(declarations, section, setting).filter(|path| path.starts_with('/')) {
            let ends = path.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
            for end in ends.chain([path.len()]) {
                let Some(name) = path.get(..end).map(UnitName::of_mount_point) else { continue };
                let known = loaded.iter().chain(unloaded).find(|unit| ***unit == name);
                found.extend(known.map(|unit| (*unit).clone()));
            }
        }
    }
    found
}

/// `Assert...=` as they stand; which of them was not met is not known any more.
fn asserts(declarations: &[Declaration]) -> Vec<AssertFact> {
    let in_unit = declarations.iter().filter(|it| it.section == "Unit" && !it.value.is_empty());
    in_unit
        .filter(|it| it.key.starts_with("Assert"))
        .map(|it| AssertFact { setting: it.key.clone(), value: it.value.clone(), failed: false })
        .collect()
}

/// Adds the files of `StandardInput=` and the like to what a unit cannot be started without, which
/// are asked for only where that was the step that failed.
pub(super) fn add_streams(detail: &mut UnitDetail, root: &Root) {
    let paths: Vec<&String> = detail.fragment_path.iter().chain(&detail.drop_in_paths).collect();
    let (declarations, _) = declarations(root, &paths);
    for setting in ["StandardInput", "StandardOutput", "StandardError"] {
        let said = declarations.iter().rfind(|it| it.section == "Service" && it.key == setting);
        let Some((kind, path)) = said.and_then(|it| it.value.split_once(':')) else { continue };
        if !matches!(kind, "file" | "append" | "truncate") || path.contains('%') {
            continue;
        }
        // What is written to is made, if the folder is there.
        let folder = path.trim_end_matches('/').rsplit_once('/').map(|(folder, _)| folder);
        let needed = if setting == "StandardInput" { Some(path) } else { folder };
        if let Some(path) = needed.filter(|path| path.starts_with('/')) {
            detail.files.push(FileFact {
                path: path.to_owned(),
                setting: setting.to_owned(),
                interpreter_of: None,
                leads_to: None,
                state: None,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn requirements_of_a_unit_that_is_not_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        let units = folder.path().join("etc/systemd/system");
        fs::create_dir_all(units.join("web@.service.d")).unwrap();
        fs::create_dir_all(units.join("web@a.service.requires")).unwrap();
        fs::write(
            units.join("web@.service"),
            "[Unit]\nRequires=gone.service\nRequires=\nRequires=app-%i.service sql.service\n\
             RequiresMountsFor=/srv/my-data/x\nAssertPathExists=/srv/x\n[Service]\nExecStart=/x\n",
        )
        .unwrap();
        fs::write(units.join("web@.service.d/a.conf"), "[Unit]\nBindsTo=%p.socket\n").unwrap();
        for name in ["db.service", "cache.service", "mariadb.service"] {
            fs::write(units.join(name), "[Service]\nExecStart=/x\n").unwrap();
        }
        std::os::unix::fs::symlink("mariadb.service", units.join("sql.service")).unwrap();
        let link = units.join("web@a.service.requires/cache.service");
        std::os::unix::fs::symlink("../cache.service", link).unwrap();
        let name = UnitName::from("web@a.service");
        let mount = UnitName::from("srv-my\\x2ddata.mount");
        let cache = UnitName::from("cache.service");
        let mut details = BTreeMap::new();
        let none = UnitName::from("none.service");
        let gaps = add(&mut details, &root, [&name, &none].into_iter(), &[&mount, &cache]);
        assert_eq!(gaps, []);
        assert_eq!(details.len(), 1);
        let detail = &details["web@a.service"];
        let expected = ["app-a.service", "mariadb.service", mount.as_str(), "cache.service"];
        assert_eq!(detail.dependencies["Requires"], expected);
        assert_eq!(detail.dependencies["BindsTo"], ["web.socket"]);
        assert_eq!(detail.asserts[0].value, "/srv/x");
    }

    #[test]
    fn the_folder_of_a_log_file_must_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        fs::write(
            folder.path().join("a.service"),
            "[Service]\nStandardOutput=journal\nStandardOutput=append:/srv/log/a\n\
             StandardInput=file:/srv/in\nStandardError=inherit\n",
        )
        .unwrap();
        let mut detail =
            UnitDetail { fragment_path: Some("/a.service".to_owned()), ..UnitDetail::default() };
        add_streams(&mut detail, &root);
        let found: Vec<_> =
            detail.files.iter().map(|file| (file.setting.as_str(), file.path.as_str())).collect();
        assert_eq!(found, [("StandardInput", "/srv/in"), ("StandardOutput", "/srv/log")]);
    }
}
