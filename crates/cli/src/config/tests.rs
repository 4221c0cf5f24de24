//! Every key, wrong in every way; layers; the example.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sysdiag_logs::Catalogue;
use tempfile::TempDir;

use super::*;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config.toml.example");

fn file(directory: &TempDir, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

fn only(path: &Path) -> Result<Loaded, Error> {
    Loaded::read(&Locations::Only(path.to_owned()), Some(Path::new("/home/somebody")))
}

/// What is said about `text` in a file.
fn refusal(text: impl AsRef<[u8]>) -> String {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "c.toml", &text);
    let error = only(&path).expect_err(&String::from_utf8_lossy(text.as_ref()));
    assert_eq!(error.exit(), crate::Exit::Usage);
    let error = error.to_string();
    assert!(error.contains(path.to_str().unwrap()), "{error}");
    error.replace(path.to_str().unwrap(), "FILE")
}

fn accepted(text: &str) -> Loaded {
    let directory = TempDir::new().unwrap();
    only(&file(&directory, "c.toml", text)).unwrap()
}

fn value<'a>(loaded: &'a Loaded, key: &str) -> &'a Setting {
    loaded.settings.iter().find(|setting| setting.key == key).unwrap()
}

#[test]
fn nothing_given_is_the_default() {
    assert_eq!(accepted("").config, Config::default());
}

#[test]
fn every_key_has_an_accepted_default() {
    let keys = keys();
    assert!(keys.len() > 20);
    for key in keys {
        if let Some(default) = &key.default {
            assert!(key.kind.accepts(default), "{} = {default}", key.name);
        }
    }
}

#[test]
fn every_key_refuses_every_wrong_type_and_value() {
    for key in keys() {
        let wrong: &[&str] = match key.kind {
            Kind::Text => &["", "1", "1.5", "true", "[]", "{}", "1979-05-27", "[\"a\"]"],
            Kind::Choice(_) => &["", "1", "true", "\"\"", "\"olama\"", "\"OLLAMA\"", "[]"],
            Kind::Url => &["", "1", "true", "\"\"", "\"localhost\"", "\"http://\"", "\"ftp://x\""],
            Kind::Path => &["", "1", "true", "\"\"", "\"relative/path\"", "[]", "\"/a\\u0000b\""],
            Kind::Bool => &["", "1", "\"true\"", "[]", "{}"],
            Kind::TextList => &["", "1", "\"a\"", "[1]", "[\"\"]", "[[\"a\"]]", "{}"],
            Kind::Integer(..) => &[
                "",
                "\"5\"",
                "5.0",
                "nan",
                "inf",
                "true",
                "[5]",
                "{}",
                "1979-05-27",
                "99999999999999999999999",
                "-99999999999999999999999",
            ],
            Kind::Number(..) => &[
                "",
                "\"5\"",
                "nan",
                "-nan",
                "inf",
                "-inf",
                "true",
                "[5.0]",
                "{}",
                "-0.1",
                "1e300",
                "99999999999999999999999",
            ],
        };
        let mut wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        if let Kind::Integer(min, max) = key.kind {
            wrong.extend(min.checked_sub(1).map(|number| number.to_string()));
            wrong.extend(max.checked_add(1).map(|number| number.to_string()));
        }
        for value in wrong {
            let text = format!("# one\n[{}]\n{} = {value}\n", key.section(), key.field());
            let said = refusal(&text);
            assert!(said.contains("FILE:3: "), "{text}: {said}");
            // A value that is missing is an error of syntax: the line says which key.
            if !value.is_empty() {
                assert!(said.contains(&format!("FILE:3: {}: expected ", key.name)), "{said}");
            }
        }
        let text = format!("[{}]\n\n{}x = 1\n", key.section(), key.field());
        let said = refusal(&text);
        let expected = format!("FILE:3: {}x: unknown key: nearest is {}", key.name, key.name);
        assert!(said.contains(&expected), "{said}");
        let twice = format!("[{0}]\n{1} = 1\n{1} = 1\n", key.section(), key.field());
        let said = refusal(&twice);
        assert!(said.contains("FILE:3: ") && said.contains(key.field()), "{said}");
    }
}

