//! Messages become problems: counts, bursts, blocks, OOM kills, what is well again, and bounds.

use proptest::prelude::*;
use sysdiag_logs::{Catalogue, Folder};
use sysdiag_model::snapshot::{PatternHit, PatternHits};
use sysdiag_model::{Severity, UnitName};

use super::support::{Entry, NOON, parse, shared};

fn fold_with(catalogue: &Catalogue, entries: &[Entry]) -> PatternHits {
    let mut folder = Folder::new(catalogue);
    let mut candidates = Vec::new();
    for entry in entries {
        candidates.clear();
        catalogue.candidates(&entry.message, &mut candidates);
        folder.push(&entry.event(), &candidates);
    }
    folder.finish()
}

fn fold(entries: &[Entry]) -> PatternHits {
    fold_with(shared(), entries)
}

/// The only problem there is.
fn one(hits: &PatternHits) -> &PatternHit {
    assert_eq!(hits.hits.len(), 1, "{:#?}", hits.hits);
    &hits.hits[0]
}

/// Lines of the kernel, 10 ms apart.
fn kernel(lines: &[&str]) -> Vec<Entry> {
    let at = |(step, line): (usize, &&str)| Entry::of_kernel(line).at(step as u64 * 10);
    lines.iter().enumerate().map(at).collect()
}

#[test]
fn a_disk_is_one_problem() {
    let error = |step: u64| {
        let text = format!("I/O error, dev sda, sector {step} op 0x0:(READ) flags 0x0 phys_seg 1");
        Entry::of_kernel(&text).at(step * 100)
    };
    let mut entries: Vec<Entry> = (0..10_000).map(error).collect();
    entries.push(Entry::of_kernel("I/O error, dev sdb, sector 7 op 0x1:(WRITE)").at(2_000_000));
    let hits = fold(&entries);
    assert_eq!(hits.hits.len(), 2);
    let hit = &hits.hits[0];
    assert_eq!((hit.pattern.as_str(), hit.key.as_str(), hit.count), ("disk.blk_io", "sda", 10_000));
    assert_eq!(hit.severity, Severity::Error);
    assert_eq!(hit.last.usec_since(hit.first), 9_999 * 100_000);
    assert_eq!(hit.peak_per_minute, 600);
    assert_eq!(hit.details["sector"], "9999");
    let sectors: Vec<&str> =
        hit.examples.iter().map(|line| line.message.split(' ').nth(5).unwrap()).collect();
    assert_eq!(sectors, ["0", "8190", "9999"]);
    assert!(hit.examples.iter().all(|line| line.cursor.is_some()));
}

#[test]
fn the_most_urgent_line_between_is_an_example() {
    let error = |step: u64| {
        let priority = Some(if step == 3 { 2 } else { 5 });
        let text = format!("I/O error, dev sda, sector {step} op 0x0:(READ)");
        Entry { priority, ..Entry::of_kernel(&text).at(step) }
    };
    let hits = fold(&(0..100).map(error).collect::<Vec<_>>());
    let examples = &one(&hits).examples;
    assert!(examples[1].message.contains("sector 3 "), "{examples:?}");
    assert_eq!(examples[1].level.as_deref(), Some("CRIT"));
}

const OOM: [&str; 9] = [
    "dd invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
    "CPU: 0 PID: 900 Comm: dd Not tainted 6.1.0-37-amd64 #1  Debian 6.1.140-1",
    "Call Trace:",
    "memory: usage 65536kB, limit 65536kB, failcnt 137",
    "swap: usage 0kB, limit 0kB, failcnt 0",
    "Memory cgroup stats for /system.slice/hungry.service:",
    "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/system.slice/hungry.service,task_memcg=/system.slice/hungry.service,task=stress,pid=812,uid=33",
    "Memory cgroup out of memory: Killed process 812 (stress) total-vm:123456kB, anon-rss:65000kB, file-rss:1024kB, shmem-rss:0kB, UID:33 pgtables:212kB oom_score_adj:0",
    "oom_reaper: reaped process 812 (stress), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB",
];

