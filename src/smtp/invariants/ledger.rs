//! What a session has asked, done and said, and the rules that each of these
//! has to keep. Answers go by the local part: `no…` is refused at MAIL and
//! RCPT, `full…` finds no memory, `late…` is refused after its content.

use std::{net::IpAddr, num::NonZeroU32, sync::Arc};

use super::content;
use crate::{
    mail::{
        Address, AddressEncoding, Direction, EnhancedStatusCode, Envelope, Origin, QueueId,
        Recipient, Refusal, Reply, RequireTls, ReversePath, SessionEnd, Submission,
    },
    smtp::{
        LineEnds,
        server::{
            Credentials, Dialect, Expected, Forwarding, Nonce, Peer, Proof, Refused, Relaying,
            Sasl, ScramVerifier, Settings, Standing, StartTls, Wait,
        },
    },
    spool::Receipt,
};

pub(super) struct Ledger {
    settings: Arc<Settings>,
    peer: Peer,
    done: Vec<String>,
    said: String,
    /// What was asked about and allowed in the transaction that is open.
    reverse_path: Option<ReversePath>,
    allowed: Vec<Address>,
    /// That have been proven.
    identities: Vec<String>,
    /// Replies that must tell of a receipt.
    promised: usize,
}

impl Ledger {
    pub(super) fn new(settings: Arc<Settings>, peer: Peer) -> Self {
        Self {
            settings,
            peer,
            done: Vec::new(),
            said: String::new(),
            reverse_path: None,
            allowed: Vec::new(),
            identities: Vec::new(),
            promised: 0,
        }
    }

    pub(super) fn sender(&mut self, origin: &Origin, envelope: &Envelope) -> Result<(), Refused> {
        self.may_bring_mail(origin);
        assert!(envelope.recipients.is_empty(), "recipients before there were any");
        self.reverse_path = None;
        self.allowed.clear();
        self.done.push(format!("sender {envelope:?}"));
        match envelope.reverse_path.to_string() {
            path if path.starts_with("no") => Err(refusal(Refusal::Entitlement, 550)),
            _ => {
                self.reverse_path = Some(envelope.reverse_path.clone());
                Ok(())
            }
        }
    }

    pub(super) fn recipient(
        &mut self,
        origin: &Origin,
        recipient: &Recipient,
    ) -> Result<(), Refused> {
        self.may_bring_mail(origin);
        self.may_relay(origin);
        assert!(self.reverse_path.is_some(), "a recipient of nobody's message");
        self.done.push(format!("recipient {recipient:?}"));
        if recipient.address.local_part().starts_with("no") {
            return Err(refusal(Refusal::UnknownRecipient, 550));
        }
        self.allowed.push(recipient.address.clone());
        Ok(())
    }

    /// Another client, which may nothing that this one might.
    pub(super) fn client(&mut self, address: IpAddr) -> Result<Standing, Refused> {
        assert_eq!(self.peer.forwarding, Forwarding::Sessions, "a stranger speaks for another");
        self.reverse_path = None;
        self.allowed.clear();
        self.identities.clear();
        self.peer.certified = None;
        self.peer.relaying = Relaying::Denied;
        self.done.push(format!("client {address}"));
        match address {
            address if address.is_loopback() => Err(refusal(Refusal::ClientSessions, 421)),
            _ => Ok(Standing { relaying: Relaying::Denied, line_ends: LineEnds::Strict }),
        }
    }

    pub(super) fn authentication(
        &mut self,
        origin: &Origin,
        credentials: &Credentials,
    ) -> Result<String, Refused> {
        self.may_authenticate(origin);
        self.done.push(format!("authentication {credentials:?}"));
        let identity = match credentials {
            Credentials::Password { user, .. } => (user == "lab").then_some(user),
            // Whatever is said here, a proof that is wrong must not do.
            Credentials::Scram { user, proof } => {
                if *proof == Proof::Right {
                    self.identities.push(user.clone());
                }
                return Ok(user.clone());
            }
            Credentials::Certificate { name } => {
                assert_eq!(self.peer.certified.as_ref(), Some(name), "nobody's certificate");
                Some(name)
            }
        };
        let identity = identity.ok_or_else(|| refusal(Refusal::Authentication, 535))?;
        self.identities.push(identity.clone());
        Ok(identity.clone())
    }

