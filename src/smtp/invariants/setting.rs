//! Which listener, and which peer: two octets choose among all there are.

use std::{net::Ipv4Addr, time::Duration};

use super::session::tls_session;
use crate::{
    mail::{Direction, Timestamp},
    smtp::{
        LineEnds,
        server::{Dialect, Forwarding, Limits, Peer, Relaying, Sasl, Settings, StartTls, Timeouts},
    },
};

pub(super) fn chosen([door, more]: [u8; 2]) -> (Settings, Peer) {
    (settings(door, more), peer(door, more))
}

/// Who the client's certificate says it is, at whatever handshake there is.
pub(super) fn certified([_, more]: [u8; 2]) -> Option<String> {
    is_set(more, 3).then(|| "laboratory".to_owned())
}

fn settings(door: u8, more: u8) -> Settings {
    let direction = if is_set(door, 0) { Direction::Outbound } else { Direction::Inbound };
    let node = "mx1.test.example".parse().expect("a domain");
    Settings {
        dialect: if is_set(more, 0) { Dialect::Lmtp } else { Dialect::Smtp },
        start_tls: match door >> 1 & 3 {
            1 => StartTls::Offered,
            2 => StartTls::Required,
            _ => StartTls::NotOffered,
        },
        sasl: if is_set(door, 3) { Sasl::UnderTls } else { Sasl::NotOffered },
        limits: limits(more),
        timeouts: Timeouts {
            greeting: Duration::from_secs(if is_set(more, 1) { 5 } else { 0 }),
            ..Timeouts::default()
        },
        future_release: is_set(more, 2).then_some(Duration::from_secs(3_600)),
        ..Settings::new(node, "test", direction)
    }
}

/// Low ones, so that little input is needed to meet them.
fn limits(more: u8) -> Limits {
    let usual = Limits { message: 200, recipients: 3, ..Limits::default() };
    if is_set(more, 4) {
        return Limits {
            content_line: 40,
            messages: 2,
            commands: 12,
            bad_commands: 3,
            idle_commands: 4,
            ..usual
        };
    }
    usual
}

fn peer(door: u8, more: u8) -> Peer {
    let implicit = door >> 1 & 3 == 3;
    Peer {
        relaying: if is_set(door, 4) { Relaying::Permitted } else { Relaying::Denied },
        tls: implicit.then(tls_session),
        certified: certified([door, more]).filter(|_| implicit),
        line_ends: if is_set(door, 5) { LineEnds::Normalised } else { LineEnds::Strict },
        forwarding: match door >> 6 {
            1 => Forwarding::Attributes,
            2 => Forwarding::Sessions,
            _ => Forwarding::Nothing,
        },
        connected: Timestamp::from_unix_milliseconds(HALF_AN_HOUR_BEFORE_DECEMBER),
        ..Peer::at(Ipv4Addr::new(192, 0, 2, 7).into())
    }
}

fn is_set(octet: u8, bit: u32) -> bool {
    octet >> bit & 1 == 1
}

/// 2026-11-30T23:30:00Z, for `HOLDUNTIL=2026-12-01T00:00:00Z` to be within reach.
const HALF_AN_HOUR_BEFORE_DECEMBER: u64 = 1_796_081_400_000;
