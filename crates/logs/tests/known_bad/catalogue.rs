//! Every entry of the catalogue: its samples match it and only it, its near misses do not, and what
//! another sender says is nothing.

use std::collections::BTreeSet;

use super::support::{Entry, catalogue, parse, shared};
use proptest::prelude::*;
use sysdiag_logs::{Aggregate, Catalogue, OomPart, Origin, PatternIndex, PatternSpec};

/// The patterns that an entry is, by id.
fn matched(catalogue: &Catalogue, entry: &Entry) -> BTreeSet<String> {
    let event = entry.event();
    let mut candidates = Vec::new();
    catalogue.candidates(event.message, &mut candidates);
    let by_id = event.message_id.map_or(&[][..], |id| catalogue.by_message_id(id));
    let confirmed = |index: &PatternIndex| {
        let hit = catalogue.confirm(*index, &event)?;
        Some(catalogue.spec(hit.pattern)?.id.clone())
    };
    by_id.iter().chain(&candidates).filter_map(confirmed).collect()
}

/// An entry as the right sender writes it.
fn written(spec: &PatternSpec, message: &str) -> Entry {
    let entry = match (spec.from.first(), spec.identifiers.first()) {
        (_, Some(name)) => Entry::of_program(name, message),
        (Some(Origin::Kernel), _) => Entry::of_kernel(message),
        (Some(Origin::Audit), _) => Entry::of_audit(message),
        (Some(Origin::Pid1 | Origin::Systemd), _) => Entry::of_pid1(message),
        (_, None) => Entry::of_program("app", message),
    };
    let entry = match spec.message_ids.first() {
        Some(id) => entry.with_id(id),
        None => entry,
    };
    spec.when.iter().fold(entry, |entry, (field, values)| entry.with(field, &values[0]))
}

/// Patterns that only say more about others; their lines may be those of others, too.
fn says_more(spec: &PatternSpec) -> bool {
    match &spec.aggregate {
        Aggregate::Attach { alone, .. } => !alone,
        Aggregate::Oom { part } => !matches!(part, OomPart::Kill | OomPart::Unit),
        _ => false,
    }
}

