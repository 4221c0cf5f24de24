//! What a unit lacks that could not be started: the file, the interpreter or the account by name.
//!
//! systemd tells the step at which a start failed (`systemd.exec(5)`, exit statuses from 200 on) and
//! the journal the error number; which file it was follows from the settings of that step and from
//! what was found on disk. Where neither proves anything, nothing is said.

use sysdiag_model::snapshot::{
    AccountKind, FileFact, FileState, UnitDetail, UnitEvent, UnitEventKind,
};

use crate::errno::{EACCES, EISDIR, ENOENT, ENOEXEC, ENOTDIR, ESRCH};
use crate::exit_status;
use crate::health::ending::{Ending, How};
use crate::human::shortened;
use crate::units::Units;

/// Longest path in a sentence.
const MOST_CHARACTERS: usize = 160;
/// Settings that name what is needed at a step.
fn settings_of(step: &str) -> &'static [&'static str] {
    match step {
        "CHDIR" => &["WorkingDirectory"],
        "CHROOT" => &["RootDirectory", "RootImage"],
        "NAMESPACE" => &OF_NAMESPACE,
        "CREDENTIALS" => &["LoadCredential", "LoadCredentialEncrypted"],
        "STDIN" => &["StandardInput"],
        "STDOUT" => &["StandardOutput"],
        "STDERR" => &["StandardError"],
        "RUNTIME_DIRECTORY" => &["RuntimeDirectory"],
        "STATE_DIRECTORY" => &["StateDirectory"],
        "CACHE_DIRECTORY" => &["CacheDirectory"],
        "LOGS_DIRECTORY" => &["LogsDirectory"],
        "CONFIGURATION_DIRECTORY" => &["ConfigurationDirectory"],
        _ => &[],
    }
}

/// Settings whose paths must be there before the unit's namespace can be set up.
const OF_NAMESPACE: [&str; 9] = [
    "RootDirectory",
    "RootImage",
    "BindPaths",
    "BindReadOnlyPaths",
    "ReadWritePaths",
    "ReadOnlyPaths",
    "InaccessiblePaths",
    "ExecPaths",
    "NoExecPaths",
];

/// One thing that is not as the unit needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lack<'a> {
    /// A file or directory that is not there.
    Missing(&'a FileFact),
    /// A file that is there and will not do.
    Unfit(&'a FileFact),
    /// A file that did not do for this reason, whatever the disk says now.
    Refused { path: &'a str, setting: String, errno: i32 },
    /// A user or group that does not exist.
    NoAccount { name: &'a str, kind: AccountKind, setting: &'static str },
    /// One that did not exist at the time.
    NoAccountThen { name: &'a str, kind: AccountKind, setting: &'static str },
}

/// Why a unit could not be started, with the step at which it failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason<'a> {
    pub(crate) lack: Lack<'a>,
    /// Exit status and name of the step; none for what systemd itself could not read.
    pub(crate) step: Option<(i32, &'static str)>,
    /// From the journal.
    pub(crate) errno: Option<i32>,
}

/// What `name` lacks, by its `Result` and by how its process ended.
pub(crate) fn of<'a>(
    units: &Units<'a>,
    name: &str,
    result: Option<&str>,
    ending: Option<&Ending>,
) -> Option<Reason<'a>> {
    let detail = units.detail(name)?;
    if result == Some("resources") {
        let lack = missing(detail, &["EnvironmentFile"], None)?;
        return Some(Reason { lack, step: None, errno: None });
    }
    let How::Exited(status) = ending?.how else { return None };
    let (step, _) = exit_status::meaning(status)?;
    let event = not_spawned(units, name);
    let errno = event.and_then(|event| event.errno);
    let lack = match step {
        "EXEC" => not_executed(detail, ending?, event),
        "USER" => no_account(detail, AccountKind::User, errno),
        "GROUP" => no_account(detail, AccountKind::Group, errno),
        _ => {
            let settings = settings_of(step);
            // What is said of a credential is not why it could not be read.
            let proven = errno.filter(|_| step != "CREDENTIALS");
            let made = step.ends_with("_DIRECTORY");
            let missing = || missing(detail, settings, proven).filter(|_| !made);
            let unfit = || {
                let wants = made || step == "CHDIR";
                unfit(detail, settings, FileState::Directory).filter(|_| wants)
            };
            missing().or_else(unfit).or_else(|| refused(detail, settings, proven))
        }
    }?;
    Some(Reason { lack, step: Some((status, step)), errno })
}

