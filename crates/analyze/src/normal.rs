//! What systemd regards as normal is nothing to tell: each of these hosts has no finding at all.
//!
//! The states are those that systemd 252 and 257 give; `tests/e2e/cases/normal.sh` makes them there.

use sysdiag_model::Finding;
use sysdiag_model::snapshot::{
    ExecCommand, ServiceDetail, ServiceState, Snapshot, SocketState, TimerState, UnitDetail,
    UnitEventKind,
};

use crate::testing::{NOW_USEC, add_unit, healthy, systemd_of, unit};
use crate::testing_events::{ago, assessed, event, failed_service, timer};

const SECOND: u64 = 1_000_000;

fn found(snapshot: &Snapshot) -> Vec<Finding> {
    assessed(snapshot).findings
}

/// A service that is down; its last run, if it had one, ended so, and systemd found that well.
fn ended(snapshot: &mut Snapshot, name: &str, result: &str, run: Option<(i32, i32)>) {
    let mut down = unit(name, "inactive", "dead");
    let times = down.times.as_mut().unwrap();
    if run.is_some() {
        times.active_exit_usec = Some(NOW_USEC - 241 * SECOND);
        times.inactive_enter_usec = Some(NOW_USEC - 240 * SECOND);
    } else {
        down.times = None;
    }
    add_unit(snapshot, down);
    let (code, status) = run.unwrap_or((0, 0));
    let state = ServiceState {
        result: Some(result.to_owned()),
        n_restarts: Some(0),
        exec_main_code: Some(code),
        exec_main_status: Some(status),
    };
    let command = ExecCommand {
        path: "/usr/bin/example".to_owned(),
        argv: vec!["/usr/bin/example".to_owned()],
        ignore_failure: false,
        started: Some(ago(1_000)),
        exited: run.map(|_| ago(240)),
        pid: 4711,
        code,
        status,
    };
    let service = ServiceDetail {
        service_type: Some("simple".to_owned()),
        exec_main_code: Some(code),
        exec_main_status: Some(status),
        exec: [("ExecStart".to_owned(), vec![command])].into(),
        ..ServiceDetail::default()
    };
    let detail = UnitDetail {
        names: vec![name.into()],
        result: Some(result.to_owned()),
        service: Some(service),
        ..UnitDetail::default()
    };
    let systemd = systemd_of(snapshot);
    systemd.services.insert(name.into(), state);
    systemd.details.insert(name.into(), detail);
}

#[test]
fn ends_that_were_agreed_on() {
    for (what, result, run) in [
        ("a oneshot that is done", "success", Some((1, 0))),
        ("SuccessExitStatus=42", "success", Some((1, 42))),
        ("SuccessExitStatus=SIGUSR1", "success", Some((2, 10))),
        ("SuccessExitStatus=143", "success", Some((1, 143))),
        ("a stop by SIGTERM", "success", Some((2, 15))),
        ("RestartPreventExitStatus=7 with SuccessExitStatus=7", "success", Some((1, 7))),
        ("ExecCondition= that says no", "exec-condition", Some((1, 1))),
        ("never started, static or disabled", "success", None),
    ] {
        let mut snapshot = healthy();
        ended(&mut snapshot, "a.service", result, run);
        if run.is_some() {
            let exit = event(&mut snapshot, "a.service", UnitEventKind::ProcessExit, 240);
            exit.exit_code = Some("exited".to_owned());
            exit.exit_status = run.map(|(_, status)| status.to_string());
            event(&mut snapshot, "a.service", UnitEventKind::Stopped, 239).job_result =
                Some("done".to_owned());
        }
        assert_eq!(found(&snapshot), [], "{what}");
    }
    // The same end without an agreement is not silent: nor are these hosts for want of a rule.
    let mut snapshot = healthy();
    failed_service(&mut snapshot, "a.service", "exit-code", 1, 42);
    assert_eq!(found(&snapshot).len(), 1);
}

