//! What is masked, and what is not.

use super::lexer::{Kind, WILDCARD, cut};

fn masked(message: &str) -> String {
    let mut pieces = Vec::new();
    cut(message, &mut pieces);
    let mut text = String::new();
    for piece in pieces {
        if piece.spaced && !text.is_empty() {
            text.push(' ');
        }
        text.push_str(if piece.kind == Kind::Value { WILDCARD } else { piece.text(message) });
    }
    text
}

#[test]
fn values_of_every_log_are_masked() {
    for value in [
        "7",
        "-7",
        "0x1f",
        "3.14",
        "50%",
        "1,234",
        "deadbeef",
        "10.0.0.1",
        "10.0.0.1:22",
        "10.0.0.0/8",
        "::1",
        "fe80::1%eth0",
        "2001:db8::8a2e:370:7334",
        "00:1b:21:aa:bb:cc",
        "aa:bb:cc:dd:ee:ff",
        "6a5e0e5b-0000-4a4a-9999-aabbccddeeff",
        "2026-01-31T10:20:30.123Z",
        "10:20:30",
        "/etc/fstab",
        "~/x",
        "./run.sh",
        "C:\\Windows\\x.dll",
        "https://example.org/a?b=c",
        "a.example.org:443",
        "root@example.org",
        "getty@tty",
        "true",
        "\"alpha\"",
        "'alpha'",
        "`alpha'",
        "node-12",
        "sda1",
        "<*>",
        "5 ms",
        "5ms",
        "1165 bytes (1.13 KB)",
        "<1 sec",
    ] {
        assert_eq!(masked(&format!("got {value} now")), "got <*> now", "{value}");
    }
}

#[test]
fn words_are_not_masked() {
    for words in [
        "I/O error",
        "read/write of TCP/IP",
        "can't do it",
        "x86_64 and IPv4 over ext4 by SHA256",
        "and/or: yes -> no",
        "workerEnv.init() ok",
        "users' files",
        "pam_unix(sshd:auth): check pass",
        "a <b> c",
        "SOCKS5",
    ] {
        assert_eq!(masked(words), words);
    }
}

#[test]
fn what_is_assigned_is_masked_also_if_it_is_nothing() {
    assert_eq!(
        masked("uid=0 tty=ssh ruser= rhost=a.b user=x y"),
        "uid=<*> tty=<*> ruser=<*> rhost=<*> user=<*> y"
    );
    assert_eq!(masked("port = eleven, to= up"), "port = <*>, to= <*>");
    assert_eq!(masked("name=\"a b\" at=Rect(0, 0 - 1, 2) of={a b}"), "name=<*> at=<*> of=<*>");
    assert_eq!(masked("a == b => c"), "a == b => c");
}

#[test]
fn dates_and_columns_are_masked() {
    assert_eq!(masked("at Fri Jun 17 07:07:00 2005"), "at <*> <*> <*> <*> <*>");
    assert_eq!(masked("May we go"), "May we go");
    assert_eq!(masked("wait state enable.......0"), "wait state enable<*>");
    assert_eq!(masked("host1:50010:Got it"), "<*>:Got it");
}

#[test]
fn a_masked_message_stays_as_it_is() {
    for message in [
        "uid=0 (a b) x= y",
        "5 ms (6 ms) 'a' \"b c\"",
        "a = ",
        "12:34:x [1,2]=3 a.b:4",
        "x=\"1 2\" <5 >6 ::1",
    ] {
        let once = masked(message);
        assert_eq!(masked(&once), once, "{message}");
    }
}
