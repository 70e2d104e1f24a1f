//! What DNS and HTTPS say of a domain's exchanges: who vouches for their
//! names, and for their certificates. Values only; `resolve` and `sts` make
//! them, `requirement` draws the conclusions.

use std::sync::Arc;

use crate::mail::{Domain, MxName, PublishedPolicy, TlsFault};

/// Whether DNSSEC has proved an answer (RFC 4035 section 4.3). One that it has
/// disproved is no answer: a lookup that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Authenticity {
    Secure,
    /// Not signed, or not looked at.
    Insecure,
}

/// The exchanges of a domain, in the order in which they are tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Exchanges {
    pub(super) hosts: Vec<Domain>,
    pub(super) authenticity: Authenticity,
}

/// What a domain says by MTA-STS (RFC 8461).
#[derive(Clone, Debug)]
pub(super) enum Sts {
    /// Nothing, as far as is known.
    Absent,
    Policy(Arc<StsPolicy>),
    /// There should be a policy, and there is none that holds: mail goes on as
    /// without one (section 5.1), and the report tells why.
    Unavailable {
        fault: TlsFault,
        why: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StsPolicy {
    pub(super) id: String,
    pub(super) mode: StsMode,
    /// `*.` stands for one label (section 4.1), as it does for officers.
    pub(super) mx: Vec<MxName>,
    pub(super) published: PublishedPolicy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StsMode {
    Enforce,
    /// Never enforced; what would have failed is reported.
    Testing,
    None,
}

/// The TLSA records of one exchange's port (RFC 7672 section 2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tlsa {
    /// None, or none that DNSSEC proves: DANE does not apply.
    Absent,
    /// Secure, in their order; perhaps none of them usable.
    Records(Vec<TlsaRecord>),
    /// Whether there are any could not be learnt: the host must be passed
    /// over for now (section 2.1.2).
    Failed(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct TlsaRecord {
    pub(super) usage: u8,
    pub(super) selector: u8,
    pub(super) matching: u8,
    pub(super) data: Vec<u8>,
}

impl StsPolicy {
    pub(super) fn covers(&self, host: &Domain) -> bool {
        self.mx.iter().any(|name| name.covers(host))
    }
}
