//! The root of the file system as a parameter, so that a test or a mounted image is read by the
//! same code as the running host.

use std::path::{Path, PathBuf};

/// Where the host's files are: `/`, or a folder that holds `proc`, `sys`, `run`, ...
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root(PathBuf);

impl Root {
    /// The running host.
    pub fn host() -> Self {
        Self(PathBuf::from("/"))
    }

    /// The host whose files are below `folder`.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// The path of `absolute` below this root.
    pub fn path(&self, absolute: impl AsRef<Path>) -> PathBuf {
        let absolute = absolute.as_ref();
        self.0.join(absolute.strip_prefix("/").unwrap_or(absolute))
    }

    /// Whether this is the running host, of which more than files can be asked (clocks, mounts).
    pub fn is_host(&self) -> bool {
        self.0 == Path::new("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_paths_stay_below() {
        assert_eq!(Root::at("/mnt").path("/proc/stat"), Path::new("/mnt/proc/stat"));
        assert_eq!(Root::host().path("/proc/stat"), Path::new("/proc/stat"));
    }
}
