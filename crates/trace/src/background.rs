//! Tracing while something else runs: attached before it begins, detached on every way out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use sysdiag_model::snapshot::Trace;
use sysdiag_model::{Gap, Probe, Why};

use crate::digest::Digest;
use crate::event::Mask;
use crate::load::Options;
use crate::precondition::WHAT;
use crate::tracer::{Tracer, Waker};

/// Between looks.
const LOOK: Duration = Duration::from_millis(100);

/// A trace that goes on. Dropped, it stops.
#[derive(Debug)]
pub struct Background {
    thread: Option<JoinHandle<Probe<Trace>>>,
    /// Nothing more is waited for but the least duration.
    finish: Stopper,
    stop: Stopper,
    attached: Instant,
}

/// Stops a trace from elsewhere.
#[derive(Debug, Clone)]
pub struct Stopper {
    flag: Arc<AtomicBool>,
    waker: Waker,
}

impl Stopper {
    fn new(waker: &Waker) -> Self {
        Self { flag: Arc::new(AtomicBool::new(false)), waker: waker.clone() }
    }

    /// Ends it now, whatever the least duration. May be called from a signal handler.
    pub fn stop(&self) {
        self.flag.store(true, Ordering::Release);
        self.waker.wake();
    }

    fn is_stopped(&self) -> bool {
        self.flag.load(Ordering::Acquire)
    }
}

impl Background {
    /// Attaches, and returns when that is done; from then on events are taken in on a thread.
    ///
    /// # Errors
    ///
    /// As of [`Tracer::attach`].
    pub fn start(options: Options, least: Duration, mask: Mask) -> Result<Self, Gap> {
        // Here and not on the thread: what the C library took for another thread than the first, it does
        // not give back.
        let tracer = Tracer::attach(options)?;
        let (finish, stop) = (Stopper::new(&tracer.waker()), Stopper::new(&tracer.waker()));
        let flags = (finish.clone(), stop.clone());
        let thread = thread::Builder::new()
            .name("trace".to_owned())
            .spawn(move || trace(tracer, least, mask, &flags.0, &flags.1))
            .map_err(|error| Gap::new(WHAT, Why::NotSupported, format!("no thread: {error}")))?;
        Ok(Self { thread: Some(thread), finish, stop, attached: Instant::now() })
    }

    /// What stops it now, from elsewhere.
    pub fn stopper(&self) -> Stopper {
        self.stop.clone()
    }

    /// For how long it goes on if it is asked to finish now.
    pub fn remaining(&self, least: Duration) -> Duration {
        least.saturating_sub(self.attached.elapsed())
    }

    /// Waits until the least duration has passed, or it was stopped; detaches, and says what was seen.
    pub fn finish(mut self) -> Probe<Trace> {
        self.finish.stop();
        let ended = self.thread.take().and_then(|thread| thread.join().ok());
        ended.unwrap_or_else(|| {
            Probe::Unknown(Gap::new(WHAT, Why::Malformed, "the thread that traced panicked"))
        })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.stop.stop();
            // Its result is of no use to anybody; a panic of it was told by the thread.
            let _ = thread.join();
        }
    }
}

fn trace(
    mut tracer: Tracer,
    least: Duration,
    mask: Mask,
    finish: &Stopper,
    stop: &Stopper,
) -> Probe<Trace> {
    let began = Instant::now();
    let mut digest = Digest::new(mask);
    let mut gaps = tracer.gaps().to_vec();
    loop {
        let left = least.saturating_sub(began.elapsed());
        if stop.is_stopped() || (finish.is_stopped() && left.is_zero()) {
            break;
        }
        // To the end of the least duration, if that is all that is waited for.
        let wait = if finish.is_stopped() { left.min(LOOK) } else { LOOK };
        if let Err(error) = tracer.poll(wait, &mut |event| digest.add(&event)) {
            gaps.push(Gap::new(WHAT, Why::Malformed, format!("stopped early: {error}")));
            break;
        }
    }
    tracer.detach(&mut |event| digest.add(&event));
    Probe::with_gaps(digest.finish(&tracer), gaps)
}
