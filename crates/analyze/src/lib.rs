//! What a snapshot means: figures derived from raw counters, and rules that find problems.
//!
//! Pure: no I/O, no clock, no environment; "now" is the clock of the snapshot, thresholds come in
//! with the [`Settings`]. Analysis cannot fail, it only knows less: what was not read becomes an
//! entry of `not_assessed`.

pub mod amount;
pub mod boot;
mod causes;
mod clock;
mod context;
pub mod dependencies;
mod engine;
mod errno;
mod exit_status;
mod failure;
mod gaps;
pub mod graph;
pub mod health;
pub mod history;
mod host;
pub mod human;
mod kinds;
mod lacks;
pub mod logs;
mod members;
mod next_step;
pub mod noise;
#[cfg(test)]
mod normal;
mod order;
pub mod past;
mod resource_causes;
pub mod resources;
mod rule;
pub mod rules;
mod scope;
mod settings;
mod statistics;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod testing_events;
#[cfg(test)]
mod testing_trace;
pub mod timespan;
pub mod trace;
mod trend;
mod unit_page;
mod units;
mod words;

pub use context::Context;
pub use engine::assess;
pub use past::{Past, PastReport};
pub use rule::{Explanation, Need, Rule, Section};
pub use scope::Scope;
pub use settings::Settings;
pub use unit_page::find_unit;
