//! Delivery status notifications (RFC 3464, RFC 6533): a text for people,
//! fields for programs, and what of the message may be shown again.
//!
//! RET asks how much of a message comes back (RFC 3461 section 4.3). Less does
//! than even RET=HDRS would have: law 6 stands above what a sender asks for.

use std::fmt::Write as _;

use bytes::Bytes;

use super::{
    original::Original,
    waiting::ADVICE,
    writing::{Automatic, Heading, Writing, printable, wrapped},
};
use crate::mail::{
    Address, Domain, FailureReason, OriginalRecipient, QueueId, Reply, Timestamp, TlsFault,
    TlsRequirement,
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
    /// ORCPT of RCPT, decoded.
    pub original: Option<&'a OriginalRecipient>,
    /// None where nothing has failed, or nothing was tried.
    pub reason: Option<FailureReason>,
    /// The peer's own reply, or ours with the cause.
    pub reply: &'a Reply,
    /// The host that gave it.
    pub host: Option<&'a str>,
    /// What policy asked of the journey, and why it could not be had.
    pub tls: TlsRequirement,
    pub fault: Option<TlsFault>,
}

/// What has become of the message, for all the recipients of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It was given up.
    Failed,
    /// It is late; it is tried until then.
    Delayed(Timestamp),
    /// It waits for TLS as good as it needs; it is tried until then.
    Waiting(Timestamp),
    /// That TLS could not be had, and policy has sent it another way; it is
    /// tried until then.
    Diverted(Timestamp),
    /// It was passed on to somebody who may not tell more.
    Relayed,
    /// It is in the mailbox.
    Delivered,
}

/// In which characters a report is written: that of the address it goes to
/// decides, for a report it cannot read would be no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// RFC 3464: ASCII, other characters by their numbers.
    Ascii,
    /// RFC 6533: addresses as they are.
    Global,
}

impl DeliveryReport<'_> {
    /// The report as a message, to be sent with the null reverse path.
    pub fn write(&self, action: Action) -> Bytes {
        let form = if self.to.needs_smtputf8() { Form::Global } else { Form::Ascii };
        let original = Original::of(self.content);
        // Neither quoted-printable text nor our fields can hold `=_`, so the
        // boundary cannot occur in what it bounds.
        let token = format!("{}.{}.{}", self.id, action.name(), self.at.unix_milliseconds());
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
        form.begin_status(&mut writing);
        self.status(action, form, &mut writing);
        writing.line(&format!("--{boundary}"));
        form.begin_header(&mut writing);
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
        if let Action::Waiting(_) = action {
            text.push('\n');
        }
        if let Some(until) = action.tried_until() {
            let until = until.rfc5322();
            let again = format!("It is tried again until {until}. You need not send it again.");
            text.push_str(&wrapped(&again, ""));
        }
        for recipient in self.recipients {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "\n  {}\n", recipient.address);
            for sentence in recipient.words(action) {
                text.push_str(&wrapped(&sentence, "    "));
            }
        }
        if let Action::Waiting(_) = action {
            text.push_str("\nWhat you can do\n\n");
            let advice: Vec<String> = ADVICE.iter().map(|advice| wrapped(advice, "  ")).collect();
            text.push_str(&advice.join("\n"));
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

    fn status(&self, action: Action, form: Form, writing: &mut Writing) {
        writing.field("Reporting-MTA", format!("dns; {}", self.node));
        if let Some(envelope_id) = self.envelope_id {
            writing.field("Original-Envelope-Id", printable(envelope_id));
        }
        writing.field("Arrival-Date", self.received_at.rfc5322());
        writing.line("");
        for recipient in self.recipients {
            recipient.status(self, action, form, writing);
            writing.line("");
        }
    }
}

impl ReportedRecipient<'_> {
    /// RFC 3464 section 2.3.
    fn status(
        &self,
        report: &DeliveryReport<'_>,
        action: Action,
        form: Form,
        writing: &mut Writing,
    ) {
        if let Some(original) = self.original {
            writing.field("Original-Recipient", form.original(original));
        }
        writing.field("Final-Recipient", form.recipient(self.address));
        writing.field("Action", action.word());
        writing.field("Status", self.reply.status());
        if let Some(host) = self.host {
            writing.field("Remote-MTA", format!("dns; {}", printable(host)));
        }
        let said = printable(&self.reply.to_string());
        let theirs = self.reason.is_none_or(|reason| reason == FailureReason::Peer);
        match (theirs, self.host) {
            (true, Some(_)) => writing.field("Diagnostic-Code", format!("smtp; {said}")),
            (false, _) => writing.field("Diagnostic-Code", format!("x-postern; {said}")),
            // Where it was stored is ours to know.
            (true, None) => {}
        }
        if self.was_tried(action) {
            writing.field("Last-Attempt-Date", report.at.rfc5322());
        }
        writing.field("Final-Log-ID", report.id);
        if let Some(until) = action.tried_until() {
            writing.field("Will-Retry-Until", until.rfc5322());
        }
    }

    /// Whether an attempt has led to the report: what policy refuses was not
    /// tried, nor what we have lost, nor have those been who are told of with
    /// others.
    fn was_tried(&self, action: Action) -> bool {
        let untried = (action, self.reason);
        !matches!(
            untried,
            (_, Some(FailureReason::Policy | FailureReason::Damaged)) | (Action::Delayed(_), None)
        )
    }
}

