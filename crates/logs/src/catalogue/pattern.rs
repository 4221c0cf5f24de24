//! One entry of the catalogue, checked and ready to match.

use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};

use super::error::PatternError;
use super::required;
use super::spec::{Aggregate, OomPart, Origin, PatternSpec};
use crate::bounded;
use crate::event::Event;

/// Longest regex, in bytes as written.
const MOST_REGEX: usize = 4096;
/// Largest regex, in bytes as compiled; each is linear in the length of the text.
const MOST_COMPILED: usize = 1 << 20;
/// Entries of each list of a spec.
const MOST_LISTED: usize = 64;
/// As much of a message is looked at, in bytes.
pub(super) const MOST_TEXT: usize = 16 * 1024;
/// Characters of a line that an error shows.
const MOST_SHOWN: usize = 100;
/// `TASK_COMM_LEN` without its terminating zero.
const MOST_COMM: usize = 15;

/// One checked entry.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) spec: PatternSpec,
    regex: Option<Lazy>,
    unless: Option<Lazy>,
    /// Of which every match has one; empty: not known.
    pub(super) literals: Vec<Vec<u8>>,
}

/// Values taken out of a message, by name.
pub(crate) type Captures = Vec<(String, String)>;

/// A regex that is compiled when a message first asks for it.
#[derive(Debug)]
struct Lazy {
    source: String,
    compiled: OnceLock<Option<Regex>>,
}

impl Lazy {
    fn new(source: &str) -> Self {
        Self { source: source.to_owned(), compiled: OnceLock::new() }
    }

    fn get(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| compile(&self.source).ok()).as_ref()
    }
}

fn compile(source: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(source).unicode(false).size_limit(MOST_COMPILED).build()
}

impl Pattern {
    /// Checks a spec. The regexes are compiled now if they are `untrusted`; those of the catalogue have
    /// been by its tests.
    pub(super) fn new(spec: PatternSpec, untrusted: bool) -> Result<Self, PatternError> {
        check(&spec)?;
        for (key, source) in [("regex", &spec.regex), ("unless", &spec.unless)] {
            let Some(source) = source else { continue };
            if source.len() > MOST_REGEX {
                let why = format!("{} bytes, at most {MOST_REGEX} are allowed", source.len());
                return Err(PatternError::new(&spec.id, key, why));
            }
            if untrusted {
                let regex = compile(source)
                    .map_err(|error| PatternError::new(&spec.id, key, why(&error)))?;
                if key == "regex" && regex.is_match(b"") {
                    let why = "it matches the empty text, so every message";
                    return Err(PatternError::new(&spec.id, key, why));
                }
            }
        }
        let pattern = Self {
            regex: spec.regex.as_deref().map(Lazy::new),
            unless: spec.unless.as_deref().map(Lazy::new),
            literals: spec.regex.as_deref().and_then(required::literals).unwrap_or_default(),
            spec,
        };
        if untrusted {
            if matches!(pattern.spec.aggregate, Aggregate::Oom { .. }) {
                let why = "'oom' is for the kernel's own lines";
                return Err(PatternError::new(&pattern.spec.id, "aggregate", why));
            }
            pattern.check_captures()?;
            pattern.check_lines()?;
        }
        Ok(pattern)
    }

    /// The lines that are to match do, and those that are not to do not, as far as the text decides: with
    /// message ids, only what `unless` takes out is known.
    fn check_lines(&self) -> Result<(), PatternError> {
        let by_id = !self.spec.message_ids.is_empty();
        let wrong = |key, line: &str, what: &str| {
            let line: String = line.chars().take(MOST_SHOWN).collect();
            Err(PatternError::new(&self.spec.id, key, format!("'{line}' {what}")))
        };
        for line in &self.spec.sample {
            if self.is_meant_otherwise(line.as_bytes()) {
                return wrong("sample", line, "is taken out by unless");
            }
            if !by_id && !self.matches_text(line.as_bytes()) {
                return wrong("sample", line, "does not match regex");
            }
        }
        for line in &self.spec.near_miss {
            if !by_id && self.matches_text(line.as_bytes()) {
                return wrong("near_miss", line, "matches regex");
            }
        }
        Ok(())
    }

