//! What the files of units say of ordering, and of what brings ordering about.

use std::collections::BTreeMap;
use std::time::Instant;

use sysdiag_model::snapshot::{Ordering, UnitLine};
use sysdiag_model::{Gap, UnitName, UnitType, Why};

use crate::Root;
use crate::unit_files::{Listing, SearchPath, declarations};

/// Directives of `[Unit]`.
const OF_UNIT: [&str; 9] = [
    "After",
    "Before",
    "Requires",
    "Requisite",
    "Wants",
    "BindsTo",
    "PartOf",
    "Upholds",
    "RequiresMountsFor",
];
/// Directives of the section of a kind that name another unit.
const OF_KIND: [&str; 4] = ["Slice", "Sockets", "Service", "Unit"];
/// Dependencies that links in folders `*.wants` and so on make.
const BY_LINK: [&str; 3] = ["Wants", "Requires", "Upholds"];
/// The most words kept of the files of one unit.
const MAX_WORDS: usize = 2_000;

/// Adds the lines of their files to units that may be on a cycle.
pub(crate) fn read_files(root: &Root, ordering: &mut Ordering, deadline: Instant) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let mut not_read = 0_usize;
    for origin in ordering.origins.values_mut() {
        if Instant::now() >= deadline {
            not_read += 1;
            continue;
        }
        let paths: Vec<&String> =
            origin.fragment_path.iter().chain(&origin.drop_in_paths).collect();
        let (declared, more) = declarations(root, &paths);
        gaps.extend(more);
        let words = declared.iter().filter(|it| tells(&it.section, &it.key)).flat_map(|it| {
            it.words().map(|word| UnitLine {
                directive: it.key.clone(),
                value: word.to_owned(),
                file: it.file.clone(),
                line: Some(it.line),
            })
        });
        origin.lines = Some(words.take(MAX_WORDS).collect());
    }
    if not_read > 0 {
        let what = format!("files of {not_read} units that may be on a cycle");
        gaps.push(Gap::new(what, Why::TimedOut, "collect.deadline_seconds"));
    } else {
        links(root, ordering);
    }
    gaps.sort();
    gaps.dedup();
    gaps
}

/// Whether a line can be why there is an edge. Every kind of unit has a section of its own name.
fn tells(section: &str, key: &str) -> bool {
    if section == "Unit" { OF_UNIT.contains(&key) } else { OF_KIND.contains(&key) }
}

/// What targets want by a link is no line of a file; the link is named instead.
fn links(root: &Root, ordering: &mut Ordering) {
    let by_target: BTreeMap<UnitName, Vec<UnitName>> = ordering
        .origins
        .iter()
        .filter(|(name, _)| name.unit_type() == Some(UnitType::Target))
        .map(|(name, origin)| {
            let wanted = BY_LINK.iter().filter_map(|property| origin.dependencies.get(*property));
            let wanted = wanted.flatten().filter(|other| ordering.origins.contains_key(*other));
            (name.clone(), wanted.cloned().collect())
        })
        .collect();
    if by_target.values().all(Vec::is_empty) {
        return;
    }
    // What cannot be listed are links that are not named: the edge is told without.
    let (listing, _) = Listing::read(root, &SearchPath::standard());
    for (target, wanted) in by_target {
        let names = wanted.iter().filter_map(|name| Some((name, listing.find(name)?)));
        let lines: Vec<UnitLine> = names
            .flat_map(|(name, found)| {
                let own = found.links.into_iter().filter(|link| link.by == target);
                own.map(|link| UnitLine {
                    directive: link.edge_type,
                    value: name.to_string(),
                    file: link.path,
                    line: None,
                })
            })
            .collect();
        if let Some(origin) = ordering.origins.get_mut(&target) {
            origin.lines.get_or_insert_default().extend(lines);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use sysdiag_model::snapshot::UnitOrigin;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[test]
    fn lines_of_fragments_drop_ins_and_links() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        let put = |path: &str, text: &str| {
            let path = root.path(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let (fragment, drop_in) =
            ("/etc/systemd/system/a.service", "/etc/systemd/system/a.service.d/10.conf");
        put(
            fragment,
            "[Unit]\nDescription=b.service\nAfter=b.service c.service\n[Service]\nSlice=x.slice\nAfter=no\n",
        );
        put(drop_in, "[Unit]\nBefore=\"m.target\"\n");
        put("/etc/systemd/system/m.target", "[Unit]\n");
        fs::create_dir(root.path("/etc/systemd/system/m.target.wants")).unwrap();
        let link = "/etc/systemd/system/m.target.wants/a.service";
        std::os::unix::fs::symlink("../a.service", root.path(link)).unwrap();

        let mut ordering = Ordering::default();
        let origin = UnitOrigin {
            fragment_path: Some(fragment.to_owned()),
            drop_in_paths: vec![drop_in.to_owned(), "/gone.conf".to_owned()],
            ..UnitOrigin::default()
        };
        ordering.origins.insert("a.service".into(), origin);
        let mut target = UnitOrigin::default();
        target
            .dependencies
            .insert("Wants".to_owned(), vec!["a.service".into(), "z.service".into()]);
        ordering.origins.insert("m.target".into(), target);
        let gaps = read_files(&root, &mut ordering, soon());
        assert_eq!((gaps.len(), gaps[0].why), (1, Why::Absent));
        let line = |directive: &str, value: &str, file: &str, line: Option<u32>| UnitLine {
            directive: directive.to_owned(),
            value: value.to_owned(),
            file: file.to_owned(),
            line,
        };
        assert_eq!(
            ordering.origins["a.service"].lines.as_deref().unwrap(),
            [
                line("After", "b.service", fragment, Some(3)),
                line("After", "c.service", fragment, Some(3)),
                line("Slice", "x.slice", fragment, Some(5)),
                line("Before", "m.target", drop_in, Some(2)),
            ]
        );
        assert_eq!(
            ordering.origins["m.target"].lines.as_deref().unwrap(),
            [line("Wants", "a.service", link, None)]
        );
    }

    #[test]
    fn what_is_not_read_in_time_is_told() {
        let mut ordering = Ordering::default();
        ordering.origins.insert("a.service".into(), UnitOrigin::default());
        let gaps = read_files(&Root::host(), &mut ordering, Instant::now());
        assert_eq!(gaps[0].why, Why::TimedOut);
        assert_eq!(ordering.origins["a.service"].lines, None);
    }
}
