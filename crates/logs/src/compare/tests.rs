//! Each kind of difference is told once and is silent once.

use proptest::prelude::*;
use sysdiag_model::snapshot::LogTemplates;
use sysdiag_model::{BootId, Timestamp};

use super::*;
use crate::templates::{Miner, Seen, Settings};

const HOUR: u64 = 3_600_000_000;
const DAY: u64 = 24 * HOUR;
const EPOCH: u64 = 1_790_000_000_000_000;

struct Boot {
    number: u64,
    hours: u64,
    messages: Vec<(u8, String, u64, u64)>,
}

impl Boot {
    fn new(number: u64, hours: u64) -> Self {
        Self { number, hours, messages: Vec::new() }
    }

    /// `count` messages at an offset from the beginning.
    fn log(mut self, priority: u8, message: &str, count: u64, after: u64) -> Self {
        self.messages.push((priority, message.to_owned(), count, after));
        self
    }

    fn since(&self) -> Timestamp {
        Timestamp::from_usec(EPOCH + self.number * DAY)
    }

    fn digest(&self, baseline: &Baseline) -> LogTemplates {
        let until = self.since().plus_usec(self.hours * HOUR);
        let mut miner = Miner::with_known(Settings::default(), Some(until), &baseline.known());
        for (priority, message, count, after) in &self.messages {
            let time = self.since().plus_usec(*after);
            miner.add(
                "daemon",
                *priority,
                message,
                Seen { count: *count, first: time, last: time, place: 0, unit: None },
            );
        }
        let mined = miner.finish();
        LogTemplates {
            boot_id: Some(format!("{:032x}", self.number + 1).parse::<BootId>().unwrap()),
            since: self.since(),
            until,
            from_boot: true,
            entries: mined.entries,
            templates: mined.templates,
            dropped_templates: mined.dropped_templates,
            dropped_entries: mined.dropped_entries,
            suppressed: std::collections::BTreeMap::new(),
            known_bad: Vec::new(),
        }
    }
}

/// A boot of a host that is well: messages that vary in numbers, names, order and count.
fn ordinary(number: u64, hours: u64) -> Boot {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut boot = Boot::new(number, hours);
    for n in 0..150 {
        boot = boot.log(
            6,
            &format!(
                "pci 0000:{n:02x}:00.0: BAR {}: assigned [mem 0x{:x}]",
                n % 6,
                random(1 << 40)
            ),
            1,
            n,
        );
    }
    for _ in 0..6 {
        let user = ["ann", "bob", "cid", "dora", "eve", "fay"][usize::try_from(random(6)).unwrap()];
        boot = boot.log(
            6,
            &format!("session opened for user {user} by (uid={})", random(2000)),
            1,
            random(HOUR),
        );
    }
    for hour in 0..hours {
        let count = 20 + random(20);
        boot = boot.log(
            6,
            &format!("collected {} objects in {} ms", random(9000), random(900)),
            count,
            hour * HOUR + 1,
        );
    }
    boot.log(5, "clock synchronized to 10.0.0.1", 1, 30_000_000)
}

fn baseline(boots: impl IntoIterator<Item = Boot>) -> Baseline {
    let mut baseline = Baseline::default();
    for boot in boots {
        let digest = boot.digest(&baseline);
        baseline.add(&digest);
    }
    baseline
}

fn judged(baseline: &Baseline, boot: &Boot) -> Comparison {
    compare(&boot.digest(baseline), baseline, &Thresholds::default())
}

#[test]
fn boots_of_a_host_that_is_well_have_nothing_to_tell() {
    let mut baseline = Baseline::default();
    for number in 0..12 {
        let boot = ordinary(number, [10, 2, 20, 1][usize::try_from(number % 4).unwrap()]);
        let comparison = judged(&baseline, &boot);
        if number > 0 {
            assert_eq!(comparison.new.unwrap().items, [], "boot {number}");
            assert_eq!(comparison.spikes.unwrap().items, [], "boot {number}");
            assert!(comparison.vanished.is_none_or(|list| list.items.is_empty()), "boot {number}");
        }
        assert_eq!(comparison.rare.items, []);
        baseline.add(&boot.digest(&baseline));
    }
}

