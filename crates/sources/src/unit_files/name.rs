//! Parts of unit names, systemd.unit(5): `prefix@instance.suffix`.

use std::collections::HashSet;

use sysdiag_model::{UnitName, UnitType};

/// Longer ones are no names.
const MAX_NAME: usize = 255;

/// A name in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub(super) prefix: &'a str,
    /// Empty: a template. None: neither a template nor an instance.
    pub(super) instance: Option<&'a str>,
    pub(super) kind: UnitType,
}

/// The parts of `name`; none if it can be no unit's.
pub(super) fn parts(name: &str) -> Option<Parts<'_>> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    if name.len() > MAX_NAME || !name.bytes().all(valid) {
        return None;
    }
    let (stem, suffix) = name.rsplit_once('.')?;
    let kind = UnitType::ALL.into_iter().find(|kind| kind.suffix() == suffix)?;
    let (prefix, instance) = match stem.split_once('@') {
        Some((prefix, instance)) => (prefix, Some(instance)),
        None => (stem, None),
    };
    (!prefix.is_empty()).then_some(Parts { prefix, instance, kind })
}

impl Parts<'_> {
    pub(super) fn is_template(&self) -> bool {
        self.instance == Some("")
    }

    pub(super) fn is_instance(&self) -> bool {
        self.instance.is_some_and(|instance| !instance.is_empty())
    }

    /// `getty@.service` of `getty@tty1.service`; none of a name without `@`.
    pub(super) fn template(&self) -> Option<String> {
        self.instance.map(|_| build(self.prefix, Some(""), self.kind))
    }
}

/// Whether `name` is one of a template: `getty@.service`.
pub(super) fn is_template(name: &str) -> bool {
    parts(name).is_some_and(|parts| parts.is_template())
}

/// The template of an instance.
pub(super) fn template_of(name: &str) -> Option<String> {
    parts(name).filter(Parts::is_instance).and_then(|parts| parts.template())
}

/// The template with an instance put in.
pub(super) fn instantiate(template: &str, instance: &str) -> Option<String> {
    let parts = parts(template).filter(Parts::is_template)?;
    Some(build(parts.prefix, Some(instance), parts.kind))
}

fn build(prefix: &str, instance: Option<&str>, kind: UnitType) -> String {
    let suffix = kind.suffix();
    match instance {
        Some(instance) => format!("{prefix}@{instance}.{suffix}"),
        None => format!("{prefix}.{suffix}"),
    }
}

/// What names the drop-in folders of a unit, before `.d` (or `.wants`): its name, its template's, the
/// name cut after each dash. The one that wins first. Not the kind alone (`service.d`), which loses
/// to all.
pub(super) fn drop_in_names(name: &str) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    collect(name, &mut seen, &mut names);
    names
}

fn collect(name: &str, seen: &mut HashSet<String>, names: &mut Vec<String>) {
    if !seen.insert(name.to_owned()) {
        return;
    }
    names.push(name.to_owned());
    let Some(parts) = parts(name) else { return };
    if let Some(template) = parts.template().filter(|_| parts.is_instance()) {
        collect(&template, seen, names);
    }
    if let Some(shorter) = shorter(parts.prefix) {
        let instance = parts.instance.filter(|_| parts.is_instance());
        collect(&build(shorter, instance, parts.kind), seen, names);
    }
}

/// `a-b-` of `a-b-c` and of `a-b-c-`; none where there is no more dash, or only at the beginning.
fn shorter(prefix: &str) -> Option<&str> {
    let prefix = prefix.strip_suffix('-').unwrap_or(prefix);
    let dash = prefix.rfind('-').filter(|dash| *dash > 0)?;
    prefix.get(..=dash)
}

/// Whether an alias `link` may lead to `target`: both of one kind that can have aliases, and both plain,
/// both templates, both the same instance, or an instance of a template.
pub(super) fn may_alias(link: &str, target: &str) -> bool {
    use UnitType::{Device, Path, Service, Socket, Target, Timer};
    let (Some(from), Some(to)) = (parts(link), parts(target)) else { return false };
    let can = matches!(from.kind, Service | Socket | Target | Device | Timer | Path);
    let fits = match (from.instance, to.instance) {
        (None, None) => true,
        (Some(from), Some(to)) => from == to || to.is_empty(),
        _ => false,
    };
    can && from.kind == to.kind && fits
}

/// The unit's kind alone, as it names drop-in folders for all of the kind: `service`.
pub(super) fn kind_of(name: &UnitName) -> Option<&'static str> {
    name.unit_type().map(UnitType::suffix)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_in_parts() {
        let parts = parts("getty@tty1.service").unwrap();
        assert_eq!((parts.prefix, parts.instance), ("getty", Some("tty1")));
        assert_eq!(template_of("getty@tty1.service").as_deref(), Some("getty@.service"));
        assert_eq!(template_of("getty@.service"), None);
        assert!(is_template("getty@.service") && !is_template("getty.service"));
        assert_eq!(instantiate("a@.timer", "b").as_deref(), Some("a@b.timer"));
        for no in ["", "service", ".service", "@a.service", "a.conf", "a b.service", "é.service"] {
            assert_eq!(super::parts(no), None, "{no}");
        }
    }

    #[test]
    fn drop_ins_from_the_most_particular_on() {
        assert_eq!(
            drop_in_names("foo-bar-baz.service"),
            ["foo-bar-baz.service", "foo-bar-.service", "foo-.service"]
        );
        assert_eq!(
            drop_in_names("a-b@x-y.service"),
            ["a-b@x-y.service", "a-b@.service", "a-.service", "a-@x-y.service", "a-@.service"]
        );
        assert_eq!(drop_in_names("-.slice"), ["-.slice"]);
        assert_eq!(drop_in_names("-a.mount"), ["-a.mount"]);
        assert_eq!(drop_in_names("a--.mount"), ["a--.mount", "a-.mount"]);
    }

    #[test]
    fn aliases_are_of_one_kind() {
        for (link, target, may) in [
            ("dbus.service", "dbus-broker.service", true),
            ("a@.service", "b@.service", true),
            ("a@x.service", "b@.service", true),
            ("a@x.service", "b@x.service", true),
            ("a@x.service", "b@y.service", false),
            ("a.service", "b@.service", false),
            ("a.service", "b.socket", false),
            ("a.mount", "b.mount", false),
            ("a.service", "null", false),
        ] {
            assert_eq!(may_alias(link, target), may, "{link} {target}");
        }
    }

    proptest! {
        #[test]
        fn any_name_has_few_folders(name in "[a@-]{0,100}\\.(service|mount)") {
            let names = drop_in_names(&name);
            prop_assert!(names.len() <= 2 * name.len());
            prop_assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        }
    }
}
