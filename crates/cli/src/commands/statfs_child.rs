//! `statfs-child`: what can block in the kernel for ever runs in a process that can be abandoned.

use std::io;

use crate::args::StatfsChildArgs;
use crate::{Error, Exit};

pub(super) fn run(args: &StatfsChildArgs) -> Result<Exit, Error> {
    sysdiag_sources::system::statfs_child(&args.paths, &mut io::stdout().lock())
        .map_err(|error| Error::action(format!("statfs: {error}")))?;
    Ok(Exit::Ok)
}
