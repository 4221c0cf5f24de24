//! Grouping accuracy on labelled sets of log lines: the mean must be at least 0.90.
//!
//! The sets are those that the logparser project publishes, a folder of folders, in each a CSV file
//! with the columns `Content`, `EventId` and `EventTemplate`. Their licence is for research only:
//! they are read from where `SYSDIAG_LOGHUB` says and are no part of this project. Figures of each
//! set, and what is wrong in the one that `SYSDIAG_LOGHUB_SHOW` names, are printed:
//!
//! `SYSDIAG_LOGHUB=FOLDER cargo test -p sysdiag-logs --release --test grouping -- --ignored --nocapture`

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::print_stdout,
    reason = "it measures"
)]
mod grouping {
    use std::collections::HashMap;
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime};
    use sysdiag_logs::templates::{Miner, Seen, Settings};
    use sysdiag_model::Timestamp;

    /// What the mean over the sets must be at least.
    const LEAST: f64 = 0.90;

    /// Lines with the id of their true template.
    struct Labelled {
        /// Name of the folder.
        name: String,
        /// The message, its true template and how that is written.
        lines: Vec<(String, String, String)>,
    }

    /// A true template that was not found.
    struct Missed {
        text: String,
        lines: usize,
        /// What its lines were put into, with all that is in there.
        instead: Vec<(String, u64)>,
    }

    /// What mining a set gave.
    struct Outcome {
        /// Share of lines whose group is, as a set of lines, a true group.
        accuracy: f64,
        /// Templates found.
        templates: usize,
        /// Templates there are.
        truth: usize,
        /// Lines a second of CPU time, masking and everything else included.
        speed: f64,
        /// True templates that were not found, the largest first.
        wrong: Vec<Missed>,
    }

    /// All sets of the folder, sorted by name.
    fn sets(folder: &Path) -> Vec<Labelled> {
        let mut folders: Vec<PathBuf> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .collect();
        folders.sort();
        folders
            .iter()
            .map(|folder| {
                let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
                    .unwrap()
                    .map(|entry| entry.unwrap().path())
                    .filter(|path| path.to_string_lossy().contains("structured"))
                    .collect();
                files.sort_by_key(|path| {
                    std::cmp::Reverse(path.to_string_lossy().contains("corrected"))
                });
                let text = std::fs::read(&files[0]).unwrap();
                let rows = csv(&String::from_utf8_lossy(&text));
                let column = |name: &str| rows[0].iter().position(|head| head == name).unwrap();
                let (content, event, template) =
                    (column("Content"), column("EventId"), column("EventTemplate"));
                Labelled {
                    name: folder.file_name().unwrap().to_string_lossy().into_owned(),
                    lines: rows[1..]
                        .iter()
                        .map(|row| {
                            (row[content].clone(), row[event].clone(), row[template].clone())
                        })
                        .collect(),
                }
            })
            .collect()
    }

    fn cpu_time() -> Duration {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(u64::try_from(now.tv_sec).unwrap(), u32::try_from(now.tv_nsec).unwrap())
    }

    /// Mines a set as it is, line by line with one sender, and compares with its labels.
    fn measure(set: &Labelled, rounds: u32) -> Outcome {
        let time = Timestamp::from_usec(1);
        let began = cpu_time();
        let mut mined = None;
        for _ in 0..rounds {
            let mut miner = Miner::new(Settings::default(), None);
            for (message, _, _) in &set.lines {
                miner.add(
                    "set",
                    6,
                    message,
                    Seen { count: 1, first: time, last: time, place: 0, unit: None },
                );
            }
            mined = Some(miner.finish());
        }
        let took = cpu_time().saturating_sub(began);
        let mined = mined.unwrap();
        let mut truth: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut found: HashMap<String, Vec<usize>> = HashMap::new();
        let mut texts = Vec::new();
        for (at, (message, event, _)) in set.lines.iter().enumerate() {
            let template = mined.template_of("set", message).unwrap();
            truth.entry(event).or_default().push(at);
            found.entry(template.id.to_string()).or_default().push(at);
            texts.push(template);
        }
        let mut right = 0;
        let mut wrong = Vec::new();
        for lines in truth.values() {
            if found[&texts[lines[0]].id.to_string()] == *lines {
                right += lines.len();
            } else {
                let mut instead: Vec<(String, u64)> =
                    lines.iter().map(|at| (texts[*at].text.clone(), texts[*at].count)).collect();
                instead.sort();
                instead.dedup();
                wrong.push(Missed {
                    text: set.lines[lines[0]].2.clone(),
                    lines: lines.len(),
                    instead,
                });
            }
        }
        wrong.sort_by_key(|missed| (usize::MAX - missed.lines, missed.text.clone()));
        let total = set.lines.len();
        Outcome {
            accuracy: right as f64 / total as f64,
            templates: found.len(),
            truth: truth.len(),
            speed: total as f64 * f64::from(rounds) / took.as_secs_f64(),
            wrong,
        }
    }

    /// RFC 4180: quotes, doubled quotes and line ends in quotes.
    fn csv(text: &str) -> Vec<Vec<String>> {
        let (mut rows, mut row, mut field, mut quoted) =
            (Vec::new(), Vec::new(), String::new(), false);
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '"' if quoted && rest.peek() == Some(&'"') => {
                    rest.next();
                    field.push('"');
                }
                '"' => quoted = !quoted,
                ',' if !quoted => row.push(std::mem::take(&mut field)),
                '\r' if !quoted => {}
                '\n' if !quoted => {
                    row.push(std::mem::take(&mut field));
                    rows.push(std::mem::take(&mut row));
                }
                c => field.push(c),
            }
        }
        if !field.is_empty() || !row.is_empty() {
            row.push(field);
            rows.push(row);
        }
        rows
    }

    #[test]
    #[ignore = "needs labelled sets, by their path in SYSDIAG_LOGHUB"]
    fn lines_of_labelled_sets_are_grouped_as_their_labels_say() {
        let folder =
            std::env::var_os("SYSDIAG_LOGHUB").expect("SYSDIAG_LOGHUB is the path of the sets");
        let shown = std::env::var("SYSDIAG_LOGHUB_SHOW").ok();
        let sets = sets(folder.as_ref());
        assert!(!sets.is_empty(), "no sets in {}", folder.display());
        let mut sum = 0.0;
        for set in &sets {
            let Outcome { accuracy, templates, truth, speed, wrong } = measure(set, 20);
            sum += accuracy;
            println!(
                "{:<12} accuracy {accuracy:.4}  templates {templates:>4} of {truth:>4}  {speed:>9.0} lines per CPU second",
                set.name
            );
            if shown.as_ref() == Some(&set.name) {
                for missed in wrong {
                    println!("  {:>5} {}", missed.lines, missed.text);
                    for (text, count) in missed.instead {
                        println!("        {count:>5} {text}");
                    }
                }
            }
        }
        let mean = sum / sets.len() as f64;
        println!("{:<12} accuracy {mean:.4}", "mean");
        assert!(mean >= LEAST, "mean grouping accuracy {mean:.4}");
    }
}
