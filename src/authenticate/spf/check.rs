//! `check_host()` (RFC 7208 section 4), on the DNS as it is.

use std::{
    net::IpAddr,
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
};

use hickory_resolver::{
    TokioResolver,
    net::{DnsError, NetError},
    proto::rr::{Name, RData, RecordType},
};
use mail_auth::SpfResult;

use super::{
    macros::{Spec, Values},
    record::{Mechanism, Prefixes, Record},
};

/// Who sends, and from where.
#[derive(Clone, Copy, Debug)]
pub(in crate::authenticate) struct Asked<'a> {
    pub(in crate::authenticate) ip: IpAddr,
    pub(in crate::authenticate) helo: &'a str,
    /// Empty for the null path: postmaster at the name in EHLO is meant
    /// (section 2.4).
    pub(in crate::authenticate) sender: &'a str,
}

/// What the domain of the sender says.
pub(in crate::authenticate) async fn check(
    resolver: &TokioResolver,
    asked: Asked<'_>,
) -> SpfResult {
    let ip = asked.ip.to_canonical();
    let (local, domain) = asked.sender.rsplit_once('@').unwrap_or(("", asked.helo));
    let local = if local.is_empty() { "postmaster" } else { local };
    if !is_checkable(domain) {
        return SpfResult::None;
    }
    let checking = Checking {
        resolver,
        ip,
        helo: asked.helo,
        sender: (local, domain),
        terms: AtomicUsize::new(0),
        voids: AtomicUsize::new(0),
    };
    match checking.host(domain).await {
        Ok(result) => result,
        Err(Stopped::Temporary) => SpfResult::TempError,
        Err(Stopped::Permanent) => SpfResult::PermError,
    }
}

/// A name of several labels that DNS could have (section 4.3).
fn is_checkable(domain: &str) -> bool {
    let name = domain.strip_suffix('.').unwrap_or(domain);
    name.len() <= MAX_NAME
        && name.contains('.')
        && !name.starts_with('[')
        && name.split('.').all(|label| (1..=MAX_LABEL).contains(&label.len()))
}

/// Why there can be no other answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stopped {
    Temporary,
    Permanent,
}

struct Checking<'a> {
    resolver: &'a TokioResolver,
    ip: IpAddr,
    helo: &'a str,
    sender: (&'a str, &'a str),
    /// Counted over all records together (section 4.6.4).
    terms: AtomicUsize,
    voids: AtomicUsize,
}

type Answer<'f, T> = Pin<Box<dyn Future<Output = Result<T, Stopped>> + Send + 'f>>;

