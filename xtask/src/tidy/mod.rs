//! Rules of the house that no compiler checks. Each is a small file that returns what is wrong.

mod documents;
mod licences;
mod modules;
mod places;
mod rules;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// A text file under version control.
pub(crate) struct Tracked {
    /// Relative to the workspace.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl Tracked {
    fn is_under(&self, folder: &str, extension: &str) -> bool {
        self.path.starts_with(folder) && self.path.extension().is_some_and(|is| is == extension)
    }

    /// One problem of this file.
    fn problem(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path.display())
    }
}

/// Everything that is wrong with the tree.
pub(crate) fn check(root: &Path) -> Result<Vec<String>> {
    let files = tracked(root)?;
    let mut problems = modules::check(&files);
    problems.extend(places::check(&files, root));
    problems.extend(rules::check(&files));
    problems.extend(documents::check(&files, root));
    problems.extend(licences::check(root)?);
    Ok(problems)
}

/// Files under version control and those about to be; binary files and deleted ones are left out.
fn tracked(root: &Path) -> Result<Vec<Tracked>> {
    let list = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("git ls-files")?;
    ensure!(list.status.success(), "git ls-files: {}", String::from_utf8_lossy(&list.stderr));
    let names = String::from_utf8(list.stdout).context("a file name is not UTF-8")?;
    Ok(names
        .split_terminator('\0')
        .filter_map(|name| {
            let text = String::from_utf8(std::fs::read(root.join(name)).ok()?).ok()?;
            Some(Tracked { path: PathBuf::from(name), text })
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn file(path: &str, text: &str) -> Vec<Tracked> {
        vec![Tracked { path: PathBuf::from(path), text: text.to_owned() }]
    }

    #[test]
    fn tree_is_listed() {
        let files = tracked(crate::root()).unwrap();
        assert!(files.iter().any(|file| file.path == Path::new("xtask/src/tidy/mod.rs")));
        assert!(!files.iter().any(|file| file.path.starts_with("target")));
    }
}
