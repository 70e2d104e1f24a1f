//! The representatives of each dimension of facts, for `space`.
//!
//! Each list starts with the plainest candidate and is complete for the
//! conditions asked; why is said at each.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::mail::{
    Address, Arrival, AttachmentType, AuthenticationFacts, DestinationClass, Direction, Domain,
    Facts, Kind, Level, MessageFacts, OpaqueReason, ReversePath, SecureTag, Spoof, Timestamp,
    TlsRequirement, TlsVersion,
};

use super::{
    Policy,
    condition::{Asked, Condition, Conditions, MarkingCondition, Truth},
    mechanism::Mechanism,
    range::NumberRange,
    space::Space,
    time_window::{self, TimeWindow, plain_moment},
};

/// Makes the representatives: candidates, less those the invariant does not
/// speak of, less those that answer every condition as one before does.
pub(super) struct Builder<'a> {
    pub(super) policy: &'a Policy,
    pub(super) conditions: &'a [&'a Condition],
    pub(super) within: &'a Conditions,
}

impl Builder<'_> {
    pub(super) fn build(&self) -> Space {
        let plain = plain_message;
        Space {
            directions: self.distinct(
                vec![Direction::Outbound, Direction::Inbound],
                |condition| matches!(condition, Condition::Direction(_)),
                |&direction| MessageFacts { direction, ..plain() },
            ),
            levels: self.levels(),
            recipients: self.recipients(),
            senders: self.senders(),
            kinds: self.kinds(),
            markings: self.markings(),
            secure_tags: self.distinct(
                vec![SecureTag::Absent, SecureTag::Present],
                |condition| matches!(condition, Condition::SecureTag(_)),
                |&secure_tag| MessageFacts { secure_tag, ..plain() },
            ),
            opaque: self.distinct(
                subsets_of_opaque(),
                |condition| matches!(condition, Condition::Opaque(_)),
                |opaque| MessageFacts { opaque: opaque.clone(), ..plain() },
            ),
            sizes: self.distinct(
                self.sizes(),
                |condition| matches!(condition, Condition::Size(_)),
                |&size| MessageFacts { size, ..plain() },
            ),
            authentications: self.authentications(),
            spoofs: self.spoofs(),
            arrivals: self.distinct(
                vec![
                    (Arrival::Tls, Some(TlsVersion::Tls13)),
                    (Arrival::Tls, Some(TlsVersion::Tls12)),
                    (Arrival::Clear, None),
                ],
                |condition| matches!(condition, Condition::Arrival(_) | Condition::TlsVersion(_)),
                |&(arrival, tls_version)| MessageFacts { arrival, tls_version, ..plain() },
            ),
            attachments: self.attachments(),
            visible: self.visible(),
            moments: self.moments(),
        }
    }

    /// The first candidate of each set of answers, among those the invariant
    /// speaks of.
    fn distinct<T>(
        &self,
        candidates: Vec<T>,
        concerns: impl Fn(&Condition) -> bool,
        message: impl Fn(&T) -> MessageFacts,
    ) -> Vec<T> {
        let Some(recipient) = any_recipient() else { return candidates };
        let ask = |condition: &Condition, facts: &MessageFacts| {
            truth(self.policy, condition, facts, &recipient)
        };
        let mut seen: HashSet<Vec<Truth>> = HashSet::new();
        candidates
            .into_iter()
            .filter(|candidate| {
                let facts = message(candidate);
                let spoken_of = self
                    .within
                    .iter()
                    .filter(|condition| concerns(condition))
                    .all(|condition| ask(condition, &facts) != Truth::False);
                let concerned = self.conditions.iter().filter(|condition| concerns(condition));
                spoken_of
                    && seen.insert(concerned.map(|condition| ask(condition, &facts)).collect())
            })
            .collect()
    }

    /// All five: clearance is compared with each.
    fn levels(&self) -> Vec<Level> {
        let ranges = self.within.iter().filter_map(|condition| match condition {
            Condition::Level(range) => Some(*range),
            _ => None,
        });
        let ranges: Vec<NumberRange> = ranges.collect();
        Level::ALL
            .into_iter()
            .filter(|level| ranges.iter().all(|range| range.contains(level.number().into())))
            .collect()
    }

    /// What policy says of a domain follows from which of the names written
    /// anywhere it is, or else from the nearest one it stands below: each name
    /// and a fresh name below each, and one below none, are all there are.
    fn recipients(&self) -> Vec<Address> {
        let plain = plain_message();
        let mut names: BTreeSet<&Domain> =
            self.policy.domains().iter().map(|entry| entry.name.domain()).collect();
        names.extend(self.policy.domains().local_domains());
        let mut addresses: Vec<&Address> = Vec::new();
        for condition in self.conditions {
            match condition {
                Condition::RecipientDomain(patterns) => {
                    names.extend(patterns.iter().map(|pattern| pattern.domain()));
                }
                Condition::Recipient(named) => addresses.extend(named),
                _ => {}
            }
        }
        let concerns = |condition: &Condition| {
            matches!(
                condition,
                Condition::Destination(_)
                    | Condition::DestinationClearance(_)
                    | Condition::Retired(_)
                    | Condition::RecipientDomain(_)
                    | Condition::Recipient(_)
            )
        };
        let asked: Vec<&Condition> =
            self.conditions.iter().copied().filter(|condition| concerns(condition)).collect();
        let mut seen: HashSet<(DestinationClass, Level, TlsRequirement, Vec<Truth>)> =
            HashSet::new();
        candidates(&names, &addresses)
            .into_iter()
            .filter(|recipient| {
                let ask = |condition: &Condition| truth(self.policy, condition, &plain, recipient);
                let spoken_of = self
                    .within
                    .iter()
                    .filter(|condition| concerns(condition))
                    .all(|condition| ask(condition) != Truth::False);
                let place = self.policy.destination(recipient.domain());
                let answers = asked.iter().map(|condition| ask(condition)).collect();
                let tls = place.protection().tls;
                spoken_of && seen.insert((place.class, place.clearance, tls, answers))
            })
            .collect()
    }

    /// As with recipients, and nobody.
    fn senders(&self) -> Vec<ReversePath> {
        let mut names: BTreeSet<&Domain> = BTreeSet::new();
        let mut addresses: Vec<&Address> = Vec::new();
        for condition in self.conditions {
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
        let mut paths: Vec<ReversePath> =
            candidates(&names, &addresses).into_iter().map(ReversePath::Mailbox).collect();
        paths.push(ReversePath::Null);
        self.distinct(
            paths,
            |condition| {
                matches!(
                    condition,
                    Condition::SenderDomain(_) | Condition::Sender(_) | Condition::Organisation(_)
                )
            },
            |path| MessageFacts { reverse_path: path.clone(), ..plain_message() },
        )
    }

    /// Kind by kind, each with the counts at which an answer changes. Dropping
    /// what answers alike after each kind loses nothing: an answer about
    /// several kinds only grows from what was found of the ones before.
    fn kinds(&self) -> Vec<BTreeMap<Kind, usize>> {
        let mut counts: BTreeMap<Kind, BTreeSet<u64>> = BTreeMap::new();
        for condition in self.conditions {
            match condition {
                Condition::Kinds(kinds) => {
                    for kind in kinds {
                        counts.entry(*kind).or_default().insert(1);
                    }
                }
                Condition::KindCount(kind, range) => {
                    counts.entry(*kind).or_default().extend(edges(*range));
                }
                _ => {}
            }
        }
        let concerns = |condition: &Condition| {
            matches!(condition, Condition::Kinds(_) | Condition::KindCount(..))
        };
        let facts = |kinds: &BTreeMap<Kind, usize>| MessageFacts {
            kinds: kinds.clone(),
            ..plain_message()
        };
        // Only the whole list may be held against what the invariant speaks of.
        let unbounded = Conditions::default();
        let widened = Builder { within: &unbounded, ..*self };
        let mut found = vec![BTreeMap::new()];
        for (kind, counts) in counts {
            let mut more = found.clone();
            for before in &found {
                for count in counts.iter().filter_map(|&count| usize::try_from(count).ok()) {
                    let mut kinds = before.clone();
                    if count > 0 {
                        kinds.insert(kind, count);
                    }
                    more.push(kinds);
                }
            }
            found = widened.distinct(more, concerns, facts);
        }
        self.distinct(found, concerns, facts)
    }

    /// A marking answers as the longest of those named that it bears; one
    /// that bears none is another.
    fn markings(&self) -> Vec<Option<String>> {
        let mut markings = vec![None, Some("ANOTHER MARKING".to_owned())];
        for condition in self.conditions {
            if let Condition::Marking(MarkingCondition::AnyOf(named)) = condition {
                markings.extend(named.iter().cloned().map(Some));
            }
        }
        self.distinct(
            markings,
            |condition| matches!(condition, Condition::Marking(_)),
            |marking| MessageFacts { marking: marking.clone(), ..plain_message() },
        )
    }

    fn sizes(&self) -> Vec<usize> {
        let mut sizes = vec![ORDINARY_SIZE];
        for condition in self.conditions {
            if let Condition::Size(range) = condition {
                sizes.extend(edges(*range).filter_map(|size| usize::try_from(size).ok()));
            }
        }
        sizes
    }

    /// Sign by sign, as with kinds.
    fn spoofs(&self) -> Vec<Vec<Spoof>> {
        let concerns = |condition: &Condition| matches!(condition, Condition::Spoof(_));
        let facts = |spoof: &Vec<Spoof>| MessageFacts { spoof: spoof.clone(), ..plain_message() };
        let unbounded = Conditions::default();
        let widened = Builder { within: &unbounded, ..*self };
        let mut found: Vec<Vec<Spoof>> = vec![Vec::new()];
        for sign in Spoof::ALL {
            let with = found.iter().map(|before| [before.as_slice(), &[sign]].concat());
            let more = found.iter().cloned().chain(with).collect();
            found = widened.distinct(more, concerns, facts);
        }
        self.distinct(found, concerns, facts)
    }

    /// Type by type, as with kinds.
    fn attachments(&self) -> Vec<BTreeSet<AttachmentType>> {
        let concerns = |condition: &Condition| matches!(condition, Condition::AttachmentTypes(_));
        let facts = |attached: &BTreeSet<AttachmentType>| MessageFacts {
            attachment_types: Some(attached.clone()),
            ..plain_message()
        };
        let unbounded = Conditions::default();
        let widened = Builder { within: &unbounded, ..*self };
        let mut found: Vec<BTreeSet<AttachmentType>> = vec![BTreeSet::new()];
        for one in AttachmentType::ALL {
            let with = found.iter().map(|before| before.iter().copied().chain([one]).collect());
            let more = found.iter().cloned().chain(with).collect();
            found = widened.distinct(more, concerns, facts);
        }
        self.distinct(found, concerns, facts)
    }

    fn visible(&self) -> Vec<usize> {
        let mut counts = vec![0];
        for condition in self.conditions {
            if let Condition::VisibleRecipients(range) = condition {
                counts.extend(edges(*range).filter_map(|count| usize::try_from(count).ok()));
            }
        }
        self.distinct(
            counts,
            |condition| matches!(condition, Condition::VisibleRecipients(_)),
            |&count| MessageFacts { visible_recipients: Some(count), ..plain_message() },
        )
    }

    /// Every moment at which an answer can change (`time_window`).
    fn moments(&self) -> Vec<Timestamp> {
        let windows = self.conditions.iter().filter_map(|condition| match condition {
            Condition::Time(windows) => Some(windows),
            _ => None,
        });
        let windows: Vec<&TimeWindow> = windows.flatten().collect();
        let moments = [plain_moment()].into_iter().chain(time_window::edges(&windows)).collect();
        self.distinct(
            moments,
            |condition| matches!(condition, Condition::Time(_)),
            |&moment| MessageFacts { received_at: Some(moment), ..plain_message() },
        )
    }

    /// None at all, and for each mechanism every verdict that answers in its
    /// own way.
    fn authentications(&self) -> Vec<Option<AuthenticationFacts>> {
        let concerns = |condition: &Condition| matches!(condition, Condition::Authentication(..));
        let facts = |authentication: &Option<AuthenticationFacts>| MessageFacts {
            authentication: authentication.clone(),
            ..plain_message()
        };
        let unbounded = Conditions::default();
        let widened = Builder { within: &unbounded, ..*self };
        let mut passing = AuthenticationFacts::default();
        for (_, mechanism) in Mechanism::ALL {
            mechanism.set(&mut passing, "pass");
        }
        let mut found = vec![Some(passing)];
        for (_, mechanism) in Mechanism::ALL {
            let mut more = found.clone();
            for before in found.iter().flatten() {
                for &verdict in mechanism.words().iter().chain(&["another"]) {
                    let mut after = before.clone();
                    mechanism.set(&mut after, verdict);
                    more.push(Some(after));
                }
            }
            found = widened.distinct(more, concerns, facts);
        }
        found.insert(0, None);
        self.distinct(found, concerns, facts)
    }
}

