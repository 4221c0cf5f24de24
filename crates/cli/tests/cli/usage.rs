//! Usage: what is refused, what is documented, what is generated.

use crate::sandbox::{Sandbox, outcome};

#[test]
fn later_commands_and_flags_answer_clearly() {
    let sandbox = Sandbox::new();
    let later: &[&[&str]] = &[
        &["run", "--analyze-ml"],
        &["run", "--analyze-llm", "--llm-model", "x"],
        &["retrain-ml", "-n", "300", "--train-devices"],
        &["prune-ml-models", "-y"],
        &["models", "export", "f"],
        &["models", "import", "f"],
        &["models", "list"],
        &["exporter", "--host", "127.0.0.1", "--port", "9822", "-i", "60"],
        &["mcp", "--listen", "127.0.0.1:1"],
        &["mcp"],
    ];
    for args in later {
        sandbox.run(args).refused(2, &["not available in this version"]);
    }
    assert_eq!(sandbox.saved().len(), 0);
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let sandbox = Sandbox::new();
    let wrong: &[(&[&str], &str)] = &[
        (&[], "Usage"),
        (&["no-such-command"], "no-such-command"),
        (&["run", "--no-such-option"], "--no-such-option"),
        (&["run", "--fail-on", "terrible"], "critical, error, warning or info"),
        (&["run", "--since", "soon"], "yesterday"),
        (&["run", "--since", "2999-01-01"], "future"),
        (&["run", "--ebpf-duration", "9"], "--enable-ebpf"),
        (&["run", "--enable-ebpf", "--ebpf-duration", "0"], "1..=86400"),
        (&["run", "--from", "x.cap", "--enable-ebpf"], "nothing can be traced in a capture"),
        (&["trace", "--duration", "0"], "1..=86400"),
        (&["trace", "--unit", "a*"], "--unit: one unit only"),
        (&["run", "extra"], "extra"),
        (&["-o", "yaml", "run"], "json"),
        (&["-v", "-q", "run"], "--quiet"),
        (&["analyze-unit"], "UNIT"),
        (&["analyze-unit", ""], "not empty"),
        (&["analyze-unit", "a*"], "patterns"),
        (&["analyze-unit", &"a".repeat(300)], "255"),
        (&["analyze-logs", "-p", "8"], "8"),
        (&["analyze-logs", "-p", "warning"], "warning"),
        (&["analyze-logs", "-b", "x"], "x"),
        (&["analyze-logs", "--since", "-1h", "--until", "-2h"], "later than --since"),
        (&["show-history", "--open", "0"], "0"),
        (&["show-history", "--open", "1"], "there are 0 reports"),
        (&["explain", "no-such-rule"], "no-such-rule"),
        (&["completions", "klingon"], "bash"),
        (&["--from", "x", "show-history"], "--from"),
        (&["--from", "x", "run", "--from", "y"], "--from"),
        (&["--from", "none", "run"], "none"),
        (&["config"], "show"),
    ];
    for (args, word) in wrong {
        sandbox.run(args).refused(2, &[word]);
    }
    assert_eq!(sandbox.saved().len(), 0);
}

#[test]
fn hostile_arguments_are_escaped() {
    let sandbox = Sandbox::new();
    for args in [
        ["explain", "\u{1b}[31mred\u{7}"],
        ["--from", "\u{1b}]0;title\u{7}"],
        ["analyze-unit", "/\u{1b}[2J/.."],
    ] {
        let mut command = sandbox.command(&args);
        if args[0] == "--from" {
            command.arg("run");
        }
        outcome(&mut command).refused(2, &[]);
    }
}

#[test]
fn man_page_documents_commands_codes_and_files() {
    let page = Sandbox::new().run(&["man"]);
    assert_eq!((page.code, page.stderr.as_str()), (0, ""));
    let plain = page.stdout.replace('\\', "");
    for word in [
        ".TH sysdiag-analyzer 1",
        "EXIT STATUS",
        "FILES",
        "ENVIRONMENT",
        "analyze-boot",
        "analyze-unit",
        "show-history",
        "capture",
        "explain",
        "completions",
        "--fail-on",
        "--no-save",
        "--priority",
        "NO_COLOR",
        "/etc/sysdiag-analyzer/config.toml",
        "/var/lib/sysdiag-analyzer/history/",
    ] {
        assert!(plain.contains(word), "no {word} in the man page");
    }
    for code in ["0", "1", "2", "3", "4", "70"] {
        assert!(plain.contains(&format!("fB{code}fR")), "no exit code {code}");
    }
    assert!(!plain.contains("statfs-child"));
}

#[test]
fn completions_for_every_shell() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = sandbox.run(&["completions", shell]);
        assert_eq!((script.code, script.stderr.as_str()), (0, ""));
        assert!(script.stdout.contains("analyze-unit"), "{shell}");
    }
}

#[test]
fn help_and_version_are_on_standard_output() {
    let sandbox = Sandbox::new();
    for args in [&["--help"][..], &["-h"], &["--version"], &["run", "--help"]] {
        let help = sandbox.run(args);
        assert_eq!((help.code, help.stderr.as_str()), (0, ""), "{args:?}");
        assert!(!help.stdout.is_empty());
    }
}

#[test]
fn every_rule_is_explained() {
    let sandbox = Sandbox::new();
    let list = sandbox.run(&["-o", "json", "explain"]).json();
    let rules = list.as_array().unwrap();
    assert!(!rules.is_empty());
    for rule in rules {
        let id = rule["rule"].as_str().unwrap();
        let text = sandbox.run(&["explain", id]);
        assert_eq!(text.code, 0);
        assert!(text.stdout.contains(id) && text.stdout.contains("What to do"), "{}", text.stdout);
        assert!(text.stdout.lines().all(|line| line.chars().count() <= 80), "{}", text.stdout);
        // The key of a finding will do.
        let of_key = sandbox.run(&["explain", &format!("{id}:nginx.service")]);
        assert_eq!(of_key.stdout, text.stdout);
    }
    let id = rules[0]["rule"].as_str().unwrap();
    sandbox.run(&["explain", &format!("{id}s")]).refused(2, &[&format!("the nearest is {id}")]);
}
