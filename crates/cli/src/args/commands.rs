//! The commands and their options, SPEC and `sysdiag-analyzer man`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

use super::later::{ExporterArgs, LaterRunArgs, McpArgs, PruneArgs, RetrainArgs};
use super::{AnalysisArgs, TimeSpec};

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Analyse everything and save the report to history
    ///
    /// Boot, health, resources, logs and the dependencies of failed units. What was found before
    /// is marked as continuing.
    Run(RunArgs),
    /// Analyse boot performance only
    AnalyzeBoot(AnalyzeArgs),
    /// Analyse the health of units only
    AnalyzeHealth(AnalyzeArgs),
    /// Analyse system, unit and process resources only
    AnalyzeResources(AnalyzeArgs),
    /// Analyse logs only
    AnalyzeLogs(LogsArgs),
    /// Show everything about one unit
    ///
    /// State, properties, resources, dependencies with their states, processes, last log lines and
    /// findings.
    AnalyzeUnit(UnitArgs),
    /// Train the anomaly models from history (not in this version)
    RetrainMl(RetrainArgs),
    /// Remove models of units that are gone (not in this version)
    PruneMlModels(PruneArgs),
    /// Share anomaly models between hosts (not in this version)
    Models {
        /// What to do with them.
        #[command(subcommand)]
        command: ModelsCommand,
    },
    /// List saved reports, or open one
    ShowHistory(HistoryArgs),
    /// Show the configuration
    Config {
        /// What to show.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Serve metrics to Prometheus (not in this version)
    Exporter(ExporterArgs),
    /// Stream process starts and exits, each with its unit (eBPF)
    ///
    /// A line for every program that is run and every process that ends on the whole host, until
    /// interrupted. Needs root, or the capabilities "bpf" and "perfmon", and a kernel with BTF.
    Trace(TraceArgs),
    /// Serve read-only tools to an assistant (not in this version)
    Mcp(McpArgs),
    /// Write a snapshot of this host to a file
    ///
    /// For support, or to be analysed elsewhere with --from. Figures are as read; secrets in log
    /// lines and in arguments of processes are masked. The file is readable by its owner only.
    Capture(CaptureArgs),
    /// Explain a rule: what it checks, why, and what to do
    Explain(ExplainArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Print the man page
    Man,
    /// `statfs(2)` in a process that can be abandoned
    #[command(hide = true)]
    StatfsChild(StatfsChildArgs),
}

/// `run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Read the logs from this time on instead of from the boot
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<TimeSpec>,
    /// Look for ordering cycles among all loaded units, with the file that adds each edge
    #[arg(long)]
    pub analyze_full_graph: bool,
    /// Trace every process that runs a program or ends meanwhile (eBPF)
    #[arg(long)]
    pub enable_ebpf: bool,
    /// How long to trace at least
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 5,
        requires = "enable_ebpf",
        value_parser = clap::value_parser!(u64).range(1..=MOST_SECONDS)
    )]
    pub ebpf_duration: u64,
    /// Do not save the report to history
    #[arg(long)]
    pub no_save: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its own type says it")]
    pub analysis: AnalysisArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its own type says it")]
    pub later: LaterRunArgs,
}

/// `trace`.
#[derive(Debug, Clone, Args)]
pub struct TraceArgs {
    /// Stop after this long; without it, when interrupted
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(1..=MOST_SECONDS)
    )]
    pub duration: Option<u64>,
    /// Only processes of this unit, and those killed from it
    #[arg(long, value_name = "UNIT")]
    pub unit: Option<String>,
    /// Only processes of this name; the kernel keeps 15 bytes of it
    #[arg(long, value_name = "NAME")]
    pub comm: Option<String>,
}

/// Longest time to trace, seconds: a day.
const MOST_SECONDS: u64 = 86_400;

/// `analyze-boot`, `analyze-health`, `analyze-resources`.
#[derive(Debug, Clone, Args)]
pub struct AnalyzeArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "its own type says it")]
    pub analysis: AnalysisArgs,
}

/// `analyze-logs`.
#[derive(Debug, Clone, Args)]
pub struct LogsArgs {
    /// 0 this boot, -1 the one before, 1 the first in the journal
    #[arg(short, long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    pub boot: i32,
    /// Messages of this priority and worse: 0 (emergency) to 7 (debug)
    #[arg(
        short,
        long,
        value_name = "0..7",
        default_value_t = 4,
        value_parser = clap::value_parser!(u8).range(0..=7)
    )]
    pub priority: u8,
    /// From this time on: '2026-11-23 02:40', -1h, '30min ago', yesterday
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<TimeSpec>,
    /// Up to this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<TimeSpec>,
    /// Read the journal files in this folder, of whatever machine, and nothing of this host
    #[arg(short = 'D', long, value_name = "DIR", conflicts_with = "from")]
    pub directory: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its own type says it")]
    pub analysis: AnalysisArgs,
}

/// `analyze-unit`.
#[derive(Debug, Clone, Args)]
pub struct UnitArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "its own type says it")]
    pub analysis: AnalysisArgs,
    /// Name of the unit; without a suffix it is a service
    #[arg(value_name = "UNIT")]
    pub unit: String,
}

/// `models`.
#[derive(Debug, Clone, Subcommand)]
pub enum ModelsCommand {
    /// Write all models to a file
    Export {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Take models from a file
    Import {
        /// The file.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// List the models
    List,
}

/// `show-history`.
#[derive(Debug, Clone, Args)]
pub struct HistoryArgs {
    /// How many reports to list, the newest first
    #[arg(short = 'n', long, value_name = "N", default_value_t = 5)]
    pub limit: usize,
    /// Show the Nth report, 1 is the newest, in the format of -o
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "limit",
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub open: Option<u32>,
}

/// `config`.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Show the merged configuration, each value with its origin
    Show,
}

/// `capture`.
#[derive(Debug, Clone, Args)]
pub struct CaptureArgs {
    /// File to write
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// `explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// Identifier of the rule; without it all rules are listed
    #[arg(value_name = "RULE")]
    pub rule: Option<String>,
}

/// `completions`.
#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

/// `statfs-child`.
#[derive(Debug, Clone, Args)]
pub struct StatfsChildArgs {
    /// Mount points
    #[arg(value_name = "PATH")]
    pub paths: Vec<OsString>,
}
