//! The listening side: sockets, TLS, the PROXY protocol, limits, and the loop
//! that carries octets between a socket and a [`Session`].
//!
//! Owns connections and what they cost. Refuses what is over a limit, with a
//! reply, before it costs more. Decides nothing about mail: that is asked
//! through the port, [`Reception`].
//!
//! [`Session`]: crate::smtp::server::Session

mod arrival;
mod authentication;
mod capacity;
mod certificates;
mod client_certificate;
mod conversation;
mod listener;
mod proxy;
mod rates;
mod reception;
mod server_names;
mod shut_out;
mod stream;
mod tls;

#[cfg(test)]
mod tests;

pub use capacity::Capacity;
pub use certificates::{CertificateError, CertificateSummary, Certificates, Outlook, Renewal};
pub use client_certificate::check_client_ca;
pub use listener::{BoundListener, ListenError, Orders};
pub use reception::{Reception, Verdict};
pub use shut_out::ShutOut;
