//! Postern: a secure-mail gateway and policy relay.
//!
//! The modules stand in the order in which a message meets them. Pure rooms
//! (bytes and policy in, values out) come first and import only rooms above
//! them; rooms at the edge (sockets, disks, clocks) know the pure rooms and
//! never each other; `gateway` is the only wiring. `tests/architecture.rs`
//! holds this.
//!
//! The laws:
//!
//! 1. No 250 without a receipt: the reply to the end of content is made from
//!    a [`spool::Receipt`], which only a completed fsync makes.
//! 2. TLS is never lowered: the requirement travels with the next hop.
//! 3. Unknown is not safe: what cannot be read or evaluated is a fact of its
//!    own and leads to hold or defer.
//! 4. A tightening cannot be undone below: the most restrictive rule wins.
//! 5. Bytes not ours to change stay as they are.
//! 6. Patient data stays in the message: everything else carries masks.
//! 7. Nothing is unbounded.
#![forbid(unsafe_code)]

pub mod mail; // the words: addresses, envelopes, levels, dispositions, facts
pub mod smtp; // the protocol without its sockets: server and client sessions
pub mod content; // the MIME tree with byte ranges, and the text a person can read
pub mod classify; // what is in the text: findings and a level
pub mod policy; // the officers' files, checked and compiled
pub mod decide; // (policy, facts) -> what happens to each recipient's copy
pub mod transform; // tag line, headers, signature: edits on byte ranges
pub mod schedule; // when to try what next: pure, time is passed in
pub mod report; // DSNs and notices
pub mod quarantine; // what may be done with what is held, and what of it may be seen

pub mod config; // postern.toml: as written -> as meant

pub mod https; // one request to a server that proves its name, for rooms at the edge

pub mod listen; // sockets, TLS acceptor, PROXY protocol, limits
pub mod authenticate; // SPF, DKIM, DMARC and ARC on arrival
pub mod recipients; // which of our recipients exist
pub mod reader; // confined processes in which documents are read
pub mod spool; // the durable queue
pub mod deliver; // next hops, TLS requirements, attempts
pub mod observe; // metrics, logs, audit lines
pub mod console; // what officers see in a browser
pub mod service; // a service of its machine: sockets handed down, privileges given up

pub mod gateway; // the only wiring
pub mod cli; // the commands
