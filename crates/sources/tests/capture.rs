//! Captures: what is written is what is read, and whatever else is in a file is a clear error.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::string_slice,
    reason = "a test helper that fails is a failed test"
)]

use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use sysdiag_model::snapshot::{
    Clock, FORMAT, Host, JournalDigest, LoadAverage, LogLine, Outcome, PeakRss, Process,
    ProcessEnd, Processes, ProgramActivity, RepeatedEnding, SignalSender, SourceTiming, System,
    SystemCounters, Trace, TraceCounts, TraceLosses, TraceOmitted, TracedExec, TracedExit,
    TracedProcess, TracedProgram, TracedSignal, UnitActivity, UnitEvent, UnitEventKind, UnitFiles,
};
use sysdiag_model::{Gap, Probe, Snapshot, Timestamp, UnitName, Why};
use sysdiag_sources::capture::{self, CaptureError};

fn unread<T>(what: &str) -> Probe<T> {
    Probe::Unknown(Gap::new(what, Why::Absent, "not there"))
}

/// A snapshot that has a value of each kind: floats, large numbers, odd text, absent things.
fn snapshot(load: f64, number: u64, text: &str) -> Snapshot {
    let unit = UnitName::new(format!("{text}.service"));
    let time = Timestamp::from_usec(number);
    let counters = SystemCounters {
        at_usec: number,
        cpu: None,
        disks: Vec::new(),
        network: Vec::new(),
        swapped_in_pages: Some(number),
        swapped_out_pages: None,
        oom_kills: Some(0),
    };
    let line = LogLine {
        time,
        level: None,
        identifier: Some(text.to_owned()),
        pid: Some(u32::MAX),
        message: text.to_owned(),
        cursor: None,
        errno: None,
    };
    Snapshot {
        format: FORMAT,
        program_version: "0.1.0".to_owned(),
        clock: Clock { realtime: time, monotonic_usec: number, boottime_usec: u64::MAX },
        host: Host {
            hostname: Probe::Known(text.to_owned()),
            boot_id: Probe::Known("0a1b2c3d4e5f60718293a4b5c6d7e8f9".parse().unwrap()),
            os: unread("os"),
            kernel_release: unread("kernel"),
            architecture: Probe::Partial(text.to_owned(), vec![]),
            init_name: unread("init"),
            collector_uid: 0,
            missing_tools: Vec::new(),
        },
        systemd: unread("systemd"),
        cgroups: unread("cgroups"),
        system: Probe::Known(System {
            cpus_online: None,
            ticks_per_second: 100,
            page_size_bytes: 4096,
            earlier: counters.clone(),
            counters,
            memory: unread("memory"),
            load: Probe::Known(LoadAverage {
                one: load,
                five: -load,
                fifteen: load / 3.0,
                runnable: 1,
                threads: 2,
            }),
            pressure: unread("pressure"),
            swaps: Probe::Known(Vec::new()),
            file_systems: unread("file systems"),
            file_handles: unread("file handles"),
            clock_mark: unread("clock synchronisation"),
            restart: unread("whether a reboot is required"),
        }),
        processes: Probe::Partial(
            Processes {
                at_usec: number,
                ticks_per_second: 100,
                list: vec![Process {
                    pid: 1,
                    ppid: 0,
                    state: 'S',
                    comm: text.to_owned(),
                    cmdline: Some(vec![text.to_owned(), String::new()]),
                    start_ticks: number,
                    user_ticks: 0,
                    system_ticks: u64::MAX,
                    rss_bytes: number,
                    pss_bytes: None,
                    threads: 1,
                    uid: Some(0),
                    cgroup: None,
                    kernel_thread: false,
                }],
                held: unread("processes that are held up"),
                deleted: unread("deleted programs"),
            },
            vec![Gap { what: text.to_owned(), why: Why::NotPermitted, hint: None }],
        ),
        journal: Probe::Known(JournalDigest {
            boot_id: None,
            since: Some(time),
            until: None,
            broken_cycles: Vec::new(),
            previous_boot: None,
            unit_events: vec![UnitEvent {
                unit: unit.clone(),
                kind: UnitEventKind::Failed,
                time,
                job_type: None,
                job_result: None,
                unit_result: Some(text.to_owned()),
                exit_code: None,
                exit_status: None,
                command: None,
                errno: None,
                executable: None,
                n_restarts: Some(3),
                invocation_id: None,
                cursor: None,
            }],
            recent: [(unit, vec![line])].into(),
            logs: None,
            earlier_boots: Vec::new(),
        }),
        unit_files: Probe::Known(UnitFiles::default()),
        ordering: sysdiag_model::snapshot::ordering_not_collected(),
        trace: Probe::Known(trace(time, number, text)),
        timings: vec![SourceTiming {
            source: "journal".to_owned(),
            start_usec: 0,
            elapsed_usec: number,
            outcome: Outcome::Complete,
        }],
    }
}

