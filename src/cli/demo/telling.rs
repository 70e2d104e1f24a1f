//! Telling one message's story.

use std::io::{self, Write};

use super::story::{Story, TagLineStory, Text};
use crate::cli::page::{Ink, Page, Piece, piece};
use crate::{
    content::{Content, Protected},
    mail::{
        CertificateVerdict, Disposition, Evidence, Finding, Kind, Mode, Outcome, RuleMatch,
        TlsRequirement, Voucher,
    },
    policy::Policy,
    transform::DisclaimerOutcome,
};

/// Everything about one message: what it is, what was decided, what happened.
pub(super) fn tell(
    page: &mut Page<impl Write>,
    policy: &Policy,
    mark: &str,
    story: &Story,
) -> io::Result<()> {
    page.heading(mark, story.scenario.title)?;
    let journey = format!("{} → {}", story.letter.from, story.letter.to);
    page.row("Message", &[piece(Ink::Plain, journey)])?;
    tell_level(page, policy, story)?;
    tell_findings(page, story)?;
    tell_decision(page, story)?;
    tell_wire(page, story)?;
    if let Some(tag_line) = &story.tag_line {
        tell_tag_line(page, tag_line)?;
    }
    tell_signatures(page, story)?;
    for difference in &story.differences {
        page.row("UNEXPECTED", &[piece(Ink::Bad, difference)])?;
    }
    Ok(())
}

fn tell_level(page: &mut Page<impl Write>, policy: &Policy, story: &Story) -> io::Result<()> {
    let Some(level) = story.level() else { return Ok(()) };
    let mut pieces = vec![piece(Ink::Strong, format!("{level}, {}", policy.level_name(level)))];
    if let Some(why) = story.why.first() {
        pieces.push(piece(Ink::Quiet, format!("– {}", why.reason())));
    }
    page.row("Level", &pieces)
}

fn tell_findings(page: &mut Page<impl Write>, story: &Story) -> io::Result<()> {
    let Some(decided) = &story.decided else { return Ok(()) };
    let groups = groups(&decided.findings);
    let mut label = "Found";
    for group in groups.iter().take(MOST_FINDINGS) {
        let why = format!("– {}\u{a0}%, {}", group.best.confidence, group.best.why);
        page.topic(
            label,
            group.kind.words(),
            &[piece(Ink::Strong, group.values()), piece(Ink::Quiet, why)],
        )?;
        label = "";
    }
    if let Some(more) = groups.len().checked_sub(MOST_FINDINGS).filter(|&more| more > 0) {
        page.row("", &[piece(Ink::Quiet, format!("and {more} kinds more"))])?;
    }
    let opaque: Vec<_> = decided.facts.opaque.iter().map(ToString::to_string).collect();
    if !opaque.is_empty() {
        let parts = format!("a part that cannot be read ({})", opaque.join(", "));
        page.row(label, &[piece(Ink::Care, parts)])?;
    } else if groups.is_empty() {
        page.row(label, &[piece(Ink::Quiet, "nothing")])?;
    }
    Ok(())
}

/// Findings of one kind.
struct Group<'a> {
    kind: Kind,
    best: &'a Finding,
    distinct: Vec<&'a str>,
}

fn groups(findings: &[Finding]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for finding in findings {
        let value = finding.masked.as_str();
        match groups.iter_mut().find(|group| group.kind == finding.kind) {
            Some(group) => {
                if finding.confidence > group.best.confidence {
                    group.best = finding;
                }
                if !group.distinct.contains(&value) {
                    group.distinct.push(value);
                }
            }
            None => {
                groups.push(Group { kind: finding.kind, best: finding, distinct: vec![value] });
            }
        }
    }
    // What is about the message as a whole, then identifiers, then vocabulary.
    groups.sort_by_key(|group| {
        (!matches!(group.kind, Kind::BulkPatients | Kind::Malware), group.kind)
    });
    groups
}

impl Group<'_> {
    /// The values, masked: what names nobody stands as it is.
    fn values(&self) -> String {
        let shown: Vec<_> = self.distinct.iter().take(MOST_VALUES).copied().collect();
        match self.distinct.len().saturating_sub(MOST_VALUES) {
            0 => shown.join(", "),
            more => format!("{} and {more} more", shown.join(", ")),
        }
    }
}

