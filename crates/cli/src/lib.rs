//! The program `sysdiag-analyzer`: arguments, configuration, history, sinks and the commands that
//! put them together. Nothing is read from a host here and nothing is concluded here: that is what
//! `sysdiag-sources` and `sysdiag-analyze` are for.

pub mod args;
mod bug;
mod commands;
pub mod config;
mod console;
mod error;
pub mod history;
mod messages;
mod pipeline;
mod progress;
pub mod sinks;

pub use commands::man_page;
pub use error::{Error, Exit};

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use crate::args::Cli;

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    bug::install_hook();
    ExitCode::from(bug::guard(|| run(std::env::args_os())).code())
}

fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // A reader that went away (`--help | head -1`) is no error.
            drop(error.print());
            return if error.use_stderr() { Exit::Usage } else { Exit::Ok };
        }
    };
    console::init(&cli.global);
    commands::run(&cli).unwrap_or_else(|error| {
        console::error(&error);
        error.exit()
    })
}