/// A trace that has what can be absent once with and once without it.
fn trace(time: Timestamp, number: u64, text: &str) -> Trace {
    let counts = TraceCounts { forks: number, ..TraceCounts::default() };
    let process = TracedProcess {
        pid: u32::MAX,
        parent: 1,
        uid: 0,
        command: text.to_owned(),
        cgroup: Some(format!("/system.slice/{text}.service")),
        unit: None,
    };
    let program = TracedProgram {
        file: text.to_owned(),
        interpreter: Some(text.to_owned()),
        arguments: Some(vec![text.to_owned(), String::new()]),
        arguments_cut: true,
    };
    let sender = SignalSender {
        pid: 7,
        uid: 0,
        command: text.to_owned(),
        cgroup: None,
        unit: Some(UnitName::new(format!("{text}.service"))),
    };
    let killed = TracedExit {
        time,
        process: process.clone(),
        program: Some(program.clone()),
        never_execed: false,
        end: ProcessEnd::Killed { signal: 9, core: true },
        lifetime_usec: number,
        peak_rss: PeakRss { bytes: number, at_most: true },
        signal: Some(TracedSignal { time, number: 9, by_kernel: false, sender }),
        oom_victim: true,
    };
    let exited = TracedExit {
        program: None,
        end: ProcessEnd::Exited { status: 255 },
        signal: None,
        ..killed.clone()
    };
    let ending = RepeatedEnding {
        command: text.to_owned(),
        end: exited.end,
        count: number,
        first: time,
        last: time,
    };
    Trace {
        started: time,
        ended: time,
        duration_usec: number,
        totals: counts,
        units: vec![UnitActivity {
            unit: None,
            counts,
            programs: vec![ProgramActivity { file: text.to_owned(), execs: number }],
            programs_omitted: 0,
            endings: vec![ending],
            endings_omitted: number,
        }],
        execs: vec![TracedExec {
            time,
            process,
            program,
            deleted: true,
            writable_by_all: false,
            folder_writable_by_all: true,
        }],
        exits: vec![killed, exited],
        lost: TraceLosses { signals: number, ..TraceLosses::default() },
        omitted: TraceOmitted::default(),
    }
}

/// One that every change is tried on.
static SAMPLE: LazyLock<(Snapshot, Vec<u8>)> = LazyLock::new(|| {
    let snapshot = snapshot(1.5, 7, "x");
    let bytes = written(&snapshot);
    (snapshot, bytes)
});

struct Place {
    folder: tempfile::TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("host.sysdiag");
    Place { folder, path }
}

