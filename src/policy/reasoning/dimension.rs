//! The dimensions of facts: what a condition looks at, and the values that a
//! policy can tell apart in each.
//!
//! A dimension is as small as can be: not the kinds found but how many of one
//! kind, not the verdicts but that of one mechanism. Every combination of
//! their values is then a message, and each list of candidates is short. Why a
//! list is complete for the conditions asked is said where it is made.
//!
//! A new fact is added here, in places that the compiler names.

use std::collections::BTreeSet;

use crate::mail::{
    Address, Arrival, AttachmentType, AuthenticationFacts, Direction, Domain, Kind, Level,
    MessageFacts, OpaqueReason, ReversePath, SecureTag, Spoof, Timestamp, TlsVersion,
};

use super::super::{
    canary::Canary,
    condition::{Condition, MarkingCondition, OpaqueCondition, Presence},
    mechanism::Mechanism,
    time_window::{self, TimeWindow, plain_moment},
};
use super::{NumberRange, representatives::candidates};

/// One thing that can be known of a copy. In the order in which diagrams ask:
/// what parts most rules from each other first.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::policy) enum Dimension {
    Direction,
    Sender,
    Recipient,
    Level,
    SecureTag,
    Arrival,
    Marking,
    Opaque(OpaqueReason),
    Kind(Kind),
    Size,
    Attachment(AttachmentType),
    VisibleRecipients,
    Moment,
    /// Whether the sender's authentication was looked at; before the verdicts.
    Authenticated,
    Verdict(Mechanism),
    Spoof(Spoof),
    /// Whether the sender is in the share of this rule.
    Share(String),
}

/// What a dimension can be.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::policy) enum Fact {
    Direction(Direction),
    Sender(ReversePath),
    Recipient(Address),
    Level(Level),
    SecureTag(SecureTag),
    /// With the version of TLS.
    Arrival(Arrival, Option<TlsVersion>),
    Marking(Option<String>),
    Opaque(OpaqueReason, Presence),
    Kind(Kind, usize),
    Size(usize),
    Attachment(AttachmentType, Presence),
    VisibleRecipients(usize),
    Moment(Timestamp),
    Authenticated(Presence),
    Verdict(Mechanism, String),
    Spoof(Spoof, Presence),
    /// A place in the queue for a rule. It follows from the sender, so that it
    /// changes nothing by itself.
    Share(u16),
}

/// A copy: what is known of the message, and whom it goes to.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::policy) struct Copy {
    pub(in crate::policy) message: MessageFacts,
    pub(in crate::policy) recipient: Address,
}

/// What policies tell facts apart by, other than in conditions.
#[derive(Debug, Default)]
pub(in crate::policy) struct Elsewhere<'a> {
    /// Those that have an entry, or are local.
    pub(in crate::policy) domains: BTreeSet<&'a Domain>,
    /// The shares of senders that rules are tried on, with the rules' names.
    pub(in crate::policy) shares: Vec<(&'a str, Canary)>,
}

/// How a condition's answer follows from its dimensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Shape {
    One(Dimension),
    /// It holds if it does for one of them, whatever the others are.
    AnyOf(Vec<Dimension>),
    /// It holds if it does for each of them.
    EachOf(Vec<Dimension>),
    /// It looks at both at once. The first is asked before the second.
    Both(Dimension, Dimension),
}

