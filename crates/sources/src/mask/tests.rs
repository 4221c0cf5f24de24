//! Secrets of every kind that is known, and texts that are none.

use proptest::prelude::*;

use super::*;

#[test]
fn the_reason_of_a_failure_is_no_secret() {
    for text in [
        "e2e.service: Failed to determine user credentials: No such process",
        "cannot read token: Permission denied",
    ] {
        assert_eq!(mask_text(text), text);
    }
}

#[test]
fn secrets_are_masked() {
    for (text, expected) in [
        ("password=hunter2", "password=[masked]"),
        ("DB_PASSWORD=hunter2 USER=x", "DB_PASSWORD=[masked] USER=x"),
        ("PGPASSWORD='a b' psql", "PGPASSWORD='[masked]' psql"),
        ("password = hunter2", "password = [masked]"),
        ("password: hunter2", "password: [masked]"),
        ("passwd:hunter2", "passwd:[masked]"),
        ("api_key=abc&x=1", "api_key=[masked]"),
        ("X-Api-Key: abc", "X-Api-Key: [masked]"),
        ("client.secret=abc", "client.secret=[masked]"),
        ("SECRET_KEY_BASE=abc", "SECRET_KEY_BASE=[masked]"),
        ("db_pass=abc smtp-pwd=abc", "db_pass=[masked] smtp-pwd=[masked]"),
        ("password2=abc", "password2=[masked]"),
        (r#"{"token": "ab\"c", "id": 1}"#, r#"{"token": "[masked]", "id": 1}"#),
        (r#"{\"token\":\"a b\",\"id\":1}"#, r#"{\"token\":\"[masked]\",\"id\":1}"#),
        (":password=>\"abc\"", ":password=>\"[masked]\""),
        ("token := abc", "token := [masked]"),
        ("password=\"not closed", "password=\"[masked]"),
        ("x --password hunter2 -v", "x --password [masked] -v"),
        ("x -token 'a b' -v", "x -token '[masked]' -v"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer [masked]"),
        ("-H 'authorization: basic dTpw' -v", "-H 'authorization: basic [masked]' -v"),
        ("Proxy-Authorization: abc def\nnext", "Proxy-Authorization: [masked]\nnext"),
        ("Cookie: a=b; c=d", "Cookie: [masked]"),
        ("sent Bearer abcdef0123456789", "sent Bearer [masked]"),
        ("postgres://u:p%40ss@db/x", "postgres://u:[masked]@db/x"),
        ("amqp://u:p@ss@mq:5672", "amqp://u:[masked]@mq:5672"),
        ("redis://:pw@h", "redis://:[masked]@h"),
        ("mysql://u:a/b@h/x", "mysql://u:[masked]@h/x"),
        ("https://0123456789abcdef0123@git/x", "https://[masked]@git/x"),
        ("key AKIAIOSFODNN7EXAMPLE used", "key [masked] used"),
        ("push ghp_0123456789abcdefghijABCDEFGHIJ012345", "push [masked]"),
        ("slack (xoxb-1234567890-abc)", "slack ([masked])"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0x.c2ln end", "jwt [masked] end"),
        (
            "a -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- b",
            "a [masked] b",
        ),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl", "[masked]"),
        ("Passwort für müller: password=ünï ok", "Passwort für müller: password=[masked] ok"),
    ] {
        assert_eq!(mask_text(text), expected);
    }
}

#[test]
fn what_is_no_secret_stays_as_it_is() {
    for text in [
        "",
        "Failed password for root from 192.0.2.1 port 22 ssh2",
        "PWD=/root OLDPWD=/",
        "password_file=/etc/x --password-file /etc/x --no-password db",
        "max_tokens=512 tokens: 7",
        "bypass=1 compass=2",
        "http://localhost:8080/a@b",
        "https://user@host/x",
        "my_token::parse failed",
        "if password == other",
        "password=",
        "--password",
        "--token --verbose",
        "the bearer certificate",
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
        "Started nginx.service - A high performance web server.",
        "eyJ.x AKIA sk-learn ghp_",
    ] {
        assert!(matches!(mask_text(text), Cow::Borrowed(_)), "{}", mask_text(text));
    }
}

#[test]
fn command_lines() {
    let mask = |line: &[&str]| mask_args(line.iter().map(|arg| (*arg).to_owned()).collect());
    for (line, expected) in [
        (&["app", "--password", "a b", "x"][..], &["app", "--password", "[masked]", "x"][..]),
        (&["app", "--password=a b"], &["app", "--password=[masked]"]),
        (&["app", "--token", "--verbose"], &["app", "--token", "--verbose"]),
        (&["java", "-Ddb.password=a b"], &["java", "-Ddb.password=[masked]"]),
        (&["/usr/bin/mysql", "-uroot", "-pabc"], &["/usr/bin/mysql", "-uroot", "-p[masked]"]),
        (&["sudo", "mysqldump", "-pabc", "-p"], &["sudo", "mysqldump", "-p[masked]", "-p"]),
        (&["curl", "-u", "u:p", "http://x"], &["curl", "-u", "[masked]", "http://x"]),
        (&["sshpass", "-p", "x", "ssh", "h"], &["sshpass", "-p", "[masked]", "ssh", "h"]),
        (&["redis-cli", "-a", "x"], &["redis-cli", "-a", "[masked]"]),
        (&["sh", "-c", "curl http://u:p@h"], &["sh", "-c", "curl http://u:[masked]@h"]),
        (&["grep", "-p", "x"], &["grep", "-p", "x"]),
        (&["env", "TOKEN=a b", "app"], &["env", "TOKEN=[masked]", "app"]),
    ] {
        assert_eq!(mask(line), expected);
    }
}

/// Text in which secrets are likely.
fn likely() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "(password|token|--secret|Authorization|Cookie|pass|Bearer|basic|key)",
        "(=|:|: |=>|://|@|\"|'|`|\\\\\"| |\n|-|--|/|\\[masked\\])",
        "(eyJ|AKIA|ghp_|sk-|-----BEGIN PRIVATE KEY-----|-----END |[A-Z0-9a-z]{16,24})",
        "\\PC{0,4}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn masking_twice_changes_nothing(text in likely()) {
        let once = mask_text(&text).into_owned();
        prop_assert_eq!(&mask_text(&once), &once);
    }

    #[test]
    fn masking_arguments_twice_changes_nothing(
        args in proptest::collection::vec(
            prop_oneof![likely(), "(mysql|curl|sshpass|-p|-pX|-u|--password|--token=x y|)"], 0..6,
        ),
    ) {
        let once = mask_args(args);
        prop_assert_eq!(mask_args(once.clone()), once);
    }

    #[test]
    fn no_password_is_left(before in "[a-z ]{0,9}", secret in "[!-~]{4,20}", after in "[a-z ]{0,9}") {
        prop_assume!(!secret.starts_with(['"', '\'', '`', '\\', '=', '>']));
        let text = format!("{before} password={secret} {after}");
        prop_assert_eq!(mask_text(&text), format!("{before} password=[masked] {after}"));
    }

    #[test]
    fn any_text_at_all(text in any::<String>()) {
        let _ = mask_text(&text);
    }
}
