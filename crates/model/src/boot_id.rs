//! The identity of one boot, `/proc/sys/kernel/random/boot_id`, written as the journal does.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A boot id: 128 bits, printed as 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootId(u128);

/// The text is not 32 hexadecimal digits, with or without the dashes of a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidBootId;

impl fmt::Display for InvalidBootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a boot id is 32 hexadecimal digits")
    }
}

impl std::error::Error for InvalidBootId {}

impl FromStr for BootId {
    type Err = InvalidBootId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits: String = text.trim().chars().filter(|c| *c != '-').take(33).collect();
        if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(InvalidBootId);
        }
        u128::from_str_radix(&digits, 16).map(Self).map_err(|_| InvalidBootId)
    }
}

impl fmt::Display for BootId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for BootId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BootId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for BootId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BootId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9a-f]{32}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_kernels_form_and_gives_the_journals() {
        let id: BootId = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9\n".parse().unwrap();
        assert_eq!(id.to_string(), "0a1b2c3d4e5f60718293a4b5c6d7e8f9");
        assert_eq!("+a1b2c3d4e5f60718293a4b5c6d7e8f9".parse::<BootId>(), Err(InvalidBootId));
        assert_eq!("é".repeat(16).parse::<BootId>(), Err(InvalidBootId));
    }
}
