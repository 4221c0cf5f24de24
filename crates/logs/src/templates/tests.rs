//! What a miner promises, on messages like those of real daemons.

use proptest::prelude::*;
use sysdiag_model::Timestamp;
use sysdiag_model::snapshot::LogTemplate;

use super::{Mined, Miner, Seen, Settings, Whence};

const HOUR: u64 = 3_600_000_000;

fn at(usec: u64) -> Seen {
    let time = Timestamp::from_usec(usec);
    Seen { count: 1, first: time, last: time, place: 0, unit: None }
}

fn mine<'m>(messages: impl IntoIterator<Item = &'m str>) -> Mined {
    let mut miner = Miner::new(Settings::default(), None);
    for message in messages {
        miner.add("daemon", 6, message, at(1));
    }
    miner.finish()
}

fn texts(mined: &Mined) -> Vec<&str> {
    let mut texts: Vec<&str> =
        mined.templates.iter().map(|template| template.text.as_str()).collect();
    texts.sort_unstable();
    texts
}

fn boot() -> Vec<String> {
    let mut messages = Vec::new();
    for n in 0..40 {
        let user = ["ann", "bob", "cid", "dora", "eve", "fay", "gus"][n % 7];
        let door = ["opened", "closed"][n % 2];
        messages.push(format!("session {door} for user {user} by (uid={n})"));
        messages.push(format!("usb 1-{n}: new high-speed USB device number {n} using xhci_hcd"));
        messages
            .push(format!("Accepted publickey for {user} from 10.0.0.{n} port {} ssh2", 2000 + n));
        messages.push(format!("cleaned {n} files in /var/tmp/{user}/{n}, {} ms", n * 3));
        messages.push(format!("wrote {} MB (took {n} s) to disk {user}", n * 7));
    }
    messages
}

#[test]
fn what_varies_is_masked_and_what_tells_events_apart_is_not() {
    let messages = boot();
    let mined = mine(messages.iter().map(String::as_str));
    assert_eq!(
        texts(&mined),
        [
            "Accepted publickey for <*> from <*> port <*> ssh2",
            "cleaned <*> files in <*>",
            "session closed for user <*> by (uid=<*>)",
            "session opened for user <*> by (uid=<*>)",
            "usb <*>: new high-speed USB device number <*> using xhci_hcd",
            "wrote <*> (took <*>) to disk <*>",
        ]
    );
}

#[test]
fn ids_do_not_depend_on_the_order_of_messages() {
    let messages = boot();
    let forward = mine(messages.iter().map(String::as_str));
    let backward = mine(messages.iter().rev().map(String::as_str));
    assert_eq!(forward.templates, backward.templates);
}

#[test]
fn messages_that_come_twice_change_counts_only() {
    let messages = boot();
    let once = mine(messages.iter().map(String::as_str));
    let twice = mine(messages.iter().chain(&messages).map(String::as_str));
    let doubled: Vec<LogTemplate> =
        once.templates.iter().cloned().map(|t| LogTemplate { count: t.count * 2, ..t }).collect();
    assert_eq!(twice.templates, doubled);
}

#[test]
fn a_known_template_keeps_its_id_when_it_becomes_more_general() {
    let before = mine(["quota of volume alpha is exceeded"]);
    let [known] = before.templates.as_slice() else { panic!() };
    let mut miner = Miner::with_known(Settings::default(), None, &before.templates);
    for volume in ["beta", "gamma", "delta", "epsilon", "zeta"] {
        miner.add("daemon", 4, &format!("quota of volume {volume} is exceeded"), at(1));
    }
    miner.add("daemon", 4, "volume is fine", at(1));
    let after = miner.finish();
    assert_eq!(texts(&after), ["quota of volume <*> is exceeded", "volume is fine"]);
    let general = after.templates.iter().find(|t| t.text.starts_with("quota")).unwrap();
    assert_eq!((general.id, general.count), (known.id, 5));
    // And then a boot that has one message of it only.
    let mut miner = Miner::with_known(Settings::default(), None, &after.templates);
    miner.add("daemon", 4, "quota of volume omega is exceeded", at(1));
    let third = miner.finish();
    assert_eq!(
        third.templates.iter().map(|t| (t.id, t.count)).collect::<Vec<_>>(),
        [(known.id, 1)]
    );
}

#[test]
fn lists_of_any_length_are_one_template() {
    let mined = mine([
        "replicate 1 to 10.0.0.1:50 10.0.0.2:50",
        "replicate 5 to 10.0.0.1:50",
        "replicate 5 to 1:1 2:2 3:3",
    ]);
    assert_eq!(texts(&mined), ["replicate <*> to <*>"]);
}