impl Shape {
    pub(in crate::policy) fn of(condition: &Condition) -> Self {
        let opaque = |reasons: &[OpaqueReason]| -> Vec<Dimension> {
            reasons.iter().copied().map(Dimension::Opaque).collect()
        };
        match condition {
            Condition::Direction(_) => Self::One(Dimension::Direction),
            Condition::Level(_) => Self::One(Dimension::Level),
            Condition::Clearance(_) => Self::Both(Dimension::Recipient, Dimension::Level),
            Condition::Destination(_)
            | Condition::DestinationClearance(_)
            | Condition::Retired(_)
            | Condition::RecipientDomain(_)
            | Condition::Recipient(_) => Self::One(Dimension::Recipient),
            Condition::SenderDomain(_) | Condition::Sender(_) | Condition::Organisation(_) => {
                Self::One(Dimension::Sender)
            }
            Condition::Kinds(kinds) => {
                Self::AnyOf(kinds.iter().copied().map(Dimension::Kind).collect())
            }
            Condition::KindCount(kind, _) => Self::One(Dimension::Kind(*kind)),
            Condition::Marking(_) => Self::One(Dimension::Marking),
            Condition::SecureTag(_) => Self::One(Dimension::SecureTag),
            Condition::Opaque(OpaqueCondition::AnyOf(reasons)) => Self::AnyOf(opaque(reasons)),
            Condition::Opaque(OpaqueCondition::Is(Presence::Present)) => {
                Self::AnyOf(opaque(&OPAQUE_REASONS))
            }
            Condition::Opaque(OpaqueCondition::Is(Presence::Absent)) => {
                Self::EachOf(opaque(&OPAQUE_REASONS))
            }
            Condition::Size(_) => Self::One(Dimension::Size),
            Condition::Authentication(mechanism, _) => {
                Self::Both(Dimension::Authenticated, Dimension::Verdict(*mechanism))
            }
            Condition::Spoof(signs) => {
                Self::AnyOf(signs.iter().copied().map(Dimension::Spoof).collect())
            }
            Condition::Arrival(_) | Condition::TlsVersion(_) => Self::One(Dimension::Arrival),
            Condition::AttachmentTypes(types) => {
                Self::AnyOf(types.iter().copied().map(Dimension::Attachment).collect())
            }
            Condition::VisibleRecipients(_) => Self::One(Dimension::VisibleRecipients),
            Condition::Time(_) => Self::One(Dimension::Moment),
        }
    }

    pub(in crate::policy) fn dimensions(&self) -> Vec<&Dimension> {
        match self {
            Self::One(dimension) => vec![dimension],
            Self::AnyOf(dimensions) | Self::EachOf(dimensions) => dimensions.iter().collect(),
            Self::Both(first, second) => vec![first, second],
        }
    }
}

impl Dimension {
    /// Values among which is one for every set of answers these conditions can
    /// give, the plainest first.
    pub(in crate::policy) fn candidates(
        &self,
        conditions: &[&Condition],
        elsewhere: &Elsewhere<'_>,
    ) -> Vec<Fact> {
        let presence = [Presence::Absent, Presence::Present];
        match self {
            // All there are.
            Self::Direction => {
                [Direction::Outbound, Direction::Inbound].map(Fact::Direction).into()
            }
            Self::Level => Level::ALL.map(Fact::Level).into(),
            Self::SecureTag => [SecureTag::Absent, SecureTag::Present].map(Fact::SecureTag).into(),
            Self::Arrival => {
                let tls = TlsVersion::ALL.iter().rev().map(|&it| (Arrival::Tls, Some(it)));
                tls.chain([(Arrival::Clear, None)]).map(|(a, it)| Fact::Arrival(a, it)).collect()
            }
            Self::Attachment(kind) => presence.map(|is| Fact::Attachment(*kind, is)).into(),
            Self::Opaque(reason) => presence.map(|is| Fact::Opaque(*reason, is)).into(),
            Self::Spoof(sign) => presence.map(|is| Fact::Spoof(*sign, is)).into(),
            Self::Authenticated => presence.map(Fact::Authenticated).into(),
            Self::Sender => senders(conditions),
            Self::Recipient => recipients(conditions, &elsewhere.domains),
            Self::Share(rule) => places(rule, &elsewhere.shares),
            Self::Marking => markings(conditions),
            Self::Kind(kind) => counts(conditions, *kind),
            Self::Size => sizes(conditions),
            Self::VisibleRecipients => visible_recipients(conditions),
            Self::Moment => moments(conditions),
            // Every word, and one that no rule can name.
            Self::Verdict(mechanism) => ["pass"]
                .iter()
                .chain(mechanism.words())
                .chain(&["another"])
                .map(|verdict| Fact::Verdict(*mechanism, (*verdict).to_owned()))
                .collect(),
        }
    }
}

