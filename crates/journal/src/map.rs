//! A file in memory, as long as it was when it was opened. The one module that may be unsafe.
//!
//! A page of a mapped file that the file no longer reaches (somebody truncated it), or that the disk
//! cannot give, raises `SIGBUS` when it is touched, which ends the process. So a handler is
//! installed before the first file is mapped: it puts pages of zeros in the place of those that are
//! lost, and marks the file. Zeros are no object of a journal file: readers stop there. Faults
//! elsewhere go to the handler that was there before.
#![expect(
    unsafe_code,
    reason = "memory is mapped and a signal is handled; see SAFETY at each place"
)]

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Files that can be mapped at once.
const PLACES: usize = 8192;

/// Where files are mapped, for the handler, which may not lock.
static MAPS: [Place; PLACES] = [const { Place::new() }; PLACES];
/// Places from here on were never taken.
static TAKEN: AtomicUsize = AtomicUsize::new(0);
static PAGE: AtomicUsize = AtomicUsize::new(4096);
/// The action before ours, as `sa_sigaction` and `sa_flags`.
static BEFORE: OnceLock<(usize, i32)> = OnceLock::new();

struct Place {
    /// 0: free. 1: taken, and nothing is mapped yet.
    start: AtomicUsize,
    length: AtomicUsize,
    lost: AtomicBool,
}

impl Place {
    const fn new() -> Self {
        Self {
            start: AtomicUsize::new(0),
            length: AtomicUsize::new(0),
            lost: AtomicBool::new(false),
        }
    }
}

/// A file in memory, for reading.
#[derive(Debug)]
pub(crate) struct Map {
    start: *const u8,
    length: usize,
    place: &'static Place,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place").field("lost", &self.lost).finish_non_exhaustive()
    }
}

// SAFETY: the memory is only read, through `&self`, and lives until the drop.
unsafe impl Send for Map {}
// SAFETY: as above.
unsafe impl Sync for Map {}

impl Map {
    /// Maps `length` bytes of `file`, which must not be 0.
    pub(crate) fn new(file: &fs::File, length: usize) -> io::Result<Self> {
        install()?;
        let place = take().ok_or_else(|| io::Error::other("too many journal files are open"))?;
        // SAFETY: a new map at an address of the kernel's choice; the file is open for reading.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                length,
                libc::PROT_READ,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if start == libc::MAP_FAILED {
            let error = io::Error::last_os_error();
            place.start.store(0, Ordering::Release);
            return Err(error);
        }
        place.length.store(length, Ordering::Relaxed);
        place.start.store(start as usize, Ordering::Release);
        Ok(Self { start: start.cast(), length, place })
    }

    /// All bytes. Those of a file that is being written change while they are looked at: what is
    /// read twice may differ, so callers read once, and check what they have read.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: mapped for reading over all of this length until the drop; pages that get lost are
        // replaced by the handler. journald appends objects and changes numbers in place; each is
        // read by value, none is trusted.
        unsafe { std::slice::from_raw_parts(self.start, self.length) }
    }

    /// Whether a part of the file was lost under the map.
    pub(crate) fn is_cut(&self) -> bool {
        self.place.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // First out of the handler's sight: another thread may get the same addresses at once.
        self.place.start.store(1, Ordering::Release);
        // SAFETY: mapped by `new` with this length; no slice outlives `self`.
        unsafe { libc::munmap(self.start.cast_mut().cast(), self.length) };
        self.place.lost.store(false, Ordering::Relaxed);
        self.place.start.store(0, Ordering::Release);
    }
}

fn take() -> Option<&'static Place> {
    let free = |(_, place): &(usize, &Place)| {
        place.start.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    };
    let (number, place) = MAPS.iter().enumerate().find(free)?;
    TAKEN.fetch_max(number + 1, Ordering::AcqRel);
    Some(place)
}

