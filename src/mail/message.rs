//! Messages: as a client has just handed them over, and as the queue keeps
//! them. The content itself is one `Bytes` from the socket to the next hop.

use std::net::IpAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    address::{Address, ReversePath},
    disposition::{NextHop, Told},
    envelope::{AddressEncoding, Body, Envelope, Recipient},
    evidence::TlsFault,
    facts::Direction,
    finding::Finding,
    level::Level,
    protection::{Protection, TlsRequirement},
    quarantine::Case,
    queue_id::QueueId,
    reply::Reply,
    requests::{Notify, OriginalRecipient, Requests},
    time::Timestamp,
    tls::TlsSession,
};

/// A complete transaction: envelope, content, and the session it came in on.
#[derive(Clone, Debug)]
pub struct Submission {
    pub envelope: Envelope,
    /// Dot-unstuffed, every line ended by CRLF, without the final dot.
    pub content: Bytes,
    pub origin: Origin,
}

/// The session a message came in on.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    pub listener: String,
    pub direction: Direction,
    pub client: IpAddr,
    /// As the client gave it in EHLO or HELO.
    pub helo: String,
    /// ESMTP after EHLO, SMTP after HELO: for the Received field (RFC 3848).
    pub protocol: Protocol,
    pub tls: Option<TlsSession>,
    /// The SASL identity.
    pub authenticated: Option<String>,
    /// The sending system, as postern.toml names it, whose certificate it
    /// showed.
    pub certified: Option<String>,
    /// What a named peer says of the client it had the message from.
    pub forwarded: Option<Box<Forwarded>>,
}

/// A client one hop back, as XFORWARD tells of it: the message is attributed
/// to it, and nothing is permitted for its sake.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forwarded {
    pub address: Option<IpAddr>,
    pub name: Option<String>,
    pub helo: Option<String>,
    /// The identity that the peer gave the message in its own logs.
    pub ident: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Smtp,
    Esmtp,
    /// After LHLO: a reply for each recipient (RFC 2033).
    Lmtp,
}

impl Origin {
    /// The address that stands for the sender: where a named peer forwards
    /// for others, theirs.
    pub fn attributed(&self) -> IpAddr {
        self.forwarded.as_ref().and_then(|forwarded| forwarded.address).unwrap_or(self.client)
    }

    /// The EHLO name that goes with it: what one client has said is not held
    /// against the address of another.
    pub fn attributed_helo(&self) -> &str {
        match self.forwarded.as_deref() {
            Some(Forwarded { address: Some(_), helo, .. }) => helo.as_deref().unwrap_or_default(),
            _ => &self.helo,
        }
    }
}

/// What the queue knows of a message beside its content. Everything here is
/// masked: it may be shown to an operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueuedMessage {
    pub id: QueueId,
    pub received_at: Timestamp,
    pub direction: Direction,
    pub reverse_path: ReversePath,
    #[serde(default)]
    pub body: Body,
    #[serde(default)]
    pub encoding: AddressEncoding,
    #[serde(default)]
    pub requests: Requests,
    pub level: Level,
    /// The version of the policy that decided.
    pub policy: String,
    /// Octets as they will leave.
    pub size: u64,
    /// Where policy sent it instead of its route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<NextHop>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    #[serde(default)]
    pub custody: Custody,
    #[serde(default)]
    pub recourse: Recourse,
    /// Set once the sender has been told that the message is late.
    #[serde(default)]
    pub delay_notice: DelayNotice,
    pub recipients: Vec<QueuedRecipient>,
}

/// Why a message stands in quarantine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    pub rule: String,
    pub reason: String,
    pub findings: Vec<Finding>,
    #[serde(default)]
    pub tell: Vec<Told>,
    #[serde(default)]
    pub case: Case,
}

/// What stays of its time in quarantine with a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Custody {
    /// Octets of the copy that is to leave, where what the client sent stands
    /// behind it in the spool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_ends: Option<u64>,
    /// When a person has let it go: what is late counts from here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Timestamp>,
}

/// What follows when the TLS that a message needs cannot be had (law 2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recourse {
    pub urgency: Urgency,
    /// Where policy sends it then: an encryption portal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<NextHop>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exemption: Option<Exemption>,
}

/// How soon people must hear that a message waits.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// Within the time that `[retry] tls_notice` sets.
    #[default]
    Usual,
    /// At once: its sender or a rule says so.
    Urgent,
}

/// A copy that waits for TLS as good as it needs: since when, why, and
/// whether people know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmet {
    pub since: Timestamp,
    pub told: TlsNotice,
    /// What the last try came to.
    pub reply: Reply,
    /// The host that was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<TlsFault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsNotice {
    Due,
    Sent,
}

/// What a person has allowed this one message: less TLS than policy asks for,
/// for a while. Who, why and until when is in the audit trail as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exemption {
    pub tls: TlsRequirement,
    pub by: String,
    pub reason: String,
    pub until: Timestamp,
}

/// Leave to send one message with this TLS, whatever policy and route ask for
/// and the domain publishes. Only an exemption in force makes one, and nothing
/// else lowers a requirement (law 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leave(TlsRequirement);

impl Exemption {
    pub fn in_force(&self, now: Timestamp) -> Option<Leave> {
        (now < self.until).then_some(Leave(self.tls))
    }
}

