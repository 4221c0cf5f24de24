//! `statfs-child`: what can block in the kernel for ever runs in a process that can be abandoned.

use std::io;

use crate::args::StatfsChildArgs;
use crate::{Error, Exit};

pub(super) fn run(args: &StatfsChildArgs) -> Result<Exit, Error> {
    match sysdiag_sources::system::statfs_child(args.paths.clone(), &mut io::stdout().lock()) {
        0 => Ok(Exit::Ok),
        _ => Err(Error::action("statfs-child: nobody reads the answers")),
    }
}
