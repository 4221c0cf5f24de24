//! The page of a unit that systemd has not loaded: what its files say, and the state of what they name.

use std::collections::BTreeMap;

use sysdiag_model::report::{Dependency, ListenAddress, UnitPage};
use sysdiag_model::snapshot::{Declaration, UnitOnDisk};
use sysdiag_model::{Snapshot, UnitName, UnitType};

use super::{LINES, files};
use crate::dependencies;
use crate::units::Units;

/// `load_state` of a unit that systemd has not loaded.
pub(crate) const NOT_LOADED: &str = "not-loaded";

/// Settings that name other units, in the order of the page.
const EDGES: [&str; 10] = [
    "Requires",
    "Requisite",
    "BindsTo",
    "Wants",
    "PartOf",
    "Upholds",
    "Conflicts",
    "OnFailure",
    "After",
    "Before",
];

/// The page of `unit`. Without `units`, systemd could not be asked.
pub(super) fn page(snapshot: &Snapshot, units: Option<&Units<'_>>, unit: &UnitOnDisk) -> UnitPage {
    let masked = unit.fragment.as_ref().is_some_and(|fragment| fragment.masked);
    let load_state = match (&unit.fragment, masked) {
        (None, _) => "not-found",
        (_, true) => "masked",
        _ => NOT_LOADED,
    };
    let said = files::section(&unit.declarations, "Unit");
    UnitPage {
        name: unit.name.clone(),
        aliases: Vec::new(),
        asked_as: None,
        description: said.get("Description").map(|text| expand(text, &unit.name)),
        load_state: load_state.to_owned(),
        active_state: "inactive".to_owned(),
        sub_state: "dead".to_owned(),
        unit_file_state: unit.unit_file_state.clone(),
        fragment_path: unit.fragment.as_ref().map(|fragment| fragment.path.clone()),
        fragment_target: None,
        enabled_by: Vec::new(),
        install: None,
        instances: None,
        timer: None,
        listens: listens(&unit.declarations),
        drop_in_paths: unit.drop_ins.clone(),
        since: None,
        result: None,
        exit_status: None,
        signal: None,
        activation_usec: None,
        usage: None,
        dependencies: units.map(|units| depends_on(snapshot, units, unit)).unwrap_or_default(),
        processes: None,
        recent_logs: units.and_then(|units| units.recent_logs(unit.name.as_str(), LINES)),
        history: None,
        properties: properties(unit),
    }
}

/// What the files name, with states; what is nowhere is `not-found`.
fn depends_on(snapshot: &Snapshot, units: &Units<'_>, unit: &UnitOnDisk) -> Vec<Dependency> {
    let mut edges: Vec<(&str, UnitName)> = Vec::new();
    for edge in EDGES {
        let of_unit = unit.declarations.iter().filter(|it| it.section == "Unit" && it.key == edge);
        let names = of_unit.flat_map(Declaration::words);
        edges.extend(names.map(|name| (edge, UnitName::new(expand(name, &unit.name)))));
        let linked = unit.asks_for.iter().filter(|link| link.edge_type == edge);
        edges.extend(linked.map(|link| (edge, link.unit.clone())));
    }
    edges.extend(triggers(unit).map(|name| ("Triggers", name)));
    let mut known = std::collections::BTreeSet::new();
    edges.retain(|edge| known.insert(edge.clone()));
    let with_state = |(edge, name): (&str, UnitName)| {
        let real = files::alias_of(snapshot, &name)
            .filter(|_| units.systemd.unit(name.as_str()).is_none());
        let mut to = dependencies::dependency(units, edge, real.unwrap_or(&name));
        if to.load_state.is_none() && is_nowhere(snapshot, &name) {
            to.load_state = Some("not-found".to_owned());
            to.problematic = dependencies::REQUIREMENTS.contains(&edge);
        }
        to.name = name;
        to
    };
    edges.into_iter().map(with_state).collect()
}

/// Whether there is no file for it either. Only of kinds that are made of nothing but files.
fn is_nowhere(snapshot: &Snapshot, name: &UnitName) -> bool {
    use UnitType::{Path, Service, Socket, Target, Timer};
    let of_files = matches!(name.unit_type(), Some(Service | Socket | Target | Timer | Path));
    let Some(files) = snapshot.unit_files.value() else { return false };
    let has = |name: &UnitName| files.names.binary_search(name).is_ok();
    of_files && !has(name) && !name.template().is_some_and(|template| has(&template))
}

