//! The documents are there, and what they point to is there too.

use std::path::Path;

use super::Tracked;

const NEEDED: &[(&str, &str)] = &[
    ("README.md", "cargo run --release"),
    ("ARCHITECTURE.md", "## Invariants"),
    ("CONTRIBUTING.md", "## A rule"),
    ("CHANGELOG.md", "## Unreleased"),
    ("LICENSE", "MIT License"),
];

pub(super) fn check(files: &[Tracked], root: &Path) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, says) in NEEDED {
        match files.iter().find(|file| file.path == Path::new(path)) {
            Some(file) if file.text.contains(says) => {}
            Some(file) => problems.push(file.problem(1, &format!("does not say '{says}'"))),
            None => problems.push(format!("{path}: is missing")),
        }
    }
    for file in files.iter().filter(|file| file.path.extension().is_some_and(|is| is == "md")) {
        let folder = root.join(&file.path);
        let folder = folder.parent().unwrap_or(root);
        for (index, line) in file.text.lines().enumerate() {
            for target in links(line).filter(|target| !folder.join(target).exists()) {
                problems.push(file.problem(index + 1, &format!("points to {target}, not there")));
            }
        }
    }
    problems
}

/// Targets of the Markdown links in a line that are files of this tree.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        .filter(|target| !target.contains("://"))
        .map(|target| target.split_once('#').map_or(target, |(path, _)| path))
        .filter(|path| !path.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_into_the_tree_are_followed() {
        let line = "[a](b.md#c) [d](https://e/f) [g](#h) [i](j/k)";
        assert_eq!(links(line).collect::<Vec<_>>(), ["b.md", "j/k"]);
    }
}
