//! How a host stands: who vouches for it, and what its domain asks of those
//! who send it mail, by DANE (RFC 7672) or by MTA-STS (RFC 8461).
//!
//! Pure. Of an exchange with usable TLSA records DANE alone decides, be it
//! against it: MTA-STS is not to interfere (RFC 8461 section 2).

use super::{
    claims::{Authenticity, Sts, StsMode, StsPolicy, Tlsa},
    dane,
    requirement::{Asked, Check, Dane, Unmeetable, name_of},
};
use crate::mail::{
    Domain, MxName, PublishedPolicy, PublishedPolicyKind, TlsFault, TlsRequirement, Voucher,
};

/// A host that DNS has named, with all that is claimed of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange<'a> {
    pub(super) host: &'a Domain,
    /// Whose mail it takes.
    pub(super) domain: &'a Domain,
    /// Whether DNSSEC proves that it does.
    pub(super) authenticity: Authenticity,
    pub(super) sts: &'a Sts,
    pub(super) tlsa: &'a Tlsa,
}

/// What follows for a host from the claims alone.
#[derive(Debug)]
pub(super) struct Standing {
    /// What the domain asks.
    pub(super) level: TlsRequirement,
    /// Whether the domain asks that the certificate be trusted.
    pub(super) check: Check,
    pub(super) server_name: Option<Domain>,
    pub(super) names: Vec<Domain>,
    /// All who vouch and are believed.
    pub(super) vouched_by: Vec<Voucher>,
    pub(super) dane: Option<Dane>,
    /// Whether DNSSEC proves that the host is the one that is meant.
    pub(super) authenticity: Authenticity,
    pub(super) published: Option<PublishedPolicy>,
    pub(super) fault: Option<TlsFault>,
}

impl Standing {
    pub(super) fn of_exchange(
        asked: Asked<'_>,
        exchange: Exchange<'_>,
    ) -> Result<Self, Unmeetable> {
        let Exchange { host, domain, authenticity, tlsa, .. } = exchange;
        let published = exchange.published();
        let refused = |fault, why| Unmeetable { why, fault, published: Some(published.clone()) };
        // The domain is a name that is meant only where DNSSEC ties the host
        // to it.
        let next_hop = (authenticity == Authenticity::Secure).then_some(domain);
        let names = std::iter::once(host).chain(next_hop.filter(|domain| *domain != host));
        let signed = Signed::of(tlsa, names.cloned().collect())
            .map_err(|why| refused(TlsFault::DnssecInvalid, why))?;
        let enforced = signed.dane.is_none() && exchange.is_enforced();
        if enforced && !exchange.is_covered() {
            let why = format!("the MTA-STS policy of {domain} does not name {host}");
            return Err(refused(TlsFault::ValidationFailure, why));
        }
        // A route's name stands for whatever host DNS names, unless the host
        // is one that somebody insists on.
        let insisted = enforced || asked.officers_vouch_for(host);
        let (name, vouchers) = match asked.route.tls_name.as_ref().filter(|_| !insisted) {
            Some(name) => (name, vec![Voucher::Route]),
            None => (host, exchange.vouchers(asked)),
        };
        let server_name = if signed.dane.is_some() { host } else { name };
        let level = if enforced { TlsRequirement::Verified } else { signed.level(authenticity) };
        Ok(Self {
            level,
            check: if enforced { Check::Enforced } else { Check::Noted },
            server_name: Some(server_name.clone()),
            names: vec![name.clone()],
            vouched_by: asked.believed(vouchers),
            fault: signed.fault.or_else(|| exchange.sts_fault().filter(|_| signed.dane.is_none())),
            dane: signed.dane,
            authenticity,
            published: Some(published),
        })
    }

    pub(super) fn of_named_host(
        asked: Asked<'_>,
        host: &str,
        tlsa: &Tlsa,
    ) -> Result<Self, Unmeetable> {
        let own = name_of(host);
        let signed = Signed::of(tlsa, own.iter().cloned().collect()).map_err(|why| Unmeetable {
            why,
            fault: TlsFault::DnssecInvalid,
            published: None,
        })?;
        let (names, mut vouchers) = match asked.route.tls_name.as_ref().or(own.as_ref()) {
            Some(name) => {
                let officers = asked.officers_vouch_for(name).then_some(Voucher::Officers);
                (vec![name.clone()], officers.into_iter().chain([Voucher::Route]).collect())
            }
            None => names_of_address(asked),
        };
        vouchers.extend(signed.dane.iter().map(|_| Voucher::Dnssec));
        Ok(Self {
            level: signed.level(Authenticity::Secure),
            check: Check::Noted,
            server_name: match signed.dane {
                Some(_) => own,
                None => names.first().cloned(),
            },
            names,
            vouched_by: asked.believed(vouchers),
            dane: signed.dane,
            // Whoever named the host is believed; its records are signed.
            authenticity: Authenticity::Secure,
            published: None,
            fault: signed.fault,
        })
    }
}

