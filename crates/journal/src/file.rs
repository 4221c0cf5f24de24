//! One journal file: its objects, each checked before it is given.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::bytes::{u32_at, u64_at};
use crate::chain::Chain;
use crate::damage::{Cause, Damage, Fault, Faults};
use crate::entry::Head;
use crate::header::{Header, LEAST};
use crate::id::Id128;
use crate::map::Map;
use crate::unpack::{Memory, Unpacker};

/// An open journal file, as it was when it was opened: what is appended later is not seen.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    map: Map,
    header: Header,
    /// The list of all entries, and the last of them, when they are first asked for.
    all: OnceLock<All>,
    pub(crate) faults: Faults,
    max_value: usize,
    pub(crate) unpacker: Unpacker,
    /// Device and inode.
    identity: (u64, u64),
}

#[derive(Debug)]
struct All {
    chain: Chain,
    last: u64,
    newest: Option<(Id128, u64)>,
}

impl All {
    fn read(file: &File) -> Self {
        let (array, count) = (file.header.entry_array, file.header.n_entries);
        let chain = if array == 0 { Chain::EMPTY } else { Chain::read(file, 0, array, count) };
        if chain.len() < count {
            file.faults.note(Fault::new(array, "fewer entries than its header says"));
        }
        let mut all = Self { chain, last: 0, newest: None };
        // The last one that is an entry.
        let mut at = all.chain.len();
        while at > 0 && all.newest.is_none() {
            at -= 1;
            if let Some(offset) = all.chain.nth(file, at)
                && let Some(head) = file.faults.pass(file.entry_head(offset))
            {
                all.last = offset;
                all.newest = Some((head.boot_id, head.realtime));
            }
        }
        all
    }
}

/// `OBJECT_*`, and the size of what all objects of the kind have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Data,
    Field,
    Entry,
    EntryArray,
}

impl Kind {
    const fn number(self) -> u8 {
        match self {
            Self::Data => 1,
            Self::Field => 2,
            Self::Entry => 3,
            Self::EntryArray => 6,
        }
    }

    const fn least(self) -> u64 {
        match self {
            Self::Data | Self::Entry => 64,
            Self::Field => 40,
            Self::EntryArray => 24,
        }
    }

    const fn not_here(self) -> &'static str {
        match self {
            Self::Data => "no data object here",
            Self::Field => "no field object here",
            Self::Entry => "no entry here",
            Self::EntryArray => "no entry array here",
        }
    }
}

