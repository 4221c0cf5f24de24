//! No file names a place of the machine it was written on: a clone builds anywhere.

use std::path::Path;

use super::Tracked;

/// Where every package of `Cargo.lock` comes from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(super) fn check(files: &[Tracked], root: &Path) -> Vec<String> {
    let here = root.display().to_string();
    let mut problems = Vec::new();
    for file in files {
        for (index, line) in file.text.lines().enumerate() {
            if names(line, &here) {
                problems.push(file.problem(index + 1, &format!("names this machine's {here}")));
            }
            let source = line.strip_prefix("source = \"").map(|rest| rest.trim_end_matches('"'));
            if file.path == Path::new("Cargo.lock") && source.is_some_and(|from| from != REGISTRY) {
                problems.push(file.problem(index + 1, "a package that is not from crates.io"));
            }
        }
    }
    problems
}

/// Whether `line` has `place` as a whole path or the beginning of one.
fn names(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let after = line.get(at + place.len()..).and_then(|rest| rest.chars().next());
        after.is_none_or(|next| !next.is_alphanumeric() && !matches!(next, '-' | '_'))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::file;
    use super::*;

    #[test]
    fn place_of_this_machine_is_named() {
        let root = Path::new("/srv/checkout");
        assert_eq!(check(&file("a.sh", "cd /srv/checkout/crates"), root).len(), 1);
        assert_eq!(check(&file("a.sh", "cd /srv/checkouts"), root).len(), 0);
    }

    #[test]
    fn lock_file_has_one_registry() {
        let lock = |source: &str| file("Cargo.lock", &format!("source = \"{source}\"\n"));
        assert_eq!(check(&lock(REGISTRY), Path::new("/srv/checkout")).len(), 0);
        assert_eq!(
            check(&lock("registry+https://mirror.example/"), Path::new("/srv/checkout")).len(),
            1
        );
        assert_eq!(check(&lock("git+https://example.org/x"), Path::new("/srv/checkout")).len(), 1);
    }
}
