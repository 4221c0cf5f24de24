//! Ten thousand damaged files.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use peak_alloc::PeakAlloc;

use super::objects::Objects;
use super::read::{everything, follow};
use super::rng::Rng;
use super::watchdog::Watchdog;
use super::{journalctl, synthetic};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Damaged files in all.
const FILES: u64 = 10_000;
/// Entries of a sound one.
const ENTRIES: u64 = 60;
/// More than a sound one takes, by far; less than a length taken from a file on trust.
const MOST_BYTES: usize = 96 << 20;

/// A sound file that is damaged in place and made sound again: it is too large to be written anew
/// each time.
struct Patient {
    path: PathBuf,
    file: File,
    sound: Vec<u8>,
    objects: Objects,
}

impl Patient {
    fn new(directory: &Path, name: &str, format: &[(&str, &str)]) -> Self {
        let path = directory.join(name);
        let mut entries = synthetic::entries(11, 0, ENTRIES);
        for entry in &mut entries {
            entry.fields.retain(|(_, value)| value.len() < 5000);
        }
        journalctl::import(&path, format, &synthetic::stream(&entries)).unwrap();
        let sound = fs::read(&path).unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        let objects = Objects::of(&sound);
        assert!(objects.all.len() > 100, "{} objects", objects.all.len());
        Self { path, file, sound, objects }
    }

    /// An aligned place in use: of the header, of the head or the first items of an object, where
    /// nearly everything is an offset, a size or a count.
    fn place(&self, rng: &mut Rng) -> usize {
        if rng.once_in(5) {
            return rng.index(272 / 8) * 8;
        }
        let (at, size) = *rng.pick(&self.objects.all).unwrap();
        at + rng.index(size.min(160) / 8) * 8
    }

    /// A number that leads somewhere.
    fn number(&self, rng: &mut Rng, at: usize) -> u64 {
        let (offset, size) = *rng.pick(&self.objects.all).unwrap();
        let length = self.sound.len() as u64;
        match rng.below(12) {
            0 => 0,
            1 => rng.next(),
            2 => u64::MAX - rng.below(16),
            3 => length - rng.below(64),
            4 => rng.below(300),
            5 => at as u64,
            6 => 1 << rng.below(64),
            7 => (offset + size / 2) as u64 & !7,
            _ => offset as u64,
        }
    }

    fn write(&self, bytes: &[u8], at: usize) {
        self.file.write_all_at(bytes, at as u64).unwrap();
    }

    /// Damages one place, and gives what is to be mended: where and how many bytes.
    fn hurt(&self, rng: &mut Rng) -> (usize, usize) {
        let at = self.place(rng);
        match rng.below(8) {
            0 => {
                let at = at + rng.index(8);
                let flipped = self.sound.get(at).unwrap() ^ (1 << rng.below(8));
                self.write(&[flipped], at);
                (at, 1)
            }
            1 => {
                // Type and flags, as those of another object.
                let (at, _) = *rng.pick(&self.objects.all).unwrap();
                let [kind, flags] = [rng.index(9), rng.index(8)].map(|n| u8::try_from(n).unwrap());
                self.write(&[kind, flags], at);
                (at, 2)
            }
            2 => {
                // An item of a compact file.
                let at = at + rng.index(2) * 4;
                self.write(self.number(rng, at).to_le_bytes().first_chunk::<4>().unwrap(), at);
                (at, 4)
            }
            3 => {
                // What is elsewhere, in its place.
                let from = self.place(rng);
                let bytes = self.sound.get(from..from + 8).unwrap();
                self.write(bytes, at);
                (at, 8)
            }
            4 => {
                let len = 1 + rng.index(64);
                self.write(&rng.bytes(len), at);
                (at, len)
            }
            _ => {
                self.write(&self.number(rng, at).to_le_bytes(), at);
                (at, 8)
            }
        }
    }

    fn mend(&self, hurt: &[(usize, usize)]) {
        let length = self.sound.len();
        self.file.set_len(length as u64).unwrap();
        for (at, len) in hurt {
            self.write(self.sound.get(*at..(at + len).min(length)).unwrap(), *at);
        }
    }
}

#[test]
fn ten_thousand_damaged_files_are_read_to_their_end() {
    let directory = tempfile::tempdir_in(shared_memory()).unwrap();
    let bit = |name, value| (name, if value { "1" } else { "0" });
    let patients =
        [(false, false), (false, true), (true, false), (true, true)].map(|(compact, keyed)| {
            let format =
                [bit("SYSTEMD_JOURNAL_COMPACT", compact), bit("SYSTEMD_JOURNAL_KEYED_HASH", keyed)];
            Patient::new(directory.path(), &format!("{compact}-{keyed}.journal"), &format)
        });
    let watchdog = Watchdog::new(Duration::from_secs(20));
    let (mut noticed, mut silent) = (0, 0);
    for seed in 0..FILES {
        watchdog.step(seed);
        let mut rng = Rng::new(seed);
        let patient = rng.pick(&patients).unwrap();
        let mut hurt: Vec<_> = (0..=rng.below(3)).map(|_| patient.hurt(&mut rng)).collect();
        if rng.once_in(12) {
            let (at, _) = *rng.pick(&patient.objects.all).unwrap();
            patient.file.set_len((at + rng.index(100)) as u64).unwrap();
            hurt.push((at, patient.sound.len() - at));
        }
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let read = std::panic::catch_unwind(|| {
            // No list of a file can be longer than the file has room for offsets.
            if seed % 20 == 0 {
                follow(&patient.path);
            }
            everything(&patient.path, patient.sound.len() as u64 / 4)
        });
        let bytes = MEMORY.peak_usage().saturating_sub(before);
        let read = read.unwrap_or_else(|_| panic!("seed {seed} panicked"));
        assert!(bytes < MOST_BYTES, "seed {seed}: {bytes} bytes of memory");
        *(if read.damage > 0 { &mut noticed } else { &mut silent }) += 1;
        patient.mend(&hurt);
    }
    // Most damage shows; what does not is in texts, times and other numbers that may be anything.
    assert!(noticed > FILES / 5, "only {noticed} of {FILES} were noticed, {silent} not");
    for patient in &patients {
        assert_eq!(
            fs::read(&patient.path).unwrap(),
            patient.sound,
            "a file was not made sound again"
        );
        let read = everything(&patient.path, 1 << 20);
        assert_eq!((read.entries, read.damage), (2 * ENTRIES, 0));
    }
}

/// In memory, where there is such a place: nothing is to be written to a disk.
fn shared_memory() -> PathBuf {
    let shared = PathBuf::from("/dev/shm");
    if shared.is_dir() { shared } else { std::env::temp_dir() }
}
