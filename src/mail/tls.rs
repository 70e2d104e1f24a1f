//! What a TLS session was, as evidence: on arrival and on delivery.

use serde::{Deserialize, Serialize};

use super::protection::TlsVersion;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsSession {
    /// `TLSv1.3`, as Received fields and metrics have it.
    pub version: String,
    /// `TLS_AES_256_GCM_SHA384`.
    pub cipher: String,
}

impl TlsSession {
    /// None where it is none that Postern speaks.
    pub fn tls_version(&self) -> Option<TlsVersion> {
        let number = self.version.strip_prefix("TLSv")?;
        TlsVersion::ALL.into_iter().find(|version| version.name() == number)
    }
}
