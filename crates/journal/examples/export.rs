//! Prints a journal as `journalctl --output=export` does, to compare the two.
//!
//! `export [--reverse] [--boot ID] [--since USEC] [--until USEC] PATH... -- [FIELD=VALUE | +]...`

use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use sysdiag_journal::{Direction, Entry, Journal, Match, Options, Select};

fn main() -> Result<(), Box<dyn Error>> {
    let mut paths = Vec::<PathBuf>::new();
    let mut select = Select::default();
    let mut direction = Direction::Forward;
    let mut group = Vec::new();
    let mut arguments = std::env::args().skip(1);
    let mut matches = false;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or("a value is missing");
        match argument.as_str() {
            "--" => matches = true,
            "+" => select.groups.push(std::mem::take(&mut group)),
            term if matches => {
                let (field, value) = term.split_once('=').ok_or("not FIELD=VALUE")?;
                group.push(Match::new(field, value));
            }
            "--reverse" => direction = Direction::Backward,
            "--boot" => select.window.boot = Some(value()?.parse()?),
            "--since" => select.window.since_usec = Some(value()?.parse()?),
            "--until" => select.window.until_usec = Some(value()?.parse()?),
            _ => paths.push(argument.into()),
        }
    }
    if !group.is_empty() {
        select.groups.push(group);
    }
    let journal = Journal::open(&paths, &Options::default());
    let mut output = BufWriter::new(io::stdout().lock());
    for entry in journal.entries(&select, direction) {
        print(&mut output, &entry)?;
    }
    output.flush()?;
    for damage in journal.damage() {
        writeln!(io::stderr(), "{damage}")?;
    }
    Ok(())
}

/// `JOURNAL_EXPORT_FORMATS`: text where it is text of one line, else the length and the bytes.
fn print(output: &mut impl Write, entry: &Entry<'_>) -> io::Result<()> {
    writeln!(output, "__CURSOR={}", entry.cursor())?;
    writeln!(output, "__REALTIME_TIMESTAMP={}", entry.realtime_usec())?;
    writeln!(output, "__MONOTONIC_TIMESTAMP={}", entry.monotonic_usec())?;
    if std::env::var_os("EXPORT_SEQNUM").is_some() {
        // systemd 254 and later.
        writeln!(output, "__SEQNUM={}", entry.seqnum())?;
        writeln!(output, "__SEQNUM_ID={}", entry.seqnum_id())?;
    }
    writeln!(output, "_BOOT_ID={}", entry.boot_id())?;
    for field in entry.fields() {
        if field.name() == b"_BOOT_ID" {
            continue;
        }
        let value = field.value();
        let plain = std::str::from_utf8(value).is_ok_and(|text| {
            text.chars().all(|c| c == '\t' || u32::from(c) >= 32 && c != '\u{7f}')
        });
        output.write_all(field.name())?;
        if plain {
            output.write_all(b"=")?;
        } else {
            output.write_all(b"\n")?;
            output.write_all(&(value.len() as u64).to_le_bytes())?;
        }
        output.write_all(value)?;
        output.write_all(b"\n")?;
    }
    output.write_all(b"\n")
}
