//! Whether a unit is enabled, by its links, as `systemctl is-enabled` says it.

use sysdiag_model::snapshot::{Declaration, UnitOnDisk};

use super::listing::{Kind, Listing};
use super::name::{self, instantiate};
use super::search_path::{Origin, is_runtime, origin};

/// Where `systemctl enable` puts its links.
const PERSISTENT: &str = "/etc/systemd/system";

/// `enabled`, `enabled-runtime`, `linked`, `masked`, `generated`, `transient`, `static`, `indirect`,
/// `disabled`; none without a unit file. `unit` has its declarations.
pub(super) fn of(listing: &Listing, unit: &UnitOnDisk) -> Option<String> {
    let fragment = unit.fragment.as_ref()?;
    let directory = parent(&fragment.path);
    let runtime = |plain: &str| {
        if is_runtime(directory) { format!("{plain}-runtime") } else { plain.to_owned() }
    };
    if fragment.masked {
        return Some(runtime("masked"));
    }
    let written = match origin(directory) {
        Origin::Generated => Some("generated"),
        Origin::Transient => Some("transient"),
        Origin::Control | Origin::Files => None,
    };
    if let Some(written) = written {
        return Some(written.to_owned());
    }
    let places = link_places(listing, unit);
    if places.contains(&PERSISTENT) {
        return Some("enabled".to_owned());
    }
    if places.iter().any(|place| is_runtime(place)) {
        return Some("enabled-runtime".to_owned());
    }
    let is_instance = name::template_of(unit.name.as_str()).is_some();
    if is_instance && !places.is_empty() {
        return Some("static".to_owned());
    }
    if fragment.target.is_some() {
        return Some(runtime("linked"));
    }
    let has = |keys: &[&str]| install(unit).any(|it| keys.contains(&it.key.as_str()));
    Some(
        match () {
            () if has(&["WantedBy", "RequiredBy", "UpheldBy", "Alias"]) => "disabled",
            () if has(&["Also"]) => "indirect",
            () => "static",
        }
        .to_owned(),
    )
}

/// The directories of the search path with links that enable the unit: from what wants it, or from an
/// alias that its file asks for.
fn link_places<'a>(listing: &'a Listing, unit: &'a UnitOnDisk) -> Vec<&'a str> {
    let own = unit.name.as_str();
    let default = install(unit).filter(|it| it.key == "DefaultInstance").last();
    let default = default.and_then(|it| instantiate(own, &it.value));
    let enables = |name: &str| name == own || default.as_deref() == Some(name);
    let links = unit.links.iter().filter(|link| enables(link.unit.as_str()));
    let mut places: Vec<&str> = links.map(|link| parent(parent(&link.path))).collect();
    let aliases = install(unit).filter(|it| it.key == "Alias").flat_map(Declaration::words);
    for entry in aliases.filter_map(|alias| listing.units.get(alias)).flatten() {
        if let Kind::Link { target, .. } = &entry.kind
            && target.rsplit('/').next() == Some(own)
        {
            places.push(parent(&entry.path));
        }
    }
    places
}

fn install(unit: &UnitOnDisk) -> impl Iterator<Item = &Declaration> {
    unit.declarations.iter().filter(|it| it.section == "Install" && !it.value.is_empty())
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}
