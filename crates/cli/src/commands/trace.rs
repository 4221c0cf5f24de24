//! `trace`: every program that is run and every process that ends, as it happens.
//!
//! Nothing is analysed here and nothing of systemd is read. What a filter leaves out is still counted
//! in the last line, which is about the whole host.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use sysdiag_analyze::trace;
use sysdiag_model::UnitName;
use sysdiag_sources::mask::{mask_args, mask_program};
use sysdiag_trace::{Digest, Event, Options, Process, Signal, Tracer};

use super::unit_name::mangle;
use crate::args::{Global, TraceArgs};
use crate::sinks::Format;
use crate::sinks::stream::{Ended, Stream, Told};
use crate::{Error, Exit, console, pipeline};

/// How long to wait for events before looking whether to stop.
const LOOK: Duration = Duration::from_millis(100);
/// `TASK_COMM_LEN` without its final zero: what the kernel keeps of a name.
const COMM: usize = 15;
/// Bytes of arguments that are shown; the kernel's side hands on no more.
const MOST_ARGUMENTS: usize = 4096;

pub(super) fn run(global: &Global, args: &TraceArgs) -> Result<Exit, Error> {
    let filter = Filter::new(args)?;
    let stop = stop_when_asked()?;
    let mut tracer = Tracer::attach(Options::default()).map_err(|gap| Error::no_source(&gap))?;
    for gap in tracer.gaps() {
        console::warning(&format!("{}: {}", gap.what, gap.why.as_str()));
    }
    let until = args.duration.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    match stream(global, &mut tracer, &filter, until, &stop) {
        // A reader that went away (`| head`) is no error.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::action(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(Exit::Ok),
    }
}

/// Until it is time, or somebody asks.
fn stream(
    global: &Global,
    tracer: &mut Tracer,
    filter: &Filter,
    until: Option<Instant>,
    stop: &AtomicBool,
) -> io::Result<()> {
    let stream = Stream::new(global.output, pipeline::width());
    let mut out: Box<dyn Write> = match global.output {
        Format::Rich => Box::new(BufWriter::new(anstream::stdout().lock())),
        Format::Json => Box::new(BufWriter::new(io::stdout().lock())),
    };
    stream.heading(&mut out)?;
    out.flush()?;
    let mut digest = Digest::new(mask_args);
    let mut stopping = false;
    while !stopping {
        let left = until.map_or(LOOK, |until| until.saturating_duration_since(Instant::now()));
        stopping = left.is_zero() || stop.load(Ordering::Relaxed);
        let mut written = Ok(());
        let mut each = |event: Event<'_>| {
            digest.add(&event);
            if written.is_ok()
                && let Some(told) = filter.told(&event)
            {
                written = stream.write(&told, &mut out);
            }
        };
        if stopping {
            tracer.detach(&mut each);
        } else {
            tracer.poll(left.min(LOOK), &mut each)?;
        }
        written?;
        out.flush()?;
    }
    let trace = digest.finish(tracer);
    let ended = Ended {
        time: trace.ended,
        duration_usec: trace.duration_usec,
        totals: trace.totals,
        lost: trace.lost,
    };
    stream.write(&Told::End(ended), &mut out)?;
    out.flush()
}

/// Set by the signals with which a user or systemd ends a program.
fn stop_when_asked() -> Result<Arc<AtomicBool>, Error> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(|error| Error::action(format!("cannot handle signals: {error}")))?;
    }
    Ok(stop)
}

/// What is told of all that happens.
struct Filter {
    unit: Option<UnitName>,
    /// Cut as the kernel does it.
    comm: Option<Vec<u8>>,
}

impl Filter {
    fn new(args: &TraceArgs) -> Result<Self, Error> {
        let unit = args.unit.as_deref().map(mangle).transpose();
        let unit = unit.map_err(|why| Error::usage(format!("--unit: {why}")))?;
        let cut = |name: &String| name.bytes().take(COMM).collect();
        Ok(Self { unit, comm: args.comm.as_ref().map(cut) })
    }

    fn told(&self, event: &Event<'_>) -> Option<Told> {
        match event {
            Event::Exec(exec) if self.wants(&exec.process, None) => {
                let mut exec = exec.to_model(mask_args, MOST_ARGUMENTS);
                mask_program(&mut exec.program);
                Some(Told::Exec(trace::exec(&exec)))
            }
            Event::Exit(exit) if self.wants(&exit.process, exit.signal.as_ref()) => {
                let mut exit = exit.to_model(mask_args, MOST_ARGUMENTS);
                exit.program.iter_mut().for_each(mask_program);
                Some(Told::Exit(trace::exit(&exit)))
            }
            _ => None,
        }
    }

    /// A signal that ends a process is of interest to the unit of who sent it, too.
    fn wants(&self, process: &Process<'_>, signal: Option<&Signal<'_>>) -> bool {
        let sender = signal.filter(|signal| !signal.by_kernel).map(|signal| signal.sender);
        let unit = self.unit.as_ref().is_none_or(|unit| {
            process.unit() == Some(unit) || sender.and_then(|sender| sender.unit()) == Some(unit)
        });
        let comm = self.comm.as_ref().is_none_or(|comm| process.command == comm);
        unit && comm
    }
}