#[test]
fn sections_can_be_wrong_too() {
    let said = refusal("[histroy]\nmax_files = 3\n");
    assert!(said.contains("FILE:1: histroy: unknown section: nearest is [history]"), "{said}");
    assert!(said.contains("nearest key history.max_files"), "{said}");
    let said = refusal("max_files = 3\n");
    assert!(
        said.contains("FILE:1: max_files: unknown key: nearest is history.max_files"),
        "{said}"
    );
    for text in ["history = 3\n", "[[history]]\n", "history = \"x\"\n"] {
        let said = refusal(text);
        assert!(said.contains("FILE:1: history: expected a section [history]"), "{said}");
    }
    assert!(refusal("[histroy]\n").contains("unknown section"));
    assert!(refusal("[history.max_files]\nx = 1\n").contains("history.max_files: expected"));
}

#[test]
fn everything_that_is_wrong_is_told_at_once_in_the_order_of_the_file() {
    let said = refusal("[models]\nlstm_timesteps = 0\n[history]\nmax_files = \"a\"\nmax = 1\n");
    let lines: Vec<&str> = said.lines().skip(1).collect();
    assert_eq!(lines.len(), 3, "{said}");
    for (line, number) in lines.iter().zip([2, 4, 5]) {
        assert!(line.starts_with(&format!("FILE:{number}: ")), "{said}");
    }
}

#[test]
fn values_must_fit_together() {
    let said = refusal("[models]\nlstm_timesteps = 10\n");
    assert!(
        said.contains("FILE:2: models.lstm_timesteps: 10 (FILE:2) must be less than"),
        "{said}"
    );
    assert!(said.contains("models.min_samples_train, which is 10 (default)"), "{said}");
    assert!(refusal("[models]\nmin_samples_train = 3\n").contains("FILE:2: "));
    refusal("[collect]\nsample_interval_ms = 5000\n");
    refusal("[analysis]\nfile_system_warning_percent = 99\n");
}

#[test]
fn hostile_files_are_refused() {
    for text in [
        &b"a\xff\xfe\n"[..],
        b"[history]\nmax_files = \xff\n",
        b"\0\0\0",
        b"[history\n",
        b"[history]\nmax_files = = 3\n",
    ] {
        refusal(text);
    }
    refusal("[".repeat(100_000));
    refusal("#".repeat((1 << 20) + 1));
    let nested = format!("[llm]\nmodel = {}\n", "[".repeat(50_000));
    refusal(nested);
    let escape = refusal("\"a\\u001b[31m\" = 1\n");
    assert!(!escape.contains('\u{1b}'), "{escape}");
}

#[test]
fn what_is_no_file_is_refused() {
    let directory = TempDir::new().unwrap();
    let gone = directory.path().join("none.toml");
    for path in [directory.path(), Path::new("/dev/zero"), gone.as_path()] {
        let said = only(path).unwrap_err().to_string();
        assert!(said.contains(path.to_str().unwrap()), "{said}");
    }
    let pipe = directory.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
    assert!(only(&pipe).unwrap_err().to_string().contains("not a regular file"));
    assert_eq!(only(Path::new("/dev/null")).unwrap().config, Config::default());
}

#[test]
fn later_layers_win_one_by_one() {
    let directory = TempDir::new().unwrap();
    let host = file(&directory, "host.toml", "[history]\nmax_files = 7\ndirectory = \"/h\"\n");
    let user = file(&directory, "user.toml", "# mine\n[history]\nmax_files = 8\n");
    let absent = directory.path().join("absent.toml");
    let layers = Locations::Layers(vec![absent.clone(), host.clone(), user.clone()]);
    let loaded = Loaded::read(&layers, None).unwrap();
    assert_eq!(loaded.config.history.max_files, 8);
    assert_eq!(loaded.config.history.directory, Path::new("/h"));
    assert_eq!(
        value(&loaded, "history.max_files").origin,
        Origin::File { path: user.clone(), line: 3 }
    );
    assert_eq!(
        value(&loaded, "history.directory").origin,
        Origin::File { path: host.clone(), line: 3 }
    );
    assert_eq!(value(&loaded, "llm.model").origin, Origin::Default);
    assert_eq!(loaded.files, [(absent, false), (host, true), (user, true)]);
}

