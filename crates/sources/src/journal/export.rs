//! The journal export format, as `journalctl -o export` writes it (systemd's
//! `docs/JOURNAL_EXPORT_FORMATS.md`): entries that are put into a journal file in memory.
//!
//! Every length is bounded, and what is left out is counted. Nothing is interpreted.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, BufRead, Read};
use std::ops::Range;

use sysdiag_journal::{Id128, Image, Stamp};

/// Longest name of a field that is read; journald takes 64 bytes (`FIELD_NAME_MAX`).
const MAX_NAME: usize = 256;
/// Longest field of an address, such as a cursor, which has 150 bytes.
const MAX_ADDRESS: usize = 512;
/// Fields of an entry; journald takes 1,024 (`ENTRY_FIELD_COUNT_MAX`) and adds some of its own.
const MAX_FIELDS: usize = 2048;
/// Sources of sequence numbers that are told apart: journald begins anew when its state is lost.
const MAX_SOURCES: usize = 64;

/// Bounds on what is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Longest value with its name, in bytes.
    pub(super) value: usize,
    /// All values of an entry.
    pub(super) entry: usize,
    /// All entries, as they are kept.
    pub(super) all: usize,
}

/// What was made of an output.
#[derive(Debug)]
pub(super) struct Entries {
    /// By the source of their sequence numbers.
    pub(super) images: BTreeMap<Id128, Image>,
    /// How many there are.
    pub(super) count: u64,
    /// Values that were left out, being too long or too many.
    pub(super) values_left_out: u64,
    /// Entries without an address that can be read.
    pub(super) malformed: u64,
    /// Reading ended for want of room.
    pub(super) full: bool,
    /// Sequence numbers of those that are there: what is read twice is kept once.
    seen: HashSet<(Id128, u64)>,
    limits: Limits,
}

/// What an entry is, besides its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Address {
    seqnum_id: Id128,
    stamp: Stamp,
}

/// An entry being read.
#[derive(Debug, Default)]
struct Current {
    address: Option<Address>,
    /// `FIELD=value` one after the other.
    bytes: Vec<u8>,
    fields: Vec<Range<usize>>,
    /// Whether anything came of it.
    begun: bool,
    left_out: u64,
}

/// Reads entries until the output ends, an error comes or there is no room for more. What was read
/// before an error is kept; an entry that is not whole is not.
pub(super) fn read(input: &mut impl BufRead, entries: &mut Entries) -> io::Result<()> {
    let mut current = Current::default();
    while !entries.full {
        match field(input, entries.limits, &mut current)? {
            Part::Field => {}
            Part::Blank => entries.add(&mut current),
            // Behind each entry there is a blank line: what has none was cut off.
            Part::End if current.begun => return Err(io::ErrorKind::UnexpectedEof.into()),
            Part::End => return Ok(()),
        }
    }
    Ok(())
}

enum Part {
    Field,
    /// Between two entries.
    Blank,
    End,
}

/// Reads one field, or what is between entries.
fn field(input: &mut impl BufRead, limits: Limits, current: &mut Current) -> io::Result<Part> {
    let from = current.bytes.len();
    // Up to the end of the name: `=`, or the end of the line.
    let Some(end) = name(input, &mut current.bytes)? else {
        return Ok(Part::End);
    };
    let name = from..current.bytes.len();
    if name.is_empty() && end == b'\n' {
        return Ok(Part::Blank);
    }
    current.begun = true;
    let is_name = |name: &[u8]| !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    let is_named = current.bytes.get(name.clone()).is_some_and(is_name);
    let is_address = current.bytes.get(name.clone()).is_some_and(|name| name.starts_with(b"__"));
    let room = limits.entry.saturating_sub(from).min(limits.value);
    let room = room.saturating_sub(name.len() + 1);
    let most = if is_address { MAX_ADDRESS } else { room };
    current.bytes.push(b'=');
    let whole = if end == b'=' {
        line(input, most, &mut current.bytes)?
    } else {
        binary(input, most, &mut current.bytes)?
    };
    let value = name.end + 1..current.bytes.len();
    if is_address {
        let bytes = |range: Range<usize>| current.bytes.get(range).unwrap_or_default();
        if bytes(name) == b"__CURSOR" {
            current.address = std::str::from_utf8(bytes(value)).ok().and_then(address);
        }
        current.bytes.truncate(from);
    } else if whole && is_named && current.fields.len() < MAX_FIELDS {
        current.fields.push(from..value.end);
    } else {
        current.bytes.truncate(from);
        current.left_out += 1;
    }
    Ok(Part::Field)
}

