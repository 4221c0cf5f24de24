//! What units in question cannot start without: files by their properties, and whether they are
//! there; users and groups, and whether the host's own lists have them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use sysdiag_model::UnitName;
use sysdiag_model::snapshot::{
    AccountFact, AccountKind, FileFact, FileState, ServiceDetail, UnitDetail,
};

use super::look::{Found, Look};
use crate::dbus::Value;
use crate::{Root, file, text};

/// Files of one unit that are looked at.
const MAX_FILES: usize = 64;
/// A list of users longer than this is not read.
const MAX_ACCOUNTS: usize = 8 * 1024 * 1024;

/// Where the directories are that systemd makes for a unit, `systemd.exec(5)`.
const DIRECTORIES: [(&str, &str); 5] = [
    ("RuntimeDirectory", "/run"),
    ("StateDirectory", "/var/lib"),
    ("CacheDirectory", "/var/cache"),
    ("LogsDirectory", "/var/log"),
    ("ConfigurationDirectory", "/etc"),
];

/// Takes in a property that names files; false: this one does not.
pub(super) fn apply(detail: &mut UnitDetail, name: &str, value: &Value<'_>) -> bool {
    let paths: Vec<String> = match name {
        "EnvironmentFiles" => {
            let files = value.decode::<Vec<(String, bool)>>().unwrap_or_default();
            let needed = files.into_iter().filter(|(path, optional)| !optional && !is_glob(path));
            return add(detail, "EnvironmentFile", needed.map(|(path, _)| path));
        }
        "WorkingDirectory" | "RootDirectory" | "RootImage" => {
            value.str().ok().map(str::to_owned).into_iter().collect()
        }
        "ReadWritePaths" | "ReadOnlyPaths" | "InaccessiblePaths" | "ExecPaths" | "NoExecPaths" => {
            value.strings().unwrap_or_default().into_iter().map(str::to_owned).collect()
        }
        "BindPaths" | "BindReadOnlyPaths" => {
            let binds = value.decode::<Vec<(String, String, bool, u64)>>().unwrap_or_default();
            binds.into_iter().filter(|bind| !bind.2).map(|bind| bind.0).collect()
        }
        "LoadCredential" | "LoadCredentialEncrypted" => {
            let files = value.decode::<Vec<(String, String)>>().unwrap_or_default();
            files.into_iter().map(|(_, path)| path).collect()
        }
        _ => {
            let Some((_, base)) = DIRECTORIES.iter().find(|(setting, _)| *setting == name) else {
                return false;
            };
            let names = value.strings().unwrap_or_default();
            names.into_iter().map(|name| format!("{base}/{name}")).collect()
        }
    };
    add(detail, name, paths.into_iter())
}

/// What begins with something else than `/` is optional (`-`, `!`), in the unit's own root (`+`), or
/// no path (`~`, the name of a credential).
fn add(detail: &mut UnitDetail, setting: &str, paths: impl Iterator<Item = String>) -> bool {
    for path in paths.filter(|path| path.starts_with('/') && path != "/") {
        push(&mut detail.files, fact(path, setting));
    }
    true
}

fn push(files: &mut Vec<FileFact>, fact: FileFact) {
    if files.len() < MAX_FILES && !files.contains(&fact) {
        files.push(fact);
    }
}

fn fact(path: String, setting: &str) -> FileFact {
    FileFact {
        path,
        setting: setting.to_owned(),
        interpreter_of: None,
        leads_to: None,
        state: None,
    }
}

fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// Looks at all of it, until the deadline.
pub(super) fn look_at(
    details: &mut BTreeMap<UnitName, UnitDetail>,
    root: &Root,
    deadline: Instant,
) {
    let (mut look, mut accounts) = (Look::new(root, deadline), Accounts::new(root));
    for detail in details.values_mut() {
        let Some(service) = &detail.service else { continue };
        detail.accounts = accounts.of(service);
        let own_root = has_own_root(service);
        if !own_root {
            for (setting, commands) in &service.exec {
                let needed = commands.iter().filter(|command| !command.ignore_failure);
                for command in needed.filter(|command| command.path.starts_with('/')) {
                    push(&mut detail.files, fact(command.path.clone(), setting));
                }
            }
        }
        let Some(look) = &mut look else { continue };
        let mut interpreters = Vec::new();
        for file in &mut detail.files {
            // Where the unit sees another tree, ours says nothing of these.
            let outside = ["EnvironmentFile", "RootDirectory", "RootImage", "BindPaths"];
            if own_root && !outside.contains(&file.setting.as_str()) {
                continue;
            }
            let Some(Found { state, leads_to }) = look.at(&file.path) else { continue };
            if state == FileState::Program && file.setting.starts_with("Exec") {
                interpreters.extend(interpreter(look, file, &leads_to));
            }
            file.state = Some(state);
            file.leads_to = Some(leads_to).filter(|path| *path != file.path);
        }
        for fact in interpreters {
            push(&mut detail.files, fact);
        }
    }
}

fn interpreter(look: &mut Look<'_>, program: &FileFact, real_path: &str) -> Option<FileFact> {
    let mut interpreter = fact(look.interpreter(real_path)?, &program.setting);
    let found = look.at(&interpreter.path)?;
    interpreter.interpreter_of = Some(program.path.clone());
    interpreter.state = Some(found.state);
    interpreter.leads_to = Some(found.leads_to).filter(|path| *path != interpreter.path);
    Some(interpreter)
}

fn has_own_root(service: &ServiceDetail) -> bool {
    let set = |path: &Option<String>| path.as_deref().is_some_and(|path| path != "/");
    set(&service.root_directory) || set(&service.root_image)
}

