//! EHLO and HELO, and what is offered in reply (RFC 5321 section 4.1.1.1).

use super::{
    session::{Phase, Session},
    settings::{Settings, StartTls},
};
use crate::mail::{Origin, Protocol};

impl Session {
    /// Also ends a transaction (RFC 5321 section 4.1.4).
    pub(super) fn hello(&mut self, protocol: Protocol, name: String) {
        let authenticated = match std::mem::take(&mut self.phase) {
            Phase::Idle(origin) => origin.authenticated,
            Phase::Envelope(transaction) => transaction.origin.authenticated,
            _ => None,
        };
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
        match protocol {
            Protocol::Smtp => {
                let greeting = format!("250 {}", self.settings.node);
                self.idle_reply(&greeting);
            }
            Protocol::Esmtp | Protocol::Lmtp => {
                let extensions = self.extensions();
                self.idle_reply(&extensions);
            }
        }
    }

    fn extensions(&self) -> String {
        let Settings { node, limits, start_tls, .. } = &*self.settings;
        let mut reply = format!(
            "250-{node}\r\n250-PIPELINING\r\n250-SIZE {}\r\n250-8BITMIME\r\n",
            limits.message
        );
        if self.peer.tls.is_none() && *start_tls != StartTls::NotOffered {
            reply.push_str("250-STARTTLS\r\n");
        }
        let mechanisms: Vec<_> =
            self.mechanisms().into_iter().map(|mechanism| mechanism.name()).collect();
        if !mechanisms.is_empty() {
            reply.push_str(&format!("250-AUTH {}\r\n", mechanisms.join(" ")));
        }
        reply.push_str("250 ENHANCEDSTATUSCODES");
        reply
    }
}