#[test]
fn values_are_taken_as_they_are_meant() {
    let loaded = accepted(
        "[history]\ndirectory = \"~/reports\"\nmax_files = -1\n\
         [analysis]\nfile_system_warning_percent = 80\n[collect]\ndeadline_seconds = 0x0A\n",
    );
    assert_eq!(loaded.config.history.directory, Path::new("/home/somebody/reports"));
    assert_eq!(loaded.config.history.max_files, -1);
    assert!((loaded.config.analysis.file_system_warning_percent - 80.0).abs() < f64::EPSILON);
    assert_eq!(loaded.config.collect.deadline_seconds, 10);
    let windows = accepted("\u{feff}[history]\r\nmax_files = 3\r\n");
    assert_eq!(windows.config.history.max_files, 3);
}

/// Lines such as `#max_files = 1000` are the keys, `# Text` is prose.
#[test]
fn example_has_every_key_with_its_default() {
    let example = fs::read_to_string(EXAMPLE).unwrap();
    let text: String = example
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '[') => {
                format!("{rest}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let loaded = accepted(&text);
    for key in keys() {
        let setting = value(&loaded, &key.name);
        assert_ne!(setting.origin, Origin::Default, "{} is not in the example", key.name);
        if let Some(default) = &key.default {
            assert_eq!(setting.value.as_ref(), Some(default), "{}", key.name);
        }
    }
    // As it is, it changes nothing.
    assert_eq!(accepted(&example).config, Config::default());
    let [pattern] = &loaded.config.logs.patterns[..] else { panic!("one pattern is shown") };
    let catalogue = Catalogue::with(vec![pattern.clone()]).unwrap();
    let mut found = Vec::new();
    catalogue.candidates(b"payment of order 4711 refused by first-bank", &mut found);
    assert_eq!(found.len(), 1);
}

#[test]
fn shown_values_are_json() {
    let loaded = accepted("[history]\nmax_files = 3\n");
    let text = serde_json::to_string(&loaded.settings).unwrap();
    let shown: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(shown.len(), keys().len());
    assert!(shown.iter().all(|setting| setting.get("origin").is_some()));
}

/// The settings of the analysis that a text gives.
fn analysis(text: &str) -> Settings {
    accepted(text).config.analysis
}

#[test]
fn what_nobody_wants_to_hear_of_is_listed() {
    let settings = analysis(
        "[[ignore]]\nunit = \"backup-*.service\"\nrule = \"unit-failed\"\nreason = \"tape\"\n\
         [[ignore]]\nrule = \"memory-low\"\n[[expect]]\nunit = \"a.service\"\nstate = \"failed\"\n",
    );
    let [first, second] = &settings.ignore[..] else { panic!("{:?}", settings.ignore) };
    assert!(first.unit.as_ref().unwrap().matches("backup-1.service"));
    assert_eq!(
        (first.rule.as_deref(), first.reason.as_deref()),
        (Some("unit-failed"), Some("tape"))
    );
    assert_eq!((second.unit.as_ref(), second.rule.as_deref()), (None, Some("memory-low")));
    assert_eq!(settings.expect[0].state.as_str(), "failed");
    // One entry may be written without the second pair of brackets.
    assert_eq!(analysis("[ignore]\nunit = \"/srv/*\"\n").ignore.len(), 1);
    assert_eq!(analysis("ignore = []\n").ignore.len(), 0);
}

#[test]
fn what_is_wrong_with_a_list_is_said_with_its_line() {
    for (text, said) in [
        ("[[ignore]]\nreason = \"a\"\n", "FILE:1: ignore: needs a unit, a rule, or both"),
        (
            "[[ignore]]\nunits = \"a\"\n",
            "FILE:2: ignore.units: unknown key: nearest is ignore.unit",
        ),
        ("[[ignore]]\nunit = 5\n", "FILE:2: ignore.unit: expected a text, found 5"),
        ("[[ignore]]\nunit = \"\"\n", "FILE:2: ignore.unit: expected a text of 1 to 512"),
        (
            "[[ignore]]\nrule = \"unit-faild\"\n",
            "FILE:2: ignore.rule: there is no rule the text \"unit-faild\": nearest is unit-failed",
        ),
        ("\n[[expect]]\nunit = \"a.service\"\n", "FILE:2: expect: needs a unit and a state"),
        (
            "[[expect]]\nunit = \"a.service\"\nstate = \"up\"\n",
            "FILE:3: expect.state: expected \"active\" or \"inactive\" or \"failed\" or \"masked\"",
        ),
        (
            "[[expect]]\nunit = \"nginx\"\nstate = \"active\"\n",
            "expect.unit: expected the name or pattern of a unit, such as \"nginx.service\"",
        ),
        ("ignore = 5\n", "FILE:1: ignore: expected [[ignore]], found 5"),
        ("ignore = [5]\n", "FILE:1: ignore: expected [[ignore]], found 5"),
        ("[[ignor]]\nunit = \"a\"\n", "ignor"),
    ] {
        let error = refusal(text);
        assert!(error.contains(said), "{text}: {error}");
    }
    // Each thing that is wrong is said once.
    assert_eq!(refusal("[[ignore]]\nrule = 1\n[[ignore]]\nrule = 2\n").matches("FILE:").count(), 2);
}

#[test]
fn lists_of_all_files_count() {
    let directory = TempDir::new().unwrap();
    let first = file(&directory, "a.toml", "[[ignore]]\nunit = \"a*\"\n");
    let second = file(&directory, "b.toml", "[[ignore]]\nunit = \"b*\"\n");
    let loaded = Loaded::read(&Locations::Layers(vec![first, second.clone()]), None).unwrap();
    assert_eq!(loaded.config.analysis.ignore.len(), 2);
    assert_eq!(loaded.listed[1].origin, Origin::File { path: second, line: 1 });
}

const PATTERN: &str = "[[logs.patterns]]\nid = \"my.shop\"\ntitle = \"t\"\nseverity = \"error\"\n";

#[test]
fn patterns_of_all_files_count() {
    let directory = TempDir::new().unwrap();
    let one = format!("{PATTERN}regex = 'a(?<what>b+)'\nkey = [\"what\"]\n");
    let two = "[logs]\nbaseline_boots = 0\n[logs.patterns]\nid = \"my.other\"\ntitle = \"t\"\n\
               severity = \"info\"\nregex = 'x+y'\n[logs.patterns.aggregate]\nkind = \"burst\"\n\
               count = 3\nseconds = 60\n";
    let first = file(&directory, "a.toml", &one);
    let second = file(&directory, "b.toml", two);
    let loaded = Loaded::read(&Locations::Layers(vec![first.clone(), second]), None).unwrap();
    let ids: Vec<&str> = loaded.config.logs.patterns.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["my.shop", "my.other"]);
    assert_eq!(loaded.config.logs.baseline_boots, 0);
    assert_eq!(loaded.patterns[0].origin, Origin::File { path: first.clone(), line: 1 });
    // Only what is given is shown.
    let fields: Vec<&String> = loaded.patterns[0].fields.keys().collect();
    assert_eq!(fields, ["id", "key", "regex", "severity", "title"]);
    // One id in two files.
    let again = file(&directory, "c.toml", format!("#\n{one}"));
    let said = Loaded::read(&Locations::Layers(vec![first, again.clone()]), None).unwrap_err();
    let place = format!("{}:3: logs.patterns.id: pattern \"my.shop\": there is", again.display());
    assert!(said.to_string().contains(&place), "{said}");
    assert!(accepted("[logs]\npatterns = []\n").config.logs.patterns.is_empty());
}

