//! How a dialogue is written: octets that a client sends, and a message as it
//! is shown: the envelope with whatever was asked for beside delivery, then its
//! content.

use std::{
    fmt::Write,
    net::{IpAddr, Ipv4Addr},
};

use crate::mail::{
    AddressEncoding, Body, ByMode, ByTrace, DeliverBy, Envelope, Notify, Protocol, Recipient,
    Release, RequireTls, Returned, Submission,
};

/// The client of every dialogue, unless it says otherwise.
pub(super) const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

pub(super) fn show(submission: &Submission, transcript: &mut String) {
    let Submission { envelope, origin, content } = submission;
    let recipients: Vec<_> = envelope.recipients.iter().map(recipient).collect();
    let body = match envelope.body {
        Body::SevenBit => "7BIT",
        Body::EightBitMime => "8BITMIME",
    };
    let protocol = match origin.protocol {
        Protocol::Smtp => "SMTP",
        Protocol::Esmtp => "ESMTP",
        Protocol::Lmtp => "LMTP",
    };
    let tls = origin.tls.as_ref().map_or("clear", |tls| &tls.version);
    let user = origin.authenticated.as_deref().unwrap_or("nobody");
    writeln!(
        transcript,
        "A: <{}> to {} {body}{} from {} by {protocol}, {tls}, {user}",
        envelope.reverse_path,
        recipients.join(" "),
        requests(envelope),
        origin.helo
    )
    .unwrap();
    if origin.client != ADDRESS {
        writeln!(transcript, "| at {}", origin.client).unwrap();
    }
    if let Some(forwarded) = &origin.forwarded {
        let address = forwarded.address.map_or("nowhere".to_owned(), |known| known.to_string());
        let said = [&forwarded.name, &forwarded.helo, &forwarded.ident];
        let said = said.map(|value| value.as_deref().unwrap_or("-")).join(" ");
        writeln!(transcript, "| for {address} {said}").unwrap();
    }
    for line in content.split_inclusive(|&octet| octet == b'\n') {
        writeln!(transcript, "| {}", line.escape_ascii()).unwrap();
    }
}

/// Octets as a dialogue writes them.
pub(super) fn unescape(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        octets.extend_from_slice(before.as_bytes());
        let (escape, after) = after.split_at(1);
        rest = after;
        match escape {
            "r" => octets.push(b'\r'),
            "n" => octets.push(b'\n'),
            "0" => octets.push(0),
            "\\" => octets.push(b'\\'),
            "x" => {
                let (digits, after) = rest.split_at(2);
                octets.push(u8::from_str_radix(digits, 16).unwrap());
                rest = after;
            }
            "{" => {
                let (repeated, after) = rest.split_once('}').unwrap();
                let (times, what) = repeated.split_once(' ').unwrap();
                octets.extend(what.repeat(times.parse().unwrap()).bytes());
                rest = after;
            }
            other => panic!("no escape \\{other}"),
        }
    }
    octets.extend_from_slice(rest.as_bytes());
    octets
}

fn recipient(to: &Recipient) -> String {
    let mut shown = format!("<{}>", to.address);
    if let Some(Notify { success, failure, delay }) = to.notify {
        write!(shown, " (success {success}, failure {failure}, delay {delay})").unwrap();
    }
    if let Some(original) = &to.original {
        write!(shown, " (was {}: {:?})", original.address_type, original.address).unwrap();
    }
    shown
}

fn requests(envelope: &Envelope) -> String {
    let mut shown = String::new();
    if envelope.encoding == AddressEncoding::Utf8 {
        shown.push_str(" SMTPUTF8");
    }
    let requests = &envelope.requests;
    match requests.returned {
        Some(Returned::Full) => shown.push_str(" RET=FULL"),
        Some(Returned::Headers) => shown.push_str(" RET=HDRS"),
        None => {}
    }
    if let Some(id) = &requests.envelope_id {
        write!(shown, " ENVID={id:?}").unwrap();
    }
    if requests.require_tls == RequireTls::Yes {
        shown.push_str(" REQUIRETLS");
    }
    if let Some(priority) = requests.priority {
        write!(shown, " MT-PRIORITY={}", priority.value()).unwrap();
    }
    if let Some(DeliverBy { seconds, mode, trace }) = requests.deliver_by {
        let mode = if mode == ByMode::Return { "R" } else { "N" };
        let trace = if trace == ByTrace::Yes { "T" } else { "" };
        write!(shown, " BY={seconds};{mode}{trace}").unwrap();
    }
    match requests.release {
        Some(Release::After(duration)) => write!(shown, " HOLDFOR={}", duration.as_secs()).unwrap(),
        Some(Release::At(moment)) => write!(shown, " HOLDUNTIL={moment}").unwrap(),
        None => {}
    }
    shown
}