fn told_by_systemd(unit: &str, msec: u64) -> Entry {
    let text = format!("{unit}: A process of this unit has been killed by the OOM killer.");
    Entry::of_pid1(&text).with_id("fe6faa94e7774663a0da52717891d8ef").with("UNIT", unit).at(msec)
}

#[test]
fn an_oom_kill_is_one_problem() {
    let mut entries = kernel(&OOM);
    entries.push(told_by_systemd("hungry.service", 200));
    let hits = fold(&entries);
    let hit = one(&hits);
    assert_eq!((hit.pattern.as_str(), hit.count), ("oom.memcg_kill", 1));
    assert_eq!(hit.key, "hungry.service stress");
    assert_eq!(hit.units, ["hungry.service"]);
    let kill = hit.oom.as_ref().unwrap();
    assert_eq!(kill.victim, "stress");
    assert_eq!((kill.victim_pid, kill.victim_uid), (Some(812), Some(33)));
    assert_eq!(kill.unit, Some(UnitName::new("hungry.service")));
    assert_eq!(kill.limited_unit, Some(UnitName::new("hungry.service")));
    assert_eq!(kill.limit_bytes, Some(64 << 20));
    assert_eq!(kill.usage_bytes, Some(64 << 20));
    assert_eq!(kill.victim_anon_bytes, Some(65_000 << 10));
    assert_eq!(kill.requested_by.as_deref(), Some("dd"));
    assert_eq!(kill.constraint.as_deref(), Some("CONSTRAINT_MEMCG"));
    assert!(kill.told_by_systemd);
}

#[test]
fn the_second_kill_of_the_same_unit_is_the_same_problem() {
    let mut entries = kernel(&OOM);
    entries.extend(kernel(&OOM).into_iter().map(|entry| {
        let msec = (entry.usec - NOON) / 1000 + 5000;
        entry.at(msec)
    }));
    assert_eq!(one(&fold(&entries)).count, 2);
}

#[test]
fn a_group_is_killed_in_one_cgroup_and_what_follows_later_is_not() {
    let mut lines = OOM.to_vec();
    lines.extend([
        "Tasks in /system.slice/hungry.service are going to be killed due to memory.oom.group set",
        "Memory cgroup out of memory: Killed process 813 (helper) total-vm:1kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB, UID:33 pgtables:2kB oom_score_adj:0",
    ]);
    let hits = fold(&kernel(&lines));
    assert_eq!(hits.hits.len(), 2);
    assert!(hits.hits.iter().all(|hit| hit.units == ["hungry.service"]), "{hits:#?}");
    // The lines before this kill are missing: it is not said to be of the unit before.
    let mut lines = OOM.to_vec();
    lines.push("Memory cgroup out of memory: Killed process 99 (other) total-vm:1kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB, UID:33 pgtables:2kB oom_score_adj:0");
    let hits = fold(&kernel(&lines));
    let other = hits.hits.iter().find(|hit| hit.key == "other").unwrap();
    assert!(other.units.is_empty());
    let kill = other.oom.as_ref().unwrap();
    assert_eq!((&kill.unit, &kill.limit_bytes, &kill.requested_by), (&None, &None, &None));
}

#[test]
fn a_host_without_memory_has_no_limit_to_name() {
    let hits = fold(&kernel(&[
        "java invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0, oom_score_adj=0",
        "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=user.slice,mems_allowed=0,global_oom,task_memcg=/user.slice/user-1000.slice/user@1000.service/app.slice/app-ide.scope,task=java,pid=1234,uid=1000",
        "Out of memory: Killed process 1234 (java) total-vm:8123456kB, anon-rss:3912345kB, file-rss:0kB, shmem-rss:0kB, UID:1000 pgtables:8124kB oom_score_adj:0",
    ]));
    let hit = one(&hits);
    assert_eq!((hit.pattern.as_str(), hit.severity), ("oom.global_kill", Severity::Critical));
    let kill = hit.oom.as_ref().unwrap();
    assert_eq!(kill.unit, Some(UnitName::new("user@1000.service")));
    assert_eq!(kill.inner_unit, Some(UnitName::new("app-ide.scope")));
    assert_eq!((&kill.limit_bytes, &kill.limited_cgroup), (&None, &None));
    assert!(!kill.told_by_systemd);
}

