//! Users and groups that units cannot start without and that do not exist.

use std::collections::{BTreeMap, BTreeSet};

use sysdiag_model::snapshot::AccountKind;
use sysdiag_model::{Evidence, Finding, Severity};

use super::support::{Victim, and_others, victims};
use crate::human::{shell_word, shortened};
use crate::lacks::{Lack, noun};
use crate::{Context, Explanation, Need, Rule, Section, errno};

/// Units that stand as evidence.
const MOST_UNITS: usize = 5;

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "missing-user",
    title: "A user or group that a unit runs as does not exist",
    severity: Severity::Error,
    section: Section::Health,
    needs: &[Need::Systemd],
    explanation: Explanation {
        checks: "Units that failed with 217/USER or 216/GROUP, or are restarted again and again for \
                 it, because User=, Group= or SupplementaryGroups= names an account that does not \
                 exist: the journal's ERRNO says so (No such process), or, where there is no \
                 journal, /etc/passwd or /etc/group does not have it.",
        matters: "None of these units can be started before the account exists.",
        todo: "Make it with systemd-sysusers or adduser --system, install the package that does, or \
               correct the setting (systemctl edit UNIT). Where accounts come from the network \
               (LDAP), order the unit after nss-user-lookup.target.",
        references: &["systemd.exec(5), User=", "sysusers.d(5)", "nsswitch.conf(5)"],
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Finding> {
    let mut by_name: BTreeMap<&str, Vec<(Victim<'_>, AccountKind, &str)>> = BTreeMap::new();
    for victim in victims(context) {
        if let Lack::NoAccount { name, kind, setting } = victim.reason.lack {
            by_name.entry(name).or_default().push((victim, kind, setting));
        }
    }
    by_name.into_iter().filter_map(|(name, needed)| finding(name, &needed)).collect()
}

fn finding(name: &str, needed: &[(Victim<'_>, AccountKind, &str)]) -> Option<Finding> {
    let (first, first_kind, setting) = needed.first()?;
    let kinds: BTreeSet<AccountKind> = needed.iter().map(|(_, kind, _)| *kind).collect();
    let nouns: Vec<&str> = kinds.iter().map(|kind| noun(*kind)).collect();
    let who = match and_others(needed.len()) {
        Some(units) => format!("{units} cannot start without it"),
        None if *first_kind == AccountKind::User => {
            format!("{} is to run as it (User=)", first.unit)
        }
        None => format!("{} cannot start without it ({setting}=)", first.unit),
    };
    let title =
        format!("The {} {} does not exist, but {who}", nouns.join(" and "), shortened(name, 64));
    let database = if *first_kind == AccountKind::User { "passwd" } else { "group" };
    let mut finding = Finding::new(RULE.id, RULE.severity, name, title)
        .since(needed.iter().filter_map(|(victim, ..)| victim.since).min())
        .next(format!("getent {database} {}", shell_word(name)));
    for (victim, _, setting) in needed.iter().take(MOST_UNITS) {
        let fact =
            Evidence::text(victim.unit, format!("{setting}={name}"), format!("{setting} (D-Bus)"));
        finding = finding.because(fact);
    }
    let told = needed.iter().find_map(|(victim, ..)| victim.reason.errno);
    Some(finding.because(match told {
        Some(number) => {
            let said = format!("{} ({number})", errno::words(number));
            Evidence::text("error", said, "journal ERRNO")
        }
        None => Evidence::text("listed", "no", format!("/etc/{database}")),
    }))
}

#[cfg(test)]
mod tests {
    use sysdiag_model::Snapshot;
    use sysdiag_model::snapshot::{AccountFact, UnitEventKind};

    use super::*;
    use crate::testing::{findings, healthy, systemd_of};
    use crate::testing_events::{event, failed_service};

    fn runs_as(snapshot: &mut Snapshot, unit: &str, kind: AccountKind, listed: Option<bool>) {
        let status = if kind == AccountKind::User { 217 } else { 216 };
        failed_service(snapshot, unit, "exit-code", 1, status);
        let detail = systemd_of(snapshot).details.get_mut(unit).unwrap();
        detail.accounts.push(AccountFact { name: "app".to_owned(), kind, listed });
        let service = detail.service.as_mut().unwrap();
        match kind {
            AccountKind::User => service.user = Some("app".to_owned()),
            AccountKind::Group => service.group = Some("app".to_owned()),
        }
    }

    fn titles(snapshot: &Snapshot) -> Vec<String> {
        findings(&RULE, snapshot).into_iter().map(|finding| finding.title).collect()
    }

    #[test]
    fn fires_once_for_each_account() {
        let mut snapshot = healthy();
        runs_as(&mut snapshot, "a.service", AccountKind::User, Some(false));
        let found = findings(&RULE, &snapshot);
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].title,
            "The user app does not exist, but a.service is to run as it (User=)"
        );
        assert_eq!(found[0].next.as_deref(), Some("getent passwd app"));
        runs_as(&mut snapshot, "b.service", AccountKind::Group, Some(false));
        assert_eq!(
            titles(&snapshot),
            ["The user and group app does not exist, but 2 units cannot start without it"]
        );
    }

    #[test]
    fn where_the_list_is_not_readable_the_journal_proves_it() {
        let mut snapshot = healthy();
        runs_as(&mut snapshot, "a.service", AccountKind::Group, None);
        assert_eq!(titles(&snapshot), [""; 0]);
        event(&mut snapshot, "a.service", UnitEventKind::SpawnFailed, 240).errno = Some(3);
        assert_eq!(
            titles(&snapshot),
            ["The group app does not exist, but a.service cannot start without it (Group=)"]
        );
    }

    #[test]
    fn silent_where_it_exists_or_the_step_failed_otherwise() {
        let mut snapshot = healthy();
        runs_as(&mut snapshot, "a.service", AccountKind::User, Some(true));
        assert_eq!(titles(&snapshot), [""; 0]);
        event(&mut snapshot, "a.service", UnitEventKind::SpawnFailed, 240).errno = Some(3);
        assert_eq!(titles(&snapshot), [""; 0]);
        let mut snapshot = healthy();
        runs_as(&mut snapshot, "a.service", AccountKind::User, Some(false));
        event(&mut snapshot, "a.service", UnitEventKind::SpawnFailed, 240).errno = Some(1);
        assert_eq!(titles(&snapshot), [""; 0]);
    }
}
