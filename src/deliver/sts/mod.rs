//! MTA-STS (RFC 8461): what a domain publishes by HTTPS of its exchanges and
//! their TLS.
//!
//! A policy once fetched holds until it expires: neither a name server nor a
//! web server that fails, is silent or lies can shorten that. `requirement`
//! says what follows from a policy; here is only whether there is one.

mod cache; // policies that were fetched, in memory and on disk
mod fetch; // HTTPS, with a certificate for exactly the policy host
mod policies; // what a domain publishes, now
mod policy; // the text of a policy: pure
mod record; // the TXT record that names it: pure

#[cfg(test)]
mod trials; // whole discoveries over real sockets

pub(in crate::deliver) use policies::Policies;
