//! Notices about messages that wait for TLS as good as they need: in plain
//! words to the sender, who must know that nothing has gone out (law 2), and
//! with the commands to the officers, who can act.

use std::fmt::Write as _;

use bytes::Bytes;

use super::{
    dsn::ReportedRecipient,
    original::Original,
    writing::{Automatic, Heading, Writing, printable, wrapped},
};
use crate::mail::{
    Address, Domain, Level, NextHop, QueueId, ReversePath, Timestamp, TlsFault, TlsRequirement,
    Urgency,
};

/// A message that waits for TLS, as the officers see it.
#[derive(Clone, Copy, Debug)]
pub struct WaitingMessage<'a> {
    /// Where it waits.
    pub node: &'a Domain,
    pub at: Timestamp,
    pub id: QueueId,
    pub sender: &'a ReversePath,
    pub sender_told: SenderTold,
    pub level: Level,
    pub urgency: Urgency,
    pub since: Timestamp,
    /// Until when it is tried.
    pub until: Timestamp,
    pub recipients: &'a [ReportedRecipient<'a>],
    /// Where policy has sent it instead.
    pub fallback: Option<&'a NextHop>,
    pub company: Company,
    /// Only its Message-ID is shown.
    pub content: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SenderTold {
    Yes,
    /// It has no return address, or asked not to hear of delays.
    No,
}

/// What else waits for the same domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Company {
    /// Nothing that the officers have not heard of.
    Alone,
    /// So many messages more, of which they have not heard.
    Others(u32),
    /// They hear of no others before this moment.
    MoreUntil(Timestamp),
}

/// To those who can act: what waits, for what, why not, and the commands.
pub fn tell_officers_of_waiting(waiting: &WaitingMessage<'_>, officers: &Address) -> Bytes {
    let original = Original::of(waiting.content);
    let mut text = wrapped(waiting.opening(), "");
    waiting.describe(&mut text);
    text.push_str("\nFor whom, and why not\n\n");
    for recipient in waiting.recipients.iter().take(MAX_RECIPIENTS) {
        recipient.describe_to_officers(&mut text);
    }
    if let Some(more @ 1..) = waiting.recipients.len().checked_sub(MAX_RECIPIENTS) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  and {more} more");
    }
    waiting.describe_company(&mut text);
    waiting.describe_commands(&mut text);
    let domains = waiting.domains();
    let others = match domains.len() {
        0 | 1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let urgent = if waiting.urgency == Urgency::Urgent { "Urgent: m" } else { "M" };
    let domain = domains.first().map_or_else(String::new, ToString::to_string);
    let mut writing = Writing::begin(&Heading {
        node: waiting.node,
        token: format!("{}.waiting.{}", waiting.id, waiting.at.unix_milliseconds()),
        at: waiting.at,
        to: officers,
        subject: format!("{urgent}essage {} waits for TLS to {domain}{others}", waiting.id),
        about: original.message_id,
        automatic: Automatic::Generated,
    });
    writing.text(&text);
    writing.finish()
}

impl WaitingMessage<'_> {
    fn opening(&self) -> &'static str {
        match self.fallback {
            None => {
                "A message waits because the TLS that it needs cannot be had. Nothing of it has \
                 been sent. It stays here until the other end is mended, you act, or its time \
                 runs out."
            }
            Some(_) => {
                "The TLS that a message needs could not be had, and policy has sent it another \
                 way. Nothing of it has gone to its own destination."
            }
        }
    }

    // Writing to a String cannot fail.
    fn describe(&self, text: &mut String) {
        let told = match self.sender_told {
            SenderTold::Yes => "has been told",
            SenderTold::No => "has not been told: no return address, or no wish to hear of delays",
        };
        let _ = writeln!(text, "\n  Queue id     {}", self.id);
        let _ = writeln!(text, "  Sender       <{}>", self.sender);
        let _ = writeln!(text, "               {told}");
        let _ = writeln!(text, "  Level        {}", self.level);
        if self.urgency == Urgency::Urgent {
            let _ = writeln!(text, "  Urgent       yes");
        }
        let _ = writeln!(text, "  Waits since  {}", self.since.rfc5322());
        let _ = writeln!(text, "  Tried until  {}", self.until.rfc5322());
        if let Some(next_hop) = self.fallback {
            let _ = writeln!(text, "  Sent to      {}", printable(&next_hop.to_string()));
        }
    }

    fn describe_company(&self, text: &mut String) {
        let domain = self.domains().first().map_or_else(String::new, ToString::to_string);
        let words = match self.company {
            Company::Alone => return,
            Company::Others(1) => format!("One more message waits for {domain}."),
            Company::Others(count) => format!("{count} more messages wait for {domain}."),
            Company::MoreUntil(moment) => format!(
                "Of more messages for {domain} you will not hear one by one before {}, unless they \
                 are urgent. Their senders will.",
                moment.rfc5322()
            ),
        };
        text.push('\n');
        text.push_str(&wrapped(&words, ""));
        text.push_str("\n  postern queue list\n");
    }

    fn describe_commands(&self, text: &mut String) {
        text.push_str("\nWhat you can do, on the gateway\n\n");
        let id = self.id;
        let mut command = |written: String, effect: &str| {
            let _ = writeln!(text, "  {written}\n      {effect}");
        };
        for domain in self.domains().iter().take(MAX_DOMAINS) {
            command(
                format!("postern probe {domain}"),
                "what is wrong with its TLS, seen from here",
            );
        }
        command(format!("postern queue show {id}"), "all that is known of the message");
        command(format!("postern queue retry {id}"), "try again now");
        command(
            format!("postern queue redirect {id} --to smtp://HOST:PORT --reason \"…\""),
            "send it another way, as well protected",
        );
        command(
            format!("postern queue exempt {id} --tls encrypted --for 4h --reason \"…\""),
            "let this one message go with less protection; your name is recorded",
        );
        command(format!("postern queue bounce {id} --reason \"…\""), "return it to its sender");
    }

    /// Each once, in order.
    fn domains(&self) -> Vec<&Domain> {
        let mut domains: Vec<&Domain> = Vec::new();
        for recipient in self.recipients {
            let domain = recipient.address.domain();
            if !domains.contains(&domain) {
                domains.push(domain);
            }
        }
        domains
    }
}

