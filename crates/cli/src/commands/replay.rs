//! Windows of time, and what of them a capture can answer.
//!
//! A capture holds one digest of the journal, of one boot up to the moment it was taken, with
//! messages already counted: it can be asked for less important ones to be left out, and for
//! nothing else.

use jiff::tz::TimeZone;
use sysdiag_model::snapshot::JournalDigest;
use sysdiag_model::{Snapshot, Timestamp};

use crate::Error;
use crate::args::{LogsArgs, TimeSpec};

/// From and up to, as points in time.
pub(super) type Window = (Option<Timestamp>, Option<Timestamp>);

/// `--since` and `--until` seen from `now`.
pub(super) fn window(
    since: Option<&TimeSpec>,
    until: Option<&TimeSpec>,
    now: Timestamp,
    zone: &TimeZone,
) -> Result<Window, Error> {
    let resolve = |spec: Option<&TimeSpec>| {
        spec.map(|spec| spec.resolve(now, zone))
            .transpose()
            .map_err(|error| Error::usage(error.to_string()))
    };
    let (since, until) = (resolve(since)?, resolve(until)?);
    if let Some(since) = since {
        if since > now {
            return Err(Error::usage(format!("--since {since} is in the future")));
        }
        if until.is_some_and(|until| until <= since) {
            return Err(Error::usage("--until must be later than --since"));
        }
    }
    Ok((since, until))
}

/// A capture holds the logs of its boot as counts: they cannot be cut.
pub(super) fn no_since(since: Option<&TimeSpec>) -> Result<(), Error> {
    match since {
        None => Ok(()),
        Some(_) => Err(Error::usage(
            "--since: a capture holds the logs of its boot as counts, which cannot be cut",
        )
        .hint("leave out --since")),
    }
}

/// Cuts the logs of a captured host down to what `args` ask for, or says what is not in it.
pub(super) fn select(snapshot: &mut Snapshot, args: &LogsArgs) -> Result<(), Error> {
    no_since(args.since.as_ref())?;
    let taken = snapshot.clock.realtime;
    let (_, until) = window(None, args.until.as_ref(), taken, &TimeZone::system())?;
    if until.is_some_and(|until| until < taken) {
        return Err(Error::usage(format!(
            "--until: a capture holds the logs up to {taken} as counts, which cannot be cut"
        ))
        .hint("leave out --until"));
    }
    if args.boot != 0 {
        let boot = snapshot
            .host
            .boot_id
            .value()
            .map_or_else(String::new, |boot_id| format!(", {boot_id}"));
        return Err(Error::usage(format!(
            "--boot {}: a capture holds one boot only{boot}",
            args.boot
        ))
        .hint("leave out --boot"));
    }
    snapshot.journal.value_mut().map_or(Ok(()), |journal| at_priority(journal, args.priority))
}

fn at_priority(journal: &mut JournalDigest, priority: u8) -> Result<(), Error> {
    let Some(logs) = &mut journal.logs else { return Ok(()) };
    if priority > logs.max_priority {
        return Err(Error::usage(format!(
            "--priority {priority}: this capture holds messages of priority {} and worse only",
            logs.max_priority
        )));
    }
    // What came although it was less important came for what it says.
    let held = logs.max_priority;
    logs.groups.retain(|group| group.priority <= priority || group.priority > held);
    logs.max_priority = priority;
    Ok(())
}
