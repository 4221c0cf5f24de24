//! Traces until standard input is closed, then prints what that took: for benchmarks and tests of the
//! kernel at hand. Prints `attached` when it is.
//!
//! `watch [RING_BYTES]`
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Read, stdin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{env, fs, thread};

use rustix::time::{ClockId, clock_gettime};
use serde_json::json;
use sysdiag_trace::{Digest, Event, Options, Tracer};

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = Options::default();
    if let Some(bytes) = env::args().nth(1) {
        options.ring_bytes = bytes.parse()?;
    }
    trace(options).map_err(Into::into)
}

fn trace(options: Options) -> Result<(), String> {
    let mut tracer = Tracer::attach(options).map_err(|gap| format!("{gap:?}"))?;
    let (attached, attached_ticks, peak) = (cpu(), ticks(), status("VmHWM"));
    println!("attached");
    let stopped = Arc::new(AtomicBool::new(false));
    let (flag, waker) = (Arc::clone(&stopped), tracer.waker());
    thread::spawn(move || {
        // Whatever comes: it is over.
        let _ = stdin().read_to_end(&mut Vec::new());
        flag.store(true, Ordering::Release);
        waker.wake();
    });

    let mut events: BTreeMap<&str, u64> = BTreeMap::new();
    let mut digest = Digest::new(|arguments| arguments);
    let mut take = |event: Event<'_>| {
        digest.add(&event);
        let kind = match event {
            Event::Fork(_) => "forks",
            Event::Exec(_) => "execs",
            Event::Exit(_) => "exits",
            Event::Signal(..) => "signals",
            Event::OomVictim(_) => "oom_victims",
        };
        *events.entry(kind).or_default() += 1;
    };
    while !stopped.load(Ordering::Acquire) {
        tracer.poll(Duration::from_millis(100), &mut take).map_err(|error| error.to_string())?;
    }
    let rss = status("VmRSS");
    tracer.detach(&mut take);
    let now = cpu();
    let gaps: Vec<_> = tracer.gaps().iter().map(|gap| &gap.what).collect();
    let trace = digest.finish(&tracer);
    let figures = json!({
        "events": events,
        "lost": trace.lost,
        "gaps": gaps,
        "duration_usec": trace.duration_usec,
        "cpu_until_attached_usec": attached,
        "cpu_since_usec": now - attached,
        "ticks_until_attached_user_system": attached_ticks,
        "ticks_in_all_user_system": ticks(),
        "rss_steady_kb": rss,
        "rss_peak_until_attached_kb": peak,
        "units": trace.units.len(),
    });
    println!("{figures}");
    Ok(())
}

/// CPU time of this process in microseconds.
fn cpu() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let usec = time.tv_sec * 1_000_000 + time.tv_nsec / 1000;
    usec.try_into().unwrap_or_default()
}

/// User and system time in ticks, `proc_pid_stat(5)`.
fn ticks() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = text.rsplit_once(") ")?.1.split(' ').skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// A figure of `proc_pid_status(5)`, in kB.
fn status(key: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
