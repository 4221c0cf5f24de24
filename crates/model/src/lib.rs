//! Names and shapes that every other crate speaks: what was read from a host ([`snapshot`]), what
//! was concluded from it ([`report`]), and the words both use ([`Probe`], [`Finding`], [`UnitName`]).
//!
//! Plain data only: no file is opened here, no clock is read, nothing is computed that could fail.
//! Stored types own no library's types, so that a library can be changed without a stored format.

mod boot_id;
mod evidence;
mod finding;
mod place;
mod probe;
pub mod report;
mod signal;
pub mod snapshot;
mod time;
mod unit_name;

pub use boot_id::{BootId, InvalidBootId};
pub use evidence::{Evidence, Value};
pub use finding::{Finding, FindingKey, FindingStatus, Severity, UnknownSeverity};
pub use place::{Place, place};
pub use probe::{Gap, Probe, Why};
pub use report::Report;
pub use signal::signal_name;
pub use snapshot::Snapshot;
pub use time::{InvalidTimestamp, Timestamp};
pub use unit_name::{UnitName, UnitType};
