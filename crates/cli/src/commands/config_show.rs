//! `config show`: every value and where it came from, as TOML that could be used as it is.

use std::io::Write;

use serde_json::{Value, json};

use crate::args::Global;
use crate::config::{Loaded, Setting};
use crate::pipeline;
use crate::sinks::Format;
use crate::sinks::text::escape;
use crate::{Error, Exit};

pub(super) fn run(global: &Global) -> Result<Exit, Error> {
    let loaded = pipeline::configuration(global)?;
    pipeline::output(global.output, |out| match global.output {
        Format::Rich => write(&loaded, out),
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &document(&loaded))?;
            writeln!(out)
        }
    })?;
    Ok(Exit::Ok)
}

fn document(loaded: &Loaded) -> Value {
    let files: Vec<Value> = loaded
        .files
        .iter()
        .map(|(path, present)| json!({ "path": path.to_string_lossy(), "present": present }))
        .collect();
    let ignored = loaded.listed.iter().map(|entry| json!(entry));
    let lists: Vec<Value> =
        ignored.chain(loaded.patterns.iter().map(|entry| json!(entry))).collect();
    json!({ "files": files, "settings": loaded.settings, "lists": lists })
}

fn write(loaded: &Loaded, out: &mut dyn Write) -> std::io::Result<()> {
    for (path, present) in &loaded.files {
        let state = if *present { "read" } else { "not there" };
        writeln!(out, "# {}: {state}", escape(&path.to_string_lossy()))?;
    }
    let assignments: Vec<(&Setting, String)> =
        loaded.settings.iter().map(|setting| (setting, assignment(setting))).collect();
    let width = assignments.iter().map(|(_, text)| text.chars().count()).max().unwrap_or_default();
    let mut section = "";
    for (setting, text) in &assignments {
        let own = setting.key.split_once('.').map_or("", |(own, _)| own);
        if own != section {
            section = own;
            writeln!(out, "\n[{section}]")?;
        }
        writeln!(out, "{text:width$}  # {}", escape(&setting.origin.to_string()))?;
    }
    for entry in &loaded.listed {
        writeln!(out, "\n[[{}]]  # {}", entry.section, escape(&entry.origin.to_string()))?;
        for (field, text) in &entry.fields {
            writeln!(out, "{field} = {}", escape(&Value::from(text.as_str()).to_string()))?;
        }
    }
    for entry in &loaded.patterns {
        writeln!(out, "\n[[{}]]  # {}", entry.section, escape(&entry.origin.to_string()))?;
        for (field, value) in &entry.fields {
            writeln!(out, "{field} = {}", escape(&inline(value)))?;
        }
    }
    Ok(())
}

/// A value as TOML, on one line. A JSON string is a TOML string, and a key in quotes is a key.
fn inline(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(inline).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(field, value)| {
                    format!("{} = {}", Value::from(field.as_str()), inline(value))
                })
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

/// `field = value`, or a comment where there is no value.
fn assignment(setting: &Setting) -> String {
    let field = setting.key.split_once('.').map_or(setting.key.as_str(), |(_, field)| field);
    match &setting.value {
        // A JSON string is a TOML string; a list of them is a list.
        Some(value) => format!("{field} = {}", escape(&value.to_string())),
        None => format!("# {field} is not set"),
    }
}