/// Installs the handler, once.
fn install() -> io::Result<()> {
    static DONE: OnceLock<Result<(), i32>> = OnceLock::new();
    let done = DONE.get_or_init(|| {
        // SAFETY: the structures are plain numbers, for which zeros are valid; `handle` has the
        // signature that SA_SIGINFO asks for and calls async-signal-safe functions only.
        unsafe {
            let page = libc::sysconf(libc::_SC_PAGESIZE);
            PAGE.store(usize::try_from(page).unwrap_or(4096), Ordering::Relaxed);
            let mut before: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(libc::SIGBUS, ptr::null(), &raw mut before) != 0 {
                return Err(io::Error::last_os_error().raw_os_error().unwrap_or(0));
            }
            // Before ours is in place: the handler needs it.
            BEFORE.get_or_init(|| (before.sa_sigaction, before.sa_flags));
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handle as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigemptyset(&raw mut action.sa_mask);
            if libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut()) != 0 {
                return Err(io::Error::last_os_error().raw_os_error().unwrap_or(0));
            }
        }
        Ok(())
    });
    done.map_err(io::Error::from_raw_os_error)
}

extern "C" fn handle(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel gives a valid `info` to a handler with SA_SIGINFO; `si_addr` is set for SIGBUS.
    let address = unsafe { (*info).si_addr() } as usize;
    // SAFETY: errno is this thread's own.
    let errno = unsafe { *libc::__errno_location() };
    if replace(address) {
        // SAFETY: as above; the code that was interrupted must find it unchanged.
        unsafe { *libc::__errno_location() = errno };
        return;
    }
    pass_on(signal, info, context);
}

/// Puts zeros in the place of all pages from `address` to the end of the file it is in, if it is in one.
fn replace(address: usize) -> bool {
    let page = PAGE.load(Ordering::Relaxed);
    let taken = TAKEN.load(Ordering::Acquire);
    for place in MAPS.iter().take(taken) {
        let start = place.start.load(Ordering::Acquire);
        let length = place.length.load(Ordering::Relaxed);
        if start <= 1 || address < start || address - start >= length {
            continue;
        }
        // Only this page: after it may be good ones, if it is the disk that cannot give it.
        let from = address - address % page;
        // SAFETY: the page lies within a map of ours, whose memory nobody else uses; mmap is a bare
        // system call, as safe in a handler as in `sigbus` handlers of other readers.
        let new = unsafe {
            libc::mmap(
                from as *mut libc::c_void,
                page,
                libc::PROT_READ,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
                -1,
                0,
            )
        };
        if new == libc::MAP_FAILED {
            return false;
        }
        place.lost.store(true, Ordering::Relaxed);
        return true;
    }
    false
}

/// Does what would have been done without us.
fn pass_on(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let (action, flags) = BEFORE.get().copied().unwrap_or((libc::SIG_DFL, 0));
    if action == libc::SIG_DFL || action == libc::SIG_IGN {
        // SAFETY: back to the default; the instruction is tried again, and the process ends as it should.
        unsafe {
            let mut default: libc::sigaction = std::mem::zeroed();
            default.sa_sigaction = libc::SIG_DFL;
            libc::sigaction(signal, &raw const default, ptr::null_mut());
        }
        return;
    }
    if flags & libc::SA_SIGINFO != 0 {
        // SAFETY: it was installed with SA_SIGINFO, so it has this signature.
        let function: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) =
            unsafe { std::mem::transmute(action) };
        function(signal, info, context);
    } else {
        // SAFETY: it was installed without SA_SIGINFO, so it has this signature.
        let function: extern "C" fn(i32) = unsafe { std::mem::transmute(action) };
        function(signal);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_is_lost_under_the_map_is_zeros() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; 5 * 4096 + 10]).unwrap();
        let map = Map::new(&file, 5 * 4096 + 10).unwrap();
        assert!(map.bytes().iter().all(|byte| *byte == 7));
        assert!(!map.is_cut());
        file.set_len(4096).unwrap();
        assert_eq!(map.bytes()[4095], 7);
        assert!(!map.is_cut());
        assert!(map.bytes()[4096..].iter().all(|byte| *byte == 0));
        assert!(map.is_cut());
    }

    #[test]
    fn places_are_used_again() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[1; 100]).unwrap();
        for _ in 0..3 * PLACES {
            assert_eq!(Map::new(&file, 100).unwrap().bytes()[99], 1);
        }
    }
}
