//! `analyze-logs`.

use std::path::Path;

use jiff::tz::TimeZone;
use sysdiag_analyze::{Need, Scope};
use sysdiag_model::Snapshot;
use sysdiag_sources::{LogOptions, Options, journal};

use super::replay;
use crate::args::{Global, LogsArgs};
use crate::messages::Messages;
use crate::pipeline::{self, Task, UseOfHistory};
use crate::sinks::Focus;
use crate::{Error, Exit};

pub(super) fn run(global: &Global, args: &LogsArgs) -> Result<Exit, Error> {
    let config = pipeline::configuration(global)?.config;
    let elsewhere = args.directory.as_deref();
    if elsewhere.is_some() && args.analysis.from.is_some() {
        return Err(Error::usage("--directory and --from cannot be used together"));
    }
    let task = Task {
        global,
        analysis: &args.analysis,
        scope: Scope { logs: true, ..Scope::default() },
        focus: Focus::Logs,
        needs: &[Need::Journal],
        // What earlier boots of this host said is nothing to compare another one with.
        history: elsewhere.map_or(UseOfHistory::Messages, |_| UseOfHistory::Nothing),
    };
    let mut messages = Messages::none();
    let snapshot = if let Some(path) = &args.analysis.from {
        let mut snapshot = pipeline::read_capture(path)?;
        replay::select(&mut snapshot, args)?;
        snapshot
    } else {
        let now = pipeline::now();
        let (since, until) =
            replay::window(args.since.as_ref(), args.until.as_ref(), now, &TimeZone::system())?;
        if elsewhere.is_none() {
            messages = Messages::read(&config);
        }
        let logs = LogOptions {
            boot: args.boot,
            max_priority: args.priority,
            since,
            until,
            ..pipeline::logs(&config, &messages)
        };
        let mut options = pipeline::options(&config);
        options.logs = Some(logs);
        let snapshot = match elsewhere {
            Some(folder) => read_directory(folder, &options)?,
            None => pipeline::collect(&options),
        };
        match journal::missing_boot(&snapshot.journal, args.boot) {
            Some(why) if args.boot != 0 => {
                return Err(Error::usage(why).hint("journalctl --list-boots shows them"));
            }
            _ => snapshot,
        }
    };
    let has_logs = snapshot.journal.value().is_some_and(|digest| digest.logs.is_some());
    let exit = task.finish_with(&config, &snapshot, messages)?;
    Ok(if has_logs { exit } else { exit.max(Exit::NoSource) })
}

fn read_directory(folder: &Path, options: &Options) -> Result<Snapshot, Error> {
    journal::read_directory(folder, options).map_err(|gap| {
        let hint = gap.hint.as_deref().unwrap_or(gap.why.as_str());
        Error::usage(format!("{}: {hint}", gap.what))
            .hint("--directory takes a folder of journal files, as journalctl does")
    })
}