impl Action {
    const fn tried_until(self) -> Option<Timestamp> {
        match self {
            Self::Delayed(until) | Self::Waiting(until) | Self::Diverted(until) => Some(until),
            Self::Failed | Self::Relayed | Self::Delivered => None,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            // RFC 3464 knows one word for all that may still come.
            Self::Delayed(_) | Self::Waiting(_) | Self::Diverted(_) => "delayed",
            Self::Relayed => "relayed",
            Self::Delivered => "delivered",
        }
    }

    /// Ours, where RFC 3464 has one word for several.
    const fn name(self) -> &'static str {
        match self {
            Self::Waiting(_) => "waiting",
            Self::Diverted(_) => "diverted",
            other => other.word(),
        }
    }

    const fn subject(self) -> &'static str {
        match self {
            Self::Failed => "Your message was not delivered",
            Self::Delayed(_) => "Your message is delayed",
            Self::Waiting(_) => "Your message has not gone out yet",
            Self::Diverted(_) => "Your message goes another way",
            Self::Relayed => "Your message was passed on",
            Self::Delivered => "Your message was delivered",
        }
    }

    const fn opening(self) -> &'static str {
        match self {
            Self::Failed => "Your message could not be delivered to:",
            Self::Delayed(_) => "Your message has not been delivered yet to those named below.",
            Self::Waiting(_) => {
                "Your message has not gone out to those named below. It waits in your own \
                 organisation, and nothing of it has been sent to them: a connection to their mail \
                 system that is safe enough for it cannot be made just now."
            }
            Self::Diverted(_) => {
                "A connection that is safe enough for your message could not be made to the mail \
                 system of those named below, and nothing of it was sent there. It is sent to them \
                 by way of the secure message service that your organisation has chosen for this. \
                 If the matter is urgent, telephone them and tell them to expect it there."
            }
            Self::Relayed => {
                "Your message was passed on to the mail systems of those named below. You may hear \
                 no more of it, even when it is delivered."
            }
            Self::Delivered => "Your message was delivered to:",
        }
    }
}

impl Form {
    fn begin_status(self, writing: &mut Writing) {
        match self {
            Self::Ascii => writing.field("Content-Type", "message/delivery-status"),
            Self::Global => {
                writing.field("Content-Type", "message/global-delivery-status");
                writing.field("Content-Transfer-Encoding", "8bit");
            }
        }
        writing.line("");
    }

    fn begin_header(self, writing: &mut Writing) {
        match self {
            Self::Ascii => writing.field("Content-Type", "text/rfc822-headers"),
            Self::Global => {
                writing.field("Content-Type", "message/global-headers");
                writing.field("Content-Transfer-Encoding", "8bit");
            }
        }
        writing.line("");
    }

    fn recipient(self, address: &Address) -> String {
        let written = address.to_string();
        if written.is_ascii() {
            return format!("rfc822; {written}");
        }
        format!("utf-8; {}", self.utf8(&written))
    }

    /// As its sender wrote it; a type of address we do not know is read as
    /// text.
    fn original(self, original: &OriginalRecipient) -> String {
        let address = match &*original.address {
            ascii if ascii.is_ascii() => printable(ascii),
            other => self.utf8(other),
        };
        format!("{}; {address}", printable(&original.address_type))
    }

    /// RFC 6533 section 3: with their numbers where they cannot be written.
    fn utf8(self, text: &str) -> String {
        let mut written = String::new();
        for character in text.chars().take(MAX_ADDRESS) {
            let plain = character.is_ascii_graphic() && !matches!(character, '+' | '=' | '\\');
            let beyond = !character.is_ascii() && !character.is_control();
            if plain || beyond && self == Self::Global {
                written.push(character);
            } else {
                // Writing to a String cannot fail.
                let _ = write!(written, "\\x{{{:X}}}", u32::from(character));
            }
        }
        written
    }
}

const CLOSING: &str = "This report was made by a machine. For the privacy of the people your \
    message may be about, it shows neither the subject nor the text: you will find them in your \
    sent items.";
/// Characters of an address that a report repeats: RFC 3461 section 5.4 has
/// at most 500 in ORCPT.
const MAX_ADDRESS: usize = 500;

