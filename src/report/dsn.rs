//! Delivery status notifications (RFC 3464): a text for people, fields for
//! programs, and what of the message may be shown again.

use std::fmt::Write as _;

use bytes::Bytes;

use super::{
    original::Original,
    writing::{Automatic, Heading, Writing, printable, wrapped},
};
use crate::mail::{
    Address, Domain, EnhancedStatusCode, FailureReason, QueueId, Reply, Severity, Timestamp,
};

/// What is reported of one message.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryReport<'a> {
    /// Who reports.
    pub node: &'a Domain,
    pub at: Timestamp,
    /// The message it is about.
    pub id: QueueId,
    pub received_at: Timestamp,
    /// Its reverse path: who is told.
    pub to: &'a Address,
    /// ENVID of MAIL, decoded.
    pub envelope_id: Option<&'a str>,
    pub recipients: &'a [ReportedRecipient<'a>],
    /// Only harmless fields of its header are shown again.
    pub content: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
pub struct ReportedRecipient<'a> {
    pub address: &'a Address,
    pub reason: FailureReason,
    /// The peer's own reply, or ours with the cause.
    pub reply: &'a Reply,
    /// The host that gave it.
    pub host: Option<&'a str>,
}

/// The message was given up for these recipients.
pub fn failed(report: &DeliveryReport<'_>) -> Bytes {
    report.write(Action::Failed)
}

/// The message is late for these recipients; it is tried until `until`.
pub fn delayed(report: &DeliveryReport<'_>, until: Timestamp) -> Bytes {
    report.write(Action::Delayed(until))
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Failed,
    Delayed(Timestamp),
}

impl DeliveryReport<'_> {
    fn write(&self, action: Action) -> Bytes {
        let original = Original::of(self.content);
        // Neither quoted-printable text nor our fields can hold `=_`, so the
        // boundary cannot occur in what it bounds.
        let token = format!("{}.{}.{}", self.id, action.word(), self.at.unix_milliseconds());
        let boundary = format!("=_{token}");
        let mut writing = Writing::begin(&Heading {
            node: self.node,
            token,
            at: self.at,
            to: self.to,
            subject: action.subject().to_owned(),
            about: original.message_id.clone(),
            automatic: Automatic::Replied,
        });
        writing.field(
            "Content-Type",
            format!("multipart/report; report-type=delivery-status; boundary=\"{boundary}\""),
        );
        writing.line("");
        writing.line(&format!("--{boundary}"));
        writing.text(&self.text(action, &original));
        writing.line(&format!("--{boundary}"));
        writing.field("Content-Type", "message/delivery-status");
        writing.line("");
        self.status(action, &mut writing);
        writing.line(&format!("--{boundary}"));
        writing.field("Content-Type", "text/rfc822-headers");
        writing.line("");
        for (name, value) in original.fields() {
            writing.field(name, value);
        }
        writing.line("");
        writing.line(&format!("--{boundary}--"));
        writing.finish()
    }

    fn text(&self, action: Action, original: &Original) -> String {
        let mut text = String::new();
        text.push_str(&wrapped(action.opening(), ""));
        if let Action::Delayed(until) = action {
            let until = until.rfc5322();
            text.push_str(&wrapped(
                &format!("It will be tried again until {until}. You need not send it again."),
                "",
            ));
        }
        for recipient in self.recipients {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "\n  {}\n", recipient.address);
            text.push_str(&wrapped(&recipient.why(), "    "));
            text.push('\n');
            text.push_str(&wrapped(recipient.advice(action), "    "));
        }
        text.push_str("\nAbout your message\n\n");
        let _ = writeln!(text, "  Reference   {}", self.id);
        let _ = writeln!(text, "  Received    {}", self.received_at.rfc5322());
        if let Some(message_id) = &original.message_id {
            let _ = writeln!(text, "  Message-ID  {message_id}");
        }
        text.push('\n');
        text.push_str(&wrapped(CLOSING, ""));
        text
    }

    fn status(&self, action: Action, writing: &mut Writing) {
        writing.field("Reporting-MTA", format!("dns; {}", self.node));
        if let Some(envelope_id) = self.envelope_id {
            writing.field("Original-Envelope-Id", printable(envelope_id));
        }
        writing.field("Arrival-Date", self.received_at.rfc5322());
        writing.line("");
        for recipient in self.recipients {
            recipient.status(action, self.at, writing);
            writing.line("");
        }
    }
}

