//! What the files of one unit say, each assignment with the file and line it stands in.

use sysdiag_model::Gap;
use sysdiag_model::snapshot::Declaration;

use super::syntax;
use crate::{Root, file, gap};

/// The longest unit file that is read.
const MAX_FILE: usize = 1 << 20;
/// The most files of one unit.
const MAX_FILES: usize = 256;

/// All assignments in `paths`, which are the fragment of a unit and its drop-ins in the order in which
/// systemd applies them (`FragmentPath`, then `DropInPaths`). Of every section: `[Unit]` has the
/// dependencies. What could not be read is a gap; values are as they stand in the file.
pub fn declarations(root: &Root, paths: &[impl AsRef<str>]) -> (Vec<Declaration>, Vec<Gap>) {
    let (mut list, mut gaps) = (Vec::new(), Vec::new());
    for path in paths.iter().take(MAX_FILES).map(AsRef::as_ref) {
        let bytes = match file::read(root, path, MAX_FILE) {
            Ok(bytes) => bytes,
            Err(error) => {
                gaps.push(gap::of_file("a unit file", path, &error));
                continue;
            }
        };
        let parsed = syntax::parse(&bytes);
        if parsed.cut {
            let hint = format!("{path}: more lines than this program reads");
            gaps.push(Gap::new("a unit file", sysdiag_model::Why::NotSupported, hint));
        }
        list.extend(parsed.entries.into_iter().map(|entry| Declaration {
            section: entry.section,
            key: entry.key,
            value: entry.value,
            file: path.to_owned(),
            line: entry.line,
        }));
    }
    (list, gaps)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use sysdiag_model::Why;

    use super::*;

    #[test]
    fn a_fragment_and_its_drop_ins_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        fs::write(root.path("/a.service"), "[Unit]\nAfter=x.service\n").unwrap();
        fs::write(root.path("/10.conf"), "[Unit]\n\nAfter=y.service z.service\n").unwrap();
        let (list, gaps) = declarations(&root, &["/a.service", "/10.conf", "/gone.conf"]);
        let seen: Vec<(&str, &str, u32)> =
            list.iter().map(|it| (it.value.as_str(), it.file.as_str(), it.line)).collect();
        assert_eq!(seen, [("x.service", "/a.service", 2), ("y.service z.service", "/10.conf", 3)]);
        assert_eq!((gaps.len(), gaps[0].why), (1, Why::Absent));
        assert!(gaps[0].hint.as_deref().unwrap().starts_with("/gone.conf: "));
    }
}
