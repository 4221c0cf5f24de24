//! Words that say by themselves what they are, whatever log they are in: units of measure, names of
//! days and months, names of protocols and formats that have a digit and still are no number, words
//! that tell a state, and words that announce a name.

/// Units of data, time and frequency that follow a number. `5 ms` and `2 seconds` are one quantity.
pub(super) fn is_unit(word: &[u8]) -> bool {
    if word.len() > 12 {
        return false;
    }
    let mut lower = [0_u8; 12];
    let Some(lower) = lower.get_mut(..word.len()) else { return false };
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    matches!(
        &*lower,
        b"b" | b"byte"
            | b"bytes"
            | b"kb"
            | b"kib"
            | b"kbytes"
            | b"mb"
            | b"mib"
            | b"mbytes"
            | b"gb"
            | b"gib"
            | b"tb"
            | b"tib"
            | b"s"
            | b"sec"
            | b"secs"
            | b"second"
            | b"seconds"
            | b"ms"
            | b"msec"
            | b"msecs"
            | b"millisecond"
            | b"milliseconds"
            | b"us"
            | b"usec"
            | b"usecs"
            | b"microseconds"
            | b"ns"
            | b"nsec"
            | b"nsecs"
            | b"nanoseconds"
            | b"min"
            | b"mins"
            | b"minute"
            | b"minutes"
            | b"h"
            | b"hour"
            | b"hours"
            | b"hz"
            | b"khz"
            | b"mhz"
            | b"ghz"
            | b"kb/s"
            | b"mb/s"
            | b"gb/s"
    )
}

/// A day of the week or a month, whole or in three letters: part of a date beside a number.
pub(super) fn is_calendar(word: &[u8]) -> bool {
    matches!(
        word,
        b"Mon"
            | b"Tue"
            | b"Wed"
            | b"Thu"
            | b"Fri"
            | b"Sat"
            | b"Sun"
            | b"Monday"
            | b"Tuesday"
            | b"Wednesday"
            | b"Thursday"
            | b"Friday"
            | b"Saturday"
            | b"Sunday"
            | b"Jan"
            | b"Feb"
            | b"Mar"
            | b"Apr"
            | b"May"
            | b"Jun"
            | b"Jul"
            | b"Aug"
            | b"Sep"
            | b"Oct"
            | b"Nov"
            | b"Dec"
            | b"January"
            | b"February"
            | b"March"
            | b"April"
            | b"June"
            | b"July"
            | b"August"
            | b"September"
            | b"October"
            | b"November"
            | b"December"
    )
}

/// Values that programs write as words.
pub(super) fn is_literal(word: &[u8]) -> bool {
    matches!(
        word,
        b"true"
            | b"false"
            | b"True"
            | b"False"
            | b"TRUE"
            | b"FALSE"
            | b"null"
            | b"NULL"
            | b"nil"
            | b"NaN"
            | b"nan"
    )
}

/// Names with a digit that name one thing everywhere: protocols, algorithms, formats, machines.
pub(super) fn is_name_with_digit(word: &[u8]) -> bool {
    if word.len() > 10 {
        return false;
    }
    let mut lower = [0_u8; 10];
    let Some(lower) = lower.get_mut(..word.len()) else { return false };
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    matches!(
        &*lower,
        b"ipv4"
            | b"ipv6"
            | b"ip4"
            | b"ip6"
            | b"icmpv6"
            | b"dhcpv4"
            | b"dhcpv6"
            | b"dhcp4"
            | b"dhcp6"
            | b"ssh2"
            | b"socks4"
            | b"socks5"
            | b"http2"
            | b"nfsv3"
            | b"nfsv4"
            | b"nfs4"
            | b"smb2"
            | b"smb3"
            | b"krb5"
            | b"oauth2"
            | b"x509"
            | b"x11"
            | b"md5"
            | b"sha1"
            | b"sha256"
            | b"sha512"
            | b"crc32"
            | b"crc32c"
            | b"base64"
            | b"utf8"
            | b"utf-8"
            | b"utf-16"
            | b"ed25519"
            | b"ext2"
            | b"ext3"
            | b"ext4"
            | b"ext2-fs"
            | b"ext3-fs"
            | b"ext4-fs"
            | b"fat32"
            | b"lz4"
            | b"bzip2"
            | b"jbd2"
            | b"i8042"
            | b"i2c"
            | b"usb2"
            | b"usb3"
            | b"x86"
            | b"x86_64"
            | b"x86-64"
            | b"i386"
            | b"i686"
            | b"amd64"
            | b"arm64"
            | b"aarch64"
            | b"win32"
            | b"log4j"
            | b"e1000"
            | b"e1000e"
            | b"802.1x"
            | b"802.11"
            | b"cgroup2"
            | b"cgroupv2"
            | b"polkit-1"
    )
}

