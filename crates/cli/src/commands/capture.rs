//! `capture`: this host in a file.

use sysdiag_sources::capture;

use crate::args::{CaptureArgs, Global};
use crate::messages::Messages;
use crate::pipeline;
use crate::{Error, Exit, console};

/// Log lines of every loaded unit.
const RECENT_LINES: usize = 50;

pub(super) fn run(global: &Global, args: &CaptureArgs) -> Result<Exit, Error> {
    let config = pipeline::configuration(global)?.config;
    capture::check(&args.file).map_err(|error| Error::action(error.to_string()))?;
    let mut options = pipeline::options(&config);
    options.recent_lines = RECENT_LINES;
    options.recent_of_all_units = true;
    options.ordering = true;
    options.logs = Some(pipeline::logs(&config, &Messages::none()));
    let snapshot = pipeline::collect(&options);
    capture::write(&args.file, &snapshot).map_err(|error| Error::action(error.to_string()))?;
    for gap in [
        snapshot.systemd.gaps(),
        snapshot.cgroups.gaps(),
        snapshot.system.gaps(),
        snapshot.processes.gaps(),
        snapshot.journal.gaps(),
        snapshot.ordering.gaps(),
    ]
    .concat()
    {
        let hint = gap.hint.map_or_else(String::new, |hint| format!(" ({hint})"));
        console::note(&format!("not in the capture: {}, {}{hint}", gap.what, gap.why.as_str()));
    }
    Ok(Exit::Ok)
}
