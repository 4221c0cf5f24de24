//! The kernel of this machine, really traced: what it says of processes is compared with what `wait(2)`
//! says. Needs what `precondition` asks for, and fails without it; `SYSDIAG_NO_BPF=1` leaves these
//! tests out where that cannot be had. Other processes of the machine are seen, too, and not judged.
#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{env, fs, thread};

use sysdiag_model::snapshot::{ProcessEnd, TraceLosses, TracedExec, TracedExit};
use sysdiag_trace::{Background, Event, Options, Tracer};

/// What was seen of children of this process, by process id in the order of time: another process of the
/// machine may have had the same number. The counts are of all.
#[derive(Default)]
struct Seen {
    forks: BTreeMap<u32, u32>,
    execs: BTreeMap<u32, Vec<TracedExec>>,
    exits: BTreeMap<u32, Vec<TracedExit>>,
    counts: [u64; 3],
    lost: TraceLosses,
}

impl Seen {
    fn add(&mut self, event: Event<'_>) {
        match event {
            Event::Fork(fork) => {
                self.counts[0] += 1;
                if fork.parent == std::process::id() {
                    *self.forks.entry(fork.pid).or_default() += 1;
                }
            }
            Event::Exec(exec) => {
                self.counts[1] += 1;
                let model = exec.to_model(|arguments| arguments, 8192);
                if model.process.parent == std::process::id() {
                    self.execs.entry(model.process.pid).or_default().push(model);
                }
            }
            Event::Exit(exit) => {
                self.counts[2] += 1;
                let model = exit.to_model(|arguments| arguments, 8192);
                if model.process.parent == std::process::id() {
                    self.exits.entry(model.process.pid).or_default().push(model);
                }
            }
            Event::Signal(..) | Event::OomVictim(_) => {}
        }
    }

    fn exec(&self, pid: u32) -> &TracedExec {
        let [exec] = &self.execs[&pid][..] else { panic!("{:?}", self.execs[&pid]) };
        exec
    }

    fn exit(&self, pid: u32) -> &TracedExit {
        let [exit] = &self.exits[&pid][..] else { panic!("{:?}", self.exits[&pid]) };
        exit
    }
}

fn is_left_out() -> bool {
    env::var_os("SYSDIAG_NO_BPF").is_some_and(|value| value == "1")
}

/// Traces while `work` runs.
fn watch<T>(work: impl FnOnce() -> T + Send) -> Option<(Seen, T)>
where
    T: Send,
{
    if is_left_out() {
        return None;
    }
    let mut tracer = Tracer::attach(Options::default()).expect("tracing this machine");
    assert_eq!(tracer.gaps(), []);
    let (mut seen, done, waker) = (Seen::default(), AtomicBool::new(false), tracer.waker());
    let result = thread::scope(|scope| {
        let work = scope.spawn(|| {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            done.store(true, Ordering::Release);
            waker.wake();
            result.unwrap()
        });
        while !done.load(Ordering::Acquire) {
            tracer.poll(Duration::from_millis(100), &mut |event| seen.add(event)).unwrap();
        }
        work.join().unwrap()
    });
    tracer.detach(&mut |event| seen.add(event));
    seen.lost = tracer.lost();
    assert_eq!(seen.lost.total(), 0, "{:?}", seen.lost);
    Some((seen, result))
}

/// The example of this name, which `cargo test` builds.
fn example(name: &str) -> PathBuf {
    let own = env::current_exe().unwrap();
    let path = own.parent().unwrap().parent().unwrap().join("examples").join(name);
    assert!(path.exists(), "cargo test builds examples, but not if it is asked for one test file");
    path
}

fn act(arguments: &[&str]) -> Command {
    let mut command = Command::new(example("act"));
    command.args(arguments).stderr(Stdio::null()).current_dir(env::temp_dir());
    command
}

fn finish(mut command: Command) -> (u32, ExitStatus) {
    let mut child = command.spawn().unwrap();
    (child.id(), child.wait().unwrap())
}