    pub(super) fn verifier(
        &mut self,
        origin: &Origin,
        user: &str,
    ) -> Result<(ScramVerifier, Nonce), Refused> {
        self.may_authenticate(origin);
        self.done.push(format!("verifier {user}"));
        match user {
            "no" => Err(refusal(Refusal::ShutOut, 454)),
            _ => Ok((pencil(), Nonce::new([7; 18]))),
        }
    }

    pub(super) fn memory(&self) -> Result<(), Refused> {
        let full = self.allowed.iter().any(|recipient| recipient.local_part().starts_with("full"));
        if full { Err(refusal(Refusal::Memory, 452)) } else { Ok(()) }
    }

    pub(super) fn message(&mut self, submission: &Submission) -> Result<Receipt, Refused> {
        let Submission { envelope, content, origin } = submission;
        self.may_bring_mail(origin);
        self.may_relay(origin);
        content::check(content, self.settings.limits.message);
        let longest = content.split_inclusive(|octet| *octet == b'\n').map(<[u8]>::len).max();
        assert!(longest.is_none_or(|longest| longest <= self.settings.limits.content_line));
        self.was_offered(submission);
        assert_eq!(self.reverse_path.take().as_ref(), Some(&envelope.reverse_path));
        let recipients = &envelope.recipients;
        assert!(!recipients.is_empty() && recipients.len() <= self.settings.limits.recipients);
        for recipient in recipients {
            assert!(self.allowed.contains(&recipient.address), "{recipient:?} was not allowed");
        }
        self.done.push(format!("message {envelope:?} {origin:?} {}", content.escape_ascii()));
        let allowed = std::mem::take(&mut self.allowed);
        if allowed.iter().any(|recipient| recipient.local_part().starts_with("late")) {
            return Err(refusal(Refusal::Policy, 554));
        }
        self.promised += match self.settings.dialect {
            Dialect::Smtp => 1,
            // One for each RCPT that was taken (RFC 2033 section 4.2).
            Dialect::Lmtp => allowed.len(),
        };
        Ok(Receipt::for_tests(QueueId::at(1, 1)))
    }

    pub(super) fn refused(&mut self, refused: &Refused) {
        assert!((400..600).contains(&refused.reply.code), "{} refuses nothing", refused.reply);
        self.done.push(format!("refused for {}: {}", refused.reason.name(), refused.reply));
    }

    /// A new session, which knows nothing of what came before.
    pub(super) fn secured(&mut self, certified: Option<String>) {
        self.reverse_path = None;
        self.allowed.clear();
        self.identities.clear();
        self.peer.certified = certified;
        self.peer.tls = Some(super::session::tls_session());
        self.done.push("secured".to_owned());
    }

    pub(super) fn ended(&mut self, end: SessionEnd) {
        self.done.push(format!("ended: {}", end.name()));
    }

    /// Law 7: a session that waits holds what it may hold.
    pub(super) fn keeps(&self, input: &[u8], wait: Wait) {
        assert!(wait.held <= self.settings.limits.message, "{} octets are held", wait.held);
        let most = match wait.expected {
            Expected::Command => LONGEST_LINE,
            Expected::Content => 2 * self.settings.limits.message + LONGEST_LINE,
        };
        assert!(input.len() <= most, "{} octets are kept of at most {most}", input.len());
    }

    pub(super) fn says(&mut self, output: &[u8]) {
        let output = std::str::from_utf8(output).expect("replies in ASCII");
        assert!(output.is_empty() || output.ends_with("\r\n"), "half a reply: {output:?}");
        let mut continued = None;
        for line in output.split_terminator("\r\n") {
            let (code, rest) = line.split_at_checked(3).expect("a code");
            assert!(matches!(code.parse(), Ok(200..600)), "no code: {line:?}");
            assert!(rest.starts_with([' ', '-']), "no separator: {line:?}");
            assert!(line.bytes().all(|octet| (b' '..=b'~').contains(&octet)), "{line:?}");
            assert!(line.len() <= LONGEST_REPLY, "too long: {line:?}");
            assert!(continued.is_none_or(|open| open == code), "codes differ: {output:?}");
            continued = rest.starts_with('-').then_some(code);
        }
        assert_eq!(continued, None, "a reply without its last line: {output:?}");
        self.said.push_str(output);
    }

