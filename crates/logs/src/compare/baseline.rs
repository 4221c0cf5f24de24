//! Templates of earlier boots, as history keeps them: aged and bounded.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use sysdiag_model::snapshot::{LogTemplate, LogTemplates, TemplateId};
use sysdiag_model::{BootId, Timestamp};
use thiserror::Error;

/// Version of the stored form. A reader refuses a higher one.
const FORMAT: u32 = 1;

/// Boots that are kept.
const MAX_BOOTS: usize = 20;

/// Boots that ended longer ago than this before the end of the newest are dropped: 60 days.
const MAX_AGE_USEC: u64 = 60 * 86_400 * 1_000_000;

/// Templates that are kept.
const MAX_TEMPLATES: usize = 4_000;

/// Bytes that are kept, as stored: texts, senders, and [`SEEN_BYTES`] for each boot of a template.
const MAX_BYTES: usize = 4 << 20;

/// About what one [`PastSeen`] takes as JSON.
const SEEN_BYTES: usize = 160;

/// What earlier boots logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    format: u32,
    /// Oldest first, at most 20, none that ended more than 60 days before the newest.
    boots: Vec<PastBoot>,
    /// By sender and text.
    templates: Vec<PastTemplate>,
}

/// A boot, or a part of it, that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastBoot {
    /// Its id. None: a window of time that is not of one boot.
    pub boot_id: Option<BootId>,
    /// From here.
    pub since: Timestamp,
    /// Up to here.
    pub until: Timestamp,
    /// `since` is the beginning of the boot.
    pub from_boot: bool,
    /// All its templates are known.
    pub complete: bool,
}

impl PastBoot {
    /// Time that was looked at, in microseconds.
    pub const fn covered_usec(&self) -> u64 {
        self.until.usec_since(self.since)
    }
}

/// A template of earlier boots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastTemplate {
    /// Its identity.
    pub id: TemplateId,
    /// Who logs it.
    pub sender: String,
    /// The wording, the most recent.
    pub text: String,
    /// The most severe priority it came with.
    pub priority: u8,
    /// In which boots, and how often.
    pub seen: Vec<PastSeen>,
}

/// How often a template came in a boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastSeen {
    /// Beginning of the boot, [`PastBoot::since`].
    pub boot: Timestamp,
    /// How often.
    pub count: u64,
    /// First time, in microseconds after `boot`.
    pub first_after_usec: u64,
    /// Last time.
    pub last: Timestamp,
    /// Most in one of the last 48 hours of the boot. None: not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub busiest_hour: Option<u64>,
}

/// A stored baseline is of a later version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "a baseline of format {0}, written by a newer version, cannot be read: this one reads up to {FORMAT}"
)]
pub struct UnknownFormat(pub u32);

impl Default for Baseline {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl Baseline {
    /// No boot.
    pub const EMPTY: Self = Self { format: FORMAT, boots: Vec::new(), templates: Vec::new() };

    /// Checks one that was stored: its version, and its bounds, whoever wrote it.
    pub fn checked(mut self) -> Result<Self, UnknownFormat> {
        if self.format > FORMAT {
            return Err(UnknownFormat(self.format));
        }
        self.bound();
        Ok(self)
    }

    /// Takes a boot in. One that is already there is replaced if the new digest goes further.
    pub fn add(&mut self, digest: &LogTemplates) {
        let same = |boot: &PastBoot| {
            if digest.boot_id.is_some() {
                boot.boot_id == digest.boot_id
            } else {
                boot.since == digest.since
            }
        };
        if let Some(known) = self.boots.iter().find(|boot| same(boot)) {
            if known.until >= digest.until {
                return;
            }
            let since = known.since;
            self.forget(since);
        }
        // Two windows of one beginning cannot be told apart by it.
        self.forget(digest.since);
        self.boots.push(PastBoot {
            boot_id: digest.boot_id,
            since: digest.since,
            until: digest.until,
            from_boot: digest.from_boot,
            complete: digest.dropped_templates == 0,
        });
        let mut by_id: HashMap<TemplateId, usize> =
            self.templates.iter().enumerate().map(|(at, template)| (template.id, at)).collect();
        for template in &digest.templates {
            let seen = PastSeen {
                boot: digest.since,
                count: template.count,
                first_after_usec: template.first.usec_since(digest.since),
                last: template.last,
                busiest_hour: template
                    .recent_hours
                    .as_ref()
                    .map(|hours| hours.values().copied().max().unwrap_or(0)),
            };
            if let Some(known) = by_id.get(&template.id).and_then(|at| self.templates.get_mut(*at))
            {
                known.text.clone_from(&template.text);
                known.priority = known.priority.min(template.priority);
                known.seen.push(seen);
            } else {
                by_id.insert(template.id, self.templates.len());
                self.templates.push(PastTemplate {
                    id: template.id,
                    sender: template.sender.clone(),
                    text: template.text.clone(),
                    priority: template.priority,
                    seen: vec![seen],
                });
            }
        }
        self.bound();
    }

