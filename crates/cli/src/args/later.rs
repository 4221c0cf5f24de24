//! Options of commands that later versions have. They are parsed, so that a script meets a clear
//! answer and not a wrong guess about its spelling.

use clap::Args;

use super::{Command, RunArgs};

/// Heading of such options.
pub const LATER: &str = "Not in this version";

/// Options of `run`.
#[derive(Debug, Clone, Args)]
pub struct LaterRunArgs {
    /// Look for units that behave unusually
    #[arg(long, help_heading = LATER)]
    pub analyze_ml: bool,
    /// Have a language model write a summary
    #[arg(long, help_heading = LATER)]
    pub analyze_llm: bool,
    /// Model to ask
    #[arg(long, value_name = "NAME", help_heading = LATER)]
    pub llm_model: Option<String>,
}

/// `retrain-ml`.
#[derive(Debug, Clone, Args)]
pub struct RetrainArgs {
    /// How many reports to learn from, the newest
    #[arg(short, long, value_name = "N", default_value_t = 300)]
    pub num_reports: usize,
    /// Train on devices, slices and scopes too
    #[arg(long)]
    pub train_devices: bool,
}

/// `prune-ml-models`.
#[derive(Debug, Clone, Args)]
pub struct PruneArgs {
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// `exporter`.
#[derive(Debug, Clone, Args)]
pub struct ExporterArgs {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    pub host: String,
    /// Port to listen on
    #[arg(long, default_value_t = 9822)]
    pub port: u16,
    /// Time between two collections
    #[arg(short, long, value_name = "SECONDS", default_value_t = 60)]
    pub interval: u64,
}

/// `mcp`.
#[derive(Debug, Clone, Args)]
pub struct McpArgs {
    /// Address to listen on; without it, standard input and output
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
}

/// What was asked for that this version does not have; none if it has everything.
pub const fn not_yet(command: &Command) -> Option<&'static str> {
    match command {
        Command::RetrainMl(_) => Some("retrain-ml"),
        Command::PruneMlModels(_) => Some("prune-ml-models"),
        Command::Models { .. } => Some("models"),
        Command::Exporter(_) => Some("exporter"),
        Command::Mcp(_) => Some("mcp"),
        Command::Run(RunArgs { later, .. }) => later.asked_for(),
        _ => None,
    }
}

impl LaterRunArgs {
    const fn asked_for(&self) -> Option<&'static str> {
        if self.analyze_ml {
            Some("--analyze-ml")
        } else if self.analyze_llm {
            Some("--analyze-llm")
        } else if self.llm_model.is_some() {
            Some("--llm-model")
        } else {
            None
        }
    }
}
