//! What a developer or a test runs and a user never does. `cargo xtask` lists the commands.

mod bpf;
mod record;
mod report;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND
  schema             writes crates/cli/schema/report.schema.json from the types
  schema --check     fails if that file is stale
  validate-report FILE...
                     fails if a file is no report: one JSON document that keeps to the schema
  bpf                compiles crates/trace/src/bpf/trace.bpf.c; needs clang-14 and llvm-14
  bpf --check        fails if the object there is not what its source becomes, byte for byte
  record [--binary FILE] [NAME...]
                     runs the end-to-end cases that capture hosts whose name contains NAME, and
                     keeps the captures in fixtures/hosts; needs root
  tidy               fails where the tree breaks a rule of the house";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let problems = match args.as_slice() {
        ["schema"] => report::write_schema(root()),
        ["schema", "--check"] => report::check_schema(root()),
        ["validate-report", files @ ..] if !files.is_empty() => report::validate(files),
        ["bpf"] => bpf::write(root()),
        ["bpf", "--check"] => bpf::check(root()),
        ["record", "--binary", binary, names @ ..] => record::record(root(), names, Some(binary)),
        ["record", names @ ..] => record::record(root(), names, None),
        ["tidy"] => tidy::check(root()),
        _ => {
            report_line(USAGE);
            return ExitCode::from(2);
        }
    };
    match problems {
        Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
        Ok(problems) => {
            for problem in &problems {
                report_line(problem);
            }
            report_line(&format!("{} problem(s)", problems.len()));
            ExitCode::FAILURE
        }
        Err(error) => {
            report_line(&format!("{error:#}"));
            ExitCode::from(2)
        }
    }
}

/// The folder of the workspace.
fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// A path of the workspace as people write it.
fn relative(path: &Path) -> PathBuf {
    path.strip_prefix(root()).unwrap_or(path).to_owned()
}

#[expect(clippy::print_stderr, reason = "a developer's command says what is wrong to the terminal")]
fn report_line(line: &str) {
    eprintln!("{line}");
}
