//! Several journal files as one journal.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::cursor::Cursor;
use crate::damage::Damage;
use crate::file::File;
use crate::find;
use crate::id::Id128;
use crate::image::Image;
use crate::merge::{Entries, Newest};
use crate::range::Window;
use crate::select::{Direction, Select};
use crate::unpack::Memory;
use crate::values::Distinct;

/// Bounds on what is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// A value of more bytes than this is left out, with a [`Damage`]. journald itself takes up to
    /// 768 MiB.
    pub max_value_bytes: usize,
    /// Files beyond this many are left out, with a [`Damage`].
    pub max_files: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_value_bytes: 64 << 20, max_files: 4096 }
    }
}

/// Journal files, open.
#[derive(Debug, Default)]
pub struct Journal {
    files: Vec<File>,
    newest: OnceLock<Newest>,
    unopened: Vec<Damage>,
    memory: Arc<Memory>,
}

impl Journal {
    /// Opens the files at `paths`, which are journal files or directories as of `journalctl
    /// --directory`. What cannot be opened is told by [`Journal::damage`].
    pub fn open<P: AsRef<Path>>(paths: &[P], options: &Options) -> Self {
        let mut files: Vec<PathBuf> = Vec::new();
        let mut unopened = Vec::new();
        for path in paths {
            let most = options.max_files.saturating_sub(files.len());
            let (found, damage) = find::files(path.as_ref(), most);
            files.extend(found);
            unopened.extend(damage);
        }
        let mut journal = Self { unopened, ..Self::default() };
        for (number, path) in (0..).zip(files) {
            match File::open(&path, options.max_value_bytes, &journal.memory, number) {
                Ok(file) => journal.files.push(file),
                Err(damage) => journal.unopened.push(damage),
            }
        }
        journal
    }

    /// Adds entries that were read elsewhere; `path` says where, in place of a file's.
    pub fn add_image(&mut self, path: &Path, image: Image) -> Result<(), Damage> {
        let number = self.files.len() as u64 + self.unopened.len() as u64;
        let damage =
            |error: io::Error| Damage { path: path.to_owned(), offset: None, cause: error.into() };
        let file = image.into_file().map_err(damage)?;
        self.files.push(File::of_handle(path, &file, usize::MAX, &self.memory, number)?);
        self.newest = OnceLock::new();
        Ok(())
    }

    /// Of which machine each boot is, and how late it was there.
    fn newest(&self) -> &Newest {
        self.newest.get_or_init(|| {
            let mut boots = Newest::new();
            for file in &self.files {
                let Some((boot, at)) = file.newest() else { continue };
                let machine = file.header().machine_id;
                let newest = boots.entry(boot).or_insert((machine, at));
                if at >= newest.1 {
                    *newest = (machine, at);
                }
            }
            boots
        })
    }

    /// The files, of which a walk begins.
    fn walked(&self) -> impl Iterator<Item = &File> {
        self.files.iter().inspect(|file| file.unpacker.begin())
    }

    /// The files that could be opened.
    pub fn files(&self) -> &[File] {
        &self.files
    }

    /// What could not be opened.
    pub fn unopened(&self) -> &[Damage] {
        &self.unopened
    }

    /// All that could not be read so far.
    pub fn damage(&self) -> Vec<Damage> {
        let met = self.files.iter().flat_map(File::damage);
        self.unopened.iter().cloned().chain(met).collect()
    }

    /// Entries that fit `select`, in the order of `journalctl`.
    pub fn entries(&self, select: &Select, direction: Direction) -> Entries<'_> {
        Entries::new(self.walked(), self.newest(), select, direction, None, |_| match direction {
            Direction::Forward => 0,
            Direction::Backward => u64::MAX,
        })
    }

    /// Entries that fit `select`, from the one at `cursor` on; from the place where it would be if
    /// it is not there.
    pub fn entries_from(
        &self,
        cursor: &Cursor,
        select: &Select,
        direction: Direction,
    ) -> Entries<'_> {
        Entries::new(self.walked(), self.newest(), select, direction, None, |file| {
            cursor.place_in(file, direction)
        })
    }

    /// Entries that fit `select`, in each file from the offset on that `from` gives for its id.
    pub(crate) fn entries_after(
        &self,
        select: &Select,
        direction: Direction,
        from: impl Fn(&Id128) -> u64,
    ) -> Entries<'_> {
        Entries::new(self.walked(), self.newest(), select, direction, None, |file| {
            from(&file.header().file_id)
        })
    }

    /// As [`Journal::entries`], of which only `fields` are wanted.
    pub(crate) fn entries_with(
        &self,
        select: &Select,
        direction: Direction,
        fields: &[&str],
    ) -> Entries<'_> {
        let files = self.walked();
        Entries::new(files, self.newest(), select, direction, Some(fields), |_| match direction {
            Direction::Forward => 0,
            Direction::Backward => u64::MAX,
        })
    }

    /// Number of entries in `window`, from the index. An entry that is in two files counts twice.
    pub fn count(&self, window: &Window) -> u64 {
        let ranges = self.files.iter().filter_map(|file| file.range(window));
        ranges.fold(0, |sum, range| sum.saturating_add(range.entries()))
    }

    /// The values that entries in `window` have of `field`, with the number of entries of each,
    /// from the index, the most frequent first. None: there are more than `most`.
    pub fn distinct(&self, field: &str, window: &Window, most: usize) -> Option<Vec<Distinct>> {
        let mut counts = HashMap::<Vec<u8>, u64>::new();
        for file in &self.files {
            let Some(range) = file.range(window) else { continue };
            for value in file.values(field, range) {
                let Some(bytes) = value.bytes() else { continue };
                if let Some(count) = counts.get_mut(bytes.as_ref()) {
                    *count = count.saturating_add(value.count());
                } else if counts.len() >= most {
                    return None;
                } else {
                    counts.insert(bytes.into_owned(), value.count());
                }
            }
        }
        let mut list: Vec<Distinct> =
            counts.into_iter().map(|(value, entries)| Distinct { value, entries }).collect();
        list.sort_by(|a, b| b.entries.cmp(&a.entries).then_with(|| a.value.cmp(&b.value)));
        Some(list)
    }
}