/// The names in `/etc/passwd` and `/etc/group`, read when they are first asked for.
struct Accounts<'a> {
    root: &'a Root,
    names: BTreeMap<AccountKind, Option<BTreeSet<Vec<u8>>>>,
}

impl<'a> Accounts<'a> {
    fn new(root: &'a Root) -> Self {
        Self { root, names: BTreeMap::new() }
    }

    fn of(&mut self, service: &ServiceDetail) -> Vec<AccountFact> {
        // Made when the unit starts.
        if service.dynamic_user == Some(true) {
            return Vec::new();
        }
        let user = service.user.iter().map(|name| (name, AccountKind::User));
        let groups = service.group.iter().chain(&service.supplementary_groups);
        let groups = groups.map(|name| (name, AccountKind::Group));
        let named = user.chain(groups).filter(|(name, _)| name.parse::<u32>().is_err());
        named
            .take(MAX_FILES)
            .map(|(name, kind)| AccountFact {
                name: name.clone(),
                kind,
                listed: self.list(kind).map(|names| names.contains(name.as_bytes())),
            })
            .collect()
    }

    fn list(&mut self, kind: AccountKind) -> Option<&BTreeSet<Vec<u8>>> {
        let root = self.root;
        let read = || {
            let path = match kind {
                AccountKind::User => "/etc/passwd",
                AccountKind::Group => "/etc/group",
            };
            let bytes = file::read(root, path, MAX_ACCOUNTS).ok()?;
            let name = |line| text::split_once(line, b':').map(|(name, _)| name.to_vec());
            Some(text::lines(&bytes).filter_map(name).collect())
        };
        self.names.entry(kind).or_insert_with(read).as_ref()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use sysdiag_model::snapshot::ExecCommand;

    use super::*;

    fn command(path: &str, ignore_failure: bool) -> ExecCommand {
        ExecCommand {
            path: path.to_owned(),
            argv: vec![path.to_owned()],
            ignore_failure,
            started: None,
            exited: None,
            pid: 0,
            code: 0,
            status: 0,
        }
    }

    fn host() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for path in ["proc/self", "opt", "etc"] {
            fs::create_dir_all(at(path)).unwrap();
        }
        fs::write(at("proc/self/mountinfo"), "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n").unwrap();
        fs::write(at("etc/passwd"), "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33:::\n").unwrap();
        fs::write(at("opt/script"), "#!/opt/python\n").unwrap();
        fs::set_permissions(at("opt/script"), fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    fn looked_at(detail: UnitDetail) -> UnitDetail {
        let folder = host();
        let mut details = BTreeMap::from([(UnitName::from("a.service"), detail)]);
        let deadline = Instant::now() + Duration::from_secs(30);
        look_at(&mut details, &Root::at(folder.path()), deadline);
        details.pop_first().unwrap().1
    }

    #[test]
    fn commands_and_their_interpreters_are_looked_at() {
        let service = ServiceDetail {
            exec: BTreeMap::from([
                ("ExecStart".to_owned(), vec![command("/opt/script", false)]),
                (
                    "ExecStartPre".to_owned(),
                    vec![command("/opt/none", false), command("/opt/any", true)],
                ),
            ]),
            ..ServiceDetail::default()
        };
        let detail = looked_at(UnitDetail { service: Some(service), ..UnitDetail::default() });
        let seen: Vec<_> = detail
            .files
            .iter()
            .map(|file| (file.path.as_str(), file.setting.as_str(), file.state))
            .collect();
        assert_eq!(
            seen,
            [
                ("/opt/script", "ExecStart", Some(FileState::Program)),
                ("/opt/none", "ExecStartPre", Some(FileState::Missing)),
                ("/opt/python", "ExecStart", Some(FileState::Missing)),
            ]
        );
        assert_eq!(detail.files[2].interpreter_of.as_deref(), Some("/opt/script"));
    }

    #[test]
    fn in_a_root_of_its_own_our_tree_says_nothing() {
        let service = ServiceDetail {
            root_directory: Some("/srv/root".to_owned()),
            exec: BTreeMap::from([("ExecStart".to_owned(), vec![command("/opt/none", false)])]),
            ..ServiceDetail::default()
        };
        let files = vec![
            fact("/srv/root".to_owned(), "RootDirectory"),
            fact("/work".to_owned(), "WorkingDirectory"),
        ];
        let detail =
            looked_at(UnitDetail { service: Some(service), files, ..UnitDetail::default() });
        let states: Vec<_> = detail.files.iter().map(|file| file.state).collect();
        assert_eq!(states, [Some(FileState::Missing), None]);
    }

    #[test]
    fn accounts_are_looked_up_in_the_lists_that_are_there() {
        let service = ServiceDetail {
            user: Some("www-data".to_owned()),
            group: Some("1000".to_owned()),
            supplementary_groups: vec!["ssl-cert".to_owned()],
            ..ServiceDetail::default()
        };
        let detail = |service| UnitDetail { service: Some(service), ..UnitDetail::default() };
        let found = looked_at(detail(service.clone())).accounts;
        let found: Vec<_> = found.iter().map(|it| (it.name.as_str(), it.listed)).collect();
        // There is no /etc/group.
        assert_eq!(found, [("www-data", Some(true)), ("ssl-cert", None)]);
        let gone = ServiceDetail { user: Some("gone".to_owned()), ..ServiceDetail::default() };
        assert_eq!(looked_at(detail(gone)).accounts[0].listed, Some(false));
        let dynamic = ServiceDetail { dynamic_user: Some(true), ..service };
        assert_eq!(looked_at(detail(dynamic)).accounts, []);
    }
}