/// Somebody at each name and below it, somebody elsewhere, and those named.
fn candidates(names: &BTreeSet<&Domain>, addresses: &[&Address]) -> Vec<Address> {
    let named: BTreeSet<&Domain> =
        names.iter().copied().chain(addresses.iter().map(|address| address.domain())).collect();
    let fresh_label = fresh("any", |label| {
        named.iter().any(|name| name.as_str().split('.').any(|part| part == label))
    });
    let local_part = fresh("someone", |local| {
        addresses.iter().any(|address| address.local_part().eq_ignore_ascii_case(local))
    });
    let elsewhere = std::iter::once(format!("{fresh_label}.example"));
    let at = named.iter().map(|name| name.to_string());
    let below = named.iter().map(|name| format!("{fresh_label}.{name}"));
    let domains = elsewhere.chain(at).chain(below).filter_map(|domain| domain.parse().ok());
    domains
        .filter_map(|domain: Domain| Address::new(&local_part, domain).ok())
        .chain(addresses.iter().map(|&address| address.clone()))
        .collect()
}

/// A word that is not taken.
fn fresh(word: &str, taken: impl Fn(&str) -> bool) -> String {
    let numbered = (1..).map(|number: u32| format!("{word}{number}"));
    let mut words = std::iter::once(word.to_owned()).chain(numbered);
    words.find(|word| !taken(word)).unwrap_or_default()
}