#[test]
fn times_priorities_and_hours_are_those_of_all_messages() {
    let until = Timestamp::from_usec(100 * HOUR);
    let mut miner = Miner::new(Settings::default(), Some(until));
    miner.add("d", 6, "link 1 is down", at(10 * HOUR));
    miner.add("d", 3, "link 2 is down", at(99 * HOUR + 1));
    miner.add("d", 5, "link 3 is down", Seen { count: 4, ..at(97 * HOUR + 1) });
    let mined = miner.finish();
    let [link] = mined.templates.as_slice() else { panic!() };
    assert_eq!((link.priority, link.count, mined.entries), (3, 6, 6));
    assert_eq!((link.first.as_usec(), link.last.as_usec()), (10 * HOUR, 99 * HOUR + 1));
    assert_eq!(
        link.recent_hours.clone().unwrap().into_iter().collect::<Vec<_>>(),
        [(0, 1), (2, 4)]
    );
}

#[test]
fn the_last_place_and_the_most_frequent_unit_are_kept_in_any_order() {
    let seen = |usec, count, unit| Seen { count, place: usec * 7, unit, ..at(usec) };
    let all = [
        ("link 1 is down", seen(5, 2, Some(3))),
        ("link 2 is down", seen(9, 1, Some(1))),
        ("link 3 is down", seen(7, 4, Some(1))),
        ("link 4 is down", seen(8, 60, None)),
    ];
    for turn in 0..all.len() {
        let mut miner = Miner::new(Settings::default(), None);
        for (message, seen) in all.iter().cycle().skip(turn).take(all.len()) {
            miner.add("d", 6, message, *seen);
        }
        let mined = miner.finish();
        assert_eq!(mined.templates.len(), 1);
        assert_eq!(mined.whence, [Whence { place: 63, units: vec![1, 3] }], "{turn}");
    }
}

#[test]
fn hours_of_messages_that_span_several_are_not_known() {
    let mut miner = Miner::new(Settings::default(), Some(Timestamp::from_usec(100 * HOUR)));
    let seen = Seen { count: 9, first: Timestamp::from_usec(HOUR), ..at(99 * HOUR) };
    miner.add("d", 6, "tick", seen);
    assert_eq!(miner.finish().templates[0].recent_hours, None);
}

#[test]
fn what_is_held_and_given_is_bounded_and_the_rest_counted() {
    let settings = Settings { max_held: 100, max_templates: 20, ..Settings::default() };
    let mut miner = Miner::new(settings, None);
    let mut state = 1_u64;
    let mut word = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (0..8)
            .map(|n| char::from(b'a' + u8::try_from((state >> (8 + 5 * n)) % 26).unwrap()))
            .collect::<String>()
    };
    miner.add("kernel", 2, "a severe one", at(1));
    for _ in 0..5_000 {
        let message = format!("{} {} {}", word(), word(), word());
        miner.add("noise", 7, &message, at(1));
        assert!(miner.held <= 101);
    }
    let mined = miner.finish();
    assert_eq!(mined.templates.len(), 20);
    assert_eq!(mined.templates[0].text, "a severe one");
    assert_eq!(mined.entries, 5_001);
    let kept: u64 = mined.templates.iter().map(|template| template.count).sum();
    assert_eq!(kept + mined.dropped_entries, 5_001);
    assert!(mined.dropped_templates > 4_000);
}

#[test]
fn a_sender_is_told_without_its_identifiers() {
    let mut miner = Miner::new(Settings::default(), None);
    miner.add("app-3f2b1c4d5e6f", 6, "x", at(1));
    miner.add("app-0a9b8c7d6e5f", 6, "x", at(1));
    miner.add("systemd-networkd", 6, "x", at(1));
    let senders: Vec<String> = miner.finish().templates.into_iter().map(|t| t.sender).collect();
    assert_eq!(senders, ["app-<*>", "systemd-networkd"]);
}

#[test]
fn a_long_message_is_looked_at_in_part() {
    let mined = mine([format!("start {}", "word ".repeat(300_000)).as_str(), &"x".repeat(1 << 20)]);
    assert!(mined.templates.iter().all(|template| template.text.len() <= 2_048));
}

proptest! {
    #[test]
    fn any_messages_are_mined(messages in proptest::collection::vec(".{0,80}", 0..40)) {
        let mined = mine(messages.iter().map(String::as_str));
        let kept: u64 = mined.templates.iter().map(|template| template.count).sum();
        prop_assert_eq!(kept, messages.len() as u64);
        for message in &messages {
            prop_assert!(mined.template_of("daemon", message).is_some());
        }
    }

    #[test]
    fn text_like_that_of_logs_is_mined_and_masked_once(
        messages in proptest::collection::vec(r#"([a-z]{1,6}|[0-9]{1,4}|[=:;,.()\[\]{}<>"'`|!?/ @\\-]|<\*>|[0-9a-f]{2}:|\.\.){0,30}"#, 0..20)
    ) {
        let mined = mine(messages.iter().map(String::as_str));
        let mut reversed: Vec<&str> = messages.iter().map(String::as_str).collect();
        reversed.reverse();
        prop_assert_eq!(&mine(reversed).templates, &mined.templates);
    }
}
