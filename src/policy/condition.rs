//! Conditions over facts: what stands in `when`, and whether it holds.
//!
//! An answer has three values (law 3). *Unknown* means that the fact asked for
//! was never worked out, or that working it out failed for the time being: the
//! sender of an outbound message is not authenticated, a DNS answer timed out.
//! Whoever asks decides what that means: a rule takes it for a match, an
//! exemption does not. What is known to be absent is not unknown: the null
//! reverse-path is of no domain, a message without marking has no marking.
//! An opaque part is a fact of its own, with conditions of its own; it does
//! not make the level unknown, or every logo would.

use crate::mail::{
    Address, Arrival, AttachmentType, DestinationClass, Direction, Domain, Facts, Kind,
    MessageFacts, OpaqueReason, ReversePath, SecureTag, Spoof, TlsVersion,
};

use super::{
    domains::Destination, mechanism::Mechanism, pattern::DomainPattern, range::NumberRange,
    time_window::TimeWindow,
};

/// All of these, at once; none at all holds for every message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions(Vec<Condition>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Truth {
    False,
    Unknown,
    True,
}

/// What conditions are asked about: the facts of one copy, and what policy
/// knows of where it goes.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub message: &'a MessageFacts,
    pub recipient: &'a Address,
    pub destination: Destination<'a>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    Direction(Direction),
    Level(NumberRange),
    Clearance(ClearanceCondition),
    /// Of the destination, whatever the level.
    DestinationClearance(NumberRange),
    Destination(Vec<DestinationClass>),
    Retired(Presence),
    RecipientDomain(Vec<DomainPattern>),
    Recipient(Vec<Address>),
    SenderDomain(Vec<DomainPattern>),
    Sender(Vec<Address>),
    /// The sender is of one of these organisations.
    Organisation(Vec<Membership>),
    /// Any of these was found.
    Kinds(Vec<Kind>),
    /// So many distinct ones of this kind were found.
    KindCount(Kind, NumberRange),
    Marking(MarkingCondition),
    SecureTag(SecureTag),
    Opaque(OpaqueCondition),
    Size(NumberRange),
    /// One mechanism came to any of these verdicts.
    Authentication(Mechanism, Vec<String>),
    /// Any of these signs of a spoofed author.
    Spoof(Vec<Spoof>),
    Arrival(Arrival),
    /// It came in under TLS of one of these versions.
    TlsVersion(Vec<TlsVersion>),
    /// Something of any of these is attached.
    AttachmentTypes(Vec<AttachmentType>),
    /// So many addresses that are not ours can be seen by all recipients.
    VisibleRecipients(NumberRange),
    /// It came within any of these.
    Time(Vec<TimeWindow>),
}

/// An organisation, and the domains that make a sender one of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    pub ods: String,
    pub domains: Vec<DomainPattern>,
}