/// The numbers at which being in the range changes.
fn edges(range: NumberRange) -> impl Iterator<Item = u64> {
    let (least, most) = range.bounds();
    [least.saturating_sub(1), least, most, most.saturating_add(1)].into_iter()
}

fn subsets_of_opaque() -> Vec<Vec<OpaqueReason>> {
    let reasons = [
        OpaqueReason::Encrypted,
        OpaqueReason::Unreadable,
        OpaqueReason::Damaged,
        OpaqueReason::OverLimit,
        OpaqueReason::Picture,
    ];
    let mut subsets: Vec<Vec<OpaqueReason>> = vec![Vec::new()];
    for reason in reasons {
        let with = subsets.iter().map(|subset| [subset.as_slice(), &[reason]].concat());
        let with: Vec<_> = with.collect();
        subsets.extend(with);
    }
    subsets
}

fn any_recipient() -> Option<Address> {
    "someone@any.example".parse().ok()
}

pub(super) fn truth(
    policy: &Policy,
    condition: &Condition,
    message: &MessageFacts,
    recipient: &Address,
) -> Truth {
    let destination = policy.destination(recipient.domain());
    condition.truth(&Asked::new(Facts { message, recipient }, destination))
}

/// A message of which there is nothing to say.
pub(super) fn plain_message() -> MessageFacts {
    MessageFacts {
        direction: Direction::Outbound,
        reverse_path: ReversePath::Null,
        level: Level::NOTHING_PERSONAL,
        kinds: BTreeMap::new(),
        marking: None,
        secure_tag: SecureTag::Absent,
        opaque: Vec::new(),
        authentication: None,
        spoof: Vec::new(),
        arrival: Arrival::Tls,
        tls_version: Some(TlsVersion::Tls13),
        size: ORDINARY_SIZE,
        attachment_types: Some(BTreeSet::new()),
        visible_recipients: Some(0),
        received_at: Some(plain_moment()),
    }
}

/// Octets of a message of which nobody would say that it is large.
const ORDINARY_SIZE: usize = 4096;