#[test]
fn without_an_earlier_boot_nothing_is_told_to_be_new() {
    let comparison = judged(&Baseline::default(), &ordinary(0, 5));
    assert_eq!((comparison.earlier, comparison.new, comparison.spikes), (None, None, None));
    assert_eq!(comparison.vanished_not_assessed, Some(NotAssessed::TooFewBoots));
}

#[test]
fn a_boot_is_not_held_against_itself() {
    let baseline = baseline([ordinary(0, 5)]);
    assert_eq!(judged(&baseline, &ordinary(0, 5)).earlier, None);
}

#[test]
fn what_no_earlier_boot_had_is_new_and_the_most_severe_comes_first() {
    let baseline = baseline((0..2).map(|number| ordinary(number, 5)));
    let boot = ordinary(2, 5)
        .log(6, "shop.service: Failed with result 'exit-code'", 9, HOUR)
        .log(3, "cannot bind port 80", 1, HOUR)
        .log(7, "a detail", 1, HOUR);
    let comparison = judged(&baseline, &boot);
    let new: Vec<String> =
        comparison.new.unwrap().items.into_iter().map(|new| new.template.text).collect();
    assert_eq!(new, ["cannot bind port <*>", "shop.service: Failed with result <*>"]);
    let earlier = comparison.earlier.unwrap();
    assert_eq!((earlier.boots, earlier.covered_usec, earlier.complete), (2, 10 * HOUR, true));
    assert_eq!(comparison.rare.items.len(), 1);
}

#[test]
fn what_is_told_as_known_to_be_bad_is_no_news() {
    let baseline = baseline((0..2).map(|number| ordinary(number, 5)));
    let boot = ordinary(2, 5).log(3, "I/O error, dev sda, sector 7", 1, HOUR);
    let mut digest = boot.digest(&baseline);
    let news = |digest: &LogTemplates| {
        let comparison = compare(digest, &baseline, &Thresholds::default());
        (comparison.new.unwrap().items.len(), comparison.rare.items.len())
    };
    assert_eq!(news(&digest), (1, 1));
    let error = digest.templates.iter().find(|template| template.text.starts_with("I/O")).unwrap();
    digest.known_bad = vec![error.id];
    assert_eq!(news(&digest), (0, 0));
}

#[test]
fn a_flood_is_a_spike_and_twice_as_many_are_none() {
    let baseline =
        baseline((0..4).map(|number| ordinary(number, 5).log(4, "retry of request 5", 10, HOUR)));
    let calm = ordinary(5, 5).log(4, "retry of request 7", 20, 2 * HOUR);
    assert_eq!(judged(&baseline, &calm).spikes.unwrap().items, []);
    let flood = ordinary(5, 5).log(4, "retry of request 7", 900, 2 * HOUR);
    let spikes = judged(&baseline, &flood).spikes.unwrap().items;
    let [spike] = spikes.as_slice() else { panic!("{spikes:?}") };
    assert_eq!(
        (spike.count, spike.hours_ago, spike.boots_with, spike.at_least),
        (900, None, 4, false)
    );
    assert!((spike.expected - 10.0).abs() < 1e-9, "{}", spike.expected);
}

#[test]
fn a_rate_that_journald_cut_is_a_lower_bound() {
    let baseline = baseline([ordinary(0, 5).log(4, "retry of request 5", 10, HOUR)]);
    let mut digest = ordinary(5, 5).log(4, "retry of request 7", 900, 2 * HOUR).digest(&baseline);
    digest.suppressed.insert("daemon".into(), 40_000);
    let spikes = compare(&digest, &baseline, &Thresholds::default()).spikes.unwrap().items;
    assert!(spikes[0].at_least);
}

#[test]
fn one_hour_that_is_out_of_all_proportion_is_a_spike_of_that_hour() {
    let steady = |number| {
        (0..20).fold(Boot::new(number, 20), |boot, hour| {
            boot.log(5, "lease 1 renewed", 10, hour * HOUR + 1)
        })
    };
    let baseline = baseline((0..3).map(steady));
    assert_eq!(judged(&baseline, &steady(4)).spikes.unwrap().items, []);
    let burst = steady(4).log(5, "lease 1 renewed", 300, 17 * HOUR + 1);
    let spikes = judged(&baseline, &burst).spikes.unwrap().items;
    let [spike] = spikes.as_slice() else { panic!("{spikes:?}") };
    assert_eq!((spike.count, spike.hours_ago), (310, Some(2)));
}