impl ReportedRecipient<'_> {
    /// What happened, in a sentence.
    fn why(&self) -> String {
        let host = self
            .host
            .map_or_else(|| format!("the mail system of {}", self.address.domain()), printable);
        let said = printable(&self.reply.to_string());
        match (self.reason, self.reply.severity()) {
            (FailureReason::Peer, Severity::Permanent) => format!("{host} refused it: {said}"),
            (FailureReason::Peer, _) => format!("{host} would not take it yet: {said}"),
            (FailureReason::Tls, _) => {
                format!(
                    "A connection to {host} as secure as this message needs could not be made, so \
                     nothing was sent: {said}"
                )
            }
            (FailureReason::Dns, _) => format!("The way to {host} could not be found: {said}"),
            (FailureReason::Connect | FailureReason::Connection, _) => {
                format!("{host} could not be reached: {said}")
            }
            (FailureReason::Extension, _) => {
                format!("{host} cannot carry this kind of message: {said}")
            }
            (FailureReason::NoRoute, _) => format!("This gateway knows no way there: {said}"),
            (FailureReason::Policy, _) => format!("It may not be sent there: {said}"),
            (FailureReason::Store, _) => format!("It could not be stored: {said}"),
            (FailureReason::Expired, _) => {
                format!("It was tried for as long as is allowed. The last answer was: {said}")
            }
        }
    }

    /// What its sender can do.
    fn advice(&self, action: Action) -> &'static str {
        let EnhancedStatusCode(_, subject, detail) = self.reply.status();
        match (action, self.reason, subject, detail) {
            (_, FailureReason::Tls, ..) => {
                "It was not sent unprotected, and will not be. If the matter is urgent, reach the \
                 recipient another way, and tell your service desk the reference below."
            }
            (Action::Delayed(_), ..) => {
                "You need do nothing. If the matter is urgent, reach the recipient another way."
            }
            (_, FailureReason::Peer | FailureReason::Dns, 1, _) => {
                "Check the address for mistakes, letter by letter. If it was wrong, send the \
                 message again to the right one."
            }
            (_, _, 2, 2) => {
                "The recipient's mailbox is full. Tell them another way, and send the message \
                 again when they have made room."
            }
            (_, _, 2 | 3, 3 | 4) => {
                "The message is too large for the recipient. Send less at a time, or share the \
                 files another approved way."
            }
            (_, _, 7, _) => {
                "The recipient's organisation does not accept this message. Ask the recipient, by \
                 telephone for example, what their organisation allows."
            }
            (_, FailureReason::Extension, 6, _) => {
                "Send it again as plain text in the English alphabet, or ask your service desk."
            }
            _ => {
                "Send the message again later. If it fails again, tell your service desk the \
                 reference below."
            }
        }
    }

    /// RFC 3464 section 2.3.
    fn status(&self, action: Action, at: Timestamp, writing: &mut Writing) {
        writing.field("Final-Recipient", recipient_of(self.address));
        writing.field("Action", action.word());
        writing.field("Status", self.reply.status());
        if let Some(host) = self.host {
            writing.field("Remote-MTA", format!("dns; {}", printable(host)));
        }
        let said = printable(&self.reply.to_string());
        let kind = if self.reason == FailureReason::Peer { "smtp" } else { "x-postern" };
        writing.field("Diagnostic-Code", format!("{kind}; {said}"));
        writing.field("Last-Attempt-Date", at.rfc5322());
        if let Action::Delayed(until) = action {
            writing.field("Will-Retry-Until", until.rfc5322());
        }
    }
}

impl Action {
    const fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Delayed(_) => "delayed",
        }
    }

    const fn subject(self) -> &'static str {
        match self {
            Self::Failed => "Your message was not delivered",
            Self::Delayed(_) => "Your message is delayed",
        }
    }

    const fn opening(self) -> &'static str {
        match self {
            Self::Failed => "Your message could not be delivered to:",
            Self::Delayed(_) => "Your message has not been delivered yet to those named below.",
        }
    }
}

/// As xtext where it is not ASCII (RFC 6533 section 3).
fn recipient_of(address: &Address) -> String {
    let written = address.to_string();
    if written.is_ascii() {
        return format!("rfc822; {written}");
    }
    let mut encoded = String::from("utf-8; ");
    for character in written.chars() {
        if character.is_ascii_graphic() && !matches!(character, '+' | '=' | '\\') {
            encoded.push(character);
        } else {
            let _ = write!(encoded, "\\x{{{:X}}}", u32::from(character));
        }
    }
    encoded
}

const CLOSING: &str = "This report was made by a machine. For the privacy of the people your \
    message may be about, it shows neither the subject nor the text: you will find them in your \
    sent items.";

#[cfg(test)]
mod tests {
    use mail_parser::{MessageParser, MimeHeaders};

    use super::*;

    const CONTENT: &[u8] = b"From: Dr Invented <dr@nhs.test.example>\r\n\
        To: <a@x.example>\r\nSubject: Ann Example 999 000 0018\r\n\
        Message-ID: <1@nhs.test.example>\r\n\r\nAnn Example, NHS number 999 000 0018\r\n";

