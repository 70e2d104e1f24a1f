//! Whole dialogues, each at every way its octets may be cut.

use bytes::Bytes;

use super::*;
use crate::mail::{AddressEncoding, Body, FailureReason, Outcome, ReversePath};

/// Plays the lines of a dialogue: `S:` is what the peer says, `C:` what the
/// session must say, `TLS` the handshake, `--` the peer hanging up. Gives the
/// session's news, in words.
fn play(settings: &Settings, messages: &[Message], dialogue: &str) -> Vec<String> {
    let lines: Vec<&str> = dialogue.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let longest = lines.iter().map(|line| line.len()).max().unwrap();
    let mut runs = (1..=longest + 2).map(|size| play_cut(settings, messages, &lines, size));
    let first = runs.next().unwrap();
    for (cut, news) in runs.enumerate() {
        assert_eq!(news, first, "cut at {}", cut + 2);
    }
    first
}

fn play_cut(settings: &Settings, messages: &[Message], lines: &[&str], size: usize) -> Vec<String> {
    let mut session = Session::new(settings.clone());
    let mut lines = lines.iter().peekable();
    let mut incoming = Vec::new();
    let mut messages = messages.iter();
    let mut news = Vec::new();
    loop {
        match session.advance() {
            Action::Send(pieces, _) => {
                let said = String::from_utf8(pieces.concat()).unwrap();
                for line in said.split_terminator("\r\n") {
                    let expected = lines.next().copied();
                    assert_eq!(Some(format!("C: {line}").trim_end()), expected);
                }
            }
            Action::Receive(wait) => {
                if incoming.is_empty() {
                    while let Some(said) = lines.next_if(|line| line.starts_with("S:")) {
                        let said = said.strip_prefix("S: ").unwrap();
                        incoming.extend_from_slice(said.as_bytes());
                        incoming.extend_from_slice(b"\r\n");
                    }
                }
                if incoming.is_empty() {
                    assert_eq!(lines.next(), Some(&"--"), "the session waits for {wait:?}");
                    session.lost(Lost::Closed);
                    continue;
                }
                let rest = incoming.split_off(size.min(incoming.len()));
                session.received(&incoming);
                incoming = rest;
            }
            Action::Secure => {
                // What was sent in clear with the 220 is in the socket.
                if lines.next_if(|line| **line == "TLS").is_none() {
                    news.push("handshake".to_owned());
                    return news;
                }
                session.secured();
            }
            Action::Idle => match messages.next() {
                Some(message) => session.begin(message.clone()),
                None => session.quit(),
            },
            Action::Settled(settlement) => {
                for (address, outcome) in &settlement.outcomes {
                    news.push(format!("{address} {}", word(outcome)));
                }
                if settlement.onward == Onward::Later {
                    news.push("later".to_owned());
                }
            }
            Action::Failed(failed) => news.push(failed.to_string()),
            Action::Closed => {
                assert_eq!(lines.next(), None, "the session is closed");
                return news;
            }
        }
    }
}

fn word(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Delivered(reply) => format!("delivered {reply}"),
        Outcome::Transient(failure) => format!("{}: {}", failure.reason.name(), failure.reply),
        Outcome::Permanent(failure) => format!("{}! {}", failure.reason.name(), failure.reply),
    }
}

fn settings(encryption: Encryption) -> Settings {
    let name = "gw.test.example".parse().unwrap();
    Settings { name, dialect: Dialect::Smtp, encryption }
}

fn message(content: &'static str, recipients: &[&str]) -> Message {
    Message {
        reverse_path: ReversePath::Mailbox("s@nhs.test.example".parse().unwrap()),
        recipients: recipients.iter().map(|to| to.parse().unwrap()).collect(),
        body: Body::SevenBit,
        encoding: AddressEncoding::Ascii,
        content: Bytes::from_static(content.as_bytes()),
    }
}

