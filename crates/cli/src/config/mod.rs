//! The configuration: defaults, `/etc/sysdiag-analyzer/config.toml`, then
//! `~/.config/sysdiag-analyzer/config.toml`; `-c` replaces both files. Later values win one by one,
//! and each remembers where it came from.
//!
//! The keys are those of [`Config`]: a field added there, or to the settings of the analysis, is a
//! key here without another line.

mod file;
mod keys;
mod layer;
mod nearest;
mod noise;
mod origin;
mod patterns;

pub use keys::{Key, Kind, all as keys};
pub use nearest::{nearest, similar, similar_few};
pub use noise::Listed;
pub use origin::{Origin, Setting};
pub use patterns::ListedPattern;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sysdiag_analyze::Settings;
use sysdiag_logs::PatternSpec;

use crate::Error;
use layer::Problem;

/// Everything that can be configured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `[history]`.
    pub history: History,
    /// `[collect]`.
    pub collect: Collect,
    /// `[analysis]`.
    pub analysis: Settings,
    /// `[logs]`.
    pub logs: Logs,
    /// `[models]`.
    pub models: Models,
    /// `[llm]`.
    pub llm: Llm,
}

/// Saved reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// Where they are.
    pub directory: PathBuf,
    /// How many are kept; 0 or less: all.
    pub max_files: i64,
    /// How many of the last ones a new report is compared with.
    pub compare_reports: u64,
}

impl Default for History {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("/var/lib/sysdiag-analyzer/history"),
            max_files: 1000,
            compare_reports: 50,
        }
    }
}

/// How the host is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collect {
    /// Each source is left behind after this long, in seconds.
    pub deadline_seconds: u64,
    /// Time between the two samples that rates are computed from, in milliseconds.
    pub sample_interval_ms: u64,
    /// Log lines kept of each unit in question.
    pub recent_lines: usize,
}

impl Default for Collect {
    fn default() -> Self {
        Self { deadline_seconds: 5, sample_interval_ms: 250, recent_lines: 10 }
    }
}

/// What messages are looked for, and held against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logs {
    /// Earlier boots of the journal that are read, once each, to know what is new.
    pub baseline_boots: usize,
    /// `[[logs.patterns]]` of all files.
    #[serde(skip)]
    pub patterns: Vec<PatternSpec>,
}

impl Default for Logs {
    fn default() -> Self {
        Self { baseline_boots: 5, patterns: Vec::new() }
    }
}

/// Anomaly models.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Models {
    /// Where they are.
    pub directory: PathBuf,
    /// Reports in one window of a model.
    pub lstm_timesteps: u64,
    /// Reports of a unit from which on a model is trained.
    pub min_samples_train: u64,
}

impl Default for Models {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("/var/lib/sysdiag-analyzer/models"),
            lstm_timesteps: 5,
            min_samples_train: 10,
        }
    }
}

/// The language model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Llm {
    /// `ollama` or `openai`.
    pub provider: Option<String>,
    /// Name of the model.
    pub model: Option<String>,
    /// Address of the server.
    pub host: Option<String>,
    /// 0 is the most likely word each time.
    pub temperature: f64,
    /// Length of an answer.
    pub max_tokens: u64,
    /// Length of question and answer.
    pub context_window: u64,
}

impl Default for Llm {
    fn default() -> Self {
        Self {
            provider: None,
            model: None,
            host: None,
            temperature: 0.2,
            max_tokens: 1024,
            context_window: 4096,
        }
    }
}

/// A configuration and where each of its values came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The merged values.
    pub config: Config,
    /// The same by key.
    pub settings: Vec<Setting>,
    /// The entries of `[[ignore]]` and `[[expect]]`, of all files.
    pub listed: Vec<Listed>,
    /// The entries of `[[logs.patterns]]`, of all files.
    pub patterns: Vec<ListedPattern>,
    /// The files that were looked for, and whether they were there.
    pub files: Vec<(PathBuf, bool)>,
}

/// Where configuration is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Locations {
    /// This file, which must be there (`-c`).
    Only(PathBuf),
    /// These files, the later ones win; they may be absent.
    Layers(Vec<PathBuf>),
}

impl Locations {
    /// What `-c` says, else the host's file and the user's.
    pub fn new(explicit: Option<&Path>, home: Option<&Path>) -> Self {
        if let Some(path) = explicit {
            return Self::Only(path.to_owned());
        }
        let mut layers = vec![PathBuf::from("/etc/sysdiag-analyzer/config.toml")];
        layers.extend(home.map(|home| home.join(".config/sysdiag-analyzer/config.toml")));
        Self::Layers(layers)
    }
}

