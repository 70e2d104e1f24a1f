//! Processing: from a submission to what policy wants done with it.
//!
//! Bytes and policy in, judgement and copies out; it asks no clock and
//! touches no disk, so it runs in place or in a pool, and `postern explain`
//! and `postern rewrite` run the very same code as the gateway.

use super::facts::{Arriving, message_facts};
use crate::{
    authenticate::Authentication,
    classify::Classification,
    config::Node,
    content::{Content, Extract},
    decide::decide,
    mail::{
        Address, Arrival, Case, Decision, DelayNotice, Direction, Disposition, Domain,
        EnhancedStatusCode, Envelope, Facts, Finding, Hold, MessageFacts, NextHop, Obligation,
        QueueId, QueuedMessage, QueuedRecipient, Recipient, Recourse, Refusal, Reply, RuleMatch,
        Submission, Timestamp, TlsSession, Told, Urgency,
    },
    policy::Policy,
    quarantine::masked_subject,
    transform::{
        Chain, Edits, HeaderField, HeaderFieldError, LongLines, PASSAGE, PassageKey, PassageMark,
        Received, Removal, Rewritten, SealError, Sealing, Signer, SignerError, Supplied, Trail,
        rewrite,
    },
};

/// What a message is, and what policy says of each recipient's copy.
pub struct Judgement {
    pub content: Content,
    pub classification: Classification,
    pub facts: MessageFacts,
    /// Of what is held: as people read it, what was found in the message masked.
    pub subject: String,
    pub decisions: Vec<(Address, Decision)>,
}

/// What the decisions come to for the message as a whole.
pub enum Fate {
    /// Nothing is taken: the sender's own server keeps it or returns it.
    Refused { reason: Refusal, reply: Reply },
    /// One group for each different treatment.
    Taken(Vec<Group>),
}

/// The recipients whose copies are treated alike.
pub struct Group {
    pub treatment: Treatment,
    pub recipients: Vec<(Address, Decision)>,
}

/// All that can differ between copies of one message.
#[derive(Clone, PartialEq)]
pub struct Treatment {
    pub disposition: Disposition,
    pub redirect: Option<NextHop>,
    pub fallback: Option<NextHop>,
    pub urgency: Urgency,
    pub obligations: Vec<Obligation>,
    /// The rule that keeps it from going on.
    pub stopped_by: Option<RuleMatch>,
}

/// Classifies and decides. `content` is that of the submission, `extract` what
/// could be read of it, `at` the moment for which it is asked.
pub fn judge(
    policy: &Policy,
    submission: &Submission,
    content: Content,
    extract: &Extract,
    authentication: Option<&Authentication>,
    at: Timestamp,
) -> Judgement {
    let tls = submission.origin.tls.as_ref();
    let arriving = Arriving {
        direction: submission.origin.direction,
        reverse_path: &submission.envelope.reverse_path,
        arrival: if tls.is_some() { Arrival::Tls } else { Arrival::Clear },
        tls_version: tls.and_then(TlsSession::tls_version),
        at,
        authentication: authentication.map(|authentication| &authentication.facts),
    };
    let (facts, classification) = message_facts(policy, &content, extract, &arriving);
    let decisions = submission
        .envelope
        .recipients
        .iter()
        .map(|Recipient { address, .. }| {
            let decision = decide(policy, Facts { message: &facts, recipient: address });
            (address.clone(), decision)
        })
        .collect::<Vec<(Address, Decision)>>();
    let subject = subject(extract, &classification, &decisions);
    Judgement { content, classification, facts, subject, decisions }
}

/// Shown of what is held alone.
fn subject(
    extract: &Extract,
    classification: &Classification,
    decisions: &[(Address, Decision)],
) -> String {
    let is_of_subject = |part: &str| {
        part.strip_prefix("header:").is_some_and(|name| name.eq_ignore_ascii_case("subject"))
    };
    let written = extract.readings.iter().find(|reading| is_of_subject(&reading.part));
    match written {
        Some(reading) if decisions.iter().any(|(_, one)| one.disposition == Disposition::Hold) => {
            masked_subject(&reading.text, classification, MAX_SUBJECT)
        }
        _ => String::new(),
    }
}