impl Leave {
    /// What must be had all the same.
    pub fn least(self) -> TlsRequirement {
        self.0
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DelayNotice {
    #[default]
    Due,
    Sent,
    /// Told also that the time it was to be delivered by has passed
    /// (RFC 2852).
    Overdue,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedRecipient {
    pub address: Address,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notify>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<OriginalRecipient>,
    /// What this copy's journey needs; never weakened after the decision.
    pub protection: Protection,
    pub state: RecipientState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmet: Option<Box<Unmet>>,
}

impl QueuedRecipient {
    /// What its sender is to be told.
    pub fn notify(&self) -> Notify {
        self.notify.unwrap_or(Notify::USUAL)
    }

    /// A copy that nobody has tried to deliver yet, due at once.
    pub fn new(recipient: impl Into<Recipient>, protection: Protection, now: Timestamp) -> Self {
        let Recipient { address, notify, original } = recipient.into();
        let state = RecipientState::Pending { attempts: 0, next_attempt_at: now, last: None };
        Self { address, notify, original, protection, state, unmet: None }
    }
}

/// As it is named to the next hop.
impl From<&QueuedRecipient> for Recipient {
    fn from(queued: &QueuedRecipient) -> Self {
        let QueuedRecipient { address, notify, original, .. } = queued;
        Self { address: address.clone(), notify: *notify, original: original.clone() }
    }
}

/// Where one recipient's copy has got to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecipientState {
    Pending {
        attempts: u32,
        next_attempt_at: Timestamp,
        /// What the last attempt came to, as an operator reads it.
        last: Option<String>,
    },
    Delivered {
        at: Timestamp,
        reply: Reply,
    },
    Failed {
        at: Timestamp,
        reply: Reply,
    },
}

impl QueuedMessage {
    /// When it may first be sent on, as its sender asked and a person has let
    /// it go: what is late counts from here.
    pub fn released_at(&self) -> Timestamp {
        let asked = self.requests.released_at(self.received_at);
        self.custody.released_at.map_or(asked, |released_at| asked.max(released_at))
    }

    /// A message of its own, as yet for nobody. Of what stands in the spool the
    /// copy alone is for it.
    pub fn part(&self, id: QueueId) -> Self {
        let custody = Custody { copy_ends: None, ..self.custody };
        Self { id, custody, recipients: Vec::new(), ..self.clone() }
    }

    pub fn is_held(&self) -> bool {
        self.hold.is_some()
    }

    /// The recipients who wait for TLS as good as their copy needs.
    pub fn waiting_for_tls(&self) -> impl Iterator<Item = (&QueuedRecipient, &Unmet)> {
        self.pending().filter_map(|queued| Some((queued, queued.unmet.as_deref()?)))
    }

    /// The recipients who still wait for their copy.
    pub fn pending(&self) -> impl Iterator<Item = &QueuedRecipient> {
        self.recipients
            .iter()
            .filter(|recipient| matches!(recipient.state, RecipientState::Pending { .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the first version wrote it.
    const FIRST: &str = r#"{"id":"01dcayhax6g00","received_at":1795367525123,
        "direction":"outbound","reverse_path":"dr@nhs.test.example","body":"eight-bit-mime",
        "encoding":"ascii","level":0,"policy":"p","size":312,"delay_notice":"sent",
        "recipients":[{"address":"a@x.example","protection":{"tls":"opportunistic"},
        "state":{"pending":{"attempts":2,"next_attempt_at":1795367525999,"last":"451 busy"}}}]}"#;

    #[test]
    fn an_exemption_is_in_force_until_its_end() {
        use TlsRequirement::Encrypted;
        let until = Timestamp::from_unix_milliseconds(5000);
        let exemption = Exemption {
            tls: Encrypted,
            by: "uid 1000".to_owned(),
            reason: "agreed by telephone".to_owned(),
            until,
        };
        let leave = exemption.in_force(Timestamp::from_unix_milliseconds(4999)).unwrap();
        assert_eq!(leave.least(), Encrypted);
        assert_eq!(exemption.in_force(until), None);
    }

    #[test]
    fn what_is_late_counts_from_when_a_person_let_it_go_and_its_sender_wanted_it_to() {
        let mut message: QueuedMessage = serde_json::from_str(FIRST).unwrap();
        let day = std::time::Duration::from_secs(24 * 3600);
        let released_at = message.received_at + 3 * day;
        message.custody.released_at = Some(released_at);
        assert_eq!(message.released_at(), released_at);
        message.requests.release = Some(crate::mail::Release::After(4 * day));
        assert_eq!(message.released_at(), message.received_at + 4 * day);
    }

    #[test]
    fn a_hold_of_an_earlier_version_is_read_and_nobody_has_done_anything_about_it() {
        let hold: Hold =
            serde_json::from_str(r#"{"rule":"r","reason":"why","findings":[]}"#).unwrap();
        assert_eq!(hold.case, Case::default());
        let written = serde_json::to_string(&hold).unwrap();
        assert_eq!(serde_json::from_str::<Hold>(&written).unwrap(), hold);
    }

    #[test]
    fn what_an_earlier_version_has_spooled_is_read_and_asks_for_nothing() {
        let message: QueuedMessage = serde_json::from_str(FIRST).unwrap();
        assert_eq!(message.requests, Requests::default());
        assert_eq!(message.released_at(), message.received_at);
        assert_eq!(message.custody, Custody::default());
        assert_eq!(message.delay_notice, DelayNotice::Sent);
        let [recipient] = message.recipients.as_slice() else { panic!("{message:?}") };
        assert_eq!((recipient.notify, recipient.notify()), (None, Notify::USUAL));
        assert_eq!(recipient.original, None);
        let written = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<QueuedMessage>(&written).unwrap(), message);
    }
}
