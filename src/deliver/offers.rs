//! What next hops that a route names have offered, as each said last: so that
//! mail one of them cannot carry is refused before it is taken (RFC 6531
//! section 3.5) and not returned afterwards.

use std::time::Duration;

use moka::sync::Cache;

use crate::{mail::NextHop, smtp::client::Extensions};

/// Shared by its clones; bounded, and forgetting: a server is mended or
/// replaced without telling us.
#[derive(Clone, Debug)]
pub(super) struct Offers {
    known: Cache<NextHop, Extensions>,
    /// Those that gave no answer just now.
    silent: Cache<NextHop, ()>,
}

/// Whether a next hop carries addresses beyond ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Smtputf8 {
    Offered,
    Lacking,
    /// It was asked just now, and said nothing.
    Silent,
    /// Nobody has asked it lately.
    Unknown,
}

impl Offers {
    /// Which host an `mx` means differs from domain to domain: nothing is
    /// known of it.
    pub(super) fn note(&self, next_hop: &NextHop, extensions: Extensions) {
        if matches!(next_hop, NextHop::Smtp { .. } | NextHop::Lmtp { .. }) {
            self.known.insert(next_hop.clone(), extensions);
        }
    }

    /// One that does not answer is not asked again at once: who names it a
    /// hundred times is not kept waiting a hundred times.
    pub(super) fn note_silence(&self, next_hop: &NextHop) {
        self.silent.insert(next_hop.clone(), ());
    }

    pub(super) fn smtputf8(&self, next_hop: &NextHop) -> Smtputf8 {
        match (next_hop, self.known.get(next_hop)) {
            // A file takes any address.
            (NextHop::Maildir(_), _) => Smtputf8::Offered,
            (_, None) if self.silent.contains_key(next_hop) => Smtputf8::Silent,
            (_, None) => Smtputf8::Unknown,
            (_, Some(extensions)) if extensions.smtp_utf8() => Smtputf8::Offered,
            (_, Some(_)) => Smtputf8::Lacking,
        }
    }
}

impl Default for Offers {
    fn default() -> Self {
        Self { known: remembering(LIFETIME), silent: remembering(SILENCE) }
    }
}

fn remembering<V: Clone + Send + Sync + 'static>(lifetime: Duration) -> Cache<NextHop, V> {
    Cache::builder().max_capacity(CAPACITY).time_to_live(lifetime).build()
}

/// As many as postern.toml could name routes.
const CAPACITY: u64 = 10_000;
const LIFETIME: Duration = Duration::from_secs(10 * 60);
const SILENCE: Duration = Duration::from_secs(30);
