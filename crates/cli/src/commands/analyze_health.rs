//! `analyze-health`.

use sysdiag_analyze::{Need, Scope};

use crate::args::{AnalyzeArgs, Global};
use crate::pipeline::{self, Task, UseOfHistory};
use crate::sinks::Focus;
use crate::{Error, Exit};

pub(super) fn run(global: &Global, args: &AnalyzeArgs) -> Result<Exit, Error> {
    let config = pipeline::configuration(global)?.config;
    let task = Task {
        global,
        analysis: &args.analysis,
        scope: Scope { health: true, ..Scope::default() },
        focus: Focus::Health,
        needs: &[Need::Systemd],
        history: UseOfHistory::Compare,
    };
    let snapshot = match &args.analysis.from {
        Some(path) => pipeline::read_capture(path)?,
        None => pipeline::collect(&pipeline::options(&config)),
    };
    task.finish(&config, &snapshot)
}
