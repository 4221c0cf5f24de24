//! Which units use most of a resource at the time: who makes others wait, as far as figures tell.

use sysdiag_model::report::UnitUsage;
use sysdiag_model::{Evidence, UnitName, Value};

use super::support::is_slice;
use crate::{Context, amount};

/// Less is no burden: half of one CPU, 1 MiB a second.
const MIN_CPU_PERCENT: f64 = 50.0;
const MIN_IO_BYTES: f64 = 1_048_576.0;

/// What is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Used {
    Cpu,
    Memory,
    Io,
}

/// A unit and what it uses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Consumer<'a> {
    pub(super) unit: &'a UnitUsage,
    used: Used,
    /// Per cent of one CPU, bytes, or bytes a second.
    pub(super) figure: f64,
}

impl<'a> Consumer<'a> {
    /// None: that is not known of this unit.
    pub(super) fn of(unit: &'a UnitUsage, used: Used) -> Option<Self> {
        let figure = match used {
            Used::Cpu => unit.cpu_percent?,
            Used::Memory => unit.memory_current_bytes? as f64,
            Used::Io => unit.io_read_bytes_per_second? + unit.io_write_bytes_per_second?,
        };
        Some(Self { unit, used, figure })
    }

    /// `hog.service uses 187 % of one CPU`.
    pub(super) fn sentence(&self) -> String {
        let name = &self.unit.name;
        match self.used {
            Used::Cpu => format!("{name} uses {} of one CPU", amount::percent(self.figure)),
            Used::Memory => format!("{name} holds {}", amount::bytes(whole(self.figure))),
            Used::Io => {
                format!("{name} reads and writes {} a second", amount::bytes(whole(self.figure)))
            }
        }
    }

    /// The figure and where it was read.
    pub(super) fn evidence(&self) -> Evidence {
        let path = self.unit.cgroup_path.trim_end_matches('/');
        let name = &self.unit.name;
        match self.used {
            Used::Cpu => {
                let what = format!("CPU of {name}");
                Evidence::new(what, Value::Percent(self.figure), format!("{path}/cpu.stat"))
            }
            Used::Memory => {
                let what = format!("memory of {name}");
                let value = Value::Bytes(whole(self.figure));
                Evidence::new(what, value, format!("{path}/memory.current"))
            }
            Used::Io => {
                let what = format!("I/O of {name} in a second");
                let value = Value::Bytes(whole(self.figure));
                Evidence::new(what, value, format!("{path}/io.stat"))
            }
        }
    }
}

/// The units that use most, the first ones first; slices are sums of others.
pub(super) fn most<'a>(context: &'a Context<'_>, used: Used) -> Vec<Consumer<'a>> {
    let units = context.resources.unit_usage.iter().flatten();
    let mut list: Vec<Consumer<'a>> = units
        .filter(|unit| !is_slice(&unit.name))
        .filter_map(|unit| Consumer::of(unit, used))
        .filter(|consumer| consumer.figure > 0.0)
        .collect();
    list.sort_by(|a, b| b.figure.total_cmp(&a.figure));
    list
}

/// The one that uses most, if that is a burden to others: of memory, a fifth of all.
pub(super) fn burden<'a>(context: &'a Context<'_>, used: Used) -> Option<Consumer<'a>> {
    let consumer = most(context, used).into_iter().next()?;
    (consumer.figure >= least(context, used)?).then_some(consumer)
}

/// The unit other than `victim` that uses most, if that is a burden and more than the victim uses.
pub(super) fn rival<'a>(
    context: &'a Context<'_>,
    used: Used,
    victim: &UnitUsage,
    among: impl Fn(&UnitName, &str) -> bool,
) -> Option<Consumer<'a>> {
    let own = Consumer::of(victim, used).map_or(0.0, |own| own.figure);
    let rivals = most(context, used).into_iter();
    let mut rivals = rivals
        .filter(|one| one.unit.name != victim.name)
        .filter(|one| among(&one.unit.name, &one.unit.cgroup_path));
    let least = if used == Used::Memory { 0.0 } else { least(context, used)? };
    rivals.next().filter(|rival| rival.figure > own && rival.figure >= least)
}

fn least(context: &Context<'_>, used: Used) -> Option<f64> {
    match used {
        Used::Cpu => Some(MIN_CPU_PERCENT),
        Used::Io => Some(MIN_IO_BYTES),
        Used::Memory => {
            let usage = context.resources.system_usage.as_ref();
            usage.and_then(|usage| usage.memory_total_bytes).map(|total| total as f64 / 5.0)
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "amounts are positive, and the cast saturates"
)]
pub(super) const fn whole(figure: f64) -> u64 {
    figure as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;
    use crate::testing::{GIB, add_unit, cgroup_of, healthy, unit};

    #[test]
    fn the_one_that_uses_most_is_named_with_its_figure() {
        let mut snapshot = healthy();
        add_unit(&mut snapshot, unit("hog.service", "active", "running"));
        cgroup_of(&mut snapshot, "/system.slice/hog.service").memory_current_bytes = Some(8 * GIB);
        let settings = Settings::default();
        let resources = crate::resources::analyze(&snapshot, &settings);
        let context = Context {
            snapshot: &snapshot,
            settings: &settings,
            past: &sysdiag_model::Probe::Known(crate::Past::default()),
            boot: None,
            health: None,
            resources: &resources,
            graph: None,
        };
        let hog = burden(&context, Used::Memory).unwrap();
        assert_eq!(hog.sentence(), "hog.service holds 8 GiB");
        assert_eq!(hog.evidence().source, "/system.slice/hog.service/memory.current");
        // Nobody's rates are known: there was no earlier sample.
        assert!(burden(&context, Used::Cpu).is_none());
        let units = resources.unit_usage.as_ref().unwrap();
        let nginx = units.iter().find(|unit| unit.name == "nginx.service").unwrap();
        let found = rival(&context, Used::Memory, nginx, |_, _| true).unwrap();
        assert_eq!(found.unit.name, hog.unit.name);
        assert!(rival(&context, Used::Memory, hog.unit, |_, _| true).is_none());
    }
}
