//! Figures of units and of the host in a few words. Absent is left out, never shown as 0.

use sysdiag_analyze::amount;
use sysdiag_model::report::{PressureUsage, UnitUsage};

/// `12.5 %`; with tenths below ten.
pub(super) fn percent(value: f64) -> String {
    amount::percent(value)
}

/// `34.2 s` of CPU time.
pub(super) fn cpu_time(usec: u64) -> String {
    match usec {
        0..1_000_000 => format!("{} ms", usec / 1000),
        _ => amount::duration(usec),
    }
}

/// As [`cpu_time`], of seconds.
pub(super) fn cpu_seconds(seconds: f64) -> String {
    cpu_time(nearest(seconds * 1e6))
}

/// What a figure of a report is shown as: not a number and less than 0 are 0, too much the most.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, which is what is wanted"
)]
const fn nearest(value: f64) -> u64 {
    value as u64
}

/// `some 2.1 %`, over ten seconds.
pub(super) fn pressure(pressure: &PressureUsage) -> String {
    match pressure.full_avg10_percent.filter(|full| *full >= 0.1) {
        Some(full) => {
            format!("some {} full {}", percent(pressure.some_avg10_percent), percent(full))
        }
        None => format!("some {}", percent(pressure.some_avg10_percent)),
    }
}

/// Bytes in a second.
pub(super) fn rate(bytes_per_second: f64) -> String {
    let bytes = nearest(bytes_per_second);
    format!("{}/s", amount::bytes(bytes))
}

/// What a unit uses, a label and its text each.
pub(super) fn figures(usage: &UnitUsage) -> Vec<(&'static str, String)> {
    let mut figures = Vec::new();
    let mut add = |name, parts: Vec<Option<String>>| {
        let text = parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
        if !text.is_empty() {
            figures.push((name, text));
        }
    };
    let bytes = |value: Option<u64>, after: &str| {
        value.map(|value| format!("{}{after}", amount::bytes(value)))
    };
    let labelled =
        |label: &str, value: Option<String>| value.map(|value| format!("{label} {value}"));
    // Nobody waits: not worth a line of its own.
    let waits = |of: Option<&PressureUsage>| {
        let some = of.filter(|pressure| pressure.some_avg10_percent >= 0.1);
        labelled("pressure", some.map(pressure))
    };
    add(
        "CPU",
        vec![
            usage.cpu_percent.map(|value| format!("{} of one CPU now", percent(value))),
            usage.cpu_usage_usec.map(|usec| format!("{} since it started", cpu_time(usec))),
            usage.cpu_max_percent.map(|value| format!("limit {}", percent(value))),
            usage
                .cpu_throttled_usec
                .filter(|usec| *usec > 0)
                .map(|usec| format!("throttled for {}", cpu_time(usec))),
            waits(usage.cpu_pressure.as_ref()),
        ],
    );
    add(
        "Memory",
        vec![
            bytes(usage.memory_current_bytes, ""),
            labelled("peak", bytes(usage.memory_peak_bytes, "")),
            labelled("swap", bytes(usage.memory_swap_current_bytes.filter(|swap| *swap > 0), "")),
            labelled("high", bytes(usage.memory_high_bytes, "")),
            labelled("limit", bytes(usage.memory_max_bytes, "")),
            usage.memory_oom_kills.filter(|kills| *kills > 0).map(|kills| {
                format!("{} killed for memory", amount::count(kills, "process", "processes"))
            }),
            waits(usage.memory_pressure.as_ref()),
        ],
    );
    add(
        "I/O",
        vec![
            bytes(usage.io_read_bytes, " read"),
            bytes(usage.io_write_bytes, " written"),
            usage.io_read_bytes_per_second.map(|value| format!("{} read now", rate(value))),
            usage.io_write_bytes_per_second.map(|value| format!("{} written now", rate(value))),
            waits(usage.io_pressure.as_ref()),
        ],
    );
    add(
        "Tasks",
        vec![
            usage.tasks_current.map(|tasks| tasks.to_string()),
            usage.tasks_max.map(|tasks| format!("limit {tasks}")),
            usage
                .tasks_max_events
                .filter(|refused| *refused > 0)
                .map(|refused| format!("{} refused", amount::count(refused, "fork", "forks"))),
        ],
    );
    figures
}