impl Judgement {
    /// The findings, masked.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.classification.findings.iter().map(|found| &found.finding)
    }

    /// One reply answers for all recipients (RFC 5321 section 4.2.5): a
    /// message is refused when none of its copies may go on, and deferred
    /// when any must wait, since taking the others would send them twice.
    pub fn fate(&self) -> Fate {
        let decisions = || self.decisions.iter().map(|(_, decision)| decision);
        let deferred = decisions().find(|decision| decision.disposition == Disposition::Defer);
        let refused = match decisions().all(|decision| refusal(decision).is_some()) {
            true => deferred.or(decisions().next()),
            false => deferred,
        };
        match refused.and_then(refusal) {
            Some(reply) => Fate::Refused { reason: Refusal::Policy, reply },
            None => Fate::Taken(groups(&self.decisions)),
        }
    }

    /// Where each recipient has a reply of its own (RFC 2033 section 4.2): the
    /// fate of the others, and who is refused with what.
    pub fn fate_of_each(&self) -> (Fate, Vec<(Address, Reply)>) {
        let refused = |(recipient, decision): &(Address, Decision)| {
            refusal(decision).map(|reply| (recipient.clone(), reply))
        };
        let taken: Vec<_> =
            self.decisions.iter().filter(|decided| refused(decided).is_none()).cloned().collect();
        match taken.is_empty() {
            true => (self.fate(), Vec::new()),
            false => {
                (Fate::Taken(groups(&taken)), self.decisions.iter().filter_map(refused).collect())
            }
        }
    }
}

fn groups(decisions: &[(Address, Decision)]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (recipient, decision) in decisions {
        let treatment = Treatment::of(decision);
        let member = (recipient.clone(), decision.clone());
        match groups.iter_mut().find(|group| group.treatment == treatment) {
            Some(group) => group.recipients.push(member),
            None => groups.push(Group { treatment, recipients: vec![member] }),
        }
    }
    groups
}

impl Treatment {
    fn of(decision: &Decision) -> Self {
        let stops = matches!(decision.disposition, Disposition::Hold | Disposition::Reject);
        Self {
            disposition: decision.disposition,
            redirect: decision.redirect.clone(),
            fallback: decision.fallback.clone(),
            urgency: decision.urgency,
            obligations: decision.obligations.clone(),
            stopped_by: decision.decided_by.clone().filter(|_| stops),
        }
    }
}

/// What is said of a copy that is not taken.
fn refusal(decision: &Decision) -> Option<Reply> {
    let (code, status) = match decision.disposition {
        Disposition::Defer => (451, EnhancedStatusCode(4, 7, 1)),
        Disposition::Reject => (550, EnhancedStatusCode(5, 7, 1)),
        _ => return None,
    };
    let text = match &decision.decided_by {
        Some(matched) => format!("{}\nRule: {}", matched.reason, matched.rule),
        None => "refused by policy".to_owned(),
    };
    Some(Reply::new(code, status, text))
}

/// A judged message with what it takes to make copies of it.
pub struct Workshop<'a> {
    pub node: &'a Node,
    pub policy: &'a Policy,
    pub signer: &'a Signer,
    pub now: Timestamp,
    /// Of the first copy, which all are numbered after.
    pub id: QueueId,
    pub submission: &'a Submission,
    pub authentication: Option<&'a Authentication>,
    pub judgement: &'a Judgement,
    /// None where there is no key, as for `postern rewrite`.
    pub marking: Option<Marking<'a>>,
}

/// What a message is marked with, that has been through here.
pub struct Marking<'a> {
    pub key: &'a PassageKey,
    /// What it has behind it.
    pub trail: Trail,
}

