//! Reads a configuration file: bounded, and never waiting for a pipe or a terminal.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

/// No configuration is longer; something else is behind that name.
const MAX_BYTES: u64 = 1 << 20;

/// The text of the file. None: there is no such file, or none that this user could see: a home
/// directory of somebody else (`sudo -u` keeps `HOME`) is no reason to fail.
pub(super) fn read(path: &Path) -> Result<Option<String>, String> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(None),
        _ => {}
    }
    let mut file = match open(path) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(plain(&error)),
    };
    let kind = file.metadata().map_err(|error| plain(&error))?.file_type();
    if kind.is_dir() {
        return Err("it is a directory".to_owned());
    }
    // A character device may be /dev/null: no configuration at all.
    if kind.is_fifo() || kind.is_socket() || kind.is_block_device() {
        return Err("it is not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    file.by_ref().take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| plain(&error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("it is larger than {MAX_BYTES} bytes"));
    }
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..valid).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        format!("line {line} is not valid UTF-8")
    })
}

fn open(path: &Path) -> io::Result<File> {
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Without the number that std appends.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
