//! What says that the host should be restarted: the mark that Debian's and Ubuntu's packages leave,
//! and which kernels are installed. Whether the running one is among them is judged by a rule.

use std::io;
use std::mem::MaybeUninit;

use rustix::fs::{FileType, RawDir};
use sysdiag_model::snapshot::Restart;
use sysdiag_model::{Gap, Probe};

use super::clock_mark::modified;
use crate::{Root, file, gap, text};

const MARK: &str = "/run/reboot-required";
const PACKAGES: &str = "/run/reboot-required.pkgs";
const MODULES: &str = "/lib/modules";
/// Of what packages and people left behind.
const MAX_PACKAGES: usize = 100;
const MAX_KERNELS: usize = 100;
const MAX_BYTES: usize = 64 * 1024;
const MAX_PROC_BYTES: usize = 1024 * 1024;
/// Names of packages and releases of kernels are shorter (`uname(2)`: 64).
const MAX_NAME: usize = 128;

/// The marks and the kernels.
pub(super) fn read(root: &Root) -> Probe<Restart> {
    const WHAT: &str = "whether a reboot is required";
    let mut gaps: Vec<Gap> = Vec::new();
    let mut absent_or = |path: &str, error: &io::Error| {
        if error.kind() != io::ErrorKind::NotFound {
            gaps.push(gap::of_file(WHAT, path, error));
        }
    };
    let required = modified(root, MARK).map_err(|error| absent_or(MARK, &error)).ok();
    let packages = match file::read(root, PACKAGES, MAX_BYTES) {
        Ok(bytes) => packages(&bytes),
        Err(error) => {
            absent_or(PACKAGES, &error);
            Vec::new()
        }
    };
    let kernels = kernels(root).map_err(|error| absent_or(MODULES, &error)).ok();
    // A kernel without modules has no such file.
    let modules_loaded = match file::read(root, "/proc/modules", MAX_PROC_BYTES) {
        Ok(bytes) => Some(!bytes.is_empty()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(false),
        Err(_) => None,
    };
    Probe::with_gaps(Restart { required, packages, kernels, modules_loaded }, gaps)
}

/// A name a line, often several times.
fn packages(bytes: &[u8]) -> Vec<String> {
    let names = text::lines(bytes).map(<[u8]>::trim_ascii);
    let mut names: Vec<String> = names
        .filter(|name| !name.is_empty() && name.len() <= MAX_NAME)
        .take(MAX_PACKAGES)
        .map(text::string)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// Folders that have a list of their modules: one that a removed kernel left behind has none.
fn kernels(root: &Root) -> io::Result<Vec<String>> {
    let dir = file::open_dir(root, MODULES)?;
    let mut buffer = vec![MaybeUninit::uninit(); 8 * 1024];
    let mut entries = RawDir::new(&dir, &mut buffer);
    let mut kernels = Vec::new();
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        let folder = matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
        if !folder || name.starts_with(b".") || name.len() > MAX_NAME {
            continue;
        }
        let name = text::string(name);
        let list = format!("{MODULES}/{name}/modules.dep");
        if file::open_path(root, list).is_ok() {
            kernels.push(name);
        }
        if kernels.len() >= MAX_KERNELS {
            break;
        }
    }
    kernels.sort();
    Ok(kernels)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use sysdiag_model::Timestamp;

    use super::*;

    #[test]
    fn nothing_there_is_known_to_be_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let nothing = Restart {
            required: None,
            packages: Vec::new(),
            kernels: None,
            modules_loaded: Some(false),
        };
        assert_eq!(read(&Root::at(folder.path())), Probe::Known(nothing));
    }

    #[test]
    fn marks_and_kernels_with_modules() {
        let folder = tempfile::tempdir().unwrap();
        for kernel in ["6.1.0-38-amd64", "6.1.0-37-amd64"] {
            fs::create_dir_all(folder.path().join("lib/modules").join(kernel)).unwrap();
            let list = folder.path().join("lib/modules").join(kernel).join("modules.dep");
            fs::write(list, "").unwrap();
        }
        fs::create_dir(folder.path().join("lib/modules/5.10.0-1-amd64")).unwrap();
        fs::create_dir(folder.path().join("run")).unwrap();
        fs::write(folder.path().join("run/reboot-required"), "*** System restart\n").unwrap();
        fs::create_dir(folder.path().join("proc")).unwrap();
        fs::write(folder.path().join("proc/modules"), "virtio_blk 1 2 - Live 0x0\n").unwrap();
        let packages = "linux-image-amd64\nlibc6\nlibc6\n\n";
        fs::write(folder.path().join("run/reboot-required.pkgs"), packages).unwrap();
        let probe = read(&Root::at(folder.path()));
        let Probe::Known(restart) = probe else { panic!("{:?}", probe.gaps()) };
        assert!(restart.required > Some(Timestamp::from_usec(0)));
        assert_eq!(restart.modules_loaded, Some(true));
        assert_eq!(restart.packages, ["libc6", "linux-image-amd64"]);
        assert_eq!(restart.kernels.unwrap(), ["6.1.0-37-amd64", "6.1.0-38-amd64"]);
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>) {
            prop_assert!(packages(&bytes).len() <= MAX_PACKAGES);
        }
    }
}
