//! The checked-in schema of the report, and files that claim to be one.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;
use sysdiag_analyzer::sinks::json;
use sysdiag_model::Report;

fn schema_path(root: &Path) -> PathBuf {
    root.join("crates/cli/schema/report.schema.json")
}

/// Writes the schema of the types.
pub(crate) fn write_schema(root: &Path) -> Result<Vec<String>> {
    let path = schema_path(root);
    fs::write(&path, json::schema_text()).with_context(|| path.display().to_string())?;
    Ok(Vec::new())
}

/// One problem if the checked-in schema is not that of the types.
pub(crate) fn check_schema(root: &Path) -> Result<Vec<String>> {
    let path = schema_path(root);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let stale = text != json::schema_text();
    Ok(stale
        .then(|| format!("{}: stale, run cargo xtask schema", crate::relative(&path).display()))
        .into_iter()
        .collect())
}

/// What is wrong with each of `files`, at most ten things a file.
pub(crate) fn validate(files: &[&str]) -> Result<Vec<String>> {
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(json::schema().as_value())
        .context("the schema itself")?;
    let mut problems = Vec::new();
    for file in files {
        let text = fs::read(file).with_context(|| (*file).to_owned())?;
        match serde_json::from_slice::<Value>(&text) {
            Ok(document) => {
                let wrong = against_schema(&validator, &document);
                let wrong = if wrong.is_empty() { against_types(&document) } else { wrong };
                problems.extend(wrong.into_iter().map(|wrong| format!("{file}: {wrong}")));
            }
            Err(error) => problems.push(format!("{file}: not one JSON document: {error}")),
        }
    }
    Ok(problems)
}

fn against_schema(validator: &jsonschema::Validator, document: &Value) -> Vec<String> {
    validator
        .iter_errors(document)
        .take(10)
        .map(|error| {
            let said = error.to_string();
            let short: String = said.chars().take(200).collect();
            format!("{}: {short}", error.instance_path())
        })
        .collect()
}

/// The schema lets more names join; the reader of this version must not lose one of its own.
fn against_types(document: &Value) -> Vec<String> {
    let again = serde_json::from_value::<Report>(document.clone())
        .and_then(|report| serde_json::to_value(&report));
    match again {
        Ok(again) if again == *document => Vec::new(),
        Ok(_) => vec!["has a name, or a null, that this version would not write".to_owned()],
        Err(error) => vec![format!("cannot be read as a report: {error}")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        let folder = std::env::temp_dir().join(format!("xtask-report-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join(format!("{}.json", text.len()));
        fs::write(&file, text).unwrap();
        validate(&[file.to_str().unwrap()]).unwrap()
    }

    const REPORT: &str = r#"{"schema_version":1,"timestamp":"2026-11-23T02:40:11.000001Z","host":{},
        "findings":[],"not_assessed":[],"timings":[],"errors":[]}"#;

    #[test]
    fn report_passes_and_each_damage_is_named() {
        assert_eq!(problems(REPORT), Vec::<String>::new());
        for (what, with) in [
            (r#""errors":[]"#, r#""errors":[],"boot_id":null"#),
            (r#""errors":[]"#, r#""errors":[0]"#),
            (r#""errors":[]"#, r#""errors":[],"boot_analsis":{}"#),
            (r#","errors":[]"#, ""),
            ("2026-11-23T02:40:11.000001Z", "yesterday"),
            ("}", "} {}"),
        ] {
            assert!(!problems(&REPORT.replace(what, with)).is_empty(), "{with}");
        }
    }
}
