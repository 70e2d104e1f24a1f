//! The one way by which a version comes to decide, and out again.
//!
//! Every change is durable in the record before the pointer is swapped, and
//! told after it. One at a time: whoever comes second finds what the first has
//! done. Blocks on disk and processor, so it is called on threads that may be
//! kept; time is passed in.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwap;

use super::{
    approval::SharedAccounts,
    build::{Built, Unfit, Workbench},
    canary::Trial,
    control::{CameTo, Outcome, Refused},
    notices::{News, TellOfficers},
    record::{Act, Named, Record},
    standing::{Policies, Standing, Trying},
    store::{Store, StoreError},
};
use crate::{
    config::{self, Approval},
    console::PolicyOverview,
    mail::{By, Event, Observer, PolicyRefusal, Timestamp},
    observe::{CanaryState, PolicyState},
    policy::{ExemptionState, ReviewState, diagnostics::Diagnostics},
};

pub(in crate::gateway) struct GoingLive {
    pub(super) workbench: Workbench,
    pub(super) terms: config::GoingLive,
    pub(super) store: Store,
    pub(super) accounts: SharedAccounts,
    pub(super) policies: Arc<Policies>,
    pub(super) state: Mutex<State>,
    /// What is shown while something is being built.
    pub(super) shown: ArcSwap<Shown>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) officers: OnceLock<Box<dyn TellOfficers>>,
}

pub(super) struct State {
    pub(super) record: Record,
    pub(super) live: Built,
    pub(super) canary: Option<Built>,
    /// Of the files in the folder, as they were last read.
    pub(super) refused: Option<Refused>,
    /// The day for which all is compiled.
    pub(super) today: jiff::civil::Date,
}

/// For pages and scrapes, which wait for nobody.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) waiting: usize,
    pub(super) refused: Option<Refused>,
}