#[test]
fn what_systemd_alone_says_of_oom_is_a_problem_too() {
    let hits = fold(&[told_by_systemd("hungry.service", 0)]);
    assert_eq!(
        (one(&hits).pattern.as_str(), one(&hits).key.as_str()),
        ("oom.unit", "hungry.service")
    );
}

#[test]
fn a_slice_that_a_kill_was_beneath_is_no_problem_of_its_own() {
    let mut entries = kernel(&OOM);
    entries.push(told_by_systemd("hungry.service", 200));
    // When systemd is reloaded next, which may be days later.
    entries.push(told_by_systemd("system.slice", 90_000_000));
    let hits = fold(&entries);
    assert_eq!((one(&hits).pattern.as_str(), one(&hits).count), ("oom.memcg_kill", 1));
    // Nothing was seen of a kill in this one.
    entries.push(told_by_systemd("machine.slice", 90_000_001));
    let hits = fold(&entries);
    let keys: Vec<&str> = hits.hits.iter().map(|hit| hit.key.as_str()).collect();
    assert_eq!(keys, ["hungry.service stress", "machine.slice"]);
}

#[test]
fn what_oomd_kills_is_one_problem() {
    let killed = "Killed /system.slice/hungry.service due to memory pressure for /system.slice being 71.31% > 60.00% for > 30s with reclaim activity";
    let told = "hungry.service: systemd-oomd killed 12 process(es) in this unit.";
    let told = Entry::of_pid1(told).with_id("d989611b15e44c9dbf31e3c81256e4ed").at(1);
    let told = told.with("UNIT", "hungry.service");
    let hits = fold(&[Entry::of_program("systemd-oomd", killed), told.clone()]);
    let hit = one(&hits);
    assert_eq!((hit.pattern.as_str(), hit.count), ("oom.oomd_kill", 1));
    assert_eq!(
        (hit.units[0].as_str(), hit.details["processes"].as_str()),
        ("hungry.service", "12")
    );
    assert_eq!(one(&fold(&[told])).pattern, "oom.oomd_unit");
}

#[test]
fn a_script_kills_nobody() {
    let text = "Out of memory: Killed process 812 (x) total-vm:1kB, anon-rss:1kB, file-rss:0kB";
    let mut entries = vec![Entry::of_program("cron.sh", text), Entry::of_pid1(text)];
    // Through /dev/kmsg, with a name and without.
    entries.push(Entry { identifier: Some("cron.sh".to_owned()), ..Entry::of_kernel(text) });
    entries.push(Entry { identifier: None, ..Entry::of_kernel(text) });
    assert!(fold(&entries).hits.is_empty());
}

#[test]
fn a_process_that_is_gone_is_known_by_its_user() {
    let text = "   carol : user NOT in sudoers ; TTY=pts/0 ; PWD=/home/carol ; USER=root ; COMMAND=/bin/id";
    let gone =
        |uid: &str| Entry { comm: None, ..Entry::of_program("sudo", text) }.with("_UID", uid);
    assert_eq!(one(&fold(&[gone("0")])).pattern, "auth.sudo");
    assert!(fold(&[gone("1000")]).hits.is_empty());
}

#[test]
fn an_oops_is_one_event() {
    let oops = [
        "BUG: kernel NULL pointer dereference, address: 0000000000000008",
        "#PF: supervisor read access in kernel mode",
        "Oops: 0000 [#1] PREEMPT SMP PTI",
        "CPU: 1 PID: 312 Comm: insmod Tainted: G           OE      6.1.0-37-amd64 #1  Debian 6.1.140-1",
        "Hardware name: QEMU Standard PC (i440FX + PIIX, 1996), BIOS 1.16.2 04/01/2014",
        "RIP: 0010:crash_init+0x12/0x20 [crash]",
        "Call Trace:",
        " <TASK>",
        " do_one_initcall+0x56/0x230",
        " ? kmem_cache_alloc_trace+0x3a/0x1b0",
        " do_init_module+0x4a/0x1f0",
        "---[ end trace 0000000000000000 ]---",
        "RIP: 0010:crash_init+0x12/0x20 [crash]",
    ];
    let hits = fold(&kernel(&oops));
    let hit = one(&hits);
    assert_eq!((hit.pattern.as_str(), hit.count), ("kern.oops", 1));
    assert_eq!(hit.details["function"], "crash_init");
    assert_eq!(hit.details["comm"], "insmod");
    assert_eq!(hit.details["kernel"], "6.1.0-37-amd64");
    assert_eq!(hit.frames, ["do_one_initcall", "do_init_module"]);
    // Another one after the end is another event.
    let mut twice = oops.to_vec();
    twice.extend(["Oops: 0002 [#2] PREEMPT SMP PTI"]);
    assert_eq!(fold(&kernel(&twice)).hits.iter().map(|hit| hit.count).sum::<u64>(), 2);
}