/// What a word tells about being constant or variable, beside how often it occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sense {
    /// One of few words that tell events apart: `opened`, `starting`, `FAILED`, `up`.
    State,
    /// A state, or a name that is written in capitals: `FAILED`, `HTTP`.
    Capitals,
    /// By its form the name of a host, file, unit or class: `a.example.org`, `cron.service`.
    Name,
    /// Neither.
    Plain,
}

/// The sense of a word.
pub(super) fn sense(word: &str) -> Sense {
    let bytes = word.as_bytes();
    let inner_dot = bytes.windows(3).any(
        |w| matches!(w, [a, b'.', b] if a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric()),
    );
    // A drive, an axis, a port: "C", "x+"; not the words that have one letter.
    let letter = matches!(bytes, [c] | [c, b'+' | b'-'] if c.is_ascii_alphabetic())
        && !matches!(word, "a" | "A" | "I");
    if inner_dot || letter {
        return Sense::Name;
    }
    let capitals = bytes.len() > 1 && bytes.iter().all(|b| b.is_ascii_uppercase() || *b == b'_');
    let verb = bytes.len() >= 5
        && (word.ends_with("ed") || word.ends_with("ing"))
        && bytes.iter().skip(1).all(u8::is_ascii_lowercase);
    if verb || is_state(word) {
        Sense::State
    } else if capitals {
        Sense::Capitals
    } else {
        Sense::Plain
    }
}

fn is_state(word: &str) -> bool {
    if word.len() > 12 {
        return false;
    }
    matches!(
        word.to_ascii_lowercase().as_str(),
        "up" | "down"
            | "on"
            | "off"
            | "in"
            | "out"
            | "to"
            | "from"
            | "for"
            | "of"
            | "by"
            | "with"
            | "without"
            | "not"
            | "no"
            | "is"
            | "are"
            | "was"
            | "were"
            | "has"
            | "have"
            | "yes"
            | "ok"
            | "start"
            | "stop"
            | "begin"
            | "end"
            | "open"
            | "close"
            | "read"
            | "write"
            | "send"
            | "receive"
            | "sent"
            | "got"
            | "lost"
            | "found"
            | "add"
            | "remove"
            | "create"
            | "delete"
            | "enable"
            | "disable"
            | "connect"
            | "disconnect"
            | "mount"
            | "unmount"
            | "load"
            | "unload"
            | "bind"
            | "success"
            | "successful"
            | "successfully"
            | "failure"
            | "fail"
            | "error"
            | "errors"
            | "warning"
            | "info"
            | "fatal"
            | "critical"
            | "normal"
            | "active"
            | "inactive"
            | "online"
            | "offline"
            | "available"
            | "unavailable"
            | "valid"
            | "invalid"
            | "known"
            | "unknown"
            | "ready"
            | "busy"
            | "idle"
            | "full"
            | "empty"
            | "high"
            | "low"
            | "old"
            | "new"
            | "first"
            | "last"
            | "more"
            | "less"
            | "input"
            | "output"
            | "timeout"
            | "complete"
            | "done"
            | "good"
            | "bad"
            | "dead"
            | "alive"
            | "none"
            | "any"
            | "all"
            | "request"
            | "response"
            | "reply"
            | "accept"
            | "reject"
            | "allow"
            | "deny"
    )
}

/// A word that announces the name of something: `user root`, `host alpha`, `from beta`.
pub(super) fn is_cue(word: &str) -> bool {
    matches!(
        word,
        "user"
            | "User"
            | "username"
            | "group"
            | "host"
            | "hostname"
            | "domain"
            | "from"
            | "client"
            | "peer"
            | "interface"
            | "device"
            | "file"
            | "module"
            | "unit"
            | "service"
            | "package"
            | "named"
            | "account"
    )
}