impl GoingLive {
    /// Reads the folder and takes it as far as it may go.
    pub(in crate::gateway) fn reload(
        &self,
        by: &By,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Outcome {
        let mut state = self.state();
        let act = Act { at: now, by, reason };
        match self.workbench.build_folder(now) {
            Ok(built) => self.admit(&mut state, built, act),
            Err(unfit) => self.refuse(&mut state, &unfit, now),
        }
    }

    pub(super) fn admit(&self, state: &mut State, built: Built, act: Act<'_>) -> Outcome {
        if state.canary.as_ref().is_some_and(|canary| canary.version == built.version) {
            let words = "it is on trial already, and goes on so";
            return self.renew(state, None, Some(built), words);
        }
        if built.version == state.live.version {
            return match state.canary.is_some() {
                true => self.end_canary(state, Some(built), act),
                false => self.renew(state, Some(built), None, "it decides already"),
            };
        }
        let says_why = act.by.name().is_some() && act.reason.is_some();
        if let Some(unfit) = set_aside(state, &built).filter(|_| !says_why) {
            return self.refuse(state, &unfit, act.at);
        }
        if let Err(error) = self.store.keep(&built.version, &built.sources) {
            return self.refuse(state, &unkept(&built, &error), act.at);
        }
        match self.terms.approval {
            Approval::SecondOfficer => self.propose(state, &built, act),
            Approval::None => self.release(state, built, act),
        }
    }

    /// It waits for a second officer; what waits already goes on waiting.
    fn propose(&self, state: &mut State, built: &Built, act: Act<'_>) -> Outcome {
        let is_known = self.accounts.is_known(act.by);
        let waits = state.record.waits(&built.version);
        let stands = waits.is_some_and(|waiting| !is_known || !waiting.officers.is_empty());
        if !stands {
            let mut next = state.record.clone();
            next.take_up_again(&built.version);
            next.propose(built.named(), Some(act.by).filter(|_| is_known), act);
            if let Err(error) = self.settle(state, next) {
                return self.refuse(state, &unkept(built, &error), act.at);
            }
            self.tell_officers(&News::Waiting { named: built.named(), by: act.by });
        }
        state.refused = None;
        self.show(state);
        let officers = match is_known || stands {
            true => "another officer approves it",
            false => "two officers approve it",
        };
        let version = &built.version;
        let words = format!(
            "it has passed all checks and waits until {officers}:\n  \
             postern policy approve {version} --officer NAME"
        );
        outcome(CameTo::Waiting, built, words)
    }

    /// It decides: for a share of senders first, where that is asked for.
    pub(super) fn release(&self, state: &mut State, built: Built, act: Act<'_>) -> Outcome {
        let mut next = state.record.clone();
        let canary =
            self.terms.canary.map(|terms| Trial::begin(built.version.clone(), terms, act.at));
        let came_to = match &canary {
            Some(trial) => {
                next.try_out(trial.clone(), built.named(), act);
                CameTo::Canary
            }
            None => {
                next.go_live(built.named(), act);
                CameTo::Live
            }
        };
        let words = match &canary {
            Some(Trial { terms, .. }) => {
                format!("it decides for {} of senders until it has shown itself", terms.share)
            }
            None => "it decides from now on".to_owned(),
        };
        if let Err(error) = self.settle(state, next) {
            return self.refuse(state, &unkept(&built, &error), act.at);
        }
        let done = outcome(came_to, &built, words);
        match came_to {
            CameTo::Canary => state.canary = Some(built),
            _ => (state.live, state.canary) = (built, None),
        }
        state.refused = None;
        self.swap(state);
        if came_to == CameTo::Live {
            self.tell_loaded(state);
        }
        done
    }

    /// The same files once more: what is compiled of them may be another.
    fn renew(
        &self,
        state: &mut State,
        live: Option<Built>,
        canary: Option<Built>,
        words: &str,
    ) -> Outcome {
        let is_live = live.is_some();
        state.live = live.unwrap_or_else(|| state.live.clone());
        state.canary = canary.or_else(|| state.canary.take());
        state.refused = None;
        self.swap(state);
        if is_live {
            self.tell_loaded(state);
        }
        let shown = state.canary.as_ref().filter(|_| !is_live).unwrap_or(&state.live);
        outcome(CameTo::Unchanged, shown, words.to_owned())
    }

    /// The version before decides for everybody again. `live` is it as it was
    /// just built, if it was.
    pub(super) fn end_canary(
        &self,
        state: &mut State,
        live: Option<Built>,
        act: Act<'_>,
    ) -> Outcome {
        let Some(canary) = state.canary.take() else {
            return outcome(CameTo::Unchanged, &state.live, "there is no canary".to_owned());
        };
        let mut next = state.record.clone();
        next.end_canary(canary.named(), act);
        // Whatever the disk says: a version that must not decide does not.
        if let Err(error) = self.settle(state, next.clone()) {
            tracing::error!(%error, "the end of the canary is not recorded: a restart would go on with it");
            state.record = Record { untold: Vec::new(), ..next };
        }
        state.live = live.unwrap_or_else(|| state.live.clone());
        state.refused = None;
        self.swap(state);
        self.tell_loaded(state);
        outcome(
            CameTo::Live,
            &state.live,
            format!("the canary {} has ended", canary.version.short()),
        )
    }

    /// The one before stays; why this one does not decide is told.
    pub(super) fn refuse(&self, state: &mut State, unfit: &Unfit, now: Timestamp) -> Outcome {
        let refused = Refused::of(unfit, now);
        let lines: Vec<_> = unfit.faults.iter().take(MAX_LINES).map(ToString::to_string).collect();
        let error = match lines.is_empty() {
            true => unfit.words.clone(),
            false => lines.join("\n"),
        };
        self.observer.observe(Event::PolicyRefused { reason: unfit.reason, error: &error });
        state.refused = Some(refused.clone());
        self.show(state);
        Outcome {
            came_to: CameTo::Refused,
            version: unfit.version.clone(),
            words: format!("{}; version {} stays", unfit.words, state.live.version.short()),
            refused: Some(refused),
        }
    }

    /// On disk first, then in memory, then told.
    pub(super) fn settle(&self, state: &mut State, mut next: Record) -> Result<(), StoreError> {
        let untold = std::mem::take(&mut next.untold);
        self.store.set_record(&next)?;
        if let Err(error) = self.store.keep_only(&next.wanted(self.terms.keep)) {
            tracing::warn!(%error, "versions of the policy that are no longer wanted stay on disk");
        }
        state.record = next;
        untold.iter().for_each(|step| self.observer.observe(Event::PolicyStepped(step)));
        Ok(())
    }

    /// One pointer: what decides from the next message on.
    pub(super) fn swap(&self, state: &State) {
        let trial = state.record.canary.clone().zip(state.canary.as_ref());
        let canary = trial.map(|(trial, built)| Trying::new(trial, Arc::clone(&built.policy)));
        let live = Arc::clone(&state.live.policy);
        self.policies.swap(Standing { live, canary: canary.map(Arc::new) });
        self.show(state);
    }

    pub(super) fn show(&self, state: &State) {
        let waiting = state.record.waiting.len();
        self.shown.store(Arc::new(Shown { waiting, refused: state.refused.clone() }));
    }

    pub(super) fn tell_loaded(&self, state: &State) {
        let policy = &state.live.policy;
        let (version, commit) = (policy.version(), policy.commit());
        self.observer.observe(Event::PolicyLoaded { version, commit });
    }

    pub(super) fn tell_officers(&self, news: &News<'_>) {
        if let Some(officers) = self.officers.get() {
            officers.tell(news);
        }
    }

    /// With what the canary has counted until now.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(trying) = &self.policies.standing().canary {
            state.record.canary = Some(trying.so_far());
        }
        state
    }

    /// Whom to ask for each message.
    pub(in crate::gateway) fn policies(&self) -> Arc<Policies> {
        Arc::clone(&self.policies)
    }

    /// For the console's page.
    pub(in crate::gateway) fn overview(&self) -> PolicyOverview {
        let (standing, shown) = (self.policies.standing(), self.shown.load());
        let canary = standing.canary.as_ref().map(|trying| {
            let (trial, policy) = (trying.so_far(), &trying.policy);
            format!("{} for {} of senders: {}", policy.version(), trial.terms.share, trial.tell())
        });
        let refused = shown.refused.as_ref().map(|refused| {
            let faults = refused.faults.iter().map(ToString::to_string).collect::<Vec<_>>();
            let faults = if faults.is_empty() { vec![refused.headline.clone()] } else { faults };
            (format!("Refused at {}", refused.at.rfc3339()), faults)
        });
        let deadlines = standing.live.deadlines();
        PolicyOverview {
            version: standing.live.version().to_owned(),
            commit: standing.live.commit().map(str::to_owned),
            canary,
            waiting: shown.waiting,
            exemptions_expiring: deadlines.exemptions(ExemptionState::Expiring),
            reviews_overdue: deadlines.reviews(ReviewState::Overdue),
            refused,
        }
    }

    /// For a scrape.
    pub(in crate::gateway) fn metrics(&self) -> PolicyState {
        let (standing, shown) = (self.policies.standing(), self.shown.load());
        let canary = standing.canary.as_ref().map(|trying| {
            let trial = trying.so_far();
            CanaryState {
                share: trial.terms.share.ratio(),
                its_own: trial.counted.its_own(),
                of_the_rest: trial.counted.of_the_rest(),
            }
        });
        PolicyState {
            waiting: shown.waiting,
            refused: shown.refused.as_ref().map(|refused| refused.reason),
            canary,
            deadlines: standing.live.deadlines().clone(),
        }
    }
}