impl Checking<'_> {
    /// Boxed, for records lead to others.
    fn host<'f>(&'f self, domain: &'f str) -> Answer<'f, SpfResult> {
        Box::pin(async move {
            let texts = self.texts(domain).await?;
            let mut records = texts.iter().filter(|text| Record::is_one(text));
            let Some(text) = records.next() else { return Ok(SpfResult::None) };
            if records.next().is_some() {
                return Err(Stopped::Permanent);
            }
            let record = Record::parse(text).map_err(|_| Stopped::Permanent)?;
            for directive in &record.directives {
                if self.matches(&directive.mechanism, domain).await? {
                    return Ok(directive.result);
                }
            }
            let Some(redirect) = &record.redirect else { return Ok(SpfResult::Neutral) };
            self.count_term()?;
            let target = self.name(Some(redirect), domain).await?;
            match self.host(&target).await? {
                SpfResult::None => Err(Stopped::Permanent),
                result => Ok(result),
            }
        })
    }

    async fn matches(&self, mechanism: &Mechanism, domain: &str) -> Result<bool, Stopped> {
        match mechanism {
            Mechanism::All => return Ok(true),
            Mechanism::Ip4(network, bits) => {
                return Ok(is_within(self.ip, IpAddr::V4(*network), *bits));
            }
            Mechanism::Ip6(network, bits) => {
                return Ok(is_within(self.ip, IpAddr::V6(*network), *bits));
            }
            _ => self.count_term()?,
        }
        match mechanism {
            Mechanism::Include(spec) => {
                let target = self.name(Some(spec), domain).await?;
                match self.host(&target).await? {
                    SpfResult::Pass => Ok(true),
                    SpfResult::None => Err(Stopped::Permanent),
                    _ => Ok(false),
                }
            }
            Mechanism::A(spec, prefixes) => {
                let target = self.name(spec.as_ref(), domain).await?;
                self.has_address(&target, *prefixes).await
            }
            Mechanism::Mx(spec, prefixes) => {
                let target = self.name(spec.as_ref(), domain).await?;
                self.has_exchange(&target, *prefixes).await
            }
            Mechanism::Ptr(spec) => {
                let target = folded(&self.name(spec.as_ref(), domain).await?);
                let below = format!(".{target}");
                let names = self.validated_names().await;
                Ok(names.iter().any(|name| *name == target || name.ends_with(&below)))
            }
            Mechanism::Exists(spec) => {
                let target = self.name(Some(spec), domain).await?;
                Ok(!self.counted(&target, RecordType::A).await?.is_empty())
            }
            Mechanism::All | Mechanism::Ip4(..) | Mechanism::Ip6(..) => Ok(false),
        }
    }

    async fn has_address(&self, name: &str, prefixes: Prefixes) -> Result<bool, Stopped> {
        let found = self.counted(name, self.address_type()).await?;
        Ok(found.iter().filter_map(address).any(|address| self.is_near(address, prefixes)))
    }

    async fn has_exchange(&self, name: &str, prefixes: Prefixes) -> Result<bool, Stopped> {
        let found = self.counted(name, RecordType::MX).await?;
        let mut exchanges = found.iter().filter_map(|data| match data {
            RData::MX(exchange) => Some(exchange.exchange.clone()),
            _ => None,
        });
        for exchange in exchanges.by_ref().take(MOST_NAMES) {
            let found = self.ask(exchange, self.address_type()).await?;
            if found.iter().filter_map(address).any(|address| self.is_near(address, prefixes)) {
                return Ok(true);
            }
        }
        match exchanges.next() {
            None => Ok(false),
            Some(_) => Err(Stopped::Permanent),
        }
    }

    /// The names of the client's address that lead back to it (section 5.5).
    /// What fails here only does not match.
    async fn validated_names(&self) -> Vec<String> {
        let found = self.ask(Name::from(self.ip), RecordType::PTR).await;
        let names = found.unwrap_or_default().into_iter().filter_map(|data| match data {
            RData::PTR(name) => Some(name.0),
            _ => None,
        });
        let mut validated = Vec::new();
        for name in names.take(MOST_NAMES) {
            let back = self.ask(name.clone(), self.address_type()).await.unwrap_or_default();
            if back.iter().filter_map(address).any(|address| address == self.ip) {
                validated.push(folded(&name.to_utf8()));
            }
        }
        validated
    }

    /// A domain-spec filled in; the domain itself where there is none.
    async fn name(&self, spec: Option<&Spec>, domain: &str) -> Result<String, Stopped> {
        let Some(spec) = spec else { return Ok(domain.to_owned()) };
        let validated = match spec.needs_validated() {
            true => self.best_name(domain).await,
            false => String::new(),
        };
        let Self { ip, sender, helo, .. } = *self;
        Ok(spec.expand(&Values { ip, sender, helo, domain, validated: &validated }))
    }

    /// The domain itself, else one below it, else any (section 7.3).
    async fn best_name(&self, domain: &str) -> String {
        let names = self.validated_names().await;
        let domain = folded(domain);
        let below = format!(".{domain}");
        let best = names.iter().find(|name| **name == domain);
        let best = best.or_else(|| names.iter().find(|name| name.ends_with(&below)));
        best.or(names.first()).map_or_else(|| "unknown".to_owned(), Clone::clone)
    }

    fn is_near(&self, address: IpAddr, prefixes: Prefixes) -> bool {
        let bits = if self.ip.is_ipv4() { prefixes.ip4 } else { prefixes.ip6 };
        is_within(self.ip, address, bits)
    }

    fn address_type(&self) -> RecordType {
        if self.ip.is_ipv4() { RecordType::A } else { RecordType::AAAA }
    }

    async fn texts(&self, domain: &str) -> Result<Vec<Vec<u8>>, Stopped> {
        let found = self.lookup(domain, RecordType::TXT).await?;
        let text = |data: RData| match data {
            RData::TXT(text) => Some(text.txt_data.concat()),
            _ => None,
        };
        Ok(found.into_iter().filter_map(text).collect())
    }

    /// Of a mechanism: too many that lead nowhere are an error.
    async fn counted(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, Stopped> {
        let found = self.lookup(name, kind).await?;
        if found.is_empty() && self.voids.fetch_add(1, Ordering::Relaxed) >= MOST_VOIDS {
            return Err(Stopped::Permanent);
        }
        Ok(found)
    }

    /// Nothing where the name is none that could be asked for.
    async fn lookup(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, Stopped> {
        // A macro may put anything into a label; it is asked for as it is.
        let labels = name.trim_end_matches('.').split('.').map(str::as_bytes);
        let Ok(mut name) = Name::from_labels(labels) else { return Ok(Vec::new()) };
        name.set_fqdn(true);
        self.ask(name, kind).await
    }

    /// Nothing where there is no such name or record.
    async fn ask(&self, name: Name, kind: RecordType) -> Result<Vec<RData>, Stopped> {
        match self.resolver.lookup(name, kind).await {
            Ok(found) => Ok(found.answers().iter().map(|record| record.data.clone()).collect()),
            Err(NetError::Dns(DnsError::NoRecordsFound(_))) => Ok(Vec::new()),
            Err(_) => Err(Stopped::Temporary),
        }
    }

    fn count_term(&self) -> Result<(), Stopped> {
        match self.terms.fetch_add(1, Ordering::Relaxed) < MOST_TERMS {
            true => Ok(()),
            false => Err(Stopped::Permanent),
        }
    }
}

/// A name as it is compared: case and a last dot say nothing.
fn folded(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn address(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(address) => Some(IpAddr::V4(address.0)),
        RData::AAAA(address) => Some(IpAddr::V6(address.0)),
        _ => None,
    }
}

/// Whether the first bits of two addresses of one kind are the same.
fn is_within(ip: IpAddr, network: IpAddr, bits: u8) -> bool {
    let bits = u32::from(bits);
    match (ip, network) {
        (IpAddr::V4(ip), IpAddr::V4(network)) => {
            let apart = ip.to_bits() ^ network.to_bits();
            apart.checked_shr(u32::BITS - bits.min(u32::BITS)).unwrap_or(0) == 0
        }
        (IpAddr::V6(ip), IpAddr::V6(network)) => {
            let apart = ip.to_bits() ^ network.to_bits();
            apart.checked_shr(u128::BITS - bits.min(u128::BITS)).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// Section 4.6.4.
const MOST_TERMS: usize = 10;
const MOST_NAMES: usize = 10;
const MOST_VOIDS: usize = 2;
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_bits_of_an_address_count_and_no_more() {
        let within = |ip: &str, network: &str, bits| {
            is_within(ip.parse().unwrap(), network.parse().unwrap(), bits)
        };
        assert!(within("192.0.2.77", "192.0.2.0", 24));
        assert!(!within("192.0.3.77", "192.0.2.0", 24));
        assert!(within("203.0.113.1", "192.0.2.0", 0));
        assert!(within("2001:db8::1", "2001:db8::2", 126));
        assert!(!within("2001:db8::1", "2001:db8::2", 128));
        assert!(!within("192.0.2.1", "2001:db8::2", 0));
    }

    #[test]
    fn a_domain_that_dns_could_not_have_is_not_asked_for() {
        assert!(is_checkable("mail.x.example") && is_checkable("x.example."));
        for domain in ["", "localhost", "[192.0.2.1]", "a..example", ".example"] {
            assert!(!is_checkable(domain), "{domain}");
        }
        assert!(!is_checkable(&format!("{}.example", "x".repeat(64))));
    }
}
