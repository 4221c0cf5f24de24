//! What is remembered of processes between their events: what they ran last, who sent them signals.
//!
//! Bounded in number and in bytes; the memory of what is forgotten is used again, so that a host that
//! starts thousands of processes a second costs no allocation for each.

use std::collections::HashMap;

use crate::wire;

/// Processes.
const MOST: usize = 8_192;
/// Bytes of arguments of one process.
const MOST_ARGUMENTS: usize = 1024;
/// The same when all processes together have more than [`MOST_TEXT`] bytes.
const FEW_ARGUMENTS: usize = 128;
const MOST_TEXT: usize = 2 * 1024 * 1024;
/// A longer text's memory is given back.
const ROOM_KEPT: usize = 256;
/// Signals of one process, the last ones.
const MOST_SIGNALS: usize = 4;
/// Of ends, see [`Known::is_second_end`]; a power of two.
const ENDS: usize = 1024;

/// How a process came to be what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Origin {
    /// It was there before.
    #[default]
    Before,
    /// It was made and ran nothing yet.
    Made {
        /// In the memory of its parent (`vfork(2)`).
        shares_memory: bool,
    },
    /// It ran a program; what was in the process before had had a peak of so many pages.
    Ran {
        /// Pages.
        peak_before: u64,
    },
}

/// A process.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    pid: u32,
    /// 0: not known.
    start: u64,
    pub(crate) origin: Origin,
    pub(crate) is_oom_victim: bool,
    signals: Vec<Sent>,
    text: Vec<u8>,
    file: usize,
    interpreter: usize,
    has_arguments: bool,
    arguments_cut: bool,
}

/// A signal that a process got.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) time: u64,
    pub(crate) signal: wire::Signal,
}

/// Texts of a program, as of [`crate::Program`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ran<'a> {
    pub(crate) file: &'a [u8],
    pub(crate) interpreter: &'a [u8],
    pub(crate) arguments: Option<&'a [u8]>,
    pub(crate) cut: bool,
}

impl Slot {
    /// What it ran last.
    pub(crate) fn program(&self) -> Option<Ran<'_>> {
        let Origin::Ran { .. } = self.origin else { return None };
        let (file, rest) = self.text.split_at_checked(self.file)?;
        let (interpreter, arguments) = rest.split_at_checked(self.interpreter)?;
        let arguments = self.has_arguments.then_some(arguments);
        Some(Ran { file, interpreter, arguments, cut: self.arguments_cut })
    }

    /// The last signal that `is` the one looked for.
    pub(crate) fn signal(&self, is: impl Fn(&wire::Signal) -> bool) -> Option<&Sent> {
        self.signals.iter().rev().find(|sent| is(&sent.signal))
    }
}

/// Processes that something is known of.
#[derive(Debug)]
pub(crate) struct Known {
    by_pid: HashMap<u32, usize>,
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// The slot that is taken next when all are.
    hand: usize,
    /// Of all slots.
    text_bytes: usize,
    ends: Vec<(u32, u64)>,
}

impl Known {
    pub(crate) fn new() -> Self {
        Self {
            by_pid: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            hand: 0,
            text_bytes: 0,
            ends: vec![(0, 0); ENDS],
        }
    }

    /// A process was made.
    pub(crate) fn fork(&mut self, pid: u32, fork: &wire::Fork) {
        self.forget(pid);
        if let Some(slot) = self.slot(pid, fork.start) {
            slot.origin = Origin::Made { shares_memory: fork.shares_memory };
        }
    }

    /// A process ran a program.
    pub(crate) fn exec(&mut self, pid: u32, exec: &wire::Exec<'_>) {
        let most = if self.text_bytes > MOST_TEXT { FEW_ARGUMENTS } else { MOST_ARGUMENTS };
        let Some(slot) = self.slot(pid, exec.start) else { return };
        let before = slot.text.len();
        slot.origin = Origin::Ran { peak_before: exec.peak_before };
        slot.text.clear();
        slot.text.extend_from_slice(exec.file);
        slot.text.extend_from_slice(exec.interpreter);
        (slot.file, slot.interpreter) = (exec.file.len(), exec.interpreter.len());
        let arguments = exec.arguments.unwrap_or_default();
        slot.has_arguments = exec.arguments.is_some();
        slot.arguments_cut = exec.arguments_cut || arguments.len() > most;
        slot.text.extend_from_slice(arguments.get(..most).unwrap_or(arguments));
        let after = slot.text.len();
        self.text_bytes = (self.text_bytes + after).saturating_sub(before);
    }

    /// A process was sent a signal.
    pub(crate) fn signal(&mut self, pid: u32, time: u64, signal: wire::Signal) {
        let Some(slot) = self.slot(pid, 0) else { return };
        if slot.signals.len() >= MOST_SIGNALS {
            slot.signals.remove(0);
        }
        slot.signals.push(Sent { time, signal });
    }

    /// A process was chosen because memory had run out.
    pub(crate) fn oom(&mut self, pid: u32) {
        if let Some(slot) = self.slot(pid, 0) {
            slot.is_oom_victim = true;
        }
    }

    /// What is known of a process that started then.
    pub(crate) fn get(&self, pid: u32, start: u64) -> Option<&Slot> {
        let slot = self.slots.get(*self.by_pid.get(&pid)?)?;
        (slot.start == start || slot.start == 0).then_some(slot)
    }

