//! XCLIENT and XFORWARD, as Postfix documents them (XCLIENT_README,
//! XFORWARD_README): what a peer that speaks for others says of its client.
//!
//! XCLIENT makes the session that client's, rights and all, and starts it
//! again with the greeting; what the peer itself may do, it may do no more.
//! XFORWARD says only whom the next message is to be attributed to. Both are
//! believed from the networks that the operator has listed for them, and from
//! nobody else.

use std::net::{IpAddr, Ipv4Addr};

use super::{
    complaint::{Complaint, Refused},
    session::{Phase, Session, Step},
    settings::{Forwarding, Relaying},
    xtext,
};
use crate::{
    mail::{Forwarded, SessionEnd},
    smtp::LineEnds,
};

/// What has been said of the client that the peer speaks for.
#[derive(Debug, Default)]
pub(super) struct Guise {
    worn: Worn,
    /// Who has authenticated to the peer.
    login: Option<String>,
    /// For the next transaction.
    forwarded: Option<Box<Forwarded>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Worn {
    #[default]
    No,
    Yes,
}

/// What may a client at this address do?
#[derive(Debug)]
#[must_use = "a question without an answer ends the session"]
pub struct ClientQuestion<'s> {
    pub(super) session: &'s mut Session,
    pub(super) client: Client,
}

/// What XCLIENT has said.
#[derive(Debug)]
pub(super) struct Client {
    address: IpAddr,
    login: Option<String>,
}

/// What goes by a client's address alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    pub relaying: Relaying,
    pub line_ends: LineEnds,
}

impl ClientQuestion<'_> {
    /// 0.0.0.0 where the peer does not know it.
    pub fn address(&self) -> IpAddr {
        self.client.address
    }

    /// The session starts again as this client's, or is over.
    pub fn answer(self, verdict: Result<Standing, Refused>) {
        match verdict {
            Ok(standing) => self.session.become_client(self.client, standing),
            Err(refused) => {
                self.session.refuse(refused);
                self.session.phase = Phase::Over(SessionEnd::Refused);
            }
        }
    }
}

impl Session {
    /// What EHLO offers to this peer.
    pub(super) fn forwarding_keywords(&self) -> Vec<String> {
        let xclient = || format!("XCLIENT {}", XCLIENT.join(" "));
        let xforward = || format!("XFORWARD {}", XFORWARD.join(" "));
        match self.peer.forwarding {
            Forwarding::Nothing => Vec::new(),
            Forwarding::Attributes => vec![xforward()],
            Forwarding::Sessions => vec![xclient(), xforward()],
        }
    }

    /// Whether it has become another's session. There is no STARTTLS then:
    /// what was said in clear must not outlive it.
    pub(super) fn speaks_for_another(&self) -> bool {
        self.guise.as_ref().is_some_and(|guise| guise.worn == Worn::Yes)
    }

    /// Who has authenticated to the peer, as it says.
    pub(super) fn login(&self) -> Option<&str> {
        self.guise.as_ref()?.login.as_deref()
    }

    /// Whom the next message is attributed to; nobody from here on.
    pub(super) fn take_forwarded(&mut self) -> Option<Box<Forwarded>> {
        self.guise.as_mut()?.forwarded.take()
    }

    pub(super) fn xclient(&mut self, argument: &str) -> Option<Step> {
        match self.may_forward(Forwarding::Sessions).and_then(|()| self.client_said(argument)) {
            Ok(client) => {
                self.phase = Phase::default();
                Some(Step::Client(client))
            }
            Err(complaint) => {
                self.complain(&complaint);
                None
            }
        }
    }

    pub(super) fn xforward(&mut self, argument: &str) {
        let said = self.guise.as_ref().and_then(|guise| guise.forwarded.as_deref());
        let said = said.cloned().unwrap_or_default();
        match self.may_forward(Forwarding::Attributes).and_then(|()| forwarded(said, argument)) {
            Ok(forwarded) => {
                self.guise.get_or_insert_default().forwarded = Some(Box::new(forwarded));
                self.reply("250 2.0.0 ok");
            }
            Err(complaint) => self.complain(&complaint),
        }
    }

    /// Who is not believed learns nothing of how it is said.
    fn may_forward(&self, wanted: Forwarding) -> Result<(), Complaint> {
        match (self.peer.forwarding, wanted) {
            (Forwarding::Nothing, _) | (Forwarding::Attributes, Forwarding::Sessions) => {
                Err(Complaint::NotForwarder)
            }
            _ if matches!(self.phase, Phase::Envelope(_) | Phase::Chunked(_)) => {
                Err(Complaint::TransactionOpen)
            }
            _ => Ok(()),
        }
    }

    fn client_said(&self, argument: &str) -> Result<Client, Complaint> {
        let usage = || Complaint::Syntax("XCLIENT attribute=value ...");
        let attributes = attributes(argument, XCLIENT).ok_or_else(usage)?;
        let mut client =
            Client { address: self.peer.address, login: self.login().map(str::to_owned) };
        if attributes.iter().any(|(name, _)| *name == "ADDR") {
            // Whoever it was that had authenticated, this is another.
            client.login = None;
        }
        for (name, value) in attributes {
            match (name, value) {
                // Nobody's rights, in any case not the peer's own.
                ("ADDR", None) => client.address = Ipv4Addr::UNSPECIFIED.into(),
                ("ADDR", Some(value)) => client.address = address(&value).ok_or_else(usage)?,
                ("LOGIN", value) => client.login = value,
                // Said for others' sake: the EHLO that follows says HELO and
                // PROTO, and what is left decides nothing here.
                _ => {}
            }
        }
        Ok(client)
    }

