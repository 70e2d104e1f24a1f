//! The timeline: what happened to a message, in order, for somebody who is
//! woken at two in the morning.

use serde::Serialize;

use super::{
    fate::{Fate, fates},
    line::{Attempt, Decision, Line, SettledRecipient, Told},
    table::{Table, certificate, listed, moment, place, tls, verdict, vouchers},
};
use crate::mail::{Acceptance, Address, CopyKind, Evidence, Promise, QueueId, QueuedMessage};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimelineRow {
    /// UTC, as people read it.
    pub at: String,
    pub what: &'static str,
    pub words: Vec<String>,
}

/// What happened, for a table.
pub fn rows(id: QueueId, lines: &[Line]) -> Vec<TimelineRow> {
    let rows = lines.iter().map(|line| {
        let (what, words) = told(id, &line.told);
        TimelineRow { at: moment(&line.at), what, words }
    });
    rows.filter(|row| !row.words.is_empty()).collect()
}

/// What has become of each recipient's copy, in words.
pub fn standing(id: QueueId, lines: &[Line], queued: Option<&QueuedMessage>) -> Vec<String> {
    fates(id, lines, queued).iter().map(now).collect()
}

/// Text; all times UTC. `queued` is the message where it is still in the
/// queue.
pub fn timeline(
    id: QueueId,
    lines: &[Line],
    queued: Option<&QueuedMessage>,
    remarks: &[String],
) -> String {
    let mut table = Table::default();
    table.line(&format!("{id}   (times are UTC)"));
    table.line("");
    for row in rows(id, lines) {
        table.row(&row.at, row.what, &row.words);
    }
    for remark in remarks {
        table.row("", "remark", std::slice::from_ref(remark));
    }
    table.line("");
    for words in standing(id, lines, queued) {
        table.row("", "now", &[words]);
    }
    table.finish()
}

fn told(id: QueueId, told: &Told) -> (&'static str, Vec<String>) {
    match told {
        Told::Decision(decision) => ("decided", decided(decision)),
        Told::Accepted(acceptance) => ("accepted", accepted(id, acceptance)),
        Told::Attempt(attempt) => ("tried", attempted(attempt)),
        Told::Settled(settled) => {
            ("settled", settled.recipients.iter().filter_map(after).collect())
        }
        Told::Notice { about, id: notice, to } if *about == id => {
            ("told", vec![format!("{to} by the notice {notice}")])
        }
        Told::Notice { about, to, .. } => {
            ("written", vec![format!("a notice about {about}, to {to}")])
        }
        Told::Handled { action, by, reason, .. } => {
            let reason = reason.as_deref().unwrap_or("no reason given");
            ("person", vec![format!("{action} by {by}: {reason}")])
        }
        Told::Redirected { id: redirected, part_of, to, by, reason } => {
            let part = match part_of {
                Some(_) if *redirected == id => " (a part of the message)".to_owned(),
                Some(_) => format!(" (in part, as {redirected})"),
                None => String::new(),
            };
            ("sent on", vec![format!("redirected to {to}{part} by {by}: {reason}")])
        }
        Told::Exempted { tls, by, reason, until, .. } => {
            let until = moment(until);
            ("person", vec![format!("TLS {tls} allowed until {until} by {by}: {reason}")])
        }
        Told::Deed { kind, by, words, .. } => {
            let words = words.as_ref().map(|words| format!(": {words}")).unwrap_or_default();
            ("person", vec![format!("{} by {by}{words}", kind.replace('_', " "))])
        }
        Told::Other => ("", Vec::new()),
    }
}

fn decided(decision: &Decision) -> Vec<String> {
    let Decision { facts, findings, policy, .. } = decision;
    let mut words = vec![format!(
        "level {} by {} findings, {}, sender <{}>; policy {policy}",
        facts.level,
        findings.len(),
        facts.direction,
        facts.reverse_path,
    )];
    for one in &decision.recipients {
        let by = match &one.rule {
            Some(rule) => format!("by the rule \"{rule}\""),
            None => "by no rule".to_owned(),
        };
        let class = one.class.name();
        let to = one.redirect.as_ref().map(|to| format!(" to {to}")).unwrap_or_default();
        words.push(format!(
            "{}: {}{to} {by}; {class}, cleared for level {}; TLS {}",
            one.recipient, one.disposition, one.clearance, one.tls
        ));
    }
    words
}

