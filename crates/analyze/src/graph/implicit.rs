//! Ordering that no line of a file spells out: what systemd adds by the kind of a unit ("Implicit
//! Dependencies" and "Default Dependencies" of systemd.unit(5), systemd.service(5) and so on).
//!
//! A guess by kinds, names and the properties that go with them: systemd does not tell which of its
//! rules added an edge. What no rule here explains is not explained.

use sysdiag_model::report::EdgeOrigin;
use sysdiag_model::snapshot::{UnitLine, UnitOrigin};
use sysdiag_model::{UnitName, UnitType};

/// Why an edge is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) origin: EdgeOrigin,
    /// In words, with the man page.
    pub(super) text: String,
    /// The directive that brings it about, and which of the two units may have a line with it.
    pub(super) directive: Option<(Whose, &'static str)>,
}

/// One of the two units of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The unit that waits.
    From,
    /// The unit that is waited for.
    To,
}

/// A unit, with what is known of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) name: &'a UnitName,
    pub(super) origin: Option<&'a UnitOrigin>,
}

impl<'a> Known<'a> {
    /// What its files say with a directive.
    pub(super) fn lines(&self, directive: &'a str) -> impl Iterator<Item = &'a UnitLine> {
        let lines = self.origin.and_then(|origin| origin.lines.as_deref()).unwrap_or_default();
        lines.iter().filter(move |line| line.directive == directive)
    }

    fn kind(&self) -> Option<UnitType> {
        self.name.unit_type()
    }

    fn depends(&self, property: &str, on: &UnitName) -> bool {
        let list = self.origin.and_then(|origin| origin.dependencies.get(property));
        list.is_some_and(|list| list.contains(on))
    }

    /// Whether it can have default dependencies: none says no.
    fn has_defaults(&self) -> bool {
        self.origin.is_none_or(|origin| origin.default_dependencies != Some(false))
    }
}

/// Why `from` is ordered after `to`, if no line says so. None: no rule explains it.
pub(super) fn explain(from: Known<'_>, to: Known<'_>) -> Option<Reason> {
    implicit(from, to).or_else(|| default(from, to))
}

fn implicit(from: Known<'_>, to: Known<'_>) -> Option<Reason> {
    use UnitType::{Automount, Device, Mount, Path, Service, Slice, Socket, Swap, Timer};
    let says = |text: &str, directive| {
        Some(Reason { origin: EdgeOrigin::Implicit, text: text.to_owned(), directive })
    };
    let starts = to.depends("Triggers", from.name) || from.name.stem() == to.name.stem();
    match (from.kind()?, to.kind()?) {
        (Service, Socket) if starts => says(
            "a socket is before the service it activates (systemd.socket(5))",
            Some((Whose::To, "Service")),
        ),
        (Service, Socket) if to.name == "dbus.socket" => says(
            "a service with Type=dbus is after dbus.socket (systemd.service(5))",
            Some((Whose::From, "Type")),
        ),
        (Service | Socket | Mount | Swap, Socket) if to.name == "systemd-journald.socket" => says(
            "what it prints goes to the journal (StandardOutput=, systemd.exec(5))",
            Some((Whose::From, "StandardOutput")),
        ),
        (_, Timer) if starts => says(
            "a timer is before the unit it activates (systemd.timer(5))",
            Some((Whose::To, "Unit")),
        ),
        (_, Path) if starts => says(
            "a path unit is before the unit it activates (systemd.path(5))",
            Some((Whose::To, "Unit")),
        ),
        (Mount, Automount) if from.name.stem() == to.name.stem() => {
            says("an automount is before its mount (systemd.automount(5))", None)
        }
        (Slice, Slice) => says("a slice is after the slice it is in (systemd.slice(5))", None),
        (_, Slice) => says(
            "a unit is after the slice it is in (Slice=, systemd.resource-control(5))",
            Some((Whose::From, "Slice")),
        ),
        (Mount | Automount, Mount) if is_below(from.name, to.name) => {
            says("a mount is after those it lies on (systemd.mount(5))", None)
        }
        (_, Mount) if needs_mount(from, to.name) => says(
            "it needs a path on that file system (RequiresMountsFor=, or a path in its settings, \
             systemd.unit(5))",
            Some((Whose::From, "RequiresMountsFor")),
        ),
        (Mount, Device) => says(
            "a mount is after its device (What=, systemd.mount(5))",
            Some((Whose::From, "What")),
        ),
        (Swap, Device) => {
            says("a swap is after its device (What=, systemd.swap(5))", Some((Whose::From, "What")))
        }
        (Socket, Device) => says(
            "a socket is after the network device it is bound to (systemd.socket(5))",
            Some((Whose::From, "BindToDevice")),
        ),
        (Service, Service) if to.name == "systemd-tmpfiles-setup.service" => says(
            "PrivateTmp= needs /tmp to be set up (systemd.exec(5))",
            Some((Whose::From, "PrivateTmp")),
        ),
        _ => None,
    }
}

/// Dependencies that `DefaultDependencies=no` takes away.
fn default(from: Known<'_>, to: Known<'_>) -> Option<Reason> {
    use UnitType::{Automount, Mount, Path, Scope, Service, Slice, Socket, Swap, Target, Timer};
    let says = |text: &str, directive| {
        Some(Reason {
            origin: EdgeOrigin::Default,
            text: format!("{text} (DefaultDependencies=)"),
            directive,
        })
    };
    let (earlier, later) = (to.name.as_str(), from.name.as_str());
    let (from_kind, to_kind) = (from.kind()?, to.kind()?);
    if from_kind == Target && to.has_defaults() {
        let kind_of_target = match (later, to_kind) {
            ("shutdown.target" | "umount.target", _) => {
                return says("every unit is stopped before the host shuts down", None);
            }
            ("sockets.target", Socket) => Some("sockets are before sockets.target"),
            ("timers.target", Timer) => Some("timers are before timers.target"),
            ("paths.target", Path) => Some("path units are before paths.target"),
            ("slices.target", Slice) => Some("slices are before slices.target"),
            ("swap.target", Swap) => Some("swaps are before swap.target"),
            ("local-fs.target" | "remote-fs.target", Mount | Automount) => {
                Some("mounts are before local-fs.target or remote-fs.target")
            }
            _ => None,
        };
        if let Some(text) = kind_of_target {
            return says(text, None);
        }
        let wanted = ["Wants", "Requires", "Requisite", "BindsTo"];
        let by = wanted.into_iter().find(|property| from.depends(property, to.name));
        if let Some(property) = by.filter(|_| from.has_defaults()) {
            return says(
                "a target is after the units it wants or requires",
                Some((Whose::From, property)),
            );
        }
    }
    if !from.has_defaults() {
        return None;
    }
    match (from_kind, earlier) {
        (Service | Scope, "sysinit.target" | "basic.target") => {
            says("services are after sysinit.target and basic.target", None)
        }
        (Socket | Timer | Path, "sysinit.target") => {
            says("sockets, timers and path units are after sysinit.target", None)
        }
        (Timer, "time-set.target" | "time-sync.target") => {
            says("timers with OnCalendar= are after the clock is set", None)
        }
        (
            Mount | Automount,
            "local-fs-pre.target"
            | "remote-fs-pre.target"
            | "network.target"
            | "network-online.target",
        ) => {
            says("mounts are after local-fs-pre.target, those of the network after it is up", None)
        }
        _ => None,
    }
}

/// Whether mount unit `from` lies below mount unit `to`, by their names.
fn is_below(from: &UnitName, to: &UnitName) -> bool {
    let (from, to) = (from.stem(), to.stem());
    to == "-" || from.strip_prefix(to).is_some_and(|rest| rest.starts_with('-'))
}

/// Whether one of the paths that a unit needs is on the mount unit.
fn needs_mount(from: Known<'_>, mount: &UnitName) -> bool {
    let paths = from.origin.into_iter().flat_map(|origin| &origin.requires_mounts_for);
    paths.into_iter().any(|path| lies_on(path, mount))
}

/// Whether `path` is on the file system of a mount unit, by its name.
pub(super) fn lies_on(path: &str, mount: &UnitName) -> bool {
    let mounted = path_of(mount);
    let (path, mounted) = (path.trim_end_matches('/'), mounted.trim_end_matches('/'));
    path.strip_prefix(mounted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The path in the name of a mount unit, `systemd-escape(1)`.
fn path_of(mount: &UnitName) -> String {
    let stem = mount.stem();
    let mut path = vec![b'/'];
    let mut rest = if stem == "-" { "" } else { stem }.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'-' => path.push(b'/'),
            b'\\' => {
                let hex =
                    |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
                // `\x2d`
                let code = (rest.next() == Some(b'x'))
                    .then(|| Some(hex(rest.next()?)? * 16 + hex(rest.next()?)?))
                    .flatten();
                path.extend(code);
            }
            byte => path.push(byte),
        }
    }
    String::from_utf8_lossy(&path).into_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn explained(from: &str, to: &str) -> Option<(EdgeOrigin, String)> {
        with(from, &UnitOrigin::default(), to, &UnitOrigin::default())
    }

    fn with(
        from: &str,
        from_origin: &UnitOrigin,
        to: &str,
        to_origin: &UnitOrigin,
    ) -> Option<(EdgeOrigin, String)> {
        let (from, to) = (UnitName::from(from), UnitName::from(to));
        let reason = explain(
            Known { name: &from, origin: Some(from_origin) },
            Known { name: &to, origin: Some(to_origin) },
        )?;
        Some((reason.origin, reason.text))
    }

    fn depends(property: &str, on: &str) -> UnitOrigin {
        let dependencies = BTreeMap::from([(property.to_owned(), vec![on.into()])]);
        UnitOrigin { dependencies, ..UnitOrigin::default() }
    }

    #[test]
    fn kinds_of_units_bring_an_order_with_them() {
        for (from, to, page) in [
            ("a.service", "a.socket", "systemd.socket(5)"),
            ("a.service", "dbus.socket", "Type=dbus"),
            ("a.service", "systemd-journald.socket", "StandardOutput="),
            ("a.service", "a.timer", "systemd.timer(5)"),
            ("a.service", "a.path", "systemd.path(5)"),
            ("srv.mount", "srv.automount", "systemd.automount(5)"),
            ("a.service", "system.slice", "Slice="),
            ("system-a.slice", "system.slice", "systemd.slice(5)"),
            ("srv-x.mount", "srv.mount", "systemd.mount(5)"),
            ("srv.mount", "-.mount", "systemd.mount(5)"),
            ("srv.mount", "dev-sdb1.device", "What="),
            ("dev-sdb1.swap", "dev-sdb1.device", "What="),
            ("a.service", "systemd-tmpfiles-setup.service", "PrivateTmp="),
        ] {
            let (origin, text) = explained(from, to).unwrap();
            assert_eq!(origin, EdgeOrigin::Implicit, "{from} {to}");
            assert!(text.contains(page), "{from} {to}: {text}");
        }
        assert_eq!(explained("a.service", "b.socket"), None);
        assert_eq!(explained("srvx.mount", "srv.mount"), None);
    }

    #[test]
    fn what_is_triggered_need_not_have_the_same_name() {
        let socket = depends("Triggers", "a.service");
        let found = with("a.service", &UnitOrigin::default(), "b.socket", &socket);
        assert_eq!(found.unwrap().0, EdgeOrigin::Implicit);
    }

    #[test]
    fn a_path_brings_its_mount() {
        let needs = |path: &str| UnitOrigin {
            requires_mounts_for: vec![path.to_owned()],
            ..UnitOrigin::default()
        };
        let found = |path, mount| with("a.service", &needs(path), mount, &UnitOrigin::default());
        assert!(found("/srv/data/x", "srv-data.mount").is_some());
        assert!(found("/srv/da-ta", r"srv-da\x2dta.mount").is_some());
        assert!(found("/srv/database", "srv-data.mount").is_none());
        assert!(found("/var", "-.mount").is_some());
    }

    #[test]
    fn defaults_are_said_to_be_so_and_can_be_switched_off() {
        let off = UnitOrigin { default_dependencies: Some(false), ..UnitOrigin::default() };
        for (from, to, whose) in [
            ("a.service", "sysinit.target", Whose::From),
            ("a.service", "basic.target", Whose::From),
            ("a.socket", "sysinit.target", Whose::From),
            ("sockets.target", "a.socket", Whose::To),
            ("timers.target", "a.timer", Whose::To),
            ("shutdown.target", "a.service", Whose::To),
            ("local-fs.target", "srv.mount", Whose::To),
            ("srv.mount", "local-fs-pre.target", Whose::From),
        ] {
            let (origin, text) = explained(from, to).unwrap();
            assert_eq!(origin, EdgeOrigin::Default, "{from} {to}");
            assert!(text.ends_with("(DefaultDependencies=)"), "{text}");
            let on = UnitOrigin::default();
            let (of_from, of_to) = if whose == Whose::From { (&off, &on) } else { (&on, &off) };
            assert_eq!(with(from, of_from, to, of_to), None, "{from} {to}");
        }
    }

    #[test]
    fn a_target_is_after_what_it_wants() {
        let wants = depends("Wants", "a.service");
        let found = with("x.target", &wants, "a.service", &UnitOrigin::default());
        assert_eq!(found.unwrap().0, EdgeOrigin::Default);
        assert_eq!(explained("x.target", "a.service"), None);
        let off = UnitOrigin { default_dependencies: Some(false), ..wants };
        assert_eq!(with("x.target", &off, "a.service", &UnitOrigin::default()), None);
    }

    proptest! {
        #[test]
        fn no_name_makes_it_panic(from in any::<String>(), to in "[a-z\\\\x-]{0,9}\\.mount", path: String) {
            let needs = UnitOrigin { requires_mounts_for: vec![path], ..UnitOrigin::default() };
            let _ = with(&from, &needs, &to, &needs);
            let _ = with(&to, &needs, &from, &needs);
        }
    }
}
