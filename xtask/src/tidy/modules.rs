//! Every module says why it exists, and none is a heap.

use super::Tracked;

const MOST_LINES: usize = 700;

/// Files that are long for a reason.
const LONG: &[(&str, &str)] = &[];

pub(super) fn check(files: &[Tracked]) -> Vec<String> {
    let sources =
        files.iter().filter(|file| file.is_under("crates", "rs") || file.is_under("xtask", "rs"));
    let mut problems = Vec::new();
    for file in sources {
        if !file.text.starts_with("//!") {
            problems.push(file.problem(1, "begins without //! (why it exists)"));
        }
        let lines = file.text.lines().count();
        let excused = LONG.iter().any(|(path, _reason)| file.path.as_os_str() == *path);
        if lines > MOST_LINES && !excused {
            problems.push(file.problem(lines, "is too long: split it"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::super::tests::file;
    use super::*;

    #[test]
    fn silent_and_endless_modules_are_named() {
        assert_eq!(check(&file("crates/a/src/lib.rs", "//! Why.\n")), Vec::<String>::new());
        assert_eq!(check(&file("crates/a/src/lib.rs", "fn main() {}\n")).len(), 1);
        let long = format!("//! Why.\n{}", "\n".repeat(MOST_LINES));
        assert_eq!(check(&file("crates/a/src/lib.rs", &long)).len(), 1);
    }
}
