//! Whose mail it is, where it comes from outside and shows an author of ours.

use bytes::Bytes;
use postern::{
    content::{Content, Extract},
    gateway::{Arriving, message_facts},
    mail::{AuthenticationFacts, Direction, Spoof},
};

use super::support::{must_compile, with_rules};

fn signs(direction: Direction, author: &str, alignment: Option<&str>) -> Vec<Spoof> {
    let policy = must_compile(with_rules(""));
    let raw = format!("From: {author}\r\nSubject: x\r\n\r\nx\r\n");
    let authentication = alignment.map(|alignment| AuthenticationFacts {
        alignment: alignment.to_owned(),
        ..AuthenticationFacts::default()
    });
    let sender = "bounces@list.example".parse().unwrap();
    let arriving = Arriving {
        authentication: authentication.as_ref(),
        ..Arriving::plainly(direction, &sender)
    };
    let content = Content::parse(Bytes::from(raw));
    message_facts(&policy, &content, &Extract::default(), &arriving).0.spoof
}

#[test]
fn an_author_of_ours_from_outside_is_a_sign_unless_it_is_proved() {
    let ours = "Ward 7 <ward@mytrust.nhs.test.example>";
    let below = "ward@clinic.mytrust.nhs.test.example";
    for author in [ours, below] {
        for alignment in [None, Some("fail"), Some("temperror")] {
            assert_eq!(signs(Direction::Inbound, author, alignment), [Spoof::LocalDomain]);
        }
        assert_eq!(signs(Direction::Inbound, author, Some("pass")), []);
        assert_eq!(signs(Direction::Outbound, author, None), []);
    }
    assert_eq!(signs(Direction::Inbound, "a@list.example", None), []);
}