#[test]
fn what_each_boot_has_at_its_beginning_is_no_spike_of_a_short_boot() {
    let baseline = baseline((0..3).map(|number| ordinary(number, 23)));
    assert_eq!(judged(&baseline, &ordinary(9, 1)).spikes.unwrap().items, []);
}

#[test]
fn what_all_boots_had_and_this_has_not_is_vanished_when_it_is_due() {
    let baseline = baseline(
        (0..4).map(|number| ordinary(number, 9).log(6, "backup of 7 files done", 1, 2 * HOUR)),
    );
    let texts = |boot: &Boot| -> Vec<String> {
        judged(&baseline, boot)
            .vanished
            .unwrap()
            .items
            .into_iter()
            .map(|one| one.template.text)
            .collect()
    };
    assert_eq!(texts(&ordinary(5, 9)), ["backup of <*> files done"]);
    assert_eq!(texts(&ordinary(5, 3)), [""; 0], "it came after two hours, twice that is not over");
    assert_eq!(texts(&ordinary(5, 9).log(6, "backup of 9 files done", 1, HOUR)), [""; 0]);
}

#[test]
fn what_one_boot_of_three_had_does_not_vanish() {
    let baseline = baseline((0..6).map(|number| {
        let boot = ordinary(number, 9);
        if number % 3 == 0 { boot.log(6, "backup of 7 files done", 1, HOUR) } else { boot }
    }));
    assert_eq!(judged(&baseline, &ordinary(7, 9)).vanished.unwrap().items, []);
}

#[test]
fn vanished_is_not_assessed_where_it_cannot_be() {
    let three = baseline((0..3).map(|number| ordinary(number, 9)));
    let mut digest = ordinary(4, 9).digest(&three);
    digest.from_boot = false;
    let comparison = compare(&digest, &three, &Thresholds::default());
    assert_eq!(comparison.vanished_not_assessed, Some(NotAssessed::NotFromBoot));
    digest.from_boot = true;
    digest.dropped_templates = 1;
    let comparison = compare(&digest, &three, &Thresholds::default());
    assert_eq!(comparison.vanished_not_assessed, Some(NotAssessed::Incomplete));
}

#[test]
fn rare_is_what_is_severe_and_came_seldom_in_few_boots() {
    let once = baseline((0..6).map(|number| {
        let boot = ordinary(number, 9);
        if number == 0 { boot.log(3, "parity error in bank 3", 1, HOUR) } else { boot }
    }));
    let boot = ordinary(7, 9).log(3, "parity error in bank 5", 2, HOUR);
    let rare = judged(&once, &boot).rare.items;
    assert_eq!(rare.iter().map(|one| (one.boots_with, one.boots)).collect::<Vec<_>>(), [(1, 6)]);
    let always = baseline(
        (0..6).map(|number| ordinary(number, 9).log(3, "parity error in bank 3", 1, HOUR)),
    );
    assert_eq!(judged(&always, &boot).rare.items, []);
}

#[test]
fn templates_that_became_more_general_are_the_same() {
    let one = |number, volumes: &[&str]| {
        volumes.iter().fold(ordinary(number, 9), |boot, volume| {
            boot.log(4, &format!("quota of volume {volume} is exceeded"), 1, HOUR)
        })
    };
    let past = baseline((0..4).map(|number| one(number, &["alpha"])));
    // Mined without knowing the past, so that ids differ.
    let digest = one(6, &["b", "c", "d", "e", "f", "g"]).digest(&Baseline::default());
    let comparison = compare(&digest, &past, &Thresholds::default());
    assert_eq!(
        (comparison.new.unwrap().items, comparison.vanished.unwrap().items),
        (vec![], vec![])
    );
}

