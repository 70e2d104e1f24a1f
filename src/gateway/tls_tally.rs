//! TLS sessions as they are counted, and what is still to be sent: in memory,
//! and on disk within a minute, so that a restart loses little and a crash no
//! more than that. Counts are no evidence; the audit trail is.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::queue::now;
use crate::{
    mail::{Address, Attempt, Domain, Event, NextHop, Observer, ReversePath, Timestamp},
    report::tlsrpt::{Day, Tally},
};

/// Counts what deliveries tell.
pub(super) struct TlsTally {
    folder: PathBuf,
    /// Whose mail is not counted: reports about the sessions of reports would
    /// never end.
    from: Address,
    state: Mutex<State>,
}

/// As it stands on disk.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    pub(super) tally: Tally,
    /// Reports that an HTTPS receiver has not taken yet.
    pub(super) due: Vec<Due>,
    /// Whether the disk has less.
    #[serde(skip)]
    changed: Changed,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Due {
    pub(super) domain: Domain,
    pub(super) to: String,
    /// JSON.
    pub(super) report: String,
    pub(super) first: Timestamp,
    pub(super) next: Timestamp,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Changed {
    Yes,
    #[default]
    No,
}

impl TlsTally {
    /// With what an earlier run has left; what cannot be read is put aside,
    /// since counts are not worth a gateway that does not start.
    pub(super) fn open(data_dir: &Path, from: Address) -> std::io::Result<Self> {
        let folder = data_dir.join("tls-reports");
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(FILE);
        let state = match std::fs::read(&path) {
            Ok(octets) => serde_json::from_slice(&octets).unwrap_or_else(|error| {
                tracing::error!(%error, path = %path.display(), "TLS counts are damaged: begun anew");
                let _ = std::fs::rename(&path, folder.join("state.damaged"));
                State::default()
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => State::default(),
            Err(error) => return Err(error),
        };
        Ok(Self { folder, from, state: Mutex::new(state) })
    }

    /// To look at; to change by [`Self::change`].
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        state.changed = Changed::Yes;
        change(&mut state)
    }

    /// Whole or not at all. Blocks.
    pub(super) fn save(&self) -> std::io::Result<()> {
        let octets = {
            let mut state = self.state();
            if std::mem::take(&mut state.changed) == Changed::No {
                return Ok(());
            }
            serde_json::to_vec(&*state)?
        };
        let saved = self.write(&octets);
        if saved.is_err() {
            self.state().changed = Changed::Yes;
        }
        saved
    }

    fn write(&self, octets: &[u8]) -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(octets)?;
        file.as_file().sync_all()?;
        file.persist(self.folder.join(FILE)).map_err(|error| error.error)?;
        std::fs::File::open(&self.folder)?.sync_all()
    }

    fn count(&self, domain: &Domain, attempt: &Attempt) {
        let today = Day::of(now());
        self.change(|state| {
            attempt.tries.iter().for_each(|one| state.tally.count(today, domain, one));
        });
    }
}

impl Observer for TlsTally {
    /// Mail to exchanges only: what a route leads elsewhere is a matter
    /// between its operators.
    fn observe(&self, event: Event<'_>) {
        let Event::Attempted { domain, asked, attempt, .. } = event else { return };
        let is_report = *asked.reverse_path == ReversePath::Mailbox(self.from.clone());
        if asked.next_hop == Some(&NextHop::Mx) && !is_report && !attempt.tries.is_empty() {
            self.count(domain, attempt);
        }
    }
}

const FILE: &str = "state.json";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::mail::{Asked, Evidence, QueueId, TlsRequirement, TlsSession};

    fn told(tally: &TlsTally, reverse_path: &str, next_hop: &str) {
        let tls = TlsSession { version: "TLSv1.3".into(), cipher: "X".into() };
        let evidence = Evidence { tls: Some(tls), ..Evidence::default() };
        let attempt = Attempt { outcomes: Vec::new(), tries: vec![evidence] };
        tally.observe(Event::Attempted {
            id: QueueId::from_bits(1),
            domain: &"x.example".parse().unwrap(),
            requirement: TlsRequirement::Opportunistic,
            asked: &Asked {
                reverse_path: &reverse_path.to_owned().try_into().unwrap(),
                next_hop: Some(&next_hop.parse().unwrap()),
                by: Vec::new(),
                exemption: None,
            },
            attempt: &attempt,
            took: Duration::ZERO,
        });
    }

    fn successes(tally: &TlsTally) -> u64 {
        let state = tally.state();
        let counted = state.tally.of(Day::of(now()), &"x.example".parse().unwrap());
        counted.map_or(0, |counted| counted.policies.iter().map(|policy| policy.successes).sum())
    }

    #[test]
    fn sessions_of_reports_and_of_named_routes_are_not_counted() {
        let folder = tempfile::tempdir().unwrap();
        let from: Address = "tls@gw.test.example".parse().unwrap();
        let tally = TlsTally::open(folder.path(), from).unwrap();
        told(&tally, "tls@gw.test.example", "mx");
        told(&tally, "dr@nhs.test.example", "smtp://192.0.2.1:25");
        assert_eq!(successes(&tally), 0);
        told(&tally, "dr@nhs.test.example", "mx");
        assert_eq!(successes(&tally), 1);
    }

    #[test]
    fn counts_outlive_a_restart_and_damage_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let from: Address = "tls@gw.test.example".parse().unwrap();
        let open = || TlsTally::open(folder.path(), from.clone()).unwrap();
        let tally = open();
        told(&tally, "dr@nhs.test.example", "mx");
        tally.save().unwrap();
        let again = open();
        assert_eq!(successes(&again), 1);
        std::fs::write(folder.path().join("tls-reports/state.json"), "{").unwrap();
        assert_eq!(successes(&open()), 0);
        assert!(folder.path().join("tls-reports/state.damaged").exists());
    }
}
