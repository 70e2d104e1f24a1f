//! Questions about a recipient, without a message.

use bytes::Bytes;

use super::{
    super::{Action, Answer, Encryption, Failed, Lost, Question, Session},
    settings,
};
use crate::mail::{EnhancedStatusCode, Reply, ReversePath};

/// What a session answers that hears these replies, and what it has said.
fn ask(recipient: &str, replies: &[&str]) -> (Action, String) {
    let mut session = Session::new(settings(Encryption::Never));
    let question =
        Question { reverse_path: ReversePath::Null, recipient: recipient.parse().unwrap() };
    let mut replies = replies.iter();
    let mut said = String::new();
    loop {
        match session.advance() {
            Action::Send(pieces, _) => {
                said.push_str(&pieces.iter().map(to_text).collect::<String>());
            }
            Action::Receive(_) => match replies.next() {
                Some(reply) => session.received(format!("{reply}\r\n").as_bytes()),
                None => session.lost(Lost::Closed),
            },
            Action::Idle if said.ends_with("gw.test.example\r\n") => session.ask(&question),
            news => return (news, said),
        }
    }
}

fn to_text(piece: &Bytes) -> String {
    String::from_utf8(piece.to_vec()).unwrap()
}

const OPENING: &str = "EHLO gw.test.example\r\n";

#[test]
fn the_answer_is_the_peers_word_on_the_recipient() {
    for reply in ["250 2.1.5 ok", "451 4.2.1 later", "550 5.1.1 nobody"] {
        let (answer, said) = ask("a@x.example", &["220 mx", "250 mx", "250 ok", reply]);
        let Action::Answered(Answer::Recipient(heard)) = answer else { panic!("{answer:?}") };
        assert_eq!(heard.to_string(), reply);
        assert_eq!(said, format!("{OPENING}MAIL FROM:<>\r\nRCPT TO:<a@x.example>\r\n"));
    }
}

#[test]
fn a_refused_sender_is_no_verdict_on_the_recipient() {
    let (answer, said) = ask("a@x.example", &["220 mx", "250 mx", "550 5.7.1 not you"]);
    let refusal = Reply::new(550, EnhancedStatusCode(5, 7, 1), "not you");
    assert!(matches!(answer, Action::Answered(Answer::Sender(reply)) if reply == refusal));
    assert!(!said.contains("RCPT"));
}

#[test]
fn an_address_the_peer_cannot_read_is_not_said() {
    let (answer, said) = ask("\u{e9}@x.example", &["220 mx", "250 mx"]);
    assert!(matches!(answer, Action::Answered(Answer::Unspeakable)));
    assert_eq!(said, OPENING);
    let (_, said) =
        ask("\u{e9}@x.example", &["220 mx", "250-mx\r\n250 SMTPUTF8", "250 ok", "250 ok"]);
    assert!(said.contains("MAIL FROM:<> SMTPUTF8\r\nRCPT TO:<\u{e9}@x.example>\r\n"), "{said}");
}

#[test]
fn a_peer_that_closes_has_answered_nothing() {
    for replies in [
        &["220 mx", "250 mx", "250 ok"][..],
        &["220 mx", "250 mx", "421 4.3.2 closing"],
        &["220 mx", "250 mx", "250 ok", "421 4.3.2 closing"],
    ] {
        let (answer, _) = ask("a@x.example", replies);
        assert!(
            matches!(answer, Action::Failed(Failed::Lost(_) | Failed::Refused(_))),
            "{answer:?}"
        );
    }
}
