//! The peer: the same tasks through libsystemd's API (sd-journal(3)), each in the faster of the ways it offers.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::{CString, c_char, c_int, c_void};
use std::{ptr, slice};

use journal_bench::{
    Arguments, Counter, FIELDS, Hits, Sum, Task, Texts, WARNINGS, counts_line, done,
};

#[link(name = "systemd")]
unsafe extern "C" {
    fn sd_journal_open_directory(
        journal: *mut *mut c_void,
        path: *const c_char,
        flags: c_int,
    ) -> c_int;
    fn sd_journal_next(journal: *mut c_void) -> c_int;
    fn sd_journal_seek_head(journal: *mut c_void) -> c_int;
    fn sd_journal_add_match(journal: *mut c_void, data: *const c_void, size: usize) -> c_int;
    fn sd_journal_add_conjunction(journal: *mut c_void) -> c_int;
    fn sd_journal_flush_matches(journal: *mut c_void);
    fn sd_journal_set_data_threshold(journal: *mut c_void, size: usize) -> c_int;
    fn sd_journal_get_data(
        journal: *mut c_void,
        field: *const c_char,
        data: *mut *const c_void,
        size: *mut usize,
    ) -> c_int;
    fn sd_journal_restart_data(journal: *mut c_void);
    fn sd_journal_enumerate_data(
        journal: *mut c_void,
        data: *mut *const c_void,
        size: *mut usize,
    ) -> c_int;
}

struct Journal(*mut c_void);

impl Journal {
    fn open(directory: &str) -> Self {
        let path = CString::new(directory).expect("a path");
        let mut journal = ptr::null_mut();
        // SAFETY: both pointers are valid; the handle is never closed, the process ends.
        let r = unsafe { sd_journal_open_directory(&raw mut journal, path.as_ptr(), 0) };
        assert!(r >= 0, "sd_journal_open_directory: {r}");
        // SAFETY: the handle is open.
        unsafe { sd_journal_set_data_threshold(journal, 0) };
        Self(journal)
    }

    fn matching(&self, field: &str, values: &[&str]) {
        // SAFETY: the handle is open.
        unsafe { sd_journal_flush_matches(self.0) };
        self.also_matching(field, values);
    }

    /// As well as what was asked for before.
    fn also_matching(&self, field: &str, values: &[&str]) {
        // SAFETY: the handle is open.
        unsafe { sd_journal_add_conjunction(self.0) };
        for value in values {
            let text = format!("{field}={value}");
            // SAFETY: the handle is open, the bytes are copied.
            let r = unsafe { sd_journal_add_match(self.0, text.as_ptr().cast(), text.len()) };
            assert!(r >= 0, "sd_journal_add_match: {r}");
        }
        // SAFETY: the handle is open.
        unsafe { sd_journal_seek_head(self.0) };
    }

    fn next(&self) -> bool {
        // SAFETY: the handle is open.
        let r = unsafe { sd_journal_next(self.0) };
        assert!(r >= 0, "sd_journal_next: {r}");
        r > 0
    }

    /// The value of one field of this entry; valid until the next call.
    fn get(&self, field: &CString) -> Option<&[u8]> {
        let (mut data, mut size) = (ptr::null(), 0);
        // SAFETY: the handle is open and on an entry.
        let r =
            unsafe { sd_journal_get_data(self.0, field.as_ptr(), &raw mut data, &raw mut size) };
        if r < 0 {
            return None;
        }
        // SAFETY: the library says that so many bytes are there.
        let bytes = unsafe { slice::from_raw_parts(data.cast::<u8>(), size) };
        bytes.get(field.as_bytes().len() + 1..)
    }

    /// All fields of this entry in turn.
    fn each(&self, mut tell: impl FnMut(&[u8])) {
        // SAFETY: the handle is open and on an entry.
        unsafe { sd_journal_restart_data(self.0) };
        let (mut data, mut size) = (ptr::null(), 0);
        // SAFETY: as above.
        while unsafe { sd_journal_enumerate_data(self.0, &raw mut data, &raw mut size) } > 0 {
            // SAFETY: the library says that so many bytes are there.
            tell(unsafe { slice::from_raw_parts(data.cast::<u8>(), size) });
        }
    }
}