/// The last failure to start a process of this unit that the journal tells of.
pub(crate) fn not_spawned<'a>(units: &Units<'a>, name: &str) -> Option<&'a UnitEvent> {
    let invocation = units.detail(name).and_then(|detail| detail.invocation_id.as_deref());
    let events = units.events(name).iter().rev().copied();
    let mut failed = events.filter(|event| event.kind == UnitEventKind::SpawnFailed);
    failed.find(|event| invocation.is_none() || event.invocation_id.as_deref() == invocation)
}

fn not_executed<'a>(
    detail: &'a UnitDetail,
    ending: &Ending,
    event: Option<&'a UnitEvent>,
) -> Option<Lack<'a>> {
    let setting = ending.command.as_deref().unwrap_or("ExecStart");
    let told = event.and_then(|event| event.executable.as_deref());
    let path = ending.path.as_deref().or(told);
    let errno = event.and_then(|event| event.errno);
    let can_be = |possible: &[i32]| errno.is_none_or(|errno| possible.contains(&errno));
    let of_setting = || {
        let mut files = detail.files.iter().filter(|file| file.setting == setting);
        let mut all = files.clone().filter(|file| file.interpreter_of.is_none());
        // Without a path it is the only command, or nobody knows which.
        let only = all.next().filter(|_| all.next().is_none());
        path.map_or(only, |path| {
            files.find(|file| file.interpreter_of.is_none() && file.path == path)
        })
    };
    if let Some(program) = of_setting() {
        let interpreter = detail
            .files
            .iter()
            .find(|file| file.interpreter_of.as_deref() == Some(program.path.as_str()));
        match program.state {
            Some(FileState::Missing) if can_be(&[ENOENT, ENOTDIR]) => {
                return Some(Lack::Missing(program));
            }
            Some(FileState::File | FileState::Noexec) if can_be(&[EACCES]) => {
                return Some(Lack::Unfit(program));
            }
            Some(FileState::Directory | FileState::Other) if can_be(&[EACCES, EISDIR]) => {
                return Some(Lack::Unfit(program));
            }
            Some(FileState::Program) => {
                if let Some(interpreter) = interpreter.filter(|file| {
                    file.state == Some(FileState::Missing) && can_be(&[ENOENT, ENOTDIR])
                }) {
                    return Some(Lack::Missing(interpreter));
                }
                if let Some(interpreter) = interpreter.filter(|file| {
                    matches!(file.state, Some(state) if state != FileState::Program)
                        && can_be(&[EACCES])
                }) {
                    return Some(Lack::Unfit(interpreter));
                }
            }
            _ => {}
        }
    }
    // The event first: what it names lives as long as the snapshot.
    let path = told.or_else(|| of_setting().map(|program| program.path.as_str()))?;
    Some(Lack::Refused { path, setting: setting.to_owned(), errno: errno? })
}

fn missing<'a>(detail: &'a UnitDetail, settings: &[&str], errno: Option<i32>) -> Option<Lack<'a>> {
    if errno.is_some_and(|errno| errno != ENOENT && errno != ENOTDIR) {
        return None;
    }
    of_settings(detail, settings)
        .find(|file| file.state == Some(FileState::Missing))
        .map(Lack::Missing)
}

/// Something else than `wanted` is in the place.
fn unfit<'a>(detail: &'a UnitDetail, settings: &[&str], wanted: FileState) -> Option<Lack<'a>> {
    let wrong = |state| state != wanted && state != FileState::Missing;
    of_settings(detail, settings).find(|file| file.state.is_some_and(wrong)).map(Lack::Unfit)
}

/// The only file of the step, and the error that it gave.
fn refused<'a>(detail: &'a UnitDetail, settings: &[&str], errno: Option<i32>) -> Option<Lack<'a>> {
    let mut files = of_settings(detail, settings);
    let file = files.next().filter(|_| files.next().is_none())?;
    Some(Lack::Refused { path: &file.path, setting: file.setting.clone(), errno: errno? })
}

