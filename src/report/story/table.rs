//! Columns for people: a moment, what happened, and the words beside it.

use crate::mail::{CertificateVerdict, Evidence, SeenCertificate, Timestamp};

/// The longest line that fits an operator's terminal beside the columns.
const WIDTH: usize = 90;
const MOMENT: usize = "2026-11-22 17:12:05.123".len();
const WHAT: usize = 9;

#[derive(Default)]
pub(super) struct Table(String);

impl Table {
    pub(super) fn row(&mut self, moment: &str, what: &str, words: &[String]) {
        let mut first = true;
        for line in words.iter().flat_map(|words| wrapped(words)) {
            let (moment, what) = if first { (moment, what) } else { ("", "") };
            let row = format!("{moment:MOMENT$}  {what:WHAT$}  {line}");
            self.line(&row);
            first = false;
        }
    }

    pub(super) fn line(&mut self, line: &str) {
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// At spaces; what follows the first line is set in.
pub(super) fn wrapped(words: &str) -> Vec<String> {
    let indent = words.len() - words.trim_start().len();
    let mut lines = Vec::new();
    let mut line = " ".repeat(indent);
    for word in words.split_whitespace() {
        let is_empty = line.trim().is_empty();
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent + 2)));
        } else if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// `2026-11-22 17:12:05.123` of what the trail has, in UTC.
pub(super) fn moment(at: &str) -> String {
    at.trim_end_matches('Z').replacen('T', " ", 1)
}

/// `2026-11-22`.
pub(super) fn day(moment: Timestamp) -> String {
    moment.date().to_string()
}

/// `mx.gov.test.example [127.0.0.1]:25`
pub(super) fn place(evidence: &Evidence) -> String {
    let host = evidence.host.as_deref().unwrap_or("an unnamed host");
    match evidence.address {
        Some(address) if address.ip().to_string() == host => format!("[{host}]:{}", address.port()),
        Some(address) => format!("{host} [{}]:{}", address.ip(), address.port()),
        None => host.to_owned(),
    }
}

/// `TLSv1.3 with TLS_AES_256_GCM_SHA384`
pub(super) fn tls(evidence: &Evidence) -> String {
    match (&evidence.tls, &evidence.fallback) {
        (Some(tls), _) => format!("{} with {}", tls.version, tls.cipher),
        (None, Some(why)) => format!("in clear, because TLS failed: {why}"),
        (None, None) => "no TLS".to_owned(),
    }
}

pub(super) fn verdict(verdict: &CertificateVerdict) -> String {
    match verdict {
        CertificateVerdict::Absent => "no certificate seen".to_owned(),
        CertificateVerdict::Unchecked => "the certificate was not checked".to_owned(),
        CertificateVerdict::Valid { name } => format!("valid certificate for {name}"),
        CertificateVerdict::Dane { record } => {
            format!("the certificate matches the TLSA record {record} (DANE)")
        }
        CertificateVerdict::Pinned => "the certificate bears a key that officers pinned".to_owned(),
        CertificateVerdict::Invalid(why) => format!("certificate refused: {why}"),
    }
}

/// Names, issuer and expiry on a line; fingerprints are for certificates of
/// protection.
pub(super) fn certificate(seen: &SeenCertificate) -> String {
    let names = seen.names.join(", ");
    let expires = seen.expires.map_or("unknown".to_owned(), day);
    format!("{names}; issuer {}; expires {expires}", seen.issuer)
}

/// `officers and mta-sts`
pub(super) fn vouchers(evidence: &Evidence) -> String {
    let names: Vec<&str> = evidence.vouched_by.iter().map(|voucher| voucher.name()).collect();
    match names.as_slice() {
        [] => "nobody vouched for the host's name".to_owned(),
        names => format!("the host's name was vouched for by {}", listed(names)),
    }
}

pub(super) fn listed(names: &[&str]) -> String {
    match names {
        [] => "nobody".to_owned(),
        [only] => (*only).to_owned(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}