impl File {
    /// Opens a file. A value of more than `max_value` bytes is damage. `number`: among the files that share
    /// the `memory`.
    pub(crate) fn open(
        path: &Path,
        max_value: usize,
        memory: &Arc<Memory>,
        number: u64,
    ) -> Result<Self, Damage> {
        // A pipe with the name of a journal must not keep us.
        let mut options = fs::OpenOptions::new();
        let options = options.read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC);
        let opened = options.open(path);
        let file = opened.map_err(|error| Damage {
            path: path.to_owned(),
            offset: None,
            cause: error.into(),
        })?;
        Self::of_handle(path, &file, max_value, memory, number)
    }

    /// As [`File::open`], of a file that is open; `path` is what it is called.
    pub(crate) fn of_handle(
        path: &Path,
        file: &fs::File,
        max_value: usize,
        memory: &Arc<Memory>,
        number: u64,
    ) -> Result<Self, Damage> {
        let damage = |cause| Damage { path: path.to_owned(), offset: None, cause };
        let io = |error: io::Error| damage(error.into());
        let mut tries = 0;
        let (map, (header, faults), identity) = loop {
            let about = file.metadata().map_err(io)?;
            if !about.is_file() {
                return Err(damage(Cause::Malformed("not a regular file")));
            }
            if about.len() < LEAST as u64 {
                return Err(damage(Cause::Malformed("shorter than a header")));
            }
            let length = usize::try_from(about.len());
            let length =
                length.map_err(|_| damage(Cause::Malformed("too large for this machine")))?;
            let map = Map::new(file, length).map_err(io)?;
            let parsed = Header::parse(map.bytes()).map_err(damage)?;
            // It may have grown in between.
            tries += 1;
            if tries > 3 || !parsed.1.iter().any(Fault::is_truncation) {
                break (map, parsed, (about.dev(), about.ino()));
            }
        };
        let length = map.bytes().len() as u64;
        let file = Self {
            path: path.to_owned(),
            unpacker: Unpacker::new(memory, number, length, max_value),
            map,
            header,
            all: OnceLock::new(),
            faults: Faults::default(),
            max_value,
            identity,
        };
        for fault in faults {
            file.faults.note(fault);
        }
        Ok(file)
    }

    /// The same file, open for reading. None: another one has its name by now, or none.
    pub(crate) fn again(&self) -> Option<fs::File> {
        let open = |flags| {
            let mut options = fs::OpenOptions::new();
            options.read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC | flags);
            options.open(&self.path)
        };
        // Only who owns the file may leave its time of access alone, which each read would look at.
        let file = open(libc::O_NOATIME).or_else(|_| open(0)).ok()?;
        let about = file.metadata().ok()?;
        ((about.dev(), about.ino()) == self.identity).then_some(file)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its header, as it was when the file was opened.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Length of the map in bytes.
    pub fn length(&self) -> u64 {
        self.map.bytes().len() as u64
    }

    /// Bytes of compressed values that were unpacked since it was opened.
    pub fn unpacked(&self) -> u64 {
        self.unpacker.unpacked()
    }

    /// Boot and `CLOCK_REALTIME` in microseconds of its last entry.
    pub fn newest(&self) -> Option<(Id128, u64)> {
        self.lists().newest
    }

    /// What could not be read so far.
    pub fn damage(&self) -> Vec<Damage> {
        let mut list = self.faults.list(&self.path);
        if self.map.is_cut() {
            list.push(Damage { path: self.path.clone(), offset: None, cause: Cause::Truncated });
        }
        list
    }

    fn lists(&self) -> &All {
        self.all.get_or_init(|| All::read(self))
    }

    /// The list of all entries.
    pub(crate) fn all(&self) -> &Chain {
        &self.lists().chain
    }

    /// Where its last entry is; 0 if there are none.
    pub(crate) fn last_entry(&self) -> u64 {
        self.lists().last
    }

    pub(crate) const fn max_value(&self) -> usize {
        self.max_value
    }

    /// Bytes of an offset in a list of entries.
    pub(crate) const fn item_size(&self) -> usize {
        if self.header.compact { 4 } else { 8 }
    }

    /// The bytes of the object at `offset`, from its type on.
    pub(crate) fn object(&self, offset: u64, kind: Kind) -> Result<&[u8], Fault> {
        let fault = || Fault::new(offset, kind.not_here());
        let end = self.header.end;
        // Objects begin at multiples of 8.
        if !offset.is_multiple_of(8) || offset < self.header.size || offset >= end {
            return Err(fault());
        }
        let at = usize::try_from(offset).map_err(|_| fault())?;
        let rest = self.map.bytes().get(at..).ok_or_else(fault)?;
        let size = u64_at(rest, 8).ok_or_else(fault)?;
        if rest.first() != Some(&kind.number()) {
            return Err(fault());
        }
        if size < kind.least() || size > end - offset || size > self.most(kind) {
            return Err(Fault::new(offset, "an object of no possible size"));
        }
        let size = usize::try_from(size).map_err(|_| fault())?;
        rest.get(..size).ok_or_else(fault)
    }

    /// No object of the kind is larger. Of entries only is there such a bound: journald refuses those
    /// of more than 1,024 fields (`ENTRY_FIELD_COUNT_MAX`) and adds some of its own. Without it, entries
    /// that overlap could each be as long as the file.
    const fn most(&self, kind: Kind) -> u64 {
        const VALUES: u64 = 4096;
        match kind {
            Kind::Entry => 64 + VALUES * if self.header.compact { 4 } else { 16 },
            _ => u64::MAX,
        }
    }

    /// The number at `offset`: an item of a hash table or of a list.
    pub(crate) fn number(&self, offset: u64) -> Option<u64> {
        u64_at(self.map.bytes(), usize::try_from(offset).ok()?)
    }

    /// As [`File::number`], of 4 bytes.
    pub(crate) fn small_number(&self, offset: u64) -> Option<u32> {
        u32_at(self.map.bytes(), usize::try_from(offset).ok()?)
    }

    /// Bytes from `offset` on.
    pub(crate) fn bytes(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let at = usize::try_from(offset).ok()?;
        self.map.bytes().get(at..at.checked_add(length)?)
    }

    /// What every entry has.
    pub(crate) fn entry_head(&self, offset: u64) -> Result<Head, Fault> {
        Head::parse(self.object(offset, Kind::Entry)?)
            .ok_or(Fault::new(offset, "an entry that is too short"))
    }
}