/// The level of the message beside the clearance of its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClearanceCondition {
    Above,
    Within,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Present,
    Absent,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkingCondition {
    Is(Presence),
    /// Any of these, with or without a descriptor after it:
    /// `OFFICIAL-SENSITIVE` also means `OFFICIAL-SENSITIVE: PERSONAL`.
    AnyOf(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpaqueCondition {
    /// Some part could not be read, for whatever reason.
    Is(Presence),
    AnyOf(Vec<OpaqueReason>),
}

impl Conditions {
    pub fn new(conditions: Vec<Condition>) -> Self {
        Self(conditions)
    }

    /// False as soon as one is; else unknown if one is; else true.
    pub fn truth(&self, asked: &Asked<'_>) -> Truth {
        let mut truth = Truth::True;
        for condition in &self.0 {
            truth = truth.min(condition.truth(asked));
            if truth == Truth::False {
                break;
            }
        }
        truth
    }

    pub fn iter(&self) -> impl Iterator<Item = &Condition> {
        self.0.iter()
    }

    /// How many there are: the more, the more specific.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> Asked<'a> {
    pub fn new(facts: Facts<'a>, destination: Destination<'a>) -> Self {
        Self { message: facts.message, recipient: facts.recipient, destination }
    }
}

impl Condition {
    pub fn truth(&self, asked: &Asked<'_>) -> Truth {
        let message = asked.message;
        let holds = match self {
            Self::Direction(direction) => message.direction == *direction,
            Self::Level(range) => range.contains(u64::from(message.level.number())),
            Self::Clearance(condition) => {
                (message.level > asked.destination.clearance)
                    == (*condition == ClearanceCondition::Above)
            }
            Self::DestinationClearance(range) => {
                range.contains(u64::from(asked.destination.clearance.number()))
            }
            Self::Destination(classes) => classes.contains(&asked.destination.class),
            Self::Retired(presence) => presence.is(asked.destination.is_retired()),
            Self::RecipientDomain(patterns) => any_matches(patterns, asked.recipient.domain()),
            Self::Recipient(addresses) => any_is(addresses, asked.recipient),
            Self::SenderDomain(patterns) => {
                message.reverse_path.domain().is_some_and(|domain| any_matches(patterns, domain))
            }
            Self::Sender(addresses) => match &message.reverse_path {
                ReversePath::Null | ReversePath::Unanswerable(_) => false,
                ReversePath::Mailbox(sender) => any_is(addresses, sender),
            },
            Self::Organisation(named) => message.reverse_path.domain().is_some_and(|domain| {
                named.iter().any(|membership| any_matches(&membership.domains, domain))
            }),
            Self::Kinds(kinds) => kinds.iter().any(|kind| count(message, *kind) > 0),
            Self::KindCount(kind, range) => range.contains(count(message, *kind)),
            Self::Marking(condition) => condition.holds(message.marking.as_deref()),
            Self::SecureTag(tag) => message.secure_tag == *tag,
            Self::Opaque(condition) => condition.holds(&message.opaque),
            Self::Size(range) => range.contains(u64::try_from(message.size).unwrap_or(u64::MAX)),
            Self::Authentication(mechanism, verdicts) => {
                return mechanism.truth(message.authentication.as_ref(), verdicts);
            }
            Self::Spoof(signs) => signs.iter().any(|sign| message.spoof.contains(sign)),
            Self::Arrival(arrival) => message.arrival == *arrival,
            Self::TlsVersion(_) if message.arrival == Arrival::Clear => false,
            Self::TlsVersion(versions) => {
                return Truth::of(message.tls_version, |version| versions.contains(version));
            }
            Self::AttachmentTypes(named) => {
                return Truth::of(message.attachment_types.as_ref(), |attached| {
                    named.iter().any(|one| attached.contains(one))
                });
            }
            Self::VisibleRecipients(range) => {
                return Truth::of(message.visible_recipients, |&seen| {
                    range.contains(u64::try_from(seen).unwrap_or(u64::MAX))
                });
            }
            Self::Time(windows) => {
                return Truth::of(message.received_at, |&moment| {
                    windows.iter().any(|window| window.contains(moment))
                });
            }
        };
        Truth::from(holds)
    }
}

impl Truth {
    /// Unknown where the fact is.
    fn of<T>(fact: Option<T>, holds: impl FnOnce(&T) -> bool) -> Self {
        fact.map_or(Self::Unknown, |fact| holds(&fact).into())
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

fn any_matches(patterns: &[DomainPattern], domain: &Domain) -> bool {
    patterns.iter().any(|pattern| pattern.matches(domain))
}

/// Local parts are compared without case: hardly a server tells `A` from `a`,
/// and a rule must not be got round by a capital.
fn any_is(addresses: &[Address], address: &Address) -> bool {
    addresses.iter().any(|named| {
        named.domain() == address.domain()
            && named.local_part().eq_ignore_ascii_case(address.local_part())
    })
}

fn count(message: &MessageFacts, kind: Kind) -> u64 {
    message.kinds.get(&kind).map_or(0, |&count| u64::try_from(count).unwrap_or(u64::MAX))
}

impl Presence {
    fn is(self, present: bool) -> bool {
        present == (self == Self::Present)
    }
}

impl MarkingCondition {
    fn holds(&self, marking: Option<&str>) -> bool {
        match self {
            Self::Is(presence) => presence.is(marking.is_some()),
            Self::AnyOf(named) => {
                marking.is_some_and(|marking| named.iter().any(|named| bears(marking, named)))
            }
        }
    }
}

/// Whether a marking is the named one, perhaps with a descriptor after it.
fn bears(marking: &str, named: &str) -> bool {
    let (Some(head), Some(tail)) = (marking.get(..named.len()), marking.get(named.len()..)) else {
        return false;
    };
    // OFFICIAL must not mean OFFICIAL-SENSITIVE: the hyphen goes on the word.
    head.eq_ignore_ascii_case(named)
        && !tail.starts_with(|next: char| next.is_alphanumeric() || next == '-')
}

impl OpaqueCondition {
    fn holds(&self, opaque: &[OpaqueReason]) -> bool {
        match self {
            Self::Is(presence) => presence.is(!opaque.is_empty()),
            Self::AnyOf(reasons) => opaque.iter().any(|reason| reasons.contains(reason)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marking_includes_its_descriptors_and_no_longer_word() {
        let sensitive = MarkingCondition::AnyOf(vec!["OFFICIAL-SENSITIVE".to_owned()]);
        let official = MarkingCondition::AnyOf(vec!["OFFICIAL".to_owned()]);
        assert!(sensitive.holds(Some("OFFICIAL-SENSITIVE: PERSONAL")));
        assert!(sensitive.holds(Some("official-sensitive")));
        assert!(!official.holds(Some("OFFICIAL-SENSITIVE")));
        assert!(!sensitive.holds(Some("OFFICIAL")));
        assert!(!sensitive.holds(None));
        assert!(!sensitive.holds(Some("é")));
    }

    #[test]
    fn addresses_are_not_told_apart_by_case() {
        let named: Address = "Ward.7@trust.example".parse().unwrap();
        assert!(any_is(&[named], &"ward.7@trust.example".parse().unwrap()));
    }
}
