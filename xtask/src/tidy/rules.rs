//! A rule is a file named after it, and every such file is registered.

use std::collections::BTreeSet;
use std::path::Path;

use super::Tracked;

const FOLDER: &str = "crates/analyze/src/rules";

pub(super) fn check(files: &[Tracked]) -> Vec<String> {
    let registered: BTreeSet<String> =
        sysdiag_analyze::rules::ALL.iter().map(|rule| rule.id.replace('-', "_")).collect();
    compare(files, &registered)
}

fn compare(files: &[Tracked], registered: &BTreeSet<String>) -> Vec<String> {
    let written: BTreeSet<String> = files
        .iter()
        .filter(|file| file.path.parent() == Some(Path::new(FOLDER)))
        .filter(|file| file.text.contains(": Rule = Rule {"))
        .filter_map(|file| file.path.file_stem()?.to_str().map(str::to_owned))
        .collect();
    let forgotten = written
        .difference(registered)
        .map(|name| format!("{FOLDER}/{name}.rs: no rule of this name is registered in mod.rs"));
    let homeless = registered
        .difference(&written)
        .map(|name| format!("{FOLDER}/{name}.rs: a registered rule lives in another file"));
    forgotten.chain(homeless).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::file;
    use super::*;

    #[test]
    fn forgotten_and_homeless_rules_are_named() {
        let rule = file(&format!("{FOLDER}/a_b.rs"), "pub const RULE: Rule = Rule {};");
        let both = BTreeSet::from(["a_b".to_owned()]);
        assert_eq!(compare(&rule, &both), Vec::<String>::new());
        assert_eq!(compare(&rule, &BTreeSet::new()).len(), 1);
        assert_eq!(compare(&[], &both).len(), 1);
    }
}
