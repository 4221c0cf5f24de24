//! Where an ordering edge comes from: the line of a fragment or drop-in that says so, else the rule
//! of systemd by which it follows.

use sysdiag_model::UnitName;
use sysdiag_model::report::{CycleEdge, EdgeOrigin};
use sysdiag_model::snapshot::{Ordering, UnitLine, UnitOrigin};

use super::implicit::{Known, Reason, Whose, explain, lies_on};

/// Dependencies other than of order that are named beside an edge.
const REQUIREMENTS: [&str; 6] = ["Requires", "Requisite", "BindsTo", "Wants", "Upholds", "PartOf"];

/// All about the edge by which `from` waits for `to`.
pub(super) fn describe(ordering: &Ordering, from: &UnitName, to: &UnitName) -> CycleEdge {
    let of = |name: &UnitName| ordering.origins.get(name);
    let (waiting, waited_for) =
        (Known { name: from, origin: of(from) }, Known { name: to, origin: of(to) });
    let mut edge = CycleEdge {
        from: from.clone(),
        to: to.clone(),
        edge_type: "After".to_owned(),
        requirements: requirements(of(from), to),
        origin: EdgeOrigin::Unknown,
        source_file: None,
        source_line: None,
        declaration: None,
        reason: None,
    };
    let declared = line_about(waiting, "After", waited_for)
        .or_else(|| line_about(waited_for, "Before", waiting));
    if let Some(line) = declared {
        edge.origin = EdgeOrigin::File;
        edge.declare(line);
    } else if let Some(reason) = explain(waiting, waited_for) {
        if let Some(line) = line_behind(&reason, waiting, waited_for) {
            edge.declare(line);
        }
        edge.origin = reason.origin;
        edge.reason = Some(reason.text);
    } else {
        edge.reason = Some(unexplained(waiting.origin, waited_for.origin).to_owned());
    }
    edge
}

trait Declare {
    fn declare(&mut self, line: &UnitLine);
}

impl Declare for CycleEdge {
    fn declare(&mut self, line: &UnitLine) {
        self.source_file = Some(line.file.clone());
        self.source_line = line.line.map(u64::from);
        self.declaration = Some(format!("{}={}", line.directive, line.value));
    }
}

fn requirements(origin: Option<&UnitOrigin>, on: &UnitName) -> Vec<String> {
    let Some(origin) = origin else { return Vec::new() };
    let has =
        |property: &&str| origin.dependencies.get(*property).is_some_and(|list| list.contains(on));
    REQUIREMENTS.into_iter().filter(has).map(str::to_owned).collect()
}

/// The first line of `whose` files by which it has `directive` on `other`.
fn line_about<'a>(whose: Known<'a>, directive: &'a str, other: Known<'_>) -> Option<&'a UnitLine> {
    let mut lines = whose.lines(directive);
    lines.find(|line| names(&line.value, whose.name, other))
}

/// Whether a word of a file of `writer` names the unit, by its own name or an alias.
fn names(word: &str, writer: &UnitName, unit: Known<'_>) -> bool {
    let aliases = unit.origin.map_or(&[][..], |origin| &origin.names);
    let is = |word: &str| unit.name == word || aliases.iter().any(|name| name == word);
    is(word) || (word.contains('%') && is(&expand(word, writer)))
}

/// The specifiers that stand in the names of other units, `systemd.unit(5)`.
fn expand(word: &str, writer: &UnitName) -> String {
    let stem = writer.stem();
    let (prefix, instance) = stem.split_once('@').unwrap_or((stem, ""));
    let last = prefix.rsplit('-').next().unwrap_or(prefix);
    let mut text = String::with_capacity(word.len());
    let mut rest = word.chars();
    while let Some(c) = rest.next() {
        match (c, if c == '%' { rest.next() } else { None }) {
            ('%', Some('n')) => text.push_str(writer.as_str()),
            ('%', Some('N')) => text.push_str(stem),
            ('%', Some('p')) => text.push_str(prefix),
            ('%', Some('i')) => text.push_str(instance),
            ('%', Some('j')) => text.push_str(last),
            ('%', Some('%')) => text.push('%'),
            // Of this host or its users: not known here.
            ('%', other) => text.extend(std::iter::once('%').chain(other)),
            (c, _) => text.push(c),
        }
    }
    text
}

/// The line that brings about what follows by a rule: the `Wants=` of a target, a `Slice=`.
fn line_behind<'a>(reason: &Reason, from: Known<'a>, to: Known<'a>) -> Option<&'a UnitLine> {
    let (whose, directive) = reason.directive?;
    let (owner, other) = match whose {
        Whose::From => (from, to),
        Whose::To => (to, from),
    };
    if directive == "RequiresMountsFor" {
        let mut lines = owner.lines(directive);
        return lines.find(|line| lies_on(&line.value, other.name));
    }
    line_about(owner, directive, other)
}