#[test]
fn a_bug_takes_its_oops_with_it() {
    let hits = fold(&kernel(&[
        "list_del corruption, ffff888100a0b0c0->next is LIST_POISON1 (dead000000000100)",
        "------------[ cut here ]------------",
        "kernel BUG at lib/list_debug.c:56!",
        "invalid opcode: 0000 [#1] PREEMPT SMP NOPTI",
        "RIP: 0010:__list_del_entry_valid.cold+0x1d/0x47",
        "---[ end trace 0000000000000000 ]---",
    ]));
    let hit = one(&hits);
    assert_eq!(hit.pattern, "kern.list_corruption");
    assert_eq!(hit.details["where"], "lib/list_debug.c:56");
    assert_eq!(hit.details["function"], "__list_del_entry_valid.cold");
}

#[test]
fn the_warning_of_a_stuck_queue_is_part_of_it() {
    let hits = fold(&kernel(&[
        "------------[ cut here ]------------",
        "NETDEV WATCHDOG: eno1 (e1000e): transmit queue 0 timed out",
        "WARNING: CPU: 0 PID: 0 at net/sched/sch_generic.c:477 dev_watchdog+0x260/0x270",
        "---[ end trace 0000000000000000 ]---",
        "WARNING: CPU: 0 PID: 0 at fs/inode.c:300 drop_nlink+0x2e/0x40",
    ]));
    let found: Vec<&str> = hits.hits.iter().map(|hit| hit.pattern.as_str()).collect();
    assert_eq!(found, ["net.watchdog", "kern.warn"]);
    assert_eq!(hits.hits[0].details["driver"], "e1000e");
}

#[test]
fn hung_tasks_are_counted_by_program_with_where_they_wait() {
    let mut entries = Vec::new();
    for step in 0..3_u64 {
        let text = format!("INFO: task dd:{} blocked for more than 120 seconds.", 4000 + step);
        entries.push(Entry::of_kernel(&text).at(step * 120_000));
        entries.push(Entry::of_kernel("Call Trace:").at(step * 120_000 + 1));
        entries.push(Entry::of_kernel(" io_schedule+0x46/0x80").at(step * 120_000 + 2));
    }
    let hits = fold(&entries);
    let hit = one(&hits);
    assert_eq!(
        (hit.key.as_str(), hit.count, hit.frames.as_slice()),
        ("dd", 3, &["io_schedule".to_owned()][..])
    );
    assert_eq!(hit.details["pid"], "4002");
}

#[test]
fn a_trace_alone_is_nothing() {
    let lines = ["Call Trace:", " io_schedule+0x46/0x80", "RIP: 0010:dump+0x1/0x2"];
    assert!(fold(&kernel(&lines)).hits.is_empty());
    // Nor does it belong to what comes later, or came long before.
    let mut entries = kernel(&lines);
    entries.push(Entry::of_kernel("INFO: task dd:9 blocked for more than 120 seconds.").at(100));
    entries.push(Entry::of_kernel(" late+0x46/0x80").at(60_000));
    assert!(one(&fold(&entries)).frames.is_empty());
}