#[test]
fn samples_are_of_their_pattern_and_of_no_other() {
    let catalogue = catalogue();
    let mut wrong = Vec::new();
    for (_, spec) in catalogue.specs() {
        assert!(!spec.sample.is_empty() && !spec.near_miss.is_empty(), "{}", spec.id);
        assert!(spec.source.is_some(), "{}", spec.id);
        for sample in &spec.sample {
            let mut found = matched(&catalogue, &written(spec, sample));
            if !found.remove(&spec.id) {
                wrong.push(format!("{}: does not match: {sample}", spec.id));
            }
            let index = |id: &String| catalogue.by_id(id).and_then(|index| catalogue.spec(index));
            found.retain(|id| !index(id).is_some_and(says_more));
            if !found.is_empty() {
                wrong.push(format!("{}: also {found:?}: {sample}", spec.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn near_misses_are_nothing() {
    let catalogue = catalogue();
    let mut wrong = Vec::new();
    for (_, spec) in catalogue.specs() {
        for line in &spec.near_miss {
            // What has an id is known by that alone: without it, and by its text, it is nothing.
            let mut entry = written(spec, line);
            entry.message_id = None;
            if matched(&catalogue, &entry).contains(&spec.id) {
                wrong.push(format!("{}: matches {line}", spec.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The message id says that it is bad; the text, that it is not.
#[test]
fn a_text_that_is_meant_otherwise_is_nothing_by_its_id_either() {
    let catalogue = catalogue();
    let said = |text| {
        Entry::of_program("systemd-tmpfiles", text).with_id("c772d24e9a884cbeb9ea12625c306c01")
    };
    let twice =
        "/usr/lib/tmpfiles.d/legacy.conf:14: Duplicate line for path \"/run/lock\", ignoring.";
    assert!(matched(&catalogue, &said(twice)).is_empty());
    let wrong = "/usr/lib/tmpfiles.d/legacy.conf:14: Unknown modifiers in command 'dd', ignoring.";
    assert!(matched(&catalogue, &said(wrong)).contains("sd.bad_config"));
}

#[test]
fn what_others_write_is_nothing() {
    let catalogue = catalogue();
    let mut wrong = Vec::new();
    for (_, spec) in catalogue.specs() {
        let anyone = [Origin::Any, Origin::Services].iter().any(|from| spec.from.contains(from));
        if anyone {
            continue;
        }
        for sample in &spec.sample {
            let name = spec.identifiers.first().map_or("kernel", String::as_str);
            let script = Entry::of_program("cron.sh", sample);
            // `logger -t NAME`, and a program that writes to /dev/kmsg.
            let logger =
                Entry { comm: Some("logger".to_owned()), ..Entry::of_program(name, sample) };
            let kmsg = Entry { identifier: Some("cron.sh".to_owned()), ..Entry::of_kernel(sample) };
            let unnamed = Entry { identifier: None, ..Entry::of_kernel(sample) };
            for entry in [script, logger, kmsg, unnamed] {
                let entry = match spec.message_ids.first() {
                    Some(id) => entry.with_id(id),
                    None => entry,
                };
                if matched(&catalogue, &entry).contains(&spec.id) {
                    wrong.push(format!("{}: {sample}", spec.id));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_pattern_of_the_table_is_there() {
    let catalogue = catalogue();
    assert!(catalogue.specs().count() >= 92, "{}", catalogue.specs().count());
    for id in ["oom.memcg_kill", "proc.segfault", "disk.blk_io", "kern.hung_task", "auth.ssh_fail"]
    {
        assert!(catalogue.by_id(id).is_some(), "{id}");
    }
    assert!(catalogue.message_ids().all(|id| id.len() == 32));
    assert_eq!(catalogue.by_message_id("be02cf6855d2428ba40df7e9d022f03d").len(), 3);
}

/// All that is wrong with a pattern of the user is an error that says where; so are the built-in ones
/// checked, as if a user had written them.
#[test]
fn built_in_patterns_pass_the_checks_of_the_users_ones() {
    let again = |spec: &PatternSpec| {
        let mut spec = PatternSpec { id: format!("user.{}", spec.id), ..spec.clone() };
        spec.aggregate = match spec.aggregate {
            Aggregate::Attach { .. } | Aggregate::Oom { .. } => Aggregate::Event {},
            other => other,
        };
        if spec.id.starts_with("user.oom.") {
            spec.key.clear();
        }
        spec
    };
    let extra: Vec<PatternSpec> = catalogue().specs().map(|(_, spec)| again(spec)).collect();
    let count = extra.len();
    let doubled = Catalogue::with(extra).unwrap();
    assert_eq!(doubled.specs().count(), 2 * count);
}

/// PID 1 forks, and the child says that it could not become the program.
#[test]
fn a_child_of_systemd_says_that_it_could_not_run() {
    let catalogue = catalogue();
    let said = |comm: &str| {
        let text =
            "web.service: Failed at step EXEC spawning /usr/bin/web: No such file or directory";
        let entry = Entry::of_program("web", text).with_id("641257651c1b4ec9a8624d7a40a9e1e7");
        matched(&catalogue, &Entry { comm: Some(comm.to_owned()), ..entry })
    };
    for comm in ["(web)", "systemd-executo", "systemd"] {
        assert_eq!(said(comm), BTreeSet::from(["sd.exec".to_owned()]), "{comm}");
    }
    assert!(said("web").is_empty());
}

const MINE: &str = r#"
id = "my.app"
title = "My application lost its database"
severity = "error"
identifiers = ["myapp"]
regex = 'lost connection to (?P<db>\S+)'
key = ["db"]
"#;

#[test]
fn users_add_patterns() {
    let catalogue = Catalogue::with(vec![parse(MINE)]).unwrap();
    let mine = Entry::of_program("myapp", "lost connection to db1");
    assert_eq!(matched(&catalogue, &mine), BTreeSet::from(["my.app".to_owned()]));
    let other = Entry::of_program("other", "lost connection to db1");
    assert!(matched(&catalogue, &other).is_empty());
    // Without a sender any service may say it, and the kernel may not.
    let anyone = parse(&MINE.replace("identifiers = [\"myapp\"]\n", ""));
    let catalogue = Catalogue::with(vec![anyone]).unwrap();
    assert_eq!(matched(&catalogue, &other).len(), 1);
    assert!(matched(&catalogue, &Entry::of_kernel("lost connection to db1")).is_empty());
}

#[test]
fn wrong_patterns_are_refused_with_the_place() {
    let huge = format!("regex = '(?:{}){{1000}}{{1000}}'", "abc".repeat(10));
    for (from, to, key, says) in [
        ("id = \"my.app\"", "id = \"oom.memcg_kill\"", "id", "there is one"),
        ("id = \"my.app\"", "id = \"My app\"", "id", "group.what"),
        ("title = \"My application lost its database\"", "title = ' '", "title", "1 to 200"),
        ("(?P<db>", "(?P<db", "regex", "capture group"),
        (r"lost connection to (?P<db>\S+)", "(?P<db>.*)", "regex", "empty text"),
        ("regex = 'lost connection to (?P<db>\\S+)'", &huge, "regex", "size limit"),
        ("key = [\"db\"]", "key = [\"nope\"]", "key", "'nope'"),
        ("key = [\"db\"]", "sum = 'n'", "sum", "'n'"),
        ("key = [\"db\"]", "message_ids = ['abc']", "message_ids", "32 hexadecimal"),
        (
            "key = [\"db\"]",
            "aggregate = { kind = 'burst', count = 0, seconds = 1 }",
            "aggregate",
            "1 to 1000",
        ),
        (
            "key = [\"db\"]",
            "aggregate = { kind = 'oom', part = 'kill' }",
            "aggregate",
            "the kernel's own",
        ),
        (
            "key = [\"db\"]",
            "aggregate = { kind = 'attach', to = ['no.such'], seconds = 1 }",
            "aggregate.to",
            "'no.such'",
        ),
    ] {
        let text = MINE.replace(from, to);
        assert_ne!(text, MINE, "{from}");
        let error = Catalogue::with(vec![parse(&text)]).unwrap_err();
        assert_eq!(error.key, key, "{error}");
        assert!(error.why.contains(says), "{error}");
        assert!(error.to_string().contains(&error.id), "{error}");
    }
    for aggregate in [
        "{ kind = 'event', count = 3 }",
        "{ kind = 'burst', count = 3, seconds = 60, secs = 1 }",
        "{ kind = 'block', line = 3 }",
        "{ kind = 'often' }",
    ] {
        let text = format!("{MINE}\naggregate = {aggregate}");
        assert!(toml::from_str::<PatternSpec>(&text).is_err(), "{aggregate}");
    }
    let unknown = format!("{MINE}\nregexp = 'a'");
    assert!(toml::from_str::<PatternSpec>(&unknown).unwrap_err().message().contains("regexp"));
}

#[test]
fn candidates_find_all_that_regexes_find() {
    let catalogue = catalogue();
    for (index, spec) in catalogue.specs() {
        if !spec.message_ids.is_empty() {
            continue;
        }
        for sample in &spec.sample {
            let mut found = Vec::new();
            catalogue.candidates(sample.as_bytes(), &mut found);
            assert!(found.contains(&index), "{}: {sample}", spec.id);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_looked_at(text in proptest::collection::vec(any::<u8>(), 0..300)) {
        let catalogue = shared();
        let mut found = Vec::new();
        catalogue.candidates(&text, &mut found);
        let entry = Entry { message: text, ..Entry::of_kernel("") };
        for index in found {
            let _ = catalogue.confirm(index, &entry.event());
        }
    }

    /// Words of the real messages in any order.
    #[test]
    fn any_text_of_their_words_is_looked_at(words in proptest::collection::vec(0_usize..5000, 1..40)) {
        let catalogue = shared();
        let known: Vec<&str> = catalogue
            .specs()
            .flat_map(|(_, spec)| spec.sample.iter().flat_map(|line| line.split(' ')))
            .collect();
        let text: Vec<&str> = words.iter().map(|word| known[word % known.len()]).collect();
        let entry = Entry::of_kernel(&text.join(" "));
        let mut found = Vec::new();
        catalogue.candidates(&entry.message, &mut found);
        for index in found {
            let _ = catalogue.confirm(index, &entry.event());
        }
    }
}
