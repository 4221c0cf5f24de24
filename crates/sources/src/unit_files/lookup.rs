//! From a name to its files: which fragment wins, what it is an alias of, drop-ins, links.

use std::collections::{BTreeMap, BTreeSet};

use sysdiag_model::UnitName;
use sysdiag_model::snapshot::{Fragment, UnitLink, UnitOnDisk};

use super::listing::{Entry, FOLDERS, Folder, Kind, Listing};
use super::name::{self, drop_in_names, instantiate, is_template, may_alias, template_of};

/// How many aliases are followed, as systemd does.
const MAX_HOPS: usize = 8;
/// The most links that are kept of one unit.
const MAX_LINKS: usize = 1000;

/// Folders that make dependencies, and of which kind.
const LINKS: [(&str, &str); 3] =
    [(".requires", "Requires"), (".upholds", "Upholds"), (".wants", "Wants")];

/// What a name in the search path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning<'a> {
    /// A unit file, a link out of the search path, or a mask.
    File(&'a Entry),
    /// Another name of the search path.
    Alias(&'a str),
}

impl Listing {
    /// What the search path says of `asked`; none if no file, link, drop-in or alias knows the name.
    /// Its state and declarations are left empty: see [`super::read`].
    pub fn find(&self, asked: &UnitName) -> Option<UnitOnDisk> {
        name::parts(asked.as_str())?;
        let fragment = self.fragment(asked.as_str());
        let primary = fragment
            .map_or_else(|| asked.as_str().to_owned(), |(own, _)| real_name(own, asked.as_str()));
        let names = self.names_of(asked.as_str(), &primary);
        let drop_ins = self.drop_ins(&names, &primary);
        let links = self.links(&names);
        let asks_for = self.asks_for(&names, &primary);
        // Folders for all units of a kind, or of a prefix, make none of them.
        let own =
            |end: &str| names.iter().any(|name| self.folders.contains_key(&format!("{name}{end}")));
        if fragment.is_none() && links.is_empty() && !FOLDERS.iter().any(|end| own(end)) {
            return None;
        }
        Some(UnitOnDisk {
            name: UnitName::new(primary),
            names: names.into_iter().map(UnitName::new).collect(),
            fragment: fragment.map(|(_, entry)| fragment_of(entry)),
            drop_ins,
            links,
            asks_for,
            unit_file_state: None,
            declarations: Vec::new(),
        })
    }

    /// Names that are links to another, with the real one.
    pub fn aliases(&self) -> BTreeMap<UnitName, UnitName> {
        let alias = |name: &str| {
            let (own, _) = self.resolve(name)?;
            let real = real_name(own, name);
            (real != name).then(|| (UnitName::new(name), UnitName::new(real)))
        };
        self.aliases.iter().filter_map(|name| alias(name)).collect()
    }

    /// What `name` means in the highest directory where it means something.
    pub(super) fn meaning(&self, name: &str) -> Option<(&str, Meaning<'_>)> {
        let (own, entries) = self.units.get_key_value(name)?;
        entries.iter().find_map(|entry| match &entry.kind {
            Kind::Link { target, inside: Some(_), .. } => {
                let target = target.rsplit('/').next()?;
                // A link to its own name in another directory says nothing.
                let valid = target != name && may_alias(name, target);
                valid.then_some((own.as_str(), Meaning::Alias(target)))
            }
            _ => Some((own.as_str(), Meaning::File(entry))),
        })
    }

    /// The name in the search path that `name` leads to, and its file.
    fn resolve(&self, name: &str) -> Option<(&str, &Entry)> {
        let mut next = self.meaning(name)?;
        for _ in 0..MAX_HOPS {
            match next {
                (own, Meaning::File(entry)) => return Some((own, entry)),
                (_, Meaning::Alias(target)) => {
                    next = self.meaning(target).or_else(|| self.meaning(&template_of(target)?))?;
                }
            }
        }
        None
    }

    /// As [`Self::resolve`]; of an instance that is not there, its template.
    fn fragment(&self, name: &str) -> Option<(&str, &Entry)> {
        self.resolve(name).or_else(|| self.resolve(&template_of(name)?))
    }

    /// `asked`, `primary` and every alias that leads to the same, sorted.
    fn names_of(&self, asked: &str, primary: &str) -> BTreeSet<String> {
        let mut names = BTreeSet::from([asked.to_owned(), primary.to_owned()]);
        let template = template_of(primary);
        let instance = name::parts(primary).and_then(|parts| parts.instance);
        for name in &self.aliases {
            let Some((own, _)) = self.resolve(name) else { continue };
            if real_name(own, name) == primary {
                names.insert(name.clone());
            } else if template.as_deref() == Some(own)
                && let Some(instance) = instance.filter(|instance| !instance.is_empty())
            {
                // An alias of the template is one of its instances, unless that is another unit.
                let alias = instantiate(name, instance)
                    .filter(|alias| self.resolve(alias).is_none_or(|(to, _)| to == own));
                names.extend(alias);
            }
        }
        names
    }

    /// The drop-ins of a unit with these names, in the order in which they apply: by file name; of
    /// files of one name the one in the folder that wins.
    fn drop_ins(&self, names: &BTreeSet<String>, primary: &str) -> Vec<String> {
        let mut files: BTreeMap<&str, &Entry> = BTreeMap::new();
        for folder in self.folders_of(names, primary, ".d") {
            for (file, entry) in &folder.entries {
                if file.strip_suffix(".conf").is_some() {
                    files.entry(file).or_insert(entry);
                }
            }
        }
        files.into_values().map(|entry| entry.path.clone()).collect()
    }

    /// The folders `*.d` (or `*.wants`) of a unit with these names, the one that wins first.
    fn folders_of<'a>(
        &'a self,
        names: &BTreeSet<String>,
        primary: &str,
        end: &str,
    ) -> Vec<&'a Folder> {
        let mut folders = Vec::new();
        let others = names.iter().map(String::as_str).filter(|name| *name != primary);
        for name in std::iter::once(primary).chain(others) {
            let mut of_name: Vec<(usize, usize, &Folder)> = Vec::new();
            for (rank, base) in drop_in_names(name).iter().enumerate() {
                let here = self.folders.get(&format!("{base}{end}")).into_iter().flatten();
                of_name.extend(here.map(|folder| (folder.directory, rank, folder)));
            }
            of_name.sort_by_key(|(directory, rank, _)| (*directory, *rank));
            folders.extend(of_name.into_iter().map(|(.., folder)| folder));
        }
        let of_kind = name::kind_of(&UnitName::new(primary))
            .and_then(|kind| self.folders.get(&format!("{kind}{end}")));
        folders.extend(of_kind.into_iter().flatten());
        folders
    }

    /// Links in the folders of a unit with these names.
    fn asks_for(&self, names: &BTreeSet<String>, primary: &str) -> Vec<UnitLink> {
        let mut links = Vec::new();
        for (end, edge_type) in LINKS {
            let mut hidden = BTreeSet::new();
            let folders = self.folders_of(names, primary, end);
            for (name, entry) in folders.iter().flat_map(|folder| &folder.entries) {
                if name::parts(name).is_none() || !hidden.insert(name) || is_mask(entry) {
                    continue;
                }
                links.push(UnitLink {
                    by: UnitName::new(primary),
                    edge_type: edge_type.to_owned(),
                    unit: UnitName::new(name.as_str()),
                    path: entry.path.clone(),
                });
            }
        }
        links.sort();
        links.truncate(MAX_LINKS);
        links
    }

    /// Links of other units to one with these names, or, for a template, to its instances.
    fn links(&self, names: &BTreeSet<String>) -> Vec<UnitLink> {
        let concerns = |link: &str| {
            names.contains(link)
                || template_of(link).is_some_and(|template| names.contains(&template))
        };
        let mut links = Vec::new();
        for (folder, places) in &self.folders {
            let Some((by, edge_type)) =
                LINKS.iter().find_map(|(end, edge)| Some((folder.strip_suffix(end)?, *edge)))
            else {
                continue;
            };
            let mut hidden = BTreeSet::new();
            for (name, entry) in places.iter().flat_map(|place| &place.entries) {
                if !concerns(name) || !hidden.insert(name) || is_mask(entry) {
                    continue;
                }
                links.push(UnitLink {
                    by: UnitName::new(by),
                    edge_type: edge_type.to_owned(),
                    unit: UnitName::new(name.as_str()),
                    path: entry.path.clone(),
                });
            }
        }
        links.sort();
        links.truncate(MAX_LINKS);
        links
    }
}

/// What a unit asked for as `name` is really called, if its file is `own`: an instance of a template
/// keeps its instance.
fn real_name(own: &str, name: &str) -> String {
    let instance = name::parts(name).and_then(|parts| parts.instance);
    match instance.filter(|instance| !instance.is_empty() && is_template(own)) {
        Some(instance) => instantiate(own, instance).unwrap_or_else(|| own.to_owned()),
        None => own.to_owned(),
    }
}

fn fragment_of(entry: &Entry) -> Fragment {
    let target = match &entry.kind {
        Kind::Link { target, .. } => Some(target.clone()),
        Kind::File { .. } => None,
    };
    Fragment { path: entry.path.clone(), target, masked: is_mask(entry) }
}

pub(super) fn is_mask(entry: &Entry) -> bool {
    match &entry.kind {
        Kind::File { empty } => *empty,
        Kind::Link { masks, .. } => *masks,
    }
}