fn unexplained(from: Option<&UnitOrigin>, to: Option<&UnitOrigin>) -> &'static str {
    let origins = [from, to];
    if origins.iter().flatten().any(|origin| origin.need_daemon_reload == Some(true)) {
        return "no line says so now: a file has changed since systemd read it (daemon-reload)";
    }
    let read = |origin: Option<&UnitOrigin>| origin.is_some_and(|origin| origin.lines.is_some());
    if origins.into_iter().all(read) {
        "no line of their files says so: added by systemd, or by a program that made the unit"
    } else {
        "their files could not be read"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(directive: &str, value: &str, file: &str, line: u32) -> UnitLine {
        UnitLine {
            directive: directive.to_owned(),
            value: value.to_owned(),
            file: file.to_owned(),
            line: Some(line),
        }
    }

    fn edge(from: &str, from_lines: Vec<UnitLine>, to: &str, to_lines: Vec<UnitLine>) -> CycleEdge {
        let mut ordering = Ordering::default();
        for (name, lines) in [(from, from_lines), (to, to_lines)] {
            let names = vec![name.into(), format!("alias-of-{name}").as_str().into()];
            let origin = UnitOrigin { names, lines: Some(lines), ..UnitOrigin::default() };
            ordering.origins.insert(name.into(), origin);
        }
        describe(&ordering, &from.into(), &to.into())
    }

    fn place(edge: &CycleEdge) -> (EdgeOrigin, Option<&str>, Option<u64>, Option<&str>) {
        (edge.origin, edge.source_file.as_deref(), edge.source_line, edge.declaration.as_deref())
    }

    #[test]
    fn either_side_may_say_it() {
        let after =
            edge("a.service", vec![line("After", "b.service", "/a", 3)], "b.service", vec![]);
        assert_eq!(place(&after), (EdgeOrigin::File, Some("/a"), Some(3), Some("After=b.service")));
        let before =
            edge("a.service", vec![], "b.service", vec![line("Before", "a.service", "/b", 4)]);
        assert_eq!(
            place(&before),
            (EdgeOrigin::File, Some("/b"), Some(4), Some("Before=a.service"))
        );
    }

    #[test]
    fn the_first_line_counts_and_others_do_not() {
        let lines = vec![
            line("Before", "b.service", "/a", 1),
            line("After", "c.service", "/a", 2),
            line("After", "b.service", "/a.d/x.conf", 3),
            line("After", "b.service", "/a.d/y.conf", 1),
        ];
        let edge = edge("a.service", lines, "b.service", vec![]);
        assert_eq!(edge.source_file.as_deref(), Some("/a.d/x.conf"));
    }

    #[test]
    fn aliases_and_specifiers_name_a_unit() {
        let word = |word: &str| vec![line("After", word, "/a", 1)];
        let alias = edge("a.service", word("alias-of-b.service"), "b.service", vec![]);
        assert_eq!(alias.origin, EdgeOrigin::File);
        let instance = edge("a-x@7.service", word("b@%i.service"), "b@7.service", vec![]);
        assert_eq!(instance.origin, EdgeOrigin::File);
        assert_eq!(
            expand("%n %N %p %j %% %H%", &"a-x@7.service".into()),
            "a-x@7.service a-x@7 a-x x % %H%"
        );
    }

    #[test]
    fn what_follows_by_a_rule_is_said_to_and_the_line_behind_it_is_named() {
        let slice = edge("a.service", vec![line("Slice", "x.slice", "/a", 9)], "x.slice", vec![]);
        assert_eq!(
            place(&slice),
            (EdgeOrigin::Implicit, Some("/a"), Some(9), Some("Slice=x.slice"))
        );
        assert!(slice.reason.unwrap().contains("Slice="));
        let mounts = vec![line("RequiresMountsFor", "/srv/x", "/a", 5)];
        let mut ordering = Ordering::default();
        let origin = UnitOrigin {
            requires_mounts_for: vec!["/srv/x".to_owned()],
            lines: Some(mounts),
            ..UnitOrigin::default()
        };
        ordering.origins.insert("a.service".into(), origin);
        let mount = describe(&ordering, &"a.service".into(), &"srv.mount".into());
        assert_eq!(mount.declaration.as_deref(), Some("RequiresMountsFor=/srv/x"));
    }

    #[test]
    fn what_nothing_explains_is_not_explained() {
        let unknown = edge("a.service", vec![], "b.service", vec![]);
        assert_eq!(place(&unknown), (EdgeOrigin::Unknown, None, None, None));
        assert!(unknown.reason.unwrap().contains("added by systemd"));
        let nothing = describe(&Ordering::default(), &"a.service".into(), &"b.service".into());
        assert_eq!(nothing.reason.as_deref(), Some("their files could not be read"));
        let mut ordering = Ordering::default();
        let origin = UnitOrigin { need_daemon_reload: Some(true), ..UnitOrigin::default() };
        ordering.origins.insert("a.service".into(), origin);
        let changed = describe(&ordering, &"a.service".into(), &"b.service".into());
        assert!(changed.reason.unwrap().contains("daemon-reload"));
    }
}