    /// The boots, oldest first.
    pub fn boots(&self) -> &[PastBoot] {
        &self.boots
    }

    /// The templates, by sender and text.
    pub fn templates(&self) -> &[PastTemplate] {
        &self.templates
    }

    /// What a miner is to know, so that it keeps the ids.
    pub fn known(&self) -> Vec<LogTemplate> {
        self.templates
            .iter()
            .filter_map(|template| {
                let last = template.seen.iter().map(|seen| seen.last).max()?;
                Some(LogTemplate {
                    id: template.id,
                    sender: template.sender.clone(),
                    text: template.text.clone(),
                    priority: template.priority,
                    count: template
                        .seen
                        .iter()
                        .fold(0, |sum: u64, seen| sum.saturating_add(seen.count)),
                    first: template
                        .seen
                        .iter()
                        .map(|seen| seen.boot.plus_usec(seen.first_after_usec))
                        .min()?,
                    last,
                    recent_hours: None,
                    example: None,
                })
            })
            .collect()
    }

    /// Forgets the boot that `current` is of, and all that came after it began. A window that is of no
    /// boot keeps those that ended before it.
    pub fn keep_before(&mut self, current: &LogTemplates) {
        let is_before = |boot: &PastBoot| match current.boot_id {
            Some(id) => boot.boot_id != Some(id) && boot.since < current.since,
            None => boot.until <= current.since,
        };
        let (kept, gone): (Vec<_>, Vec<_>) = self.boots.drain(..).partition(is_before);
        self.boots = kept;
        let gone: BTreeSet<Timestamp> = gone.iter().map(|boot| boot.since).collect();
        for template in &mut self.templates {
            template.seen.retain(|seen| !gone.contains(&seen.boot));
        }
        self.templates.retain(|template| !template.seen.is_empty());
    }

    fn forget(&mut self, since: Timestamp) {
        self.boots.retain(|boot| boot.since != since);
        for template in &mut self.templates {
            template.seen.retain(|seen| seen.boot != since);
        }
    }

    /// Drops what is old, and of too many templates those of the fewest boots, of these the least
    /// severe, then the longest gone.
    fn bound(&mut self) {
        self.boots.sort_by_key(|boot| (boot.until, boot.since));
        let newest = self.boots.last().map(|boot| boot.until);
        self.boots.retain(|boot| {
            newest.is_some_and(|newest| newest.usec_since(boot.until) <= MAX_AGE_USEC)
        });
        let surplus = self.boots.len().saturating_sub(MAX_BOOTS);
        self.boots.drain(..surplus);
        let kept: BTreeSet<Timestamp> = self.boots.iter().map(|boot| boot.since).collect();
        for template in &mut self.templates {
            template.seen.retain(|seen| kept.contains(&seen.boot));
            template.seen.truncate(MAX_BOOTS);
        }
        self.templates.retain(|template| !template.seen.is_empty());
        self.templates.sort_by_cached_key(|template| {
            let last = template.seen.iter().map(|seen| seen.last).max();
            (
                std::cmp::Reverse(template.seen.len()),
                template.priority,
                std::cmp::Reverse(last),
                template.sender.clone(),
                template.text.clone(),
            )
        });
        let mut bytes = 0_usize;
        let fits = self
            .templates
            .iter()
            .take(MAX_TEMPLATES)
            .take_while(|template| {
                bytes +=
                    template.text.len() + template.sender.len() + template.seen.len() * SEEN_BYTES;
                bytes <= MAX_BYTES
            })
            .count();
        if fits < self.templates.len() {
            self.templates.truncate(fits);
            for boot in &mut self.boots {
                boot.complete = false;
            }
        }
        self.templates.sort_by(|a, b| (&a.sender, &a.text, a.id).cmp(&(&b.sender, &b.text, b.id)));
    }
}
