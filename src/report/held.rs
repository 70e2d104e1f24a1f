//! Notices about held messages: to the sender, who can put it right, and to
//! the officers, who decide.

use std::fmt::Write as _;

use bytes::Bytes;

use super::{
    original::Original,
    writing::{Automatic, Heading, Writing, wrapped},
};
use crate::mail::{Address, Domain, Finding, Hold, Kind, Level, QueueId, Timestamp};

/// A message in quarantine.
#[derive(Clone, Copy, Debug)]
pub struct HeldMessage<'a> {
    /// Who holds it.
    pub node: &'a Domain,
    pub at: Timestamp,
    pub id: QueueId,
    pub received_at: Timestamp,
    pub sender: &'a Address,
    pub recipients: &'a [Address],
    pub level: Level,
    pub hold: &'a Hold,
    /// Where its sender can say why it must go, or that it was held in error.
    pub request_link: Option<&'a str>,
    /// Only its Message-ID and date are shown again.
    pub content: &'a [u8],
}

/// To the message's sender: what was found, masked; why it matters; what to do.
pub fn tell_sender(held: &HeldMessage<'_>) -> Bytes {
    let original = Original::of(held.content);
    let mut text = wrapped(
        "Your message has not been sent. It is kept safe, and someone who looks after \
         information security can release it or refuse it.",
        "",
    );
    held.describe_recipients(&mut text);
    held.describe_reason(&mut text);
    held.describe_findings(&mut text);
    text.push_str("\nWhat you can do\n\n");
    for advice in ADVICE {
        text.push_str(&wrapped(advice, "  "));
        text.push('\n');
    }
    if let Some(link) = held.request_link {
        text.push_str(&wrapped(ASK, "  "));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n  {link}");
    }
    held.describe_message(&mut text, &original);
    text.push('\n');
    text.push_str(&wrapped(
        "This notice was made by a machine. Do not send patient details in an answer to it.",
        "",
    ));
    held.write(held.sender, "Your message is held", Automatic::Replied, original, &text)
}

/// To those who decide: the same evidence, the rule, and the commands.
pub fn tell_officers(held: &HeldMessage<'_>, officers: &Address) -> Bytes {
    let original = Original::of(held.content);
    let mut text = wrapped("A message is held and waits for your decision.", "");
    let _ = writeln!(text, "\n  Sender      {}", held.sender);
    let _ = writeln!(text, "  Rule        {}", held.hold.rule);
    let _ = writeln!(text, "  Level       {}", held.level);
    held.describe_recipients(&mut text);
    held.describe_reason(&mut text);
    held.describe_findings(&mut text);
    text.push_str("\nWhat you can do, on the gateway\n\n");
    for (action, more, effect) in COMMANDS {
        let _ = writeln!(text, "  postern quarantine {action} {}{more}\n      {effect}", held.id);
    }
    held.describe_message(&mut text, &original);
    // The rule's name, written by officers, is fit to be a subject; the
    // message's own subject is not.
    let subject = format!("Held message {}: level {}", held.id, held.level);
    held.write(officers, &subject, Automatic::Generated, original, &text)
}

impl HeldMessage<'_> {
    fn write(
        &self,
        to: &Address,
        subject: &str,
        automatic: Automatic,
        original: Original,
        text: &str,
    ) -> Bytes {
        let kind = match automatic {
            Automatic::Replied => "held",
            Automatic::Generated => "decide",
        };
        let mut writing = Writing::begin(&Heading {
            node: self.node,
            token: format!("{}.{kind}.{}", self.id, self.at.unix_milliseconds()),
            at: self.at,
            to,
            subject: subject.to_owned(),
            about: original.message_id,
            automatic,
        });
        writing.text(text);
        writing.finish()
    }

    fn describe_recipients(&self, text: &mut String) {
        text.push_str("\nIt was meant for\n\n");
        for recipient in self.recipients.iter().take(MAX_RECIPIENTS) {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {recipient}");
        }
        more(self.recipients.len(), MAX_RECIPIENTS, text);
    }

    fn describe_reason(&self, text: &mut String) {
        text.push_str("\nWhy\n\n");
        text.push_str(&wrapped(&self.hold.reason, "  "));
    }

    fn describe_findings(&self, text: &mut String) {
        if self.hold.findings.is_empty() {
            return;
        }
        text.push_str("\nWhat was found (masked)\n\n");
        for finding in self.hold.findings.iter().take(MAX_FINDINGS) {
            let Finding { kind, part, line, masked, why, .. } = finding;
            let _ = writeln!(text, "  {}: {masked}", words(*kind));
            let place = match part.strip_prefix("header:") {
                Some(name) => format!("in the {} field. {why}", name.to_lowercase()),
                None => format!("in part {part}, line {line}. {why}"),
            };
            text.push_str(&wrapped(&place, "    "));
        }
        more(self.hold.findings.len(), MAX_FINDINGS, text);
    }

    fn describe_message(&self, text: &mut String, original: &Original) {
        text.push_str("\nAbout the message\n\n");
        let _ = writeln!(text, "  Reference   {}", self.id);
        let _ = writeln!(text, "  Received    {}", self.received_at.rfc5322());
        if let Some(message_id) = &original.message_id {
            let _ = writeln!(text, "  Message-ID  {message_id}");
        }
    }
}