    /// What `key`, `sum` and the like name is captured somewhere.
    pub(super) fn check_captures(&self) -> Result<(), PatternError> {
        let spec = &self.spec;
        let groups = self.regex.as_ref().and_then(Lazy::get).into_iter().flat_map(|regex| {
            regex.capture_names().flatten().map(|name| capture_name(name).to_owned())
        });
        let mut known: Vec<String> = groups.chain(spec.fields.keys().cloned()).collect();
        // The unit of the sender, if nothing else is said of one.
        known.push("unit".to_owned());
        let by = match &spec.aggregate {
            Aggregate::Attach { by, .. } => by.as_ref(),
            _ => None,
        };
        let named = (spec.key.iter().map(|name| ("key", name)))
            .chain(spec.sum.iter().map(|name| ("sum", name)))
            .chain(spec.severity_by.iter().map(|by| ("severity_by", &by.capture)))
            .chain(spec.recovery.iter().map(|recovery| ("recovery", &recovery.capture)))
            .chain(by.map(|name| ("aggregate.by", name)));
        for (key, name) in named {
            if !known.contains(name) {
                let why = format!("nothing captures '{name}'");
                return Err(PatternError::new(&spec.id, key, why));
            }
        }
        Ok(())
    }

    /// Whether the text alone may be meant.
    pub(super) fn matches_text(&self, text: &[u8]) -> bool {
        let Some(regex) = self.regex.as_ref().and_then(Lazy::get) else { return false };
        regex.is_match(text) && !self.is_meant_otherwise(text)
    }

    fn is_meant_otherwise(&self, text: &[u8]) -> bool {
        self.unless.as_ref().and_then(Lazy::get).is_some_and(|not| not.is_match(text))
    }

    /// The captures of an event that matches by its message id, or by its text.
    pub(super) fn confirm(&self, event: &Event<'_>) -> Option<Captures> {
        let spec = &self.spec;
        let text = event.message.get(..MOST_TEXT).unwrap_or(event.message);
        let by_id = event.message_id.is_some_and(|id| self.has_message_id(id));
        let by_text = || self.spec.message_ids.is_empty() || is_pid1_in_kmsg(event);
        // The sender first: it costs less to tell.
        if !self.may_come_from(event)
            || !(by_id || (by_text() && self.matches_text(text)))
            || self.is_meant_otherwise(text)
        {
            return None;
        }
        for (field, values) in &spec.when {
            let value = event.fields.field(field)?;
            if !values.iter().any(|wanted| wanted.as_bytes() == &*value) {
                return None;
            }
        }
        let mut captures = Captures::new();
        for (name, fields) in &spec.fields {
            if let Some(value) = fields.iter().find_map(|field| event.fields.field(field)) {
                captures.push((name.clone(), bounded::text(&value, bounded::MOST_VALUE)));
            }
        }
        if let Some(regex) = self.regex.as_ref().and_then(Lazy::get)
            && let Some(found) = regex.captures(text)
        {
            for (group, name) in regex.capture_names().enumerate().skip(1) {
                let (Some(name), Some(value)) = (name, found.get(group)) else { continue };
                let name = capture_name(name);
                // The structured field is the better source.
                if !captures.iter().any(|(known, _)| known == name) {
                    let value = bounded::text(value.as_bytes(), bounded::MOST_VALUE);
                    captures.push((name.to_owned(), value));
                }
            }
        }
        Some(captures)
    }

    /// Whether the text can decide. A message that has an id is known by that, since texts change and
    /// anyone may write them; but what PID 1 says before journald runs comes without its id.
    pub(super) fn is_by_text(&self) -> bool {
        let of_pid1 = |from: &Origin| matches!(from, Origin::Pid1 | Origin::Systemd | Origin::Any);
        self.spec.regex.is_some()
            && (self.spec.message_ids.is_empty() || self.spec.from.iter().any(of_pid1))
    }

    fn has_message_id(&self, id: &str) -> bool {
        self.spec.message_ids.iter().any(|known| known.eq_ignore_ascii_case(id))
    }

    fn may_come_from(&self, event: &Event<'_>) -> bool {
        let spec = &self.spec;
        let anyone = spec.from.is_empty() && spec.identifiers.is_empty();
        (anyone && is_service(event))
            || spec.from.iter().any(|origin| is_from(*origin, event))
            || self.is_from_program(event)
    }

    /// A program can choose its identifier, so `_COMM` has to fit, too. It is missing for a process that
    /// ended before journald looked, such as `sudo` and what a script runs: then it has to be of root.
    fn is_from_program(&self, event: &Event<'_>) -> bool {
        let listed = |name: &str| self.spec.identifiers.iter().any(|known| known == name);
        if event.transport == Some("kernel") || !event.identifier.is_some_and(listed) {
            return false;
        }
        match event.comm {
            Some(comm) => {
                let fits = |known: &String| known.get(..MOST_COMM).unwrap_or(known) == comm;
                self.spec.identifiers.iter().any(fits)
            }
            None => event.fields.field("_UID").is_none_or(|uid| *uid == *b"0"),
        }
    }
}

