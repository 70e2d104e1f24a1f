//! Who we are to a next hop: what a `[[route]]` to a smarthost has for it.

use std::path::PathBuf;

use super::CertificateFiles;

/// How we show a smarthost who we are; only under TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Identity {
    pub login: Option<Login>,
    /// Shown in the handshake, to a host that asks.
    pub certificate: Option<CertificateFiles>,
}

/// An account at a smarthost.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Login {
    pub username: String,
    /// Its first line; read for each connection, so that it can be changed.
    pub password_file: PathBuf,
}