#[test]
fn blocks_of_two_ports_do_not_mix() {
    let hits = fold(&kernel(&[
        "ata1.00: exception Emask 0x0 SAct 0x10 SErr 0x0 action 0x6 frozen",
        "ata2.00: exception Emask 0x0 SAct 0x10 SErr 0x0 action 0x6 frozen",
        "ata1.00: failed command: READ FPDMA QUEUED",
        "ata2.00: failed command: WRITE FPDMA QUEUED",
        "ata1: EH complete",
        "ata1.00: failed command: SMART",
        "ata2: EH complete",
    ]));
    let command =
        |key: &str| hits.hits.iter().find(|hit| hit.key == key).unwrap().details["command"].clone();
    assert_eq!(command("1"), "READ FPDMA QUEUED");
    assert_eq!(command("2"), "WRITE FPDMA QUEUED");
}

fn failed_logins(count: u64, apart_msec: u64) -> Vec<Entry> {
    let text = "Failed password for root from 192.0.2.66 port 40022 ssh2";
    (0..count).map(|step| Entry::of_program("sshd", text).at(step * apart_msec)).collect()
}

#[test]
fn a_burst_is_bad_once_it_came_together() {
    for (count, apart, severity) in [
        (10, 30_000, Severity::Warning),
        (9, 30_000, Severity::Info),
        (1000, 40_000, Severity::Info),
    ] {
        let hits = fold(&failed_logins(count, apart));
        let hit = one(&hits);
        assert_eq!((hit.severity, hit.count), (severity, count), "{count} {apart}");
        assert_eq!(hit.burst_at.is_some(), severity == Severity::Warning);
        assert_eq!((hit.key.as_str(), hit.details["user"].as_str()), ("192.0.2.66", "root"));
        assert_eq!(hit.units, ["sshd.service"]);
    }
}

#[test]
fn correctable_errors_are_worse_when_they_come_together() {
    let text = "EDAC MC0: 3 CE memory read error on DIMM_A1 (channel:1 slot:0 page:0x1 offset:0x0 grain:32)";
    let errors = |count: u64| {
        let entries: Vec<Entry> =
            (0..count).map(|step| Entry::of_kernel(text).at(step * 60_000)).collect();
        let hits = fold(&entries);
        (one(&hits).severity, one(&hits).sum)
    };
    assert_eq!(errors(2), (Severity::Warning, Some(6)));
    assert_eq!(errors(10), (Severity::Error, Some(30)));
}

#[test]
fn severity_is_that_of_the_worst_message() {
    let text = |severity: &str| format!("{{1}}[Hardware Error]: event severity: {severity}");
    for (said, severity) in [
        ("corrected", Severity::Warning),
        ("recoverable", Severity::Error),
        ("fatal", Severity::Critical),
    ] {
        assert_eq!(one(&fold(&[Entry::of_kernel(&text(said))])).severity, severity);
    }
}

#[test]
fn a_server_that_answers_again_is_noted_as_such() {
    let bad = "nfs: server files not responding, still trying";
    let good = "nfs: server files OK";
    let hits = fold(&kernel(&[bad, bad, good]));
    let hit = one(&hits);
    assert_eq!((hit.count, hit.severity), (2, Severity::Info));
    assert!(hit.recovered_at.is_some());
    let hits = fold(&kernel(&[bad, good, bad]));
    assert_eq!((one(&hits).severity, one(&hits).recovered_at), (Severity::Warning, None));
    assert!(fold(&kernel(&[good])).hits.is_empty());
}

#[test]
fn a_link_that_flaps_is_bad_and_one_that_came_up_is_not() {
    let down = "e1000e 0000:00:1f.6 enp0s31f6: NIC Link is Down";
    let up = "e1000e 0000:00:1f.6 enp0s31f6: NIC Link is Up 1000 Mbps Full Duplex";
    assert!(fold(&kernel(&[up])).hits.is_empty());
    assert_eq!(one(&fold(&kernel(&[up, down, up]))).severity, Severity::Info);
    let hits = fold(&kernel(&[up, down, up, down, up, down, up, down]));
    assert_eq!((one(&hits).severity, one(&hits).count), (Severity::Warning, 4));
    assert_eq!(one(&hits).key, "enp0s31f6");
}

