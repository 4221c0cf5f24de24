//! The binary; everything is in the library, where tests and `xtask` reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    sysdiag_analyzer::main()
}
