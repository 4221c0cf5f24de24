//! The configuration as a user meets it: files, messages, exit code.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::sandbox::{Sandbox, outcome};
use sysdiag_analyzer::config::keys;

#[test]
fn every_key_wrong_in_every_way_is_refused() {
    let sandbox = Sandbox::new();
    let path = sandbox.path("config.toml");
    let path = path.to_str().unwrap();
    for key in keys() {
        let section = format!("[{}]", key.section());
        for value in ["[1979-05-27]", "{}", "nan", "\"\"", "99999999999999999999999", "{ a = 1 }"] {
            sandbox.configure(&format!("# {}\n{section}\n{} = {value}\n", key.name, key.field()));
            let place = format!("{path}:3: {}: expected ", key.name);
            sandbox.run(&["config", "show"]).refused(2, &[&place]);
        }
        sandbox.configure(&format!("{section}\n\n{}x = 1\n", key.field()));
        let place = format!("{path}:3: {}x: unknown key: nearest is {}", key.name, key.name);
        sandbox.run(&["run", "--no-save"]).refused(2, &[&place]);
    }
}

#[test]
fn a_wrong_configuration_stops_every_command_that_reads_it() {
    let sandbox = Sandbox::new();
    sandbox.configure("[histroy]\nmax_files = 3\n");
    for args in [
        &["run"][..],
        &["analyze-boot"],
        &["analyze-health"],
        &["analyze-resources"],
        &["analyze-logs"],
        &["analyze-unit", "a"],
        &["show-history"],
        &["config", "show"],
        &["capture", "never.cap"],
    ] {
        sandbox.run(args).refused(2, &["config.toml:1: histroy", "history.max_files"]);
    }
    assert!(!sandbox.path("never.cap").exists());
    // These tell how to mend it.
    for args in [&["man"][..], &["completions", "bash"], &["explain"]] {
        assert_eq!(sandbox.run(args).code, 0);
    }
}

#[test]
fn missing_and_odd_files_are_refused() {
    let sandbox = Sandbox::new();
    let directory = sandbox.path("");
    for path in ["none.toml", "/dev/zero", directory.to_str().unwrap()] {
        let mut command = sandbox.bare();
        outcome(command.args(["-c", path, "config", "show"])).refused(2, &[path]);
    }
}

#[test]
fn the_users_file_is_read_and_shown() {
    let sandbox = Sandbox::new();
    let folder = sandbox.path(".config/sysdiag-analyzer");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), "[history]\nmax_files = 8\n").unwrap();
    let shown = outcome(sandbox.bare().args(["config", "show"]));
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    let line = shown.stdout.lines().find(|line| line.starts_with("max_files")).unwrap();
    assert!(line.contains("= 8") && line.ends_with("config.toml:2"), "{line}");
    // What is shown is a configuration again.
    sandbox.configure(&shown.stdout);
    assert_eq!(sandbox.run(&["config", "show"]).code, 0);

    let document = outcome(sandbox.bare().args(["-o", "json", "config", "show"])).json();
    let settings = document["settings"].as_array().unwrap();
    assert_eq!(settings.len(), keys().len());
    let max = settings.iter().find(|setting| setting["key"] == "history.max_files").unwrap();
    assert_eq!(max["value"], 8);
    assert!(max["origin"].as_str().unwrap().ends_with("config.toml:2"));
    assert!(!document.to_string().contains("null"));
}

/// Root reads everything: then there is nothing to refuse.
#[test]
fn an_unreadable_file_is_refused() {
    let sandbox = Sandbox::new();
    let path = sandbox.path("config.toml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let shown = sandbox.run(&["config", "show"]);
    if rustix::process::geteuid().is_root() {
        assert_eq!(shown.code, 0);
    } else {
        shown.refused(2, &["config.toml", "ermission denied"]);
    }
}

#[test]
fn patterns_are_checked_and_shown_with_where_they_came_from() {
    let sandbox = Sandbox::new();
    let pattern =
        "[[logs.patterns]]\nid = \"my.shop\"\ntitle = \"no money\"\nseverity = \"error\"\n";
    sandbox.configure(&format!(
        "{pattern}regex = 'refused by \\x22?(?<bank>\\w+)'\nkey = [\"bank\"]\n\
         aggregate = {{ kind = \"burst\", count = 3, seconds = 60 }}\n\
         [logs.patterns.when]\n\"_SYSTEMD_UNIT\" = [\"shop.service\"]\n"
    ));
    let shown = sandbox.run(&["config", "show"]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    let entry = shown.stdout.lines().find(|line| line.starts_with("[[logs.patterns]]")).unwrap();
    assert!(entry.ends_with("config.toml:1"), "{entry}");
    let lists = sandbox.run(&["-o", "json", "config", "show"]).json()["lists"].clone();
    assert_eq!(lists[0]["section"], "logs.patterns");
    assert_eq!(lists[0]["aggregate"]["count"], 3);
    assert!(lists[0]["origin"].as_str().unwrap().ends_with("config.toml:1"));
    // What is shown is the same configuration again, on other lines.
    sandbox.configure(&shown.stdout);
    let mut again = sandbox.run(&["-o", "json", "config", "show"]).json()["lists"].clone();
    assert_ne!(again[0]["origin"], lists[0]["origin"]);
    again[0]["origin"] = lists[0]["origin"].clone();
    assert_eq!(again, lists);
    for command in [&["run", "--no-save"][..], &["analyze-logs"], &["config", "show"]] {
        sandbox.configure(&format!("{pattern}regex = '('\n"));
        sandbox.run(command).refused(2, &["config.toml:5: logs.patterns.regex: ", "my.shop"]);
        sandbox.configure(&format!("{pattern}regexp = 'a'\n"));
        let nearest =
            "config.toml:5: logs.patterns.regexp: unknown key: nearest is logs.patterns.regex";
        sandbox.run(command).refused(2, &[nearest]);
    }
}

#[test]
fn lines_that_a_pattern_of_the_user_is_to_match_or_not_are_tried() {
    let sandbox = Sandbox::new();
    let begin = "[[logs.patterns]]\nid = \"shop.refused\"\ntitle = \"t\"\nseverity = \"error\"\n";
    let pattern = "regex = 'order \\d+ refused'\nunless = 'card expired'\n";
    let config = |lines: &str| sandbox.configure(&format!("{begin}{pattern}{lines}"));
    let path = sandbox.path("config.toml");
    let at = |line: u32, key: &str| format!("{}:{line}: logs.patterns.{key}", path.display());
    for (lines, key, why) in [
        ("sample = ['order x refused']\n", "sample", "'order x refused' does not match regex"),
        (
            "sample = ['order 1 refused', 'order 2 refused: card expired']\n",
            "sample",
            "'order 2 refused: card expired' is taken out by unless",
        ),
        ("near_miss = ['order 3 refused']\n", "near_miss", "'order 3 refused' matches regex"),
    ] {
        config(lines);
        let said = [at(7, key), "pattern \"shop.refused\": ".to_owned(), why.to_owned()];
        let said: Vec<&str> = said.iter().map(String::as_str).collect();
        sandbox.run(&["analyze-logs"]).refused(2, &said);
    }
    config("sample = ['order 4 refused']\nnear_miss = ['order 5 refused: card expired']\n");
    assert_eq!(sandbox.run(&["config", "show"]).code, 0);
}
