//! A whole collection: what hangs costs the deadline and nothing more, what is not there is a gap.

use std::fs;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use sysdiag_model::Why;
use sysdiag_model::snapshot::Outcome;
use sysdiag_sources::{Options, Root, collect};

#[test]
fn sockets_that_accept_and_never_answer_cost_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let root = Root::at(folder.path());
    fs::create_dir_all(root.path("/run/systemd/system")).unwrap();
    fs::create_dir_all(root.path("/run/dbus")).unwrap();
    let _private = UnixListener::bind(root.path("/run/systemd/private")).unwrap();
    let _bus = UnixListener::bind(root.path("/run/dbus/system_bus_socket")).unwrap();
    let deadline = Duration::from_secs(1);
    let options = Options { deadline, ..Options::default() };
    let mut waited_for = Vec::new();
    let begin = Instant::now();
    let snapshot = collect(&root, &options, &mut |progress| waited_for.push(progress.source));
    let elapsed = begin.elapsed();
    assert!(elapsed >= deadline && elapsed < deadline + Duration::from_secs(1), "{elapsed:?}");
    assert_eq!(snapshot.systemd.gaps()[0].why, Why::TimedOut);
    assert!(!waited_for.is_empty() && waited_for.iter().all(|source| *source == "systemd"));
    for timing in &snapshot.timings {
        let of_systemd = timing.source == "systemd";
        assert_eq!(timing.elapsed_usec >= 900_000, of_systemd, "{timing:?}");
    }
}

#[test]
fn an_empty_folder_is_a_host_of_which_nothing_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let begin = Instant::now();
    let snapshot = collect(&Root::at(folder.path()), &Options::default(), &mut |_| {});
    assert!(begin.elapsed() < Duration::from_secs(4));
    let gaps = [
        snapshot.systemd.gaps(),
        snapshot.cgroups.gaps(),
        snapshot.system.gaps(),
        snapshot.processes.gaps(),
        snapshot.journal.gaps(),
    ];
    for gap in gaps {
        assert_eq!((gap.len(), gap[0].why), (1, Why::Absent), "{gap:?}");
        assert!(gap[0].hint.as_ref().is_some_and(|hint| !hint.is_empty()), "{gap:?}");
    }
    assert_eq!(snapshot.timings.len(), 5);
    assert!(snapshot.timings.iter().all(|timing| timing.outcome == Outcome::Failed));
}
