//! What a TLS requirement means for one host.
//!
//! Pure, and the only place where a requirement is worked out: the strongest
//! of what policy, the route, the sender and the domain itself ask, and never
//! less afterwards (law 2). Every one of them must be satisfied: one proof
//! stands for another only where whoever asks for it says so.

use std::{net::IpAddr, path::PathBuf};

use super::{
    claims::{Authenticity, Tlsa, TlsaRecord},
    deliverer::RouteTls,
    standing::{Exchange, Standing},
};
use crate::{
    mail::{
        CertificateVerdict, Ciphers, Domain, KeyPin, Protection, PublishedPolicy, TlsFault,
        TlsRequirement, TlsVersion, Trust, Voucher,
    },
    smtp::client::Encryption,
};

/// What one connection must fulfil.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Demand {
    pub(super) level: TlsRequirement,
    /// What the handshake asks for (RFC 7672 section 8.1); the address, where
    /// there is none.
    pub(super) server_name: Option<Domain>,
    /// The certificate must be valid for one of these.
    pub(super) names: Vec<Domain>,
    /// All who vouch for the host and are believed: nobody, if its name comes
    /// from DNS alone.
    pub(super) vouched_by: Vec<Voucher>,
    /// What the certificate must stand up to, every one.
    pub(super) trusted: Vec<Trusted>,
    pub(super) check: Check,
    /// Must match wherever it is there, besides.
    pub(super) dane: Option<Dane>,
    pub(super) min_version: TlsVersion,
    pub(super) ciphers: Ciphers,
    pub(super) published: Option<PublishedPolicy>,
    /// What is wrong with what the domain has published, and stops nothing.
    pub(super) fault: Option<TlsFault>,
}

/// Who must have issued a certificate, or whose it must be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Trusted {
    /// The system's trust anchors.
    System,
    /// Those of a route, in this file.
    File(PathBuf),
    /// The officers', in a file of this name in `certs/`.
    Named(String),
    /// One of these keys, whatever names and dates its certificate bears: the
    /// officers know the key, and answer for it until they take it out.
    Keys(Vec<KeyPin>),
}

/// What becomes of a connection whose certificate is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Check {
    /// It is given up.
    Enforced,
    /// It goes on, with the verdict as evidence.
    Noted,
}

/// Usable TLSA records, and the names that DANE-TA takes (RFC 7672 section
/// 3.2.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Dane {
    pub(super) records: Vec<TlsaRecord>,
    pub(super) names: Vec<Domain>,
}

/// Why a host is not even tried: nothing that it could show would do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub(super) struct Unmeetable {
    pub(super) why: String,
    pub(super) fault: TlsFault,
    pub(super) published: Option<PublishedPolicy>,
}

/// Who asks, besides the domain itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// Policy, already raised to what the sender asks (RFC 8689).
    pub(super) protection: &'a Protection,
    pub(super) route: &'a RouteTls,
}

impl Demand {
    /// Of a host that DNS has named.
    pub(super) fn of_exchange(
        asked: Asked<'_>,
        exchange: Exchange<'_>,
    ) -> Result<Self, Unmeetable> {
        asked.demand(exchange.host.as_str(), Standing::of_exchange(asked, exchange)?)
    }

    /// Of a host that a route or policy has named: there is no DNS answer in
    /// between that could be forged.
    pub(super) fn of_named_host(
        asked: Asked<'_>,
        host: &str,
        tlsa: &Tlsa,
    ) -> Result<Self, Unmeetable> {
        asked.demand(host, Standing::of_named_host(asked, host, tlsa)?)
    }

    pub(super) fn encryption(&self) -> Encryption {
        match self.level {
            TlsRequirement::None => Encryption::Never,
            TlsRequirement::Opportunistic => Encryption::IfOffered,
            TlsRequirement::Encrypted | TlsRequirement::Verified | TlsRequirement::Dane => {
                Encryption::Required
            }
        }
    }

    /// Whether the journey may be made in clear after TLS has failed. The one
    /// way there: anything above opportunistic waits.
    pub(super) fn may_fall_back(&self) -> bool {
        self.level <= TlsRequirement::Opportunistic
    }