#[cfg(test)]
mod tests {
    use mail_parser::{MessageParser, MimeHeaders};

    use super::*;
    use crate::mail::EnhancedStatusCode;

    const CONTENT: &[u8] = b"From: Dr Invented <dr@nhs.test.example>\r\n\
        To: <a@x.example>\r\nSubject: Ann Example 999 000 0018\r\n\
        Message-ID: <1@nhs.test.example>\r\n\r\nAnn Example, NHS number 999 000 0018\r\n";

    fn report(recipient: &ReportedRecipient<'_>, action: Action) -> String {
        report_to("dr@nhs.test.example", recipient, action)
    }

    fn report_to(to: &str, recipient: &ReportedRecipient<'_>, action: Action) -> String {
        let node: Domain = "gw.test.example".parse().unwrap();
        let to: Address = to.parse().unwrap();
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
            original: None,
            reason: Some(FailureReason::Peer),
            reply,
            host: Some("mx.x.example"),
            tls: TlsRequirement::Verified,
            fault: None,
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

    /// Whole reports, as files: one for each kind of news.
    #[test]
    fn reports_are_as_they_have_been_agreed() {
        let address: Address = "a@x.example".parse().unwrap();
        let beyond: Address = "\u{e9}@x.example".parse().unwrap();
        let original = OriginalRecipient {
            address_type: "rfc822".into(),
            address: "list+a=b@y.example".into(),
        };
        let refused = ReportedRecipient { original: Some(&original), ..refused(&address) };
        let taken = Reply::new(250, EnhancedStatusCode(2, 0, 0), "queued as 7");
        let taken = ReportedRecipient { reason: None, reply: &taken, ..refused };
        let busy = Reply::new(451, EnhancedStatusCode(4, 3, 2), "come back later");
        let busy = ReportedRecipient { reply: &busy, ..refused };
        let insecure = Reply::new(451, EnhancedStatusCode(4, 7, 5), "the certificate has expired");
        let insecure = ReportedRecipient {
            reason: Some(FailureReason::Tls),
            reply: &insecure,
            fault: Some(TlsFault::CertificateExpired),
            ..refused
        };
        let stored = ReportedRecipient { host: None, original: None, ..taken };
        let global = ReportedRecipient { address: &beyond, ..refused };
        let until = Timestamp::from_unix_milliseconds(1_795_800_000_000);
        let dr = "dr@nhs.test.example";
        for (name, to, recipient, action) in [
            ("failed", dr, refused, Action::Failed),
            ("failed-beyond-ascii", dr, global, Action::Failed),
            ("failed-to-beyond-ascii", "\u{fc}@nhs.test.example", global, Action::Failed),
            ("delayed", dr, busy, Action::Delayed(until)),
            ("waiting", dr, insecure, Action::Waiting(until)),
            ("diverted", dr, insecure, Action::Diverted(until)),
            ("relayed", dr, taken, Action::Relayed),
            ("delivered", dr, stored, Action::Delivered),
        ] {
            let written = report_to(to, &recipient, action).replace("\r\n", "\n");
            let path = format!("{}/tests/reports/{name}.eml", env!("CARGO_MANIFEST_DIR"));
            if std::env::var_os("WRITE_REPORTS").is_some() {
                std::fs::write(&path, &written).unwrap();
            }
            let agreed = std::fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(written, agreed, "{path}; WRITE_REPORTS=1 writes what is now");
        }
    }

    #[test]
    fn a_report_to_an_address_beyond_ascii_is_a_global_one() {
        let address = "\u{e9}@x.example".parse().unwrap();
        let written = report_to("\u{fc}@nhs.test.example", &refused(&address), Action::Failed);
        assert!(written.contains("Content-Type: message/global-delivery-status\r\n"));
        assert!(written.contains("Final-Recipient: utf-8; \u{e9}@x.example\r\n"));
        let ascii = report(&refused(&address), Action::Failed);
        assert!(ascii.contains("Content-Type: message/delivery-status\r\n"));
        // The boundary between a report that any server takes and one that
        // only SMTPUTF8 carries.
        assert!(ascii.is_ascii());
    }

    #[test]
    fn an_original_recipient_cannot_add_a_field() {
        let address = "a@x.example".parse().unwrap();
        let evil = OriginalRecipient {
            address_type: "rfc822\r\nX-Evil: 1".into(),
            address: "a@x.example\r\nX-Evil: 2\u{e9}\r\nX-Evil: 3".into(),
        };
        for to in ["dr@nhs.test.example", "\u{fc}@nhs.test.example"] {
            let recipient = ReportedRecipient { original: Some(&evil), ..refused(&address) };
            let written = report_to(to, &recipient, Action::Failed);
            assert!(!written.contains("\nX-Evil"), "{written}");
        }
    }
}