fn accepted(id: QueueId, acceptance: &Acceptance) -> Vec<String> {
    let Acceptance { client, helo, listener, tls, size, .. } = acceptance;
    let protected = match tls {
        Some(tls) => format!("{} with {}", tls.version, tls.cipher),
        None => "in clear".to_owned(),
    };
    let mut words =
        vec![format!("from {client} ({helo}) on listener {listener}, {protected}; {size} octets")];
    if let Some(who) = &acceptance.authenticated {
        words.push(format!("authenticated as {who}"));
    }
    for copy in &acceptance.copies {
        let what = match copy.what {
            CopyKind::Copy if copy.id == id => "this copy",
            CopyKind::Copy => "another copy",
            CopyKind::Archive => "for the archive",
            CopyKind::Notice => "notice",
        };
        let mut word = format!("{what} {} to {}", copy.id, addresses(&copy.recipients));
        if let Some(redirect) = &copy.redirect {
            word.push_str(&format!(", redirected to {redirect}"));
        }
        if let Some(rule) = &copy.held_by {
            word.push_str(&format!(", held by the rule \"{rule}\""));
        }
        words.push(word);
    }
    words
}

fn addresses(addresses: &[Address]) -> String {
    addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn attempted(attempt: &Attempt) -> Vec<String> {
    let by: Vec<&str> = attempt.asked_by.iter().map(|asker| asker.words()).collect();
    let by = if by.is_empty() { String::new() } else { format!(", asked for by {}", listed(&by)) };
    let to = match &attempt.next_hop {
        Some(next_hop) => format!("{} by {next_hop}", attempt.domain),
        None => format!("{}, which no route leads to", attempt.domain),
    };
    let mut words = vec![format!("{to}; TLS {}{by}", attempt.requirement)];
    if let Some(exemption) = &attempt.exemption {
        words.push(format!(
            "exempted by {} until {}: {}",
            exemption.by, exemption.until, exemption.reason
        ));
    }
    attempt.tries.iter().for_each(|evidence| tried(evidence, &mut words));
    for one in &attempt.recipients {
        let outcome = match one.outcome.as_str() {
            "transient" => "not yet",
            "permanent" => "never",
            other => other,
        };
        words.push(format!("{}: {outcome}: {}", one.recipient, one.reply));
    }
    words
}

fn tried(evidence: &Evidence, words: &mut Vec<String>) {
    let took = format!("{} ms", evidence.milliseconds);
    words.push(format!("at {}: {}; {took}", place(evidence), tls(evidence)));
    if evidence.tls.is_some() || !evidence.chain.is_empty() {
        words.push(format!("  {}; {}", verdict(&evidence.certificate), vouchers(evidence)));
        words.extend(evidence.leaf().map(|leaf| format!("  {}", certificate(leaf))));
    }
    if evidence.require_tls == Promise::Made {
        words.push("  REQUIRETLS offered".to_owned());
    }
    if let Some(fault) = evidence.fault {
        words.push(format!("  fault: {}", fault.name()));
    }
}

fn after(one: &SettledRecipient) -> Option<String> {
    let recipient = &one.recipient;
    match one.state.as_str() {
        "waiting" => {
            let next = one.next_attempt_at.map(|at| moment(&at.rfc3339())).unwrap_or_default();
            Some(format!("{recipient}: waits; attempt {} at {next}", one.attempts + 1))
        }
        "given_up" => {
            Some(format!("{recipient}: given up: {}", one.reply.as_deref().unwrap_or_default()))
        }
        _ => None,
    }
}

fn now(fate: &Fate) -> String {
    let at = fate.at.as_deref().map(|at| format!(" {}", moment(at))).unwrap_or_default();
    let by = fate.by.as_deref().map(|by| format!(": {by}")).unwrap_or_default();
    let words = fate.fate.words();
    match fate.fate {
        super::fate::FateKind::Waiting => {
            format!("{}: {words}, next attempt{at}; last{by}", fate.recipient)
        }
        _ => format!("{}: {words}{at}{by}", fate.recipient),
    }
}
