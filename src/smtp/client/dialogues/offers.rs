//! What a message needs, against what the peer offers.

use bytes::Bytes;

use super::{super::Encryption, message, play, settings};
use crate::mail::AddressEncoding;

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
