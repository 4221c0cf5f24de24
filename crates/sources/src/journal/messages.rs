//! Message ids of systemd, `sd-messages.h`; their fields are in `systemd.journal-fields(7)` and the
//! message catalogue. Texts are never looked at: they change and are translated.

use sysdiag_model::snapshot::UnitEventKind;

/// `SD_MESSAGE_COREDUMP`.
pub(super) const COREDUMP: &str = "fc2e22bc6ee647b6b90729ab34a250b1";
/// `SD_MESSAGE_UNIT_STARTED`.
pub(super) const UNIT_STARTED: &str = "39f53479d3a045ac8e11786248231fbf";
/// `SD_MESSAGE_UNIT_STOPPED`.
pub(super) const UNIT_STOPPED: &str = "9d1aaa27d60140bd96365438aad20286";
/// `SD_MESSAGE_UNIT_RELOADED`.
pub(super) const UNIT_RELOADED: &str = "7b05ebc668384222baa8881179cfda54";
/// `SD_MESSAGE_UNIT_RESTART_SCHEDULED`.
pub(super) const UNIT_RESTART_SCHEDULED: &str = "5eb03494b6584870a536b337290809b3";

/// `SD_MESSAGE_UNIT_STOPPING`.
pub(super) const UNIT_STOPPING: &str = "de5b426a63be47a7b6ac3eaac82e2f6f";

/// `SD_MESSAGE_JOURNAL_START`, of journald itself.
pub(super) const JOURNAL_START: &str = "f77379a8490b408bbe5f6940505a777b";
/// `SD_MESSAGE_JOURNAL_STOP`.
pub(super) const JOURNAL_STOP: &str = "d93fb3c9c24d451a97cea615ce59c00b";
/// `SD_MESSAGE_SHUTDOWN`, of logind.
pub(super) const SHUTDOWN: &str = "98268866d1d54a499c4e98921d93bc40";
/// `SD_MESSAGE_POWER_KEY`, of logind.
pub(super) const POWER_KEY: &str = "b72ea4a2881545a0b50e200e55b9b071";
/// `SD_MESSAGE_POWER_KEY_LONG_PRESS`.
pub(super) const POWER_KEY_LONG_PRESS: &str = "3e0117101eb243c1b9a50db3494ab10b";

/// `SD_MESSAGE_SPAWN_FAILED`, with `EXECUTABLE` and `ERRNO`.
pub(super) const SPAWN_FAILED: &str = "641257651c1b4ec9a8624d7a40a9e1e7";

/// `SD_MESSAGE_UNIT_ORDERING_CYCLE`, version 258 and later.
pub(super) const CYCLE_FOUND: &str = "f27a3f94406a4783b946a9bc849e9452";
/// `SD_MESSAGE_DELETING_JOB_BECAUSE_ORDERING_CYCLE`.
pub(super) const CYCLE_BROKEN: &str = "5084367542f7472dbc6a94125d5debce";
/// `SD_MESSAGE_CANT_BREAK_ORDERING_CYCLE`.
pub(super) const CYCLE_NOT_BROKEN: &str = "b3112ddad19045538c76685ba5918a80";

/// Messages of PID 1 that say by themselves that something went wrong.
pub(super) const FAILURES: [(&str, UnitEventKind); 5] = [
    // SD_MESSAGE_UNIT_FAILED
    ("be02cf6855d2428ba40df7e9d022f03d", UnitEventKind::StartFailed),
    // SD_MESSAGE_UNIT_FAILURE_RESULT
    ("d9b373ed55a64feb8242e02dbe79a49c", UnitEventKind::Failed),
    // SD_MESSAGE_UNIT_PROCESS_EXIT
    ("98e322203f7a4ed290d09fe03c09fe15", UnitEventKind::ProcessExit),
    // SD_MESSAGE_UNIT_OUT_OF_MEMORY
    ("fe6faa94e7774663a0da52717891d8ef", UnitEventKind::OutOfMemory),
    // SD_MESSAGE_UNIT_OOMD_KILL
    ("d989611b15e44c9dbf31e3c81256e4ed", UnitEventKind::OutOfMemory),
];

/// Results of a job other than `done` (`JobRemoved` in `org.freedesktop.systemd1(5)`).
pub(super) const JOB_RESULTS_NOT_DONE: [&str; 12] = [
    "canceled",
    "timeout",
    "failed",
    "dependency",
    "skipped",
    "invalid",
    "assert",
    "unsupported",
    "collected",
    "once",
    "frozen",
    "concurrency",
];