#[test]
fn suppressed_messages_are_added_up() {
    let said = |count: u64, unit: &str| {
        let text = format!("Suppressed {count} messages from {unit}");
        let entry = Entry::of_program("systemd-journald", &text);
        entry.with_id("a596d6fe7bfa4994828e72309e95d61e").with("N_DROPPED", &count.to_string())
    };
    let hits = fold(&[said(1000, "noisy.service"), said(5, "b.service"), said(2, "noisy.service")]);
    assert_eq!(hits.suppressed.len(), 2);
    assert_eq!(hits.suppressed[0].sender, "noisy.service");
    assert_eq!(hits.suppressed[0].messages, 1002);
    let noisy = hits.hits.iter().find(|hit| hit.key == "noisy.service").unwrap();
    assert_eq!((noisy.count, noisy.sum), (2, Some(1002)));
}

fn of_unit(id: &str, unit: &str, fields: &[(&str, &str)], msec: u64) -> Entry {
    let entry = Entry::of_pid1("a text that nobody reads").with_id(id).with("UNIT", unit).at(msec);
    fields.iter().fold(entry, |entry, (name, value)| entry.with(name, value))
}

const FAILED: &str = "d9b373ed55a64feb8242e02dbe79a49c";
const JOB_FAILED: &str = "be02cf6855d2428ba40df7e9d022f03d";
const EXITED: &str = "98e322203f7a4ed290d09fe03c09fe15";

#[test]
fn a_failed_unit_is_one_problem() {
    let exited = [("EXIT_CODE", "exited"), ("EXIT_STATUS", "3")];
    let hits = fold(&[
        of_unit(EXITED, "web.service", &exited, 0),
        of_unit(EXITED, "other.service", &exited, 1),
        of_unit(FAILED, "web.service", &[("UNIT_RESULT", "exit-code")], 2),
        of_unit(JOB_FAILED, "web.service", &[("JOB_RESULT", "failed")], 3),
    ]);
    let hit = one(&hits);
    assert_eq!((hit.pattern.as_str(), hit.key.as_str()), ("sd.unit_failed", "web.service"));
    assert_eq!(hit.details["exit_status"], "3");
    assert_eq!(hit.details["result"], "exit-code");
    assert_eq!(hit.details["job_result"], "failed");
}

#[test]
fn a_job_that_failed_without_its_unit_stands_alone() {
    let assert = of_unit(JOB_FAILED, "web.service", &[("JOB_RESULT", "assert")], 0);
    let hits = fold(std::slice::from_ref(&assert));
    assert_eq!((one(&hits).pattern.as_str(), one(&hits).count), ("sd.start_failed", 1));
    // Also when much later something else happens.
    let hits = fold(&[assert, Entry::of_kernel("VFS: file-max limit 9 reached").at(600_000)]);
    assert_eq!(hits.hits.len(), 2);
    let result = |result: &str| {
        let hits = fold(&[of_unit(JOB_FAILED, "web.service", &[("JOB_RESULT", result)], 0)]);
        hits.hits.iter().map(|hit| hit.pattern.clone()).collect::<Vec<_>>()
    };
    assert_eq!(result("dependency"), ["sd.dep_failed"]);
    assert_eq!(result("timeout"), ["sd.job_timeout"]);
    assert!(result("canceled").is_empty());
}

#[test]
fn each_failure_has_the_exit_before_it() {
    let exited = |status: &str, msec| {
        of_unit(EXITED, "web.service", &[("EXIT_CODE", "exited"), ("EXIT_STATUS", status)], msec)
    };
    let failed = |msec| of_unit(FAILED, "web.service", &[("UNIT_RESULT", "exit-code")], msec);
    let hits = fold(&[exited("3", 0), failed(1), exited("4", 1000), failed(1001)]);
    assert_eq!((one(&hits).count, one(&hits).details["exit_status"].as_str()), (2, "4"));
    // One that does not fail the unit is not kept for a later failure.
    let hits = fold(&[exited("3", 0), failed(400_000)]);
    assert!(!one(&hits).details.contains_key("exit_status"));
}

