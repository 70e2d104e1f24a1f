//! What is held, in words.

use std::{
    io::{Result, Write},
    time::Duration,
};

use crate::{
    console::Acted,
    mail::{HeldAct, HeldEntry, HeldPage, Proposal, QueuedMessage, RequestKind, Timestamp},
};

pub(super) fn page(out: &mut impl Write, page: &HeldPage, now: Timestamp) -> Result<()> {
    writeln!(out, "{:13}  {:>5}  {:>9}  SENDER → RECIPIENTS: SUBJECT", "ID", "LEVEL", "DUE")?;
    for entry in &page.entries {
        let recipients: Vec<String> = entry.recipients.iter().map(ToString::to_string).collect();
        writeln!(
            out,
            "{}  {:>5}  {:>9}  <{}> → {}: {}",
            entry.id,
            entry.level.to_string(),
            due(entry, now),
            entry.sender,
            recipients.join(", "),
            entry.subject,
        )?;
        for mark in marks(entry, now) {
            writeln!(out, "{:13}  {mark}", "")?;
        }
    }
    match page.total - page.entries.len().min(page.total) {
        0 => writeln!(out, "{} held", page.total),
        more => writeln!(out, "{} held, {more} of them not shown", page.total),
    }
}

pub(super) fn message(
    out: &mut impl Write,
    entry: &HeldEntry,
    queued: &QueuedMessage,
    needs_approval: bool,
    now: Timestamp,
) -> Result<()> {
    writeln!(out, "{}", entry.id)?;
    writeln!(out, "  received   {}, {}", entry.received_at, entry.direction)?;
    writeln!(out, "  sender     <{}>", entry.sender)?;
    for recipient in &entry.recipients {
        writeln!(out, "  recipient  {recipient}")?;
    }
    writeln!(out, "  subject    {} (masked)", entry.subject)?;
    let two = if needs_approval { "; it takes two people to let it go" } else { "" };
    writeln!(out, "  level      {}{two}", entry.level)?;
    writeln!(out, "  held by    {}", entry.rule)?;
    if let Some(hold) = &queued.hold {
        writeln!(out, "             {}", hold.reason)?;
        for finding in &hold.findings {
            let (kind, part, line) = (finding.kind.name(), &finding.part, finding.line);
            let (masked, why) = (&finding.masked, &finding.why);
            writeln!(out, "    {kind:22} {masked:24} part {part}, line {line}: {why}")?;
        }
    }
    writeln!(out, "  due        {} ({})", entry.due_at, due(entry, now))?;
    if let Some(expires_at) = entry.expires_at {
        writeln!(out, "  goes back  {expires_at}, if nobody has judged it")?;
    }
    for mark in marks(entry, now) {
        writeln!(out, "  note       {mark}")?;
    }
    Ok(())
}

pub(super) fn acted(out: &mut impl Write, acted: &Acted) -> Result<()> {
    for (id, why) in &acted.refused {
        writeln!(out, "{id}: {why}")?;
    }
    writeln!(out, "{} done", acted.done)?;
    if acted.proposed > 0 {
        let proposed = acted.proposed;
        writeln!(out, "{proposed} proposed: another approves with `postern quarantine approve`")?;
    }
    if acted.refusals > 0 {
        writeln!(out, "{} not done", acted.refusals)?;
    }
    Ok(())
}

/// What somebody is about to approve or to refuse.
pub(super) fn proposal(out: &mut impl Write, entry: &HeldEntry, proposal: &Proposal) -> Result<()> {
    writeln!(out, "{}: {} (proposed {})", entry.id, wish(proposal), proposal.at)
}

fn wish(proposal: &Proposal) -> String {
    let Proposal { act, by, reason, .. } = proposal;
    let what = match act {
        HeldAct::Release { recipients, .. } if !recipients.is_empty() => {
            let some: Vec<String> = recipients.iter().map(ToString::to_string).collect();
            format!("release it to {}", some.join(", "))
        }
        HeldAct::Redirect { to } => format!("redirect it to {to}"),
        act => act.name().to_owned(),
    };
    let lesser = match act {
        HeldAct::Release { exemption: Some(lesser), .. } => {
            format!(" with TLS {} enough", lesser.tls)
        }
        _ => String::new(),
    };
    format!("{by} proposes to {what}{lesser}: {reason}")
}

/// What a person must know before they judge.
fn marks(entry: &HeldEntry, now: Timestamp) -> Vec<String> {
    let mut marks = Vec::new();
    if entry.is_overdue(now) {
        marks.push("not judged in time".to_owned());
    }
    if entry.legal_hold {
        marks.push("under a legal hold".to_owned());
    }
    if let Some(proposal) = &entry.proposal {
        marks.push(wish(proposal));
    }
    for request in &entry.requests {
        let what = match request.kind {
            RequestKind::Release => "its sender asks for it",
            RequestKind::FalsePositive => "its sender says it was held in error",
        };
        marks.push(format!("{what}: {}", request.justification));
    }
    marks
}

/// `in 3h`, or `2d late`.
fn due(entry: &HeldEntry, now: Timestamp) -> String {
    match entry.is_overdue(now) {
        true => format!("{} late", short(now.saturating_since(entry.due_at))),
        false => format!("in {}", short(entry.due_at.saturating_since(now))),
    }
}

fn short(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3_600 => format!("{}m", seconds / 60),
        seconds @ 3_600..86_400 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::QueueId;

    const ENTRY: &str = r#"{"id":"01dcayhax6g00","received_at":1795348800000,
        "direction":"outbound","sender":"dr@nhs.test.example","recipients":["a@x.example"],
        "subject":"About ••• ••• ••18","size":312,"level":4,"rule":"r","kinds":[],
        "organisations":[],"due_at":1795352400000,"expires_at":null,"legal_hold":true,
        "proposal":{"act":{"act":"reject"},"by":"ann","at":1795348800000,"reason":"no"},
        "requests":[{"at":1795348800000,"kind":"release","justification":"the clinic waits"}]}"#;

    #[test]
    fn a_list_shows_what_must_be_known_before_anybody_judges() {
        let entry: HeldEntry = serde_json::from_str(ENTRY).unwrap();
        let now = entry.due_at + Duration::from_secs(7200);
        let mut out = Vec::new();
        page(&mut out, &HeldPage { entries: vec![entry], total: 3 }, now).unwrap();
        let shown = String::from_utf8(out).unwrap();
        for part in [
            "2h late  <dr@nhs.test.example> → a@x.example: About ••• ••• ••18\n",
            "not judged in time\n",
            "under a legal hold\n",
            "ann proposes to reject: no\n",
            "its sender asks for it: the clinic waits\n",
            "3 held, 2 of them not shown\n",
        ] {
            assert!(shown.contains(part), "{part:?} is missing in {shown}");
        }
    }

    #[test]
    fn what_was_not_done_is_told_with_its_reason() {
        let refused = vec![(QueueId::at(1, 1), "it is under a legal hold".to_owned())];
        let mut out = Vec::new();
        acted(&mut out, &Acted { done: 2, proposed: 1, refused, refusals: 7 }).unwrap();
        let shown = String::from_utf8(out).unwrap();
        for part in ["under a legal hold", "2 done", "1 proposed", "7 not done"] {
            assert!(shown.contains(part), "{part:?} is missing in {shown}");
        }
    }
}
