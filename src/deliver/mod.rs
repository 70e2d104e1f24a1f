//! Delivery: one message to the recipients of one domain, once.
//!
//! Owns the way from a next hop to an outcome for each recipient: DNS, the
//! order of hosts, connections, the TLS requirement and its evidence, and
//! delivery into a maildir. Refuses to weaken a requirement: what cannot be
//! delivered as protected as asked waits (law 2). Stands after `schedule`,
//! which says when; RFC 5321 section 5, RFC 7505, RFC 3207.

mod check; // the files that deliveries read, before there is one
mod claims; // what DNS and HTTPS say of exchanges: values
mod connection; // a socket, a handshake and a clock under a session
mod dane; // whether a certificate matches TLSA records
mod deliverer; // what delivers, and what it is given
mod fates; // what has become of each recipient so far: pure
mod identity; // who we are to a next hop
mod lookup; // one question, and how far DNSSEC vouches for the answer
mod journey; // one delivery: hosts and addresses, one after another
mod maildir; // delivery on this machine
mod offers; // what next hops have offered
mod pool; // connections that wait for another message
mod posture; // how a domain's mail systems stand, without a message
mod probe; // what a next hop would say, without a message
mod requirement; // what a requirement means for one host: pure
mod resolve; // from a domain to its hosts
mod seen; // what a certificate shows, and what is wrong with it
mod standing; // who vouches for a host, and what its domain asks: pure
mod stream; // octets, in clear or encrypted
mod sts; // what domains publish by HTTPS (RFC 8461)
mod upload; // TLS reports: who wants them, and the POST
mod wildcard; // answers from a wildcard, proved in two halves
mod tls; // trust anchors, and the verifier that records

#[cfg(test)]
mod matrix; // every requirement against every fault
#[cfg(test)]
mod peers; // scripted next hops and name servers for the tests
#[cfg(test)]
mod promises; // what next hops offer, and what is asked of them
#[cfg(test)]
mod terms; // officers' terms of TLS, and every kind of TLSA record
#[cfg(test)]
mod trials; // whole deliveries over real sockets

pub use check::check;
pub use deliverer::{Deliverer, DelivererError, Delivery, RouteTls, Settings};
pub use offers::Smtputf8;
pub use posture::{
    AddressPosture, HostPosture, Inquiry, Posture, PublishedSts, PublishedTlsa, Way,
};
pub use probe::{Probe, Probed};
pub use upload::UploadError;
