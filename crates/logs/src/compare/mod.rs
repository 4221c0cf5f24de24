//! What is different in the messages of this boot: against a baseline of earlier ones.
//!
//! - **new**: a template that no earlier boot has, nor one that is more or less general.
//! - **spike**: a template that came much oftener than ever before: in all of the boot, or in one
//!   hour of its last two days.
//! - **vanished**: a template that nearly every earlier boot had, early enough that this one should
//!   have it by now, and has not.
//! - **rare**: a template at warning or worse that came few times, in few boots.
//!
//! Each says how much was looked at, so that it is a fact about that and no guess. Without an earlier
//! boot nothing is said to be new, a spike or vanished.

mod baseline;
mod judge;
#[cfg(test)]
mod tests;

pub use baseline::{Baseline, PastBoot, PastSeen, PastTemplate, UnknownFormat};
pub use judge::compare;

use serde::Serialize;
use sysdiag_model::Timestamp;
use sysdiag_model::snapshot::LogTemplate;

/// When something is worth telling, and how much of it is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    /// The least severe priority that is told as new or vanished, 0..=7: debug messages are not.
    pub least_severe: u8,
    /// A spike is at least so many messages, in the boot or in one hour.
    pub spike_count: u64,
    /// And at least so many times what was expected.
    pub spike_factor: f64,
    /// And so many standard deviations more than expected: of what earlier boots had (by the median
    /// of their deviations), and of a Poisson process.
    pub spike_deviations: f64,
    /// Vanished is told with at least so many earlier boots that were read from their beginning.
    pub vanished_boots: usize,
    /// Of which this share had it.
    pub vanished_share: f64,
    /// And only if this boot is so many times as old as any of them was when it came.
    pub vanished_patience: f64,
    /// Boots shorter than this are not held to what long ones do, in microseconds.
    pub shortest_usec: u64,
    /// Rare is what came at most so often in this boot.
    pub rare_count: u64,
    /// And in at most this share of earlier boots.
    pub rare_share: f64,
    /// The least severe priority that is told as rare.
    pub rare_priority: u8,
    /// Items in each list.
    pub items: usize,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            least_severe: 6,
            spike_count: 30,
            spike_factor: 5.0,
            spike_deviations: 6.0,
            vanished_boots: 3,
            vanished_share: 0.8,
            vanished_patience: 2.0,
            shortest_usec: 600_000_000,
            rare_count: 3,
            rare_share: 0.2,
            rare_priority: 4,
            items: 50,
        }
    }
}

/// What a boot's messages have that earlier ones' had not, and the other way round.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Earlier boots that it was held against. None are known: new, spikes and vanished are not
    /// assessed.
    pub earlier: Option<Earlier>,
    /// In no earlier boot. None: not assessed.
    pub new: Option<Ranked<New>>,
    /// Much oftener than before. None: not assessed.
    pub spikes: Option<Ranked<Spike>>,
    /// Not in this boot, though in nearly all before. None: not assessed.
    pub vanished: Option<Ranked<Vanished>>,
    /// Why vanished is not assessed.
    pub vanished_not_assessed: Option<NotAssessed>,
    /// Severe, and few.
    pub rare: Ranked<Rare>,
}

/// What a boot was held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Earlier {
    /// Boots.
    pub boots: usize,
    /// Time in them that was looked at, in microseconds.
    pub covered_usec: u64,
    /// Beginning of the first.
    pub since: Timestamp,
    /// All templates of all of them are known; else what is told as new may have been before.
    pub complete: bool,
}

/// A list: most severe first, then the most striking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ranked<T> {
    /// At most [`Thresholds::items`].
    pub items: Vec<T>,
    /// How many more there are.
    pub more: usize,
}

/// A template that is in no earlier boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct New {
    /// It.
    pub template: LogTemplate,
    /// Its count is a lower bound: journald dropped messages of its sender.
    pub at_least: bool,
}

/// A template that came much oftener than before.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Spike {
    /// It.
    pub template: LogTemplate,
    /// Messages that are too many: in the boot, or in the hour.
    pub count: u64,
    /// What earlier boots let expect in as much time: the median of their counts, those of shorter
    /// boots extrapolated to the length of this one. For an hour: their busiest hour.
    pub expected: f64,
    /// The most that any earlier boot lets expect.
    pub most_before: f64,
    /// The hour it is about, by the hours before the end of what was looked at. None: the boot.
    pub hours_ago: Option<u8>,
    /// Earlier boots that had it.
    pub boots_with: usize,
    /// `count` is a lower bound: journald dropped messages of its sender.
    pub at_least: bool,
}

/// A template that did not come, though it should have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Vanished {
    /// It, as the last boot that had it had it.
    pub template: PastTemplate,
    /// Earlier boots that had it.
    pub boots_with: usize,
    /// Of so many that were read from their beginning.
    pub boots: usize,
    /// The longest that it took to come, in microseconds after the beginning of a boot.
    pub latest_usec: u64,
    /// When it came last.
    pub last: Timestamp,
}

/// Why nothing is told as vanished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotAssessed {
    /// Too few earlier boots were read from their beginning.
    TooFewBoots,
    /// This boot was not read from its beginning.
    NotFromBoot,
    /// Some templates of this boot are not known, because there were too many.
    Incomplete,
}

/// A severe template that came few times in few boots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rare {
    /// It.
    pub template: LogTemplate,
    /// Earlier boots that had it.
    pub boots_with: usize,
    /// Of so many.
    pub boots: usize,
}