fn of_settings<'a>(
    detail: &'a UnitDetail,
    settings: &[&str],
) -> impl Iterator<Item = &'a FileFact> {
    detail.files.iter().filter(move |file| settings.contains(&file.setting.as_str()))
}

fn no_account(detail: &UnitDetail, kind: AccountKind, errno: Option<i32>) -> Option<Lack<'_>> {
    // Where the journal says nothing, the lists of the host do.
    if errno.is_some_and(|errno| errno != ESRCH) {
        return None;
    }
    let service = detail.service.as_ref()?;
    let setting = |name: &str| match kind {
        AccountKind::User => "User",
        AccountKind::Group if service.group.as_deref() == Some(name) => "Group",
        AccountKind::Group => "SupplementaryGroups",
    };
    let mut accounts = detail.accounts.iter().filter(|account| account.kind == kind);
    if let Some(account) = accounts.clone().find(|account| account.listed == Some(false)) {
        return Some(Lack::NoAccount {
            name: &account.name,
            kind,
            setting: setting(&account.name),
        });
    }
    errno?;
    // Listed by now, or in lists that could not be read: of several nobody knows which.
    let account = accounts.next().filter(|_| accounts.next().is_none())?;
    let (name, setting) = (account.name.as_str(), setting(&account.name));
    Some(match account.listed {
        Some(true) => Lack::NoAccountThen { name, kind, setting },
        _ => Lack::NoAccount { name, kind, setting },
    })
}

impl Reason<'_> {
    /// `its WorkingDirectory= /srv/app does not exist (200/CHDIR)`.
    pub(crate) fn words(&self) -> String {
        let step = self.step.map(|(status, name)| format!(" ({status}/{name})"));
        format!("{}{}", self.lack.words(), step.unwrap_or_default())
    }
}

impl Lack<'_> {
    fn words(&self) -> String {
        match self {
            Self::Missing(file) => match &file.interpreter_of {
                Some(program) => format!(
                    "{} needs the interpreter {}, which {}",
                    whose(&file.setting, program),
                    short(&file.path),
                    gone(file)
                ),
                None => format!("{} {}", whose(&file.setting, &file.path), gone(file)),
            },
            Self::Unfit(file) => match &file.interpreter_of {
                Some(program) => format!(
                    "{} needs the interpreter {}, which {}",
                    whose(&file.setting, program),
                    short(&file.path),
                    unfit_for(file)
                ),
                None => format!("{} {}", whose(&file.setting, &file.path), unfit_for(file)),
            },
            Self::Refused { path, setting, errno: ENOEXEC } => format!(
                "{} is no program for this host: it has no #! line, or is for another architecture",
                whose(setting, path)
            ),
            Self::Refused { path, setting, errno } => {
                let done = if is_program(setting) { "executed" } else { "used" };
                let error = crate::errno::words(*errno);
                format!("{} could not be {done}: {error}", whose(setting, path))
            }
            Self::NoAccount { name, kind, setting } => {
                format!("the {} {name} of its {setting}= does not exist", noun(*kind))
            }
            Self::NoAccountThen { name, kind, setting } => {
                format!("the {} {name} of its {setting}= did not exist then", noun(*kind))
            }
        }
    }
}

/// `user`, `group`.
pub(crate) const fn noun(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::User => "user",
        AccountKind::Group => "group",
    }
}

/// `does not exist`, or where a dangling link leads to.
pub(crate) fn gone(file: &FileFact) -> String {
    match &file.leads_to {
        Some(target) => format!("leads to {}, which does not exist", short(target)),
        None => "does not exist".to_owned(),
    }
}

fn unfit_for(file: &FileFact) -> &'static str {
    match file.state {
        Some(FileState::File) if is_program(&file.setting) => "is not executable",
        Some(FileState::Noexec) => "is on a file system that is mounted noexec",
        Some(FileState::Directory) => "is a directory",
        Some(FileState::File | FileState::Program) => "is a file, not a directory",
        _ => "is neither a file nor a directory",
    }
}

fn is_program(setting: &str) -> bool {
    setting.starts_with("Exec") && setting != "ExecPaths"
}

fn whose(setting: &str, path: &str) -> String {
    let kind = if is_program(setting) { " program" } else { "" };
    format!("its {setting}={kind} {}", short(path))
}

fn short(path: &str) -> String {
    shortened(path, MOST_CHARACTERS)
}