fn tell_decision(page: &mut Page<impl Write>, story: &Story) -> io::Result<()> {
    let Some(decision) = story.decision() else { return Ok(()) };
    let (ink, word) = disposition(decision.disposition);
    let to = format!(
        "({} destination, cleared to level\u{a0}{})",
        decision.destination.class.name(),
        decision.destination.clearance
    );
    match &decision.decided_by {
        Some(rule) => {
            page.row(
                "Decision",
                &[
                    piece(ink, word),
                    piece(Ink::Plain, "– by the rule"),
                    piece(Ink::Strong, format!("“{}”", rule.rule)),
                    piece(Ink::Quiet, to),
                ],
            )?;
            page.row("", &[piece(Ink::Quiet, &rule.reason)])
        }
        None => {
            let nothing = "– no rule stops it";
            page.row(
                "Decision",
                &[piece(ink, word), piece(Ink::Plain, nothing), piece(Ink::Quiet, to)],
            )?;
            let applied: Vec<_> = decision
                .matched
                .iter()
                .filter(|rule| is_told(rule))
                .map(|rule| format!("“{}”", rule.rule))
                .collect();
            page.row("", &[piece(Ink::Quiet, format!("applied: {}", applied.join(", ")))])
        }
    }
}

/// Rules that hold for this journey; those that only watch say nothing here.
fn is_told(rule: &RuleMatch) -> bool {
    rule.mode == Mode::Enforce
}

pub(super) fn disposition(disposition: Disposition) -> (Ink, &'static str) {
    match disposition {
        Disposition::Relay => (Ink::Good, "RELAY"),
        Disposition::Redirect => (Ink::Good, "REDIRECT"),
        Disposition::Defer => (Ink::Care, "DEFER"),
        Disposition::Hold => (Ink::Care, "HOLD"),
        Disposition::Reject => (Ink::Bad, "REJECT"),
    }
}

fn tell_wire(page: &mut Page<impl Write>, story: &Story) -> io::Result<()> {
    let (Some(outcome), Some(evidence)) = (story.outcome(), story.evidence()) else {
        let said = format!("the sending server was told {}", story.reply);
        return match story.disposition() {
            Some(Disposition::Hold) => {
                let text = "nothing went on: the message is in quarantine;";
                page.row("On the wire", &[piece(Ink::Plain, text), piece(Ink::Quiet, said)])
            }
            _ => page.row("On the wire", &[piece(Ink::Plain, said)]),
        };
    };
    let host = match (&story.arrived, evidence.leaf().and_then(|leaf| leaf.names.first())) {
        (Some(arrived), _) => arrived.host.clone(),
        (None, Some(name)) => name.clone(),
        (None, None) => evidence.host.clone().unwrap_or_default(),
    };
    let address = evidence.address.map(|address| format!("({address})")).unwrap_or_default();
    let reply = outcome.reply().to_string();
    match outcome {
        Outcome::Delivered(_) => page.row(
            "On the wire",
            &[piece(Ink::Plain, format!("{host} {address} took it:")), piece(Ink::Quiet, reply)],
        )?,
        Outcome::Transient(_) => {
            page.row(
                "On the wire",
                &[
                    piece(Ink::Care, "WAITING"),
                    piece(Ink::Plain, format!("for {host} {address}, and never sent in clear:")),
                    piece(Ink::Quiet, reply),
                ],
            )?;
        }
        Outcome::Permanent(_) => page.row(
            "On the wire",
            &[piece(Ink::Bad, format!("{host} {address} refused it:")), piece(Ink::Quiet, reply)],
        )?,
    }
    let requirement = story.attempted.as_ref().map(|attempted| attempted.requirement);
    page.row("TLS", &[protection(evidence), piece(Ink::Plain, certificate(evidence, requirement))])
}

fn protection(evidence: &Evidence) -> Piece {
    match &evidence.tls {
        Some(tls) => piece(Ink::Strong, format!("{}, {};", tls.version, tls.cipher)),
        None => piece(Ink::Strong, "no session;"),
    }
}

fn certificate(evidence: &Evidence, requirement: Option<TlsRequirement>) -> String {
    match &evidence.certificate {
        CertificateVerdict::Absent => "no certificate was seen".to_owned(),
        CertificateVerdict::Unchecked => match requirement {
            Some(requirement) => {
                format!("certificate not checked: {requirement} TLS is what is asked for here")
            }
            None => "certificate not checked".to_owned(),
        },
        CertificateVerdict::Valid { name } => {
            let by: Vec<&str> = evidence.vouched_by.iter().map(|by| vouching(*by)).collect();
            format!("certificate valid for {name}{}", by.concat())
        }
        CertificateVerdict::Dane { record } => format!("certificate matches TLSA {record}"),
        CertificateVerdict::Pinned => "certificate bears the key the officers pinned".to_owned(),
        CertificateVerdict::Invalid(why) => format!("certificate refused: {why}"),
    }
}

