//! Names of units, `systemd.unit(5)`.

use std::fmt::{self, Write as _};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name of a unit as systemd gave it, such as `nginx.service`.
///
/// Not checked: a report says what systemd said, even when it is odd. It is hostile text: a sink
/// escapes it before it reaches a terminal.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct UnitName(String);

impl UnitName {
    /// Takes the name as it is.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The mount unit of an absolute path, as `systemd-escape --path --suffix=mount` makes it:
    /// `srv-data.mount` of `/srv/data`, `-.mount` of `/`.
    pub fn of_mount_point(path: &str) -> Self {
        let mut name = String::new();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if !name.is_empty() {
                name.push('-');
            }
            for byte in part.bytes() {
                let plain = byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'.');
                if plain && !(byte == b'.' && name.is_empty()) {
                    name.push(char::from(byte));
                } else {
                    // Writing to a string cannot fail.
                    let _ = write!(name, "\\x{byte:02x}");
                }
            }
        }
        Self(format!("{}.mount", if name.is_empty() { "-" } else { &name }))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The kind of unit by its suffix; none for a name systemd would not accept.
    pub fn unit_type(&self) -> Option<UnitType> {
        let (_, suffix) = self.0.rsplit_once('.')?;
        UnitType::ALL.into_iter().find(|kind| kind.suffix() == suffix)
    }

    /// The template of an instance: `getty@.service` of `getty@tty1.service`.
    pub fn template(&self) -> Option<Self> {
        let (prefix, instance) = self.stem().split_once('@')?;
        let suffix = self.unit_type()?.suffix();
        (!instance.is_empty()).then(|| Self(format!("{prefix}@.{suffix}")))
    }

    /// Whether it is the name of a template: `getty@.service`.
    pub fn is_template(&self) -> bool {
        let prefix = self.stem().strip_suffix('@');
        let has_one = prefix.is_some_and(|prefix| !prefix.is_empty() && !prefix.contains('@'));
        has_one && self.unit_type().is_some()
    }

    /// The name without its suffix.
    pub fn stem(&self) -> &str {
        self.0.rsplit_once('.').map_or(self.as_str(), |(stem, _)| stem)
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for UnitName {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

impl AsRef<str> for UnitName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for UnitName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for UnitName {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for UnitName {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

/// The kinds of units, `systemd.unit(5)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is its suffix")]
pub enum UnitType {
    Service,
    Socket,
    Target,
    Device,
    Mount,
    Automount,
    Swap,
    Timer,
    Path,
    Slice,
    Scope,
}

impl UnitType {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Service,
        Self::Socket,
        Self::Target,
        Self::Device,
        Self::Mount,
        Self::Automount,
        Self::Swap,
        Self::Timer,
        Self::Path,
        Self::Slice,
        Self::Scope,
    ];

    /// What a name of this kind ends with, after the dot.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Socket => "socket",
            Self::Target => "target",
            Self::Device => "device",
            Self::Mount => "mount",
            Self::Automount => "automount",
            Self::Swap => "swap",
            Self::Timer => "timer",
            Self::Path => "path",
            Self::Slice => "slice",
            Self::Scope => "scope",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_is_the_last_suffix() {
        assert_eq!(UnitName::new("a.timer.service").unit_type(), Some(UnitType::Service));
        assert_eq!(UnitName::new("service").unit_type(), None);
        assert_eq!(UnitName::new("-.mount").stem(), "-");
    }

    #[test]
    fn mount_points_are_escaped() {
        for (path, name) in [
            ("/", "-.mount"),
            ("/srv/data", "srv-data.mount"),
            ("//srv/e2e-bad/", r"srv-e2e\x2dbad.mount"),
            ("/.snap/a.b/ü", r"\x2esnap-a.b-\xc3\xbc.mount"),
        ] {
            assert_eq!(UnitName::of_mount_point(path).as_str(), name);
        }
    }

    #[test]
    fn instances_have_a_template() {
        let name = UnitName::new("getty@tty1.service");
        assert_eq!(name.template(), Some("getty@.service".into()));
        assert!(!name.is_template() && UnitName::new("getty@.service").is_template());
        for other in ["getty@.service", "a.service", "a@b.conf", ".service", ""] {
            assert_eq!(UnitName::new(other).template(), None, "{other}");
        }
        assert!(!UnitName::new(".service").is_template() && !UnitName::new("").is_template());
    }
}
