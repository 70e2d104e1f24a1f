//! What senders have asked for, on its way to the next hop.

use super::{
    super::{Encryption, Message},
    message, play, recipient, settings,
};
use crate::mail::{
    AddressEncoding, ByMode, ByTrace, DeliverBy, Notify, OriginalRecipient, Priority, Recipient,
    Requests, RequireTls, Returned,
};

/// Asks for everything there is.
fn demanding() -> Message {
    let original =
        OriginalRecipient { address_type: "rfc822".into(), address: "a+b=c@x.example".into() };
    let notify = Notify { success: true, failure: true, delay: false };
    Message {
        recipients: vec![
            Recipient {
                notify: Some(notify),
                original: Some(original),
                ..recipient("a@x.example")
            },
            Recipient { notify: Some(Notify::NEVER), ..recipient("b@x.example") },
            recipient("c@x.example"),
        ],
        requests: Requests {
            returned: Some(Returned::Headers),
            envelope_id: Some("id 1+1=2".into()),
            priority: Some(Priority::try_from(-4).unwrap()),
            deliver_by: Some(by(120, ByMode::Notify, ByTrace::Yes)),
            ..Requests::default()
        },
        ..message("A: b\r\n\r\n", &[])
    }
}

fn by(seconds: i64, mode: ByMode, trace: ByTrace) -> DeliverBy {
    DeliverBy { seconds, mode, trace }
}

#[test]
fn what_the_peer_offers_to_honour_is_passed_on() {
    let news = play(
        &settings(Encryption::Never),
        &[demanding()],
        "S: 220 mx
         C: EHLO gw.test.example
         S: 250-mx
         S: 250-PIPELINING
         S: 250-DSN
         S: 250-MT-PRIORITY MIXER
         S: 250 DELIVERBY 30
         C: MAIL FROM:<s@nhs.test.example> RET=HDRS ENVID=id+201+2B1+3D2 MT-PRIORITY=-4 BY=120;NT
         C: RCPT TO:<a@x.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb+3Dc@x.example
         C: RCPT TO:<b@x.example> NOTIFY=NEVER
         C: RCPT TO:<c@x.example>
         C: DATA
         S: 250 ok
         S: 250 ok
         S: 250 ok
         S: 250 ok
         S: 354 go
         C: A: b
         C:
         C: .
         S: 250 mine
         C: QUIT
         S: 221 bye",
    );
    let taken = ["a", "b", "c"].map(|who| format!("{who}@x.example taken over 250 mine"));
    assert_eq!(news, [taken.as_slice(), &["later".to_owned()]].concat());
}

#[test]
fn a_peer_that_offers_nothing_is_told_nothing() {
    let news = play(
        &settings(Encryption::Never),
        &[demanding()],
        "S: 220 mx
         C: EHLO gw.test.example
         S: 250-mx
         S: 250 PIPELINING
         C: MAIL FROM:<s@nhs.test.example>
         C: RCPT TO:<a@x.example>
         C: RCPT TO:<b@x.example>
         C: RCPT TO:<c@x.example>
         C: DATA
         S: 250 ok
         S: 250 ok
         S: 250 ok
         S: 250 ok
         S: 354 go
         C: A: b
         C:
         C: .
         S: 250 mine
         C: QUIT
         S: 221 bye",
    );
    assert!(news[0].starts_with("a@x.example delivered"), "{news:?}");
}

#[test]
fn an_original_recipient_beyond_ascii_is_written_as_the_peer_can_read_it() {
    let original =
        OriginalRecipient { address_type: "utf-8".into(), address: "\u{e9}+x@x.example".into() };
    let to = Recipient { original: Some(original), ..recipient("a@x.example") };
    let mut message = message("A: b\r\n\r\n", &[]);
    message.recipients = vec![to];
    message.encoding = AddressEncoding::Utf8;
    for (offer, mail, orcpt) in [
        ("DSN", "MAIL FROM:<s@nhs.test.example>", "\\x{E9}\\x{2B}x@x.example"),
        (
            "SMTPUTF8\nS: 250-DSN",
            "MAIL FROM:<s@nhs.test.example> SMTPUTF8",
            "\u{e9}\\x{2B}x@x.example",
        ),
    ] {
        let dialogue = format!(
            "S: 220 mx
             C: EHLO gw.test.example
             S: 250-mx
             S: 250-{offer}
             S: 250 8BITMIME
             C: {mail}
             S: 250 ok
             C: RCPT TO:<a@x.example> ORCPT=utf-8;{orcpt}
             S: 550 no
             C: RSET
             S: 250 ok
             C: QUIT
             S: 221 bye"
        );
        play(&settings(Encryption::Never), std::slice::from_ref(&message), &dialogue);
    }
}