/// An address has no name of its own: any that the officers wrote out.
fn names_of_address(asked: Asked<'_>) -> (Vec<Domain>, Vec<Voucher>) {
    let exact = asked.protection.mx_names.iter().filter_map(|name| match name {
        MxName::Exact(name) => Some(name.clone()),
        MxName::OneLabelBelow(_) => None,
    });
    let names: Vec<Domain> = exact.collect();
    let known = asked.knows_the_key() || !names.is_empty();
    (names, known.then_some(Voucher::Officers).into_iter().collect())
}

impl Exchange<'_> {
    /// The policy that holds, unless it says that there is none.
    fn sts_policy(&self) -> Option<&StsPolicy> {
        match self.sts {
            Sts::Policy(policy) if policy.mode != StsMode::None => Some(policy),
            Sts::Policy(_) | Sts::Absent | Sts::Unavailable { .. } => None,
        }
    }

    fn is_enforced(&self) -> bool {
        self.sts_policy().is_some_and(|policy| policy.mode == StsMode::Enforce)
    }

    /// Whether the policy names the host, of whatever mode: one in testing is
    /// no less the domain's own word.
    fn is_covered(&self) -> bool {
        self.sts_policy().is_some_and(|policy| policy.covers(self.host))
    }

    fn sts_fault(&self) -> Option<TlsFault> {
        match self.sts {
            Sts::Unavailable { fault, .. } => Some(*fault),
            _ => (self.sts_policy().is_some() && !self.is_covered())
                .then_some(TlsFault::ValidationFailure),
        }
    }

    fn vouchers(&self, asked: Asked<'_>) -> Vec<Voucher> {
        let said = [
            (Voucher::Officers, asked.officers_vouch_for(self.host)),
            (Voucher::MtaSts, self.is_covered()),
            (Voucher::Dnssec, self.authenticity == Authenticity::Secure),
        ];
        said.into_iter().filter_map(|(voucher, vouches)| vouches.then_some(voucher)).collect()
    }

    fn published(&self) -> PublishedPolicy {
        let policy = |kind, domain: &Domain, lines| PublishedPolicy {
            kind,
            domain: domain.clone(),
            lines,
            mx_hosts: Vec::new(),
        };
        match (self.tlsa, self.sts) {
            (Tlsa::Records(records), _) => {
                let lines = records.iter().map(ToString::to_string).collect();
                policy(PublishedPolicyKind::Tlsa, self.host, lines)
            }
            (Tlsa::Failed(_), _) => policy(PublishedPolicyKind::Tlsa, self.host, Vec::new()),
            (Tlsa::Absent, Sts::Unavailable { .. }) => {
                policy(PublishedPolicyKind::Sts, self.domain, Vec::new())
            }
            (Tlsa::Absent, _) => match self.sts_policy() {
                Some(sts) => sts.published.clone(),
                None => policy(PublishedPolicyKind::NoPolicyFound, self.domain, Vec::new()),
            },
        }
    }
}

/// What DNSSEC says of a host's certificate.
struct Signed {
    dane: Option<Dane>,
    fault: Option<TlsFault>,
}

impl Signed {
    /// Why the host must be passed over, where that could not be learnt (RFC
    /// 7672 section 2.1.2).
    fn of(tlsa: &Tlsa, names: Vec<Domain>) -> Result<Self, String> {
        let records = match tlsa {
            Tlsa::Absent => return Ok(Self { dane: None, fault: None }),
            Tlsa::Failed(why) => return Err(format!("its TLSA records are not known: {why}")),
            Tlsa::Records(records) => dane::usable(records),
        };
        if records.is_empty() {
            return Ok(Self { dane: None, fault: Some(TlsFault::TlsaInvalid) });
        }
        Ok(Self { dane: Some(Dane { records, names }), fault: None })
    }

    /// Records of which none can be used still say that there is TLS (RFC 7672
    /// section 2.2). Those of an exchange that DNSSEC does not tie to the
    /// domain must match, and prove no more than that TLS is with that host.
    fn level(&self, authenticity: Authenticity) -> TlsRequirement {
        match (&self.dane, authenticity) {
            (Some(_), Authenticity::Secure) => TlsRequirement::Dane,
            (Some(_), Authenticity::Insecure) => TlsRequirement::Encrypted,
            (None, _) if self.fault.is_some() => TlsRequirement::Encrypted,
            (None, _) => TlsRequirement::None,
        }
    }
}
