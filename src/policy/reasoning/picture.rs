//! A message in a sentence, so that whoever reads of it can picture it.

use crate::mail::{
    Address, Arrival, AuthenticationFacts, Direction, MessageFacts, OpaqueReason, ReversePath,
    SecureTag, TlsVersion,
};

use super::super::{mechanism::Mechanism, time_window::plain_moment};
use super::ORDINARY_SIZE;

/// `an outbound message of level 3 from anyone to a@b.example, with …`.
pub(in crate::policy) fn picture(message: &MessageFacts, recipient: &Address) -> String {
    // Named in full, so that a fact that is added is told of too.
    let MessageFacts {
        direction,
        reverse_path,
        level,
        kinds,
        marking,
        secure_tag,
        opaque,
        authentication,
        spoof,
        arrival,
        tls_version,
        size,
        attachment_types,
        visible_recipients,
        received_at,
    } = message;
    let from = sender(reverse_path);
    let mut said =
        vec![format!("an {direction} message of level {level} from {from} to {recipient}")];
    said.extend(kinds.iter().map(|(kind, count)| format!("with {kind} found in it ({count})")));
    said.extend(marking.as_ref().map(|marking| format!("marked {marking}")));
    if *secure_tag == SecureTag::Present {
        said.push("with [secure] in its subject".to_owned());
    }
    said.extend(opaque.iter().map(|reason| format!("with {} in it", part(*reason))));
    said.extend(spoof.iter().map(|sign| format!("of which {sign}")));
    said.extend(authenticated(authentication.as_ref(), *direction));
    said.extend(handed_over(*arrival, *tls_version));
    let attached = attachment_types.iter().flatten();
    said.extend(attached.map(|kind| format!("with an attachment of type {}", kind.name())));
    if let Some(count @ 1..) = visible_recipients {
        said.push(format!("with {count} addresses of others in To and Cc"));
    }
    if let Some(moment) = received_at.filter(|moment| *moment != plain_moment()) {
        said.push(format!("received at {}", moment.rfc3339()));
    }
    if *size > ORDINARY_SIZE {
        said.push(format!("of {size} octets"));
    }
    said.join(", ")
}

fn handed_over(arrival: Arrival, version: Option<TlsVersion>) -> Option<String> {
    match (arrival, version) {
        (Arrival::Clear, _) => Some("handed over without TLS".to_owned()),
        (Arrival::Tls, None | Some(TlsVersion::Tls13)) => None,
        (Arrival::Tls, Some(version)) => Some(format!("handed over under TLS {}", version.name())),
    }
}

fn sender(path: &ReversePath) -> String {
    let anyone = |address: &&Address| {
        let plain = address.local_part().trim_end_matches(|letter: char| letter.is_ascii_digit());
        plain == "someone" && address.domain().as_str() == "any.example"
    };
    match path {
        ReversePath::Mailbox(address) if !anyone(&address) => address.to_string(),
        ReversePath::Mailbox(_) => "anyone".to_owned(),
        ReversePath::Null | ReversePath::Unanswerable(_) => "nobody (a report)".to_owned(),
    }
}

pub(super) const fn part(reason: OpaqueReason) -> &'static str {
    match reason {
        OpaqueReason::Encrypted => "an encrypted part",
        OpaqueReason::Unreadable => "a part in a format that cannot be read",
        OpaqueReason::Damaged => "a damaged part",
        OpaqueReason::OverLimit => "a part past the limits of reading",
        OpaqueReason::Picture => "a picture",
    }
}

/// What of the authentication is worth telling.
fn authenticated(facts: Option<&AuthenticationFacts>, direction: Direction) -> Vec<String> {
    let Some(facts) = facts else {
        let inbound = direction == Direction::Inbound;
        return Vec::from_iter(inbound.then(|| "whose sender could not be checked".to_owned()));
    };
    let verdict = |(name, mechanism): (&str, Mechanism)| {
        let verdict = mechanism.verdict(facts);
        (verdict != "pass").then(|| format!("whose {name} comes to {verdict}"))
    };
    Mechanism::ALL.into_iter().filter_map(verdict).collect()
}
