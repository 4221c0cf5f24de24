//! `analyze-logs`.

use jiff::tz::TimeZone;
use sysdiag_analyze::{Need, Scope};
use sysdiag_sources::{LogOptions, journal};

use super::replay;
use crate::args::{Global, LogsArgs};
use crate::messages::Messages;
use crate::pipeline::{self, Task, UseOfHistory};
use crate::sinks::Focus;
use crate::{Error, Exit};

pub(super) fn run(global: &Global, args: &LogsArgs) -> Result<Exit, Error> {
    let config = pipeline::configuration(global)?.config;
    let task = Task {
        global,
        analysis: &args.analysis,
        scope: Scope { logs: true, ..Scope::default() },
        focus: Focus::Logs,
        needs: &[Need::Journal],
        history: UseOfHistory::Messages,
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
        messages = Messages::read(&config);
        let logs = LogOptions {
            boot: args.boot,
            max_priority: args.priority,
            since,
            until,
            ..pipeline::logs(&config, &messages)
        };
        let mut options = pipeline::options(&config);
        options.logs = Some(logs);
        let snapshot = pipeline::collect(&options);
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
