//! Entries as they are written.
//!
//! journald writes through a map, which nobody is told of, and then changes the file's length to what
//! it was, so that `inotify(7)` tells.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;

use crate::entry::Entry;
use crate::id::Id128;
use crate::journal::{Journal, Options};
use crate::select::{Direction, Select};

/// Waits for entries.
#[derive(Debug)]
pub struct Follower {
    paths: Vec<PathBuf>,
    options: Options,
    select: Select,
    changes: rustix::fd::OwnedFd,
    /// The last entry seen of each file, by its id: a file keeps it when it is rotated.
    seen: HashMap<Id128, u64>,
}

impl Follower {
    /// Begins to follow the files and directories at `paths`, behind what they hold now.
    pub fn new<P: AsRef<Path>>(paths: &[P], options: &Options, select: Select) -> io::Result<Self> {
        let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
        let changes = inotify::init(flags)?;
        let paths: Vec<PathBuf> = paths.iter().map(|path| path.as_ref().to_owned()).collect();
        let mut follower = Self { paths, options: *options, select, changes, seen: HashMap::new() };
        // First watch, then look: what comes in between is seen twice rather than not at all.
        follower.watch()?;
        let journal = Journal::open(&follower.paths, &follower.options);
        for file in journal.files() {
            follower.seen.insert(file.header().file_id, file.last_entry());
        }
        Ok(follower)
    }

    fn watch(&self) -> io::Result<()> {
        use inotify::WatchFlags as Flags;
        let flags = Flags::MODIFY | Flags::CREATE | Flags::MOVED_TO | Flags::ATTRIB;
        for path in &self.paths {
            inotify::add_watch(&self.changes, path, flags)?;
            let Ok(list) = path.read_dir() else { continue };
            for entry in list.flatten().filter(|entry| entry.path().is_dir()) {
                inotify::add_watch(&self.changes, entry.path(), flags)?;
            }
        }
        Ok(())
    }

    /// Waits up to `patience` for the files to change, then calls `each` with the new entries that
    /// fit, in order. Gives the number of them, which may be 0 before the time is over.
    pub fn wait(
        &mut self,
        patience: Duration,
        mut each: impl FnMut(&Entry<'_>),
    ) -> io::Result<u64> {
        let timeout = Timespec::try_from(patience).map_err(io::Error::other)?;
        let mut ready = [PollFd::new(&self.changes, PollFlags::IN)];
        poll(&mut ready, Some(&timeout))?;
        let mut buffer = [0; 4096];
        // What changed does not matter.
        while rustix::io::read(&self.changes, &mut buffer).is_ok_and(|read| read > 0) {}
        // A directory of a machine may be new.
        self.watch()?;
        let journal = Journal::open(&self.paths, &self.options);
        let seen = &self.seen;
        let from = |id: &Id128| seen.get(id).map_or(0, |last| last.saturating_add(1));
        let mut count = 0;
        for entry in journal.entries_after(&self.select, Direction::Forward, from) {
            each(&entry);
            count += 1;
        }
        self.seen =
            journal.files().iter().map(|file| (file.header().file_id, file.last_entry())).collect();
        Ok(count)
    }
}
