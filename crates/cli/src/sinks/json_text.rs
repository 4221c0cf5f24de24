//! JSON that is safe to look at: what a terminal would obey or not show is written as an escape,
//! which every reader of JSON takes back.
//!
//! JSON itself asks for escapes below U+0020 only; DEL, the C1 controls (U+009B begins a command as
//! ESC [ does) and what reorders text would pass.

use std::io;

use serde_json::ser::{Formatter, PrettyFormatter};

use super::text::is_shown;

/// Escapes; the rest is the other formatter's.
pub(super) struct Safe<F>(F);

impl Default for Safe<PrettyFormatter<'static>> {
    /// Indents by two spaces.
    fn default() -> Self {
        Self(PrettyFormatter::default())
    }
}

impl<F> Safe<F> {
    /// With the layout of another formatter.
    pub(super) const fn new(inner: F) -> Self {
        Self(inner)
    }
}

/// Calls the inner formatter: only strings are written differently.
macro_rules! inner {
    ($($name:ident($($arg:ident: $type:ty),*);)*) => {$(
        fn $name<W: ?Sized + io::Write>(&mut self, out: &mut W, $($arg: $type),*) -> io::Result<()> {
            self.0.$name(out, $($arg),*)
        }
    )*};
}

impl<F: Formatter> Formatter for Safe<F> {
    inner! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        begin_object_value();
        end_object_value();
    }

    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| !is_shown(*c)) {
            let (plain, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
            out.write_all(plain.as_bytes())?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            rest = tail.get(c.len_utf8()..).unwrap_or_default();
        }
        out.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Serialize;
    use serde_json::Serializer;

    use super::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        text.serialize(&mut Serializer::with_formatter(&mut out, Safe::default())).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        assert_eq!(
            written("a\u{1b}\u{7f}\u{9b}\u{202e}\u{e0041}é\""),
            r#""a\u001b\u007f\u009b\u202e\udb40\udc41é\"""#
        );
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in any::<String>()) {
            let written = written(&text);
            prop_assert!(written.chars().all(is_shown));
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
    }
}
