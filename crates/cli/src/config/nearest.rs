//! The word somebody probably meant.

/// The candidate with the smallest edit distance to `word`.
///
/// A candidate whose last part (after a dot) is `word`'s last part is nearer than any other: the
/// usual mistake is the right key in the wrong section.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let last = |text: &str| text.rsplit('.').next().unwrap_or_default().to_owned();
    let word_last = last(word);
    candidates.min_by_key(|candidate| {
        (
            last(candidate) != word_last,
            distance(word, candidate).min(distance(&word_last, candidate)),
        )
    })
}

/// The candidate with the smallest edit distance to `word`, if it is near at all: more is alike than
/// not. For names that have no sections.
pub fn similar<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (distance(word, candidate), candidate))
        .min()
        .filter(|(edits, candidate)| edits * 2 <= candidate.chars().count())
        .map(|(_, candidate)| candidate)
}

/// As [`similar`], the nearest one and at most `most` in all that are hardly less near.
pub fn similar_few<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
    most: usize,
) -> Vec<&'a str> {
    let measured = candidates.map(|candidate| (distance(word, candidate), candidate));
    let mut alike: Vec<(usize, &str)> =
        measured.filter(|(edits, candidate)| edits * 2 <= candidate.chars().count()).collect();
    alike.sort_unstable();
    alike.dedup();
    let best = alike.first().map_or(0, |(edits, _)| *edits);
    alike.retain(|(edits, _)| *edits <= best + 1);
    alike.into_iter().take(most).map(|(_, candidate)| candidate).collect()
}

/// Levenshtein distance, in characters, of the first 256.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().take(256).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, a) in left.chars().take(256).enumerate() {
        let mut diagonal = index;
        let mut before = index + 1;
        let mut next = vec![before];
        for (b, above) in right.iter().zip(row.iter().skip(1)) {
            let changed = diagonal + usize::from(a != *b);
            before = changed.min(above + 1).min(before + 1);
            diagonal = *above;
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn section_may_be_wrong() {
        let keys = ["history.directory", "history.max_files", "models.directory"];
        assert_eq!(nearest("histroy.max_file", keys.into_iter()), Some("history.max_files"));
        assert_eq!(nearest("models.max_files", keys.into_iter()), Some("history.max_files"));
        assert_eq!(nearest("max_fils", keys.into_iter()), Some("history.max_files"));
        assert_eq!(nearest("anything", std::iter::empty()), None);
    }

    #[test]
    fn what_is_not_alike_is_not_offered() {
        let units = ["dbus", "e2e", "systemd-logind"];
        assert_eq!(similar("dbuss", units.into_iter()), Some("dbus"));
        assert_eq!(similar("dbus-org.freedesktop.login1", units.into_iter()), None);
        let timers = ["e2scrub_all", "fstrim", "e2scrub_reap", "apt-daily"];
        let few = |word, most| similar_few(word, timers.into_iter(), most);
        assert_eq!(few("e2scrub_all", 3), ["e2scrub_all"]);
        assert_eq!(few("e2scrub_ral", 3), ["e2scrub_all", "e2scrub_reap"]);
        assert_eq!(few("e2scrub_ral", 1), ["e2scrub_all"]);
    }
}
