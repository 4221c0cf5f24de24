//! Entries as programs log them, and as no sane program would: binary values, newlines, a field many times
//! in one entry, a message of 1 MiB, several boots.

use super::export::{Entry, write};
use super::rng::Rng;

/// How many boots the entries are of.
const BOOTS: u64 = 3;
/// 2023-11-14, in microseconds.
const BEGIN: u64 = 1_700_000_000_000_000;

/// `count` entries, in the order of time. Different `phase`s of one seed have the same boots and
/// times between each other's, as the files of one machine do.
pub(crate) fn entries(seed: u64, phase: u64, count: u64) -> Vec<Entry> {
    let mut rng = Rng::new(seed ^ phase.rotate_left(32));
    (0..count)
        .map(|number| {
            let boot = number * BOOTS / count.max(1);
            let in_boot = number - (boot * count).div_ceil(BOOTS);
            let monotonic = 1_000_000 + in_boot * 10_000 + phase * 100 + rng.below(90);
            Entry {
                cursor: String::new(),
                realtime: BEGIN + boot * 10_000_000_000 + monotonic,
                monotonic,
                boot: format!("{:032x}", Rng::new(seed ^ boot).next()),
                fields: fields(&mut rng, number, count),
            }
        })
        .collect()
}

/// The same as the input of `systemd-journal-remote`.
pub(crate) fn stream(entries: &[Entry]) -> Vec<u8> {
    let mut text = Vec::new();
    for entry in entries {
        write(entry, None, &mut text);
    }
    text
}

fn fields(rng: &mut Rng, number: u64, count: u64) -> Vec<(String, Vec<u8>)> {
    let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |name: &str, value: &[u8]| fields.push((name.to_owned(), value.to_vec()));
    let unit = rng.below(7);
    let pid = 100 + unit * 10 + rng.below(3);
    let transports = ["journal", "syslog", "kernel"];
    add("_TRANSPORT", rng.pick(&transports).map_or(b"", |name| name.as_bytes()));
    add("_HOSTNAME", b"synthetic");
    add("_SYSTEMD_UNIT", format!("unit-{unit}.service").as_bytes());
    add("_PID", pid.to_string().as_bytes());
    add("PRIORITY", if rng.once_in(20) { b"3" } else { b"6" });
    match rng.below(12) {
        0 => add("MESSAGE", b""),
        1 => add("MESSAGE", b"first line\nsecond line\n"),
        2 => add(
            "MESSAGE",
            "Gr\u{fc}\u{df}e \u{2192} \u{1f980}, a tab\t, an escape \u{1b}[1m".as_bytes(),
        ),
        3 => add("MESSAGE", format!("took {} ms", rng.below(100_000)).as_bytes()),
        4 => {} // none at all
        // Long enough to be compressed.
        5 => add("MESSAGE", format!("{number}:{}", "long ".repeat(200)).as_bytes()),
        _ => add("MESSAGE", format!("Started job {}.", rng.below(9)).as_bytes()),
    }
    if rng.once_in(5) {
        let len = rng.index(40);
        add("BINARY", &rng.bytes(len));
    }
    if rng.once_in(9) {
        // As core dumps: does not compress.
        let len = 400 + rng.index(3000);
        add("BINARY_LONG", &rng.bytes(len));
    }
    if rng.once_in(6) {
        for _ in 0..=rng.below(4) {
            add("REPEATED", format!("value {}", rng.below(6)).as_bytes());
        }
    }
    if rng.once_in(50) {
        for index in 0..200 {
            add(&format!("MANY_{index}"), index.to_string().as_bytes());
        }
    }
    if number == count / 2 {
        add("HUGE", "a message of one mebibyte, ".repeat(1 + (1 << 20) / 27).as_bytes());
        add("HUGE_BINARY", &rng.bytes(1 << 20));
    }
    fields
}