#[test]
fn a_crash_is_one_problem_with_its_unit() {
    let segfault = "web[812]: segfault at 8 ip 000056011a2b3c4d sp 00007ffd12345678 error 4 in libc.so.6[7f0123400000+155000]";
    let dumped = Entry::of_program("systemd-coredump", "Process 812 (web) of user 0 dumped core.")
        .with_id("fc2e22bc6ee647b6b90729ab34a250b1")
        .with("COREDUMP_UNIT", "web.service")
        .with("COREDUMP_COMM", "web")
        .with("COREDUMP_PID", "812")
        .with("COREDUMP_SIGNAL_NAME", "SIGSEGV")
        .at(700);
    let hits = fold(&[Entry::of_kernel(segfault), dumped]);
    let hit = one(&hits);
    assert_eq!((hit.pattern.as_str(), hit.count), ("proc.coredump", 1));
    assert_eq!(
        (hit.units[0].as_str(), hit.details["object"].as_str()),
        ("web.service", "libc.so.6")
    );
    let alone: Vec<Entry> =
        (0..1000_u64).map(|step| Entry::of_kernel(segfault).at(step * 1000)).collect();
    let hits = fold(&alone);
    assert_eq!((one(&hits).pattern.as_str(), one(&hits).count), ("proc.segfault", 1000));
    assert_eq!(one(&hits).key, "web libc.so.6");
}

#[test]
fn what_systemd_says_before_journald_runs_counts_by_its_text() {
    let text = "/etc/systemd/system/web.service:7: Unknown key name 'Retart' in section 'Service', ignoring.";
    let in_kmsg = Entry { identifier: Some("systemd".to_owned()), ..Entry::of_kernel(text) };
    assert!(fold(std::slice::from_ref(&in_kmsg)).hits.is_empty());
    let hits = fold(&[in_kmsg.with("SYSLOG_PID", "1")]);
    assert_eq!(one(&hits).pattern, "sd.bad_config");
    assert_eq!(one(&hits).key, "/etc/systemd/system/web.service 7");
    assert!(fold(&[Entry::of_pid1(text)]).hits.is_empty());
}

#[test]
fn a_circle_names_its_units() {
    let hits = fold(&[
        Entry::of_pid1("a.service: Found ordering cycle on b.service/start"),
        Entry::of_pid1("a.service: Found dependency on c.service/start").at(1),
        Entry::of_pid1("a.service: Job b.service/start deleted to break ordering cycle starting with a.service/start")
            .with_id("5084367542f7472dbc6a94125d5debce")
            .at(2),
    ]);
    assert_eq!(one(&hits).frames, ["b.service", "c.service"]);
    assert_eq!(one(&hits).key, "b.service/start");
}

#[test]
fn nothing_goes_on_after_a_reboot() {
    let boot = |boot: u8, entry: Entry| Entry {
        boot: Some(format!("{boot:032x}").parse().unwrap()),
        ..entry
    };
    let mut logins = failed_logins(10, 1000);
    for (step, entry) in logins.iter_mut().enumerate() {
        *entry = boot(u8::from(step >= 5), entry.clone());
    }
    assert_eq!(one(&fold(&logins)).severity, Severity::Info);
    let hits = fold(&[
        boot(1, Entry::of_kernel("INFO: task dd:9 blocked for more than 120 seconds.")),
        boot(2, Entry::of_kernel(" io_schedule+0x46/0x80").at(1)),
    ]);
    assert!(one(&hits).frames.is_empty());
}

#[test]
fn the_unit_is_who_logged_it_or_what_it_is_about() {
    let hits = fold(&[
        Entry::of_program("web", "accept4() failed (24: Too many open files)"),
        Entry::of_kernel("cgroup: fork rejected by pids controller in /system.slice/forky.service"),
        Entry::of_pid1(
            "web.socket: Failed to create listening socket ([::]:80): Address already in use",
        )
        .with("UNIT", "web.socket"),
    ]);
    let unit = |pattern: &str| {
        let hit = hits.hits.iter().find(|hit| hit.pattern == pattern).unwrap();
        hit.units[0].as_str().to_owned()
    };
    assert_eq!(unit("limit.emfile"), "web.service");
    assert_eq!(unit("limit.pids_cgroup"), "forky.service");
    assert_eq!(unit("port.in_use"), "web.socket");
}