    /// Kernels before 6.16 may tell the end of a process twice, when its last two threads end at once;
    /// true of the second time.
    pub(crate) fn is_second_end(&mut self, pid: u32, start: u64) -> bool {
        let place = usize::try_from(pid).unwrap_or_default() & (ENDS - 1);
        let Some(last) = self.ends.get_mut(place) else { return false };
        std::mem::replace(last, (pid, start)) == (pid, start)
    }

    /// A process ended.
    pub(crate) fn forget(&mut self, pid: u32) {
        if let Some(index) = self.by_pid.remove(&pid) {
            self.clear(index);
            self.free.push(index);
        }
    }

    /// The place of a process that started then (0: whenever it did), made if need be.
    fn slot(&mut self, pid: u32, start: u64) -> Option<&mut Slot> {
        let index = match self.by_pid.get(&pid) {
            Some(index) => *index,
            None => self.take()?,
        };
        let slot = self.slots.get(index)?;
        // Another one had this number before, and its end was lost.
        if slot.pid == pid && start != 0 && slot.start != 0 && slot.start != start {
            self.clear(index);
        }
        self.by_pid.insert(pid, index);
        let slot = self.slots.get_mut(index)?;
        slot.pid = pid;
        if start != 0 {
            slot.start = start;
        }
        Some(slot)
    }

    fn take(&mut self) -> Option<usize> {
        if let Some(index) = self.free.pop() {
            return Some(index);
        }
        if self.slots.len() < MOST {
            self.slots.push(Slot::default());
            return self.slots.len().checked_sub(1);
        }
        let index = self.hand;
        self.hand = (index + 1) % MOST;
        self.by_pid.remove(&self.slots.get(index)?.pid);
        self.clear(index);
        Some(index)
    }

    fn clear(&mut self, index: usize) {
        let Some(slot) = self.slots.get_mut(index) else { return };
        self.text_bytes = self.text_bytes.saturating_sub(slot.text.len());
        let (mut text, mut signals) =
            (std::mem::take(&mut slot.text), std::mem::take(&mut slot.signals));
        text.clear();
        if text.capacity() > ROOM_KEPT {
            text = Vec::new();
        }
        signals.clear();
        *slot = Slot { signals, text, ..Slot::default() };
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::wire::Comm;

    pub(crate) fn an_exec<'a>(start: u64, file: &'a [u8], arguments: &'a [u8]) -> wire::Exec<'a> {
        wire::Exec {
            start,
            cgroup: 1,
            peak_before: 5,
            parent: 1,
            uid: 0,
            links: 1,
            mode: 0o100_755,
            folder_mode: 0o40_755,
            comm: Comm::of(b"x"),
            file,
            interpreter: b"",
            arguments: Some(arguments),
            file_cut: false,
            arguments_cut: false,
        }
    }

    pub(crate) fn a_signal(number: u8, sender: u32) -> wire::Signal {
        wire::Signal {
            cgroup: 1,
            sender_cgroup: 1,
            sender,
            sender_uid: 0,
            number,
            by_kernel: false,
            comm: Comm::of(b"victim"),
            sender_comm: Comm::of(b"killer"),
        }
    }

    #[test]
    fn another_process_of_the_same_number_is_another() {
        let mut known = Known::new();
        known.exec(7, &an_exec(100, b"/bin/a", b"a\0"));
        known.signal(7, 1, a_signal(15, 2));
        known.exec(7, &an_exec(200, b"/bin/b", b"b\0"));
        assert!(known.get(7, 100).is_none());
        let slot = known.get(7, 200).unwrap();
        assert_eq!(slot.program().unwrap().file, b"/bin/b");
        assert!(slot.signal(|_| true).is_none());
    }

    #[test]
    fn the_last_signals_are_kept() {
        let mut known = Known::new();
        for number in 1..20 {
            known.signal(7, u64::from(number), a_signal(number, 2));
        }
        // It was not known when it started.
        let slot = known.get(7, 300).unwrap();
        assert_eq!(slot.origin, Origin::Before);
        assert_eq!(slot.signals.len(), MOST_SIGNALS);
        assert_eq!(slot.signal(|signal| signal.number > 17).unwrap().time, 19);
    }

    #[test]
    fn memory_is_bounded_and_used_again() {
        let mut known = Known::new();
        let long = vec![b'x'; 4096];
        for pid in 1..3 * u32::try_from(MOST).unwrap() {
            known.exec(pid, &an_exec(u64::from(pid), b"/bin/a", &long));
        }
        assert_eq!(known.slots.len(), MOST);
        assert_eq!(known.by_pid.len(), MOST);
        let sum: usize = known.slots.iter().map(|slot| slot.text.len()).sum();
        assert_eq!(sum, known.text_bytes);
        assert!(sum < MOST_TEXT + MOST * (FEW_ARGUMENTS + 10), "{sum}");
        assert!(known.get(1, 1).is_none());
        let last = 3 * u32::try_from(MOST).unwrap() - 1;
        assert!(known.get(last, u64::from(last)).unwrap().program().unwrap().cut);
        for pid in 1..=last {
            known.forget(pid);
        }
        assert_eq!((known.text_bytes, known.free.len()), (0, MOST));
    }

    #[test]
    fn the_second_end_is_told_from_the_first() {
        let mut known = Known::new();
        assert!(!known.is_second_end(7, 100));
        assert!(!known.is_second_end(8, 100));
        assert!(known.is_second_end(7, 100));
        assert!(!known.is_second_end(7, 200));
    }
}
