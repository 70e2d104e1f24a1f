//! What becomes of one recipient's copy, and which rules say so.

use std::io::{self, Write};

use crate::{
    cli::page::{Ink, Page, piece},
    mail::{Disposition, Mode, RecordedOutcome, RuleMatch, Told, Urgency, Wording},
    policy::Policy,
};

/// Levels have their names only where a policy says them.
pub(super) fn tell<W: Write>(
    page: &mut Page<W>,
    policy: Option<&Policy>,
    outcome: &RecordedOutcome,
) -> io::Result<()> {
    page.heading("", &outcome.recipient.to_string())?;
    let ink = match outcome.disposition {
        Disposition::Relay | Disposition::Redirect => Ink::Good,
        Disposition::Hold | Disposition::Defer => Ink::Care,
        Disposition::Reject => Ink::Bad,
    };
    page.row("Decision", &[piece(ink, outcome.disposition.to_string())])?;
    let clearance = outcome.clearance;
    let name = policy.map(|policy| format!(" ({})", policy.level_name(clearance)));
    let cleared = format!(
        "{}, cleared to level {clearance}{}",
        outcome.class.name(),
        name.unwrap_or_default()
    );
    page.row("Destination", &[piece(Ink::Plain, cleared)])?;
    page.row("TLS", &[piece(Ink::Plain, outcome.tls.to_string())])?;
    if let Some(next_hop) = &outcome.redirect {
        page.row("Sent to", &[piece(Ink::Plain, next_hop.to_string())])?;
    }
    if let Some(next_hop) = &outcome.fallback {
        let words = format!("{next_hop}, if that TLS cannot be had");
        page.row("Or else", &[piece(Ink::Plain, words)])?;
    }
    if outcome.urgency == Urgency::Urgent {
        page.row("Urgent", &[piece(Ink::Plain, "people hear at once if that TLS cannot be had")])?;
    }
    for addition in outcome.adds.iter().flatten() {
        let (label, words) = addition.words();
        page.row(label, &[piece(Ink::Plain, words)])?;
    }
    if !outcome.tell.is_empty() {
        let told = outcome.tell.iter().map(|told| match told {
            Told::Sender => "the sender",
            Told::Officers => "the officers",
        });
        let told: Vec<&str> = told.collect();
        page.row("Told", &[piece(Ink::Plain, told.join(" and "))])?;
    }
    tell_choices(page, outcome)?;
    tell_rules(page, outcome)
}

/// Of wordings that a message bears once: whose it is, and whose it is not.
fn tell_choices<W: Write>(page: &mut Page<W>, outcome: &RecordedOutcome) -> io::Result<()> {
    for choice in &outcome.choices {
        let notice = choice.notice.name();
        let words = |Wording { name, rule }: &Wording, which: &str| {
            format!("the {notice} {name}, which {which} asks for: {rule}")
        };
        page.row("Chosen", &[piece(Ink::Plain, words(&choice.chosen, "the narrowest rule"))])?;
        for wording in &choice.gave_way {
            page.row("Gave way", &[piece(Ink::Plain, words(wording, "another rule"))])?;
        }
    }
    Ok(())
}

/// The rule that decides first. Older records have only names.
fn tell_rules<W: Write>(page: &mut Page<W>, outcome: &RecordedOutcome) -> io::Result<()> {
    let Some(matched) = &outcome.matched else {
        if let Some(rule) = &outcome.rule {
            page.row("Decided by", &[piece(Ink::Strong, rule.as_str())])?;
        }
        for rule in &outcome.observed {
            page.row("Observed", &[piece(Ink::Plain, rule.as_str())])?;
        }
        return Ok(());
    };
    let decides = |matched: &&RuleMatch| {
        matched.mode == Mode::Enforce && outcome.rule.as_ref() == Some(&matched.rule)
    };
    let rest = matched.iter().filter(|matched| !decides(matched));
    for matched in matched.iter().filter(decides).chain(rest) {
        let (label, ink) = match (decides(&matched), matched.mode, matched.disposition) {
            (true, ..) => ("Decided by", Ink::Strong),
            (_, Mode::Observe, _) => ("Observed", Ink::Plain),
            (_, _, Some(_)) => ("Also", Ink::Plain),
            (_, _, None) => ("Rule", Ink::Plain),
        };
        page.row(label, &[piece(ink, matched.rule.as_str())])?;
        if !matched.reason.is_empty() {
            page.row("", &[piece(Ink::Quiet, matched.reason.as_str())])?;
        }
    }
    Ok(())
}
