//! A message as a dialogue shows it: the envelope with whatever was asked for
//! beside delivery, then its content.

use std::fmt::Write;

use crate::mail::{
    AddressEncoding, Body, ByMode, ByTrace, DeliverBy, Envelope, Notify, Protocol, Recipient,
    Release, RequireTls, Returned, Submission,
};

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
    for line in content.split_inclusive(|&octet| octet == b'\n') {
        writeln!(transcript, "| {}", line.escape_ascii()).unwrap();
    }
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