fn one() -> [Message; 1] {
    [message("A: b\r\n\r\n.hello\r\n", &["a@x.example"])]
}

#[test]
fn a_message_is_sent_command_by_command_to_a_plain_peer() {
    let news = play(
        &settings(Encryption::Never),
        &one(),
        "S: 220 mx.x.example ESMTP
         C: EHLO gw.test.example
         S: 250 mx.x.example
         C: MAIL FROM:<s@nhs.test.example>
         S: 250 ok
         C: RCPT TO:<a@x.example>
         S: 250 ok
         C: DATA
         S: 354 go on
         C: A: b
         C:
         C: ..hello
         C: .
         S: 250 2.0.0 queued as 7
         C: QUIT
         S: 221 bye",
    );
    assert_eq!(news, ["a@x.example delivered 250 2.0.0 queued as 7", "later"]);
}

#[test]
fn a_pipelining_peer_gets_the_envelope_at_once_and_mixed_replies_go_to_their_recipients() {
    let to = ["a@x.example", "b@x.example", "c@x.example"];
    let news = play(
        &settings(Encryption::Never),
        &[message("A: b\r\n\r\nhi\r\n", &to)],
        "S: 220 mx
         C: EHLO gw.test.example
         S: 250-mx
         S: 250-SIZE 1000
         S: 250 PIPELINING
         C: MAIL FROM:<s@nhs.test.example> SIZE=12
         C: RCPT TO:<a@x.example>
         C: RCPT TO:<b@x.example>
         C: RCPT TO:<c@x.example>
         C: DATA
         S: 250 2.1.0 ok
         S: 550 5.1.1 nobody here
         S: 250 2.1.5 ok
         S: 452 4.2.2 full
         S: 354 go on
         C: A: b
         C:
         C: hi
         C: .
         S: 250 2.0.0 done
         C: QUIT
         S: 221 bye",
    );
    assert_eq!(
        news,
        [
            "a@x.example peer! 550 5.1.1 nobody here",
            "b@x.example delivered 250 2.0.0 done",
            "c@x.example peer: 452 4.2.2 full",
            "later"
        ]
    );
}

#[test]
fn a_granted_data_without_recipients_gets_the_empty_message_and_the_next_goes_on() {
    let messages = [message("A: b\r\n\r\n", &["a@x.example"]), one()[0].clone()];
    let news = play(
        &settings(Encryption::Never),
        &messages,
        "S: 220 mx
         C: EHLO gw.test.example
         S: 250-mx
         S: 250 PIPELINING
         C: MAIL FROM:<s@nhs.test.example>
         C: RCPT TO:<a@x.example>
         C: DATA
         S: 250 ok
         S: 550 no
         S: 354 oddly, go on
         C: .
         S: 250 ok
         C: MAIL FROM:<s@nhs.test.example>
         C: RCPT TO:<a@x.example>
         C: DATA
         S: 250 ok
         S: 550 no
         S: 554 no valid recipients
         C: RSET
         S: 250 ok
         C: QUIT
         S: 221 bye",
    );
    assert_eq!(news, ["a@x.example peer! 550 no", "a@x.example peer! 550 no"]);
}

#[test]
fn a_refused_sender_is_every_recipients_outcome() {
    let news = play(
        &settings(Encryption::Never),
        &[message("A: b\r\n\r\n", &["a@x.example", "b@x.example"])],
        "S: 220 mx
         C: EHLO gw.test.example
         S: 250 mx
         C: MAIL FROM:<s@nhs.test.example>
         S: 451 4.7.1 greylisted
         C: RSET
         S: 250 ok
         C: QUIT
         S: 221 bye",
    );
    let greylisted = "peer: 451 4.7.1 greylisted";
    assert_eq!(news, [format!("a@x.example {greylisted}"), format!("b@x.example {greylisted}")]);
}