impl Dimension {
    /// What a copy is in this dimension.
    pub(in crate::policy) fn of(&self, copy: &Copy) -> Fact {
        let message = &copy.message;
        let presence = |is| if is { Presence::Present } else { Presence::Absent };
        match self {
            Self::Direction => Fact::Direction(message.direction),
            Self::Sender => Fact::Sender(message.reverse_path.clone()),
            Self::Recipient => Fact::Recipient(copy.recipient.clone()),
            Self::Level => Fact::Level(message.level),
            Self::SecureTag => Fact::SecureTag(message.secure_tag),
            Self::Arrival => Fact::Arrival(message.arrival, message.tls_version),
            Self::Marking => Fact::Marking(message.marking.clone()),
            Self::Opaque(reason) => {
                Fact::Opaque(*reason, presence(message.opaque.contains(reason)))
            }
            Self::Kind(kind) => {
                Fact::Kind(*kind, message.kinds.get(kind).copied().unwrap_or_default())
            }
            Self::Size => Fact::Size(message.size),
            Self::Attachment(kind) => {
                let attached = message.attachment_types.iter().flatten().any(|it| it == kind);
                Fact::Attachment(*kind, presence(attached))
            }
            Self::VisibleRecipients => {
                Fact::VisibleRecipients(message.visible_recipients.unwrap_or_default())
            }
            Self::Moment => Fact::Moment(message.received_at.unwrap_or_else(plain_moment)),
            Self::Authenticated => Fact::Authenticated(presence(message.authentication.is_some())),
            Self::Verdict(mechanism) => {
                let verdict = message.authentication.as_ref().map(|facts| mechanism.verdict(facts));
                Fact::Verdict(*mechanism, verdict.unwrap_or("pass").to_owned())
            }
            Self::Spoof(sign) => Fact::Spoof(*sign, presence(message.spoof.contains(sign))),
            Self::Share(rule) => Fact::Share(Canary::place(rule, &message.reverse_path)),
        }
    }
}

impl Fact {
    /// A copy of which this is so too.
    pub(in crate::policy) fn put(&self, copy: &mut Copy) {
        let message = &mut copy.message;
        match self {
            Self::Direction(direction) => message.direction = *direction,
            Self::Sender(path) => message.reverse_path = path.clone(),
            Self::Recipient(recipient) => copy.recipient = recipient.clone(),
            Self::Level(level) => message.level = *level,
            Self::SecureTag(tag) => message.secure_tag = *tag,
            Self::Arrival(arrival, version) => {
                (message.arrival, message.tls_version) = (*arrival, *version);
            }
            Self::Marking(marking) => message.marking.clone_from(marking),
            Self::Opaque(reason, Presence::Present) => message.opaque.push(*reason),
            Self::Spoof(sign, Presence::Present) => message.spoof.push(*sign),
            Self::Kind(kind, count) if *count > 0 => drop(message.kinds.insert(*kind, *count)),
            Self::Size(size) => message.size = *size,
            Self::Attachment(kind, Presence::Present) => {
                message.attachment_types.get_or_insert_default().insert(*kind);
            }
            Self::VisibleRecipients(count) => message.visible_recipients = Some(*count),
            Self::Moment(moment) => message.received_at = Some(*moment),
            Self::Authenticated(Presence::Present) => {
                message.authentication = Some(all_passed());
            }
            Self::Verdict(mechanism, verdict) => {
                if let Some(facts) = &mut message.authentication {
                    mechanism.set(facts, verdict);
                }
            }
            Self::Opaque(..)
            | Self::Spoof(..)
            | Self::Attachment(..)
            | Self::Kind(..)
            | Self::Authenticated(Presence::Absent)
            | Self::Share(_) => {}
        }
    }
}

fn all_passed() -> AuthenticationFacts {
    let mut facts = AuthenticationFacts::default();
    for (_, mechanism) in Mechanism::ALL {
        mechanism.set(&mut facts, "pass");
    }
    facts
}

/// What policy says of a domain follows from which of the names written
/// anywhere it is, or else from the nearest one it stands below: each name and
/// a fresh name below each, and one below none, are all there are.
fn recipients(conditions: &[&Condition], named: &BTreeSet<&Domain>) -> Vec<Fact> {
    let mut names = named.clone();
    let mut addresses: Vec<&Address> = Vec::new();
    for condition in conditions {
        match condition {
            Condition::RecipientDomain(patterns) => {
                names.extend(patterns.iter().map(|pattern| pattern.domain()));
            }
            Condition::Recipient(named) => addresses.extend(named),
            _ => {}
        }
    }
    candidates(&names, &addresses).into_iter().map(Fact::Recipient).collect()
}

