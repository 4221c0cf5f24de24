//! Whole reports as they are shown, at several widths.

use proptest::prelude::*;
use sysdiag_model::{Finding, FindingKey, Report, Severity};

use crate::sinks::fixtures::{
    all, all_unknown, boot, empty, faulty, healthy, hostile, unit_on_disk, unit_page,
};
use crate::sinks::{Focus, Format, View, write};

/// As it comes out of a terminal `width` columns wide, without colour.
fn shown(report: &Report, view: View) -> String {
    let mut out = Vec::new();
    write(Format::Rich, report, &mut out, &view).unwrap();
    let out = anstream::adapter::strip_bytes(&out).into_vec();
    String::from_utf8(out).unwrap()
}

const VIEWS: [Focus; 6] =
    [Focus::Overview, Focus::Boot, Focus::Health, Focus::Resources, Focus::Logs, Focus::Unit];

#[test]
fn healthy_host() {
    insta::assert_snapshot!("healthy-80", shown(&healthy(), View::new(80)));
    insta::assert_snapshot!("healthy-160", shown(&healthy(), View::new(160)));
}

#[test]
fn host_with_faults() {
    insta::assert_snapshot!("faulty-80", shown(&faulty(), View::new(80)));
    insta::assert_snapshot!("faulty-160", shown(&faulty(), View::new(160)));
    insta::assert_snapshot!("faulty-verbose", shown(&faulty(), View::new(100).verbose(1)));
}

#[test]
fn sections_in_full() {
    let full = |focus| shown(&faulty(), View::new(100).focused(focus));
    let mut boot_only = empty();
    boot_only.boot_analysis = Some(boot());
    insta::assert_snapshot!("boot", shown(&boot_only, View::new(80).focused(Focus::Boot)));
    insta::assert_snapshot!("health", full(Focus::Health));
    insta::assert_snapshot!("resources", full(Focus::Resources));
    insta::assert_snapshot!("unit", shown(&unit_page(), View::new(80).focused(Focus::Unit)));
    let on_disk = |width| shown(&unit_on_disk(), View::new(width).focused(Focus::Unit));
    insta::assert_snapshot!("unit-on-disk-80", on_disk(80));
    insta::assert_snapshot!("unit-on-disk-160", on_disk(160));
}

#[test]
fn a_unit_that_gave_up_is_not_said_to_affect_itself() {
    let mut report = empty();
    let finding = |rule, subject: &str, cause: Option<&FindingKey>| {
        let mut finding = Finding::new(rule, Severity::Error, subject, format!("{rule} {subject}"));
        finding.cause = cause.cloned();
        finding
    };
    let loops = finding("unit-flapping", "a.service", None);
    let failed = finding("unit-failed", "a.service", Some(&loops.key));
    let held_back = finding("dependency-failed", "b.service", Some(&failed.key));
    report.findings = vec![loops, failed, held_back];
    let text = shown(&report, View::new(80));
    assert!(!text.contains("unit-failed a.service"), "{text}");
    assert!(text.contains("affects   dependency-failed b.service"), "{text}");
    let verbose = shown(&report, View::new(80).verbose(1));
    assert!(verbose.contains("affects   unit-failed a.service"), "{verbose}");
}

#[test]
fn that_a_unit_failed_of_what_it_logged_is_said() {
    let mut report = empty();
    let logged = Finding::new("logged-trouble", Severity::Error, "a.service", "no space left");
    let mut failed = Finding::new("unit-failed", Severity::Error, "a.service", "a.service failed");
    failed.cause = Some(logged.key.clone());
    report.findings = vec![logged, failed.clone()];
    let text = shown(&report, View::new(80));
    assert!(text.contains("affects   a.service failed"), "{text}");
    let killed = Finding::new("killed-by-other-unit", Severity::Warning, "a.service", "killed");
    failed.cause = Some(killed.key.clone());
    report.findings = vec![killed, failed];
    assert!(shown(&report, View::new(80)).contains("affects   a.service failed"));
}

#[test]
fn many_units_that_were_not_started_share_a_line() {
    let mut report = empty();
    let failed = Finding::new("unit-failed", Severity::Error, "db.service", "db.service failed");
    let held_back = |number: usize| {
        let name = format!("app-{number}.service");
        let title = format!("{name} was not started: it requires db.service, which failed");
        let mut finding = Finding::new("dependency-failed", Severity::Error, &name, title);
        finding.cause = Some(failed.key.clone());
        finding
    };
    let mut hung = Finding::new("unit-stuck", Severity::Warning, "x.service", "x.service hangs");
    hung.cause = Some(held_back(0).key);
    report.findings = [failed.clone(), held_back(0), hung].to_vec();
    report.findings.extend((1..20).map(held_back));
    let text = shown(&report, View::new(200));
    assert!(text.contains("affects   20 units were not started: app-0.service, app-1"), "{text}");
    assert!(text.contains("app-15.service and 4 more"), "{text}");
    assert!(text.contains("\n                    x.service hangs"), "{text}");
    assert!(!text.contains("it requires db.service"), "{text}");
    let verbose = shown(&report, View::new(200).verbose(1));
    assert_eq!(verbose.matches("it requires db.service").count(), 20, "{verbose}");
    report.findings.truncate(3);
    assert!(shown(&report, View::new(200)).contains("app-0.service was not started: it requires"));
}