/// What a timer, path or socket starts: the service of its own name, unless it names another.
fn triggers(unit: &UnitOnDisk) -> Option<UnitName> {
    let (section, key) = match unit.name.unit_type()? {
        UnitType::Timer => ("Timer", "Unit"),
        UnitType::Path => ("Path", "Unit"),
        UnitType::Socket => ("Socket", "Service"),
        _ => return None,
    };
    unit.fragment.as_ref().filter(|fragment| !fragment.masked)?;
    let said = files::section(&unit.declarations, section);
    if said
        .get("Accept")
        .is_some_and(|accept| matches!(accept.as_str(), "yes" | "true" | "1" | "on"))
    {
        return Some(UnitName::new(format!("{}@.service", unit.name.stem())));
    }
    let named = said.get(key).map(|name| UnitName::new(expand(name, &unit.name)));
    named.or_else(|| Some(UnitName::new(format!("{}.service", unit.name.stem()))))
}

fn listens(declarations: &[Declaration]) -> Vec<ListenAddress> {
    let of_socket = declarations.iter().filter(|it| it.section == "Socket");
    let mut addresses = Vec::new();
    for it in of_socket {
        let Some(kind) = it.key.strip_prefix("Listen") else { continue };
        if it.value.is_empty() {
            addresses.clear();
        } else {
            addresses.push(ListenAddress { kind: kind.to_owned(), address: it.value.clone() });
        }
    }
    addresses
}

/// Everything but what has a place of its own on the page.
fn properties(unit: &UnitOnDisk) -> BTreeMap<String, String> {
    let mut sections: Vec<&str> = unit.declarations.iter().map(|it| it.section.as_str()).collect();
    sections.sort_unstable();
    sections.dedup();
    let shown = |section: &str| section != "Install" && !section.starts_with("X-");
    let mut all = BTreeMap::new();
    for section in sections.into_iter().filter(|section| shown(section)) {
        all.extend(files::section(&unit.declarations, section));
    }
    for value in all.values_mut() {
        *value = expand(value, &unit.name);
    }
    all.retain(|key, _| !EDGES.contains(&key.as_str()) && key != "Description");
    all
}

/// The specifiers of systemd.unit(5) that the name alone answers; the others stay as they are.
fn expand(text: &str, name: &UnitName) -> String {
    if !text.contains('%') || name.is_template() {
        return text.to_owned();
    }
    let stem = name.stem();
    let (prefix, instance) = stem.split_once('@').unwrap_or((stem, ""));
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        expanded.push_str(before);
        let mut after = after.chars();
        match after.next() {
            Some('n') => expanded.push_str(name.as_str()),
            Some('N') => expanded.push_str(stem),
            Some('p') => expanded.push_str(prefix),
            Some('i') => expanded.push_str(instance),
            // What is escaped in it is left so.
            Some('I') if !instance.contains(['\\', '-']) => expanded.push_str(instance),
            Some('j') => expanded.push_str(prefix.rsplit('-').next().unwrap_or(prefix)),
            Some('%') => expanded.push('%'),
            other => {
                expanded.push('%');
                expanded.extend(other);
            }
        }
        rest = after.as_str();
    }
    expanded.push_str(rest);
    expanded
}

#[cfg(test)]
mod tests {
    use sysdiag_model::snapshot::{Fragment, UnitFiles, UnitLink};

    use super::*;
    use crate::testing::{add_unit, healthy, unit};
    use crate::unit_page::tests::page_of;

    fn declaration(section: &str, key: &str, value: &str) -> Declaration {
        Declaration {
            section: section.to_owned(),
            key: key.to_owned(),
            value: value.to_owned(),
            file: "/usr/lib/systemd/system/app@.service".to_owned(),
            line: 1,
        }
    }

