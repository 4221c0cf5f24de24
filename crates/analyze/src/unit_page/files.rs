//! What unit files and links add to the page: names, what enables the unit, what it would do.

use std::collections::BTreeMap;

use sysdiag_model::report::{EnablingLink, ListenAddress, UnitInstance, UnitPage, UnitTimer};
use sysdiag_model::snapshot::{Declaration, UnitLink, UnitOnDisk};
use sysdiag_model::{Snapshot, UnitName};

use crate::health::timers::next_elapse;
use crate::units::Units;

/// What is on disk under the name `asked`, if the snapshot was taken for it.
pub(super) fn on_disk<'a>(snapshot: &'a Snapshot, asked: &UnitName) -> Option<&'a UnitOnDisk> {
    let on_disk = snapshot.unit_files.value()?.asked.as_ref()?;
    on_disk.names.contains(asked).then_some(on_disk)
}

/// The real name that `asked` is a link to in the unit search path.
pub(super) fn alias_of<'a>(snapshot: &'a Snapshot, asked: &UnitName) -> Option<&'a UnitName> {
    snapshot.unit_files.value()?.aliases.get(asked)
}

/// Adds to `page` what is the same for loaded units and for those that are not.
pub(super) fn add(
    page: &mut UnitPage,
    snapshot: &Snapshot,
    units: Option<&Units<'_>>,
    asked: &UnitName,
) {
    page.asked_as = (page.name != *asked).then(|| asked.clone());
    // Of units that systemd has unloaded again there are details too, from disk and without this.
    let loaded = units
        .filter(|units| units.systemd.unit(page.name.as_str()).is_some())
        .and_then(|units| units.detail(page.name.as_str()));
    let on_disk = on_disk(snapshot, asked).or_else(|| on_disk(snapshot, &page.name));
    let linked = snapshot.unit_files.value().into_iter().flat_map(|files| &files.aliases);
    let linked = linked.filter(|(_, real)| **real == page.name).map(|(alias, _)| alias);
    let mut names: Vec<UnitName> = loaded
        .into_iter()
        .flat_map(|detail| &detail.names)
        .chain(on_disk.into_iter().flat_map(|on_disk| &on_disk.names))
        .chain(linked)
        .filter(|name| **name != page.name)
        .cloned()
        .collect();
    names.sort();
    names.dedup();
    page.aliases = names;
    if page.name.is_template() {
        page.instances = units.map(|units| instances(units, &page.name));
    }
    if let Some(units) = units {
        page.timer = units.systemd.timers.get(&page.name).map(|timer| UnitTimer {
            unit: timer.unit.clone(),
            last_trigger: timer.last_trigger,
            next_elapse: next_elapse(units, timer),
        });
    }
    if let Some(loaded) = loaded {
        page.listens = loaded.listen.iter().map(address).collect();
    }
    let Some(on_disk) = on_disk else { return };
    page.enabled_by = on_disk.links.iter().map(link).collect();
    page.install = Some(section(&on_disk.declarations, "Install"));
    let fragment = on_disk.fragment.as_ref();
    // Of the file that was loaded, not of one that came later.
    let same = fragment.filter(|it| page.fragment_path.as_ref() == Some(&it.path));
    page.fragment_target = same.and_then(|fragment| fragment.target.clone());
}

fn instances(units: &Units<'_>, template: &UnitName) -> Vec<UnitInstance> {
    let all = units.systemd.units.iter();
    let instances = all.filter(|unit| unit.name.template().as_ref() == Some(template));
    instances
        .map(|unit| UnitInstance {
            name: unit.name.clone(),
            active_state: unit.active_state.clone(),
            sub_state: unit.sub_state.clone(),
        })
        .collect()
}

fn address((kind, address): &(String, String)) -> ListenAddress {
    ListenAddress { kind: kind.clone(), address: address.clone() }
}

fn link(link: &UnitLink) -> EnablingLink {
    EnablingLink {
        by: link.by.clone(),
        edge_type: link.edge_type.clone(),
        unit: link.unit.clone(),
        path: link.path.clone(),
    }
}

/// Keys of which each assignment adds to those before: all others replace.
fn is_list(key: &str) -> bool {
    const LISTS: [&str; 9] = [
        "Documentation",
        "WantedBy",
        "RequiredBy",
        "UpheldBy",
        "Alias",
        "Also",
        "EnvironmentFile",
        "LoadCredential",
        "BindPaths",
    ];
    const BEGIN: [&str; 6] = ["Exec", "Listen", "On", "Path", "Condition", "Assert"];
    LISTS.contains(&key) || BEGIN.iter().any(|begin| key.starts_with(begin))
}

/// The keys of one section with their values, as they apply together.
pub(super) fn section(declarations: &[Declaration], name: &str) -> BTreeMap<String, String> {
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    for it in declarations.iter().filter(|it| it.section == name) {
        let value = values.entry(it.key.clone()).or_default();
        if it.value.is_empty() || value.is_empty() || !is_list(&it.key) {
            value.clone_from(&it.value);
        } else {
            let between = if name == "Install" { " " } else { "; " };
            value.push_str(between);
            value.push_str(&it.value);
        }
    }
    values.retain(|_, value| !value.is_empty());
    values
}
