//! `run`: everything, compared with the last report and saved.

use std::time::Duration;

use jiff::tz::TimeZone;
use sysdiag_analyze::{Need, Scope};
use sysdiag_sources::LogOptions;

use super::replay;
use crate::args::{Global, RunArgs};
use crate::messages::Messages;
use crate::pipeline::{self, Task, UseOfHistory};
use crate::sinks::Focus;
use crate::{Error, Exit};

pub(super) fn run(global: &Global, args: &RunArgs) -> Result<Exit, Error> {
    let config = pipeline::configuration(global)?.config;
    let mut task = Task {
        global,
        analysis: &args.analysis,
        scope: Scope { graph: args.analyze_full_graph, trace: args.enable_ebpf, ..Scope::run() },
        focus: Focus::Overview,
        needs: &[Need::Systemd],
        history: if args.no_save { UseOfHistory::Compare } else { UseOfHistory::CompareAndSave },
    };
    let mut messages = Messages::none();
    let snapshot = if let Some(path) = &args.analysis.from {
        replay::no_since(args.since.as_ref())?;
        if args.enable_ebpf {
            return Err(Error::usage("--enable-ebpf: nothing can be traced in a capture")
                .hint("leave it out: what a capture holds of a trace is shown"));
        }
        let snapshot = pipeline::read_capture(path)?;
        task.scope.trace = snapshot.trace.value().is_some();
        snapshot
    } else {
        let (since, _) =
            replay::window(args.since.as_ref(), None, pipeline::now(), &TimeZone::system())?;
        messages = Messages::read(&config);
        let mut options = pipeline::options(&config);
        options.ordering = args.analyze_full_graph;
        options.logs = Some(LogOptions { since, ..pipeline::logs(&config, &messages) });
        if args.enable_ebpf {
            pipeline::collect_traced(&options, Duration::from_secs(args.ebpf_duration))
        } else {
            pipeline::collect(&options)
        }
    };
    task.finish_with(&config, &snapshot, messages)
}
