//! The report for a person at a terminal: the verdict first, then the findings with what they rest
//! on, then a few lines of every section, last what is not known.
//!
//! No figure is computed here and no list sorted; both came with the report. Readable without
//! colour, aligned at 80 columns and more.

mod boot;
mod causes;
pub(super) mod colors;
mod cycles;
mod dependencies;
mod findings;
mod gaps;
mod head;
mod health;
mod logs;
mod processes;
mod resources;
mod table;
mod trace;
mod unit;
mod usage;
mod wordings;
mod words;

pub(crate) use causes::problems;

#[cfg(test)]
mod tests;

use std::io;

use colors::Role;
use sysdiag_model::Report;

use super::text::{Line, wrap};
use super::{Focus, View};

/// Where the text of a section begins, behind its name.
const SECTION: usize = 11;

/// Writes the report.
pub(super) fn write(report: &Report, out: &mut dyn io::Write, view: View) -> io::Result<()> {
    let page = Page::new(view);
    let mut blocks = vec![head::lines(report, &page)];
    blocks.extend(findings::blocks(report, &page));
    let overview = page.focus == Focus::Overview;
    let mut sections = vec![
        unit::lines(report, &page),
        boot::lines(report, &page),
        health::lines(report, &page),
        resources::lines(report, &page),
        processes::lines(report, &page),
        logs::lines(report, &page),
        dependencies::lines(report, &page),
        cycles::lines(report, &page),
        trace::lines(report, &page),
    ];
    sections.retain(|lines| !lines.is_empty());
    // An overview is read as one table; a section in full needs air.
    if overview {
        blocks.push(sections.concat());
    } else {
        blocks.extend(sections);
    }
    blocks.push(gaps::lines(report, &page));
    blocks.retain(|lines| !lines.is_empty());
    for (index, lines) in blocks.into_iter().enumerate() {
        if index > 0 {
            out.write_all(b"\n")?;
        }
        for line in lines {
            line.cut(page.width).write(out)?;
        }
    }
    Ok(())
}

/// How much room there is, and how much is wanted.
#[derive(Debug, Clone, Copy)]
struct Page {
    width: usize,
    verbose: bool,
    focus: Focus,
}

impl Page {
    fn new(view: View) -> Self {
        Self {
            width: usize::from(view.width.max(View::MIN_WIDTH)),
            verbose: view.verbose > 0,
            focus: view.focus,
        }
    }

    /// Columns of the text of a section.
    const fn room(&self) -> usize {
        self.width - SECTION
    }

    /// How many of a list are shown: `few`, or all where the section is wanted in full.
    fn most(&self, section: Focus, few: usize) -> usize {
        if self.verbose || self.focus == section { usize::MAX } else { few }
    }
}

/// The first line of a section: its name, then text.
fn named(name: &str, text: Line) -> Line {
    Line::new().role(Role::Heading, name).at(SECTION).line(text)
}

/// A later line of a section.
fn below(text: Line) -> Line {
    Line::new().at(SECTION).line(text)
}

/// A whole section: its name before the first line.
fn section(name: &str, lines: Vec<Line>) -> Vec<Line> {
    lines
        .into_iter()
        .enumerate()
        .map(|(index, line)| if index == 0 { named(name, line) } else { below(line) })
        .collect()
}

/// A label of `indent` columns and text behind it, wrapped below its beginning.
fn hanging(label: &Line, text: &str, indent: usize, width: usize, most: usize) -> Vec<Line> {
    wrap(Role::Plain, text, width.saturating_sub(indent), most)
        .into_iter()
        .enumerate()
        .map(|(index, line)| {
            let label = if index == 0 { label.clone() } else { Line::new() };
            label.at(indent).line(line)
        })
        .collect()
}
