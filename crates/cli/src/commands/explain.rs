//! `explain`: what a rule checks, why it matters, what to do. Without a rule: all of them.

use std::io::{self, Write};

use serde_json::{Value, json};
use sysdiag_analyze::{Rule, rules};

use crate::args::{ExplainArgs, Global};
use crate::config::similar;
use crate::pipeline;
use crate::sinks::Format;
use crate::{Error, Exit};

/// Columns of running text.
const WIDTH: usize = 78;

pub(super) fn run(global: &Global, args: &ExplainArgs) -> Result<Exit, Error> {
    let Some(id) = &args.rule else {
        pipeline::output(global.output, |out| match global.output {
            Format::Rich => list(out),
            Format::Json => {
                json(out, &rules::ALL.iter().map(|rule| document(rule)).collect::<Vec<_>>())
            }
        })?;
        return Ok(Exit::Ok);
    };
    // The key of a finding is taken too: what is before the first colon is its rule.
    let id = id.split(':').next().unwrap_or_default();
    let Some(rule) = rules::find(id) else {
        let shown: String = id.chars().take(80).collect();
        let error = Error::usage(format!("no rule {shown}"));
        return Err(match similar(id, rules::ALL.iter().map(|rule| rule.id)) {
            Some(id) => error.hint(format!("the nearest is {id}; `explain` alone lists all")),
            None => error.hint("`explain` alone lists all"),
        });
    };
    pipeline::output(global.output, |out| match global.output {
        Format::Rich => write(rule, out),
        Format::Json => json(out, &document(rule)),
    })?;
    Ok(Exit::Ok)
}

fn json(out: &mut dyn Write, document: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}

fn document(rule: &Rule) -> Value {
    json!({
        "rule": rule.id,
        "title": rule.title,
        "severity": rule.severity,
        "checks": rule.explanation.checks,
        "matters": rule.explanation.matters,
        "todo": rule.explanation.todo,
        "references": rule.explanation.references,
    })
}

fn list(out: &mut dyn Write) -> io::Result<()> {
    let width = rules::ALL.iter().map(|rule| rule.id.len()).max().unwrap_or_default();
    for rule in rules::ALL {
        writeln!(out, "{:width$}  {:8}  {}", rule.id, rule.severity.as_str(), rule.title)?;
    }
    Ok(())
}

fn write(rule: &Rule, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{} ({} at worst)", rule.id, rule.severity)?;
    paragraph(rule.title, "", out)?;
    let explanation = &rule.explanation;
    for (heading, text) in [
        ("What it checks", explanation.checks),
        ("Why it matters", explanation.matters),
        ("What to do", explanation.todo),
    ] {
        writeln!(out, "\n{heading}")?;
        paragraph(text, "  ", out)?;
    }
    if !explanation.references.is_empty() {
        writeln!(out, "\nReferences")?;
        for reference in explanation.references {
            writeln!(out, "  {reference}")?;
        }
    }
    Ok(())
}

/// Wraps at words; line ends of the text stay.
fn paragraph(text: &str, indent: &str, out: &mut dyn Write) -> io::Result<()> {
    for source in text.lines() {
        let mut line = String::new();
        for word in source.split_whitespace() {
            let columns = indent.len() + line.chars().count() + 1 + word.chars().count();
            if !line.is_empty() && columns > WIDTH {
                writeln!(out, "{indent}{line}")?;
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        writeln!(out, "{indent}{line}")?;
    }
    Ok(())
}