#[test]
fn everything_is_bounded() {
    let mut entries = Vec::new();
    for number in 0..3000_u64 {
        let text = format!("Failed password for u from host{number} port 1 ssh2");
        entries.push(Entry::of_program("sshd", &text).at(number));
        let text = format!("WARNING: CPU: 1 PID: 3 at mm/a.c:{number} f{number}+0x2/0x3");
        entries.push(Entry::of_kernel(&text).at(number));
        let text = format!("I/O error, dev sd{number}{}, sector 1", "x".repeat(5000));
        entries.push(Entry::of_kernel(&text).at(number));
        entries.push(of_unit(
            JOB_FAILED,
            &format!("u{number}.service"),
            &[("JOB_RESULT", "failed")],
            number,
        ));
    }
    let hits = fold(&entries);
    assert_eq!(hits.hits.len(), 500);
    assert!(hits.hits_dropped > 500);
    assert_eq!(hits.hits[0].severity, Severity::Error);
    let others = hits.hits.iter().find(|hit| hit.key == "…").unwrap();
    assert!(others.count >= 2500);
    for hit in &hits.hits {
        assert!(hit.key.len() <= 256 && hit.examples.len() <= 3 && hit.units.len() <= 16);
        assert!(hit.examples.iter().all(|line| line.message.len() <= 2048));
    }
    let whole = serde_json::to_string(&hits).unwrap();
    let again: PatternHits = serde_json::from_str(&whole).unwrap();
    assert_eq!(again, hits);
}

#[test]
fn texts_go_through_the_mask() {
    let catalogue = Catalogue::with(vec![parse(
        r#"
id = "my.app"
title = "My application may not log in"
severity = "error"
regex = 'login with token=(?P<token>\S+) failed'
key = ["token"]
"#,
    )])
    .unwrap();
    let entry = Entry::of_program("app", "login with token=hunter2 failed");
    let mut candidates = Vec::new();
    catalogue.candidates(&entry.message, &mut candidates);
    let mut folder = Folder::new(&catalogue);
    assert!(folder.push(&entry.event(), &candidates));
    let hits = folder.finish_masked(&|text| text.replace("hunter2", "***"));
    assert!(!serde_json::to_string(&hits).unwrap().contains("hunter2"), "{hits:?}");
    assert_eq!(one(&hits).key, "***");
}

proptest! {
    /// Real lines in any order, of any sender, at any time: nothing panics, and nothing is unbounded.
    #[test]
    fn any_order_is_folded(steps in proptest::collection::vec((any::<u16>(), 0_u8..5, any::<u32>(), 0_u8..3), 1..200)) {
        let catalogue = shared();
        let known: Vec<(&String, Option<&String>)> = catalogue
            .specs()
            .flat_map(|(_, spec)| {
                spec.sample.iter().map(|line| (line, spec.message_ids.first()))
            })
            .collect();
        let entries: Vec<Entry> = steps
            .into_iter()
            .map(|(line, sender, msec, boot)| {
                let (text, id) = known[usize::from(line) % known.len()];
                let entry = match sender {
                    0 | 1 => Entry::of_kernel(text),
                    2 => Entry::of_pid1(text).with("UNIT", "u.service").with("JOB_RESULT", "failed"),
                    3 => Entry::of_program("sshd", text),
                    _ => Entry::of_program("app", text),
                };
                let boot = Some(format!("{boot:032x}").parse().unwrap());
                let message_id = id.cloned();
                Entry { boot, message_id, ..entry.at(u64::from(msec)) }
            })
            .collect();
        let lines = entries.len() as u64;
        let hits = fold(&entries);
        prop_assert!(hits.hits.iter().map(|hit| hit.count).sum::<u64>() <= 2 * lines);
        for hit in &hits.hits {
            prop_assert!(hit.first <= hit.last && hit.count > 0 && hit.peak_per_minute <= hit.count);
            prop_assert!(!hit.examples.is_empty() && hit.examples.len() <= 3);
            prop_assert!(hit.frames.len() <= 8 && hit.details.len() <= 24);
        }
    }
}