#[test]
fn conditions_that_are_not_met() {
    use UnitEventKind::{StartFailed, Started};
    for (kind, result) in [(Started, "done"), (Started, "skipped"), (StartFailed, "skipped")] {
        let mut snapshot = healthy();
        ended(&mut snapshot, "a.service", "success", None);
        event(&mut snapshot, "a.service", kind, 60).job_result = Some(result.to_owned());
        // systemd unloads it soon.
        event(&mut snapshot, "gone.service", kind, 60).job_result = Some(result.to_owned());
        assert_eq!(found(&snapshot), [], "{kind:?} {result}");
    }
}

#[test]
fn sessions_that_end() {
    let mut snapshot = healthy();
    add_unit(&mut snapshot, unit("session-3.scope", "active", "abandoned"));
    let mut closing = unit("session-4.scope", "deactivating", "stop-sigterm");
    closing.times.as_mut().unwrap().active_exit_usec = Some(NOW_USEC - SECOND);
    add_unit(&mut snapshot, closing);
    let mut user = unit("user@1000.service", "deactivating", "stop-sigterm");
    user.times.as_mut().unwrap().active_exit_usec = Some(NOW_USEC - SECOND);
    add_unit(&mut snapshot, user);
    ended(&mut snapshot, "user@1001.service", "success", Some((1, 0)));
    ended(&mut snapshot, "user-runtime-dir@1001.service", "success", Some((1, 0)));
    for name in ["session-5.scope", "user-1001.slice", "user@1001.service"] {
        event(&mut snapshot, name, UnitEventKind::Stopped, 5).job_result = Some("done".to_owned());
    }
    assert_eq!(found(&snapshot), []);
    // A manager that does not come to its end is stuck all the same.
    let mut user = unit("user@1000.service", "deactivating", "stop-sigterm");
    user.times.as_mut().unwrap().active_exit_usec = Some(NOW_USEC - 3_000 * SECOND);
    add_unit(&mut snapshot, user);
    assert_eq!(found(&snapshot).len(), 1);
}

#[test]
fn timers_that_catch_up_passed_or_were_stopped() {
    let with = |active: &str, sub: &str, timer: TimerState| {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("a.timer", active, sub));
        ended(&mut snapshot, "a.service", "success", Some((1, 0)));
        systemd_of(&mut snapshot).timers.insert("a.timer".into(), timer);
        found(&snapshot)
    };
    // Persistent: it last elapsed in an earlier boot, days ago, and does so next at midnight.
    let mut persistent = timer("a.service");
    persistent.last_trigger = Some(ago(3 * 86_400));
    persistent.next_elapse = Some(healthy().clock.realtime.plus_usec(40_000 * SECOND));
    persistent.next_elapse_monotonic_usec = None;
    assert_eq!(with("active", "waiting", persistent.clone()), []);
    // It elapsed a moment ago, and its service runs.
    persistent.next_elapse = Some(ago(1));
    assert_eq!(with("active", "running", persistent.clone()), []);
    let mut once = timer("a.service");
    once.next_elapse_monotonic_usec = None;
    assert_eq!(with("active", "elapsed", once), []);
    // Stopped on purpose, long after it was due.
    persistent.next_elapse = Some(ago(86_400));
    assert_eq!(with("inactive", "dead", persistent.clone()), []);
    assert_eq!(with("active", "waiting", persistent).len(), 1, "a late one is none of these");
}

#[test]
fn sockets_and_paths_that_were_stopped() {
    let mut snapshot = healthy();
    for name in ["a.socket", "a.path"] {
        let mut down = unit(name, "inactive", "dead");
        let times = down.times.as_mut().unwrap();
        times.active_exit_usec = Some(NOW_USEC - 60 * SECOND);
        times.inactive_enter_usec = Some(NOW_USEC - 60 * SECOND);
        add_unit(&mut snapshot, down);
        event(&mut snapshot, name, UnitEventKind::Stopped, 60).job_result = Some("done".to_owned());
    }
    let state = SocketState {
        result: Some("success".to_owned()),
        n_refused: Some(0),
        listen: vec![("Stream".to_owned(), "/run/a.sock".to_owned())],
        wanted_by: Some(vec!["multi-user.target".into()]),
        condition_result: Some(true),
        condition_tested: Some(true),
        ..SocketState::default()
    };
    systemd_of(&mut snapshot).sockets.insert("a.socket".into(), state);
    ended(&mut snapshot, "a.service", "success", Some((2, 15)));
    assert_eq!(found(&snapshot), []);
}