impl ReportedRecipient<'_> {
    fn describe_to_officers(&self, text: &mut String) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {}", self.address);
        let fault = self.fault.map_or("not known more closely", TlsFault::name);
        let host = self.host.map_or_else(|| "none reached".to_owned(), printable);
        text.push_str(&wrapped(&format!("policy needs: TLS {}", self.tls), "    "));
        text.push_str(&wrapped(&format!("host: {host}; fault: {fault}"), "    "));
        text.push_str(&wrapped(&printable(&self.reply.to_string()), "    "));
    }

    /// What was asked, and why it could not be had, for somebody who knows
    /// nothing of mail.
    pub(super) fn plainly(&self) -> [&'static str; 2] {
        [asked(self.tls), why(self.fault)]
    }
}

const fn asked(tls: TlsRequirement) -> &'static str {
    match tls {
        TlsRequirement::Encrypted => {
            "Your message needs a connection to their mail system that nobody can listen in on."
        }
        _ => {
            "Your message needs a connection that nobody can listen in on, to a mail system that \
             has proved to be theirs."
        }
    }
}

const fn why(fault: Option<TlsFault>) -> &'static str {
    use TlsFault::{
        CertificateExpired, CertificateHostMismatch, CertificateNotTrusted, DaneRequired,
        DnssecInvalid, StarttlsNotSupported, StsPolicyFetchError, StsPolicyInvalid,
        StsWebpkiInvalid, TlsaInvalid, ValidationFailure,
    };
    match fault {
        Some(StarttlsNotSupported) => "Their mail system does not offer such a connection.",
        Some(CertificateHostMismatch) => {
            "The mail system that answers shows a proof of identity made out to another name."
        }
        Some(CertificateExpired) => {
            "The proof of identity that their mail system shows is out of date."
        }
        Some(CertificateNotTrusted) => {
            "The proof of identity that their mail system shows comes from nobody we trust."
        }
        Some(TlsaInvalid | DaneRequired) => {
            "What their organisation has published about its mail system does not agree with what \
             that mail system shows."
        }
        Some(DnssecInvalid) => {
            "What their organisation has published about its mail system may have been tampered \
             with."
        }
        Some(StsPolicyFetchError | StsPolicyInvalid | StsWebpkiInvalid) => {
            "Their organisation has rules for mail to it, and they cannot be read just now."
        }
        Some(ValidationFailure) | None => {
            "Such a connection was tried, and it failed before anything was sent."
        }
    }
}

