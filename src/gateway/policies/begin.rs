//! Starting with a policy. A gateway must start after a power cut with the
//! policy that was live, and a faulty file must not leave a hospital without
//! mail: so what is in the folder is taken as a reload would take it, and
//! what was live before decides where it cannot be.

use std::sync::{Arc, Mutex, OnceLock};

use arc_swap::ArcSwap;

use super::{
    approval::SharedAccounts,
    build::{Built, Unfit, Workbench},
    control::{CameTo, Refused},
    live::{GoingLive, Shown, State},
    notices::{News, TellOfficers},
    record::{Act, Named, Record},
    standing::{Policies, Standing},
    store::Store,
    version::Version,
};
use crate::{
    config::Config,
    gateway::parts::{StartError, part, reader_settings},
    mail::{By, Observer, PolicyRefusal, Timestamp},
};

/// What a start stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Footing {
    /// Nothing was live here that could be used.
    First,
    /// The version that was live is kept.
    Kept,
}

impl GoingLive {
    /// What decides is in place when it returns; who is told of it is set
    /// afterwards ([`GoingLive::has_begun`]), for it takes a queue.
    pub(in crate::gateway) fn begin(
        config: &Config,
        observer: Arc<dyn Observer>,
        now: Timestamp,
    ) -> Result<Self, StartError> {
        let workbench = Workbench {
            folder: config.node.policies.clone(),
            local_domains: config.node.local_domains.clone(),
            reader: reader_settings(&config.reader),
        };
        let store = Store::open(&config.node.data_dir)
            .map_err(|error| part("the versions of the policy", error))?;
        let record = store.record().unwrap_or_else(|error| {
            tracing::error!(%error, "the record of policies is lost: the files in the folder begin anew");
            None
        });
        let record: Record = record.unwrap_or_default();
        let from_folder = workbench.build_folder(now);
        let kept = record.live.as_ref().and_then(|live| kept(&store, &workbench, live, now));
        let footing = kept.as_ref().map_or(Footing::First, |_| Footing::Kept);
        let (live, from_folder) = match kept {
            Some(kept) => (kept, from_folder),
            None => first(from_folder)?,
        };
        let trial = record.canary.as_ref().filter(|_| footing == Footing::Kept);
        let canary = trial.and_then(|trial| kept_canary(&store, &workbench, &trial.version, now));
        let standing = Standing { live: Arc::clone(&live.policy), canary: None };
        let state = State { record, live, canary, refused: None, today: now.date() };
        let going_live = Self {
            workbench,
            terms: config.going_live.clone(),
            store,
            accounts: SharedAccounts::of_this_machine(),
            policies: Arc::new(Policies::new(standing)),
            state: Mutex::new(state),
            shown: ArcSwap::from_pointee(Shown::default()),
            observer,
            officers: OnceLock::new(),
        };
        going_live.go_on(footing, from_folder, now);
        Ok(going_live)
    }

    /// From here on officers are told.
    pub(in crate::gateway) fn has_begun(&self, officers: super::Officers) {
        self.tell_begun(Box::new(officers));
    }

    pub(super) fn tell_begun(&self, officers: Box<dyn TellOfficers>) {
        if self.officers.set(officers).is_err() {
            tracing::debug!("officers are told already");
        }
        let state = self.state();
        for waiting in &state.record.waiting {
            let named = Named { version: &waiting.version, commit: waiting.commit.as_deref() };
            self.tell_officers(&News::Waiting { named, by: &waiting.proposed_by });
        }
        let is_other = |refused: &&Refused| refused.version.as_ref() != Some(&state.live.version);
        if let Some(refused) = state.refused.as_ref().filter(is_other) {
            self.tell_officers(&News::StartedWithout { refused, live: &state.live });
        }
    }

    /// With what the folder has now, after what was live then.
    fn go_on(&self, footing: Footing, from_folder: Result<Built, Unfit>, now: Timestamp) {
        let mut state = self.state();
        let act = Act { at: now, by: &By::Start, reason: None };
        if footing == Footing::First {
            self.record_first(&mut state, act);
        } else if state.record.canary.is_some() && state.canary.is_none() {
            state.record.canary = None;
        }
        self.swap(&state);
        let outcome = match from_folder {
            Ok(built) => self.admit(&mut state, built, act),
            Err(unfit) => self.refuse(&mut state, &unfit, now),
        };
        if !matches!(outcome.came_to, CameTo::Live | CameTo::Unchanged) {
            self.tell_loaded(&state);
        }
        let (version, its_own) = (state.live.version.short(), &state.live.version);
        let headline = outcome.refused.map(|refused| refused.headline).unwrap_or_default();
        match outcome.came_to {
            CameTo::Refused if outcome.version.as_ref() == Some(its_own) => {
                tracing::error!(
                    version,
                    headline,
                    "the policy has failed, and decides: nothing is kept to fall back upon"
                );
            }
            CameTo::Refused => tracing::error!(
                version,
                headline,
                "the files in the policy folder were refused: the version that was live decides"
            ),
            CameTo::Waiting => {
                tracing::warn!(version, "the files in the policy folder wait for a second officer");
            }
            CameTo::Canary | CameTo::Live | CameTo::Unchanged => {}
        }
    }

    /// Nothing was live here before: this is, whatever its cases say.
    fn record_first(&self, state: &mut State, act: Act<'_>) {
        let mut next = Record { canary: None, ..state.record.clone() };
        next.go_live(state.live.named(), act);
        let kept = self.store.keep(&state.live.version, &state.live.sources);
        if let Err(error) = kept.and_then(|()| self.settle(state, next)) {
            tracing::error!(%error, "the version that decides could not be kept to fall back upon");
        }
    }
}

/// What was live when the gateway last ran, as it was then.
fn kept(store: &Store, workbench: &Workbench, live: &Version, now: Timestamp) -> Option<Built> {
    let unusable = |why: String| {
        tracing::error!(version = live.short(), why, "the version that was live cannot be used");
    };
    let sources = store.sources(live).map_err(|error| unusable(error.to_string())).ok()?;
    let built = workbench.compile(Arc::new(sources), now);
    built.map_err(|unfit| unusable(unfit.headline())).ok()
}

fn kept_canary(
    store: &Store,
    workbench: &Workbench,
    version: &Version,
    now: Timestamp,
) -> Option<Built> {
    let built = kept(store, workbench, version, now);
    if built.is_none() {
        tracing::error!(version = version.short(), "its trial has ended");
    }
    built
}

/// Nothing to fall back upon: what compiles must do, since without it there
/// is no mail at all. That its cases fail is told all the same.
fn first(from_folder: Result<Built, Unfit>) -> Result<(Built, Result<Built, Unfit>), StartError> {
    match from_folder {
        Ok(built) => Ok((built.clone(), Ok(built))),
        Err(Unfit { built: Some(built), reason, version, words, faults }) => {
            let unfit = Unfit { built: None, reason, version, words, faults };
            Ok((built, Err(unfit)))
        }
        Err(Unfit { reason: PolicyRefusal::Read, words, .. }) => Err(part("the policies", words)),
        Err(Unfit { faults, .. }) => Err(StartError::Policy(faults)),
    }
}