    /// Whether a certificate of this verdict will do.
    pub(super) fn is_met_by(&self, verdict: &CertificateVerdict) -> bool {
        self.check == Check::Noted && self.dane.is_none() || verdict.is_proof()
    }
}

impl Asked<'_> {
    fn demand(self, host: &str, standing: Standing) -> Result<Demand, Unmeetable> {
        let mut trusted = self.trusted();
        // Where policy leaves open whom to trust, DNSSEC may be the answer.
        let dnssec_will_do = trusted.is_empty()
            && standing.dane.is_some()
            && standing.vouched_by.contains(&Voucher::Dnssec);
        let strict = self.level() >= TlsRequirement::Verified && !dnssec_will_do;
        self.refuse_without_dane(host, &standing)?;
        if strict && standing.vouched_by.is_empty() {
            let why = format!("verified TLS is required and nobody vouches for the name of {host}");
            let fault = TlsFault::ValidationFailure;
            return Err(Unmeetable { why, fault, published: standing.published });
        }
        let only_keys = trusted.iter().all(|trusted| matches!(trusted, Trusted::Keys(_)));
        if trusted.is_empty() || only_keys && standing.check == Check::Enforced {
            trusted.push(Trusted::System);
        }
        Ok(Demand {
            level: self.level().max(standing.level),
            server_name: standing.server_name,
            names: standing.names,
            vouched_by: standing.vouched_by,
            trusted,
            check: if strict { Check::Enforced } else { standing.check },
            dane: standing.dane,
            min_version: self.protection.min_version,
            ciphers: self.protection.ciphers,
            published: standing.published,
            fault: standing.fault,
        })
    }

    /// Policy that asks for DANE takes nothing in its place.
    fn refuse_without_dane(self, host: &str, standing: &Standing) -> Result<(), Unmeetable> {
        if self.level() < TlsRequirement::Dane {
            return Ok(());
        }
        let (fault, what) = match (&standing.dane, standing.authenticity) {
            (Some(_), Authenticity::Secure) => return Ok(()),
            (Some(_), Authenticity::Insecure) => {
                (TlsFault::DaneRequired, "DNSSEC does not prove that the domain's mail goes to")
            }
            (None, _) => (
                standing.fault.unwrap_or(TlsFault::DaneRequired),
                "there are no TLSA records that could be used of",
            ),
        };
        let why = format!("DANE is required, and {what} {host}");
        Err(Unmeetable { why, fault, published: standing.published.clone() })
    }

    pub(super) fn level(self) -> TlsRequirement {
        self.protection.tls.max(self.route.tls)
    }

    /// What policy and the route trust; nothing, where they leave it open.
    fn trusted(self) -> Vec<Trusted> {
        let route = self.route.trust_anchors.clone().map(Trusted::File);
        let officers = match &self.protection.trust {
            Trust::System => None,
            Trust::Anchors(name) => Some(Trusted::Named(name.clone())),
            Trust::Keys(pins) => Some(Trusted::Keys(pins.clone())),
        };
        route.into_iter().chain(officers).collect()
    }

    /// Those that policy believes, of those that vouch: the officers' own word
    /// always, and without a list all that need no trust in plain DNS.
    pub(super) fn believed(self, vouchers: impl IntoIterator<Item = Voucher>) -> Vec<Voucher> {
        let believes = |voucher: &Voucher| match &self.protection.vouched_by {
            None => true,
            Some(list) => *voucher == Voucher::Officers || list.contains(voucher),
        };
        vouchers.into_iter().filter(believes).collect()
    }

    /// The officers vouch for names, and for whoever has a key they know.
    pub(super) fn officers_vouch_for(self, name: &Domain) -> bool {
        self.knows_the_key() || self.protection.mx_names.iter().any(|known| known.covers(name))
    }

    pub(super) fn knows_the_key(self) -> bool {
        matches!(self.protection.trust, Trust::Keys(_))
    }
}

/// A host's name, where it is not an address.
pub(super) fn name_of(host: &str) -> Option<Domain> {
    host.parse::<IpAddr>().is_err().then(|| host.parse().ok()).flatten()
}