fn as_waited(status: ExitStatus) -> ProcessEnd {
    match (status.code(), status.signal()) {
        (Some(code), _) => ProcessEnd::Exited { status: code.try_into().unwrap() },
        (_, Some(signal)) => {
            ProcessEnd::Killed { signal: signal.try_into().unwrap(), core: status.core_dumped() }
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn status_and_signal_are_those_of_wait() {
    let work = || {
        let mut ends: Vec<_> =
            ["0", "1", "127", "255"].map(|status| finish(act(&["exit", status]))).into();
        ends.extend(
            ["1", "6", "9", "11", "15"].map(|signal| finish(act(&["signal", "0", signal]))),
        );
        ends
    };
    let Some((seen, ends)) = watch(work) else { return };
    for (pid, status) in ends {
        let exit = seen.exit(pid);
        assert_eq!(exit.end, as_waited(status));
        assert_eq!(exit.process.parent, std::process::id());
        assert!(!exit.never_execed && !exit.oom_victim && exit.lifetime_usec > 0);
        let file = exit.program.as_ref().unwrap().file.clone();
        assert_eq!(file, example("act").display().to_string());
        assert!(exit.peak_rss.bytes > 100_000, "{exit:?}");
        assert_eq!(seen.forks[&pid], 1);
        if let ProcessEnd::Killed { signal, .. } = exit.end {
            let sent = exit.signal.as_ref().unwrap();
            assert_eq!((sent.number, sent.sender.pid, sent.by_kernel), (signal, pid, false));
        }
    }
}

#[test]
fn who_sent_the_signal_is_told() {
    let work = || {
        let mut victim: Child = Command::new("/bin/cat").stdin(Stdio::piped()).spawn().unwrap();
        let (killer, status) = finish(act(&["signal", &victim.id().to_string(), "9"]));
        assert!(status.success());
        victim.wait().unwrap();
        (victim.id(), killer)
    };
    let Some((seen, (victim, killer))) = watch(work) else { return };
    let exit = seen.exit(victim);
    assert_eq!(exit.end, ProcessEnd::Killed { signal: 9, core: false });
    let signal = exit.signal.as_ref().unwrap();
    assert_eq!((signal.number, signal.by_kernel), (9, false));
    assert_eq!((signal.sender.pid, signal.sender.command.as_str()), (killer, "act"));
    assert_eq!(signal.sender.cgroup, exit.process.cgroup);
    assert!(exit.process.cgroup.is_some());
}

#[test]
fn a_process_of_many_threads_ends_once() {
    let work = || (0..300).map(|_| finish(act(&["group", "3"]))).collect::<Vec<_>>();
    let Some((seen, ends)) = watch(work) else { return };
    for (pid, _) in &ends {
        assert_eq!(seen.exit(*pid).end, ProcessEnd::Exited { status: 3 });
    }
    assert_eq!(ends.iter().map(|(pid, _)| pid).collect::<BTreeSet<_>>().len(), 300);
}

#[test]
fn the_leader_may_end_first() {
    let Some((seen, (pid, status))) = watch(|| finish(act(&["leader-first", "5"]))) else { return };
    assert_eq!(seen.exit(pid).end, as_waited(status));
    assert_eq!(status.code(), Some(5));
}

#[test]
fn exec_of_another_thread_is_that_of_the_process() {
    let work = || finish(act(&["exec-in-thread", "/bin/true", "x"]));
    let Some((seen, (pid, _))) = watch(work) else { return };
    let files: Vec<_> = seen.execs[&pid].iter().map(|exec| exec.program.file.clone()).collect();
    assert_eq!(files, [example("act").display().to_string(), "/bin/true".to_owned()]);
    let exit = seen.exit(pid);
    assert_eq!(exit.end, ProcessEnd::Exited { status: 0 });
    assert_eq!(exit.process.command, "true");
    assert_eq!(exit.program.as_ref().unwrap().file, "/bin/true");
}

#[test]
fn scripts_and_long_command_lines() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    fs::write(&script, "#!/usr/bin/env true\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let short: Vec<String> = (0..200).map(|number| format!("argument{number}")).collect();
    let long: Vec<String> =
        (0..200).map(|number| format!("argument-of-some-length-{number}")).collect();
    let run = |arguments: &[String]| {
        let mut command = Command::new("/bin/true");
        command.args(arguments);
        finish(command).0
    };
    let work = || (finish(Command::new(&script)).0, run(&short), run(&long));
    let Some((seen, (script_pid, short_pid, long_pid))) = watch(work) else { return };
    let program = &seen.execs[&script_pid][0].program;
    assert_eq!(program.file, script.display().to_string());
    assert_eq!(program.interpreter.as_deref(), Some("/usr/bin/env"));
    let program = &seen.exec(short_pid).program;
    assert_eq!(program.arguments.as_ref().unwrap()[1..], short);
    assert!(!program.arguments_cut);
    let program = &seen.exec(long_pid).program;
    assert!(program.arguments_cut);
    let arguments = program.arguments.as_ref().unwrap();
    assert_eq!(arguments[1..100], long[..99]);
    assert!(arguments.len() < 200);
}

#[test]
fn each_of_a_hundred_groups_of_one_process_is_named() {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let line = mounts.lines().find(|line| line.contains(" - cgroup2 ")).unwrap();
    let tree = PathBuf::from(line.split(' ').nth(4).unwrap());
    let name = |number| format!("sysdiag-test-{}-{number}.scope", std::process::id());
    let work = || {
        let run = |number| {
            let group = tree.join(name(number));
            fs::create_dir(&group).unwrap();
            let pid = finish(act(&["join", &group.display().to_string(), "/bin/true"])).0;
            // The kernel has let go of the process once it was waited for.
            fs::remove_dir(&group).unwrap();
            pid
        };
        (0..100).map(run).collect::<Vec<u32>>()
    };
    let Some((seen, pids)) = watch(work) else { return };
    for (number, pid) in pids.into_iter().enumerate() {
        let exec = seen.execs[&pid].last().unwrap();
        for process in [&exec.process, &seen.exit(pid).process] {
            assert_eq!(process.cgroup.as_deref(), Some(format!("/{}", name(number)).as_str()));
            assert_eq!(process.unit.as_ref().unwrap(), name(number).as_str());
        }
    }
}

/// Runs `/bin/true` so often, and checks that nothing of it was missed.
fn storm(count: usize, at_once: usize) {
    let work = || {
        thread::scope(|scope| {
            let run = || (0..count / at_once).map(|_| finish(Command::new("/bin/true")).0);
            let threads: Vec<_> =
                (0..at_once).map(|_| scope.spawn(move || run().collect::<Vec<_>>())).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<u32>>()
        })
    };
    let Some((seen, pids)) = watch(work) else { return };
    let mut missing = 0;
    for pid in &pids {
        // A number may have come again.
        let twice = pids.iter().filter(|other| *other == pid).take(2).count();
        let counts = (seen.execs.get(pid).map(Vec::len), seen.exits.get(pid).map(Vec::len));
        missing += usize::from(twice == 1 && counts != (Some(1), Some(1)));
    }
    assert_eq!((pids.len(), missing), (count, 0));
}

#[test]
fn nothing_is_lost_of_many() {
    storm(800, 1);
    storm(1600, 8);
}

#[test]
#[ignore = "takes a minute"]
fn nothing_is_lost_of_twenty_thousand() {
    storm(20_000, 1);
    storm(20_000, 8);
}

#[test]
fn every_loss_is_counted() {
    if is_left_out() {
        return;
    }
    let options = Options { ring_bytes: 64 * 1024, ..Options::default() };
    let mut tracer = Tracer::attach(options).unwrap();
    let mut seen = Seen::default();
    for _ in 0..1000 {
        finish(Command::new("/bin/true"));
    }
    tracer.detach(&mut |event| seen.add(event));
    let lost = tracer.lost();
    // Other processes of the machine may have run, too.
    assert!(seen.counts[0] + lost.forks >= 1000, "{:?} {lost:?}", seen.counts);
    assert!(seen.counts[1] + lost.execs >= 1000, "{:?} {lost:?}", seen.counts);
    assert!(seen.counts[2] + lost.exits >= 1000, "{:?} {lost:?}", seen.counts);
    assert!(lost.execs > 500 && lost.exits > 500, "{lost:?}");
}

#[test]
fn in_the_background_for_the_least_time_and_no_longer() {
    if is_left_out() {
        return;
    }
    let least = Duration::from_millis(300);
    let background = Background::start(Options::default(), least, |all| all).unwrap();
    let (pid, _) = finish(act(&["exit", "77"]));
    let probe = background.finish();
    let trace = probe.value().unwrap();
    assert!(trace.duration_usec >= 290_000, "{}", trace.duration_usec);
    let exit = trace.exits.iter().find(|exit| exit.process.pid == pid).unwrap();
    assert_eq!(exit.end, ProcessEnd::Exited { status: 77 });
    assert!(trace.totals.failures >= 1);

    let long = Duration::from_hours(1);
    let background = Background::start(Options::default(), long, |all| all).unwrap();
    background.stopper().stop();
    assert!(background.finish().value().unwrap().duration_usec < 3_000_000_000);
    drop(Background::start(Options::default(), long, |all| all).unwrap());
}
