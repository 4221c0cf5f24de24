//! Which boots a journal holds, and which of them is meant by a number.

use std::fmt;

use sysdiag_journal::{Journal, Window};
use sysdiag_model::{BootId, Timestamp};

use super::reader::boot_id;

/// Values of `PRIORITY` that are told apart; there are eight, but any text can be sent.
const MAX_PRIORITIES: usize = 64 << 10;

/// A boot that the journal has entries of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boot {
    /// Its id.
    pub id: BootId,
    /// Time of its first entry.
    pub first: Timestamp,
    /// Time of its last entry.
    pub last: Timestamp,
    /// Number of entries.
    pub entries: u64,
}

/// The boot that was asked for is not in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSuchBoot {
    /// What was asked for, as in `journalctl --boot`.
    pub asked: i32,
    /// How many boots the journal holds.
    pub held: usize,
    /// Whether the boot that runs now is among them.
    pub holds_current: bool,
}

impl fmt::Display for NoSuchBoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "boot {} is not in the journal: it holds ", self.asked)?;
        let newest = i64::from(!self.holds_current);
        let oldest = i64::try_from(self.held).unwrap_or(i64::MAX) - 1 + newest;
        match (self.held, self.holds_current) {
            (0, _) => f.write_str("no boots"),
            (1, true) => f.write_str("boot 0 only"),
            (1, false) => f.write_str("boot -1 only"),
            (_, true) => write!(f, "boots -{oldest}..0"),
            (_, false) => write!(f, "boots -{oldest}..-1"),
        }
    }
}

impl std::error::Error for NoSuchBoot {}

/// The boots in all files, oldest first.
///
/// The boot `current` comes last, whatever the clock said when it began (a host without a clock
/// of its own).
pub(super) fn list(journal: &Journal, current: Option<BootId>) -> Vec<Boot> {
    let boots = journal.boots().into_iter().filter_map(|boot| {
        Some(Boot {
            id: boot_id(boot.id)?,
            first: Timestamp::from_usec(boot.first_usec),
            last: Timestamp::from_usec(boot.last_usec),
            entries: boot.entries,
        })
    });
    let mut boots: Vec<Boot> = boots.collect();
    boots.sort_by_key(|boot| (Some(boot.id) == current, boot.first, boot.id));
    boots
}

/// The boot that `number` means as in `journalctl --boot`: 0 the current one, -1 the one before, 1
/// the first in the journal.
///
/// Without knowing the current one (a mounted image), the last is 0.
pub(super) fn pick(
    boots: &[Boot],
    current: Option<BootId>,
    number: i32,
) -> Result<Boot, NoSuchBoot> {
    let holds_current =
        current.is_none_or(|current| boots.last().is_some_and(|last| last.id == current));
    let missing = NoSuchBoot {
        asked: number,
        held: boots.len(),
        holds_current: holds_current && !boots.is_empty(),
    };
    let index = usize::try_from(number.unsigned_abs()).map_err(|_| missing)?;
    let found = match (number, holds_current) {
        (1.., _) => boots.get(index - 1),
        (0, false) => None,
        (_, true) => boots.iter().rev().nth(index),
        (_, false) => boots.iter().rev().nth(index - 1),
    };
    found.copied().ok_or(missing)
}

/// Numbers of entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) entries: u64,
    pub(super) by_priority: [u64; 8],
}

/// Entries in `window`, all and by priority, from the index.
pub(super) fn count(journal: &Journal, window: &Window) -> Counts {
    let mut counts = Counts { entries: journal.count(window), ..Counts::default() };
    // A sender may give any text as priority: those that are none are left out.
    for distinct in journal.distinct("PRIORITY", window, MAX_PRIORITIES).unwrap_or_default() {
        let [digit @ b'0'..=b'7'] = distinct.value.as_slice() else { continue };
        if let Some(count) = counts.by_priority.get_mut(usize::from(digit - b'0')) {
            *count += distinct.entries;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boot(number: u64) -> Boot {
        Boot {
            id: format!("{number:032x}").parse().unwrap(),
            first: Timestamp::from_usec(number * 10),
            last: Timestamp::from_usec(number * 10 + 5),
            entries: 1,
        }
    }

    #[test]
    fn numbers_count_from_the_current_boot_and_from_the_first() {
        let boots = [boot(1), boot(2), boot(3)];
        let current = Some(boots[2].id);
        for (number, expected) in [(0, 3), (-1, 2), (-2, 1), (1, 1), (3, 3)] {
            assert_eq!(pick(&boots, current, number), Ok(boot(expected)), "{number}");
        }
        for number in [-3, 4, i32::MIN, i32::MAX] {
            let error = pick(&boots, current, number).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("boot {number} is not in the journal: it holds boots -2..0")
            );
        }
    }

    #[test]
    fn a_current_boot_without_entries_is_not_the_last_one_with_some() {
        let boots = [boot(1), boot(2)];
        let current = Some(boot(9).id);
        assert_eq!(pick(&boots, current, -1), Ok(boot(2)));
        assert_eq!(pick(&boots, current, -2), Ok(boot(1)));
        let error = pick(&boots, current, 0).unwrap_err();
        assert_eq!(error.to_string(), "boot 0 is not in the journal: it holds boots -2..-1");
        assert_eq!(pick(&boots, None, 0), Ok(boot(2)));
        let error = pick(&[], None, 0).unwrap_err();
        assert_eq!(error.to_string(), "boot 0 is not in the journal: it holds no boots");
    }
}