/// For the sender of a message that waits.
pub(super) const ADVICE: [&str; 4] = [
    "If it can wait, do nothing: it goes by itself as soon as the connection is safe. Do not \
     take it that the recipient has it.",
    "If it cannot wait, telephone the recipient.",
    "Or use another way that your organisation has approved for what you have to say.",
    "Or call your service desk or duty desk and give the reference below. They can see why it \
     waits, and can send it another way.",
];
const MAX_RECIPIENTS: usize = 20;
const MAX_DOMAINS: usize = 5;

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::*;
    use crate::mail::{EnhancedStatusCode, FailureReason, Reply};

    fn notice(urgency: Urgency, fallback: Option<&NextHop>) -> (String, String) {
        notice_in(urgency, fallback, Company::Alone)
    }

    fn notice_in(
        urgency: Urgency,
        fallback: Option<&NextHop>,
        company: Company,
    ) -> (String, String) {
        let text = "no TLS: the certificate has expired\r\nX-Evil: 1";
        let reply = Reply::new(451, EnhancedStatusCode(4, 7, 5), text);
        let recipient = ReportedRecipient {
            address: &"a@x.example".parse().unwrap(),
            original: None,
            reason: Some(FailureReason::Tls),
            reply: &reply,
            host: Some("mx.x.example"),
            tls: TlsRequirement::Verified,
            fault: Some(TlsFault::CertificateExpired),
        };
        let waiting = WaitingMessage {
            node: &"gw.test.example".parse().unwrap(),
            at: Timestamp::from_unix_milliseconds(1_795_367_525_123),
            id: QueueId::at(1_795_367_000_000, 0),
            sender: &ReversePath::Mailbox("dr@nhs.test.example".parse().unwrap()),
            sender_told: SenderTold::Yes,
            level: Level::CLINICAL,
            urgency,
            since: Timestamp::from_unix_milliseconds(1_795_367_000_000),
            until: Timestamp::from_unix_milliseconds(1_795_800_000_000),
            recipients: &[recipient],
            fallback,
            company,
            content: b"Subject: Ann Example\r\nMessage-ID: <1@x.example>\r\n\r\n999 000 0018\r\n",
        };
        let officers = "ig@nhs.test.example".parse().unwrap();
        let written = tell_officers_of_waiting(&waiting, &officers);
        let message = MessageParser::new().parse(&written[..]).unwrap();
        let text = message.body_text(0).unwrap().into_owned();
        (String::from_utf8(written.to_vec()).unwrap(), text)
    }

    #[test]
    fn the_officers_read_what_waits_why_and_the_commands() {
        let (written, text) = notice(Urgency::Usual, None);
        for expected in [
            "Queue id     1m823cny00000",
            "<dr@nhs.test.example>",
            "host: mx.x.example; fault: certificate-expired",
            "policy needs: TLS verified",
            "postern probe x.example",
            "--tls encrypted --for 4h --reason",
            "--to smtp://HOST:PORT --reason",
        ] {
            assert!(text.contains(expected), "{expected:?} is missing in {text}");
        }
        assert!(written.contains("Auto-Submitted: auto-generated\r\n"));
        assert!(written.contains("waits for TLS to x.example\r\n"), "{written}");
        assert!(!written.contains("Urgent"));
        assert!(notice(Urgency::Urgent, None).0.contains("Subject: Urgent: message "));
    }

    #[test]
    fn the_officers_read_where_policy_has_sent_it() {
        let portal = "smtp://portal.example:25".parse().unwrap();
        let (_, text) = notice(Urgency::Usual, Some(&portal));
        assert!(text.contains("Sent to      smtp://portal.example:25"), "{text}");
    }

    #[test]
    fn the_officers_read_what_else_waits() {
        let text = |company| notice_in(Urgency::Usual, None, company).1;
        assert!(!text(Company::Alone).contains("queue list"));
        let others = text(Company::Others(997));
        assert!(others.contains("997 more messages wait for x.example."), "{others}");
        let until = Company::MoreUntil(Timestamp::from_unix_milliseconds(1_795_371_125_123));
        assert!(text(until).contains("you will not hear one by one before"));
    }

    #[test]
    fn neither_what_is_in_the_message_nor_a_field_of_a_peers_is_in_a_notice() {
        let (written, text) = notice(Urgency::Usual, None);
        for secret in ["Ann", "999 000", "\nX-Evil"] {
            assert!(!written.contains(secret) && !text.contains(secret), "{secret} in {text}");
        }
    }

    #[test]
    fn a_sender_reads_no_jargon_whatever_the_fault() {
        let faults = [
            None,
            Some(TlsFault::StarttlsNotSupported),
            Some(TlsFault::CertificateHostMismatch),
            Some(TlsFault::CertificateExpired),
            Some(TlsFault::CertificateNotTrusted),
            Some(TlsFault::ValidationFailure),
            Some(TlsFault::TlsaInvalid),
            Some(TlsFault::DnssecInvalid),
            Some(TlsFault::DaneRequired),
            Some(TlsFault::StsPolicyFetchError),
        ];
        let asked = TlsRequirement::ALL.map(asked);
        for sentence in faults.map(why).into_iter().chain(asked).chain(ADVICE) {
            for jargon in ["TLS", "DNS", "STARTTLS", "certificate", "DANE", "policy", "handshake"] {
                assert!(!sentence.contains(jargon), "{jargon} in {sentence}");
            }
        }
    }
}
