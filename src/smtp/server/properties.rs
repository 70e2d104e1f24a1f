//! What holds whatever a client sends.

use std::{num::NonZeroU32, sync::Arc, time::Instant};

use bytes::BytesMut;
use proptest::prelude::*;

use super::{
    Action, Dialect, Limits, Nonce, Peer, Sasl, ScramVerifier, Session, Settings, StartTls,
};
use crate::{
    mail::{Address, AddressEncoding, Direction, Envelope, Protocol, QueueId, RequireTls},
    spool::Receipt,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_split_changes_what_a_session_does(
        dialect in dialect(),
        client in client(),
        cuts in cuts(),
    ) {
        prop_assert_eq!(run(dialect, &client, &[]), run(dialect, &client, &cuts));
    }

    #[test]
    fn nothing_is_accepted_that_was_not_asked_about(dialect in dialect(), client in client()) {
        // `run` checks each message as it comes.
        run(dialect, &client, &[]);
    }

    #[test]
    fn no_octets_make_a_session_panic(client in proptest::collection::vec(any::<u8>(), 0..400)) {
        run(Dialect::Smtp, &client, &[]);
    }

    #[test]
    fn no_silent_client_is_waited_for_twice(dialect in dialect(), client in client()) {
        let mut driver = Driver::new(dialect);
        driver.receive(&client);
        if let Some(until) = driver.until {
            driver.now = until;
            driver.receive(&[]);
        }
        prop_assert!(driver.over);
    }
}

fn dialect() -> impl Strategy<Value = Dialect> {
    prop_oneof![3 => Just(Dialect::Smtp), 1 => Just(Dialect::Lmtp)]
}

/// Sessions made of what clients say, well and badly, in any order.
fn client() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => proptest::sample::select(SAYINGS).prop_map(|saying| saying.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
        1 => "[ -~]{0,30}\r\n".prop_map(String::into_bytes),
        2 => chunk(),
        2 => proptest::sample::select(OPENINGS).prop_map(|opening| opening.as_bytes().to_vec()),
        1 => "(MAIL FROM|RCPT TO):<[a@>.\"\\\\ ]{0,12}>[ =A-Z0-9]{0,8}\r\n".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// BDAT with as many octets as it says, mostly.
fn chunk() -> impl Strategy<Value = Vec<u8>> {
    let octets = prop_oneof![
        3 => proptest::sample::select(CHUNKS).prop_map(|chunk| chunk.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..20),
    ];
    (octets, any::<bool>(), prop_oneof![9 => Just(0), 1 => 1_usize..9]).prop_map(
        |(octets, last, more)| {
            let last = if last { " LAST" } else { "" };
            let command = format!("BDAT {}{last}\r\n", octets.len() + more);
            [command.as_bytes(), &octets].concat()
        },
    )
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(0_usize..1_000, 1..20)
}

/// Everything the session said and did.
fn run(dialect: Dialect, client: &[u8], cuts: &[usize]) -> Vec<String> {
    let mut driver = Driver::new(dialect);
    // It waits for the greeting.
    driver.receive(b"");
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (client.len() + 1)).collect();
    ends.push(client.len());
    ends.sort_unstable();
    let mut start = 0;
    for end in ends {
        driver.receive(&client[start..end]);
        start = end;
    }
    driver.check_replies();
    driver.done
}

struct Driver {
    session: Session,
    input: BytesMut,
    output: Vec<u8>,
    now: Instant,
    done: Vec<String>,
    asked: Vec<Address>,
    /// In this transaction.
    taken: usize,
    /// 250s after content that are due.
    due: usize,
    until: Option<Instant>,
    over: bool,
}

impl Driver {
    fn new(dialect: Dialect) -> Self {
        let node = "mx1.test.example".parse().unwrap();
        let settings = Settings {
            start_tls: StartTls::Offered,
            sasl: Sasl::UnderTls,
            dialect,
            limits: Limits {
                message: MESSAGE,
                content_line: CONTENT_LINE,
                recipients: 3,
                messages: 6,
                ..Limits::default()
            },
            ..Settings::new(node, "test", Direction::Inbound)
        };
        let peer = Peer::at("192.0.2.7".parse().unwrap());
        Self {
            session: Session::new(Arc::new(settings), peer),
            input: BytesMut::new(),
            output: Vec::new(),
            now: Instant::now(),
            done: Vec::new(),
            asked: Vec::new(),
            taken: 0,
            due: 0,
            until: None,
            over: false,
        }
    }

