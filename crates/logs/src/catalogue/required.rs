//! What a text must contain for a regex to match: looked for first, since most messages match nothing.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind};

/// Alternatives beyond this are no quick test any more.
const MOST_LITERALS: usize = 32;
/// Shorter ones are in too many messages.
const SHORTEST: usize = 3;

/// Literals of which every match contains at least one. None: nothing of use is known.
pub(super) fn literals(regex: &str) -> Option<Vec<Vec<u8>>> {
    let parsed = ParserBuilder::new().utf8(false).unicode(false).build().parse(regex).ok()?;
    let found = required(&parsed)?;
    let good = found.len() <= MOST_LITERALS && shortest(&found) >= SHORTEST;
    good.then_some(found)
}

fn required(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(vec![literal.0.to_vec()]),
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Repetition(repeat) if repeat.min > 0 => required(&repeat.sub),
        // A parser joins neighbouring literals, so each part is as long as it can be.
        HirKind::Concat(parts) => parts.iter().filter_map(required).max_by(|a, b| {
            let rank = |set: &Vec<Vec<u8>>| (shortest(set), std::cmp::Reverse(set.len()));
            rank(a).cmp(&rank(b))
        }),
        HirKind::Alternation(branches) => {
            let mut all = Vec::new();
            for branch in branches {
                all.extend(required(branch)?);
            }
            all.sort();
            all.dedup();
            Some(all)
        }
        _ => None,
    }
}

fn shortest(literals: &[Vec<u8>]) -> usize {
    literals.iter().map(Vec::len).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(regex: &str) -> Option<Vec<String>> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Some(literals(regex)?.into_iter().map(text).collect())
    }

    #[test]
    fn every_match_contains_one_of_them() {
        assert_eq!(of(r"^(\S+): page allocation failure: order:\d+").unwrap().len(), 1);
        assert_eq!(of(r"a+b?: (?:one|three) x").unwrap(), ["one", "three"]);
        assert_eq!(of(r"^foo(?:bar)?"), Some(vec!["foo".to_owned()]));
        assert_eq!(of(r"(?:foobar)*\d+"), None);
        assert_eq!(of(r"(?:foobar|\d+)"), None);
        assert_eq!(of(r"(?i)foobar"), None);
        assert_eq!(of(r"ab\d"), None);
    }
}
