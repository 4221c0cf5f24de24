//! Processes below services, by service and program.

use sysdiag_analyze::amount;
use sysdiag_model::Report;
use sysdiag_model::report::ChildProcessGroup;

use super::colors::Role;
use super::table::table;
use super::usage::cpu_seconds;
use super::words::and_more;
use super::{Focus, Line, Page, section};

/// Groups that are shown in an overview.
const MOST_GROUPS: usize = 3;

pub(super) fn lines(report: &Report, page: &Page) -> Vec<Line> {
    let groups = report
        .resource_analysis
        .as_ref()
        .and_then(|resources| resources.child_process_groups.as_deref())
        .unwrap_or_default();
    let most = page.most(Focus::Resources, MOST_GROUPS);
    let groups_shown = groups.get(..most.min(groups.len())).unwrap_or_default();
    if groups_shown.is_empty() {
        return Vec::new();
    }
    // PSS or RSS: said once where it is one for all.
    let mut kinds: Vec<String> =
        groups_shown.iter().map(|group| group.memory_kind.to_uppercase()).collect();
    kinds.dedup();
    let kind = if let [kind] = kinds.as_slice() { Some(kind.as_str()) } else { None };
    let faint = |text: &str| Line::new().role(Role::Faint, text);
    let heading = vec![
        Line::new().role(Role::Heading, "TOP BY MEMORY"),
        faint(kind.unwrap_or("memory")),
        faint("CPU time"),
    ];
    let rows = groups_shown.iter().map(|group| row(group, kind.is_none()));
    let mut lines = table(std::iter::once(heading).chain(rows).collect(), page.room().min(100));
    if let Some(more) = and_more(groups.len(), most) {
        let hint = format!("and {more} (sysdiag-analyzer analyze-resources)");
        lines.push(Line::new().role(Role::Faint, &hint));
    }
    section("Processes", lines)
}

/// `12 × php-fpm of php-fpm.service   512 MiB  34 s`.
fn row(group: &ChildProcessGroup, with_kind: bool) -> Vec<Line> {
    let container = group.container.as_ref().map_or_else(String::new, |container| {
        let (kind, id) = container.split_once(':').unwrap_or((container, ""));
        let short: String = id.chars().take(12).collect();
        format!(" in {kind} {short}")
    });
    let memory = Line::new().text(&amount::bytes(group.memory_bytes));
    let kind = format!(" {}", group.memory_kind.to_uppercase());
    vec![
        Line::new()
            .text(&format!("{} × {}", group.process_count, group.command_name))
            .role(Role::Faint, " of ")
            .text(group.parent_unit.as_str())
            .role(Role::Faint, &container),
        if with_kind { memory.role(Role::Faint, &kind) } else { memory },
        Line::new().role(Role::Faint, &cpu_seconds(group.cpu_seconds_total)),
    ]
}