/// The name of a group as a capture: `dev_2` is `dev`.
fn capture_name(group: &str) -> &str {
    let name = group.trim_end_matches(|c: char| c.is_ascii_digit());
    match name.strip_suffix('_') {
        Some(stem) if name.len() < group.len() && !stem.is_empty() => stem,
        _ => group,
    }
}

fn is_from(origin: Origin, event: &Event<'_>) -> bool {
    match origin {
        Origin::Kernel => is_kernel(event),
        Origin::Audit => event.transport == Some("audit"),
        Origin::Pid1 => is_pid1(event),
        Origin::Systemd => is_pid1(event) || is_of_systemd(event),
        Origin::Services => is_service(event),
        Origin::Any => true,
    }
}

/// Messages of the kernel's facility get the identifier `kernel` of journald, which takes none from
/// their text; the kernel lets no program write with that facility (`kernel/printk/printk.c`). What a
/// program writes to `/dev/kmsg` has the identifier it chose, or none.
fn is_kernel(event: &Event<'_>) -> bool {
    event.transport == Some("kernel") && event.identifier == Some("kernel")
}

/// PID 1 through journald, or through `/dev/kmsg`.
fn is_pid1(event: &Event<'_>) -> bool {
    match event.transport {
        Some("kernel") => is_pid1_in_kmsg(event),
        Some("audit") => false,
        _ => event.pid == Some(1),
    }
}

fn is_of_systemd(event: &Event<'_>) -> bool {
    let named = |comm: &str| comm.starts_with("systemd") || comm.starts_with('(');
    is_service(event) && event.comm.is_some_and(named)
}

/// PID 1 before journald runs: its message without its fields (`journald-kmsg.c`).
fn is_pid1_in_kmsg(event: &Event<'_>) -> bool {
    event.transport == Some("kernel")
        && event.identifier == Some("systemd")
        && event.fields.field("SYSLOG_PID").is_some_and(|pid| *pid == *b"1")
}

fn is_service(event: &Event<'_>) -> bool {
    !matches!(event.transport, Some("kernel" | "audit")) && !is_pid1(event)
}

fn check(spec: &PatternSpec) -> Result<(), PatternError> {
    let wrong = |key, why: &str| Err(PatternError::new(&spec.id, key, why));
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.');
    let groups = || spec.id.split('.').all(|group| !group.is_empty());
    if spec.id.len() > 64 || !spec.id.contains('.') || !spec.id.chars().all(plain) || !groups() {
        return wrong("id", "expected 'group.what' of lower-case letters, digits and '_'");
    }
    if spec.title.trim().is_empty() || spec.title.len() > 200 {
        return wrong("title", "expected 1 to 200 bytes");
    }
    if spec.regex.is_none() && spec.message_ids.is_empty() {
        return wrong("regex", "needed, or message_ids");
    }
    for id in &spec.message_ids {
        if id.len() != 32 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return wrong("message_ids", "expected 32 hexadecimal digits each");
        }
    }
    let lists = [
        spec.identifiers.len(),
        spec.message_ids.len(),
        spec.when.len(),
        spec.key.len(),
        spec.fields.len(),
        spec.sample.len(),
        spec.near_miss.len(),
    ];
    if lists.into_iter().any(|length| length > MOST_LISTED) {
        return wrong("id", "a list has more than 64 entries");
    }
    match &spec.aggregate {
        Aggregate::Burst { count, seconds, .. } => {
            if !(1..=1000).contains(count) || !(1..=86_400).contains(seconds) {
                return wrong("aggregate", "expected a count of 1 to 1000 in 1 to 86400 seconds");
            }
        }
        Aggregate::Block { seconds, lines, .. } => {
            if !(1..=600).contains(seconds) || !(1..=1000).contains(lines) {
                return wrong("aggregate", "expected 1 to 600 seconds and 1 to 1000 lines");
            }
        }
        Aggregate::Attach { to, seconds, .. } => {
            if to.is_empty() || !(1..=600).contains(seconds) {
                return wrong("aggregate", "expected ids to attach to, and 1 to 600 seconds");
            }
        }
        Aggregate::Oom { part } => {
            if spec.regex.is_none() && *part != OomPart::Unit {
                return wrong("aggregate", "the kernel's lines are known by their text");
            }
        }
        Aggregate::Event {} | Aggregate::State {} => {}
    }
    Ok(())
}

/// The last line of what `regex` says: the others draw the place.
fn why(error: &regex::Error) -> String {
    let text = error.to_string();
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