const fn vouching(by: Voucher) -> &'static str {
    match by {
        Voucher::Officers => ", vouched for by the officers (domains.toml)",
        Voucher::Route => ", vouched for by the route (postern.toml)",
        Voucher::MtaSts => ", vouched for by the domain's MTA-STS policy",
        Voucher::Dnssec => ", vouched for by DNSSEC",
    }
}

fn tell_tag_line(page: &mut Page<impl Write>, story: &TagLineStory) -> io::Result<()> {
    let what = match &story.outcome {
        DisclaimerOutcome::NotAsked => return Ok(()),
        DisclaimerOutcome::Appended { html, .. } if html.is_empty() => {
            "added under the text".to_owned()
        }
        DisclaimerOutcome::Appended { plain, .. } if plain.is_empty() => {
            "added under the HTML reading".to_owned()
        }
        DisclaimerOutcome::Appended { .. } => {
            "added under the plain and the HTML reading".to_owned()
        }
        DisclaimerOutcome::PartAdded => "added in a part of its own".to_owned(),
        DisclaimerOutcome::Wrapped(_) => {
            "beside the whole message, wrapped in a new one".to_owned()
        }
        DisclaimerOutcome::AlreadyThere => "already there, so not added again".to_owned(),
        DisclaimerOutcome::Protected(why) => format!("not added: {}", protected(*why)),
    };
    let mut pieces = vec![piece(Ink::Strong, what)];
    if story.text == Text::AsSent {
        pieces.push(piece(Ink::Plain, "– what arrived is what was sent, octet for octet"));
    }
    page.row("Tag line", &pieces)?;
    for line in story.lines.iter().take(MOST_LINES) {
        page.row("", &[piece(Ink::Quiet, format!("│ {}", line.trim()))])?;
    }
    match story.lines.len().saturating_sub(MOST_LINES) {
        0 => Ok(()),
        more => page.row("", &[piece(Ink::Quiet, format!("│ … and {more} lines more"))]),
    }
}

fn protected(why: Protected) -> &'static str {
    match why {
        Protected::Signed => "the message is signed, and an edit would break the signature",
        Protected::Encrypted => "the message is encrypted",
        Protected::Calendar => "it is a calendar entry",
        Protected::Report => "it is a report for machines",
        Protected::Automatic => "no person sent it",
        Protected::Journal => "it is a journal's copy",
        Protected::Rights => "it is under rights management",
        Protected::IllFormed => "its structure is broken",
    }
}

/// The DKIM signatures that arrived with it: all of the sender's domain.
fn tell_signatures(page: &mut Page<impl Write>, story: &Story) -> io::Result<()> {
    let Some(arrived) = &story.arrived else { return Ok(()) };
    let content = Content::parse(arrived.content.clone());
    let mut algorithms: Vec<_> = content
        .fields_named("DKIM-Signature")
        .filter_map(|field| {
            let value = content.value(field);
            let mut tags = value.split(';').filter_map(|tag| tag.trim().split_once('='));
            tags.find(|(name, _)| *name == "a").map(|(_, algorithm)| algorithm.to_owned())
        })
        .collect();
    algorithms.sort();
    match algorithms.is_empty() {
        true => Ok(()),
        false => {
            let signed =
                format!("DKIM, {} for {}", algorithms.join(" and "), story.letter.from.domain());
            page.row("Signed", &[piece(Ink::Plain, signed)])
        }
    }
}

const MOST_FINDINGS: usize = 5;
const MOST_VALUES: usize = 3;
const MOST_LINES: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Masked;

    fn finding(kind: Kind, value: &str, confidence: u8) -> Finding {
        Finding {
            detector: String::new(),
            kind,
            part: "1".to_owned(),
            line: 1,
            masked: Masked::harmless(value),
            confidence,
            why: format!("{confidence}"),
        }
    }

    #[test]
    fn findings_of_a_kind_are_told_once_with_the_surest_reason() {
        let findings = [
            finding(Kind::ClinicalTerm, "asthma", 60),
            finding(Kind::ClinicalTerm, "asthma", 90),
            finding(Kind::ClinicalTerm, "epilepsy", 70),
            finding(Kind::ClinicalTerm, "fall", 70),
            finding(Kind::ClinicalTerm, "seizure", 70),
            finding(Kind::NhsNumber, "••18", 80),
            finding(Kind::BulkPatients, "30", 100),
        ];
        let groups = groups(&findings);
        let kinds: Vec<_> = groups.iter().map(|group| group.kind).collect();
        assert_eq!(kinds, [Kind::BulkPatients, Kind::NhsNumber, Kind::ClinicalTerm]);
        let terms = groups.last().unwrap();
        assert_eq!(terms.values(), "asthma, epilepsy, fall and 1 more");
        assert_eq!(terms.best.confidence, 90);
    }
}
