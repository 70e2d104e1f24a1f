//! What the lines of the audit trail say: the stable shape that auditors'
//! programs read, version 1.
//!
//! Every line begins with its place in the chain (`audit`): `seq`, counted from
//! 1, and `prev`, the SHA-256 of the line before; lines of earlier versions
//! lack both. Every line has `"v":1`, `at` (RFC 3339, UTC) and `event`; those
//! about a message have `id`. Fields may be added; none changes its meaning
//! within a version. Moments inside `tries` and settlements are milliseconds since
//! 1970, as the queue has them.
//!
//! A `decision` has all that decided it (`mail::RecordedDecision`), so that it
//! can be asked again: `postern replay`, `postern explain QUEUE-ID`. Its
//! addresses are whole, its values masked; a finding that names one person has
//! `subject`, the keyed hash of the identifier. The facts `tls_version`,
//! `attachment_types`, `visible_recipients` and `received_at`, and of each
//! recipient `matched`, `adds`, `tell`, `fallback`, `urgency` and `choices`,
//! have come later than the rest: older lines lack them.
//!
//! | `event` | tells |
//! | --- | --- |
//! | `decision` | all `facts`, masked findings, and for each recipient what was decided and why: the disposition and its rule, every rule that `matched` with its reason, the TLS that policy asks for, what it `adds`, whom it tells |
//! | `accepted` | where it came from, under which TLS, and the copies in the spool, each with its own `id` |
//! | `attempt` | the requirement and who asked for it, every try (host, address, TLS, chain, who vouched, fault), every recipient's reply |
//! | `settled` | after an attempt that did not deliver to all, or a deadline: who waits until when, who was given up |
//! | `notice` | the `id` of a report, `about` which message, `to` whom |
//! | `redirected` | what waits of the message, or a `part_of` it, goes another way: where to, who said so, why |
//! | `exempted` | who let it go with which TLS at least, why, and until when |
//! | `handled` | what else a person did, who and why; with `false_positive` where it was held in error |
//! | `deed` | what a person did besides, or looked at: its `kind`, `by` whom, at which `door`, from where, `id` of the message, in which `words` |
//! | `trail` | `what` befell the trail itself: `begun` (the chain, behind lines without one), `recovered` (a torn line was set aside), `broken` (lines, or the record of the last, were gone at the start), `gap` (lines were lost to a failing disk), `retired` (files whose time was over) |
//! | `policy` | the version that decides from here on, and its git commit |
//! | `policy_step` | a version proposed, approved, refused, withdrawn, tried, live or returned from: by whom and why; `other` is the one before, or after |

use serde::Serialize;
use serde_json::{Value, json};

use crate::mail::{
    Acceptance, Address, Asked, Attempt, By, Decided, Deed, Domain, Exemption, Finding, NextHop,
    PolicyStep, QueueId, QueuedRecipient, RecipientState, RecordedOutcome, Settled, SubjectHash,
    TlsRequirement,
};

pub(super) fn decision(decided: &Decided<'_>) -> Value {
    let recipients: Vec<_> = decided
        .decisions
        .iter()
        .map(|(recipient, decision)| RecordedOutcome::of(recipient, decision))
        .collect();
    let hashes = decided.subjects.iter().map(Option::as_ref).chain(std::iter::repeat(None));
    let findings: Vec<_> = decided
        .findings
        .iter()
        .zip(hashes)
        .map(|(finding, subject)| FoundIn { finding, subject })
        .collect();
    let mut line = json!({
        "event": "decision",
        "id": decided.id,
        "listener": decided.listener,
        "client": decided.client,
        "policy": decided.policy,
        "commit": decided.commit,
        "facts": decided.facts,
        "findings": findings,
        "recipients": recipients,
    });
    if let (Some(forwarded), Some(line)) = (decided.forwarded, line.as_object_mut()) {
        line.insert("forwarded".to_owned(), json!(forwarded));
    }
    line
}

/// A finding, and whose it is.
#[derive(Serialize)]
struct FoundIn<'a> {
    #[serde(flatten)]
    finding: &'a Finding,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a SubjectHash>,
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

