//! Loads and attaches the programs.
//!
//! The kernel's type information (BTF, 5 MB) is parsed once for all of them and freed when they are
//! attached. aya's loader parses it as soon as it is made; that copy goes before ours comes
//! (`btf(None)`), or both are in memory at once.

use std::io;

use aya::maps::{MapData, PerCpuArray, RingBuf};
use aya::programs::{BtfTracePoint, ProgramError};
use aya::{Btf, Ebpf, EbpfLoader, VerifierLogLevel};
use rustix::io::Errno;
use sysdiag_model::{Gap, Why};

use crate::memory;
use crate::precondition::WHAT;

const OBJECT: &[u8] = aya::include_bytes_aligned!("bpf/trace.bpf.o");
/// The verifier gives up with `EAGAIN` whenever the thread has work to do before it returns (a signal,
/// the last close of a file elsewhere), kernel/bpf/verifier.c.
const MOST_TRIES: u32 = 50;
/// Of an error of the verifier, which logs every instruction.
const MOST_ERROR: usize = 300;

/// Programs: function in `bpf/trace.bpf.c`, tracepoint, and what is not known without it.
const PROGRAMS: [(&str, &str, Option<&str>); 7] = [
    ("on_mkdir", "cgroup_mkdir", Some("control groups made while processes were traced")),
    ("on_rmdir", "cgroup_rmdir", Some("control groups removed while processes were traced")),
    ("on_signal", "signal_generate", Some("who sent the signals of which processes died")),
    ("on_oom", "mark_victim", Some("which processes the kernel chose to kill for memory")),
    ("on_exit", "sched_process_exit", None),
    ("on_exec", "sched_process_exec", None),
    ("on_fork", "sched_process_fork", None),
];

/// How to trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Bytes of the ring buffer; made a power of two. An event takes 60 to 200, of a long command line up
    /// to 5,300. Its pages count twice in our RSS, for the kernel maps them twice.
    pub ring_bytes: u32,
    /// Bytes in it from which on the reader is woken; at most a quarter of it. With less it looks ten
    /// times a second.
    pub wake_bytes: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { ring_bytes: 2 * 1024 * 1024, wake_bytes: 128 * 1024 }
    }
}

/// Programs at work, until this is dropped.
pub(crate) struct Attached {
    /// What they write to; outlives them.
    pub(crate) ring: RingBuf<MapData>,
    pub(crate) dropped: PerCpuArray<MapData, u64>,
    /// The programs.
    pub(crate) programs: Ebpf,
    /// What this kernel has no tracepoint for.
    pub(crate) gaps: Vec<Gap>,
}

/// Attaches all programs, in an order in which no process is seen to do a thing and then is not seen to end.
pub(crate) fn attach(options: Options) -> Result<Attached, Gap> {
    let failed = |doing: &str, why: Why, error: &dyn std::error::Error| {
        Err(Gap::new(WHAT, why, format!("{doing}: {}", sentence(error))))
    };
    let ring_bytes = options.ring_bytes.clamp(4096, 1 << 30);
    let wake = options.wake_bytes.min(ring_bytes / 4);
    let mut loader = EbpfLoader::new();
    loader.btf(None);
    let btf = match Btf::from_sys_fs() {
        Ok(btf) => btf,
        Err(error) => return failed("/sys/kernel/btf/vmlinux", Why::Malformed, &error),
    };
    let loaded = loader
        .btf(Some(&btf))
        .override_global("wake_at", &wake, true)
        .map_max_entries("events", ring_bytes)
        // With none at all a failure is tried again as `EINVAL`, whatever it was.
        .verifier_log_level(VerifierLogLevel::STATS)
        .load(OBJECT);
    let mut programs = match loaded {
        Ok(programs) => programs,
        Err(error) => return failed("loading the programs", why(&error), &error),
    };
    let ring = programs.take_map("events").map(RingBuf::try_from);
    let dropped = programs.take_map("dropped").map(PerCpuArray::try_from);
    let (Some(Ok(ring)), Some(Ok(dropped))) = (ring, dropped) else {
        return Err(Gap::new(WHAT, Why::NotSupported, "the ring buffer could not be mapped"));
    };
    let mut gaps = Vec::new();
    for (function, tracepoint, optional) in PROGRAMS {
        match start(&mut programs, function, tracepoint, &btf) {
            Ok(()) => {}
            Err(error) => {
                let Some(what) = optional else {
                    return failed(&format!("tracepoint {tracepoint}"), why(&error), &error);
                };
                let hint = format!("tracepoint {tracepoint}: {}", sentence(&error));
                gaps.push(Gap::new(what, why(&error), hint));
            }
        }
    }
    drop(loader);
    drop(btf);
    memory::give_back();
    Ok(Attached { ring, dropped, programs, gaps })
}

fn start(
    programs: &mut Ebpf,
    function: &str,
    tracepoint: &str,
    btf: &Btf,
) -> Result<(), ProgramError> {
    let Some(program) = programs.program_mut(function) else {
        return Err(ProgramError::InvalidName { name: function.to_owned() });
    };
    let program: &mut BtfTracePoint = program.try_into()?;
    let mut left = MOST_TRIES;
    while let Err(error) = program.load(tracepoint, btf) {
        left -= 1;
        if left == 0 || errno(&error) != Some(Errno::AGAIN.raw_os_error()) {
            return Err(error);
        }
    }
    program.attach().map(|_| ())
}

/// Not permitted if the kernel said so, whoever passed it on. Not `EACCES`, which is what the verifier
/// says of a program that it refuses.
fn why(error: &(dyn std::error::Error + 'static)) -> Why {
    if errno(error) == Some(Errno::PERM.raw_os_error()) {
        Why::NotPermitted
    } else {
        Why::NotSupported
    }
}

/// The number of the system call's error that is behind this one.
fn errno(error: &(dyn std::error::Error + 'static)) -> Option<i32> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return error.raw_os_error();
        }
        next = error.source();
    }
    None
}

/// The error and what caused it, in a line that is not too long.
fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    let mut line = text.lines().next().unwrap_or_default().to_owned();
    line.truncate(line.floor_char_boundary(MOST_ERROR));
    line
}