    /// Everything there was to see, in its order.
    pub(super) fn close(mut self) -> Vec<String> {
        let receipts = self.said.matches("queued as").count();
        assert_eq!(receipts, self.promised, "one 250 a receipt: {}", self.said);
        self.done.extend(self.said.lines().map(str::to_owned));
        self.done
    }

    fn may_authenticate(&self, origin: &Origin) {
        assert!(origin.tls.is_some(), "a password in clear");
        let offered = self.settings.sasl != Sasl::NotOffered || self.peer.certified.is_some();
        assert!(offered, "a password nobody asked for");
    }

    fn may_bring_mail(&self, origin: &Origin) {
        // A peer that may speak for others may say who has authenticated.
        let known = |identity| {
            self.identities.contains(identity) || self.peer.forwarding == Forwarding::Sessions
        };
        assert!(origin.authenticated.as_ref().is_none_or(known), "{:?}", origin.authenticated);
        assert_eq!(origin.tls, self.peer.tls, "TLS that there is not");
        let needed = self.settings.start_tls == StartTls::Required;
        assert!(!needed || origin.tls.is_some(), "mail in clear where TLS is required");
    }

    /// Nothing that this listener does not offer, to this client.
    fn was_offered(&self, Submission { envelope, origin, .. }: &Submission) {
        let requests = &envelope.requests;
        assert!(requests.require_tls == RequireTls::No || origin.tls.is_some(), "{requests:?}");
        if self.settings.direction == Direction::Inbound {
            let none = requests.priority.is_none() && requests.deliver_by.is_none();
            assert!(none && requests.release.is_none(), "{requests:?}");
        }
        if envelope.encoding == AddressEncoding::Ascii {
            let sender = envelope.reverse_path.mailbox();
            let mut recipients = envelope.recipients.iter().map(|recipient| &recipient.address);
            assert!(!sender.is_some_and(Address::needs_smtputf8), "{sender:?}");
            assert!(!recipients.any(Address::needs_smtputf8), "{recipients:?}");
        }
    }

    fn may_relay(&self, origin: &Origin) {
        let somebody = origin.authenticated.is_some() || origin.certified.is_some();
        assert!(
            self.settings.direction == Direction::Inbound
                || self.peer.relaying == Relaying::Permitted
                || somebody,
            "a stranger relays"
        );
    }
}

fn refusal(reason: Refusal, code: u16) -> Refused {
    let class = if code < 500 { 4 } else { 5 };
    Refused { reason, reply: Reply::new(code, EnhancedStatusCode(class, 0, 0), "not this one") }
}

/// Of the password `pencil`, as `tests/fuzz/session.dict` proves to know it.
fn pencil() -> ScramVerifier {
    ScramVerifier {
        iterations: NonZeroU32::MIN,
        salt: b"salt".to_vec(),
        stored_key: STORED_KEY.to_vec(),
        server_key: vec![0; 32],
    }
}

/// SHA-256 of HMAC("Client Key"), after one iteration with that salt.
const STORED_KEY: [u8; 32] = [
    0x3a, 0xd9, 0x39, 0x91, 0xd9, 0xc0, 0xa3, 0xfe, 0x94, 0x0d, 0x47, 0x26, 0xd0, 0xa6, 0x8e, 0xfa,
    0xe1, 0x12, 0x79, 0xdf, 0x38, 0x15, 0x52, 0xc5, 0xed, 0x08, 0x38, 0x37, 0xdb, 0xf5, 0x31, 0x10,
];
/// What AUTH may need (RFC 4954 section 4), and its CRLF.
const LONGEST_LINE: usize = 12_288 + 2;
/// RFC 5321 section 4.5.3.1.5, without its CRLF.
const LONGEST_REPLY: usize = 510;
