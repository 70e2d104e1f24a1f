//! What holds whatever a client sends, with clients made of what clients say:
//! `smtp::invariants` has the rules, and what the other octets stand for.

use std::time::Instant;

use proptest::prelude::*;

use crate::smtp::invariants::session;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_a_client_says_the_rules_hold(
        choice in any::<[u8; 2]>(),
        client in client(),
        cuts in proptest::collection::vec(0_usize..1_000, 0..20),
    ) {
        session(&[&choice, cut(client, &cuts).as_slice()].concat(), Instant::now());
    }

    #[test]
    fn whatever_octets_come_the_rules_hold(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        session(&octets, Instant::now());
    }
}

fn cut(mut client: Vec<u8>, cuts: &[usize]) -> Vec<u8> {
    for cut in cuts {
        client.insert(cut % (client.len() + 1), 0xff);
    }
    client
}

/// Sessions made of what clients say, well and badly, in any order.
fn client() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => proptest::sample::select(SAYINGS).prop_map(|saying| saying.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..8),
        1 => proptest::sample::select(HAPPENINGS).prop_map(<[u8]>::to_vec),
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

/// So that more than one message in a hundred gets to its content.
const OPENINGS: &[&str] = &[
    "EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\n",
    "LHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\nRCPT TO:<c@x.example>\r\n",
    "EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n",
];

/// A handshake, a minute that passes; rarely the order to stop.
const HAPPENINGS: &[&[u8]] = &[b"\xfe", b"\xfe", b"STARTTLS\r\n\xfe", b"\xfd", b"\xfc"];

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
