//! The report as one JSON document, and the schema of it.
//!
//! Always indented by two spaces, whatever the output is: a document that is piped into a file and
//! compared with another line by line is the common case, and the size does not matter to `jq`.
//! History stores the same document in one line.

use std::io;

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use serde::Serialize;
use serde_json::{Serializer, Value};
use sysdiag_model::Report;

use super::json_text::Safe;

/// Writes the document and a line end.
pub fn write(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let mut document = Serializer::with_formatter(&mut *out, Safe::default());
    report.serialize(&mut document).map_err(io::Error::from)?;
    out.write_all(b"\n")
}

/// The JSON Schema (2020-12) of a report, from the types.
///
/// It says more than the types do: absent is an omitted key, so nothing may be null.
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .with_transform(NeverNull)
        .into_generator()
        .into_root_schema_for::<Report>()
}

/// [`schema`] as it is checked in.
pub fn schema_text() -> String {
    let mut text = format!("{:#}", schema().to_value());
    text.push('\n');
    text
}

/// Removes the null that `Option` allows: such fields are left out when absent.
#[derive(Clone)]
struct NeverNull;

impl Transform for NeverNull {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(Value::Array(types)) = schema.get_mut("type") {
            types.retain(|kind| kind != "null");
            if let [only] = types.as_slice() {
                let only = only.clone();
                schema.insert("type".to_owned(), only);
            }
        }
        if let Some(Value::Array(options)) = schema.get_mut("anyOf") {
            options.retain(|option| option.get("type").is_none_or(|kind| kind != "null"));
            if let [Value::Object(only)] = options.as_slice() {
                let only = only.clone();
                schema.remove("anyOf");
                for (key, value) in only {
                    schema.insert(key, value);
                }
            }
        }
        schema.remove("default");
        transform_subschemas(self, schema);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::fixtures;

    #[test]
    fn checked_in_schema_is_that_of_the_types() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/report.schema.json");
        let checked_in = std::fs::read_to_string(path).unwrap();
        assert!(checked_in == schema_text(), "stale: run cargo xtask schema");
    }

    #[test]
    fn every_report_is_one_document_that_keeps_to_the_schema() {
        let schema = jsonschema::validator_for(schema().as_value()).unwrap();
        for report in fixtures::all() {
            let mut out = Vec::new();
            write(&report, &mut out).unwrap();
            assert!(out.ends_with(b"}\n"));
            let document: Value = serde_json::from_slice(&out).unwrap();
            let wrong: Vec<String> =
                schema.iter_errors(&document).map(|error| error.to_string()).collect();
            assert_eq!(wrong, Vec::<String>::new());
            assert_eq!(serde_json::from_value::<Report>(document).unwrap(), report);
        }
    }

    #[test]
    fn document_of_control_characters_is_text() {
        let mut out = Vec::new();
        write(&fixtures::hostile(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
    }

    #[test]
    fn nothing_may_be_null() {
        assert!(!schema_text().contains("\"null\""));
    }
}
