//! Programs at work, and the reader of what they write.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aya::Ebpf;
use aya::maps::{MapData, PerCpuArray, RingBuf};
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::io::Errno;
use sysdiag_model::snapshot::TraceLosses;
use sysdiag_model::{Gap, Timestamp, Why};

use crate::clock::{Offset, boot_ns};
use crate::event::Event;
use crate::groups::Groups;
use crate::join::Join;
use crate::load::{self, Attached, Options};
use crate::precondition::{WHAT, precondition};
use crate::wire;

/// Records that one look takes at most, so that it ends on a host that makes them as fast.
const MOST_RECORDS: usize = 65_536;
/// Looks after the programs are gone: the largest ring buffer holds no more.
const MOST_LAST_LOOKS: usize = 512;

/// Traces every process of the host until it is dropped.
pub struct Tracer {
    /// None: detached.
    programs: Option<Ebpf>,
    ring: RingBuf<MapData>,
    dropped: PerCpuArray<MapData, u64>,
    gaps: Vec<Gap>,
    join: Join,
    malformed: u64,
    epoll: OwnedFd,
    waker: Waker,
    started: Timestamp,
    started_ns: u64,
    ended_ns: Option<u64>,
}

/// Ends the wait in [`Tracer::poll`] from elsewhere.
#[derive(Debug, Clone)]
pub struct Waker(Arc<OwnedFd>);

impl Waker {
    /// Ends the wait there is, or the next one. It is one system call, `write(2)`.
    pub fn wake(&self) {
        // Full: it was woken before.
        let _ = rustix::io::write(&*self.0, &1_u64.to_ne_bytes());
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attached = self.programs.is_some();
        f.debug_struct("Tracer").field("attached", &attached).finish_non_exhaustive()
    }
}

impl Tracer {
    /// Attaches the programs. Most of the CPU time it takes is to read what the kernel's structures
    /// look like.
    ///
    /// # Errors
    ///
    /// It cannot be done here, see [`precondition`]; or the kernel refused.
    pub fn attach(options: Options) -> Result<Self, Gap> {
        precondition()?;
        let Attached { ring, dropped, programs, gaps } = load::attach(options)?;
        let started_ns = boot_ns();
        let (epoll, waker) = watch(&ring)
            .map_err(|error| Gap::new(WHAT, Why::NotSupported, format!("epoll(7): {error}")))?;
        // After that: groups that are made from now on are told.
        let groups = Groups::new(Path::new("/"));
        let page_bytes = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
        Ok(Self {
            programs: Some(programs),
            ring,
            dropped,
            gaps,
            join: Join::new(groups, page_bytes),
            malformed: 0,
            epoll,
            waker,
            started: Offset::measure().wall(started_ns),
            started_ns,
            ended_ns: None,
        })
    }

    /// When all programs were attached.
    pub const fn started(&self) -> Timestamp {
        self.started
    }

    /// Microseconds for which it traced so far, or until it was detached.
    pub fn duration_usec(&self) -> u64 {
        self.ended_ns.unwrap_or_else(boot_ns).saturating_sub(self.started_ns) / 1000
    }

    /// What this kernel cannot tell.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// What ends the wait in [`Tracer::poll`].
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Waits until there is much to read, a waker or a signal handler was called, or `most` has passed;
    /// then hands on all there is, and says how much that was. Call it ten times a second at least.
    ///
    /// # Errors
    ///
    /// The wait failed, for another reason than a signal.
    pub fn poll(&mut self, most: Duration, each: &mut dyn FnMut(Event<'_>)) -> io::Result<usize> {
        let timeout = Timespec::try_from(most).map_err(io::Error::other)?;
        let mut ready = Vec::with_capacity(2);
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut ready), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if ready.iter().any(|event| event.data.u64() == WOKEN) {
            // Nothing to read: somebody else did.
            let _ = rustix::io::read(&*self.waker.0, &mut [0_u8; 8]);
        }
        Ok(self.look(each))
    }

    /// Takes the programs away and hands on what they wrote until then.
    pub fn detach(&mut self, each: &mut dyn FnMut(Event<'_>)) {
        if self.programs.take().is_some() {
            self.ended_ns = Some(boot_ns());
        }
        for _ in 0..MOST_LAST_LOOKS {
            if self.look(each) == 0 {
                break;
            }
        }
    }

    /// Events that are not handed out, so far.
    pub fn lost(&self) -> TraceLosses {
        let count = |kind: u32| {
            let values = self.dropped.get(&kind, 0);
            values
                .map_or(0, |values| values.iter().fold(0_u64, |sum, one| sum.saturating_add(*one)))
        };
        TraceLosses {
            forks: count(wire::FORK),
            execs: count(wire::EXEC),
            exits: count(wire::EXIT),
            signals: count(wire::SIGNAL),
            oom_victims: count(wire::OOM),
            cgroups: count(wire::MKDIR).saturating_add(count(wire::RMDIR)),
            malformed: self.malformed,
        }
    }

    /// Hands on what there is, and says how many records that was.
    fn look(&mut self, each: &mut dyn FnMut(Event<'_>)) -> usize {
        let clock = Offset::measure();
        let mut count = 0;
        while count < MOST_RECORDS
            && let Some(bytes) = self.ring.next()
        {
            count += 1;
            match wire::read(&bytes) {
                Some(record) => self.join.take(&record, clock, each),
                None => self.malformed = self.malformed.saturating_add(1),
            }
        }
        count
    }
}

/// [`epoll::EventData`] of the ring buffer and of the waker.
const FULL: u64 = 0;
const WOKEN: u64 = 1;

/// The ring buffer says "readable" as long as anything is in it, which would wake us for every record.
/// Edge-triggered, it wakes us only when a program asked it to.
fn watch(ring: &RingBuf<MapData>) -> io::Result<(OwnedFd, Waker)> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let waker = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
    let edge = epoll::EventFlags::IN | epoll::EventFlags::ET;
    epoll::add(&epoll, ring, epoll::EventData::new_u64(FULL), edge)?;
    epoll::add(&epoll, &waker, epoll::EventData::new_u64(WOKEN), epoll::EventFlags::IN)?;
    Ok((epoll, Waker(Arc::new(waker))))
}
