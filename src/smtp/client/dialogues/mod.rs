//! Whole dialogues, each at every way its octets may be cut.

mod asking;
mod authentication;
mod mailing;
mod offers;
mod opening;
mod requests;

use bytes::Bytes;

use super::{Action, Dialect, Encryption, Lost, Message, Onward, Session, Settings};
use crate::mail::{
    Address, AddressEncoding, Body, Outcome, Promise, Recipient, Requests, ReversePath, Taker,
};

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
            Action::Answered(answer) => news.push(format!("{answer:?}")),
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
        Outcome::Delivered(handover) => {
            let to = match handover.to {
                Taker::Mailbox => "stored",
                Taker::Relay { dsn: Promise::Made, .. } => "taken over",
                Taker::Relay { dsn: Promise::Absent, .. } => "delivered",
            };
            format!("{to} {}", handover.reply)
        }
        Outcome::Transient(failure) => format!("{}: {}", failure.reason.name(), failure.reply),
        Outcome::Permanent(failure) => format!("{}! {}", failure.reason.name(), failure.reply),
    }
}

fn settings(encryption: Encryption) -> Settings {
    let name = "gw.test.example".parse().unwrap();
    Settings { name, dialect: Dialect::Smtp, encryption, credentials: Vec::new() }
}

fn message(content: &'static str, recipients: &[&str]) -> Message {
    Message {
        reverse_path: ReversePath::Mailbox("s@nhs.test.example".parse().unwrap()),
        recipients: recipients.iter().map(|to| recipient(to)).collect(),
        body: Body::SevenBit,
        encoding: AddressEncoding::Ascii,
        requests: Requests::default(),
        content: Bytes::from_static(content.as_bytes()),
    }
}

fn recipient(address: &str) -> Recipient {
    address.parse::<Address>().unwrap().into()
}

fn one() -> [Message; 1] {
    [message("A: b\r\n\r\n.hello\r\n", &["a@x.example"])]
}