#[test]
fn a_peer_that_knows_no_ehlo_is_greeted_with_helo() {
    let news = play(
        &settings(Encryption::IfOffered),
        &[],
        "S: 220 mx
         C: EHLO gw.test.example
         S: 502 what?
         C: HELO gw.test.example
         S: 250 mx
         C: QUIT
         --",
    );
    assert_eq!(news, [""; 0]);
}

#[test]
fn extensions_heard_in_clear_do_not_survive_start_tls() {
    let news = play(
        &settings(Encryption::Required),
        &one(),
        "S: 220 mx
         C: EHLO gw.test.example
         S: 250-mx
         S: 250-PIPELINING
         S: 250 STARTTLS
         C: STARTTLS
         S: 220 go on
         TLS
         C: EHLO gw.test.example
         S: 250 mx
         C: MAIL FROM:<s@nhs.test.example>
         S: 421 closing
         ",
    );
    assert_eq!(news, ["a@x.example peer: 421 closing"]);
}

#[test]
fn nothing_is_said_in_clear_where_encryption_is_required() {
    for (dialogue, why) in [
        (
            "S: 220 mx
             C: EHLO gw.test.example
             S: 250 mx",
            "TLS is required and the next hop does not offer STARTTLS",
        ),
        (
            "S: 220 mx
             C: EHLO gw.test.example
             S: 500 what?
             C: HELO gw.test.example
             S: 250 mx",
            "TLS is required and the next hop does not offer STARTTLS",
        ),
        (
            "S: 220 mx
             C: EHLO gw.test.example
             S: 250 STARTTLS
             S: 250 mx",
            "TLS is required and the next hop does not offer STARTTLS",
        ),
        (
            "S: 220 mx
             C: EHLO gw.test.example
             S: 250-mx
             S: 250 STARTTLS
             C: STARTTLS
             S: 454 4.7.0 not now",
            "TLS is required and the next hop refused STARTTLS: 454 4.7.0 not now",
        ),
    ] {
        assert_eq!(play(&settings(Encryption::Required), &one(), dialogue), [why]);
    }
}

#[test]
fn where_encryption_is_optional_a_refused_start_tls_is_lived_with() {
    let news = play(
        &settings(Encryption::IfOffered),
        &[],
        "S: 220 mx
         C: EHLO gw.test.example
         S: 250-mx
         S: 250 STARTTLS
         C: STARTTLS
         S: 454 not now
         C: QUIT
         S: 221 bye",
    );
    assert_eq!(news, [""; 0]);
}

#[test]
fn what_is_injected_behind_the_reply_to_start_tls_fails_the_session() {
    let mut session = Session::new(settings(Encryption::IfOffered));
    for said in ["220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n", "220 go\r\n250 injected\r\n"] {
        while matches!(session.advance(), Action::Send(..)) {}
        session.received(said.as_bytes());
    }
    assert!(matches!(session.advance(), Action::Failed(Failed::Injected)));
    assert!(matches!(session.advance(), Action::Closed));
}

#[test]
fn a_reply_given_before_content_was_sent_does_not_count() {
    let mut session = Session::new(settings(Encryption::Never));
    for said in ["220 mx\r\n", "250 mx\r\n"] {
        while matches!(session.advance(), Action::Send(..)) {}
        session.received(said.as_bytes());
    }
    assert!(matches!(session.advance(), Action::Idle));
    let [message] = one();
    session.begin(message);
    for said in ["250 ok\r\n", "250 ok\r\n", "354 go\r\n250 delivered\r\n"] {
        while matches!(session.advance(), Action::Send(..)) {}
        session.received(said.as_bytes());
    }
    let Action::Settled(settlement) = session.advance() else { panic!("it went on") };
    assert!(matches!(&settlement.outcomes[0].1, Outcome::Transient(failure)
        if failure.reason == FailureReason::Connection));
}

