//! What was traced: arguments, and names of files, which may be chosen by anybody.

use std::mem::take;

use sysdiag_model::snapshot::{Trace, TracedProgram};

use super::{mask_args, mask_text};

/// Replaces the secrets in the arguments and file names of a trace. A second time changes nothing.
pub fn mask_trace(trace: &mut Trace) {
    for program in trace.units.iter_mut().flat_map(|unit| &mut unit.programs) {
        text(&mut program.file);
    }
    let execs = trace.execs.iter_mut().map(|event| &mut event.program);
    let exits = trace.exits.iter_mut().filter_map(|event| event.program.as_mut());
    execs.chain(exits).for_each(mask_program);
}

/// The same of one program, for events that are told as they come.
pub fn mask_program(program: &mut TracedProgram) {
    text(&mut program.file);
    program.interpreter.iter_mut().for_each(text);
    if let Some(arguments) = &mut program.arguments {
        *arguments = mask_args(take(arguments));
    }
}

fn text(value: &mut String) {
    if let std::borrow::Cow::Owned(masked) = mask_text(value) {
        *value = masked;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_and_names_of_files_have_no_secrets() {
        let mut program = TracedProgram {
            file: "/opt/token=hunter2/run".to_owned(),
            interpreter: Some("/bin/sh".to_owned()),
            arguments: Some(["mysql", "-phunter2", "--host", "db"].map(str::to_owned).to_vec()),
            arguments_cut: false,
        };
        mask_program(&mut program);
        let text = format!("{program:?}");
        assert!(!text.contains("hunter2") && text.contains("db") && text.contains("/bin/sh"));
        let once = program.clone();
        mask_program(&mut program);
        assert_eq!(program, once);
    }
}
