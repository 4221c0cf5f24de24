//! What failed units rest on: the first cause of each that no finding hangs below, and in full every
//! dependency.

use sysdiag_model::report::{Dependency, UnitDependencies};
use sysdiag_model::{Report, UnitName};

use super::colors::Role;
use super::words::and_more;
use super::{Line, Page, section};

/// Failed units that are shown in an overview.
const MOST_UNITS: usize = 5;

pub(super) fn lines(report: &Report, page: &Page) -> Vec<Line> {
    let failed = report.dependency_analysis.as_deref().unwrap_or_default();
    let most = if page.verbose { usize::MAX } else { MOST_UNITS };
    // Those stand with the finding that explains them.
    let explained = |unit: &UnitDependencies| {
        let mut of_unit = report.findings.iter().filter(|it| it.subject == unit.unit.as_str());
        of_unit.any(|finding| finding.cause.is_some())
    };
    let telling: Vec<&UnitDependencies> = failed
        .iter()
        .filter(|unit| {
            let telling =
                !unit.first_causes.is_empty() || unit.dependencies.iter().any(|to| to.problematic);
            page.verbose || (telling && !explained(unit))
        })
        .collect();
    let mut lines: Vec<Line> = telling.iter().take(most).flat_map(|unit| one(unit, page)).collect();
    if let Some(more) = and_more(telling.len(), most) {
        lines.push(Line::new().role(Role::Faint, &format!("and {more} (-v shows all)")));
    }
    section("Depends on", lines)
}

fn one(unit: &UnitDependencies, page: &Page) -> Vec<Line> {
    let name = unit.unit.as_str();
    let causes: Vec<&str> = unit.first_causes.iter().map(UnitName::as_str).collect();
    let head = Line::new().role(Role::Subject, name);
    let head = if causes.is_empty() {
        head
    } else {
        head.role(Role::Faint, "  first cause: ").text(&causes.join(", "))
    };
    let shown = unit.dependencies.iter().filter(|to| page.verbose || to.problematic);
    let mut lines = vec![head];
    lines.extend(shown.map(|to| Line::new().at(2).line(edge(to))));
    lines
}

/// `Requires    postgresql.service  failed (failed)`.
pub(super) fn edge(to: &Dependency) -> Line {
    let state = match (to.active_state.as_deref(), to.sub_state.as_deref()) {
        (Some(active), Some(sub)) => format!("{active} ({sub})"),
        (Some(state), None) | (None, Some(state)) => state.to_owned(),
        (None, None) => "not loaded".to_owned(),
    };
    let load = to.load_state.as_deref().filter(|load| *load != "loaded");
    let load = load.map_or_else(String::new, |load| format!("{load}, "));
    let role = if to.problematic { Role::Error } else { Role::Faint };
    Line::new()
        .text(&to.edge_type)
        .at(12)
        .text(to.name.as_str())
        .text("  ")
        .role(role, &format!("{load}{state}"))
}