/// Reads a name and what ends it. None: there is nothing more.
fn name(input: &mut impl BufRead, into: &mut Vec<u8>) -> io::Result<Option<u8>> {
    let from = into.len();
    while into.len() - from <= MAX_NAME {
        let Some(byte) = input.fill_buf()?.first().copied() else {
            return if into.len() == from {
                Ok(None)
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            };
        };
        input.consume(1);
        if byte == b'=' || byte == b'\n' {
            return Ok(Some(byte));
        }
        into.push(byte);
    }
    Err(malformed("a name of a field that is too long"))
}

/// Reads the rest of a line. False: it is longer than `most` and was passed over.
fn line(input: &mut impl BufRead, most: usize, into: &mut Vec<u8>) -> io::Result<bool> {
    let from = into.len();
    let mut whole = true;
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
        whole &= into.len() - from + part.len() <= most;
        if whole {
            into.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(whole);
        }
    }
}

/// Reads a value with its length before it, and the end of the line. False: it is longer than `most` and
/// was passed over.
fn binary(input: &mut impl BufRead, most: usize, into: &mut Vec<u8>) -> io::Result<bool> {
    let mut length = [0; 8];
    input.read_exact(&mut length)?;
    let length = u64::from_le_bytes(length);
    let whole = length <= most as u64;
    if whole {
        let read = input.by_ref().take(length).read_to_end(into)?;
        if read as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    } else {
        let passed = io::copy(&mut input.by_ref().take(length), &mut io::sink())?;
        if passed != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let mut end = [0];
    input.read_exact(&mut end)?;
    if end == *b"\n" { Ok(whole) } else { Err(malformed("a value without the end of its line")) }
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// `s=...;i=...;b=...;m=...;t=...;x=...`, all of them in hexadecimal digits.
fn address(cursor: &str) -> Option<Address> {
    let (mut ids, mut numbers) = ([None; 2], [None; 4]);
    for part in cursor.split(';') {
        let (key, value) = part.split_once('=')?;
        let number = || u64::from_str_radix(value, 16).ok();
        let [source, boot] = &mut ids;
        let [seqnum, monotonic, realtime, hash] = &mut numbers;
        match key {
            "s" => *source = value.parse().ok(),
            "b" => *boot = value.parse().ok(),
            "i" => *seqnum = number(),
            "m" => *monotonic = number(),
            "t" => *realtime = number(),
            "x" => *hash = number(),
            _ => {}
        }
    }
    let ([Some(seqnum_id), Some(boot_id)], [Some(seqnum), Some(monotonic), Some(realtime), hash]) =
        (ids, numbers)
    else {
        return None;
    };
    let stamp = Stamp {
        seqnum,
        realtime_usec: realtime,
        monotonic_usec: monotonic,
        boot_id,
        xor_hash: hash.unwrap_or(0),
    };
    Some(Address { seqnum_id, stamp })
}

impl Entries {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            images: BTreeMap::new(),
            count: 0,
            values_left_out: 0,
            malformed: 0,
            full: false,
            seen: HashSet::new(),
            limits,
        }
    }

    /// Adds the entry that has ended, if there is one.
    fn add(&mut self, current: &mut Current) {
        let most = self.limits.all;
        if !current.begun {
            return;
        }
        let entry = std::mem::take(current);
        let Some(Address { seqnum_id, stamp }) = entry.address else {
            self.malformed += 1;
            return;
        };
        if !self.seen.insert((seqnum_id, stamp.seqnum)) {
            return;
        }
        let fields = || entry.fields.iter().filter_map(|field| entry.bytes.get(field.clone()));
        if !self.images.contains_key(&seqnum_id) {
            if self.images.len() >= MAX_SOURCES {
                self.full = true;
                return;
            }
            let machine = fields().find_map(|field| field.strip_prefix(b"_MACHINE_ID="));
            let machine = machine.and_then(|id| std::str::from_utf8(id).ok()?.parse().ok());
            let image = Image::new(seqnum_id, machine.unwrap_or(Id128::NULL), most);
            self.images.insert(seqnum_id, image);
        }
        let used: usize = self.images.values().map(Image::size).sum();
        let Some(image) = self.images.get_mut(&seqnum_id) else { return };
        if used > most || !image.add(stamp, fields()) {
            self.full = true;
            return;
        }
        self.count += 1;
        self.values_left_out += entry.left_out;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;
    use sysdiag_journal::{Direction, Journal, Options, Select, Window};

    use super::*;

    const LIMITS: Limits = Limits { value: 5000, entry: 20_000, all: 1 << 20 };
    const SOURCE: u128 = 0x1234;

    type Fields = Vec<(String, Vec<u8>)>;

    fn cursor(number: u64) -> String {
        format!("s={SOURCE:032x};i={number:x};b={:032x};m={number:x};t={:x};x=77", 1, 9000 + number)
    }

    /// An entry as `journalctl` writes it: each value as text, or with its length before it.
    fn written(number: u64, fields: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut text =
            format!("__CURSOR={}\n__REALTIME_TIMESTAMP=1\n", cursor(number)).into_bytes();
        for (name, value) in fields {
            text.extend(name.as_bytes());
            if std::str::from_utf8(value).is_ok_and(|text| !text.contains(char::is_control)) {
                text.push(b'=');
            } else {
                text.push(b'\n');
                text.extend((value.len() as u64).to_le_bytes());
            }
            text.extend(value);
            text.push(b'\n');
        }
        text.push(b'\n');
        text
    }

    fn read_bytes(mut bytes: &[u8]) -> (Entries, io::Result<()>) {
        let mut entries = Entries::new(LIMITS);
        let result = read(&mut bytes, &mut entries);
        (entries, result)
    }

    /// The journal that comes of it, as cursors and fields.
    fn journal(entries: Entries) -> Vec<(String, Fields)> {
        let mut journal = Journal::open(&[] as &[&Path], &Options::default());
        for image in entries.images.into_values() {
            journal.add_image(Path::new("/export"), image).unwrap();
        }
        let entries = journal.entries(&Select::all(Window::default()), Direction::Forward);
        let name = |name: &[u8]| String::from_utf8(name.to_vec()).unwrap();
        let list = entries.map(|entry| {
            let fields = entry.fields().map(|field| (name(field.name()), field.value().to_vec()));
            (entry.cursor(), fields.collect())
        });
        let list = list.collect();
        assert!(journal.damage().is_empty(), "{:?}", journal.damage());
        list
    }

    #[test]
    fn an_output_of_journalctl_is_read() {
        let text = b"__CURSOR=s=00000000000000000000000000001234;i=2;b=00000000000000000000000000000001;m=5;t=2000;x=1f\n\
            __REALTIME_TIMESTAMP=8192\n__MONOTONIC_TIMESTAMP=5\n__SEQNUM=2\n_BOOT_ID=00000000000000000000000000000001\n\
            MESSAGE\n\x05\0\0\0\0\0\0\0a\n=\0b\nEMPTY=\nPRIORITY=6\n\n";
        let (entries, result) = read_bytes(text);
        result.unwrap();
        let read = journal(entries);
        let [(cursor, fields)] = read.as_slice() else { panic!("{read:?}") };
        assert_eq!(
            cursor,
            "s=00000000000000000000000000001234;i=2;b=00000000000000000000000000000001;m=5;t=2000;x=1f"
        );
        let field = |name: &str, value: &[u8]| (name.to_owned(), value.to_vec());
        assert_eq!(
            *fields,
            [
                field("_BOOT_ID", b"00000000000000000000000000000001"),
                field("MESSAGE", b"a\n=\0b"),
                field("EMPTY", b""),
                field("PRIORITY", b"6"),
            ]
        );
    }

    #[test]
    fn what_is_too_long_is_passed_over_and_counted() {
        let long = vec![b'x'; LIMITS.value + 1];
        let fields = [
            ("A".to_owned(), long.clone()),
            ("B".to_owned(), vec![b'y'; LIMITS.value - 2]),
            ("C".to_owned(), [long, b"\n".to_vec()].concat()),
            ("D".to_owned(), b"z".to_vec()),
        ];
        let (entries, result) = read_bytes(&written(1, &fields));
        result.unwrap();
        assert_eq!((entries.count, entries.values_left_out), (1, 2));
        let read = journal(entries);
        assert_eq!(read[0].1, [fields[1].clone(), fields[3].clone()]);
        // A length beyond all reason makes no room.
        let (entries, result) = read_bytes(b"MESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xffabc");
        assert_eq!((entries.count, result.unwrap_err().kind()), (0, io::ErrorKind::UnexpectedEof));
    }

    #[test]
    fn entries_beyond_the_bound_are_not_kept() {
        let one = |number| written(number, &[("MESSAGE".to_owned(), vec![b'a'; 1000])]);
        let text: Vec<u8> = (0..100_000).rev().flat_map(one).collect();
        let (entries, result) = read_bytes(&text);
        result.unwrap();
        assert!(entries.full && entries.count > 1000, "{} entries", entries.count);
        assert!(entries.images.values().map(Image::size).sum::<usize>() <= LIMITS.all);
        let count = entries.count;
        assert_eq!(journal(entries).len() as u64, count);
    }

    #[test]
    fn without_an_address_there_is_no_entry() {
        let (entries, result) = read_bytes(b"MESSAGE=x\n\n\n__CURSOR=i=1\nMESSAGE=y\n\n");
        result.unwrap();
        assert_eq!((entries.count, entries.malformed), (0, 2));
        for broken in [&b"MESSAGE=x"[..], b"MESSAGE", b"MESSAGE=x\n", b"M\n\x01\0\0\0\0\0\0\0ab"] {
            assert!(read_bytes(broken).1.is_err(), "{broken:?}");
        }
        assert!(read_bytes(&[b'A'; 5000]).1.is_err());
    }

    fn any_entry() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
        let value = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            "[a-z ]{0,20}".prop_map(String::into_bytes),
            prop::collection::vec(prop::sample::select(b"\n=_\0A".to_vec()), 0..12),
        ];
        prop::collection::vec(("[A-Z][A-Z_]{0,3}", value), 1..12)
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            mut list in prop::collection::vec(any_entry(), 0..30),
            newest_first: bool,
            chunk in 1..50_usize,
        ) {
            let mut numbers: Vec<u64> = (1..=list.len() as u64).collect();
            if newest_first {
                numbers.reverse();
            }
            let text: Vec<u8> =
                numbers.iter().zip(&list).flat_map(|(number, entry)| written(*number, entry)).collect();
            let mut entries = Entries::new(LIMITS);
            // Pipes give what they have.
            let mut input = io::BufReader::with_capacity(chunk, text.as_slice());
            read(&mut input, &mut entries).unwrap();
            // What is read again is there already.
            read(&mut text.as_slice(), &mut entries).unwrap();
            prop_assert_eq!(entries.count, list.len() as u64);
            if newest_first {
                list.reverse();
            }
            let expected: Vec<_> = (1..).map(cursor).zip(list).collect();
            prop_assert_eq!(journal(entries), expected);
        }

        #[test]
        fn whatever_comes_is_read_to_an_end(
            list in prop::collection::vec(any_entry(), 1..5),
            at in any::<prop::sample::Index>(),
            bytes in prop::collection::vec(any::<u8>(), 0..30),
        ) {
            let mut text: Vec<u8> =
                (1..).zip(&list).flat_map(|(number, entry)| written(number, entry)).collect();
            let at = at.index(text.len());
            text.splice(at..(at + bytes.len()).min(text.len()), bytes);
            let (entries, _) = read_bytes(&text);
            let count = entries.count;
            prop_assert_eq!(journal(entries).len() as u64, count);
        }
    }
}
