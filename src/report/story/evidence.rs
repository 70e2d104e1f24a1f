//! The certificate of protection: what was required of one message's journey,
//! what was seen, and whether the one fulfils the other.
//!
//! It says no more than the audit trail does: a copy whose journey is not in
//! the trail is not called protected (law 3).

use serde::Serialize;

use super::{
    fate::{Fate, FateKind, fates},
    line::{Attempt, Decision, Line, Told},
};
use crate::mail::{
    Acceptance, Address, Asker, CertificateVerdict, Evidence, Exemption, Level, QueueId,
    QueuedMessage, RecordedOutcome, ReversePath, Timestamp, TlsRequirement, TlsSession,
};

/// A page that information governance can file.
#[derive(Clone, Debug, Serialize)]
pub struct Certificate {
    pub v: u32,
    pub id: QueueId,
    pub made_at: String,
    pub message: About,
    pub recipients: Vec<Proof>,
    pub trail: Underlying,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// The message: never its subject (law 6).
#[derive(Clone, Debug, Default, Serialize)]
pub struct About {
    pub sender: Option<ReversePath>,
    pub received_at: Option<String>,
    pub from: Option<std::net::IpAddr>,
    /// Of the session it came in on.
    pub arrival_tls: Option<TlsSession>,
    pub size: Option<usize>,
    pub message_id_sha256: Option<String>,
    pub policy: Option<String>,
    pub level: Option<Level>,
}

/// One recipient's copy.
#[derive(Clone, Debug, Serialize)]
pub struct Proof {
    pub recipient: Address,
    pub required: Option<TlsRequirement>,
    pub asked_by: Vec<Asker>,
    pub rule: Option<String>,
    /// `approved`, `internet`, `local`.
    pub destination: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exemption: Option<Exemption>,
    /// The try on which it went over; none where it did not, or nothing was
    /// seen.
    pub journey: Option<Evidence>,
    /// When the attempt ended.
    pub at: Option<String>,
    pub reply: Option<String>,
    pub conclusion: Conclusion,
    pub sentence: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// Delivered under TLS that fulfils what was required.
    Protected,
    /// Stored on this machine: there was no journey over a network.
    Local,
    /// Delivered without TLS, which nothing required.
    InClear,
    /// Delivered, and the trail does not show what was required.
    Unproved,
    NotDelivered,
}

/// What the certificate was made from.
#[derive(Clone, Debug, Serialize)]
pub struct Underlying {
    pub lines: usize,
    /// Over the lines, sorted as octets, each ended by a line feed.
    pub sha256: String,
    pub check: String,
}

impl Conclusion {
    /// Whether it can be shown that the copy was protected as required.
    pub const fn is_proof(self) -> bool {
        matches!(self, Self::Protected | Self::Local)
    }
}

impl Certificate {
    pub fn is_proof(&self) -> bool {
        !self.recipients.is_empty()
            && self.recipients.iter().all(|proof| proof.conclusion.is_proof())
    }
}

/// For all recipients of the message, or for one of them.
pub fn certify(
    id: QueueId,
    lines: &[Line],
    queued: Option<&QueuedMessage>,
    only: Option<&Address>,
    now: Timestamp,
) -> Certificate {
    let fates = fates(id, lines, queued);
    let wanted = fates.iter().filter(|fate| only.is_none_or(|only| *only == fate.recipient));
    let decision = lines.iter().find_map(|line| match &line.told {
        Told::Decision(decision) => Some(decision.as_ref()),
        _ => None,
    });
    let acceptance = lines.iter().find_map(|line| match &line.told {
        Told::Accepted(acceptance) => Some(acceptance.as_ref()),
        _ => None,
    });
    Certificate {
        v: 1,
        id,
        made_at: now.rfc3339(),
        message: about(decision, acceptance),
        recipients: wanted.map(|fate| proof(id, lines, decision, fate)).collect(),
        trail: underlying(id, decision, lines),
        remarks: Vec::new(),
    }
}

fn about(decision: Option<&Decision>, acceptance: Option<&Acceptance>) -> About {
    let accepted = acceptance.map(|acceptance| About {
        sender: Some(acceptance.sender.clone()),
        received_at: Some(acceptance.received_at.rfc3339()),
        from: Some(acceptance.client),
        arrival_tls: acceptance.tls.clone(),
        size: Some(acceptance.size),
        message_id_sha256: acceptance.message_id_sha256.clone(),
        ..About::default()
    });
    About {
        policy: decision.map(|decision| decision.policy.clone()),
        level: decision.map(|decision| decision.facts.level),
        ..accepted.unwrap_or_default()
    }
}

fn proof(id: QueueId, lines: &[Line], decision: Option<&Decision>, fate: &Fate) -> Proof {
    let recipient = &fate.recipient;
    let decided = decision.and_then(|decision| decided_for(decision, recipient));
    // The attempt that delivered it, or else the last one.
    let attempts = lines.iter().filter_map(|line| match &line.told {
        Told::Attempt(attempt) if attempt.id == id => {
            attempt.outcome_for(recipient).map(|tried| (line, attempt.as_ref(), tried))
        }
        _ => None,
    });
    let attempts: Vec<_> = attempts.collect();
    let delivered = attempts.iter().find(|(_, _, tried)| tried.is_delivered());
    let last = delivered.or(attempts.last());
    let attempt = last.map(|(_, attempt, _)| *attempt);
    let journey = delivered.and_then(|(_, attempt, _)| attempt.taken_by(recipient));
    let required = attempt.map(|attempt| attempt.requirement);
    let conclusion = match delivered {
        None => Conclusion::NotDelivered,
        Some((_, attempt, _)) => conclude(attempt, journey),
    };
    Proof {
        recipient: recipient.clone(),
        required: required.or(decided.map(|decided| decided.tls)),
        asked_by: attempt.map(|attempt| attempt.asked_by.clone()).unwrap_or_default(),
        rule: decided.and_then(|decided| decided.rule.clone()),
        destination: decided.map(|decided| decided.class.name()),
        exemption: attempt.and_then(|attempt| attempt.exemption.clone()),
        journey: journey.cloned(),
        at: last.map(|(line, ..)| line.at.clone()),
        reply: last.map(|(_, _, tried)| tried.reply.clone()),
        conclusion,
        sentence: sentence(conclusion, required, journey, attempt, fate),
    }
}

fn decided_for<'a>(decision: &'a Decision, recipient: &Address) -> Option<&'a RecordedOutcome> {
    decision.recipients.iter().find(|decided| decided.recipient == *recipient)
}