impl Loaded {
    /// Reads and merges; `home` is what `~/` stands for.
    pub fn read(locations: &Locations, home: Option<&Path>) -> Result<Self, Error> {
        let (paths, must_exist) = match locations {
            Locations::Only(path) => (std::slice::from_ref(path), true),
            Locations::Layers(paths) => (paths.as_slice(), false),
        };
        let keys = keys();
        let mut files = Vec::new();
        let mut given: BTreeMap<String, (Value, Origin)> = BTreeMap::new();
        let (mut listed, mut patterns) = (Vec::new(), Vec::new());
        let mut problems = Vec::new();
        for path in paths {
            let text = file::read(path).map_err(|error| {
                Error::usage(format!("cannot read configuration {}: {error}", path.display()))
            })?;
            files.push((path.clone(), text.is_some()));
            match text {
                Some(text) => match layer::parse(&text, path, &keys) {
                    Ok(layer) => {
                        given.extend(layer.values);
                        listed.extend(layer.listed);
                        patterns.extend(layer.patterns);
                    }
                    Err(found) => problems.extend(found),
                },
                None if must_exist => {
                    return Err(Error::usage(format!(
                        "cannot read configuration {}: no such file, or none this user can see",
                        path.display()
                    )));
                }
                None => {}
            }
        }
        problems.extend(patterns::unusable(&patterns));
        if !problems.is_empty() {
            return Err(wrong(&problems));
        }
        let mut loaded = Self::merge(&keys, given, files, home)?;
        noise::apply(&listed, &mut loaded.config.analysis);
        loaded.listed = listed;
        loaded.config.logs.patterns = patterns.iter().map(ListedPattern::spec).collect();
        loaded.patterns = patterns;
        Ok(loaded)
    }

    fn merge(
        keys: &[Key],
        mut given: BTreeMap<String, (Value, Origin)>,
        files: Vec<(PathBuf, bool)>,
        home: Option<&Path>,
    ) -> Result<Self, Error> {
        let mut settings = Vec::new();
        let mut sections = Map::new();
        for key in keys {
            let (value, origin) = given.remove(&key.name).map_or_else(
                || (key.default.clone(), Origin::Default),
                |(value, origin)| (Some(value), origin),
            );
            let section = sections
                .entry(key.section().to_owned())
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(section) = section {
                let value = value.clone().map(|value| expand(&key.kind, value, home));
                section.insert(key.field().to_owned(), value.unwrap_or(Value::Null));
            }
            settings.push(Setting { key: key.name.clone(), value, origin });
        }
        let config: Config = serde_json::from_value(Value::Object(sections))
            .map_err(|error| Error::bug(format!("the configuration does not fit: {error}")))?;
        let loaded = Self { config, settings, listed: Vec::new(), patterns: Vec::new(), files };
        let problems = loaded.contradictions();
        if problems.is_empty() { Ok(loaded) } else { Err(wrong(&problems)) }
    }

    /// Values that are right by themselves and wrong together.
    fn contradictions(&self) -> Vec<Problem> {
        let Config { models, collect, analysis, .. } = &self.config;
        let mut found = Vec::new();
        if models.lstm_timesteps >= models.min_samples_train {
            found.push(self.contradiction(
                "models.lstm_timesteps",
                "models.min_samples_train",
                "must be less than",
            ));
        }
        if collect.sample_interval_ms >= collect.deadline_seconds.saturating_mul(1000) {
            found.push(self.contradiction(
                "collect.sample_interval_ms",
                "collect.deadline_seconds",
                "must be less than",
            ));
        }
        if analysis.file_system_warning_percent > analysis.file_system_critical_percent {
            found.push(self.contradiction(
                "analysis.file_system_warning_percent",
                "analysis.file_system_critical_percent",
                "must be at most",
            ));
        }
        found
    }

    fn contradiction(&self, key: &str, other: &str, relation: &str) -> Problem {
        let shown = |key: &str| {
            let setting = self.settings.iter().find(|setting| setting.key == key);
            setting.map_or_else(String::new, |setting| {
                let value = setting.value.as_ref().map_or_else(String::new, Value::to_string);
                format!("{value} ({})", setting.origin)
            })
        };
        // The value that a file gave is the one to be changed.
        let origin = [key, other]
            .iter()
            .filter_map(|key| self.settings.iter().find(|setting| setting.key == **key))
            .map(|setting| setting.origin.clone())
            .find(|origin| *origin != Origin::Default)
            .unwrap_or(Origin::Default);
        Problem {
            origin,
            key: Some(key.to_owned()),
            message: format!("{} {relation} {other}, which is {}", shown(key), shown(other)),
        }
    }
}

fn wrong(problems: &[Problem]) -> Error {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Error::usage(format!("wrong configuration\n{}", lines.join("\n")))
        .hint("config.toml.example has every key; `sysdiag-analyzer config show` shows what is set")
}

/// `~/` in paths.
fn expand(kind: &Kind, value: Value, home: Option<&Path>) -> Value {
    match (kind, &value, home) {
        (Kind::Path, Value::String(text), Some(home)) => text
            .strip_prefix("~/")
            .and_then(|rest| home.join(rest).into_os_string().into_string().ok())
            .map_or(value, Value::String),
        _ => value,
    }
}

#[cfg(test)]
mod tests;
