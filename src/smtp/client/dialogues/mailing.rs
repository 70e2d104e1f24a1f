//! Messages, one after another: pipelined or not, refused here and there.

use super::{
    super::{Action, Dialect, Encryption, Session},
    message, one, play, settings,
};
use crate::mail::{FailureReason, Outcome};

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
            "a@x.example stored 250 stored",
            "b@x.example peer! 550 no",
            "c@x.example peer: 452 4.2.2 full",
            "later"
        ]
    );
}

#[test]
fn an_lmtp_peer_that_offers_dsn_answers_for_its_mailboxes_itself() {
    let mut lmtp = settings(Encryption::Never);
    lmtp.dialect = Dialect::Lmtp;
    let news = play(
        &lmtp,
        &[message("A: b\r\n\r\n", &["a@x.example"])],
        "S: 220 mx
         C: LHLO gw.test.example
         S: 250-mx
         S: 250 DSN
         C: MAIL FROM:<s@nhs.test.example>
         S: 250 ok
         C: RCPT TO:<a@x.example>
         S: 250 ok
         C: DATA
         S: 354 go on
         C: A: b
         C:
         C: .
         S: 250 stored
         C: QUIT
         S: 221 bye",
    );
    assert_eq!(news, ["a@x.example taken over 250 stored", "later"]);
}