#[test]
fn every_key_of_a_pattern_refuses_every_wrong_type() {
    let spec: PatternSpec =
        toml::from_str("id = \"my.shop\"\ntitle = \"t\"\nseverity = \"error\"\nregex = \"a\"")
            .unwrap();
    let Value::Object(fields) = serde_json::to_value(&spec).unwrap() else { panic!() };
    assert!(fields.len() > 10);
    let given = ["title = \"t\"", "severity = \"error\"", "id = \"my.shop\"", "regex = 'ab'"];
    for field in fields.keys() {
        let mut rest: Vec<&str> = given.to_vec();
        rest.retain(|line| !line.starts_with(&format!("{field} ")));
        let (line, rest) = (rest.len() + 2, rest.join("\n"));
        for value in ["5", "1.5", "nan", "true", "1979-05-27", "[5]", "[[\"a\"]]", "{ zzz = 1 }"] {
            let said = refusal(format!("[[logs.patterns]]\n{rest}\n{field} = {value}\n"));
            assert!(
                said.contains(&format!("FILE:{line}: logs.patterns.{field}")),
                "{value}: {said}"
            );
            let words = ["expected ", "unknown key: nearest is ", "needs "];
            assert!(words.iter().any(|word| said.contains(word)), "{field} = {value}: {said}");
        }
        let said = refusal(format!("[[logs.patterns]]\n{rest}\n{field}x = 5\n"));
        let expected =
            format!("logs.patterns.{field}x: unknown key: nearest is logs.patterns.{field}");
        assert!(said.contains(&expected), "{said}");
    }
}