#[test]
fn a_connection_lost_after_content_is_not_tried_elsewhere_at_once() {
    let news = play(
        &settings(Encryption::Never),
        &one(),
        "S: 220 mx
         C: EHLO gw.test.example
         S: 250 mx
         C: MAIL FROM:<s@nhs.test.example>
         S: 250 ok
         C: RCPT TO:<a@x.example>
         S: 250 ok
         C: DATA
         S: 354 go on
         C: A: b
         C:
         C: ..hello
         C: .
         --",
    );
    let lost = "a@x.example connection: 451 4.4.2 the next hop closed the connection";
    assert_eq!(news, [lost, "later"]);
}

#[test]
fn an_lmtp_peer_answers_for_each_recipient() {
    let mut lmtp = settings(Encryption::Never);
    lmtp.dialect = Dialect::Lmtp;
    let news = play(
        &lmtp,
        &[message("A: b\r\n\r\n", &["a@x.example", "b@x.example", "c@x.example"])],
        "S: 220 mx
         C: LHLO gw.test.example
         S: 250-mx
         S: 250 PIPELINING
         C: MAIL FROM:<s@nhs.test.example>
         C: RCPT TO:<a@x.example>
         C: RCPT TO:<b@x.example>
         C: RCPT TO:<c@x.example>
         C: DATA
         S: 250 ok
         S: 250 ok
         S: 550 no
         S: 250 ok
         S: 354 go on
         C: A: b
         C:
         C: .
         S: 250 stored
         S: 452 4.2.2 full
         C: QUIT
         S: 221 bye",
    );
    assert_eq!(
        news,
        [
            "a@x.example delivered 250 stored",
            "b@x.example peer! 550 no",
            "c@x.example peer: 452 4.2.2 full",
            "later"
        ]
    );
}

#[test]
fn what_the_peer_cannot_carry_is_not_sent() {
    let mut long = message("A: b\r\n\r\nlong\r\n", &["a@x.example"]);
    long.content = Bytes::from(vec![b'x'; 2000]);
    let eight_bit = message("A: b\r\n\r\n\u{e9}\r\n", &["a@x.example"]);
    let mut utf8 = message("A: b\r\n\r\n", &["\u{e9}@x.example"]);
    utf8.encoding = AddressEncoding::Utf8;
    let news = play(
        &settings(Encryption::Never),
        &[long, eight_bit, utf8],
        "S: 220 mx
         C: EHLO gw.test.example
         S: 250-mx
         S: 250 SIZE 1000
         C: QUIT
         S: 221 bye",
    );
    assert!(news[0].starts_with("a@x.example extension! 552 5.3.4"), "{}", news[0]);
    assert!(news[1].starts_with("a@x.example extension! 554 5.6.3"), "{}", news[1]);
    assert!(news[2].starts_with("\u{e9}@x.example extension! 553 5.6.7"), "{}", news[2]);
}

#[test]
fn what_the_peer_offers_is_used() {
    let mut utf8 = message("A: \u{e9}\r\n\r\n", &["\u{e9}@x.example"]);
    utf8.encoding = AddressEncoding::Utf8;
    play(
        &settings(Encryption::Never),
        &[utf8],
        "S: 220 mx
         C: EHLO gw.test.example
         S: 250-mx
         S: 250-SIZE
         S: 250-8BITMIME
         S: 250 SMTPUTF8
         C: MAIL FROM:<s@nhs.test.example> SIZE=9 BODY=8BITMIME SMTPUTF8
         S: 250 ok
         C: RCPT TO:<\u{e9}@x.example>
         S: 550 no
         C: RSET
         S: 250 ok
         C: QUIT
         S: 221 bye",
    );
}

#[test]
fn a_greeting_that_is_no_welcome_is_kept_as_the_peers_own_word() {
    let news = play(&settings(Encryption::Never), &[], "S: 554 5.7.1 go away");
    assert_eq!(news, ["the next hop does not take mail from us: 554 5.7.1 go away"]);
}
