//! Names in search paths that are made for each test.

use std::fs;
use std::os::unix::fs::symlink;

use sysdiag_model::snapshot::{FileChange, UnitOnDisk};
use sysdiag_model::{Timestamp, UnitName};

use super::{Listing, LoadedFiles, SearchPath, read};
use crate::Root;

const ETC: &str = "/etc/systemd/system";
const RUN: &str = "/run/systemd/system";
const USR: &str = "/usr/lib/systemd/system";

struct Host {
    _folder: tempfile::TempDir,
    root: Root,
}

impl Host {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        Self { _folder: folder, root }
    }

    fn file(&self, path: &str, content: &str) -> &Self {
        let path = self.root.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    fn link(&self, path: &str, target: &str) -> &Self {
        let path = self.root.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
        self
    }

    fn listing(&self) -> Listing {
        let (listing, gaps) = Listing::read(&self.root, &SearchPath::standard());
        assert_eq!(gaps, []);
        listing
    }

    fn find(&self, name: &str) -> Option<UnitOnDisk> {
        let (unit, gaps) = read(&self.root, &self.listing(), &UnitName::from(name));
        assert_eq!(gaps, []);
        unit
    }

    fn fragment(&self, name: &str) -> Option<String> {
        Some(self.find(name)?.fragment?.path)
    }

    fn state(&self, name: &str) -> String {
        self.find(name).unwrap().unit_file_state.unwrap()
    }
}

fn names(unit: &UnitOnDisk) -> Vec<&str> {
    unit.names.iter().map(UnitName::as_str).collect()
}

#[test]
fn the_highest_directory_wins() {
    let host = Host::new();
    host.file(&format!("{USR}/a.service"), "[Unit]\n");
    assert_eq!(host.fragment("a.service").unwrap(), format!("{USR}/a.service"));
    host.file(&format!("{RUN}/a.service"), "[Unit]\n");
    assert_eq!(host.fragment("a.service").unwrap(), format!("{RUN}/a.service"));
    host.file(&format!("{ETC}/a.service"), "[Unit]\nDescription=Mine\n");
    let unit = host.find("a.service").unwrap();
    assert_eq!(unit.fragment.unwrap().path, format!("{ETC}/a.service"));
    assert_eq!(unit.declarations[0].value, "Mine");
    assert_eq!(host.find("b.service"), None);
    assert_eq!(host.find("not a name"), None);
}

#[test]
fn a_directory_with_two_names_counts_once() {
    let host = Host::new();
    host.file(&format!("{USR}/a.service"), "[Unit]\n").link("/lib", "usr/lib");
    host.link(&format!("{ETC}/alias.service"), "/lib/systemd/system/a.service");
    host.file(&format!("{USR}/a.service.d/x.conf"), "[Unit]\n");
    let of_debian_12 =
        SearchPath::of_manager(&[ETC, "/lib/systemd/system", USR].map(str::to_owned));
    let (listing, _) = Listing::read(&host.root, &of_debian_12);
    let unit = listing.find(&"alias.service".into()).unwrap();
    assert_eq!(unit.fragment.unwrap().path, "/lib/systemd/system/a.service");
    assert_eq!(unit.name, "a.service");
    // systemd 252 shows the fragment as it found it, and drop-ins where they are.
    assert_eq!(unit.drop_ins, [format!("{USR}/a.service.d/x.conf")]);
}

#[test]
fn aliases_are_followed_as_far_as_systemd_follows_them() {
    let host = Host::new();
    host.file(&format!("{USR}/real.service"), "[Unit]\n");
    host.link(&format!("{ETC}/one.service"), &format!("{USR}/real.service"));
    host.link(&format!("{USR}/two.service"), "one.service");
    let unit = host.find("two.service").unwrap();
    assert_eq!(names(&unit), ["one.service", "real.service", "two.service"]);
    assert_eq!(unit.name, "real.service");
    let aliases = host.listing().aliases();
    assert_eq!(aliases.get("two.service").unwrap(), &"real.service");
    assert_eq!(aliases.len(), 2);
    // In a ring, into nothing, and to another kind.
    host.link(&format!("{ETC}/r1.service"), "r2.service");
    host.link(&format!("{ETC}/r2.service"), "r1.service");
    host.link(&format!("{ETC}/lost.service"), "gone.service");
    host.link(&format!("{ETC}/odd.service"), "odd.socket");
    for name in ["r1.service", "lost.service", "odd.service"] {
        assert_eq!(host.find(name), None, "{name}");
    }
    // A link to its own name hides nothing.
    host.link(&format!("{ETC}/real.service"), &format!("{USR}/real.service"));
    assert_eq!(host.fragment("real.service").unwrap(), format!("{USR}/real.service"));
}

