//! What replay has found, in sentences.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use super::Unread;
use crate::{
    cli::page::{Ink, Page, piece},
    policy::{Cause, Change, Effect, Policy, ReplayReport, Rollout, Tally},
};

pub(super) fn tell<W: Write>(
    page: &mut Page<W>,
    policy: &Policy,
    folder: &str,
    report: &ReplayReport,
    unread: &Unread,
) -> io::Result<()> {
    tell_what_was_asked(page, policy, folder, report)?;
    tell_gaps(page, report, unread)?;
    let mut effects: BTreeMap<&Effect, Vec<(&Change, &Tally)>> = BTreeMap::new();
    for (change, tally) in &report.changes {
        effects.entry(&change.effect).or_default().push((change, tally));
    }
    if effects.is_empty() && report.messages > 0 {
        page.row("Changes", &[piece(Ink::Good, "none: all would be decided as it was")])?;
    }
    for (effect, mut changes) in effects {
        changes.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.copies));
        let copies = changes.iter().map(|(_, tally)| tally.copies).sum();
        page.heading("", &format!("{}: {}", effect, counted(copies, "copy", "copies")))?;
        for (change, tally) in changes {
            tell_change(page, change, tally)?;
        }
    }
    page.empty_line()?;
    page.text(&[piece(Ink::Quiet, NOT_SEEN)])
}

/// Of what was called held in error, how much would be held again.
pub(super) fn tell_reported<W: Write>(page: &mut Page<W>, report: &ReplayReport) -> io::Result<()> {
    let ink = if report.held_after > 0 { Ink::Care } else { Ink::Good };
    let words = format!(
        "{} called held in error; {} of them would still be held under these policies",
        counted(report.messages, "message", "messages"),
        report.held_after
    );
    page.row("Reported", &[piece(ink, words)])
}

fn tell_what_was_asked<W: Write>(
    page: &mut Page<W>,
    policy: &Policy,
    folder: &str,
    report: &ReplayReport,
) -> io::Result<()> {
    let mut said = format!(
        "{}, {}",
        counted(report.messages, "message", "messages"),
        counted(report.copies, "copy", "copies")
    );
    if let (Some(from), Some(to)) = (report.from, report.to) {
        said += &format!(", decided from {from} to {to}");
    }
    page.row("Replayed", &[piece(Ink::Strong, said)])?;
    let version = format!("{folder}, version {}", report.policy);
    page.row("Asked", &[piece(Ink::Plain, version)])?;
    if *policy.rollout() != Rollout::Enforce {
        let words = "these policies observe (policy.toml, [rollout]): they stop little or nothing";
        page.row("", &[piece(Ink::Care, words)])?;
    }
    for (version, messages) in &report.decided_by {
        let same = if *version == report.policy { ", the same" } else { "" };
        let words =
            format!("version {version}{same}: {}", counted(*messages, "message", "messages"));
        page.row("Decided by", &[piece(Ink::Plain, words)])?;
    }
    let share = |held: u64| format!("{held} ({})", percent(held, report.asked));
    let words = format!(
        "{} of {} then, {} under these",
        share(report.held_before),
        counted(report.asked, "message", "messages"),
        share(report.held_after)
    );
    let ink = if report.held_after > report.held_before { Ink::Care } else { Ink::Plain };
    page.row("Held", &[piece(ink, words)])?;
    page.row("Unchanged", &[piece(Ink::Plain, counted(report.unchanged, "copy", "copies"))])
}

/// What there is no answer for is told, and not guessed.
fn tell_gaps<W: Write>(
    page: &mut Page<W>,
    report: &ReplayReport,
    unread: &Unread,
) -> io::Result<()> {
    for (why, copies) in &report.not_asked {
        let words =
            format!("{} could not be asked again: {why}", counted(*copies, "copy", "copies"));
        page.row("Not asked", &[piece(Ink::Care, words)])?;
    }
    if unread.damaged > 0 {
        let words = format!("{} damaged", counted(unread.damaged, "line is", "lines are"));
        page.row("Not read", &[piece(Ink::Care, words)])?;
    }
    if unread.later > 0 {
        let lines = counted(unread.later, "line", "lines");
        page.row("Not read", &[piece(Ink::Care, format!("{lines} of a later Postern"))])?;
    }
    for remark in &unread.remarks {
        page.row("Not read", &[piece(Ink::Care, remark.as_str())])?;
    }
    Ok(())
}

fn tell_change<W: Write>(page: &mut Page<W>, change: &Change, tally: &Tally) -> io::Result<()> {
    let (label, name) = match &change.cause {
        Cause::Rule(rule) => ("Rule", rule.as_str()),
        Cause::NoLonger(rule) => ("No longer", rule.as_str()),
        Cause::Policy => ("Policy", "as a whole"),
    };
    page.row(label, &[piece(Ink::Strong, name)])?;
    let copies = counted(tally.copies, "copy", "copies");
    let words = format!("{copies} of {}", counted(tally.messages, "message", "messages"));
    page.row("", &[piece(Ink::Plain, words)])?;
    let destinations: Vec<String> = tally
        .destinations
        .iter()
        .map(|(class, count)| format!("{} {count}", class.name()))
        .collect();
    page.row("To", &[piece(Ink::Plain, destinations.join(", "))])?;
    let mut senders: Vec<(&String, &u64)> = tally.organisations.iter().collect();
    senders.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let more = senders.len().saturating_sub(SENDERS);
    let mut named: Vec<String> =
        senders.iter().take(SENDERS).map(|(name, count)| format!("{name} {count}")).collect();
    named.extend((more > 0).then(|| format!("and {more} more")));
    page.row("From", &[piece(Ink::Plain, named.join(", "))])?;
    let examples: Vec<String> = tally.examples.iter().map(ToString::to_string).collect();
    page.row("Such as", &[piece(Ink::Quiet, examples.join(", "))])
}

fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn percent(part: u64, whole: u64) -> String {
    let thousandths = part.saturating_mul(1000).checked_div(whole).unwrap_or(0);
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}

const SENDERS: usize = 5;
const NOT_SEEN: &str = "Levels, kinds and all other facts are as they were found then: what new \
                        detectors, terms or levels would find in the messages themselves cannot \
                        be seen from facts. `postern explain` shows an example: facts, rules, and \
                        what these policies would say of it.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_of_what_was_asked() {
        assert_eq!(percent(1, 3), "33.3 %");
        assert_eq!(percent(0, 0), "0.0 %");
        assert_eq!(percent(7, 7), "100.0 %");
    }
}