#[test]
fn what_findings_tell_of_units_is_no_news_in_the_log() {
    let mut report = faulty();
    report.log_analysis.as_mut().unwrap().patterns[0].pattern_key = "sd.unit_failed".to_owned();
    let overview = shown(&report, View::new(80));
    assert!(!overview.contains("×  sd.unit_failed"), "{overview}");
    assert!(overview.contains("sysdiag-analyzer analyze-logs shows all"), "{overview}");
    assert!(shown(&report, View::new(80).focused(Focus::Logs)).contains("×  sd.unit_failed"));
    report.health_analysis = None;
    assert!(shown(&report, View::new(80)).contains("×  sd.unit_failed"));
}

#[test]
fn pressure_stands_on_the_page_of_a_unit_that_waits() {
    let page = |some_avg10_percent| {
        let mut report = unit_page();
        let usage = report.unit_analysis.as_mut().unwrap().usage.as_mut().unwrap();
        let mut pressure = faulty().resource_analysis.unwrap().system_usage.unwrap().io_pressure;
        pressure.as_mut().unwrap().some_avg10_percent = some_avg10_percent;
        usage.memory_pressure = pressure;
        shown(&report, View::new(80).focused(Focus::Unit))
    };
    assert!(page(4.2).contains("pressure some 4.2 %"));
    assert!(!page(0.0).contains("pressure"));
}

#[test]
fn what_waits_for_a_unit_is_counted_on_its_page() {
    let mut report = unit_page();
    let to = &mut report.unit_analysis.as_mut().unwrap().dependencies;
    let mut other = to[0].clone();
    other.problematic = false;
    (other.name, other.edge_type) = ("shutdown.target".into(), "Before".to_owned());
    to.extend([other.clone(), other]);
    let short = shown(&report, View::new(80).focused(Focus::Unit));
    assert!(short.contains("Before      2 units  (-v names them)"), "{short}");
    assert!(!short.contains("shutdown.target"), "{short}");
    assert!(
        shown(&report, View::new(80).focused(Focus::Unit).verbose(1)).contains("shutdown.target")
    );
}

#[test]
fn a_host_whose_kernel_complains_is_not_called_well() {
    let mut report = healthy();
    assert!(shown(&report, View::new(80)).contains("no problems"));
    let mut logs = faulty().log_analysis.unwrap();
    logs.patterns[0].pattern_key = "disk.blk_io".to_owned();
    report.log_analysis = Some(logs);
    let text = shown(&report, View::new(80));
    assert!(!text.contains("no problems"), "{text}");
    assert!(text.lines().nth(1).unwrap().starts_with("kernel log: disk.blk_io · "), "{text}");
}

#[test]
fn names_that_do_not_fit_are_counted() {
    let mut report = faulty();
    let failed = &mut report.health_analysis.as_mut().unwrap().failed_units;
    let one = failed[0].clone();
    failed.extend(std::iter::repeat_n(one, 10));
    let text = shown(&report, View::new(80));
    assert!(text.contains(") and 7 more\n"), "{text}");
}

#[test]
fn colours_are_of_meaning() {
    let mut out = Vec::new();
    write(Format::Rich, &faulty(), &mut out, &View::new(100)).unwrap();
    let out = String::from_utf8(out).unwrap().replace('\x1b', "␛");
    insta::assert_snapshot!("faulty-coloured", out);
}

#[test]
fn nothing_known() {
    insta::assert_snapshot!("empty", shown(&empty(), View::new(80)));
    let unknown = shown(&all_unknown(), View::new(80));
    assert!(!unknown.contains("no problems"), "not known is not healthy");
    insta::assert_snapshot!("all-unknown", unknown);
}

#[test]
fn hostile_names() {
    insta::assert_snapshot!("hostile", shown(&hostile(), View::new(80)));
}

#[test]
fn verdict_is_the_second_line_at_any_width() {
    for width in [0, 60, 80, 100, 160, u16::MAX] {
        let text = shown(&faulty(), View::new(width));
        let second = text.lines().nth(1).unwrap();
        assert!(second.starts_with("1 critical · 1 warning · 1 note"), "{width}: {second}");
    }
}

#[test]
fn everything_fits_but_the_command() {
    for report in all() {
        for focus in VIEWS {
            for width in [60u16, 80, 119, 120, 200] {
                let text = shown(&report, View::new(width).focused(focus));
                for line in text.lines().filter(|line| !line.starts_with("          next")) {
                    let columns: usize = line
                        .chars()
                        .map(|c| unicode_width::UnicodeWidthChar::width(c).unwrap_or(0))
                        .sum();
                    assert!(columns <= usize::from(width), "{focus:?} {width}: {line}");
                }
            }
        }
    }
}

#[test]
fn only_text_and_our_own_styles_reach_the_terminal() {
    for focus in VIEWS {
        for verbose in [0, 1] {
            let text = shown(&hostile(), View::new(80).focused(focus).verbose(verbose));
            let bad = text.chars().find(|c| c.is_control() && *c != '\n' || *c == '\u{202e}');
            assert_eq!(bad, None, "{focus:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_anywhere_is_shown(text in any::<String>(), width in 0u16..300) {
        let mut report = faulty();
        report.hostname = Some(text.clone());
        report.findings[0].title.clone_from(&text);
        report.findings[0].next = Some(text.clone());
        report.not_assessed[0].what.clone_from(&text);
        report.host.kernel = Some(text);
        let shown = shown(&report, View::new(width));
        prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n'));
    }
}
