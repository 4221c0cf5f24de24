//! What is at the paths that units name: symbolic links followed by ourselves, so that nothing is
//! asked of a file system whose server or daemon may never answer.

use std::collections::HashMap;
use std::time::Instant;

use rustix::fs::{FileType, OFlags, lstat, readlink};
use rustix::io::Errno;
use sysdiag_model::snapshot::FileState;

use crate::system::may_never_answer;
use crate::{Root, file, mountinfo};

/// Symbolic links followed on the way to one file, as the kernel does (`path_resolution(7)`).
const MAX_LINKS: usize = 40;
/// Longest path, `PATH_MAX`.
const MAX_PATH: usize = 4096;
/// The kernel reads this much of a program to find its interpreter (`BINPRM_BUF_SIZE`); the
/// headers of an ELF file are within the first page.
const MAX_HEAD: usize = 4096;

/// What was found at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) state: FileState,
    /// The path without symbolic links.
    pub(super) leads_to: String,
}

/// Looks at files below a root; each directory once.
pub(super) struct Look<'a> {
    root: &'a Root,
    mounts: Vec<Mounted>,
    deadline: Instant,
    /// By path without links, of what it is.
    nodes: HashMap<String, Node>,
}

struct Mounted {
    point: String,
    /// Its files are not to be asked for.
    silent: bool,
    noexec: bool,
}

#[derive(Clone)]
enum Node {
    Link(String),
    Directory,
    File {
        executable: bool,
    },
    Other,
    Missing,
    /// Not known: no permission, or not to be asked.
    Hidden,
}

impl<'a> Look<'a> {
    /// None: the mounts are not known.
    pub(super) fn new(root: &'a Root, deadline: Instant) -> Option<Self> {
        let bytes = mountinfo::read(root).ok()?;
        let mounts = mountinfo::parse(&bytes)
            .map(|mount| Mounted {
                point: String::from_utf8_lossy(&mount.mount_point).into_owned(),
                silent: may_never_answer(mount.fs_type),
                noexec: mountinfo::has_option(mount.options, b"noexec"),
            })
            .collect();
        Some(Self { root, mounts, deadline, nodes: HashMap::new() })
    }

    /// What is at `path`, an absolute one. None: that cannot be told.
    pub(super) fn at(&mut self, path: &str) -> Option<Found> {
        if !path.starts_with('/') || path.len() > MAX_PATH {
            return None;
        }
        // Components still to go, the next one last.
        let mut ahead: Vec<String> = parts(path);
        let mut at = String::new();
        let mut links = 0;
        let mut last = FileState::Directory;
        while let Some(part) = ahead.pop() {
            if part == ".." {
                at.truncate(at.rfind('/').unwrap_or(0));
                last = FileState::Directory;
                continue;
            }
            let next = format!("{at}/{part}");
            match self.node(&next) {
                Node::Hidden => return None,
                Node::Link(target) => {
                    links += 1;
                    if links > MAX_LINKS || target.len() > MAX_PATH || ahead.len() > MAX_PATH {
                        return None;
                    }
                    if target.starts_with('/') {
                        at.clear();
                    }
                    ahead.extend(parts(&target));
                    last = FileState::Directory;
                    continue;
                }
                Node::Directory => last = FileState::Directory,
                Node::File { executable: false } => last = FileState::File,
                Node::File { executable: true } => last = self.program(&next),
                Node::Other => last = FileState::Other,
                Node::Missing => return Some(missing(next, ahead)),
            }
            at = next;
            if last != FileState::Directory && !ahead.is_empty() {
                // Something else stands in the place of a directory.
                return Some(missing(at, ahead));
            }
        }
        Some(Found { state: last, leads_to: if at.is_empty() { "/".to_owned() } else { at } })
    }

    /// The interpreter that the program at `path`, which has no links, names. None: it names none.
    pub(super) fn interpreter(&self, path: &str) -> Option<String> {
        if Instant::now() >= self.deadline {
            return None;
        }
        let file = file::open(self.root, path, OFlags::RDONLY | OFlags::NOFOLLOW).ok()?;
        let mut head = vec![0; MAX_HEAD];
        let length = file::read_some(&file, &mut head).ok()?;
        interpreter_of(head.get(..length)?)
    }

