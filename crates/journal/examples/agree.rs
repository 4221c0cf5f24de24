//! In a guest whose journals journald itself writes: logs what is hard to read, and compares the reader
//! with the guest's `journalctl`.
//!
//! ```text
//! agree write SEED COUNT             sends entries to journald
//! agree compare SEED COUNT DIRECTORY [UNTIL]
//!                                    asks both COUNT questions; UNTIL in microseconds since 1970
//! ```

use std::io::{self, IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix,
    SocketType, sendmsg_addr, socket,
};

#[path = "../tests/golden/compare.rs"]
mod compare;
#[path = "../tests/golden/export.rs"]
mod export;
#[expect(dead_code, reason = "journald writes here, not systemd-journal-remote")]
#[path = "../tests/golden/journalctl.rs"]
mod journalctl;
#[path = "../tests/golden/ours.rs"]
mod ours;
#[path = "../tests/golden/query.rs"]
mod query;
#[path = "../tests/golden/rng.rs"]
mod rng;
#[expect(dead_code, reason = "the stream is for systemd-journal-remote")]
#[path = "../tests/golden/synthetic.rs"]
mod synthetic;

/// More than that does not fit a datagram.
const LONGEST_DATAGRAM: usize = 100_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments).and_then(|said| writeln!(io::stdout(), "{said}")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> io::Result<String> {
    let number = |text: &str| text.parse::<u64>().map_err(io::Error::other);
    match arguments {
        ["write", seed, count] => send(number(seed)?, number(count)?),
        ["compare", seed, count, directory] => {
            check(number(seed)?, number(count)?, directory, None)
        }
        ["compare", seed, count, directory, until] => {
            check(number(seed)?, number(count)?, directory, Some(number(until)?))
        }
        _ => Err(io::Error::other("agree write|compare: see the source")),
    }
}

fn check(seed: u64, count: u64, directory: &str, until: Option<u64>) -> io::Result<String> {
    let count = usize::try_from(count).map_err(io::Error::other)?;
    let compared = compare::all(Path::new(directory), seed, count, until)?;
    let compare::Compared { entries, answered, empty } = compared;
    Ok(format!("{entries} entries, {answered} questions answered, {empty} not"))
}

/// As `sd_journal_send(3)` does: a datagram, or a sealed file in memory for what is too long for one.
fn send(seed: u64, count: u64) -> io::Result<String> {
    let socket = socket(AddressFamily::UNIX, SocketType::DGRAM, None)?;
    let journald = SocketAddrUnix::new("/run/systemd/journal/socket")?;
    for entry in synthetic::entries(seed, 0, count) {
        let mut text = Vec::new();
        for (name, value) in &entry.fields {
            export::write_field(name, value, &mut text);
        }
        let mut room = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut room);
        if text.len() <= LONGEST_DATAGRAM {
            let slices = [IoSlice::new(&text)];
            sendmsg_addr(&socket, &journald, &slices, &mut ancillary, SendFlags::empty())?;
            continue;
        }
        let file = memfd_create("entry", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        let mut file = std::fs::File::from(file);
        file.write_all(&text)?;
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
        fcntl_add_seals(&file, seals)?;
        let descriptors = [file.as_fd()];
        ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
        sendmsg_addr(&socket, &journald, &[], &mut ancillary, SendFlags::empty())?;
    }
    Ok(format!("{count} sent"))
}