    fn receive(&mut self, octets: &[u8]) {
        self.input.extend_from_slice(octets);
        while !self.over {
            match self.session.next(&mut self.input, self.now) {
                Action::Read(wait) => {
                    assert!(wait.until > self.now && wait.held <= MESSAGE);
                    self.until = Some(wait.until);
                    break;
                }
                Action::Refused(refused) => self.done.push(refused.reply.to_string()),
                Action::Mail(question) => {
                    let requests = &question.envelope().requests;
                    assert_eq!(requests.require_tls, RequireTls::No, "in clear");
                    assert!(requests.priority.is_none(), "inbound");
                    assert!(requests.deliver_by.is_none() && requests.release.is_none());
                    (self.asked, self.taken) = (Vec::new(), 0);
                    question.answer(Ok(()));
                }
                Action::Recipient(question) => {
                    let address = &question.recipient().address;
                    assert!(!address.needs_smtputf8() || is_utf8(question.envelope()));
                    self.asked.push(address.clone());
                    self.taken += 1;
                    question.answer(Ok(()));
                }
                Action::Client(question) => drop(question),
                Action::Verifier(question) => {
                    let verifier = ScramVerifier {
                        iterations: NonZeroU32::MIN,
                        salt: vec![0; 16],
                        stored_key: vec![0; 32],
                        server_key: vec![0; 32],
                    };
                    question.answer(verifier, &Nonce::new([0; 18]));
                }
                Action::Authenticate(question) => question.answer(Ok("somebody".to_owned())),
                Action::Content(question) => question.proceed(),
                Action::Message(message) => {
                    let (submission, pending) = message.hand_over();
                    let recipients = &submission.envelope.recipients;
                    assert!(!recipients.is_empty() && recipients.len() <= 3);
                    assert!(
                        recipients.iter().all(|recipient| self.asked.contains(&recipient.address))
                    );
                    check_content(&submission.content);
                    let content = submission.content.escape_ascii();
                    self.done.push(format!("{:?} {content}", submission.envelope));
                    self.due += match submission.origin.protocol {
                        Protocol::Lmtp => self.taken,
                        Protocol::Smtp | Protocol::Esmtp => 1,
                    };
                    pending.accepted(Receipt::for_tests(QueueId::at(1, 1)));
                }
                Action::StartTls(upgrade) => {
                    // A handshake eats what else is sent in clear: the end.
                    drop(upgrade);
                    self.over = true;
                }
                Action::Close(end) => {
                    self.done.push(end.name().to_owned());
                    self.over = true;
                }
            }
        }
        self.output.extend(self.session.take_output());
    }

    /// No 250 without its receipt, and nothing on the wire but whole reply lines.
    fn check_replies(&mut self) {
        let output = String::from_utf8(std::mem::take(&mut self.output)).unwrap();
        assert_eq!(output.matches("queued as").count(), self.due);
        assert!(output.is_empty() || output.ends_with("\r\n"));
        for line in output.split_terminator("\r\n") {
            assert!(line.len() >= 4 && line.bytes().all(|octet| (0x20..0x7f).contains(&octet)));
            self.done.push(line.to_owned());
        }
    }
}

fn is_utf8(envelope: &Envelope) -> bool {
    envelope.encoding == AddressEncoding::Utf8
}

/// The house rule, however it came in.
fn check_content(content: &[u8]) {
    assert!(content.len() <= MESSAGE);
    assert!(content.is_empty() || content.ends_with(b"\r\n"));
    let text = String::from_utf8_lossy(content);
    for line in text.split_terminator("\r\n") {
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
    }
    let mut lines = content.split_inclusive(|octet| *octet == b'\n');
    assert!(lines.all(|line| line.len() <= CONTENT_LINE));
}

const MESSAGE: usize = 60;
const CONTENT_LINE: usize = 40;

/// So that more than one message in a hundred gets to its content.
const OPENINGS: &[&str] = &[
    "EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\n",
    "LHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\nRCPT TO:<c@x.example>\r\n",
    "EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n",
];

const CHUNKS: &[&str] = &[
    "",
    "text",
    "text\r\n",
    "text\r",
    "\ntext",
    ".\r\n",
    "RCPT TO:<smuggled@gov.test.example>\r\n",
    "RSET\r\nDATA\r\n",
    "0123456789012345678901234567890123456789",
];

const SAYINGS: &[&str] = &[
    "EHLO client.test.example\r\n",
    "HELO client.test.example\r\n",
    "MAIL FROM:<a@nhs.test.example>\r\n",
    "MAIL FROM:<> SIZE=20 BODY=8BITMIME\r\n",
    "MAIL FROM:<a@nhs.test.example> SIZE=100\r\n",
    "RCPT TO:<b@gov.test.example>\r\n",
    "RCPT TO:<c@gov.test.example>\r\n",
    "RCPT TO:<\"a>b\"@gov.test.example>\r\n",
    "DATA\r\n",
    "RSET\r\n",
    "NOOP\r\n",
    "STARTTLS\r\n",
    "AUTH PLAIN AGxhYgBsYWI=\r\n",
    "AUTH LOGIN\r\n",
    "bGFi\r\n",
    // n,,n=lab,r=abc, and a proof that proves nothing.
    "AUTH SCRAM-SHA-256 biwsbj1sYWIscj1hYmM=\r\n",
    "Yz1iaXdzLHI9YWJjQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBLHA9QUFBQQ==\r\n",
    "AUTH EXTERNAL =\r\n",
    "BDAT 3\r\n",
    "BDAT 0 LAST\r\n",
    "BDAT\r\n",
    "LHLO client.test.example\r\n",
    "MAIL FROM:<\u{e9}@nhs.test.example> SMTPUTF8\r\n",
    "MAIL FROM:<a@nhs.test.example> RET=HDRS ENVID=a+2Bb\r\n",
    "MAIL FROM:<a@nhs.test.example> REQUIRETLS\r\n",
    "MAIL FROM:<a@nhs.test.example> MT-PRIORITY=3 BY=120;R\r\n",
    "RCPT TO:<\u{e9}@gov.test.example>\r\n",
    "RCPT TO:<d@gov.test.example> NOTIFY=NEVER ORCPT=rfc822;e\r\n",
    "VRFY \u{e9} SMTPUTF8\r\n",
    "QUIT\r\n",
    "text\r\n",
    "..\r\n",
    ".\r\n",
    "text\r\n.\r\n",
    ".",
    "\r",
    "\n",
    "\r\n",
    "\0",
];