#[test]
fn a_mask_is_a_link_to_nothing_or_an_empty_file() {
    let host = Host::new();
    host.file(&format!("{USR}/a.service"), "[Service]\nExecStart=/bin/a\n");
    host.link(&format!("{ETC}/a.service"), "/dev/null").file(&format!("{RUN}/b.service"), "");
    let unit = host.find("a.service").unwrap();
    assert!(unit.fragment.unwrap().masked && unit.declarations.is_empty());
    assert_eq!(host.state("a.service"), "masked");
    assert_eq!(host.state("b.service"), "masked-runtime");
}

#[test]
fn an_instance_has_the_file_of_its_template() {
    let host = Host::new();
    host.file(
        &format!("{USR}/getty@.service"),
        "[Install]\nWantedBy=getty.target\nDefaultInstance=tty1\n",
    );
    host.link(&format!("{USR}/autovt@.service"), "getty@.service");
    host.link(&format!("{ETC}/getty.target.wants/getty@tty1.service"), "x");
    let unit = host.find("getty@tty1.service").unwrap();
    assert_eq!(unit.fragment.unwrap().path, format!("{USR}/getty@.service"));
    assert_eq!(unit.unit_file_state.unwrap(), "enabled");
    let unit = host.find("autovt@tty2.service").unwrap();
    assert_eq!(unit.name, "getty@tty2.service");
    assert_eq!(names(&unit), ["autovt@tty2.service", "getty@tty2.service"]);
    assert_eq!(unit.unit_file_state.unwrap(), "disabled");
    let unit = host.find("getty@.service").unwrap();
    assert_eq!(names(&unit), ["autovt@.service", "getty@.service"]);
    assert_eq!(unit.links[0].unit, "getty@tty1.service");
    assert_eq!(unit.unit_file_state.unwrap(), "enabled");
}

#[test]
fn drop_ins_apply_by_name_and_hide_by_directory() {
    let host = Host::new();
    host.file(&format!("{USR}/foo-bar@.service"), "[Unit]\n");
    for (path, content) in [
        (format!("{USR}/service.d/50-all.conf"), "kind"),
        (format!("{USR}/service.d/10-first.conf"), "hidden"),
        (format!("{USR}/foo-.service.d/10-first.conf"), "hidden too"),
        (format!("{ETC}/foo-bar@.service.d/10-first.conf"), "template"),
        (format!("{RUN}/foo-bar@x.service.d/90-last.conf"), "instance"),
        (format!("{RUN}/foo-bar@x.service.d/readme"), "no drop-in"),
        (format!("{RUN}/foo-bar@y.service.d/20-other.conf"), "another instance"),
    ] {
        host.file(&path, content);
    }
    assert_eq!(
        host.find("foo-bar@x.service").unwrap().drop_ins,
        [
            format!("{ETC}/foo-bar@.service.d/10-first.conf"),
            format!("{USR}/service.d/50-all.conf"),
            format!("{RUN}/foo-bar@x.service.d/90-last.conf"),
        ]
    );
}

#[test]
fn links_say_what_enables() {
    let host = Host::new();
    host.file(
        &format!("{USR}/a.service"),
        "[Install]\nWantedBy=multi-user.target\nAlias=b.service\n",
    );
    assert_eq!(host.state("a.service"), "disabled");
    // What came with the package is not the administrator's.
    host.link(&format!("{USR}/x.target.wants/a.service"), "../a.service");
    assert_eq!(host.state("a.service"), "disabled");
    host.link(&format!("{RUN}/y.target.requires/a.service"), "/usr/lib/systemd/system/a.service");
    assert_eq!(host.state("a.service"), "enabled-runtime");
    host.link(&format!("{ETC}/b.service"), &format!("{USR}/a.service"));
    assert_eq!(host.state("a.service"), "enabled");
    let unit = host.find("a.service").unwrap();
    let links: Vec<(&str, &str)> =
        unit.links.iter().map(|link| (link.by.as_str(), link.edge_type.as_str())).collect();
    assert_eq!(links, [("x.target", "Wants"), ("y.target", "Requires")]);
    // A link to nothing takes the one below it away.
    host.link(&format!("{ETC}/x.target.wants/a.service"), "/dev/null");
    assert_eq!(host.find("a.service").unwrap().links.len(), 1);
}

