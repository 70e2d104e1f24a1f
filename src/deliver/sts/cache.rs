//! Policies that have been fetched: in memory, and on disk so that a restart
//! forgets none (RFC 8461 section 3.3: what an attacker on the way could
//! otherwise undo).

use std::{
    collections::HashMap,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::policy::{Policy, PolicyError};
use crate::{
    deliver::claims::StsPolicy,
    mail::{Domain, Timestamp},
};

/// A policy with when it was fetched, and until when it holds.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) policy: Arc<StsPolicy>,
    pub(super) fetched_at: Timestamp,
    pub(super) max_age: Duration,
}

/// One file of the folder.
#[derive(Serialize, Deserialize)]
struct OnDisk {
    domain: Domain,
    id: String,
    fetched_at: Timestamp,
    /// The policy's text, as it was fetched.
    policy: String,
}

/// As many policies at once, and no more.
pub(super) struct Cache {
    kept: Mutex<HashMap<Domain, Kept>>,
    /// None where nothing is kept over a restart.
    folder: Option<PathBuf>,
    limit: usize,
}

impl Kept {
    pub(super) fn read(
        domain: &Domain,
        id: &str,
        text: &[u8],
        fetched_at: Timestamp,
    ) -> Result<Self, PolicyError> {
        let read = Policy::parse(text)?;
        let published = read.published(domain);
        let Policy { mode, mx, max_age, .. } = read;
        let policy = StsPolicy { id: id.to_owned(), mode, mx, published };
        Ok(Self { policy: Arc::new(policy), fetched_at, max_age })
    }

    pub(super) fn holds(&self, now: Timestamp) -> bool {
        now < self.fetched_at + self.max_age
    }

    /// Once a day, and sooner where it would not hold so long.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        now >= self.fetched_at + (self.max_age / 2).min(DAY)
    }
}

impl Cache {
    /// Reads what the folder has; it is made where it is not there.
    pub(super) fn open(folder: Option<PathBuf>, limit: usize, now: Timestamp) -> Self {
        let mut kept = HashMap::new();
        if let Some(folder) = &folder {
            match read_folder(folder, now) {
                Ok(found) => kept.extend(found.into_iter().take(limit)),
                Err(error) => tell(folder, &error),
            }
        }
        Self { kept: Mutex::new(kept), folder, limit }
    }

    /// What holds now.
    pub(super) fn get(&self, domain: &Domain, now: Timestamp) -> Option<Kept> {
        self.kept().get(domain).filter(|kept| kept.holds(now)).cloned()
    }

    /// Those that are to be fetched again before they expire.
    pub(super) fn due(&self, now: Timestamp) -> Vec<Domain> {
        let kept = self.kept();
        let due = kept.iter().filter(|(_, kept)| kept.holds(now) && kept.is_due(now));
        due.map(|(domain, _)| domain.clone()).collect()
    }

    /// In memory at once; on disk before this returns, if the disk will have it.
    pub(super) async fn put(&self, domain: &Domain, text: &[u8], kept: Kept) {
        let file = OnDisk {
            domain: domain.clone(),
            id: kept.policy.id.clone(),
            fetched_at: kept.fetched_at,
            policy: String::from_utf8_lossy(text).into_owned(),
        };
        let dropped = self.keep(domain, kept);
        let Some(folder) = self.folder.clone() else { return };
        let written = tokio::task::spawn_blocking(move || {
            for domain in dropped {
                remove(&path(&folder, &domain));
            }
            if let Err(error) = write(&folder, &file) {
                tell(&path(&folder, &file.domain), &error);
            }
        });
        if let Err(error) = written.await {
            tracing::error!(%error, "an MTA-STS policy was not written");
        }
    }

    /// Forgets what holds no longer.
    pub(super) fn sweep(&self, now: Timestamp) {
        let mut dropped = Vec::new();
        self.kept().retain(|domain, kept| {
            let holds = kept.holds(now);
            if !holds {
                dropped.push(domain.clone());
            }
            holds
        });
        for domain in dropped {
            self.folder.iter().for_each(|folder| remove(&path(folder, &domain)));
        }
    }