    fn report(recipient: &ReportedRecipient<'_>, action: Action) -> String {
        let node: Domain = "gw.test.example".parse().unwrap();
        let to: Address = "dr@nhs.test.example".parse().unwrap();
        let report = DeliveryReport {
            node: &node,
            at: Timestamp::from_unix_milliseconds(1_795_367_525_123),
            id: QueueId::at(1_795_367_000_000, 0),
            received_at: Timestamp::from_unix_milliseconds(1_795_367_000_000),
            to: &to,
            envelope_id: Some("QQ314159"),
            recipients: std::slice::from_ref(recipient),
            content: CONTENT,
        };
        String::from_utf8(report.write(action).to_vec()).unwrap()
    }

    fn refused(address: &Address) -> ReportedRecipient<'_> {
        static REPLY: std::sync::OnceLock<Reply> = std::sync::OnceLock::new();
        let reply =
            REPLY.get_or_init(|| Reply::new(550, EnhancedStatusCode(5, 1, 1), "nobody\nhere"));
        ReportedRecipient {
            address,
            reason: FailureReason::Peer,
            reply,
            host: Some("mx.x.example"),
        }
    }

    #[test]
    fn a_report_has_three_parts_of_the_right_kinds() {
        let address = "a@x.example".parse().unwrap();
        let written = report(&refused(&address), Action::Failed);
        let message = MessageParser::new().parse(written.as_bytes()).unwrap();
        let kind = message.content_type().unwrap();
        assert_eq!(kind.ctype(), "multipart");
        assert_eq!(kind.subtype(), Some("report"));
        assert_eq!(kind.attribute("report-type"), Some("delivery-status"));
        let kinds: Vec<String> = message
            .parts
            .iter()
            .skip(1)
            .map(|part| {
                let kind = part.content_type().unwrap();
                format!("{}/{}", kind.ctype(), kind.subtype().unwrap())
            })
            .collect();
        assert_eq!(kinds, ["text/plain", "message/delivery-status", "text/rfc822-headers"]);
        assert!(written.contains("Auto-Submitted: auto-replied\r\n"));
        assert!(written.contains("In-Reply-To: <1@nhs.test.example>\r\n"));
        let text = message.body_text(0).unwrap();
        assert!(text.contains("mx.x.example refused it: 550 5.1.1 nobody here"), "{text}");
        assert!(text.contains("Check the address"), "{text}");
    }

    #[test]
    fn the_fields_for_programs_say_what_happened_to_each_recipient() {
        let address = "a@x.example".parse().unwrap();
        let written = report(&refused(&address), Action::Failed);
        for line in [
            "Reporting-MTA: dns; gw.test.example\r\n",
            "Original-Envelope-Id: QQ314159\r\n",
            "Arrival-Date: Sun, 22 Nov 2026",
            "\r\n\r\nFinal-Recipient: rfc822; a@x.example\r\nAction: failed\r\nStatus: 5.1.1\r\n",
            "Remote-MTA: dns; mx.x.example\r\n",
            "Diagnostic-Code: smtp; 550 5.1.1 nobody here\r\n",
        ] {
            assert!(written.contains(line), "{line:?} is missing in {written}");
        }
    }

    #[test]
    fn a_delay_notice_says_until_when_it_is_tried() {
        let address = "a@x.example".parse().unwrap();
        let until = Timestamp::from_unix_milliseconds(1_795_800_000_000);
        let written = report(&refused(&address), Action::Delayed(until));
        assert!(written.contains("Action: delayed\r\n"));
        assert!(written.contains(&format!("Will-Retry-Until: {}\r\n", until.rfc5322())));
    }

    #[test]
    fn nothing_of_the_messages_subject_or_text_is_in_a_report() {
        let address = "a@x.example".parse().unwrap();
        let written = report(&refused(&address), Action::Failed);
        for secret in ["Ann", "999", "0018", "Invented"] {
            assert!(!written.contains(secret), "{secret} is in {written}");
        }
    }

    #[test]
    fn a_peers_words_cannot_add_a_field_or_end_a_part() {
        let address = "a@x.example".parse().unwrap();
        let text = format!("no\n--=_x--\nX-Evil: y\n{}", "z".repeat(3000));
        let reply = Reply::plain(550, text);
        let recipient = ReportedRecipient { reply: &reply, ..refused(&address) };
        let written = report(&recipient, Action::Failed);
        assert!(!written.contains("\nX-Evil") && !written.contains("\n--=_x"));
        assert!(written.lines().all(|line| line.len() < 998));
        assert_eq!(MessageParser::new().parse(written.as_bytes()).unwrap().parts.len(), 4);
    }

    #[test]
    fn an_address_beyond_ascii_is_written_as_rfc_6533_has_it() {
        let address: Address = "\u{e9}@x.example".parse().unwrap();
        let written = report(&refused(&address), Action::Failed);
        assert!(written.contains("Final-Recipient: utf-8; \\x{E9}@x.example\r\n"));
    }
}