#[test]
fn what_nobody_enables_says_why() {
    let host = Host::new();
    host.file(&format!("{USR}/static.service"), "[Service]\n");
    host.file(&format!("{USR}/also.service"), "[Install]\nAlso=x.socket\n");
    host.file("/run/systemd/generator/made.mount", "[Mount]\n");
    host.file("/run/systemd/transient/t.service", "[Service]\n");
    host.file("/opt/app/linked.service", "[Service]\n");
    host.link(&format!("{ETC}/linked.service"), "/opt/app/linked.service");
    for (name, state) in [
        ("static.service", "static"),
        ("also.service", "indirect"),
        ("made.mount", "generated"),
        ("t.service", "transient"),
        ("linked.service", "linked"),
    ] {
        assert_eq!(host.state(name), state, "{name}");
    }
    let target = host.find("linked.service").unwrap().fragment.unwrap().target;
    assert_eq!(target.as_deref(), Some("/opt/app/linked.service"));
}

#[test]
fn drop_ins_and_links_without_a_file_are_something() {
    let host = Host::new();
    host.file(&format!("{ETC}/a.service.d/x.conf"), "[Unit]\n");
    host.link(&format!("{ETC}/t.target.wants/b.service"), "/gone");
    assert_eq!(host.find("a.service").unwrap().fragment, None);
    assert_eq!(host.find("b.service").unwrap().links.len(), 1);
    let target = host.find("t.target").unwrap();
    assert_eq!((target.links.len(), target.asks_for[0].unit.as_str()), (0, "b.service"));
    // What is for all units of a kind makes none of them.
    host.file(&format!("{ETC}/service.d/all.conf"), "[Unit]\n");
    host.file(&format!("{ETC}/foo-.service.d/all.conf"), "[Unit]\n");
    assert_eq!(host.find("foo-bar.service"), None);
}

#[test]
fn secrets_are_masked_and_links_stay_below_the_root() {
    let host = Host::new();
    host.file(
        &format!("{USR}/a.service"),
        "[Service]\nEnvironment=TOKEN=abc\nExecStart=/bin/a --password hunter2\n",
    );
    let unit = host.find("a.service").unwrap();
    assert_eq!(unit.declarations.len(), 1);
    assert_eq!(unit.declarations[0].value, "/bin/a --password [masked]");
    // The running host has this file, the image has not.
    host.link(&format!("{ETC}/out.service"), "/etc/passwd");
    let (unit, gaps) = read(&host.root, &host.listing(), &"out.service".into());
    assert_eq!((unit.unwrap().declarations.len(), gaps.len()), (0, 1));
}

/// Between what is there by now and what changes from now on: times of files have the grain of the
/// kernel's timer.
fn moment(host: &Host) -> Timestamp {
    let probe = host.root.path("/now");
    let time = || {
        fs::write(&probe, "").unwrap();
        let changed = rustix::fs::stat(&probe).unwrap();
        (changed.st_ctime, changed.st_ctime_nsec)
    };
    let first = time();
    while time() == first {}
    let (seconds, nanoseconds) = time();
    Timestamp::from_usec(seconds.cast_unsigned() * 1_000_000 + nanoseconds / 1000 - 1)
}

const LOADED: [&str; 5] =
    ["a.service", "b@1.service", "real.service", "made.mount", "foo-bar.service"];

/// Who is a candidate by name, and how many others.
fn candidates(host: &Host, since: Option<Timestamp>) -> (Vec<String>, usize) {
    let loaded = LOADED.map(UnitName::from);
    let listing = host.listing();
    let found = listing.candidates(&host.root, since, loaded.iter());
    (found.by_name.iter().map(ToString::to_string).collect(), found.others.len())
}

fn loaded_host() -> Host {
    let host = Host::new();
    for file in ["a.service", "b@.service", "real.service", "foo-bar.service", "a.service.d/x.conf"]
    {
        host.file(&format!("{ETC}/{file}"), "[Unit]\n");
    }
    host.link(&format!("{ETC}/alias.service"), "real.service");
    host.file("/etc/fstab", "x");
    let made = "[Unit]\nSourcePath=/etc/fstab\n";
    host.file("/run/systemd/generator/made.mount", made);
    host
}

