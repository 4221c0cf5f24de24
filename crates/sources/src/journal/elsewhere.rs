//! The journal of another machine, or of this one as it was: the files of a folder, and nothing else.
//!
//! What is known of that machine is what its journal says. Of this host nothing is read.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use sysdiag_model::snapshot::{Clock, FORMAT, Host};
use sysdiag_model::{BootId, Gap, Probe, Snapshot, Why};

use super::Source;
use super::line::{cut, lossy};
use super::reader::{Faults, Select};
use crate::{Options, gap};

/// A file that hangs (a network that is gone) is left behind so long after the deadline.
const GRACE: Duration = Duration::from_millis(250);
/// `HOST_NAME_MAX` of Linux.
const MAX_HOSTNAME: usize = 64;

/// A snapshot of the journal in `folder`, which ends when its last boot does. Err: nothing of it can
/// be read.
pub fn read_directory(folder: &Path, options: &Options) -> Result<Snapshot, Gap> {
    let deadline = Instant::now() + options.deadline;
    let (sender, receiver) = mpsc::channel();
    let (path, wanted) = (folder.to_owned(), options.clone());
    let spawned = thread::Builder::new().name("journal".to_owned()).spawn(move || {
        // Nobody waits any more: it took too long.
        let _ = sender.send(read(&path, &wanted, deadline));
    });
    spawned.map_err(|error| gap::from_io("journal", &error))?;
    receiver.recv_timeout(options.deadline + GRACE).unwrap_or_else(|_| {
        let hint = format!("{} did not answer in time", folder.display());
        Err(Gap::new("journal", Why::TimedOut, hint))
    })
}

fn read(folder: &Path, options: &Options, deadline: Instant) -> Result<Snapshot, Gap> {
    let source = Source::open_directory(folder, deadline)?;
    let journal = source.digest(options);
    let boot = journal.value().and_then(|digest| digest.boot_id);
    // The same for all, so that a report says it once.
    let hint = format!("only the journal in {} was read", folder.display());
    let gap = Gap::new("everything but the journal", Why::Disabled, hint);
    Ok(Snapshot {
        format: FORMAT,
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        // Its clocks are gone; the last that it said is its now.
        clock: Clock { realtime: source.now, monotonic_usec: 0, boottime_usec: 0 },
        host: Host {
            hostname: known(source.hostname(boot), &gap),
            boot_id: known(boot, &gap),
            os: Probe::Unknown(gap.clone()),
            kernel_release: Probe::Unknown(gap.clone()),
            architecture: Probe::Unknown(gap.clone()),
            init_name: Probe::Unknown(gap.clone()),
            collector_uid: rustix::process::geteuid().as_raw(),
            missing_tools: Vec::new(),
        },
        systemd: Probe::Unknown(gap.clone()),
        cgroups: Probe::Unknown(gap.clone()),
        system: Probe::Unknown(gap.clone()),
        processes: Probe::Unknown(gap.clone()),
        unit_files: Probe::Unknown(gap.clone()),
        ordering: Probe::Unknown(gap.clone()),
        trace: Probe::Unknown(gap.clone()),
        journal,
        timings: Vec::new(),
    })
}

fn known<T>(value: Option<T>, gap: &Gap) -> Probe<T> {
    value.map_or_else(|| Probe::Unknown(gap.clone()), Probe::Known)
}

impl Source {
    /// What the host called itself in the last entry of `boot`, or of all.
    fn hostname(&self, boot: Option<BootId>) -> Option<String> {
        let boot = boot.map(|boot| boot.to_string());
        let all = boot.as_deref().map(|boot| ("_BOOT_ID", boot)).into_iter().collect();
        let select = Select { all, ..Select::default() };
        let mut name = None;
        self.reader.newest_first(&select, self.deadline, &mut Faults::default(), |entry| {
            name =
                entry.bytes("_HOSTNAME").map(|name| cut(&lossy(name, MAX_HOSTNAME), MAX_HOSTNAME));
            ControlFlow::Break(())
        });
        name
    }
}
