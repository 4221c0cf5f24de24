//! Command lines: an argument is a whole, and some programs take a password by a short option.

use super::keyed::is_secret_key;
use super::{MASKED, mask_text};

/// Short options that take a secret, by the beginning of the program's name.
const SHORT: [(&str, &str, Form); 10] = [
    ("mysql", "-p", Form::Attached),
    ("mariadb", "-p", Form::Attached),
    ("sshpass", "-p", Form::Either),
    ("7z", "-p", Form::Attached),
    ("curl", "-u", Form::Either),
    ("curl", "--user", Form::Next),
    ("redis-cli", "-a", Form::Next),
    ("ldap", "-w", Form::Either),
    ("mosquitto_", "-P", Form::Next),
    ("smbclient", "-U", Form::Either),
];

/// Where the secret of a short option stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// In the same argument: `-psecret`; alone it asks for the secret.
    Attached,
    /// In the next argument.
    Next,
    /// In the same one, else in the next.
    Either,
}

/// The arguments with their secrets replaced. Masking a second time changes nothing.
pub fn mask_args(args: Vec<String>) -> Vec<String> {
    let mut program: Option<&'static str> = None;
    let mut next_is_secret = false;
    args.into_iter()
        .map(|arg| {
            if std::mem::take(&mut next_is_secret) && !is_option(&arg) {
                return MASKED.to_owned();
            }
            let name = arg.rsplit('/').next().unwrap_or_default();
            // Behind sudo, nice or env, too.
            if let Some((known, ..)) = SHORT.iter().find(|(known, ..)| name.starts_with(known)) {
                program = Some(known);
            }
            match argument(&arg, program) {
                Argument::Masked(masked) => masked,
                Argument::NextIsSecret => {
                    next_is_secret = true;
                    arg
                }
                Argument::Plain => mask_text(&arg).into_owned(),
            }
        })
        .collect()
}

/// `--verbose`, but not the `-----BEGIN` of a key.
fn is_option(arg: &str) -> bool {
    arg.strip_prefix("--").is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

enum Argument {
    Masked(String),
    NextIsSecret,
    Plain,
}

fn argument(arg: &str, program: Option<&str>) -> Argument {
    if let Some((key, value)) = arg.split_once('=') {
        let name = key.trim_start_matches('-');
        // All of the argument: its value may contain blanks.
        if !value.is_empty() && is_plain(name) && is_secret_key(name.as_bytes()) {
            return Argument::Masked(format!("{key}={MASKED}"));
        }
        return Argument::Plain;
    }
    let name = arg.trim_start_matches('-');
    if arg.starts_with('-') && is_plain(name) && is_secret_key(name.as_bytes()) {
        return Argument::NextIsSecret;
    }
    let short = SHORT.iter().filter(|(known, ..)| Some(*known) == program);
    for (_, option, form) in short {
        match (arg.strip_prefix(option), form) {
            (Some(""), Form::Next | Form::Either) => return Argument::NextIsSecret,
            (Some(rest), Form::Attached | Form::Either) if !rest.is_empty() => {
                return Argument::Masked(format!("{option}{MASKED}"));
            }
            _ => {}
        }
    }
    Argument::Plain
}

fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}