#[test]
fn nothing_changed_nobody_is_asked() {
    let host = loaded_host();
    let since = moment(&host);
    assert_eq!(candidates(&host, Some(since)), (vec![], 0));
    // Nobody knows since when: everyone is.
    assert_eq!(candidates(&host, None), (vec![], LOADED.len()));
    // Generators write at every load, systemd itself at every start of a transient unit.
    host.file("/run/systemd/generator/made.mount", "[Unit]\nSourcePath=/etc/fstab\n");
    host.file("/run/systemd/transient/t.service", "");
    assert_eq!(candidates(&host, Some(since)), (vec![], 0));
}

#[test]
fn what_changed_in_place_names_its_units() {
    for (path, unit) in [
        (format!("{ETC}/a.service"), "a.service"),
        (format!("{ETC}/b@.service"), "b@1.service"),
        (format!("{ETC}/a.service.d/x.conf"), "a.service"),
        (format!("{ETC}/a.service.d/new.conf"), "a.service"),
        ("/etc/fstab".to_owned(), "made.mount"),
    ] {
        let host = loaded_host();
        let since = moment(&host);
        host.file(&path, "[Unit]\nDescription=new\n");
        assert_eq!(candidates(&host, Some(since)), (vec![unit.to_owned()], 0), "{path}");
    }
}

#[test]
fn what_came_or_went_may_be_anybodys() {
    let host = loaded_host();
    let since = moment(&host);
    host.file(&format!("{ETC}/foo-.service.d/y.conf"), "[Unit]\n");
    assert_eq!(candidates(&host, Some(since)), (vec!["foo-bar.service".to_owned()], 4));
    let host = loaded_host();
    let since = moment(&host);
    fs::remove_file(host.root.path(format!("{ETC}/a.service"))).unwrap();
    assert_eq!(candidates(&host, Some(since)), (vec![], LOADED.len()));
    // The folder is still there: it is known whose.
    let host = loaded_host();
    let since = moment(&host);
    fs::remove_file(host.root.path(format!("{ETC}/a.service.d/x.conf"))).unwrap();
    assert_eq!(candidates(&host, Some(since)), (vec!["a.service".to_owned()], 0));
}

#[test]
fn the_files_that_changed_are_named() {
    let host = loaded_host();
    let since = moment(&host);
    let path = |name: &str| format!("{ETC}/{name}");
    let loaded = LoadedFiles {
        fragment: Some(path("a.service")),
        drop_ins: vec![path("a.service.d/x.conf"), path("a.service.d/gone.conf")],
        source: Some("/proc/swaps".to_owned()),
    };
    host.file(&path("a.service"), "[Unit]\n").file(&path("a.service.d/new.conf"), "[Unit]\n");
    let changed = |since| {
        let found = host.listing().changed_files(&host.root, &"a.service".into(), &loaded, since);
        let found = found.into_iter();
        found.map(|it| (it.path, it.change, it.time.is_some())).collect::<Vec<_>>()
    };
    let gone = (path("a.service.d/gone.conf"), FileChange::Removed, true);
    let new = (path("a.service.d/new.conf"), FileChange::Added, true);
    assert_eq!(changed(None), [gone.clone(), new.clone()]);
    // systemd takes its own away itself.
    let own = LoadedFiles {
        fragment: Some("/run/systemd/transient/a.service".to_owned()),
        ..LoadedFiles::default()
    };
    assert_eq!(host.listing().removed_files(&host.root, &own), []);
    let changed_too = (path("a.service"), FileChange::Changed, true);
    assert_eq!(changed(Some(since)), [gone.clone(), changed_too, new]);
    // A drop-in of before that was not read is none of the changes.
    assert_eq!(changed(Some(moment(&host))), [gone]);
}

#[test]
fn a_file_that_hides_the_loaded_one_is_noticed() {
    let host = Host::new();
    let below = format!("{USR}/a.service");
    host.file(&below, "[Unit]\n");
    let since = moment(&host);
    let unit = UnitName::from("a.service");
    host.file(&format!("{ETC}/a.service"), "[Unit]\n");
    let loaded = LoadedFiles { fragment: Some(below), ..LoadedFiles::default() };
    let found = host.listing().changed_files(&host.root, &unit, &loaded, Some(since));
    assert_eq!((found.len(), found[0].change), (1, FileChange::Added));
    // The other way round, however old what is below.
    let hidden = LoadedFiles { fragment: Some(format!("{RUN}/a.service")), ..loaded };
    fs::remove_file(host.root.path(format!("{ETC}/a.service"))).unwrap();
    let found = host.listing().changed_files(&host.root, &unit, &hidden, Some(moment(&host)));
    let changes: Vec<FileChange> = found.iter().map(|file| file.change).collect();
    assert_eq!(changes, [FileChange::Removed, FileChange::Added]);
}
