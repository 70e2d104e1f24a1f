//! What a domain publishes, now: record, policy and cache together (RFC 8461
//! sections 3.3 and 5.1).

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, SystemTime},
};

use hickory_resolver::{TokioResolver, proto::rr::Name};
use moka::sync::Cache as Memory;

use super::{
    cache::{Cache, Kept},
    fetch::{Fetcher, Unfetched},
    record::policy_id,
};
use crate::{
    config::{ExchangeAddresses, MtaSts, StsDiscovery},
    deliver::{claims::Sts, lookup},
    mail::{Domain, Timestamp, TlsFault},
};

/// The policies of all domains.
pub struct Policies {
    pub(super) fetcher: Fetcher,
    cache: Cache,
    /// What could not be fetched lately.
    pub(super) failed: Memory<Domain, Failed>,
    /// Who is being fetched for: one at a time for each domain.
    busy: Mutex<HashMap<Domain, Weak<tokio::sync::Mutex<()>>>>,
    discovery: StsDiscovery,
}

#[derive(Clone)]
pub(super) struct Failed {
    id: String,
    at: Timestamp,
    error: Unfetched,
}

/// What the domain's name server says.
enum Announced {
    Policy(String),
    Nothing,
    /// It could not be asked, or not believed.
    Unknown,
}

impl Policies {
    /// Reads trust anchors, and the policies that are kept in `folder`; the
    /// reason where nobody could be trusted.
    pub(in crate::deliver) fn new(
        resolver: TokioResolver,
        settings: &MtaSts,
        addresses: ExchangeAddresses,
        folder: Option<PathBuf>,
    ) -> Result<Self, String> {
        let folder = folder.filter(|_| settings.discovery == StsDiscovery::On);
        Ok(Self {
            fetcher: Fetcher::new(resolver, settings, addresses)?,
            cache: Cache::open(folder, POLICIES, SystemTime::now().into()),
            failed: Memory::new(FAILURES),
            busy: Mutex::default(),
            discovery: settings.discovery,
        })
    }

    /// What the domain publishes. Takes a minute at the most, and that only
    /// where its policy host is slow.
    pub(in crate::deliver) async fn of(&self, domain: &Domain) -> Sts {
        self.of_at(domain, SystemTime::now().into()).await
    }

    pub(super) async fn of_at(&self, domain: &Domain, now: Timestamp) -> Sts {
        if self.discovery == StsDiscovery::Off {
            return Sts::Absent;
        }
        let id = match self.announced(domain).await {
            Announced::Policy(id) => id,
            Announced::Nothing | Announced::Unknown => return self.kept(domain, now),
        };
        if let Some(kept) = self.cache.get(domain, now)
            && kept.policy.id == id
        {
            return Sts::Policy(kept.policy);
        }
        match self.fetched(domain, &id, now).await {
            Ok(kept) => Sts::Policy(kept.policy),
            Err(Unfetched { fault, why }) => match self.kept(domain, now) {
                Sts::Absent => Sts::Unavailable { fault, why },
                kept => kept,
            },
        }
    }

    /// Fetches again what would expire, and forgets what has. To be called
    /// every minute or so.
    pub(in crate::deliver) async fn refresh_due(&self) {
        self.refresh_due_at(SystemTime::now().into()).await;
    }

    pub(super) async fn refresh_due_at(&self, now: Timestamp) {
        for domain in self.cache.due(now) {
            self.refresh(&domain, now).await;
        }
        self.cache.sweep(now);
    }

    /// A domain that announces no policy any more gets no new life for its old
    /// one; one whose name server cannot be asked does.
    async fn refresh(&self, domain: &Domain, now: Timestamp) {
        let Some(kept) = self.cache.get(domain, now) else { return };
        let id = match self.announced(domain).await {
            Announced::Policy(id) => id,
            Announced::Nothing => return,
            Announced::Unknown => kept.policy.id.clone(),
        };
        // Why not is in the log, and there is time to try again.
        let _ = self.fetched(domain, &id, now).await;
    }

    async fn announced(&self, domain: &Domain) -> Announced {
        let Ok(mut name) = Name::from_ascii(format!("_mta-sts.{domain}")) else {
            return Announced::Nothing;
        };
        name.set_fqdn(true);
        match lookup::texts(&self.fetcher.resolver, &name).await {
            Ok(texts) => {
                let id = policy_id(texts.iter().map(Vec::as_slice));
                id.map_or(Announced::Nothing, Announced::Policy)
            }
            Err(_) => Announced::Unknown,
        }
    }

    fn kept(&self, domain: &Domain, now: Timestamp) -> Sts {
        self.cache.get(domain, now).map_or(Sts::Absent, |kept| Sts::Policy(kept.policy))
    }

    /// The policy under this id, by whoever comes first; those who wait have
    /// what it has brought.
    async fn fetched(&self, domain: &Domain, id: &str, now: Timestamp) -> Result<Kept, Unfetched> {
        let turn = self.turn(domain);
        let _turn = turn.lock().await;
        if let Some(kept) = self.cache.get(domain, now)
            && kept.policy.id == id
            && !kept.is_due(now)
        {
            return Ok(kept);
        }
        let lately = |failed: &Failed| failed.id == id && now < failed.at + AGAIN;
        if let Some(failed) = self.failed.get(domain).filter(lately) {
            return Err(failed.error);
        }
        let fetched = self.fetch(domain, id, now).await;
        match &fetched {
            Ok(_) => self.failed.invalidate(domain),
            Err(error) => {
                tracing::warn!(%domain, %error, "an MTA-STS policy could not be fetched");
                let failed = Failed { id: id.to_owned(), at: now, error: error.clone() };
                self.failed.insert(domain.clone(), failed);
            }
        }
        fetched
    }

    async fn fetch(&self, domain: &Domain, id: &str, now: Timestamp) -> Result<Kept, Unfetched> {
        let text = self.fetcher.fetch(domain).await?;
        let kept = Kept::read(domain, id, &text, now).map_err(|error| Unfetched {
            fault: TlsFault::StsPolicyInvalid,
            why: format!("the policy of {domain} cannot be used: {error}"),
        })?;
        self.cache.put(domain, &text, kept.clone()).await;
        Ok(kept)
    }

    fn turn(&self, domain: &Domain) -> Arc<tokio::sync::Mutex<()>> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = busy.get(domain).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::new(tokio::sync::Mutex::new(()));
        busy.insert(domain.clone(), Arc::downgrade(&turn));
        turn
    }
}

/// How many policies are kept.
const POLICIES: usize = 10_000;
const FAILURES: u64 = 10_000;
/// How long a policy host that has failed is left alone, where its record has
/// not changed (RFC 8461 section 3.3).
const AGAIN: Duration = Duration::from_secs(5 * 60);
