//! Holds a boot against a baseline.

use std::collections::{BTreeMap, HashMap, HashSet};

use sysdiag_model::Timestamp;
use sysdiag_model::snapshot::{LogTemplate, LogTemplates};

use super::{
    Baseline, Comparison, Earlier, New, NotAssessed, PastBoot, PastSeen, PastTemplate, Ranked,
    Rare, Spike, Thresholds, Vanished,
};
use crate::templates::Pattern;

const HOUR_USEC: u64 = 3_600_000_000;

/// Tells what is new, much more, gone and rare in `current`. A boot of the baseline that is `current`
/// itself is left out.
pub fn compare(current: &LogTemplates, baseline: &Baseline, thresholds: &Thresholds) -> Comparison {
    let boots: BTreeMap<Timestamp, &PastBoot> = baseline
        .boots()
        .iter()
        .filter(|boot| match current.boot_id {
            Some(id) => boot.boot_id != Some(id),
            None => boot.since != current.since,
        })
        .map(|boot| (boot.since, boot))
        .collect();
    let earlier = boots.values().next().map(|first| Earlier {
        boots: boots.len(),
        covered_usec: boots
            .values()
            .fold(0, |sum: u64, boot| sum.saturating_add(boot.covered_usec())),
        since: boots.values().map(|boot| boot.since).min().unwrap_or(first.since),
        complete: boots.values().all(|boot| boot.complete),
    });
    let judge = Judge { current, boots, thresholds, past: Past::new(baseline) };
    judge.all(earlier)
}

/// Templates of a baseline, to be found by what they are like.
struct Past<'a> {
    templates: Vec<(&'a PastTemplate, Pattern)>,
    by_sender: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Past<'a> {
    fn new(baseline: &'a Baseline) -> Self {
        let templates: Vec<(&PastTemplate, Pattern)> = baseline
            .templates()
            .iter()
            .map(|template| (template, Pattern::new(&template.text)))
            .collect();
        let mut by_sender: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, (template, _)) in templates.iter().enumerate() {
            by_sender.entry(template.sender.as_str()).or_default().push(at);
        }
        Self { templates, by_sender }
    }

    /// Indices of the templates that are of the same event.
    fn like(&self, template: &LogTemplate) -> Vec<usize> {
        let pattern = Pattern::new(&template.text);
        let of_sender = self.by_sender.get(template.sender.as_str()).map_or(&[][..], Vec::as_slice);
        of_sender
            .iter()
            .copied()
            .filter(|at| {
                self.templates.get(*at).is_some_and(|(past, other)| {
                    past.id == template.id
                        || (may_begin_alike(&pattern, other) && pattern.is_same_event(other))
                })
            })
            .collect()
    }
}

/// Cheap, and true of all patterns of one event: each sender's templates are compared in pairs.
fn may_begin_alike(a: &Pattern, b: &Pattern) -> bool {
    match (a.first(), b.first()) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    }
}

struct Judge<'a> {
    current: &'a LogTemplates,
    boots: BTreeMap<Timestamp, &'a PastBoot>,
    thresholds: &'a Thresholds,
    past: Past<'a>,
}

