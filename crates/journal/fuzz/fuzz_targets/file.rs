//! A sound file, changed at the places that the input says, read in all ways.
#![no_main]

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

#[allow(dead_code)]
#[path = "../../tests/golden/export.rs"]
mod export;
#[allow(dead_code)]
#[path = "../../tests/golden/journalctl.rs"]
mod journalctl;
#[allow(dead_code)]
#[path = "../../tests/mutations/objects.rs"]
mod objects;
#[allow(dead_code)]
#[path = "../../tests/mutations/read.rs"]
mod read;
#[allow(dead_code)]
#[path = "../../tests/golden/rng.rs"]
mod rng;
#[allow(dead_code)]
#[path = "../../tests/golden/synthetic.rs"]
mod synthetic;

struct Base {
    path: PathBuf,
    file: File,
    sound: Vec<u8>,
    objects: Vec<(usize, usize)>,
}

/// In memory, one for this process.
static BASE: LazyLock<Base> = LazyLock::new(|| {
    let directory = tempfile::tempdir_in("/dev/shm").unwrap().keep();
    let path = directory.join("a.journal");
    let mut entries = synthetic::entries(1, 0, 30);
    for entry in &mut entries {
        entry.fields.retain(|(_, value)| value.len() < 3000);
    }
    let format = [("SYSTEMD_JOURNAL_COMPACT", "1")];
    journalctl::import(&path, &format, &synthetic::stream(&entries)).unwrap();
    let sound = fs::read(&path).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    let objects = objects::Objects::of(&sound).all;
    Base { path, file, sound, objects }
});

// Each 12 bytes: which object (or the header), where in it, what is put there.
fuzz_target!(|input: &[u8]| {
    let base = &*BASE;
    let mut hurt = Vec::new();
    for patch in input.chunks_exact(12).take(64) {
        let number = |at: usize| usize::from(u16::from_le_bytes([patch[at], patch[at + 1]]));
        let at = match base.objects.get(number(0) % (base.objects.len() + 1)) {
            Some((at, size)) => at + number(2) % size,
            None => number(2) % 272,
        };
        base.file.write_all_at(&patch[4..], at as u64).unwrap();
        hurt.push(at);
    }
    read::everything(&base.path, base.sound.len() as u64 / 4);
    for at in hurt {
        let end = (at + 8).min(base.sound.len());
        base.file.write_all_at(&base.sound[at..end], at as u64).unwrap();
    }
    base.file.set_len(base.sound.len() as u64).unwrap();
});