impl Built {
    pub(super) fn named(&self) -> Named<'_> {
        Named { version: &self.version, commit: self.sources.commit() }
    }
}

/// It was returned from, or an officer has refused it: a reload alone, which
/// may have been for a certificate, does not bring it back.
fn set_aside(state: &State, built: &Built) -> Option<Unfit> {
    let aside = state.record.is_set_aside(&built.version)?;
    let reason = aside.reason.as_deref().unwrap_or("no reason was given");
    let words = format!(
        "version {} was set aside at {} by {} ({reason}); change the files, or take it up again: \
         postern policy propose --officer NAME --reason WHY",
        built.version.short(),
        aside.at.rfc3339(),
        aside.by,
    );
    Some(unfit(built, aside.why, words))
}

pub(super) fn unkept(built: &Built, error: &StoreError) -> Unfit {
    unfit(built, PolicyRefusal::Store, format!("the version could not be kept: {error}"))
}

fn unfit(built: &Built, reason: PolicyRefusal, words: String) -> Unfit {
    let version = Some(built.version.clone());
    Unfit { reason, version, words, faults: Diagnostics::default(), built: None }
}

pub(super) fn outcome(came_to: CameTo, built: &Built, words: String) -> Outcome {
    Outcome { came_to, version: Some(built.version.clone()), words, refused: None }
}

/// Of faults in one log line.
const MAX_LINES: usize = 20;
