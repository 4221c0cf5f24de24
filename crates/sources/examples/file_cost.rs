//! What the file-based sources cost on this machine: CPU time of this thread, system calls
//! included, and how much was read. Run it with `--release`.

use std::error::Error;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use sysdiag_model::Probe;
use sysdiag_sources::unit_files::{self, SearchPath};
use sysdiag_sources::{Root, cgroup, processes, system};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Root::host();
    let mut out = io::stdout();
    for _ in 0..3 {
        let (start, sampler) = timed(|| cgroup::Sampler::start(&root));
        if let Ok(sampler) = sampler {
            let (finish, probe) = timed(|| sampler.finish());
            let groups = probe.value().map_or(0, |tree| tree.groups.len());
            line(&mut out, "cgroups: first sample", start, groups, "groups", &probe)?;
            line(
                &mut out,
                "cgroups: second sample and the rest",
                finish,
                groups,
                "groups",
                &probe,
            )?;
        }
        let deadline = Instant::now() + Duration::from_secs(5);
        let (took, probe) = timed(|| processes::read(&root, deadline));
        let count = probe.value().map_or(0, |processes| processes.list.len());
        line(&mut out, "processes", took, count, "processes", &probe)?;
        let (took, (_, probe)) =
            timed(|| unit_files::collect(&root, &SearchPath::standard(), None));
        let count = probe.value().map_or(0, |files| files.names.len());
        line(&mut out, "unit files", took, count, "names", &probe)?;
        let (start, sampler) = timed(|| system::Sampler::start(&root));
        let Ok(sampler) = sampler else { continue };
        let (finish, probe) = timed(|| sampler.finish(deadline));
        line(&mut out, "system: both samples", start + finish, 1, "host", &probe)?;
    }
    Ok(())
}

fn line<T>(
    out: &mut impl Write,
    what: &str,
    took: u64,
    count: usize,
    of: &str,
    probe: &Probe<T>,
) -> io::Result<()> {
    let each = took / u64::try_from(count.max(1)).unwrap_or(1);
    writeln!(out, "{what}: {took} us, {count} {of}, {each} us each")?;
    for gap in probe.gaps() {
        writeln!(out, "  not read: {}: {:?}", gap.what, gap.hint)?;
    }
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> T) -> (u64, T) {
    let before = cpu_usec();
    let value = work();
    (cpu_usec().saturating_sub(before), value)
}

fn cpu_usec() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec * 1_000_000 + time.tv_nsec / 1000).unwrap_or(0)
}
