//! The commands: each makes a task for the pipeline of its arguments, or is small enough to do all.

mod analyze_boot;
mod analyze_health;
mod analyze_logs;
mod analyze_resources;
mod analyze_unit;
mod capture;
mod completions;
mod config_show;
mod explain;
mod man;
mod replay;
mod run;
mod show_history;
mod statfs_child;
mod trace;
mod unit_name;

pub use man::man_page;

use crate::args::{AnalysisArgs, Cli, Command, not_yet};
use crate::{Error, Exit};

/// Does what the command line says.
pub(crate) fn run(cli: &Cli) -> Result<Exit, Error> {
    if let Some(asked) = not_yet(&cli.command) {
        return Err(Error::usage(format!("{asked}: not available in this version")));
    }
    let mut command = cli.command.clone();
    if let Some(from) = &cli.from_first {
        let Some(analysis) = analysis(&mut command) else {
            return Err(Error::usage("--from is for run and analyze-* only"));
        };
        if analysis.from.replace(from.clone()).is_some() {
            return Err(Error::usage("--from was given twice"));
        }
    }
    let global = &cli.global;
    match &command {
        Command::Run(args) => run::run(global, args),
        Command::AnalyzeBoot(args) => analyze_boot::run(global, args),
        Command::AnalyzeHealth(args) => analyze_health::run(global, args),
        Command::AnalyzeResources(args) => analyze_resources::run(global, args),
        Command::AnalyzeLogs(args) => analyze_logs::run(global, args),
        Command::AnalyzeUnit(args) => analyze_unit::run(global, args),
        Command::ShowHistory(args) => show_history::run(global, args),
        Command::Config { .. } => config_show::run(global),
        Command::Capture(args) => capture::run(global, args),
        Command::Explain(args) => explain::run(global, args),
        Command::Completions(args) => completions::run(args),
        Command::Man => man::run(),
        Command::Trace(args) => trace::run(global, args),
        Command::StatfsChild(args) => statfs_child::run(args),
        Command::RetrainMl(_)
        | Command::PruneMlModels(_)
        | Command::Models { .. }
        | Command::Exporter(_)
        | Command::Mcp(_) => Err(Error::bug("a command of a later version was not refused")),
    }
}

/// The part of the arguments that `run` and every `analyze-*` have.
fn analysis(command: &mut Command) -> Option<&mut AnalysisArgs> {
    match command {
        Command::Run(args) => Some(&mut args.analysis),
        Command::AnalyzeBoot(args)
        | Command::AnalyzeHealth(args)
        | Command::AnalyzeResources(args) => Some(&mut args.analysis),
        Command::AnalyzeLogs(args) => Some(&mut args.analysis),
        Command::AnalyzeUnit(args) => Some(&mut args.analysis),
        _ => None,
    }
}
