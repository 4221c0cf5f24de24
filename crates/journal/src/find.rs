//! Journal files in directories.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::damage::{Cause, Damage};

/// Whether a file of this name is a journal file: `.journal`, or `.journal~`, which journald put
/// aside because it had not been closed.
pub fn is_journal_file(name: &str) -> bool {
    name.ends_with(".journal") || name.ends_with(".journal~")
}

/// The files at `path`: itself, or those in the directory, and in directories of machines in it, as
/// `journalctl --directory` has it. At most `most`.
pub(crate) fn files(path: &Path, most: usize) -> (Vec<PathBuf>, Vec<Damage>) {
    let mut found = Found { files: Vec::new(), damage: Vec::new(), most };
    if path.is_dir() {
        found.directory(path, true);
        found.files.sort();
    } else {
        found.files.push(path.to_owned());
    }
    (found.files, found.damage)
}

struct Found {
    files: Vec<PathBuf>,
    damage: Vec<Damage>,
    most: usize,
}

impl Found {
    fn directory(&mut self, path: &Path, machines: bool) {
        let list = match fs::read_dir(path) {
            Ok(list) => list,
            Err(error) => return self.failed(path, error),
        };
        for entry in list {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => return self.failed(path, error),
            };
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // Links are followed: `journalctl` does.
            if is_journal_file(&name) {
                if self.files.len() < self.most {
                    self.files.push(entry.path());
                } else {
                    let too_many = Cause::Malformed("too many files: the others are not read");
                    let path = path.to_owned();
                    self.damage.push(Damage { path, offset: None, cause: too_many });
                    return;
                }
            } else if machines && is_of_machine(&name) && entry.path().is_dir() {
                self.directory(&entry.path(), false);
            }
        }
    }

    fn failed(&mut self, path: &Path, error: io::Error) {
        self.damage.push(Damage { path: path.to_owned(), offset: None, cause: error.into() });
    }
}

/// The name of a machine's directory is its id, with a namespace behind a dot or without.
fn is_of_machine(name: &str) -> bool {
    let id = name.split_once('.').map_or(name, |(id, _)| id);
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}