    fn app() -> UnitOnDisk {
        UnitOnDisk {
            name: "app@one.service".into(),
            names: vec!["alias@one.service".into(), "app@one.service".into()],
            fragment: Some(Fragment {
                path: "/usr/lib/systemd/system/app@.service".to_owned(),
                target: None,
                masked: false,
            }),
            drop_ins: vec!["/etc/systemd/system/app@.service.d/x.conf".to_owned()],
            links: vec![UnitLink {
                by: "multi-user.target".into(),
                edge_type: "Wants".to_owned(),
                unit: "app@one.service".into(),
                path: "/etc/systemd/system/multi-user.target.wants/app@one.service".to_owned(),
            }],
            asks_for: Vec::new(),
            unit_file_state: Some("enabled".to_owned()),
            declarations: vec![
                declaration("Unit", "Description", "App %i of %%"),
                declaration("Unit", "Requires", "db@%i.service nginx.service"),
                declaration("Unit", "After", "dev-%i.device"),
                declaration("Service", "ExecStart", "/bin/old"),
                declaration("Service", "ExecStart", ""),
                declaration("Service", "ExecStart", "/bin/new"),
                declaration("Service", "ExecStart", "/bin/and"),
                declaration("Service", "Type", "simple"),
                declaration("Service", "Type", "oneshot"),
                declaration("Install", "WantedBy", "multi-user.target"),
            ],
        }
    }

    fn on_disk(asked: UnitOnDisk) -> Snapshot {
        let mut snapshot = healthy();
        let files = UnitFiles { asked: Some(asked), ..UnitFiles::default() };
        *snapshot.unit_files.value_mut().unwrap() = files;
        snapshot
    }

    #[test]
    fn a_unit_that_is_not_loaded_is_what_its_files_say() {
        let mut snapshot = on_disk(app());
        add_unit(&mut snapshot, unit("dev-one.device", "active", "plugged"));
        let page = page_of(&snapshot, "alias@one.service").unwrap();
        assert_eq!(
            (page.name.as_str(), page.load_state.as_str()),
            ("app@one.service", "not-loaded")
        );
        assert_eq!(page.asked_as.as_ref().unwrap(), &"alias@one.service");
        assert_eq!(page.description.as_deref(), Some("App one of %"));
        assert_eq!(page.properties["ExecStart"], "/bin/new; /bin/and");
        assert_eq!(page.properties["Type"], "oneshot");
        assert_eq!(page.install.unwrap()["WantedBy"], "multi-user.target");
        assert_eq!(page.enabled_by[0].by, "multi-user.target");
        let edges: Vec<(&str, &str, Option<&str>, bool)> = page
            .dependencies
            .iter()
            .map(|to| {
                (to.edge_type.as_str(), to.name.as_str(), to.load_state.as_deref(), to.problematic)
            })
            .collect();
        assert_eq!(
            edges,
            [
                ("Requires", "db@one.service", Some("not-found"), true),
                ("Requires", "nginx.service", Some("loaded"), false),
                ("After", "dev-one.device", Some("loaded"), false),
            ]
        );
        assert!(page_of(&snapshot, "other.service").is_none());
    }

    #[test]
    fn a_mask_and_a_timer_on_disk() {
        let mut masked = app();
        masked.fragment.as_mut().unwrap().masked = true;
        masked.declarations.clear();
        let page = page_of(&on_disk(masked), "app@one.service").unwrap();
        assert_eq!(page.load_state, "masked");
        let mut timer = app();
        timer.name = "job.timer".into();
        timer.names = vec!["job.timer".into()];
        timer.declarations = vec![declaration("Timer", "OnCalendar", "daily")];
        let page = page_of(&on_disk(timer), "job.timer").unwrap();
        assert_eq!(page.dependencies[0].name, "job.service");
        assert_eq!(page.properties["OnCalendar"], "daily");
    }

    #[test]
    fn a_socket_on_disk_says_where_it_would_listen() {
        let mut socket = app();
        socket.name = "s.socket".into();
        socket.names = vec!["s.socket".into()];
        socket.declarations = vec![
            declaration("Socket", "ListenStream", "/run/old"),
            declaration("Socket", "ListenStream", ""),
            declaration("Socket", "ListenDatagram", "/run/new"),
            declaration("Socket", "Accept", "yes"),
        ];
        let page = page_of(&on_disk(socket), "s.socket").unwrap();
        let listens = ListenAddress { kind: "Datagram".to_owned(), address: "/run/new".to_owned() };
        assert_eq!(page.listens, [listens]);
        assert_eq!(page.dependencies[0].name, "s@.service");
    }

    #[test]
    fn specifiers_that_the_name_answers() {
        let name = UnitName::from("a-b@x.service");
        assert_eq!(
            expand("%n %N %p %i %I %j %% %H %", &name),
            "a-b@x.service a-b@x a-b x x b % %H %"
        );
        assert_eq!(expand("%i", &"a@.service".into()), "%i");
    }
}