#[test]
fn a_baseline_forgets_old_boots_and_keeps_its_bounds() {
    let mut past = baseline((0..30).map(|number| ordinary(number, 9)));
    assert_eq!(past.boots().len(), 20);
    assert!(past.templates().iter().all(|template| template.seen.len() <= 20));
    past.add(&ordinary(200, 9).digest(&past.clone()));
    assert_eq!(past.boots().len(), 1, "the others are more than sixty days older");
    let mut huge = ordinary(201, 9).digest(&past);
    let model = huge.templates[0].clone();
    huge.templates = (0..5_000)
        .map(|n| LogTemplate {
            id: sysdiag_model::snapshot::TemplateId::new(n),
            text: format!("{n} {}", "x".repeat(1_000)),
            ..model.clone()
        })
        .collect();
    past.add(&huge);
    assert!(serde_json::to_string(&past).unwrap().len() <= 5 << 20);
    assert!(past.templates().len() > 1_000);
    assert!(past.boots().iter().all(|boot| !boot.complete));
}

#[test]
fn a_later_digest_of_a_boot_replaces_an_earlier_one() {
    let mut past = baseline([ordinary(0, 5)]);
    let longer = ordinary(0, 9).digest(&past.clone());
    past.add(&longer);
    assert_eq!(past.boots().iter().map(PastBoot::covered_usec).collect::<Vec<_>>(), [9 * HOUR]);
    let kept = past.clone();
    past.add(&ordinary(0, 5).digest(&kept));
    assert_eq!(past, kept);
}

#[test]
fn a_baseline_comes_back_from_json_and_a_later_format_is_refused() {
    let past = baseline((0..3).map(|number| ordinary(number, 9)));
    let text = serde_json::to_string(&past).unwrap();
    assert_eq!(serde_json::from_str::<Baseline>(&text).unwrap().checked(), Ok(past));
    let later = text.replacen("\"format\":1", "\"format\":2", 1);
    assert_eq!(serde_json::from_str::<Baseline>(&later).unwrap().checked(), Err(UnknownFormat(2)));
}

proptest! {
    #[test]
    fn any_boots_are_compared(
        past in proptest::collection::vec(("[a-c<*> ]{0,12}", 0..9_u8, 0..u64::MAX, 0..u64::MAX), 0..20),
        now in proptest::collection::vec(("[a-c<*> ]{0,12}", 0..9_u8, 0..u64::MAX, 0..u64::MAX), 0..20),
    ) {
        let boot = |number, messages: Vec<(String, u8, u64, u64)>| messages.into_iter().fold(
            Boot::new(number, 1), |boot, (message, priority, count, after)| boot.log(priority, &message, count, after)
        );
        let past = baseline([boot(0, past)]);
        let comparison = judged(&past, &boot(1, now));
        prop_assert!(comparison.new.unwrap().items.len() <= 50);
    }
}

#[test]
fn what_came_after_a_boot_is_no_past_of_it() {
    let mut baseline = Baseline::default();
    let boots: Vec<LogTemplates> = (0..3)
        .map(|number| {
            let own = if number == 1 { "only of beta" } else { "once it was gamma" };
            Boot::new(number, 5).log(4, "always there", 1, 10).log(4, own, 1, 20).digest(&baseline)
        })
        .collect();
    for boot in &boots {
        baseline.add(boot);
    }
    let kept = |current: &LogTemplates| {
        let mut past = baseline.clone();
        past.keep_before(current);
        let since: Vec<Timestamp> = past.boots().iter().map(|boot| boot.since).collect();
        let senders: usize = past.templates().iter().map(|template| template.seen.len()).sum();
        (since, past.templates().len(), senders)
    };
    assert_eq!(kept(&boots[0]), (vec![], 0, 0));
    assert_eq!(kept(&boots[1]), (vec![boots[0].since], 2, 2));
    assert_eq!(kept(&boots[2]), (vec![boots[0].since, boots[1].since], 3, 4));
    // A boot that is not there yet, and a window over boots.
    let next = Boot::new(3, 1).digest(&baseline);
    assert_eq!(kept(&next).0.len(), 3);
    let mut window = boots[1].clone();
    (window.boot_id, window.from_boot) = (None, false);
    window.since = boots[1].until.minus_usec(1);
    assert_eq!(kept(&window).0, [boots[0].since]);
    window.since = boots[1].until;
    assert_eq!(kept(&window).0.len(), 2);
}