    fn become_client(&mut self, client: Client, standing: Standing) {
        self.peer.address = client.address;
        self.peer.relaying = standing.relaying;
        // The peer's certificate vouches for the peer.
        self.peer.certified = None;
        let guise = Guise { worn: Worn::Yes, login: client.login, forwarded: None };
        self.guise = Some(Box::new(guise));
        self.set_line_ends(standing.line_ends);
        self.greet();
    }
}

/// Attributes that are not named keep the value they have.
fn forwarded(so_far: Forwarded, argument: &str) -> Result<Forwarded, Complaint> {
    let usage = || Complaint::Syntax("XFORWARD attribute=value ...");
    let mut forwarded = so_far;
    for (name, value) in attributes(argument, XFORWARD).ok_or_else(usage)? {
        match name {
            "ADDR" => {
                let known = value.map(|value| address(&value).ok_or_else(usage));
                forwarded.address = known.transpose()?;
            }
            "NAME" => forwarded.name = value,
            "HELO" => forwarded.helo = value,
            "IDENT" => forwarded.ident = value,
            _ => {}
        }
    }
    Ok(forwarded)
}

/// Names as they are offered, values decoded; none for a value that the peer
/// does not know. No attributes where any of them is malformed.
fn attributes(
    argument: &str,
    offered: &'static [&'static str],
) -> Option<Vec<(&'static str, Option<String>)>> {
    let mut attributes: Vec<(&str, Option<String>)> = Vec::new();
    for word in argument.split(' ') {
        let (name, value) = word.split_once('=')?;
        let name = offered.iter().find(|offered| offered.eq_ignore_ascii_case(name))?;
        let value = xtext::decode(value).filter(|value| is_sound(name, value))?;
        if attributes.iter().any(|(given, _)| given == name) {
            return None;
        }
        attributes.push((name, Some(value).filter(|value| !is_unknown(value))));
    }
    Some(attributes)
}

fn is_unknown(value: &str) -> bool {
    ["[UNAVAILABLE]", "[TEMPUNAVAIL]"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// Values go into logs and the audit trail: nothing in them may look like
/// more than one.
fn is_sound(name: &str, value: &str) -> bool {
    let harmless = |octet: u8| octet.is_ascii_graphic() && !br#"<>()"\;,"#.contains(&octet);
    let fits = match name {
        _ if is_unknown(value) => true,
        "PORT" | "DESTPORT" => value.parse::<u16>().is_ok(),
        "DESTADDR" => address(value).is_some(),
        "SOURCE" => ["LOCAL", "REMOTE"].iter().any(|word| value.eq_ignore_ascii_case(word)),
        "PROTO" => value.len() <= MAX_PROTOCOL,
        _ => true,
    };
    fits && !value.is_empty() && value.len() <= MAX_VALUE && value.bytes().all(harmless)
}

/// IPv6 addresses have a prefix, as literals in mail do (RFC 5321 section
/// 4.1.3).
fn address(value: &str) -> Option<IpAddr> {
    match value.split_at_checked(IPV6.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(IPV6) => {
            rest.parse().ok().map(IpAddr::V6).map(|address| address.to_canonical())
        }
        _ => value.parse().ok().map(IpAddr::V4),
    }
}

const XCLIENT: &[&str] =
    &["NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT"];
const XFORWARD: &[&str] = &["NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE"];
const IPV6: &str = "IPV6:";
const MAX_VALUE: usize = 255;
const MAX_PROTOCOL: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_of_postfix() {
        assert_eq!(address("192.0.2.7"), "192.0.2.7".parse().ok());
        assert_eq!(address("ipv6:2001:db8::7"), "2001:db8::7".parse().ok());
        for wrong in ["2001:db8::7", "IPV6:192.0.2.7", "192.0.2", "host", "[192.0.2.7]", ""] {
            assert_eq!(address(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn attributes_are_taken_whole_or_not_at_all() {
        let given = attributes("NAME=[unavailable] PORT=25", XFORWARD).unwrap();
        assert_eq!(given, [("NAME", None), ("PORT", Some("25".to_owned()))]);
        for wrong in [
            "",
            "NAME",
            "NAME=",
            "NAME=a ",
            "NAME=a  HELO=b",
            "NAME=a NAME=b",
            "LOGIN=lab",
            "NAME=a+0D+0A",
            "NAME=a+20b",
            "NAME=\u{e9}",
            "NAME=a+E9",
            "PORT=0x19",
            "PORT=65536",
            "SOURCE=NEAR",
            "IDENT=<x>",
        ] {
            assert_eq!(attributes(wrong, XFORWARD), None, "{wrong}");
        }
        let long = format!("NAME={}", "x".repeat(256));
        assert_eq!(attributes(&long, XFORWARD), None);
    }
}