/// Why a copy could not be made: a fault of policy or keys, so the sender's
/// own server keeps the message until it is mended.
#[derive(Debug, thiserror::Error)]
pub enum WorkshopError {
    #[error("a field that policy adds: {0}")]
    Field(#[from] HeaderFieldError),
    #[error("signing: {0}")]
    Signing(#[from] SignerError),
    #[error("sealing: {0}")]
    Sealing(#[from] SealError),
}

impl Workshop<'_> {
    /// The message as this group's recipients get it: edited in one pass,
    /// signed last; what is not ours and was changed is sealed.
    pub fn copy(&self, id: QueueId, group: &Group) -> Result<Rewritten, WorkshopError> {
        let mut rewritten = rewrite(&self.judgement.content, &self.edits(id, group)?);
        let sender = self.submission.envelope.reverse_path.domain();
        if self.submission.origin.direction == Direction::Outbound
            && let Some(domain) = signed_as(&self.judgement.content, sender, self.signer)
        {
            rewritten.sign(self.signer, &domain)?;
        } else if let Some(found) = self.authentication.filter(|_| rewritten.is_altered()) {
            let chain = match found.facts.arc.as_str() {
                "pass" => Chain::Pass,
                "none" => Chain::None,
                _ => Chain::Fail,
            };
            let sealing = Sealing { results: &found.value(), chain, at: self.now };
            rewritten.seal(self.signer, &sealing)?;
        }
        Ok(rewritten)
    }

    fn edits(&self, id: QueueId, group: &Group) -> Result<Edits, WorkshopError> {
        let node = self.node.name.as_str();
        let received = Received {
            origin: &self.submission.origin,
            encoding: self.submission.envelope.encoding,
            node,
            id,
            at: self.now,
            // Naming one of several would show it to the others.
            recipient: match group.recipients.as_slice() {
                [(only, _)] => Some(only),
                _ => None,
            },
        };
        let mut edits = Edits { prepend: vec![received.field()], ..Edits::default() };
        // A stranger's message stays in the lines that its own domain signed.
        if self.submission.origin.direction == Direction::Outbound {
            edits.long_lines = LongLines::Broken;
        }
        // A mark that a stranger brought would be believed by who knows ours.
        edits.remove.push(Removal::Named(PASSAGE.to_owned()));
        let supplied = self.supplied();
        edits.prepend.extend(self.mark(id, &supplied));
        // From outside nobody speaks for us, looked at or not (RFC 8601 section 5).
        if self.submission.origin.direction == Direction::Inbound || self.authentication.is_some() {
            edits.remove.push(Removal::AuthenticationResults { authserv_id: node.to_owned() });
        }
        if let Some(found) = self.authentication {
            edits.prepend.push(HeaderField::new("Authentication-Results", &found.value())?);
        }
        edits.prepend.extend(supplied);
        for obligation in &group.treatment.obligations {
            match obligation {
                Obligation::Disclaimer(disclaimer) => edits.disclaimer = Some(disclaimer.clone()),
                Obligation::Banner(banner) => edits.banner = Some(banner.clone()),
                Obligation::TagSubject(tag) => edits.subject.tags.push(tag.clone()),
                Obligation::StripSubject(tag) => edits.subject.stripped.push(tag.clone()),
                Obligation::Wrap(classes) => edits.wrapped.clone_from(classes),
                Obligation::Header { name, value } => {
                    // One that a stranger brought would be believed.
                    edits.remove.push(Removal::Named(name.clone()));
                    edits.prepend.push(HeaderField::new(name, value)?);
                }
                Obligation::RemoveHeaders(names) => {
                    edits.remove.push(Removal::Policy(names.clone()));
                }
                Obligation::Copy(_) => {}
            }
        }
        Ok(edits)
    }

    /// What a client of ours has left out.
    fn supplied(&self) -> Vec<HeaderField> {
        let supplied = Supplied { at: self.now, id: self.id, node: &self.node.name };
        supplied.fields(&self.judgement.content, self.submission.origin.direction)
    }

    fn mark(&self, id: QueueId, supplied: &[HeaderField]) -> Option<HeaderField> {
        let Marking { key, trail } = self.marking.as_ref()?;
        let way = self.submission.origin.direction;
        let mark = PassageMark { node: &self.node.name, way, id, trail: *trail };
        let content = &self.judgement.content;
        if supplied.is_empty() {
            return Some(key.field(content, &mark));
        }
        // The mark is of the message as it leaves, with its Date and its id.
        let mut header: Vec<u8> =
            supplied.iter().flat_map(|field| field.as_str().bytes()).collect();
        let whole = content.parts().first();
        let own = whole.and_then(|whole| content.raw().get(..whole.header.end));
        header.extend_from_slice(own.unwrap_or_default());
        Some(key.field(&Content::parse(header.into()), &mark))
    }

    /// What the queue is to know of a group's copy.
    pub fn entry(&self, id: QueueId, group: &Group, size: usize) -> QueuedMessage {
        let Envelope { reverse_path, body, encoding, requests, recipients } =
            &self.submission.envelope;
        let recipients = group.recipients.iter().map(|(address, decision)| {
            let named = recipients.iter().find(|recipient| recipient.address == *address);
            let recipient = named.cloned().unwrap_or_else(|| address.clone().into());
            QueuedRecipient::new(recipient, decision.protection.clone(), self.now)
        });
        QueuedMessage {
            id,
            received_at: self.now,
            direction: self.submission.origin.direction,
            reverse_path: reverse_path.clone(),
            body: *body,
            encoding: *encoding,
            requests: requests.clone(),
            level: self.judgement.classification.level,
            policy: self.policy.version().to_owned(),
            size: size as u64,
            redirect: group.treatment.redirect.clone(),
            hold: self.hold(group),
            custody: Default::default(),
            recourse: Recourse {
                urgency: group.treatment.urgency.max(requests.urgency()),
                fallback: group.treatment.fallback.clone(),
                exemption: None,
            },
            delay_notice: DelayNotice::Due,
            recipients: recipients.collect(),
        }
    }

    fn hold(&self, group: &Group) -> Option<Hold> {
        if group.treatment.disposition != Disposition::Hold {
            return None;
        }
        let mut tell: Vec<Told> =
            group.recipients.iter().flat_map(|(_, decision)| decision.tell.clone()).collect();
        tell.sort();
        tell.dedup();
        let stopped_by = group.treatment.stopped_by.clone();
        let (rule, reason) = stopped_by.map(|by| (by.rule, by.reason)).unwrap_or_default();
        let findings = self.judgement.findings().cloned().collect();
        let case = self.case(group);
        Some(Hold { rule, reason, findings, tell, case })
    }

    fn case(&self, group: &Group) -> Case {
        let sender = self.submission.envelope.reverse_path.domain();
        let recipients = group.recipients.iter().map(|(recipient, _)| recipient.domain());
        let owners =
            sender.into_iter().chain(recipients).filter_map(|at| self.policy.organisation_at(at));
        let mut organisations: Vec<String> = owners.map(|owner| owner.ods.clone()).collect();
        organisations.sort();
        organisations.dedup();
        Case { organisations, subject: self.judgement.subject.clone(), ..Case::default() }
    }
}

/// The author's domain, for DMARC asks for its signature; who may write as whom
/// was asked when the mail came in (`entitlement`). Where there is no key for
/// it, the sender's, who answers for the mail.
fn signed_as(content: &Content, sender: Option<&Domain>, signer: &Signer) -> Option<Domain> {
    let authors = match content.from_count() {
        1 => content.from_domains(),
        _ => Vec::new(),
    };
    let mut domains = authors.into_iter().chain(sender.cloned());
    domains.find(|domain| signer.domain_for(domain).is_some())
}

/// Characters of a subject as a list shows it.
const MAX_SUBJECT: usize = 200;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{
        gateway::{NewKey, new_signing_key},
        transform::SigningKey,
    };

    fn signed(from: &str, sender: &str) -> Option<String> {
        let key = |domain: &str| {
            let pem = new_signing_key(NewKey::Ed25519).unwrap();
            SigningKey::from_pem(domain.parse().unwrap(), "s", pem.as_bytes()).unwrap()
        };
        let signer = Signer::new([key("trust.example"), key("other.example")]);
        let raw = format!("{from}Subject: x\r\n\r\nhello\r\n");
        let content = Content::parse(Bytes::from(raw.into_bytes()));
        let sender = sender.parse().ok();
        signed_as(&content, sender.as_ref(), &signer).map(|domain| domain.to_string())
    }

    #[test]
    fn mail_is_signed_as_its_author_and_else_as_its_sender() {
        let some = |domain: &str| Some(domain.to_owned());
        let from = "From: a@ward.trust.example\r\n";
        assert_eq!(signed(from, "bounce.other.example"), some("ward.trust.example"));
        // A report or an automatic reply has no sender, and needs it most.
        assert_eq!(signed(from, ""), some("ward.trust.example"));
        assert_eq!(signed("From: a@stranger.example\r\n", "other.example"), some("other.example"));
        assert_eq!(signed("From: a@stranger.example\r\n", "stranger.example"), None);
        // Of two From fields nobody knows who is meant.
        let two = "From: a@trust.example\r\nFrom: b@stranger.example\r\n";
        assert_eq!(signed(two, ""), None);
        assert_eq!(signed("From: =?utf-8?q?a?= <b@trust.example>\r\n", ""), some("trust.example"));
    }
}