fn conclude(attempt: &Attempt, journey: Option<&Evidence>) -> Conclusion {
    match journey {
        None => Conclusion::Unproved,
        Some(journey) if is_local(journey) => Conclusion::Local,
        Some(journey) if !fulfils(journey, attempt.requirement) => Conclusion::Unproved,
        Some(journey) if journey.tls.is_none() => Conclusion::InClear,
        Some(_) => Conclusion::Protected,
    }
}

fn is_local(journey: &Evidence) -> bool {
    journey.address.is_none()
        && journey.host.as_deref().is_some_and(|host| host.starts_with("maildir:"))
}

/// Whether what was seen is what was required, and not less.
fn fulfils(seen: &Evidence, required: TlsRequirement) -> bool {
    let encrypted = seen.tls.is_some();
    let vouched = !seen.vouched_by.is_empty()
        || matches!(seen.certificate, CertificateVerdict::Pinned | CertificateVerdict::Dane { .. });
    match required {
        TlsRequirement::None | TlsRequirement::Opportunistic => true,
        TlsRequirement::Encrypted => encrypted,
        TlsRequirement::Verified => encrypted && vouched && seen.certificate.is_proof(),
        TlsRequirement::Dane => {
            encrypted && matches!(seen.certificate, CertificateVerdict::Dane { .. })
        }
    }
}

fn sentence(
    conclusion: Conclusion,
    required: Option<TlsRequirement>,
    journey: Option<&Evidence>,
    attempt: Option<&Attempt>,
    fate: &Fate,
) -> String {
    let required = required.unwrap_or_default();
    let exempted = attempt.and_then(|attempt| attempt.exemption.as_ref());
    match conclusion {
        Conclusion::Protected => {
            let version = journey.and_then(|seen| seen.tls.as_ref()).map(|tls| tls.version.as_str());
            let version = version.unwrap_or("TLS");
            let whose = match journey.is_some_and(|seen| seen.certificate.is_proof()) {
                true => "to a host whose certificate proves whose it is",
                false => "to a host whose certificate was not proved, which was not required",
            };
            let under = match exempted {
                Some(exemption) => format!(" under an exemption by {}", exemption.by),
                None => String::new(),
            };
            format!("It was protected as required{under}: TLS {required} was asked for, and it went under {version} {whose}.")
        }
        Conclusion::Local => {
            "It was stored on this machine: it made no journey over a network.".to_owned()
        }
        Conclusion::InClear => {
            format!("It went in clear: TLS {required} was asked for, and the next hop offered no TLS that held.")
        }
        Conclusion::Unproved => format!(
            "It was delivered, and the trail does not show the TLS {required} that was required: there is no proof of protection."
        ),
        Conclusion::NotDelivered => match fate.fate {
            FateKind::Delivered => {
                "It is said to be delivered, and the trail has no attempt: there is no proof of protection.".to_owned()
            }
            kind => format!("It was not delivered ({}): nothing of it has left unprotected.", kind.words()),
        },
    }
}

fn underlying(id: QueueId, decision: Option<&Decision>, lines: &[Line]) -> Underlying {
    let mut sorted: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    sorted.sort_unstable();
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for line in sorted {
        context.update(line.as_bytes());
        context.update(b"\n");
    }
    let digest = context.finish();
    let pattern = match decision.map(|decision| decision.id).filter(|made_by| *made_by != id) {
        None => format!("\"{id}\""),
        Some(made_by) => format!("\"{id}\"|\"event\":\"decision\".*\"id\":\"{made_by}\""),
    };
    Underlying {
        lines: lines.len(),
        sha256: digest.as_ref().iter().map(|octet| format!("{octet:02x}")).collect(),
        check: format!("zgrep -hE '{pattern}' audit.jsonl* | LC_ALL=C sort | sha256sum"),
    }
}
