//! What the cases exercise of the policy, and what none of them does.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::super::page::{Ink, Page, piece};
use crate::policy::Coverage;

/// In how many cases each rule matched, and in how many it decided.
pub(super) fn table<W: Write>(page: &mut Page<W>, coverage: &Coverage<'_>) -> io::Result<()> {
    page.heading("", "What the cases exercise")?;
    let mut rules: Vec<_> = coverage.rules().collect();
    rules.sort_by_key(|(name, _, _)| *name);
    let rows: Vec<_> = rules
        .iter()
        .map(|(name, organisation, rule)| {
            let ink = if rule.matched == 0 { Ink::Care } else { Ink::Plain };
            vec![
                piece(ink, rule.matched.to_string()),
                piece(ink, rule.decided.to_string()),
                piece(ink, organisation.unwrap_or_default()),
                piece(ink, *name),
            ]
        })
        .collect();
    page.table(&["matched", "decided", "of", "rule"], &rows)?;
    page.empty_line()
}

/// A line for each thing that no case exercises.
pub(super) fn untried<W: Write>(page: &mut Page<W>, coverage: &Coverage<'_>) -> io::Result<()> {
    let untried = coverage.untried();
    for one in &untried {
        let of = one.organisation.as_deref().map(|ods| format!(" of {ods}")).unwrap_or_default();
        let said = format!("no case exercises the {}{of} “{}”", one.what, one.name);
        page.text(&[piece(Ink::Care, said)])?;
    }
    Ok(())
}

pub(super) fn as_json(coverage: &Coverage<'_>) -> Value {
    let rules: Vec<_> = coverage
        .rules()
        .map(|(name, organisation, rule)| {
            json!({
                "rule": name,
                "organisation": organisation,
                "matched": rule.matched,
                "decided": rule.decided,
            })
        })
        .collect();
    let untried: Vec<_> = coverage
        .untried()
        .iter()
        .map(|one| json!({ "what": one.what, "name": one.name, "organisation": one.organisation }))
        .collect();
    json!({ "coverage": { "rules": rules, "not_exercised": untried } })
}
