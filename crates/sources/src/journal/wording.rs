//! The wording of a message: what is the same in messages that differ in numbers only.

/// Longest wording, in bytes: messages that differ later than this are taken for the same.
pub(super) const MAX_WORDING: usize = 300;

/// `message` with each number, and each word of hexadecimal digits that holds a number, as `#`.
///
/// A word of hexadecimal digits has at least 8 of them or begins with `0x`; dashes and colons
/// within it belong to it (UUIDs, addresses).
pub(super) fn wording(message: &str) -> String {
    let mut wording = String::with_capacity(message.len().min(MAX_WORDING));
    let mut rest = message.trim_end();
    while let Some(first) = rest.chars().next() {
        if wording.len() >= MAX_WORDING {
            break;
        }
        let length = if first.is_ascii_alphanumeric() {
            let word = word(rest);
            push_word(word, &mut wording);
            word.len()
        } else {
            wording.push(first);
            first.len_utf8()
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    wording
}

/// The word that `text` begins with: letters and digits, and what joins groups of hex digits.
fn word(text: &str) -> &str {
    let plain = |text: &str| text.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let mut end = plain(text);
    // Groups joined by dashes or colons are one word if all are of hexadecimal digits.
    loop {
        let hex =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let rest = text.get(end..).unwrap_or_default();
        let Some(next) = rest.strip_prefix(['-', ':']) else { break };
        let length = plain(next);
        let last = text.get(..end).and_then(|word| word.rsplit(['-', ':']).next());
        if !last.is_some_and(hex) || !next.get(..length).is_some_and(hex) {
            break;
        }
        end += 1 + length;
    }
    text.get(..end).unwrap_or_default()
}

fn push_word(word: &str, wording: &mut String) {
    let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
    let digits = word.bytes().filter(u8::is_ascii_hexdigit).count();
    let joined = word.bytes().all(|byte| byte.is_ascii_hexdigit() || b"-:".contains(&byte));
    let prefixed =
        word.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if has_digit && (prefixed || (joined && digits >= 8)) {
        wording.push('#');
        return;
    }
    let mut in_number = false;
    for letter in word.chars() {
        if !letter.is_ascii_digit() {
            wording.push(letter);
        } else if !in_number {
            wording.push('#');
        }
        in_number = letter.is_ascii_digit();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_masked_words_are_kept() {
        for (message, expected) in [
            ("Killed process 812 (postgres)", "Killed process # (postgres)"),
            ("segfault at 1 ip 00007f2a91c3d6b4 sp 0x7ffc", "segfault at # ip # sp #"),
            ("I/O error, dev sda1, sector 2048", "I/O error, dev sda#, sector #"),
            ("id 5eb03494-b658-4870-a536-b337290809b3.", "id #."),
            ("mac 52:54:00:12:34:56 up", "mac # up"),
            ("feedback: decade", "feedback: decade"),
            ("took 1.5s at 10:20:30", "took #.#s at #:#:#"),
            ("äöü 12 ü", "äöü # ü"),
            ("", ""),
        ] {
            assert_eq!(wording(message), expected);
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_bounded_wording_of_its_own(message in any::<String>()) {
            let masked = wording(&message);
            prop_assert!(masked.len() <= MAX_WORDING + message.len().min(4096));
            prop_assert!(!masked.bytes().any(|byte| byte.is_ascii_digit()));
            prop_assert_eq!(wording(&masked), masked.clone());
        }
    }
}
