//! What the lines of the audit trail say: the stable shape that auditors'
//! programs read, version 1.
//!
//! Every line has `"v":1`, `at` (RFC 3339, UTC) and `event`; those about a
//! message have `id`. Fields may be added; none changes its meaning within a
//! version. Moments inside `tries` and settlements are milliseconds since
//! 1970, as the queue has them.
//!
//! | `event` | tells |
//! | --- | --- |
//! | `decision` | facts, masked findings, and for each recipient the disposition, its rule, and the TLS that policy asks for |
//! | `accepted` | where it came from, under which TLS, and the copies in the spool, each with its own `id` |
//! | `attempt` | the requirement and who asked for it, every try (host, address, TLS, chain, who vouched, fault), every recipient's reply |
//! | `settled` | after an attempt that did not deliver to all, or a deadline: who waits until when, who was given up |
//! | `notice` | the `id` of a report, `about` which message, `to` whom |
//! | `redirected` | what waits of the message, or a `part_of` it, goes another way: where to, who said so, why |
//! | `exempted` | who let it go with which TLS at least, why, and until when |
//! | `handled` | what else a person did, who and why |
//! | `policy` | the version that decides from here on |

use serde_json::{Value, json};

use crate::mail::{
    Acceptance, Address, Asked, Attempt, Decided, Decision, Domain, Exemption, Mode, NextHop,
    QueueId, QueuedRecipient, RecipientState, RuleMatch, Settled, TlsRequirement,
};

pub(super) fn decision(decided: &Decided<'_>) -> Value {
    let recipients: Vec<_> = decided
        .decisions
        .iter()
        .map(|(recipient, decision)| {
            let mut line = json!({
                "recipient": recipient,
                "disposition": decision.disposition,
                "rule": decision.decided_by.as_ref().map(|matched| &matched.rule),
                "observed": observed(&decision.matched),
                "tls": decision.protection.tls,
                "redirect": decision.redirect,
                "class": decision.destination.class,
                "clearance": decision.destination.clearance,
            });
            if let Some(line) = line.as_object_mut() {
                line.extend(of_rules(decision));
            }
            line
        })
        .collect();
    let mut line = json!({
        "event": "decision",
        "id": decided.id,
        "listener": decided.listener,
        "client": decided.client,
        "policy": decided.policy,
        "facts": decided.facts,
        "findings": decided.findings,
        "recipients": recipients,
    });
    if let (Some(forwarded), Some(line)) = (decided.forwarded, line.as_object_mut()) {
        line.insert("forwarded".to_owned(), json!(forwarded));
    }
    line
}

/// How much the rule matters that decides, and on which side of a canary the
/// sender is, where the policy has such rules.
fn of_rules(decision: &Decision) -> impl Iterator<Item = (String, Value)> {
    let severity = decision.decided_by.as_ref().and_then(|matched| matched.severity);
    let sides: serde_json::Map<String, Value> = decision
        .matched
        .iter()
        .filter_map(|matched| Some((matched.rule.clone(), json!(matched.canary?))))
        .collect();
    let severity = severity.map(|severity| ("severity".to_owned(), json!(severity)));
    let sides = (!sides.is_empty()).then(|| ("canary".to_owned(), Value::Object(sides)));
    severity.into_iter().chain(sides)
}

/// Rules that would have decided, had they not only observed.
fn observed(matched: &[RuleMatch]) -> Vec<&str> {
    matched
        .iter()
        .filter(|matched| matched.mode == Mode::Observe)
        .map(|matched| matched.rule.as_str())
        .collect()
}

pub(super) fn accepted(acceptance: &Acceptance) -> Value {
    let mut line = json!(acceptance);
    if let Some(line) = line.as_object_mut() {
        line.insert("event".to_owned(), "accepted".into());
    }
    line
}

pub(super) fn attempt(
    id: QueueId,
    domain: &Domain,
    requirement: TlsRequirement,
    asked: &Asked<'_>,
    attempt: &Attempt,
) -> Value {
    let outcomes: Vec<_> = attempt
        .outcomes
        .iter()
        .map(|(recipient, outcome)| {
            json!({
                "recipient": recipient,
                "outcome": outcome.name(),
                "reason": outcome.failure().map(|failure| failure.reason),
                "reply": outcome.reply().to_string(),
            })
        })
        .collect();
    let mut line = json!({
        "event": "attempt",
        "id": id,
        "domain": domain,
        "next_hop": asked.next_hop,
        "requirement": requirement,
        "asked_by": asked.by,
        "tries": attempt.tries,
        "recipients": outcomes,
    });
    if let (Some(exemption), Some(line)) = (asked.exemption, line.as_object_mut()) {
        line.insert("exemption".to_owned(), json!(exemption));
    }
    line
}

/// None where the attempt says it all: every copy was delivered.
pub(super) fn settled(settled: &Settled<'_>) -> Option<Value> {
    let Settled { message, changed } = settled;
    let changed: Vec<_> =
        message.recipients.iter().filter(|queued| changed.contains(&queued.address)).collect();
    let delivered =
        |queued: &&QueuedRecipient| matches!(queued.state, RecipientState::Delivered { .. });
    if changed.iter().all(delivered) {
        return None;
    }
    let recipients: Vec<_> = changed.into_iter().map(state).collect();
    Some(json!({ "event": "settled", "id": message.id, "recipients": recipients }))
}

fn state(queued: &QueuedRecipient) -> Value {
    let recipient = &queued.address;
    match &queued.state {
        RecipientState::Pending { attempts, next_attempt_at, .. } => json!({
            "recipient": recipient, "state": "waiting",
            "attempts": attempts, "next_attempt_at": next_attempt_at,
        }),
        RecipientState::Delivered { .. } => {
            json!({ "recipient": recipient, "state": "delivered" })
        }
        RecipientState::Failed { reply, .. } => json!({
            "recipient": recipient, "state": "given_up", "reply": reply.to_string(),
        }),
    }
}

pub(super) fn notice(about: QueueId, id: QueueId, to: &Address) -> Value {
    json!({ "event": "notice", "id": id, "about": about, "to": to })
}

pub(super) fn handled(id: QueueId, action: &str, by: &str, reason: Option<&str>) -> Value {
    json!({ "event": "handled", "id": id, "action": action, "by": by, "reason": reason })
}

/// `(by, reason)` is whose act it is, and why.
pub(super) fn redirected(
    id: QueueId,
    part_of: Option<QueueId>,
    to: &NextHop,
    recipients: usize,
    (by, reason): (&str, &str),
) -> Value {
    json!({
        "event": "redirected", "id": id, "part_of": part_of, "to": to,
        "recipients": recipients, "by": by, "reason": reason,
    })
}

pub(super) fn exempted(id: QueueId, exemption: &Exemption) -> Value {
    let Exemption { tls, by, reason, until } = exemption;
    json!({
        "event": "exempted", "id": id, "tls": tls, "by": by, "reason": reason,
        "until": until.rfc3339(),
    })
}

pub(super) fn policy(version: &str) -> Value {
    json!({ "event": "policy", "version": version })
}
