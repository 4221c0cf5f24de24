//! `completions`.

use clap::CommandFactory;

use crate::args::{Cli, CompletionsArgs};
use crate::pipeline;
use crate::sinks::Format;
use crate::{Error, Exit};

pub(super) fn run(args: &CompletionsArgs) -> Result<Exit, Error> {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    pipeline::output(Format::Json, |out| out.write_all(&script))?;
    Ok(Exit::Ok)
}
