//! A scope in words: `Outbound messages of level 2 and above to the open
//! internet with an encrypted part`.

use crate::mail::{Arrival, Direction, SecureTag, TlsVersion};

use super::{
    super::super::condition::{Condition, MarkingCondition, Presence},
    super::{
        dimension::{Dimension, Fact, Shape},
        picture::part,
        space::Space,
    },
    change::list,
    cover::Scope,
    places::Vocabulary,
};

/// What a scope is about. What officers have a word for is said in that word.
pub(super) fn phrase(space: &Space<'_>, vocabulary: &Vocabulary<'_>, scope: &Scope) -> String {
    let mut head = "Messages".to_owned();
    let (mut level, mut from, mut to, mut rest) =
        (String::new(), String::new(), String::new(), Vec::new());
    for (place, values) in scope.values.iter().enumerate() {
        let Some((dimension, facts)) = space.dimensions().get(place) else { continue };
        if !values.contains(&false) {
            continue;
        }
        let chosen: Vec<&Fact> = chosen(facts, values);
        match dimension {
            Dimension::Direction => head = directions(&chosen),
            Dimension::Level => level = format!(" of level {}", levels(&chosen)),
            Dimension::Sender => {
                from = format!(" from {}", vocabulary.senders(values));
            }
            Dimension::Recipient => {
                to = format!(" to {}", vocabulary.recipients(values));
            }
            other => rest.push(one_fact(space, vocabulary, other, (facts, values))),
        }
    }
    if scope.above_clearance {
        level.push_str(" above the clearance of where they go");
    }
    if !scope.any_of.is_empty() {
        let any = scope.any_of.iter().filter_map(|(place, values)| {
            let (dimension, facts) = space.dimensions().get(*place)?;
            Some(one_fact(space, vocabulary, dimension, (facts, values)))
        });
        rest.push(list(any));
    }
    let rest = if rest.is_empty() { String::new() } else { format!(" {}", rest.join(", ")) };
    format!("{head}{level}{from}{to}{rest}")
}

fn chosen<'f>(facts: &'f [Fact], values: &[bool]) -> Vec<&'f Fact> {
    facts.iter().zip(values).filter(|(_, inside)| **inside).map(|(fact, _)| fact).collect()
}

fn directions(chosen: &[&Fact]) -> String {
    match chosen {
        [Fact::Direction(Direction::Inbound)] => "Inbound messages".to_owned(),
        [Fact::Direction(Direction::Outbound)] => "Outbound messages".to_owned(),
        _ => "Messages".to_owned(),
    }
}

/// `3`, `2 and above`, `0 to 2`, `1 or 3`.
fn levels(chosen: &[&Fact]) -> String {
    let numbers: Vec<u8> = chosen
        .iter()
        .filter_map(|fact| match fact {
            Fact::Level(level) => Some(level.number()),
            _ => None,
        })
        .collect();
    match numbers.as_slice() {
        [only] => only.to_string(),
        [first, .., last] if usize::from(last - first) + 1 == numbers.len() => match last {
            4 => format!("{first} and above"),
            _ => format!("{first} to {last}"),
        },
        _ => list(numbers.iter().map(u8::to_string)),
    }
}

/// What is said of any other dimension.
fn one_fact(
    space: &Space<'_>,
    vocabulary: &Vocabulary<'_>,
    dimension: &Dimension,
    (facts, values): (&[Fact], &[bool]),
) -> String {
    let chosen = chosen(facts, values);
    match (dimension, chosen.as_slice()) {
        (Dimension::SecureTag, [Fact::SecureTag(SecureTag::Present)]) => {
            "with [secure] in the subject".to_owned()
        }
        (Dimension::SecureTag, _) => "without [secure] in the subject".to_owned(),
        (Dimension::Arrival, arrivals) => arrived(arrivals),
        (Dimension::Attachment(kind), [Fact::Attachment(_, Presence::Present)]) => {
            format!("with an attachment of type {}", kind.name())
        }
        (Dimension::Attachment(kind), _) => {
            format!("without an attachment of type {}", kind.name())
        }
        (Dimension::Opaque(reason), [Fact::Opaque(_, Presence::Present)]) => {
            format!("with {}", part(*reason))
        }
        (Dimension::Opaque(reason), _) => format!("without {}", part(*reason)),
        (Dimension::Spoof(sign), [Fact::Spoof(_, Presence::Present)]) => {
            format!("with the sign `{}`", sign.name())
        }
        (Dimension::Spoof(sign), _) => format!("without the sign `{}`", sign.name()),
        (Dimension::Kind(kind), [Fact::Kind(_, 0)]) => format!("without {kind}"),
        (Dimension::Kind(kind), _)
            if values.iter().filter(|inside| !**inside).count() == 1
                && values.first() == Some(&false) =>
        {
            format!("with {kind}")
        }
        (Dimension::Authenticated, [Fact::Authenticated(Presence::Present)]) => {
            "whose sender was checked".to_owned()
        }
        (Dimension::Authenticated, _) => "whose sender was not checked".to_owned(),
        (Dimension::Verdict(mechanism), verdicts) => {
            let words = verdicts.iter().map(|fact| match fact {
                Fact::Verdict(_, verdict) => verdict.clone(),
                _ => String::new(),
            });
            format!("whose {} comes to {}", mechanism.key(), list(words))
        }
        (Dimension::Share(rule), _) => {
            let within = chosen.iter().all(|fact| !matches!(fact, Fact::Share(u16::MAX)));
            let side = if within { "among" } else { "not among" };
            format!("whose sender is {side} those on whom `{rule}` is tried")
        }
        _ => as_written(space, vocabulary, dimension, values)
            .unwrap_or_else(|| list(chosen.iter().map(|fact| value(fact)))),
    }
}

