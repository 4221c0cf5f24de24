//! `man`: one page, sysdiag-analyzer(1), with the options of every command.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, roman};

use crate::args::{Cli, LATER};
use crate::pipeline;
use crate::sinks::Format;
use crate::{Error, Exit};

const FILES: [(&str, &str); 4] = [
    ("/etc/sysdiag-analyzer/config.toml", "Configuration of the host."),
    (
        "~/.config/sysdiag-analyzer/config.toml",
        "Configuration of the user; its values win. -c replaces both files.",
    ),
    (
        "/var/lib/sysdiag-analyzer/history/",
        "Saved reports, report-<boot id>-<YYYYMMDDThhmmss.ffffffZ>.jsonl.gz, one gzip-compressed \
         JSON line each. The boot id is 32 zeros where it was not known. Files that are damaged or \
         of another program are named, skipped, never deleted and not counted.",
    ),
    ("/var/lib/sysdiag-analyzer/models/", "Anomaly models."),
];

const ENVIRONMENT: [(&str, &str); 3] = [
    ("COLUMNS", "Width of the report where the output is no terminal; 80 without it."),
    ("NO_COLOR", "If set and not empty: no colours."),
    ("CLICOLOR_FORCE", "If set and not 0: colours although the output is no terminal."),
];

pub(super) fn run() -> Result<Exit, Error> {
    let page = man_page().map_err(|error| Error::bug(format!("man page: {error}")))?;
    pipeline::output(Format::Json, |out| out.write_all(&page))?;
    Ok(Exit::Ok)
}

/// The page in roff.
pub fn man_page() -> io::Result<Vec<u8>> {
    let mut command = Cli::command().disable_help_flag(true);
    command.build();
    let mut page = Vec::new();
    let man = Man::new(command.clone()).section("1").manual("System Administration");
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    describe(&mut page)?;
    man.render_options_section(&mut page)?;
    render_commands(&command, &mut page)?;
    render_times(&mut page)?;
    let codes = Exit::ALL.map(|exit| (exit.code().to_string(), exit.meaning().to_owned()));
    let mut codes = codes.to_vec();
    codes.push((String::new(), "Where two apply, the higher wins.".to_owned()));
    list("EXIT STATUS", &codes, &mut page)?;
    list("FILES", &owned(&FILES), &mut page)?;
    list("ENVIRONMENT", &owned(&ENVIRONMENT), &mut page)?;
    Ok(page)
}

fn owned(rows: &[(&str, &str)]) -> Vec<(String, String)> {
    rows.iter().map(|(term, text)| ((*term).to_owned(), (*text).to_owned())).collect()
}

fn describe(page: &mut dyn Write) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", ["DESCRIPTION"]);
    roff.text([roman(
        "Answers three questions about a Linux host that runs systemd: what is wrong, why, and what \
         changed. It reads systemd over D-Bus, cgroup v2, /proc, /sys and the journal; nothing is \
         changed on the host. What could not be read is listed under \"not assessed\" with the \
         reason. Standard output carries only the report; messages go to standard error.",
    )]);
    roff.to_writer(page)
}

fn render_commands(command: &clap::Command, page: &mut dyn Write) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", ["COMMANDS"]);
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        render_command(sub, sub.get_name(), &mut roff);
    }
    roff.to_writer(page)
}

fn render_command(command: &clap::Command, path: &str, roff: &mut Roff) {
    if command.has_subcommands() {
        for sub in command.get_subcommands() {
            render_command(sub, &format!("{path} {}", sub.get_name()), roff);
        }
        return;
    }
    let mut usage: Vec<Inline> = vec![bold(path)];
    for positional in command.get_positionals() {
        usage.push(roman(" "));
        usage.push(roman(positional.to_string()));
    }
    roff.control("TP", []);
    roff.text(usage);
    let about = command.get_long_about().or_else(|| command.get_about());
    roff.text([roman(about.map(ToString::to_string).unwrap_or_default())]);
    let own = command.get_arguments().filter(|option| {
        !option.is_positional()
            && !option.is_hide_set()
            && !option.is_global_set()
            && option.get_id() != "help"
    });
    let mut any = false;
    for option in own {
        if !any {
            roff.control("RS", []);
            any = true;
        }
        roff.control("TP", []);
        let short = option.get_short().map_or_else(String::new, |short| format!("-{short}, "));
        roff.text([bold(format!("{short}{option}"))]);
        let mut help = option.get_help().map(ToString::to_string).unwrap_or_default();
        if option.get_help_heading() == Some(LATER) {
            help.push_str(" (not in this version)");
        }
        let defaults: Vec<_> =
            option.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        if option.get_action().takes_values() && !defaults.is_empty() {
            help = format!("{help} [default: {}]", defaults.join(" "));
        }
        roff.text([roman(help)]);
    }
    if any {
        roff.control("RE", []);
    }
}

fn render_times(page: &mut dyn Write) -> io::Result<()> {
    let rows = [
        ("2026-11-23T02:40:11Z", "RFC 3339."),
        ("2026-11-23 02:40:11, 2026-11-23 02:40, 2026-11-23, 02:40", "In the zone of the host."),
        ("2026-11-23 02:40 UTC", "In UTC."),
        ("now, today, yesterday, tomorrow", "Now, and midnights in the zone of the host."),
        ("-1h, 1h ago, 1h 30min ago, +10min", "Before and after now, units as systemd.time(7)."),
        ("@1795401611", "Seconds since 1970."),
    ];
    list("TIMES", &owned(&rows), page)
}

fn list(heading: &str, rows: &[(String, String)], page: &mut dyn Write) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", [heading]);
    for (term, text) in rows {
        if term.is_empty() {
            roff.control("PP", []);
        } else {
            roff.control("TP", []);
            roff.text([bold(term.as_str())]);
        }
        roff.text([roman(text.as_str())]);
    }
    roff.to_writer(page)
}
