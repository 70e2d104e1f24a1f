//! EHLO, HELO and LHLO, and what is offered in reply (RFC 5321 section
//! 4.1.1.1, RFC 2033 section 4.1).

use super::{
    complaint::Complaint,
    parameters::Extension,
    session::{Phase, Session},
    settings::{Dialect, StartTls},
};
use crate::mail::{Direction, Origin, Protocol, Timestamp};

impl Session {
    /// Also ends a transaction (RFC 5321 section 4.1.4).
    pub(super) fn hello(&mut self, protocol: Protocol, name: String) {
        let spoken = if protocol == Protocol::Lmtp { Dialect::Lmtp } else { Dialect::Smtp };
        if spoken != self.settings.dialect {
            return self.complain(&Complaint::UnknownCommand);
        }
        let before = std::mem::take(&mut self.phase).into_origin();
        // Before EHLO, what a peer has said of its client.
        let authenticated = match before {
            Some(origin) => origin.authenticated,
            None => self.login().map(str::to_owned),
        };
        self.take_forwarded();
        self.phase = Phase::Idle(Box::new(Origin {
            listener: self.settings.listener.clone(),
            direction: self.settings.direction,
            client: self.peer.address,
            helo: name,
            protocol,
            tls: self.peer.tls.clone(),
            authenticated,
            certified: self.peer.certified.clone(),
            forwarded: None,
        }));
        let greeting = match protocol {
            Protocol::Smtp => format!("250 {}", self.settings.node),
            Protocol::Esmtp | Protocol::Lmtp => self.extensions(),
        };
        self.idle_reply(&greeting);
    }

    /// Whether a client may use it: what is said in the reply to EHLO, and
    /// nothing after HELO.
    pub(super) fn offers(&self, extension: Extension) -> bool {
        if self.phase.origin().is_some_and(|origin| origin.protocol == Protocol::Smtp) {
            return false;
        }
        let outbound = self.settings.direction == Direction::Outbound;
        match extension {
            Extension::Size
            | Extension::EightBitMime
            | Extension::SmtpUtf8
            | Extension::Auth
            | Extension::Dsn => true,
            // RFC 8689 section 4: only under TLS.
            Extension::RequireTls => self.peer.tls.is_some(),
            // Requests to us as the sender's own server; strangers' mail gets
            // what all get.
            Extension::MtPriority | Extension::DeliverBy => outbound,
            Extension::FutureRelease => outbound && self.settings.future_release.is_some(),
        }
    }

    fn extensions(&self) -> String {
        let limits = &self.settings.limits;
        let mut offered = vec![
            self.settings.node.to_string(),
            "PIPELINING".to_owned(),
            format!("SIZE {}", limits.message),
            "8BITMIME".to_owned(),
            "SMTPUTF8".to_owned(),
            "CHUNKING".to_owned(),
        ];
        offered.extend(self.forwarding_keywords());
        if self.peer.tls.is_none()
            && self.settings.start_tls != StartTls::NotOffered
            && !self.speaks_for_another()
        {
            offered.push("STARTTLS".to_owned());
        }
        let mechanisms: Vec<_> =
            self.mechanisms().into_iter().map(|mechanism| mechanism.name()).collect();
        if !mechanisms.is_empty() {
            offered.push(format!("AUTH {}", mechanisms.join(" ")));
        }
        if self.offers(Extension::RequireTls) {
            offered.push("REQUIRETLS".to_owned());
        }
        offered.push("DSN".to_owned());
        if self.offers(Extension::MtPriority) {
            offered.push("MT-PRIORITY".to_owned());
        }
        if self.offers(Extension::DeliverBy) {
            offered.push(format!("DELIVERBY {LEAST_BY_TIME}"));
        }
        if let Some(furthest) = self.settings.future_release
            && self.offers(Extension::FutureRelease)
        {
            let date = to_the_second(self.wall() + furthest);
            offered.push(format!("FUTURERELEASE {} {date}", furthest.as_secs()));
        }
        let (messages, recipients) = (limits.messages, limits.recipients);
        offered.push(format!(
            "LIMITS MAILMAX={} RCPTMAX={}",
            messages.clamp(1, MOST_OF_A_LIMIT),
            recipients.clamp(1, MOST_OF_A_LIMIT)
        ));
        offered.push("ENHANCEDSTATUSCODES".to_owned());
        listed(&offered)
    }
}

/// As the lines of one reply, the last without its CRLF.
fn listed(offered: &[String]) -> String {
    let (last, others) = offered.split_last().map_or(("", &[][..]), |(last, rest)| (last, rest));
    let lines: String = others.iter().map(|line| format!("250-{line}\r\n")).collect();
    format!("{lines}250 {last}")
}

/// RFC 3339, and no longer ahead than is meant.
fn to_the_second(moment: Timestamp) -> String {
    let written = moment.rfc3339();
    written.split_once('.').map_or(written.clone(), |(seconds, _)| format!("{seconds}Z"))
}

/// What BY may ask for at least, in seconds, where mail is to be returned
/// after it: one attempt may take as long (RFC 2852 section 3).
pub(super) const LEAST_BY_TIME: i64 = 60;
/// RFC 9422 section 4: six digits.
const MOST_OF_A_LIMIT: usize = 999_999;