fn main() {
    let arguments = Arguments::parse();
    let journal = Journal::open(&arguments.directory);
    let names = FIELDS.map(|name| CString::new(name).expect("a name"));
    // The second way to read three fields: all of them, and pick.
    let enumerate = std::env::var_os("ENUMERATE").is_some();
    let three = |sum: &mut Sum| {
        sum.entry();
        if enumerate {
            journal.each(|data| {
                for (index, name) in FIELDS.iter().enumerate() {
                    if let Some(value) =
                        data.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
                    {
                        sum.field(index, value);
                    }
                }
            });
        } else {
            for (index, name) in names.iter().enumerate() {
                if let Some(value) = journal.get(name) {
                    sum.field(index, value);
                }
            }
        }
    };
    let answer = match arguments.task {
        Task::Counts if enumerate => {
            // The second way: every entry.
            let mut counts = [0_u64; 8];
            while journal.next() {
                if let Some(&[digit @ b'0'..=b'7']) = journal.get(&names[0]) {
                    counts[usize::from(digit - b'0')] += 1;
                }
            }
            counts_line(
                (0..8)
                    .map(|p| (p.to_string(), counts[p]))
                    .filter(|(_, count)| *count > 0)
                    .collect(),
            )
        }
        Task::Counts => {
            let mut counts = Vec::new();
            for priority in 0..8 {
                let priority = priority.to_string();
                journal.matching("PRIORITY", &[&priority]);
                let mut count = 0;
                while journal.next() {
                    count += 1;
                }
                counts.push((priority, count));
            }
            counts.retain(|(_, count)| *count > 0);
            counts_line(counts)
        }
        Task::Warnings => {
            journal.matching("PRIORITY", &WARNINGS);
            let mut sum = Sum::default();
            while journal.next() {
                three(&mut sum);
            }
            sum.line()
        }
        Task::Messages => {
            journal.matching("_BOOT_ID", &[&arguments.boot]);
            let mut messages = Counter::default();
            while journal.next() {
                if let Some(message) = journal.get(&names[2]) {
                    messages.add(message);
                }
            }
            messages.line()
        }
        Task::Catalogue => catalogue(&journal, &arguments.boot, enumerate),
        Task::Scan => {
            let mut sum = Sum::default();
            while journal.next() {
                three(&mut sum);
            }
            sum.line()
        }
    };
    done(&answer);
}

/// `sd_journal_enumerate_unique(3)` knows no boot, so that each entry of it is asked for its message.
fn catalogue(journal: &Journal, boot: &str, enumerate: bool) -> String {
    let (mut hits, mut texts) = (Hits::new(), Texts::default());
    let message = CString::new("MESSAGE").expect("a name");
    let names: HashMap<String, CString> = hits
        .fields()
        .into_iter()
        .map(|name| (name.to_owned(), CString::new(name).expect("a name")))
        .collect();
    journal.matching("_BOOT_ID", &[boot]);
    while journal.next() {
        let Some(text) = journal.get(&message) else { continue };
        let candidates = texts.candidates(&mut hits, text);
        if !candidates.is_empty() {
            entry(journal, enumerate, &names, |get| hits.by_text(candidates, get));
        }
    }
    journal.matching("_BOOT_ID", &[boot]);
    let ids: Vec<String> = hits.catalogue.message_ids().map(str::to_owned).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    journal.also_matching("MESSAGE_ID", &ids);
    while journal.next() {
        entry(journal, enumerate, &names, |get| hits.by_id(get));
    }
    hits.line()
}

/// The fields of this entry, each when it is asked for, or all of them at once.
fn entry(
    journal: &Journal,
    enumerate: bool,
    names: &HashMap<String, CString>,
    tell: impl FnOnce(&dyn Fn(&str) -> Option<Cow<'static, [u8]>>),
) {
    if !enumerate {
        return tell(&|name| Some(Cow::Owned(journal.get(names.get(name)?)?.to_vec())));
    }
    let mut fields: Vec<Vec<u8>> = Vec::new();
    journal.each(|data| fields.push(data.to_vec()));
    tell(&|name| {
        let value = |field: &Vec<u8>| {
            Some(field.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?.to_vec())
        };
        fields.iter().find_map(value).map(Cow::Owned)
    });
}