fn written(snapshot: &Snapshot) -> Vec<u8> {
    let place = place();
    capture::write(&place.path, snapshot).unwrap();
    fs::read(&place.path).unwrap()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

fn gunzip(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

fn read(bytes: &[u8]) -> Result<Snapshot, CaptureError> {
    let place = place();
    fs::write(&place.path, bytes).unwrap();
    capture::read(&place.path)
}

fn error(bytes: &[u8]) -> String {
    let error = read(bytes).unwrap_err().to_string();
    let (path, rest) = error.split_once("host.sysdiag ").expect("the file is named");
    assert!(path.starts_with('/'), "{error}");
    rest.to_owned()
}

#[test]
fn a_capture_is_private_and_replaces_a_file() {
    let place = place();
    fs::write(&place.path, "an older one").unwrap();
    fs::set_permissions(&place.path, fs::Permissions::from_mode(0o644)).unwrap();
    let snapshot = snapshot(0.1 + 0.2, u64::MAX, "ü \u{1b}[31m\0\"\\\u{2028}");
    capture::write(&place.path, &snapshot).unwrap();
    assert_eq!(fs::metadata(&place.path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(capture::read(&place.path).unwrap(), snapshot);
    let names: Vec<_> = fs::read_dir(place.folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing else is left: {names:?}");
}

#[test]
fn the_document_begins_with_its_format() {
    let text = gunzip(&written(&snapshot(1.0, 1, "x")));
    let start = format!(r#"{{"format":"sysdiag-capture","version":{FORMAT},"snapshot":{{"#);
    assert!(text.starts_with(&start), "{}", &text[..80]);
    // Uncompressed, by hand or by a tool that formats it, it is the same capture.
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(read(text.as_bytes()).is_ok());
    assert!(value.is_object());
}

#[test]
fn nothing_but_a_regular_file_is_written_to() {
    let place = place();
    let snapshot = snapshot(1.0, 1, "x");
    let target = place.folder.path().join("target");
    fs::write(&target, "keep").unwrap();
    symlink(&target, &place.path).unwrap();
    let error = capture::write(&place.path, &snapshot).unwrap_err();
    assert!(matches!(error, CaptureError::NotAFile { kind: "a symbolic link", .. }), "{error}");
    assert_eq!(fs::read(&target).unwrap(), b"keep");
    for (path, expected) in [
        (Path::new("/dev/null"), "/dev/null is a device"),
        (place.folder.path(), "is a directory"),
        (Path::new("-"), "- is not the standard output"),
        (Path::new("/nowhere/host.sysdiag"), "cannot create a file in /nowhere: No such file"),
        (Path::new("/proc/host.sysdiag"), "cannot create a file in /proc: "),
    ] {
        let error = capture::write(path, &snapshot).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn what_is_no_capture_is_said_to_be_none() {
    for (bytes, expected) in [
        (b"".to_vec(), "is not a capture: it is empty"),
        (gzip(""), "is not a capture: it is empty"),
        (b"\x7fELF\x02\x01".to_vec(), "is not a capture: expected value at line 1 column 1"),
        (b"[1,2]".to_vec(), "is not a capture: invalid type: sequence, expected a JSON object"),
        (gzip("{}"), "is not a capture: it does not begin with \"format\":\"sysdiag-capture\""),
        (gzip(r#"{"findings":"none"}"#), "is not a capture: it does not begin with"),
        (gzip(r#"{"format":7}"#), "is not a capture: invalid type: integer"),
        (
            gzip(r#"{"format":"sysdiag-capture","snapshot":{}}"#),
            "is not a capture: missing field `version`",
        ),
        (
            gzip(r#"{"format":"sysdiag-capture","version":1,"snapshot":{"format":"x"}}"#),
            "is damaged: invalid type: string \"x\", expected u32 at line 1 column 64",
        ),
        (
            gzip(r#"{"format":"sysdiag-capture","version":999,"snapshot":"not yet known"}"#),
            "has format 999, this version reads up to",
        ),
    ] {
        let error = error(&bytes);
        assert!(error.starts_with(expected), "{error}");
    }
    let missing = capture::read(Path::new("/nowhere/host.sysdiag")).unwrap_err().to_string();
    assert!(missing.starts_with("cannot read /nowhere/host.sysdiag: No such file"), "{missing}");
}

#[test]
fn what_is_no_file_is_said_to_be_none() {
    let place = place();
    let fifo = place.folder.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
    for (path, word) in [
        (fifo.as_path(), "it is empty"),
        (place.folder.path(), "it is a directory"),
        (Path::new("/dev/zero"), "it is a device"),
        // Seems to be a file, and gives the kernel's messages to whom waits for them.
        (Path::new("/proc/kmsg"), ""),
    ] {
        let error = capture::read(path).unwrap_err().to_string();
        assert!(error.contains(word) && error.contains(path.to_str().unwrap()), "{error}");
    }
}

#[test]
fn a_pipe_with_a_writer_is_read_to_its_end() {
    let snapshot = snapshot(0.5, 1, "piped");
    let bytes = written(&snapshot);
    let (reader, mut writer) = std::io::pipe().unwrap();
    let thread = std::thread::spawn(move || writer.write_all(&bytes).unwrap());
    let path = PathBuf::from(format!("/proc/self/fd/{}", reader.as_raw_fd()));
    assert_eq!(capture::read(&path).unwrap(), snapshot);
    thread.join().unwrap();
}

#[test]
fn json_nested_without_end_is_refused() {
    let deep = "[".repeat(1_000_000);
    for text in [
        format!(r#"{{"format":"sysdiag-capture","x":{deep}"#),
        format!(r#"{{"format":"sysdiag-capture","version":1,"snapshot":{deep}"#),
        format!(r#"{{"format":"sysdiag-capture","version":1,"snapshot":{{"x":{deep}"#),
        deep.clone(),
    ] {
        error(&gzip(&text));
    }
}

#[test]
fn where_nothing_can_be_written_is_told_before() {
    let place = place();
    capture::check(&place.path).unwrap();
    assert_eq!(fs::read_dir(place.folder.path()).unwrap().count(), 0);
    let error = capture::check(&place.folder.path().join("none/x.cap")).unwrap_err().to_string();
    assert!(error.contains("none") && error.contains("No such file"), "{error}");
    let error = capture::check(place.folder.path()).unwrap_err().to_string();
    assert!(error.contains("a directory"), "{error}");
}

#[test]
fn every_truncation_is_an_error() {
    let whole = &SAMPLE.1;
    for length in 0..whole.len() {
        let error = error(&whole[..length]);
        let expected = match length {
            0 => "is not a capture: it is empty",
            // Not even the two bytes that gzip begins with.
            1 => "is not a capture",
            _ => "is truncated: it ends after",
        };
        assert!(error.starts_with(expected), "{length}: {error}");
    }
    let text = gunzip(whole);
    assert!(error(&gzip(&text[..text.len() - 1])).starts_with("is truncated: it ends after"));
    assert!(error(&gzip(&(text + "}"))).starts_with("is damaged: trailing characters at line 1"));
}

#[test]
fn a_bomb_does_not_go_off() {
    let zeros = vec![b' '; 64 << 20];
    let bomb = gzip(std::str::from_utf8(&zeros).unwrap());
    assert!(bomb.len() < 100_000);
    assert_eq!(error(&bomb), "is too large: more than 16 MiB of JSON");
    // Nesting does not exhaust the stack.
    let deep = format!(r#"{{"format":"sysdiag-capture","version":1,"x":{}"#, "[".repeat(100_000));
    assert!(error(&gzip(&deep)).starts_with("is truncated: it ends after"));
}

#[test]
fn a_format_of_later_is_refused_wherever_it_says_so() {
    let mut later = snapshot(1.0, 1, "x");
    later.format = FORMAT + 1;
    assert!(error(&written(&later)).starts_with(&format!("has format {}", FORMAT + 1)));
}

#[test]
fn fields_of_later_are_skipped() {
    let snapshot = snapshot(1.0, 1, "x");
    let text = gunzip(&written(&snapshot));
    let text = text.replacen(r#""program_version":"#, r#""later":[1,{}],"program_version":"#, 1);
    assert_eq!(read(&gzip(&text)).unwrap(), snapshot);
}

proptest! {
    #[test]
    fn any_snapshot_is_the_same_when_it_is_read(
        load in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO,
        number in any::<u64>(),
        text in any::<String>(),
    ) {
        let snapshot = snapshot(load, number, &text);
        prop_assert_eq!(read(&written(&snapshot)).unwrap(), snapshot);
    }

    #[test]
    fn a_changed_byte_is_noticed_or_harmless(at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let (snapshot, mut bytes) = SAMPLE.clone();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        // The header of gzip has fields that nothing depends on (time, system).
        match read(&bytes) {
            Ok(read) => prop_assert_eq!(read, snapshot),
            Err(error) => prop_assert!(error.to_string().contains("host.sysdiag")),
        }
    }

    #[test]
    fn any_change_of_the_text_is_a_snapshot_or_an_error(
        at in any::<prop::sample::Index>(),
        length in 0..20usize,
        with in "[\\[\\]{}:,\"0-9a-z\\\\ -]{0,10}",
    ) {
        let text = gunzip(&SAMPLE.1);
        let at = at.index(text.len());
        let end = (at + length).min(text.len());
        let changed = format!("{}{with}{}", &text[..at], &text[end..]);
        if let Err(error) = read(&gzip(&changed)) {
            prop_assert!(error.to_string().contains("host.sysdiag"), "{}", error);
        }
    }

    #[test]
    fn any_bytes_are_an_error(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(read(&bytes).is_err());
        prop_assert!(read(&[&[0x1f, 0x8b, 8, 0], bytes.as_slice()].concat()).is_err());
    }
}
