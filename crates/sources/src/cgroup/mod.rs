//! The cgroup v2 tree: all groups with their figures, and an earlier sample for rates.
//!
//! Three passes over the tree, each with one handle per group: the counters that rates need, the
//! same again after the interval, then everything else. So both samples are read at the same pace,
//! and a group is as long between its two samples as any other. cgroup v1 is not read.

mod figures;
mod files;
mod group;
mod locate;
mod walk;

use sysdiag_model::snapshot::{Cgroup, CgroupSample, CgroupTree, CpuStat, IoStat};
use sysdiag_model::{Gap, Probe, Why};

use self::files::FileSet;
use self::group::Reader;
use self::locate::Location;
use self::walk::{Entry, Visit, Walk, Walked};
use crate::{Root, clock};

/// Between the first sample and the second.
#[derive(Debug)]
pub struct Sampler {
    root: Root,
    location: Location,
    earlier_at_usec: u64,
    earlier: Vec<CgroupSample>,
}

impl Sampler {
    /// Finds the tree and takes the first sample of every group's CPU time and I/O.
    ///
    /// # Errors
    ///
    /// There is no cgroup v2 tree, or it cannot be opened.
    pub fn start(root: &Root) -> Result<Self, Gap> {
        let location = locate::locate(root)?;
        let earlier_at_usec = clock::monotonic_usec();
        let (counters, _) = counters(root, &location)?;
        let earlier = counters.into_iter().map(Counters::into_sample).collect();
        Ok(Self { root: root.clone(), location, earlier_at_usec, earlier })
    }

    /// Takes the second sample and reads the rest. The caller has waited in between.
    pub fn finish(self) -> Probe<CgroupTree> {
        match self.tree() {
            Ok(probe) => probe,
            Err(gap) => Probe::Unknown(gap),
        }
    }

    fn tree(self) -> Result<Probe<CgroupTree>, Gap> {
        let at_usec = clock::monotonic_usec();
        let (counters, _) = counters(&self.root, &self.location)?;
        let mut rest = Rest { groups: Vec::with_capacity(counters.len()), reader: Reader::new() };
        let walk = Walk::new(FileSet::all().without(FileSet::counters()));
        let walked = walk.run(&self.root, &self.location, &mut rest)?;
        let Rest { mut groups, reader } = rest;
        groups.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        for group in &mut groups {
            let found = counters.binary_search_by(|sample| sample.path.as_str().cmp(&group.path));
            let sample = found.ok().and_then(|index| counters.get(index));
            // Without one it was made since, or made anew under the same name.
            if let Some(sample) = sample.filter(|sample| sample.inode == group.inode) {
                (group.cpu, group.io) = (sample.cpu, sample.io);
            }
        }
        let Walked { controllers, mut gaps, .. } = walked;
        gaps.extend(missing_controllers(&controllers, &self.location));
        gaps.extend(reader.gaps());
        let tree = CgroupTree {
            mount_point: self.location.mount_point,
            controllers,
            root: self.location.manager_root,
            at_usec,
            groups,
            earlier_at_usec: self.earlier_at_usec,
            earlier: self.earlier,
        };
        Ok(Probe::with_gaps(tree, gaps))
    }
}

/// What the first two passes read of a group.
struct Counters {
    path: String,
    inode: u64,
    cpu: Option<CpuStat>,
    io: Option<IoStat>,
}

impl Counters {
    fn into_sample(self) -> CgroupSample {
        CgroupSample {
            path: self.path,
            inode: self.inode,
            cpu_usage_usec: self.cpu.and_then(|cpu| cpu.usage_usec),
            io_read_bytes: self.io.map(|io| io.read_bytes),
            io_write_bytes: self.io.map(|io| io.write_bytes),
        }
    }
}

/// A light pass, sorted by path.
fn counters(root: &Root, location: &Location) -> Result<(Vec<Counters>, Walked), Gap> {
    let mut pass = Light { groups: Vec::new(), reader: Reader::new() };
    let walked = Walk::new(FileSet::counters()).run(root, location, &mut pass)?;
    pass.groups.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok((pass.groups, walked))
}

struct Light {
    groups: Vec<Counters>,
    reader: Reader,
}

impl Visit for Light {
    fn visit(&mut self, entry: Entry<'_>) {
        if let Some((cpu, io)) = self.reader.counters(&entry) {
            let path = entry.path.to_owned();
            self.groups.push(Counters { path, inode: entry.inode, cpu, io });
        }
    }
}

struct Rest {
    groups: Vec<Cgroup>,
    reader: Reader,
}

impl Visit for Rest {
    fn visit(&mut self, entry: Entry<'_>) {
        self.groups.extend(self.reader.group(&entry));
    }
}

/// Controllers that this tree does not have, although every host could.
fn missing_controllers(controllers: &[String], location: &Location) -> Option<Gap> {
    let missing: Vec<_> = ["cpu", "io", "memory", "pids"]
        .into_iter()
        .filter(|name| !controllers.iter().any(|have| have == name))
        .collect();
    if missing.is_empty() {
        return None;
    }
    let hint = if location.has_v1 {
        "they are mounted as cgroup v1; boot with systemd.unified_cgroup_hierarchy=1"
    } else {
        "not handed down to this tree, or switched off by cgroup_disable="
    };
    let what = format!("cgroup controllers {}", missing.join(", "));
    Some(Gap::new(what, Why::NotSupported, hint))
}

#[cfg(test)]
mod tests;
