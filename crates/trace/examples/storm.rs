//! Runs a program many times, one after another or several at a time, and prints what each run cost: the
//! load that a tracer is measured with.
//!
//! `storm [COUNT [AT_ONCE [PROGRAM]]]`, else 20000 times `/bin/true`, one at a time.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use std::{env, fs, thread};

use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let number = |at: usize, other: u64| args.get(at).map_or(Ok(other), |text| text.parse());
    let (count, at_once) = (number(0, 20_000)?, number(1, 1)?);
    let program = args.get(2).map_or("/bin/true", String::as_str);
    let (before, began) = (cpu_ticks().ok_or("no /proc/self/stat")?, Instant::now());
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while next.fetch_add(1, Ordering::Relaxed) < count {
                    // posix_spawn(3), which shares the memory until the program runs.
                    if !Command::new(program).status().is_ok_and(|status| status.success()) {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let (after, elapsed) = (cpu_ticks().ok_or("no /proc/self/stat")?, began.elapsed());
    let tick_usec = 1e6 / rustix::param::clock_ticks_per_second() as f64;
    let each = |ticks: u64| ticks as f64 * tick_usec / count.max(1) as f64;
    let figures = json!({
        "count": count,
        "at_once": at_once,
        "failed": failed.into_inner(),
        "elapsed_usec": u64::try_from(elapsed.as_micros())?,
        "cpu_usec_per_spawn": each(after - before),
    });
    println!("{figures}");
    Ok(())
}

/// CPU time of this process and of its children that ended, `proc_pid_stat(5)`.
fn cpu_ticks() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    let fields = text.rsplit_once(") ")?.1.split(' ').skip(11).take(4);
    fields.map(|field| field.parse::<u64>().ok()).sum()
}