    fn program(&self, path: &str) -> FileState {
        if self.mount(path).is_some_and(|mount| mount.noexec) {
            FileState::Noexec
        } else {
            FileState::Program
        }
    }

    /// The mount that `path` is on: the longest, of several at one place the last.
    fn mount(&self, path: &str) -> Option<&Mounted> {
        let holds = |mount: &&Mounted| {
            let rest = path.strip_prefix(mount.point.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.mounts.iter().filter(holds).max_by_key(|mount| mount.point.len())
    }

    fn node(&mut self, path: &str) -> Node {
        if let Some(node) = self.nodes.get(path) {
            return node.clone();
        }
        let silent = self.mount(path).is_none_or(|mount| mount.silent);
        let node = if silent || Instant::now() >= self.deadline {
            Node::Hidden
        } else {
            self.read_node(path)
        };
        self.nodes.insert(path.to_owned(), node.clone());
        node
    }

    fn read_node(&self, path: &str) -> Node {
        let place = self.root.path(path);
        let stat = match lstat(&place) {
            Ok(stat) => stat,
            Err(Errno::NOENT | Errno::NOTDIR) => return Node::Missing,
            Err(_) => return Node::Hidden,
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => {
                let target = readlink(&place, Vec::new()).ok().and_then(|to| to.into_string().ok());
                target.map_or(Node::Hidden, Node::Link)
            }
            FileType::Directory => Node::Directory,
            FileType::RegularFile => Node::File { executable: stat.st_mode & 0o111 != 0 },
            _ => Node::Other,
        }
    }
}

/// In reverse order, without those that lead nowhere.
fn parts(path: &str) -> Vec<String> {
    path.rsplit('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect()
}

fn missing(at: String, ahead: Vec<String>) -> Found {
    let leads_to = ahead.into_iter().rev().fold(at, |path, part| format!("{path}/{part}"));
    Found { state: FileState::Missing, leads_to }
}

/// From the first line (`execve(2)`), or from the segment `PT_INTERP` of an ELF file (`elf(5)`).
fn interpreter_of(head: &[u8]) -> Option<String> {
    let path = if let Some(line) = head.strip_prefix(b"#!") {
        let line = line.split(|byte| *byte == b'\n').next()?;
        let mut words = line.split(|byte| matches!(byte, b' ' | b'\t'));
        words.find(|word| !word.is_empty())?
    } else {
        elf_interpreter(head)?
    };
    let path = std::str::from_utf8(path).ok()?.trim_end_matches('\0');
    path.starts_with('/').then(|| path.to_owned())
}

fn elf_interpreter(head: &[u8]) -> Option<&[u8]> {
    const PT_INTERP: u64 = 3;
    let [0x7f, b'E', b'L', b'F', class, order, ..] = head else { return None };
    let wide = match class {
        1 => false,
        2 => true,
        _ => return None,
    };
    let number = |at: usize, size: usize| -> Option<u64> {
        let bytes = head.get(at..at.checked_add(size)?)?;
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        match order {
            1 => Some(bytes.iter().rev().fold(0, add)),
            2 => Some(bytes.iter().fold(0, add)),
            _ => None,
        }
    };
    let place = |at, size| usize::try_from(number(at, size)?).ok();
    // e_phoff, e_phentsize, e_phnum; in an entry p_type, p_offset, p_filesz.
    let (table, entry, count) = if wide {
        (place(32, 8)?, place(54, 2)?, place(56, 2)?)
    } else {
        (place(28, 4)?, place(42, 2)?, place(44, 2)?)
    };
    for index in 0..count.min(64) {
        let at = table.checked_add(entry.checked_mul(index)?)?;
        if number(at, 4)? == PT_INTERP {
            let (from, length) = if wide {
                (place(at.checked_add(8)?, 8)?, place(at.checked_add(32)?, 8)?)
            } else {
                (place(at.checked_add(4)?, 4)?, place(at.checked_add(16)?, 4)?)
            };
            return head.get(from..from.checked_add(length)?);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    /// A root with programs, links, and a mount of every sort.
    fn host() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for path in ["proc/self", "usr/bin", "opt/app/v1", "nfs", "tmp/noexec"] {
            fs::create_dir_all(at(path)).unwrap();
        }
        fs::write(
            at("proc/self/mountinfo"),
            "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n\
             2 1 0:50 / /nfs rw - nfs4 s:/ rw\n\
             3 1 0:51 / /tmp/noexec rw,noexec - tmpfs tmpfs rw\n",
        )
        .unwrap();
        for path in ["usr/bin/tool", "nfs/tool", "tmp/noexec/tool"] {
            fs::write(at(path), "#! /usr/bin/python3 -u\n").unwrap();
            fs::set_permissions(at(path), fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(at("opt/app/v1/plain"), "").unwrap();
        symlink("usr/bin", at("bin")).unwrap();
        symlink("v2", at("opt/app/current")).unwrap();
        symlink("/../../usr/bin/tool", at("opt/tool")).unwrap();
        symlink("loop", at("loop")).unwrap();
        symlink("/nfs/tool", at("opt/remote")).unwrap();
        folder
    }

    #[test]
    fn what_is_there_is_told_apart() {
        let folder = host();
        let root = Root::at(folder.path());
        let mut look = Look::new(&root, soon()).unwrap();
        for (path, state, leads_to) in [
            ("/", FileState::Directory, "/"),
            ("/usr/bin/tool", FileState::Program, "/usr/bin/tool"),
            ("/bin/tool", FileState::Program, "/usr/bin/tool"),
            ("/bin/./../bin//tool", FileState::Program, "/usr/bin/tool"),
            ("/opt/tool", FileState::Program, "/usr/bin/tool"),
            ("/tmp/noexec/tool", FileState::Noexec, "/tmp/noexec/tool"),
            ("/opt/app/v1/plain", FileState::File, "/opt/app/v1/plain"),
            ("/opt/app/v1/plain/x", FileState::Missing, "/opt/app/v1/plain/x"),
            ("/opt/app/current/bin/app", FileState::Missing, "/opt/app/v2/bin/app"),
            ("/none/at/all", FileState::Missing, "/none/at/all"),
        ] {
            let found = look.at(path).unwrap();
            assert_eq!((found.state, found.leads_to.as_str()), (state, leads_to), "{path}");
        }
        assert_eq!(look.interpreter("/usr/bin/tool").as_deref(), Some("/usr/bin/python3"));
    }

    #[test]
    fn what_may_never_answer_is_not_asked() {
        let folder = host();
        let root = Root::at(folder.path());
        let mut look = Look::new(&root, soon()).unwrap();
        for path in ["/nfs/tool", "/nfs", "/opt/remote", "/loop", "relative", ""] {
            assert_eq!(look.at(path), None, "{path}");
        }
        let mut late = Look::new(&root, Instant::now()).unwrap();
        assert_eq!(late.at("/usr/bin/tool"), None);
        fs::remove_file(folder.path().join("proc/self/mountinfo")).unwrap();
        assert!(Look::new(&root, soon()).is_none());
    }

    #[test]
    fn this_very_program_names_its_interpreter() {
        let root = Root::host();
        let look = Look::new(&root, soon()).unwrap();
        let program = std::env::current_exe().unwrap();
        let interpreter = look.interpreter(program.to_str().unwrap()).unwrap();
        assert!(interpreter.contains("ld-"), "{interpreter}");
    }

    proptest! {
        #[test]
        fn no_head_of_a_file_panics(mut bytes: Vec<u8>, elf: bool) {
            if elf {
                bytes.splice(0..0, *b"\x7fELF\x02\x01");
            }
            let _ = interpreter_of(&bytes);
        }
    }
}
