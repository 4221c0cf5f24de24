//! `record`: captures of booted guests become `fixtures/hosts/`, on which every command is tested.
//!
//! Makes no capture itself: the cases of `tests/e2e` do, each where the host is as it should be.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

/// A capture that a case leaves in its results as `NAME.cap`.
struct Host {
    lane: &'static str,
    suite: &'static str,
    case: &'static str,
    capture: &'static str,
}

const fn host(
    lane: &'static str,
    suite: &'static str,
    case: &'static str,
    capture: &'static str,
) -> Host {
    Host { lane, suite, case, capture }
}

const HOSTS: &[Host] = &[
    host("vm", "bookworm", "healthy", "healthy"),
    host("vm", "trixie", "healthy", "healthy"),
    host("vm", "bookworm", "servers", "servers"),
    host("container", "bookworm", "healthy", "healthy"),
    host("vm", "bookworm", "faults", "faults"),
    host("vm", "trixie", "faults", "faults"),
    host("vm", "bookworm", "planted-services", "services"),
    host("container", "trixie", "planted-services", "services"),
    host("vm", "trixie", "planted-causes", "causes"),
    host("vm", "bookworm", "planted-triggers", "triggers"),
    host("vm", "trixie", "planted-states", "states"),
    host("vm", "bookworm", "planted-resources", "resources"),
    host("vm", "bookworm", "degraded", "user"),
    host("vm", "bookworm", "degraded", "cgroup-v1"),
    host("vm", "bookworm", "degraded", "no-systemd"),
];

/// Most bytes of a recorded host.
const MAX_BYTES: usize = 150_000;
/// What a container has instead of the kernel of the machine that it ran on.
const KERNEL: &str = "6.1.0-37-amd64";

impl Host {
    fn name(&self) -> String {
        format!("{}-{}-{}", self.lane, self.suite, self.capture)
    }

    /// The folder of the results of its case.
    fn results(&self, root: &Path) -> PathBuf {
        let guest = format!("{}-{}", self.lane, self.suite);
        root.join("target/e2e").join(guest).join(self.case)
    }
}

/// Runs the cases of the hosts whose name contains one of `names` (none: all) and keeps their captures.
pub(crate) fn record(root: &Path, names: &[&str], binary: Option<&str>) -> Result<Vec<String>> {
    let wanted =
        |host: &&Host| names.is_empty() || names.iter().any(|name| host.name().contains(name));
    let hosts: Vec<&Host> = HOSTS.iter().filter(wanted).collect();
    ensure!(!hosts.is_empty(), "no host is called so; there are {}", all_names());
    let mut guests: Vec<(&str, &str)> = hosts.iter().map(|host| (host.lane, host.suite)).collect();
    guests.sort_unstable();
    guests.dedup();
    let mut problems = Vec::new();
    for (lane, suite) in guests {
        let mut cases: Vec<&str> = hosts
            .iter()
            .filter(|host| (host.lane, host.suite) == (lane, suite))
            .map(|host| host.case)
            .collect();
        cases.dedup();
        let mut command = Command::new(root.join("tests/e2e/run.sh"));
        command.args(["--keep", "--lane", lane, "--suite", suite]).args(cases);
        if let Some(binary) = binary {
            command.arg("--binary").arg(binary);
        }
        if !command.status().context("tests/e2e/run.sh")?.success() {
            problems.push(format!("cases failed: {lane} {suite}"));
        }
    }
    for host in hosts {
        if let Err(error) = keep(root, host) {
            problems.push(format!("{}: {error:#}", host.name()));
        }
    }
    Ok(problems)
}

fn all_names() -> String {
    HOSTS.iter().map(Host::name).collect::<Vec<_>>().join(", ")
}

/// Takes the capture over, as small as gzip makes it.
fn keep(root: &Path, host: &Host) -> Result<()> {
    let from = host.results(root).join(format!("{}.cap", host.capture));
    let mut text = Vec::new();
    let file = fs::File::open(&from).with_context(|| from.display().to_string())?;
    GzDecoder::new(file).read_to_end(&mut text).context("not gzip")?;
    let mut document: Value = serde_json::from_slice(&text).context("not JSON")?;
    if host.lane == "container" {
        forget_machine(&mut document)?;
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(document.to_string().as_bytes())?;
    let bytes = packed.finish()?;
    if bytes.len() > MAX_BYTES {
        bail!("{} bytes are more than {MAX_BYTES}", bytes.len());
    }
    let folder = root.join("fixtures/hosts");
    fs::create_dir_all(&folder)?;
    let mut name = OsString::from(host.name());
    name.push(".json.gz");
    fs::write(folder.join(name), bytes)?;
    Ok(())
}

/// The kernel of a container is that of the machine that the tests ran on, which is nobody's business.
fn forget_machine(document: &mut Value) -> Result<()> {
    let kernel = document.pointer_mut("/snapshot/host/kernel_release").context("no kernel")?;
    *kernel = json!({"known": KERNEL});
    Ok(())
}