#[test]
fn what_is_wrong_with_a_pattern_is_said_with_its_line() {
    for (text, said) in [
        ("", "FILE:1: logs.patterns.regex: "),
        ("regex = '('\n", "FILE:5: logs.patterns.regex: pattern \"my.shop\": "),
        (
            "regex = '.*'\n",
            "FILE:5: logs.patterns.regex: pattern \"my.shop\": it matches the empty",
        ),
        (
            "regex = 'a'\nkey = [\"disk\"]\n",
            "FILE:6: logs.patterns.key: pattern \"my.shop\": nothing captures 'disk'",
        ),
        (
            "aggregate = { kind = \"burst\", cuont = 5 }\n",
            "FILE:5: logs.patterns.aggregate.cuont: unknown key: nearest is \
             logs.patterns.aggregate.count",
        ),
        ("aggregate = { kind = \"brust\" }\n", "FILE:5: logs.patterns.aggregate: expected "),
        ("aggregate = { count = 5 }\n", "FILE:5: logs.patterns.aggregate: needs `kind`"),
        ("from = [\"kernal\"]\n", "FILE:5: logs.patterns.from: expected one of `kernel`"),
        (
            "regexx = 'a'\n",
            "FILE:5: logs.patterns.regexx: unknown key: nearest is logs.patterns.regex",
        ),
        (
            "[logs.patterns.recovery]\ncapture = \"a\"\nvaleus = []\n",
            "FILE:7: logs.patterns.recovery.valeus: unknown key: nearest is \
             logs.patterns.recovery.values",
        ),
    ] {
        let error = refusal(format!("{PATTERN}{text}"));
        assert!(error.contains(said), "{text}: {error}");
    }
    for (text, said) in [
        ("[logs]\npatterns = 5\n", "FILE:2: logs.patterns: expected [[logs.patterns]], found 5"),
        ("[logs]\npatterns = [5]\n", "FILE:2: logs.patterns: expected [[logs.patterns]], found 5"),
        ("[[logs.patterns]]\n", "FILE:1: logs.patterns: needs `id`"),
        ("[[logs.pattern]]\n", "FILE:1: logs.pattern: unknown key: nearest is logs.patterns"),
        ("[[log.patterns]]\n", "unknown section: nearest is [logs], nearest key logs.patterns"),
    ] {
        let error = refusal(text);
        assert!(error.contains(said), "{text}: {error}");
    }
    let escape = refusal("[[logs.patterns]]\n\"a\\u001b[31m` `\" = 1\n");
    assert!(!escape.contains('\u{1b}'), "{escape}");
}
