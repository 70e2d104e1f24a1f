//! Delivery: one message to the recipients of one domain, once.
//!
//! Owns the way from a next hop to an outcome for each recipient: DNS, the
//! order of hosts, connections, the TLS requirement and its evidence, and
//! delivery into a maildir. Refuses to weaken a requirement: what cannot be
//! delivered as protected as asked waits (law 2). Stands after `schedule`,
//! which says when; RFC 5321 section 5, RFC 7505, RFC 3207.

mod deliverer; // the next hops of a delivery, one after another
mod requirement; // what a requirement means for one host: pure

// pub use deliverer::{Deliverer, Delivery, MxAddresses, RouteTls, Settings, SettingsError};