pub(super) fn deed(deed: &Deed<'_>) -> Value {
    let Deed { kind, by, door, address, about, words } = deed;
    let mut line = json!({ "event": "deed", "kind": kind.name(), "by": by, "door": door });
    if let Some(line) = line.as_object_mut() {
        let besides =
            [("from", address.map(|one| json!(one))), ("id", about.map(|one| json!(one)))];
        let besides = besides.into_iter().chain([("words", words.map(|one| json!(one)))]);
        line.extend(besides.filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    line
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

pub(super) fn policy(version: &str, commit: Option<&str>) -> Value {
    json!({ "event": "policy", "version": version, "commit": commit })
}

/// `by` in words, and the account for programs.
pub(super) fn policy_step(step: &PolicyStep) -> Value {
    let PolicyStep { step: name, version, commit, other, by, reason, .. } = step;
    let uid = match by {
        By::Person(person) => person.uid,
        By::Gateway | By::Start | By::Signal => None,
    };
    json!({
        "event": "policy_step", "step": name, "version": version, "commit": commit,
        "other": other, "by": by.to_string(), "officer": by.name(), "uid": uid, "reason": reason,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::mail::{
        Arrival, AttachmentType, AuthenticationFacts, ChainSeal, Decision, DestinationClass,
        DestinationFacts, Direction, Disposition, Kind, Level, MessageFacts, Mode, OpaqueReason,
        Protection, RecordedDecision, RuleMatch, SecureTag, Spoof, Timestamp, TlsVersion, Told,
    };

    const OPAQUE: [OpaqueReason; 5] = [
        OpaqueReason::Encrypted,
        OpaqueReason::Unreadable,
        OpaqueReason::Damaged,
        OpaqueReason::OverLimit,
        OpaqueReason::Picture,
    ];

    fn authentication() -> impl Strategy<Value = AuthenticationFacts> {
        let word = || prop::sample::select(vec!["pass", "fail", "none", "temperror"]);
        let seal = prop::option::of(word()).prop_map(|dmarc| ChainSeal {
            sealer: "sealer.example".parse().unwrap(),
            dmarc: dmarc.map(str::to_owned),
        });
        let seals = prop::collection::vec(seal, 0..3);
        (prop::array::uniform9(word()), seals).prop_map(|(words, seals)| {
            let [spf, spf_helo, dkim, dmarc, dmarc_policy, alignment, arc, trusted_arc, iprev] =
                words.map(str::to_owned);
            AuthenticationFacts {
                spf,
                spf_helo,
                dkim,
                dmarc,
                dmarc_policy,
                alignment,
                arc,
                trusted_arc,
                iprev,
                seals,
            }
        })
    }

    /// Of the sender's words and of the content.
    fn message() -> impl Strategy<Value = MessageFacts> {
        let sender =
            prop::sample::select(vec!["", "a@x.example", "a@[192.0.2.1]", "\"a b\"@é.example"]);
        let kinds =
            prop::collection::btree_map(prop::sample::select(Kind::ALL.to_vec()), 0usize..99, 0..5);
        let marking = prop::option::of("[A-Z :é\"\\\\]{0,20}");
        let opaque = prop::collection::vec(prop::sample::select(OPAQUE.to_vec()), 0..4);
        let spoof = prop::sample::subsequence(Spoof::ALL.to_vec(), 0..9);
        (sender, 0u8..5, kinds, marking, opaque, spoof, any::<bool>()).prop_map(
            |(sender, level, kinds, marking, opaque, spoof, secure)| MessageFacts {
                direction: if secure { Direction::Inbound } else { Direction::Outbound },
                reverse_path: sender.parse().unwrap(),
                level: Level::try_from(level).unwrap(),
                kinds,
                marking,
                secure_tag: if secure { SecureTag::Present } else { SecureTag::Absent },
                opaque,
                authentication: None,
                spoof,
                arrival: Arrival::Clear,
                tls_version: None,
                size: 0,
                attachment_types: None,
                visible_recipients: None,
                received_at: None,
            },
        )
    }

    fn facts() -> impl Strategy<Value = MessageFacts> {
        let versions = prop::option::of(prop::sample::select(TlsVersion::ALL.to_vec()));
        let types = prop::sample::subsequence(AttachmentType::ALL.to_vec(), 0..15);
        let counts = (any::<u32>(), prop::option::of(0usize..9999), 0u64..1 << 44);
        (message(), prop::option::of(authentication()), versions, types, counts).prop_map(
            |(message, authentication, tls_version, types, (size, visible_recipients, at))| {
                MessageFacts {
                    authentication,
                    arrival: if tls_version.is_some() { Arrival::Tls } else { Arrival::Clear },
                    tls_version,
                    size: size as usize,
                    attachment_types: visible_recipients
                        .map(|_| types.into_iter().collect::<BTreeSet<_>>()),
                    visible_recipients,
                    received_at: Some(Timestamp::from_unix_milliseconds(at)),
                    ..message
                }
            },
        )
    }

    fn held() -> Decision {
        let matched = |rule: &str, mode| RuleMatch {
            rule: rule.to_owned(),
            mode,
            severity: None,
            canary: None,
            disposition: Some(Disposition::Hold),
            reason: "Because of \"it\".\n".to_owned(),
        };
        Decision {
            disposition: Disposition::Hold,
            protection: Protection::default(),
            redirect: Some("smtp://portal.example:25".parse().unwrap()),
            fallback: None,
            urgency: Default::default(),
            obligations: vec![crate::mail::Obligation::TagSubject("[X]".to_owned())],
            choices: Vec::new(),
            tell: vec![Told::Sender, Told::Officers],
            decided_by: Some(matched("one", Mode::Enforce)),
            matched: vec![matched("one", Mode::Enforce), matched("two", Mode::Observe)],
            destination: DestinationFacts {
                class: DestinationClass::Approved,
                clearance: Level::CONTACT_DETAILS,
            },
        }
    }

    proptest! {
        /// All that decided a message can be had back from its line.
        #[test]
        fn a_decision_reads_back_as_it_was(facts in facts(), bits in 0u64..1 << 63) {
            let decisions = [("a@x.example".parse().unwrap(), held())];
            let mut line = decision(&Decided {
                id: QueueId::from_bits(bits),
                listener: "x",
                client: [127, 0, 0, 1].into(),
                forwarded: None,
                facts: &facts,
                findings: &[],
                subjects: &[],
                policy: "abc",
                commit: None,
                decisions: &decisions,
                took: Default::default(),
            });
            // As the trail adds them.
            line["v"] = 1.into();
            line["at"] = "2026-11-22T17:12:05.123Z".into();
            let read = RecordedDecision::read(line.to_string().as_bytes()).unwrap().unwrap();
            prop_assert_eq!(&read.facts, &facts);
            let [(recipient, decision)] = &decisions;
            prop_assert_eq!(&read.recipients, &[RecordedOutcome::of(recipient, decision)]);
            prop_assert_eq!(read.recipients[0].matched.as_ref(), Some(&decision.matched));
            prop_assert_eq!((read.id.to_bits(), read.policy.as_str()), (bits, "abc"));
        }
    }
}