    /// Gives back those that had to go for it: they would be the first to
    /// expire.
    fn keep(&self, domain: &Domain, new: Kept) -> Vec<Domain> {
        let mut kept = self.kept();
        kept.insert(domain.clone(), new);
        let mut dropped = Vec::new();
        while kept.len() > self.limit {
            let others = kept.iter().filter(|(other, _)| *other != domain);
            let first = others.min_by_key(|(_, kept)| kept.fetched_at + kept.max_age);
            let Some(first) = first.map(|(domain, _)| domain.clone()) else { break };
            kept.remove(&first);
            dropped.push(first);
        }
        dropped
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Domain, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_folder(folder: &Path, now: Timestamp) -> std::io::Result<Vec<(Domain, Kept)>> {
    std::fs::create_dir_all(folder)?;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        match read_file(&path) {
            Ok((domain, kept)) if kept.holds(now) => found.push((domain, kept)),
            Ok(_) => remove(&path),
            Err(error) => tell(&path, &error),
        }
    }
    Ok(found)
}

fn read_file(path: &Path) -> std::io::Result<(Domain, Kept)> {
    let file: OnDisk = serde_json::from_slice(&std::fs::read(path)?)?;
    let kept = Kept::read(&file.domain, &file.id, file.policy.as_bytes(), file.fetched_at);
    Ok((file.domain, kept.map_err(std::io::Error::other)?))
}

/// Whole or not at all.
fn write(folder: &Path, file: &OnDisk) -> std::io::Result<()> {
    let mut written = tempfile::NamedTempFile::new_in(folder)?;
    written.write_all(&serde_json::to_vec(file)?)?;
    written.as_file().sync_all()?;
    written.persist(path(folder, &file.domain))?;
    Ok(())
}

/// A domain has letters, digits, hyphens, underscores and dots within.
fn path(folder: &Path, domain: &Domain) -> PathBuf {
    folder.join(format!("{domain}.json"))
}

fn remove(path: &Path) {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => tell(path, &error),
        _ => {}
    }
}

fn tell(path: &Path, error: &dyn std::fmt::Display) {
    tracing::warn!(path = %path.display(), %error, "an MTA-STS policy is not kept on disk");
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(max_age: u64) -> (String, Kept) {
        let text = format!("version: STSv1\nmode: none\nmax_age: {max_age}\n");
        let domain = "x.example".parse().unwrap();
        let kept = Kept::read(&domain, "1", text.as_bytes(), Timestamp::default()).unwrap();
        (text, kept)
    }

    #[tokio::test]
    async fn one_policy_too_many_takes_the_place_of_the_first_to_expire() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(Some(folder.path().to_owned()), 2, Timestamp::default());
        for (domain, max_age) in [("a.example", 300), ("b.example", 200), ("c.example", 100)] {
            let (text, kept) = kept(max_age);
            cache.put(&domain.parse().unwrap(), text.as_bytes(), kept).await;
        }
        let holds = |domain: &str| cache.get(&domain.parse().unwrap(), Timestamp::default());
        assert!(holds("a.example").is_some() && holds("c.example").is_some());
        assert!(holds("b.example").is_none());
        let mut files: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        assert_eq!(files, ["a.example.json", "c.example.json"]);
    }

    #[test]
    fn a_policy_is_due_after_a_day_or_half_its_life_and_holds_to_its_end() {
        let at = |seconds| Timestamp::default() + Duration::from_secs(seconds);
        let (_, short) = kept(100);
        assert!(!short.is_due(at(49)) && short.is_due(at(50)));
        assert!(short.holds(at(99)) && !short.holds(at(100)));
        let (_, long) = kept(864_000);
        assert!(!long.is_due(at(86_399)) && long.is_due(at(86_400)));
    }
}
