//! A session that is driven as `listen` drives it, by a client that sends
//! whatever it likes, in whatever pieces.
//!
//! The client is a string of octets. The first two choose the settings; of
//! the others, those that no text has are not sent: see [`Happening`].

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::BytesMut;

use super::{
    ledger::Ledger,
    setting::{certified, chosen},
};
use crate::{
    mail::TlsSession,
    smtp::server::{Action, Session},
};

/// Panics where a rule is broken, or where pieces change what is done.
pub fn session(octets: &[u8], now: Instant) {
    let Some((choice, client)) = octets.split_first_chunk() else { return };
    let whole = run(*choice, client, Pieces::Whole, now);
    assert_eq!(run(*choice, client, Pieces::Cut, now), whole, "in pieces");
    if client.len() <= SHORT {
        assert_eq!(run(*choice, client, Pieces::OneByOne, now), whole, "an octet at a time");
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pieces {
    Whole,
    Cut,
    OneByOne,
}

/// What an octet stands for.
#[derive(Clone, Copy)]
enum Happening {
    Octet(u8),
    /// What was sent so far is received before the rest.
    Cut,
    /// After STARTTLS; until it comes, octets are the handshake's.
    Handshake,
    MinutePasses,
    /// The order to stop.
    Stop,
}

impl From<u8> for Happening {
    fn from(octet: u8) -> Self {
        match octet {
            0xff => Self::Cut,
            0xfe => Self::Handshake,
            0xfd => Self::MinutePasses,
            0xfc => Self::Stop,
            octet => Self::Octet(octet),
        }
    }
}

fn run(choice: [u8; 2], client: &[u8], pieces: Pieces, now: Instant) -> Vec<String> {
    let mut driver = Driver::new(choice, now);
    let mut piece = Vec::new();
    for octet in client {
        match Happening::from(*octet) {
            Happening::Cut if pieces == Pieces::Whole => {}
            Happening::Octet(octet) if pieces != Pieces::OneByOne => piece.push(octet),
            Happening::Octet(octet) => driver.receive(&[octet]),
            happening => {
                driver.receive(&std::mem::take(&mut piece));
                driver.happens(happening);
            }
        }
    }
    driver.receive(&piece);
    driver.falls_silent();
    driver.ledger.close()
}

struct Driver {
    session: Session,
    input: BytesMut,
    now: Instant,
    until: Instant,
    stage: Stage,
    certified: Option<String>,
    ledger: Ledger,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Talking,
    Handshaking,
    Over,
}

impl Driver {
    fn new(choice: [u8; 2], now: Instant) -> Self {
        let (settings, peer) = chosen(choice);
        let settings = Arc::new(settings);
        let ledger = Ledger::new(Arc::clone(&settings), peer.clone());
        let session = Session::new(settings, peer);
        let mut driver = Self {
            session,
            input: BytesMut::new(),
            now,
            until: now,
            stage: Stage::Talking,
            certified: certified(choice),
            ledger,
        };
        driver.receive(b"");
        driver
    }

    fn happens(&mut self, happening: Happening) {
        match happening {
            Happening::Octet(_) | Happening::Cut => {}
            Happening::Handshake if self.stage == Stage::Handshaking => self.stage = Stage::Talking,
            Happening::Handshake => {}
            Happening::MinutePasses => self.now += Duration::from_secs(60),
            Happening::Stop => self.session.stop(),
        }
        self.receive(b"");
    }

    fn receive(&mut self, octets: &[u8]) {
        if self.stage != Stage::Talking {
            return;
        }
        self.input.extend_from_slice(octets);
        let mut patience = 4 * self.input.len() + 64;
        while self.go_on() == Next::Action {
            patience = patience.saturating_sub(1);
            assert!(patience > 0, "it goes round in circles");
        }
    }

    /// A client that says no more is waited for once, and once more where the
    /// greeting has yet to come.
    fn falls_silent(&mut self) {
        for _ in 0..2 {
            if self.stage == Stage::Talking {
                self.now = self.until;
                self.receive(b"");
            }
        }
        assert!(self.stage != Stage::Talking, "it is waited for for ever");
    }

    /// One round of the driver's loop.
    fn go_on(&mut self) -> Next {
        let ledger = &mut self.ledger;
        let mut next = Next::Action;
        match self.session.next(&mut self.input, self.now) {
            Action::Read(wait) => {
                assert!(wait.until > self.now, "a wait that is over already");
                ledger.keeps(&self.input, wait);
                self.until = wait.until;
                next = Next::Input;
            }
            Action::Refused(refused) => ledger.refused(&refused),
            Action::Mail(question) => {
                let verdict = ledger.sender(question.origin(), question.envelope());
                question.answer(verdict);
            }
            Action::Recipient(question) => {
                let verdict = ledger.recipient(question.origin(), question.recipient());
                question.answer(verdict);
            }
            Action::Client(question) => {
                let verdict = ledger.client(question.address());
                question.answer(verdict);
            }
            Action::Verifier(question) => match ledger.verifier(question.origin(), question.user())
            {
                Ok((verifier, nonce)) => question.answer(verifier, &nonce),
                Err(refused) => question.refuse(refused),
            },
            Action::Authenticate(question) => {
                let verdict = ledger.authentication(question.origin(), question.credentials());
                question.answer(verdict);
            }
            Action::Content(question) => match ledger.memory() {
                Ok(()) => question.proceed(),
                Err(refused) => question.refuse(refused),
            },
            Action::Message(message) => {
                let (submission, pending) = message.hand_over();
                match ledger.message(&submission) {
                    Ok(receipt) => pending.accepted(receipt),
                    Err(refused) => pending.refused(refused),
                }
            }
            Action::StartTls(mut upgrade) => {
                ledger.says(&upgrade.take_output());
                upgrade.established(tls_session(), self.certified.clone());
                ledger.secured(self.certified.clone());
                assert!(self.input.is_empty(), "octets sent in clear are kept for TLS");
                self.stage = Stage::Handshaking;
                next = Next::Input;
            }
            Action::Close(end) => {
                ledger.ended(end);
                self.stage = Stage::Over;
                next = Next::Input;
            }
        }
        self.ledger.says(&self.session.take_output());
        next
    }
}

/// More than that takes long, and shows nothing new.
const SHORT: usize = 100;

#[derive(PartialEq, Eq)]
enum Next {
    Action,
    Input,
}

pub(super) fn tls_session() -> TlsSession {
    TlsSession { version: "TLSv1.3".to_owned(), cipher: "TLS_AES_256_GCM_SHA384".to_owned() }
}
