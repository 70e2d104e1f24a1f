//! What holds whatever a client sends.

use std::{num::NonZeroU32, sync::Arc, time::Instant};

use bytes::BytesMut;
use proptest::prelude::*;

use super::{Action, Limits, Nonce, Peer, Sasl, ScramVerifier, Session, Settings, StartTls};
use crate::{
    mail::{Address, Direction, QueueId},
    spool::Receipt,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_split_changes_what_a_session_does(client in client(), cuts in cuts()) {
        prop_assert_eq!(run(&client, &[]), run(&client, &cuts));
    }

    #[test]
    fn nothing_is_accepted_that_was_not_asked_about(client in client()) {
        // `run` checks each message as it comes.
        run(&client, &[]);
    }

    #[test]
    fn no_octets_make_a_session_panic(client in proptest::collection::vec(any::<u8>(), 0..400)) {
        run(&client, &[]);
    }
}

/// Sessions made of what clients say, well and badly, in any order.
fn client() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => proptest::sample::select(SAYINGS).prop_map(|saying| saying.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
        1 => "[ -~]{0,30}\r\n".prop_map(String::into_bytes),
        1 => "(MAIL FROM|RCPT TO):<[a@>.\"\\\\ ]{0,12}>[ =A-Z0-9]{0,8}\r\n".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(0_usize..1_000, 1..20)
}

/// Everything the session said and did.
fn run(client: &[u8], cuts: &[usize]) -> Vec<String> {
    let mut driver = Driver::new();
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
    receipts: usize,
    over: bool,
}

impl Driver {
    fn new() -> Self {
        let node = "mx1.test.example".parse().unwrap();
        let settings = Settings {
            start_tls: StartTls::Offered,
            sasl: Sasl::UnderTls,
            limits: Limits { message: 60, recipients: 3, ..Limits::default() },
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
            receipts: 0,
            over: false,
        }
    }

    fn receive(&mut self, octets: &[u8]) {
        self.input.extend_from_slice(octets);
        while !self.over {
            match self.session.next(&mut self.input, self.now) {
                Action::Read(_) => break,
                Action::Refused(refused) => self.done.push(refused.reply.to_string()),
                Action::Mail(question) => question.answer(Ok(())),
                Action::Recipient(question) => {
                    self.asked.push(question.recipient().address.clone());
                    question.answer(Ok(()));
                }
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
                    assert!(submission.content.len() <= 60);
                    let content = submission.content.escape_ascii();
                    self.done.push(format!("{:?} {content}", submission.envelope));
                    self.asked.clear();
                    self.receipts += 1;
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

    /// One 250 a receipt, and nothing on the wire but whole reply lines.
    fn check_replies(&mut self) {
        let output = String::from_utf8(std::mem::take(&mut self.output)).unwrap();
        assert_eq!(output.matches("queued as").count(), self.receipts);
        assert!(output.is_empty() || output.ends_with("\r\n"));
        for line in output.split_terminator("\r\n") {
            assert!(line.len() >= 4 && line.bytes().all(|octet| (0x20..0x7f).contains(&octet)));
            self.done.push(line.to_owned());
        }
    }
}

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
