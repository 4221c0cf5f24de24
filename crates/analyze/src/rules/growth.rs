//! How a file system grew, as earlier reports tell: what both rules about full ones add.

use sysdiag_model::report::FileSystemUsage;
use sysdiag_model::{Evidence, Finding, Timestamp, Value};

use crate::past::PastFileSystem;
use crate::trend::Trend;
use crate::{Context, amount};

/// Older reports say little about what fills it now: 30 days.
const MOST_USEC: u64 = 30 * 86_400_000_000;
/// Fewer figures are no pace.
const LEAST_POINTS: usize = 4;
/// A shorter time is none either: half an hour.
const LEAST_USEC: u64 = 30 * 60 * 1_000_000;
/// What is full later than in 30 days is no news.
const SOON_USEC: u64 = 30 * 86_400_000_000;
const SOURCE: &str = "saved reports";

/// What of a file system grows.
#[derive(Clone, Copy)]
pub(super) struct Quantity {
    pub(super) now: fn(&FileSystemUsage) -> Option<u64>,
    pub(super) then: fn(&PastFileSystem) -> Option<u64>,
    pub(super) value: fn(u64) -> Value,
}

/// Adds to `finding` how much more is in use than the oldest report of this file system says, and,
/// if it grows steadily, when nothing will be left of `left`.
pub(super) fn with_growth(
    mut finding: Finding,
    context: &Context<'_>,
    mounted: &FileSystemUsage,
    quantity: Quantity,
    left: u64,
) -> Finding {
    let Some(trend) = trend(context, mounted, quantity) else { return finding };
    if trend.growth() == 0 {
        return finding;
    }
    let (since, _) = trend.first();
    let now = context.snapshot.clock.realtime;
    let what = format!("growth in {}", amount::duration(now.usec_since(since)));
    finding = finding.because(Evidence::new(what, (quantity.value)(trend.growth()), SOURCE));
    let is_pace = trend.len() >= LEAST_POINTS && trend.span_usec() >= LEAST_USEC;
    if left == 0 || !is_pace || !trend.rises() {
        return finding;
    }
    let full = trend.usec_until(trend.last().1.saturating_add(left));
    if let Some(usec) = full.filter(|usec| *usec <= SOON_USEC) {
        let in_time = amount::duration(usec);
        finding.title =
            format!("{}, full in {in_time} at the pace of earlier reports", finding.title);
        finding = finding.because(Evidence::new("full in", Value::Usec(usec), SOURCE));
    }
    finding
}

/// Another device, or another size, is another file system.
fn trend(context: &Context<'_>, mounted: &FileSystemUsage, quantity: Quantity) -> Option<Trend> {
    let now = context.snapshot.clock.realtime;
    let oldest = now.minus_usec(MOST_USEC);
    let reports = context.past.value()?.all();
    let earlier =
        reports.filter(|report| (oldest..now).contains(&report.timestamp)).filter_map(|report| {
            let same = |then: &&PastFileSystem| {
                then.mount_point == mounted.mount_point
                    && then.source == mounted.source
                    && Some(then.total_bytes) == mounted.total_bytes
            };
            let then = report.file_systems.iter().find(same)?;
            Some((report.timestamp, (quantity.then)(then)?))
        });
    let points: Vec<(Timestamp, u64)> = earlier.chain([(now, (quantity.now)(mounted)?)]).collect();
    Trend::of(points)
}
