//! What a user calls a unit into its name, as systemctl(1) does it.

use std::fmt::Write;

use sysdiag_model::UnitName;

/// `UNIT_NAME_MAX`, with the final zero: systemd.unit(5) says 255 characters.
const MAX_BYTES: usize = 255;

/// The full name: no suffix is a service, a path is a mount or a device, other characters than those
/// of unit names are escaped. The reason if it can be no name.
pub(super) fn mangle(text: &str) -> Result<UnitName, &'static str> {
    if text.is_empty() {
        return Err("the name of a unit is not empty");
    }
    if text.contains(['*', '?', '[']) {
        return Err("one unit only; patterns are not taken");
    }
    let name = if let Some(path) = text.strip_prefix('/') {
        let kind = if path.starts_with("dev/") { "device" } else { "mount" };
        format!("{}.{kind}", escape_path(path).ok_or("not a plain path")?)
    } else {
        let mut name = String::new();
        for byte in text.bytes() {
            match byte {
                b'/' => name.push('-'),
                b'@' | b'\\' | b'-' => name.push(char::from(byte)),
                _ => push(byte, &mut name),
            }
        }
        if UnitName::new(name.as_str()).unit_type().is_none() {
            name.push_str(".service");
        }
        name
    };
    let name = if name.len() > MAX_BYTES { None } else { Some(UnitName::new(name)) };
    let name = name.ok_or("longer than the name of any unit (255 bytes)")?;
    if name.stem().is_empty() || name.stem().starts_with('@') {
        return Err("nothing stands before the suffix");
    }
    Ok(name)
}

/// `systemd-escape --path`.
fn escape_path(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") {
        return None;
    }
    if parts.is_empty() {
        return Some("-".to_owned());
    }
    let mut escaped = String::new();
    for (index, byte) in parts.join("/").bytes().enumerate() {
        match byte {
            b'/' => escaped.push('-'),
            b'.' if index == 0 => push_hex(byte, &mut escaped),
            _ => push(byte, &mut escaped),
        }
    }
    Some(escaped)
}

/// As it is if names may have it, else `\x2d`.
fn push(byte: u8, name: &mut String) {
    match byte {
        b':' | b'_' | b'.' => name.push(char::from(byte)),
        _ if byte.is_ascii_alphanumeric() => name.push(char::from(byte)),
        _ => push_hex(byte, name),
    }
}

fn push_hex(byte: u8, name: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(name, "\\x{byte:02x}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_systemctl_makes_them() {
        for (text, name) in [
            ("nginx", "nginx.service"),
            ("nginx.service", "nginx.service"),
            ("nginx.timer", "nginx.timer"),
            ("python3.11", "python3.11.service"),
            ("getty@tty1", "getty@tty1.service"),
            ("dev-disk-by\\x2duuid-1.device", "dev-disk-by\\x2duuid-1.device"),
            ("/", "-.mount"),
            ("/var/lib", "var-lib.mount"),
            ("/var//lib/", "var-lib.mount"),
            ("/.snapshots/a-b", "\\x2esnapshots-a\\x2db.mount"),
            ("/dev/sda1", "dev-sda1.device"),
            ("a b", "a\\x20b.service"),
            ("e2e\u{1b}.service", "e2e\\x1b.service"),
        ] {
            assert_eq!(mangle(text).unwrap(), name, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_name() {
        for text in ["", "*", "ngin?", "a[b]", ".service", "@.service", "/a/../b", &"x".repeat(300)]
        {
            assert!(mangle(text).is_err(), "{text}");
        }
        assert!(mangle(&"x".repeat(247)).is_ok());
        assert!(mangle(&"x".repeat(248)).is_err());
    }
}
