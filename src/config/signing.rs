//! `[signing]`: the keys of DKIM and ARC, and which of them sign.

use std::path::PathBuf;

use crate::mail::Domain;

#[derive(Clone, Debug)]
pub struct SigningKey {
    /// Which author domain it signs for, and all below it.
    pub domain: Domain,
    pub selector: Domain,
    /// PKCS#8 PEM, RSA or Ed25519.
    pub key: PathBuf,
    pub state: KeyState,
}

/// Where a key is in its life. A record must be known everywhere before the
/// first signature, and for as long as the last one may be looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyState {
    /// Its record is being published; it does not sign yet.
    Waiting,
    #[default]
    Active,
    /// It signs no more; its record stays for mail that is still on its way.
    Retired,
}

impl SigningKey {
    /// Where its record is published.
    pub fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }
}

impl KeyState {
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Active, Self::Retired];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Active => "active",
            Self::Retired => "retired",
        }
    }
}