fn more(count: usize, shown: usize, text: &mut String) {
    if count > shown {
        let _ = writeln!(text, "  and {} more", count - shown);
    }
}

/// A kind in words a sender knows.
const fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::NhsNumber => "NHS number",
        Kind::ChiNumber => "CHI number",
        Kind::HcNumber => "Health and Care number",
        Kind::Nino => "National Insurance number",
        Kind::HospitalNumber => "hospital number",
        Kind::DateOfBirth => "date of birth",
        Kind::PersonName => "name of a person",
        Kind::UkPostcode => "postcode",
        Kind::Phone => "telephone number",
        Kind::EmailAddress => "e-mail address",
        Kind::ClinicalTerm => "clinical term",
        Kind::Medication => "medication",
        Kind::SpecialCategoryTerm => "specially protected information",
        Kind::SnomedCt => "SNOMED CT code",
        Kind::Icd10 => "ICD-10 code",
        Kind::ProtectiveMarking => "protective marking",
        Kind::BulkPatients => "many patients",
        Kind::Malware => "harmful content",
        Kind::Yara => "pattern of the security officers",
    }
}

const ADVICE: [&str; 3] = [
    "If the recipient does not need what was found, send the message again without it.",
    "If they do, use a way that is approved for it, such as the recipient's address at an NHS \
     or government organisation, or ask your information governance team.",
    "If you think this is a mistake, or the matter is urgent, tell your service desk or \
     information security officer the reference below.",
];
const ASK: &str = "If it must go all the same, or was held by mistake, say so here. Say why, and \
                   write no patient details:";
const COMMANDS: [(&str, &str, &str); 3] = [
    ("show", "", "the evidence, masked"),
    ("release", " --reason WHY", "let it go on its way"),
    ("reject", " --reason WHY", "return it to its sender"),
];
const MAX_RECIPIENTS: usize = 20;
const MAX_FINDINGS: usize = 20;

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::*;
    use crate::mail::{Masked, Told};

    fn hold() -> Hold {
        Hold {
            rule: "patient data only goes where it is cleared to go".to_owned(),
            reason: "This message appears to contain patient information and a@x.example is \
                     not cleared for it."
                .to_owned(),
            findings: vec![Finding {
                detector: "nhs-number".to_owned(),
                kind: Kind::NhsNumber,
                part: "1".to_owned(),
                line: 3,
                masked: Masked::of("999 000 0018"),
                confidence: 95,
                why: "The check digit is right and `NHS number` stands before it.".to_owned(),
            }],
            tell: vec![Told::Sender],
            case: Default::default(),
        }
    }

    fn held<T>(then: impl FnOnce(&HeldMessage<'_>) -> T) -> T {
        let hold = hold();
        then(&HeldMessage {
            node: &"gw.test.example".parse().unwrap(),
            at: Timestamp::from_unix_milliseconds(1_795_367_525_123),
            id: QueueId::at(1_795_367_000_000, 0),
            received_at: Timestamp::from_unix_milliseconds(1_795_367_000_000),
            sender: &"dr@nhs.test.example".parse().unwrap(),
            recipients: &["a@x.example".parse().unwrap()],
            level: Level::CLINICAL,
            hold: &hold,
            request_link: Some("https://console.example/request/x-1"),
            content: b"Subject: Ann Example\r\nMessage-ID: <1@x.example>\r\n\r\n999 000 0018\r\n",
        })
    }

    fn text(notice: &Bytes) -> String {
        let message = MessageParser::new().parse(&notice[..]).unwrap();
        message.body_text(0).unwrap().into_owned()
    }

    #[test]
    fn the_sender_reads_what_was_found_masked_why_and_what_to_do() {
        let notice = held(tell_sender);
        let text = text(&notice);
        for expected in [
            "NHS number: ••• ••• ••18",
            "not cleared for it",
            "What you can do",
            "  https://console.example/request/x-1",
        ] {
            assert!(text.contains(expected), "{expected:?} is missing in {text}");
        }
        let header = String::from_utf8_lossy(&notice);
        assert!(header.contains("Auto-Submitted: auto-replied\r\n"));
        assert!(header.contains("To: <dr@nhs.test.example>\r\n"));
    }

    #[test]
    fn the_officers_read_the_rule_and_the_commands() {
        let officers = "ig@nhs.test.example".parse().unwrap();
        let notice = held(|held| tell_officers(held, &officers));
        let text = text(&notice);
        assert!(text.contains("patient data only goes where it is cleared to go"), "{text}");
        assert!(text.contains("postern quarantine release"), "{text}");
        assert!(String::from_utf8_lossy(&notice).contains("Auto-Submitted: auto-generated\r\n"));
    }

    #[test]
    fn no_notice_carries_a_plain_value_or_the_subject() {
        let officers = "ig@nhs.test.example".parse().unwrap();
        for notice in [held(tell_sender), held(|held| tell_officers(held, &officers))] {
            let text = String::from_utf8_lossy(&notice).into_owned() + &text(&notice);
            assert!(!text.contains("000 0018") && !text.contains("Ann"), "{text}");
        }
    }
}