/// As with recipients, and nobody.
fn senders(conditions: &[&Condition]) -> Vec<Fact> {
    let mut names: BTreeSet<&Domain> = BTreeSet::new();
    let mut addresses: Vec<&Address> = Vec::new();
    for condition in conditions {
        match condition {
            Condition::SenderDomain(patterns) => {
                names.extend(patterns.iter().map(|pattern| pattern.domain()));
            }
            Condition::Organisation(named) => {
                let domains = named.iter().flat_map(|membership| &membership.domains);
                names.extend(domains.map(|pattern| pattern.domain()));
            }
            Condition::Sender(named) => addresses.extend(named),
            _ => {}
        }
    }
    let somebody = candidates(&names, &addresses).into_iter().map(ReversePath::Mailbox);
    somebody.chain([ReversePath::Null]).map(Fact::Sender).collect()
}

/// A marking answers as the longest of those named that it bears; one that
/// bears none is another.
fn markings(conditions: &[&Condition]) -> Vec<Fact> {
    let mut markings = vec![None, Some("ANOTHER MARKING".to_owned())];
    for condition in conditions {
        if let Condition::Marking(MarkingCondition::AnyOf(named)) = condition {
            markings.extend(named.iter().cloned().map(Some));
        }
    }
    markings.into_iter().map(Fact::Marking).collect()
}

/// The last place, which no share has, and where each share begins and ends.
fn places(rule: &str, shares: &[(&str, Canary)]) -> Vec<Fact> {
    let own = shares.iter().filter(|(name, _)| *name == rule);
    let edges = own.flat_map(|(_, canary)| canary.edges());
    [u16::MAX].into_iter().chain(edges).map(Fact::Share).collect()
}

/// None, one, and the numbers at which an answer changes.
fn counts(conditions: &[&Condition], kind: Kind) -> Vec<Fact> {
    let ranges = conditions.iter().filter_map(|condition| match condition {
        Condition::KindCount(counted, range) if *counted == kind => Some(*range),
        _ => None,
    });
    let counts: BTreeSet<u64> = [0, 1].into_iter().chain(ranges.flat_map(edges)).collect();
    let counts = counts.into_iter().filter_map(|count| usize::try_from(count).ok());
    counts.map(|count| Fact::Kind(kind, count)).collect()
}

/// An ordinary one, and the numbers at which an answer changes.
fn sizes(conditions: &[&Condition]) -> Vec<Fact> {
    let ranges = conditions.iter().filter_map(|condition| match condition {
        Condition::Size(range) => Some(*range),
        _ => None,
    });
    let sizes = ranges.flat_map(edges).filter_map(|size| usize::try_from(size).ok());
    [super::ORDINARY_SIZE].into_iter().chain(sizes).map(Fact::Size).collect()
}

fn visible_recipients(conditions: &[&Condition]) -> Vec<Fact> {
    let ranges = conditions.iter().filter_map(|condition| match condition {
        Condition::VisibleRecipients(range) => Some(*range),
        _ => None,
    });
    let counts = ranges.flat_map(edges).filter_map(|count| usize::try_from(count).ok());
    [0].into_iter().chain(counts).map(Fact::VisibleRecipients).collect()
}

/// Every moment at which an answer can change (`time_window`).
fn moments(conditions: &[&Condition]) -> Vec<Fact> {
    let windows = conditions.iter().filter_map(|condition| match condition {
        Condition::Time(windows) => Some(windows),
        _ => None,
    });
    let windows: Vec<&TimeWindow> = windows.flatten().collect();
    let edges = time_window::edges(&windows);
    [plain_moment()].into_iter().chain(edges).map(Fact::Moment).collect()
}

/// The numbers at which being in the range changes.
fn edges(range: NumberRange) -> impl Iterator<Item = u64> {
    let (least, most) = range.bounds();
    [least.saturating_sub(1), least, most, most.saturating_add(1)].into_iter()
}

/// All there are.
const OPAQUE_REASONS: [OpaqueReason; 5] = [
    OpaqueReason::Encrypted,
    OpaqueReason::Unreadable,
    OpaqueReason::Damaged,
    OpaqueReason::OverLimit,
    OpaqueReason::Picture,
];
