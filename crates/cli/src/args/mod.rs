//! The command line. Parsing does no work: no clock is read, no file is opened; a time or a path is
//! only a form here, and the commands make something of it.

mod commands;
mod later;
mod time;

pub use commands::{
    AnalyzeArgs, CaptureArgs, Command, CompletionsArgs, ConfigCommand, ExplainArgs, HistoryArgs,
    LogsArgs, ModelsCommand, RunArgs, StatfsChildArgs, TraceArgs, UnitArgs,
};
pub use later::{ExporterArgs, LATER, LaterRunArgs, McpArgs, PruneArgs, RetrainArgs, not_yet};
pub use time::{TimeSpec, UnknownTime};

use std::path::PathBuf;

use clap::{Args, Parser};
use sysdiag_model::Severity;

use crate::sinks::Format;

/// What is wrong with this systemd host, why, and what changed.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "sysdiag-analyzer",
    version,
    max_term_width = 80,
    disable_help_subcommand = true,
    after_help = EXAMPLES,
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// `--from` before the command; after it is the same.
    #[arg(long = "from", value_name = "CAPTURE", hide = true)]
    pub from_first: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  sudo sysdiag-analyzer run                  everything, saved to history
  sysdiag-analyzer run --no-save -o json     the same as JSON, not saved
  sysdiag-analyzer analyze-unit nginx        one unit
  sudo sysdiag-analyzer capture web-03.cap   this host in a file ...
  sysdiag-analyzer run --from web-03.cap     ... to be analysed elsewhere

Exit codes: 0 no findings at or above --fail-on, 1 findings, 2 wrong usage or
configuration, 3 an essential source gave nothing, 4 an action failed, 70 a bug";

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// Read this configuration file instead of those in /etc and ~/.config
    #[arg(short, long, global = true, value_name = "PATH", help_heading = "Global options")]
    pub config: Option<PathBuf>,
    /// Format of the report
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        value_enum,
        default_value = "rich",
        help_heading = "Global options"
    )]
    pub output: Format,
    /// More detail in the report and in messages (-vv: even more)
    #[arg(
        short,
        long,
        global = true,
        action = clap::ArgAction::Count,
        conflicts_with = "quiet",
        help_heading = "Global options"
    )]
    pub verbose: u8,
    /// No messages but errors
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub quiet: bool,
}

/// Options of `run` and of every `analyze-*`.
#[derive(Debug, Clone, Args)]
pub struct AnalysisArgs {
    /// Analyse a captured host instead of this one; nothing is saved
    #[arg(long, value_name = "CAPTURE")]
    pub from: Option<PathBuf>,
    /// Exit with 1 from this severity on: critical, error, warning or info
    #[arg(long, value_name = "SEVERITY", default_value = "error")]
    pub fail_on: Severity,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_fits_eighty_columns() {
        fn check(command: &mut clap::Command, path: &str) {
            for help in [command.render_help(), command.render_long_help()] {
                for line in help.to_string().lines() {
                    assert!(line.chars().count() <= 80, "{path}: {line}");
                }
            }
            for sub in command.get_subcommands_mut() {
                let path = format!("{path} {}", sub.get_name());
                check(sub, &path);
            }
        }
        let mut command = Cli::command().term_width(80);
        command.build();
        check(&mut command, "sysdiag-analyzer");
    }
}
