//! The facts: everything the policy may look at, worked out of a message and
//! of how it came. Pure, as `processing` is, which asks for them.

use crate::{
    classify::{Classification, Input, Part},
    content::{Content, Extract, File},
    mail::{
        Arrival, AuthenticationFacts, Direction, Domain, MessageFacts, ReversePath, Spoof,
        Timestamp, TlsVersion,
    },
    policy::{Policy, plain_moment},
};

/// What is known of a message beside its content.
pub struct Arriving<'a> {
    pub direction: Direction,
    pub reverse_path: &'a ReversePath,
    pub arrival: Arrival,
    pub tls_version: Option<TlsVersion>,
    pub at: Timestamp,
    pub authentication: Option<&'a AuthenticationFacts>,
}

impl<'a> Arriving<'a> {
    /// As mail does of which nothing else is said.
    pub fn plainly(direction: Direction, reverse_path: &'a ReversePath) -> Self {
        Self {
            direction,
            reverse_path,
            arrival: Arrival::Tls,
            tls_version: Some(TlsVersion::Tls13),
            at: plain_moment(),
            authentication: None,
        }
    }
}

/// Everything the policy may look at, and what it was worked out from.
pub fn message_facts(
    policy: &Policy,
    content: &Content,
    extract: &Extract,
    arriving: &Arriving<'_>,
) -> (MessageFacts, Classification) {
    let classification = classify(policy, extract);
    let facts = MessageFacts {
        direction: arriving.direction,
        reverse_path: arriving.reverse_path.clone(),
        level: classification.level,
        kinds: classification.kinds.clone(),
        marking: classification.marking.clone(),
        secure_tag: content.secure_tag(),
        opaque: classification.opaque.iter().map(|opaque| opaque.reason).collect(),
        authentication: arriving.authentication.map(|found| with_trust(policy, found)),
        spoof: spoofs(policy, content, arriving),
        arrival: arriving.arrival,
        tls_version: arriving.tls_version,
        size: content.raw().len(),
        attachment_types: Some(content.attachment_types(extract)),
        visible_recipients: Some(visible_recipients(policy, content)),
        received_at: Some(arriving.at),
    };
    (facts, classification)
}

/// What the header shows, and of mail from outside whether it is ours at all.
/// What could not be looked up has not passed.
fn spoofs(policy: &Policy, content: &Content, arriving: &Arriving<'_>) -> Vec<Spoof> {
    let ours = policy.domains().local_domains();
    let is_ours =
        |author: &Domain| ours.iter().any(|domain| author == domain || author.is_below(domain));
    let passed = arriving.authentication.is_some_and(|found| found.alignment == "pass");
    let mut signs = content.spoofs(ours);
    if arriving.direction == Direction::Inbound
        && !passed
        && content.from_domains().iter().any(is_ours)
    {
        signs.push(Spoof::LocalDomain);
        signs.sort_unstable();
    }
    signs
}

/// Ours may see one another: nobody outside is shown to anybody.
fn visible_recipients(policy: &Policy, content: &Content) -> usize {
    let ours = policy.domains().local_domains();
    content
        .visible_recipients(|domain| ours.iter().any(|own| domain == own || domain.is_below(own)))
}

/// Which sealers are believed is for the officers to say.
fn with_trust(policy: &Policy, found: &AuthenticationFacts) -> AuthenticationFacts {
    let trusted_arc = found.trusted_arc(|sealer| policy.trusts_sealer(sealer)).to_owned();
    AuthenticationFacts { trusted_arc, ..found.clone() }
}

/// Classifies what could be read of a message.
pub fn classify(policy: &Policy, extract: &Extract) -> Classification {
    let files = extract.files.iter();
    let parts: Vec<_> = files.map(|File { path, octets }| Part { path, content: octets }).collect();
    let Extract { readings, opaque, .. } = extract;
    policy.classify(&Input { readings, parts: &parts, opaque })
}
