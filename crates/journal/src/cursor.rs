//! Addresses of entries, as `sd_journal_get_cursor(3)` gives them.

use std::str::FromStr;

use crate::chain::Chain;
use crate::file::File;
use crate::id::Id128;
use crate::select::Direction;

/// An address of an entry. What of it is there is used: the sequence number where its source is
/// known, then boot and monotonic clock, then the real clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    seqnum: Option<(Id128, u64)>,
    monotonic: Option<(Id128, u64)>,
    realtime: Option<u64>,
}

/// What was given is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor as journalctl --show-cursor prints it: s=...;i=...;b=...;m=...;t=...;x=...")]
pub struct NotACursor;

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (mut source, mut number, mut boot, mut monotonic, mut realtime) =
            (None, None, None, None, None);
        for part in text.split(';') {
            let (key, value) = part.split_once('=').ok_or(NotACursor)?;
            let hex = || u64::from_str_radix(value, 16).map(Some).map_err(|_| NotACursor);
            let id = || value.parse::<Id128>().map(Some).map_err(|_| NotACursor);
            match key {
                "s" => source = id()?,
                "i" => number = hex()?,
                "b" => boot = id()?,
                "m" => monotonic = hex()?,
                "t" => realtime = hex()?,
                // Of the content: nothing to look for. Others may join.
                _ => {}
            }
        }
        let cursor = Self { seqnum: source.zip(number), monotonic: boot.zip(monotonic), realtime };
        if cursor.seqnum.is_none() && cursor.monotonic.is_none() && cursor.realtime.is_none() {
            return Err(NotACursor);
        }
        Ok(cursor)
    }
}

impl Cursor {
    /// Where in `file` to begin: an offset at which, or after which (before which, if
    /// `direction` is backward), the first entry is that comes not before (after) the cursor.
    pub(crate) fn place_in(&self, file: &File, direction: Direction) -> u64 {
        if let Some((source, number)) = self.seqnum
            && file.header().seqnum_id == source
        {
            return place(file, file.all(), direction, number, |head| head.seqnum);
        }
        if let Some((boot, time)) = self.monotonic {
            let value = format!("_BOOT_ID={boot}");
            if let Some((_, object)) = file.find_data(value.as_bytes()) {
                let chain = Chain::of_data(file, object);
                return place(file, &chain, direction, time, |head| head.monotonic);
            }
        }
        match self.realtime {
            Some(time) => place(file, file.all(), direction, time, |head| head.realtime),
            None if direction == Direction::Forward => 0,
            None => u64::MAX,
        }
    }
}

fn place(
    file: &File,
    chain: &Chain,
    direction: Direction,
    wanted: u64,
    of: impl Fn(&crate::entry::Head) -> u64,
) -> u64 {
    let key = |offset| file.entry_head(offset).map_or(0, |head| of(&head));
    if direction == Direction::Forward {
        let at = chain.partition(file, |offset| key(offset) < wanted);
        // Beyond the last one of this list: what follows is of a later boot.
        chain.nth(file, at).unwrap_or_else(|| after(file, chain))
    } else {
        let at = chain.partition(file, |offset| key(offset) <= wanted);
        at.checked_sub(1).and_then(|at| chain.nth(file, at)).unwrap_or(0)
    }
}

fn after(file: &File, chain: &Chain) -> u64 {
    let last = chain.len().checked_sub(1).and_then(|last| chain.nth(file, last));
    last.map_or(u64::MAX, |last| last.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_journalctl_prints_it() {
        let text = "s=de595c855d3648ba9380b9923b3b6cff;i=115;b=37595ff590ed409abf61037ad8ce808a;m=a4c6c2ff;t=660ebc4f568ba;x=1f";
        let cursor: Cursor = text.parse().unwrap();
        assert_eq!(cursor.seqnum.unwrap().1, 0x115);
        assert_eq!(cursor.realtime, Some(0x0006_60eb_c4f5_68ba));
        for text in ["", "x", "x=1", "s=1;i=2", "i=2", "t=zz", "s=de595c855d3648ba9380b9923b3b6cff"]
        {
            assert_eq!(text.parse::<Cursor>(), Err(NotACursor), "{text}");
        }
    }
}
