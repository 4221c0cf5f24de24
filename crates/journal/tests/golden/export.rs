//! The journal export format (systemd's `docs/JOURNAL_EXPORT_FORMATS.md`): written as `journalctl -o
//! export` writes it, so that outputs can be compared byte for byte, and read again.

/// What `journalctl` knows of an entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) cursor: String,
    /// Microseconds since 1970.
    pub(crate) realtime: u64,
    /// Microseconds since the boot.
    pub(crate) monotonic: u64,
    /// 32 hexadecimal digits.
    pub(crate) boot: String,
    /// In the order of the output, `_BOOT_ID` left out.
    pub(crate) fields: Vec<(String, Vec<u8>)>,
}

/// Appends an entry. `seqnum`: number and id, which systemd writes since version 254.
pub(crate) fn write(entry: &Entry, seqnum: Option<(u64, &str)>, into: &mut Vec<u8>) {
    let mut head = String::new();
    for (name, value) in [
        ("__CURSOR", entry.cursor.clone()),
        ("__REALTIME_TIMESTAMP", entry.realtime.to_string()),
        ("__MONOTONIC_TIMESTAMP", entry.monotonic.to_string()),
    ] {
        if !value.is_empty() {
            head.extend([name, "=", &value, "\n"]);
        }
    }
    if let Some((number, id)) = seqnum {
        head.extend([&format!("__SEQNUM={number}\n__SEQNUM_ID="), id, "\n"]);
    }
    head.extend(["_BOOT_ID=", &entry.boot, "\n"]);
    into.extend_from_slice(head.as_bytes());
    for (name, value) in entry.fields.iter().filter(|(name, _)| name != "_BOOT_ID") {
        write_field(name, value, into);
    }
    into.push(b'\n');
}

/// Text on one line as it is, anything else with its length before it.
pub(crate) fn write_field(name: &str, value: &[u8], into: &mut Vec<u8>) {
    into.extend_from_slice(name.as_bytes());
    if is_line(value) {
        into.push(b'=');
    } else {
        into.push(b'\n');
        into.extend_from_slice(&(value.len() as u64).to_le_bytes());
    }
    into.extend_from_slice(value);
    into.push(b'\n');
}

/// Valid UTF-8 without control characters but the tab.
fn is_line(value: &[u8]) -> bool {
    std::str::from_utf8(value).is_ok_and(|text| !text.chars().any(|c| c.is_control() && c != '\t'))
}

/// The entries of an output; `None` if it is not of this format.
pub(crate) fn read(mut from: &[u8]) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut entry = Entry::default();
    while !from.is_empty() {
        let end = memchr(b'\n', from)?;
        let (line, rest) = from.split_at_checked(end)?;
        from = rest.get(1..)?;
        if line.is_empty() {
            entries.push(std::mem::take(&mut entry));
            continue;
        }
        let (name, value) = if let Some(at) = memchr(b'=', line) {
            (line.get(..at)?, line.get(at + 1..)?)
        } else {
            let (len, rest) = from.split_first_chunk::<8>()?;
            let len = usize::try_from(u64::from_le_bytes(*len)).ok()?;
            let (value, rest) = rest.split_at_checked(len)?;
            from = rest.strip_prefix(b"\n")?;
            (line, value)
        };
        let name = std::str::from_utf8(name).ok()?;
        let text = || std::str::from_utf8(value).ok();
        match name {
            "__CURSOR" => text()?.clone_into(&mut entry.cursor),
            "__REALTIME_TIMESTAMP" => entry.realtime = text()?.parse().ok()?,
            "__MONOTONIC_TIMESTAMP" => entry.monotonic = text()?.parse().ok()?,
            "_BOOT_ID" => text()?.clone_into(&mut entry.boot),
            "__SEQNUM" | "__SEQNUM_ID" => {}
            _ => entry.fields.push((name.to_owned(), value.to_vec())),
        }
    }
    Some(entries)
}

fn memchr(byte: u8, within: &[u8]) -> Option<usize> {
    within.iter().position(|&b| b == byte)
}
