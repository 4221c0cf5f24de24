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
    let rows = groups.iter().take(most).map(row).collect();
    let mut lines = table(rows, page.room().min(100));
    if let Some(more) = and_more(groups.len(), most) {
        let hint = format!("and {more} (sysdiag-analyzer analyze-resources)");
        lines.push(Line::new().role(Role::Faint, &hint));
    }
    section("Processes", lines)
}

/// `12 × php-fpm of php-fpm.service   512 MiB  34 s cpu`.
fn row(group: &ChildProcessGroup) -> Vec<Line> {
    let container = group.container.as_ref().map_or_else(String::new, |container| {
        let (kind, id) = container.split_once(':').unwrap_or((container, ""));
        let short: String = id.chars().take(12).collect();
        format!(" in {kind} {short}")
    });
    vec![
        Line::new()
            .text(&format!("{} × {}", group.process_count, group.command_name))
            .role(Role::Faint, " of ")
            .text(group.parent_unit.as_str())
            .role(Role::Faint, &container),
        Line::new().text(&amount::bytes(group.memory_bytes)),
        Line::new().role(Role::Faint, &group.memory_kind.to_uppercase()),
        Line::new().text(&cpu_seconds(group.cpu_seconds_total)).role(Role::Faint, " cpu"),
    ]
}