impl Judge<'_> {
    fn all(&self, earlier: Option<Earlier>) -> Comparison {
        let (mut new, mut spikes, mut rare) = (Vec::new(), Vec::new(), Vec::new());
        let mut came: HashSet<usize> = HashSet::new();
        for template in &self.current.templates {
            let like = self.past.like(template);
            let counts = self.counts(&like);
            came.extend(like);
            // It is told of as what it is, so it is no news.
            let is_told = self.current.known_bad.contains(&template.id);
            if counts.is_empty() && template.priority <= self.thresholds.least_severe {
                if !is_told {
                    let at_least = self.is_cut(&template.sender);
                    new.push(New { template: template.clone(), at_least });
                }
            } else if let Some(spike) = self.spike(template, &counts) {
                spikes.push(spike);
            }
            let known_rare =
                counts.len() as f64 <= self.thresholds.rare_share * self.boots.len() as f64;
            if !is_told
                && template.priority <= self.thresholds.rare_priority
                && template.count <= self.thresholds.rare_count
                && known_rare
            {
                rare.push(Rare {
                    template: template.clone(),
                    boots_with: counts.len(),
                    boots: self.boots.len(),
                });
            }
        }
        new.sort_by_key(|one| (one.template.priority, std::cmp::Reverse(one.template.count)));
        spikes.sort_by(|a, b| {
            let times = |spike: &Spike| spike.count as f64 / spike.expected.max(1.0);
            a.template.priority.cmp(&b.template.priority).then(times(b).total_cmp(&times(a)))
        });
        rare.sort_by_key(|one| (one.template.priority, one.boots_with, one.template.count));
        let known = earlier.is_some();
        let vanished = self.vanished(&came);
        Comparison {
            earlier,
            new: known.then(|| self.ranked(new)),
            spikes: known.then(|| self.ranked(spikes)),
            vanished_not_assessed: vanished.as_ref().err().copied(),
            vanished: vanished.ok(),
            rare: self.ranked(rare),
        }
    }

    fn ranked<T>(&self, mut items: Vec<T>) -> Ranked<T> {
        let more = items.len().saturating_sub(self.thresholds.items);
        items.truncate(self.thresholds.items);
        Ranked { items, more }
    }

    fn is_cut(&self, sender: &str) -> bool {
        self.current.suppressed.get(sender).is_some_and(|messages| *messages > 0)
    }

    /// What each earlier boot had of some templates together.
    fn counts(&self, like: &[usize]) -> BTreeMap<Timestamp, PastSeen> {
        let mut counts: BTreeMap<Timestamp, PastSeen> = BTreeMap::new();
        let seen = like
            .iter()
            .filter_map(|at| self.past.templates.get(*at))
            .flat_map(|(past, _)| &past.seen);
        for seen in seen.filter(|seen| self.boots.contains_key(&seen.boot)) {
            counts
                .entry(seen.boot)
                .and_modify(|sum| {
                    sum.count = sum.count.saturating_add(seen.count);
                    sum.busiest_hour =
                        sum.busiest_hour.zip(seen.busiest_hour).map(|(a, b)| a.saturating_add(b));
                    sum.first_after_usec = sum.first_after_usec.min(seen.first_after_usec);
                    sum.last = sum.last.max(seen.last);
                })
                .or_insert_with(|| seen.clone());
        }
        counts
    }

    fn spike(
        &self,
        template: &LogTemplate,
        counts: &BTreeMap<Timestamp, PastSeen>,
    ) -> Option<Spike> {
        if counts.is_empty() {
            return None;
        }
        self.spike_of_boot(template, counts).or_else(|| self.spike_of_hour(template, counts))
    }

    /// Against counts of whole boots. What comes once a boot is as frequent in a short boot as in a
    /// long one, and what comes all the time is not: an earlier boot lets expect its own count in a
    /// boot that is not longer, and in one that is, as much more as that is longer.
    fn spike_of_boot(
        &self,
        template: &LogTemplate,
        counts: &BTreeMap<Timestamp, PastSeen>,
    ) -> Option<Spike> {
        let now = self.current.until.usec_since(self.current.since) as f64;
        let expected: Vec<f64> = self
            .boots
            .iter()
            .map(|(since, boot)| {
                let count = counts.get(since).map_or(0, |seen| seen.count) as f64;
                let covered = boot.covered_usec().max(self.thresholds.shortest_usec) as f64;
                count * (now / covered).max(1.0)
            })
            .collect();
        let median = median(expected.clone());
        // The standard deviation of a normal distribution is 1.4826 times the median deviation.
        let deviation =
            1.4826 * self::median(expected.iter().map(|one| (one - median).abs()).collect());
        let most = expected.iter().copied().fold(0.0, f64::max);
        let by_spread = median + self.thresholds.spike_deviations * (deviation + median.sqrt());
        let least = (self.thresholds.spike_factor * most.max(1.0)).max(by_spread);
        let count = template.count as f64;
        (template.count >= self.thresholds.spike_count && count >= least).then(|| Spike {
            template: template.clone(),
            count: template.count,
            expected: median,
            most_before: most,
            hours_ago: None,
            boots_with: counts.len(),
            at_least: self.is_cut(&template.sender),
        })
    }

    /// Against the busiest hours of earlier boots. The first hour of a boot is left out: it has what
    /// comes once a boot, and that of a long earlier boot is not among the hours that are known.
    fn spike_of_hour(
        &self,
        template: &LogTemplate,
        counts: &BTreeMap<Timestamp, PastSeen>,
    ) -> Option<Spike> {
        let covered = self.current.until.usec_since(self.current.since);
        let hours = template.recent_hours.as_ref()?;
        let (ago, count) = hours
            .iter()
            .filter(|(ago, _)| {
                !self.current.from_boot
                    || (u64::from(**ago) + 1).saturating_mul(HOUR_USEC) + HOUR_USEC <= covered
            })
            .map(|(ago, count)| (*ago, *count))
            .max_by_key(|(ago, count)| (*count, std::cmp::Reverse(*ago)))?;
        let before: Vec<f64> = counts
            .values()
            .map(|seen| seen.busiest_hour.map(|count| count as f64))
            .collect::<Option<_>>()?;
        let most = before.iter().copied().fold(0.0, f64::max);
        let least = self.thresholds.spike_factor * most.max(1.0);
        let by_poisson = most + self.thresholds.spike_deviations * most.sqrt();
        // Oftener in this boot as well: an hour that repeats in every day of this boot is no spike.
        let others: u64 = hours
            .iter()
            .filter(|(other, _)| **other != ago)
            .map(|(_, count)| *count)
            .max()
            .unwrap_or(0);
        let least = least.max(by_poisson).max(self.thresholds.spike_factor * others as f64);
        (count >= self.thresholds.spike_count && count as f64 >= least).then(|| Spike {
            template: template.clone(),
            count,
            expected: median(before),
            most_before: most,
            hours_ago: Some(ago),
            boots_with: counts.len(),
            at_least: self.is_cut(&template.sender),
        })
    }

    fn vanished(&self, came: &HashSet<usize>) -> Result<Ranked<Vanished>, NotAssessed> {
        let whole: BTreeMap<Timestamp, &PastBoot> = self
            .boots
            .iter()
            .filter(|(_, boot)| {
                boot.from_boot && boot.covered_usec() >= self.thresholds.shortest_usec
            })
            .map(|(since, boot)| (*since, *boot))
            .collect();
        if whole.len() < self.thresholds.vanished_boots.max(1) {
            return Err(NotAssessed::TooFewBoots);
        }
        if !self.current.from_boot {
            return Err(NotAssessed::NotFromBoot);
        }
        if self.current.dropped_templates > 0 {
            return Err(NotAssessed::Incomplete);
        }
        let age = self.current.until.usec_since(self.current.since);
        let mut vanished = Vec::new();
        for (at, (past, _)) in self.past.templates.iter().enumerate() {
            if came.contains(&at)
                || past.priority > self.thresholds.least_severe
                || self.is_cut(&past.sender)
            {
                continue;
            }
            let seen: Vec<&PastSeen> =
                past.seen.iter().filter(|seen| whole.contains_key(&seen.boot)).collect();
            let (Some(latest), Some(last)) =
                (seen.iter().map(|s| s.first_after_usec).max(), seen.iter().map(|s| s.last).max())
            else {
                continue;
            };
            let due = (latest as f64 * self.thresholds.vanished_patience)
                .max(self.thresholds.shortest_usec as f64);
            let share = seen.len() as f64 / whole.len() as f64;
            if share >= self.thresholds.vanished_share && age as f64 >= due {
                vanished.push(Vanished {
                    template: (*past).clone(),
                    boots_with: seen.len(),
                    boots: whole.len(),
                    latest_usec: latest,
                    last,
                });
            }
        }
        vanished.sort_by_key(|one| {
            (one.template.priority, std::cmp::Reverse(one.boots_with), one.latest_usec)
        });
        Ok(self.ranked(vanished))
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle).copied().unwrap_or(0.0);
    if values.len() % 2 == 1 {
        return upper;
    }
    let lower = middle.checked_sub(1).and_then(|at| values.get(at)).copied().unwrap_or(0.0);
    f64::midpoint(lower, upper)
}
