//! The compiled object of the kernel's part of `crates/trace`, which is under version control: users need
//! no compiler. One version of clang builds it, so that it can be compared byte for byte.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// Where the sources are; the compiler runs there, so that the object names no other place.
const FOLDER: &str = "crates/trace/src/bpf";
const SOURCE: &str = "trace.bpf.c";
const OBJECT: &str = "trace.bpf.o";
const CLANG: &str = "clang-14";
const STRIP: &str = "llvm-strip-14";
const ARGUMENTS: [&str; 12] = [
    "-target",
    "bpf",
    // Kernels know these instructions since 5.1; programs that use them are shorter.
    "-mcpu=v3",
    "-O2",
    // BTF, by which the loader finds maps and the fields that are read.
    "-g",
    "-fdebug-compilation-dir=.",
    "-nostdinc",
    "-std=gnu11",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-c",
];

/// Builds the object anew in its place.
pub(crate) fn write(root: &Path) -> Result<Vec<String>> {
    let bytes = build(root)?;
    let path = root.join(FOLDER).join(OBJECT);
    fs::write(&path, bytes).with_context(|| path.display().to_string())?;
    Ok(Vec::new())
}

/// One problem if the object under version control is not what its source becomes.
pub(crate) fn check(root: &Path) -> Result<Vec<String>> {
    let path = root.join(FOLDER).join(OBJECT);
    let kept = fs::read(&path).with_context(|| path.display().to_string())?;
    let problem = differs(&kept, &build(root)?).map(|how| {
        format!("{}: stale ({how}), run cargo xtask bpf", crate::relative(&path).display())
    });
    Ok(problem.into_iter().collect())
}

fn differs(kept: &[u8], built: &[u8]) -> Option<String> {
    if kept == built {
        return None;
    }
    let at = kept.iter().zip(built).take_while(|(kept, built)| kept == built).count();
    Some(format!("{} bytes here, {} built, the same up to {at}", kept.len(), built.len()))
}

fn build(root: &Path) -> Result<Vec<u8>> {
    let folder = root.join("target").join("bpf");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let folder = fs::canonicalize(&folder).with_context(|| folder.display().to_string())?;
    let object: PathBuf = folder.join(format!("{OBJECT}.{}", std::process::id()));
    let sources = root.join(FOLDER);
    let compiled = run(Command::new(CLANG)
        .args(ARGUMENTS)
        .arg(SOURCE)
        .arg("-o")
        .arg(&object)
        .current_dir(sources))
    // DWARF goes; BTF stays.
    .and_then(|()| run(Command::new(STRIP).arg("-g").arg(&object)))
    .and_then(|()| fs::read(&object).with_context(|| object.display().to_string()));
    // Not there if the compiler failed.
    let _ = fs::remove_file(&object);
    compiled
}

fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) => ensure!(status.success(), "{name}: {status}"),
        Err(error) if error.kind() == ErrorKind::NotFound => bail!(
            "{name} is not installed; the object is built by this version and no other: \
             apt-get install clang-14 llvm-14"
        ),
        Err(error) => return Err(error).context(name),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_is_a_difference() {
        assert_eq!(differs(b"object", b"object"), None);
        assert!(differs(b"object", b"objecu").unwrap().contains("same up to 5"));
        assert!(differs(b"object", b"objects").is_some());
    }

    #[test]
    fn a_compiler_that_is_missing_is_named_with_its_package() {
        let error = run(&mut Command::new("clang-of-no-version")).unwrap_err();
        assert!(error.to_string().contains("apt-get install clang-14 llvm-14"), "{error}");
    }
}