/// In the clear, under some versions of TLS, or under whichever.
fn arrived(arrivals: &[&Fact]) -> String {
    let under = |fact: &&Fact| match fact {
        Fact::Arrival(Arrival::Tls, version) => *version,
        _ => None,
    };
    let versions: Vec<TlsVersion> = arrivals.iter().filter_map(under).collect();
    let mut ways: Vec<String> = match versions.len() == TlsVersion::ALL.len() {
        true => vec!["under TLS".to_owned()],
        false => versions.iter().map(|version| format!("under TLS {}", version.name())).collect(),
    };
    if arrivals.iter().any(|fact| matches!(fact, Fact::Arrival(Arrival::Clear, _))) {
        ways.push("without TLS".to_owned());
    }
    format!("handed over {}", list(ways.into_iter()))
}

/// In the words of a condition that says just this, or just the contrary.
fn as_written(
    space: &Space<'_>,
    vocabulary: &Vocabulary<'_>,
    dimension: &Dimension,
    values: &[bool],
) -> Option<String> {
    let own =
        vocabulary.conditions.iter().filter(|one| Shape::of(one) == Shape::One(dimension.clone()));
    own.into_iter().find_map(|condition| {
        let holds = space.holds(condition, dimension);
        let contrary = holds.iter().zip(values).all(|(one, other)| one != other);
        let words = words(condition)?;
        match (holds == values, contrary) {
            (true, _) => Some(words),
            (_, true) => Some(format!("not {words}")),
            _ => None,
        }
    })
}

fn words(condition: &Condition) -> Option<String> {
    Some(match condition {
        Condition::Marking(MarkingCondition::Is(Presence::Present)) => {
            "bearing a marking".to_owned()
        }
        Condition::Marking(MarkingCondition::Is(Presence::Absent)) => {
            "without a marking".to_owned()
        }
        Condition::Marking(MarkingCondition::AnyOf(named)) => {
            format!("marked {}", list(named.iter().cloned()))
        }
        Condition::Size(range) => match range.bounds() {
            (0, most) => format!("of {} at most", octets(most)),
            (least, u64::MAX) => format!("larger than {}", octets(least - 1)),
            (least, most) => format!("of {} to {}", octets(least), octets(most)),
        },
        Condition::KindCount(kind, range) => format!("with {range} of {kind}"),
        Condition::VisibleRecipients(range) => {
            format!("with {range} addresses of others in To and Cc")
        }
        Condition::Time(windows) => {
            format!("received {}", list(windows.iter().map(ToString::to_string)))
        }
        _ => return None,
    })
}

fn octets(number: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units.iter().find(|(size, _)| number > 0 && number.is_multiple_of(*size));
    unit.map_or_else(
        || format!("{number} octets"),
        |(size, name)| format!("{} {name}", number / size),
    )
}

fn value(fact: &Fact) -> String {
    match fact {
        Fact::Marking(None) => "without a marking".to_owned(),
        Fact::Marking(Some(marking)) => format!("marked {marking}"),
        Fact::Size(size) => format!("of {size} octets"),
        Fact::VisibleRecipients(count) => format!("with {count} addresses of others in To and Cc"),
        Fact::Moment(moment) => format!("received at {}", moment.rfc3339()),
        Fact::Kind(kind, count) => format!("with {count} of {kind}"),
        Fact::Verdict(mechanism, verdict) => {
            format!("whose {} comes to {verdict}", mechanism.key())
        }
        _ => "of other facts".to_owned(),
    }
}