#[test]
fn require_tls_goes_only_to_a_peer_that_promises_it_under_tls() {
    let mut message = message("A: b\r\n\r\n", &["a@x.example"]);
    message.requests.require_tls = RequireTls::Yes;
    let opening = "S: 220 mx
         C: EHLO gw.test.example
         S: 250-mx
         S: 250-REQUIRETLS
         S: 250 STARTTLS
         C: STARTTLS
         S: 220 go
         TLS
         C: EHLO gw.test.example
         S: 250-mx";
    let required = settings(Encryption::Required);
    let promised = format!(
        "{opening}
         S: 250 REQUIRETLS
         C: MAIL FROM:<s@nhs.test.example> REQUIRETLS
         S: 250 ok
         C: RCPT TO:<a@x.example>
         S: 550 no
         C: RSET
         S: 250 ok
         C: QUIT
         S: 221 bye"
    );
    play(&required, &[message.clone()], &promised);
    let only_in_clear = format!(
        "{opening}
         S: 250 PIPELINING
         C: QUIT
         S: 221 bye"
    );
    let news = play(&required, &[message.clone()], &only_in_clear);
    assert!(news[0].starts_with("a@x.example extension! 550 5.7.30"), "{news:?}");
    let never_encrypted = "S: 220 mx
         C: EHLO gw.test.example
         S: 250-mx
         S: 250 REQUIRETLS
         C: QUIT
         S: 221 bye";
    let news = play(&settings(Encryption::Never), &[message], never_encrypted);
    assert!(news[0].starts_with("a@x.example extension! 550 5.7.30"), "{news:?}");
}

#[test]
fn what_must_be_returned_in_time_goes_to_nobody_who_does_not_promise_it() {
    let mut message = message("A: b\r\n\r\n", &["a@x.example"]);
    for (offer, seconds) in [("DSN", 600), ("DELIVERBY 240", 239), ("DELIVERBY", 0)] {
        message.requests.deliver_by = Some(by(seconds, ByMode::Return, ByTrace::No));
        let dialogue = format!(
            "S: 220 mx
             C: EHLO gw.test.example
             S: 250-mx
             S: 250 {offer}
             C: QUIT
             S: 221 bye"
        );
        let news = play(&settings(Encryption::Never), std::slice::from_ref(&message), &dialogue);
        assert!(news[0].starts_with("a@x.example extension! 554 5.4.7"), "{offer}: {news:?}");
    }
    message.requests.deliver_by = Some(by(240, ByMode::Return, ByTrace::No));
    play(
        &settings(Encryption::Never),
        &[message],
        "S: 220 mx
         C: EHLO gw.test.example
         S: 250-mx
         S: 250 DELIVERBY 240
         C: MAIL FROM:<s@nhs.test.example> BY=240;R
         S: 250 ok
         C: RCPT TO:<a@x.example>
         S: 550 no
         C: RSET
         S: 250 ok
         C: QUIT
         S: 221 bye",
    );
}

#[test]
fn what_is_ascii_throughout_needs_no_smtputf8_whatever_the_client_said() {
    let mut plain = message("A: b\r\n\r\n", &["a@x.example"]);
    plain.encoding = AddressEncoding::Utf8;
    let mut sender = plain.clone();
    sender.reverse_path = "\u{e9}@nhs.test.example".parse().unwrap();
    let mut header = plain.clone();
    header.content = "A: \u{e9}\r\n\r\n".into();
    let news = play(
        &settings(Encryption::Never),
        &[plain, sender, header],
        "S: 220 mx
         C: EHLO gw.test.example
         S: 250-mx
         S: 250 8BITMIME
         C: MAIL FROM:<s@nhs.test.example>
         S: 250 ok
         C: RCPT TO:<a@x.example>
         S: 250 ok
         C: DATA
         S: 354 go
         C: A: b
         C:
         C: .
         S: 250 mine
         C: QUIT
         S: 221 bye",
    );
    assert_eq!(news[0], "a@x.example delivered 250 mine");
    assert!(news[2].starts_with("a@x.example extension! 553 5.6.7"), "{news:?}");
    assert!(news[3].starts_with("a@x.example extension! 553 5.6.7"), "{news:?}");
}
