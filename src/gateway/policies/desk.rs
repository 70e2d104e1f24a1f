//! What officers do to versions: each act by a named person, each in the audit
//! trail, and none about a version that was not named well enough to be the
//! one that was looked at.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    approval::Signatory,
    build::Built,
    control::{CameTo, CanaryShown, Outcome, PolicyAnswer, PolicyRequest, PolicyStatus, Refused},
    live::{GoingLive, State, outcome, unkept},
    record::{Act, Named},
    store::StoreError,
    version::{Version, VersionName},
};
use crate::{
    config::Approval,
    mail::{By, Step, Timestamp},
};

/// Why nothing was done, in words.
type Declined = String;

impl GoingLive {
    /// Carries out what the peer of the control socket asks for, whose account
    /// that is; or somebody in the console, who has none there. Blocks.
    pub(in crate::gateway) fn answer(
        &self,
        request: PolicyRequest,
        signatory: &Signatory,
        now: Timestamp,
    ) -> PolicyAnswer {
        let person = |name: Option<String>| signatory.writing(name);
        let done = match request {
            PolicyRequest::Status => return PolicyAnswer::Status(Box::new(self.status(now))),
            PolicyRequest::History => {
                return PolicyAnswer::History { steps: self.state().record.history.clone() };
            }
            PolicyRequest::Show { version } => return self.files(&version),
            PolicyRequest::Reload => Ok(self.reload(&person(None), None, now)),
            PolicyRequest::Propose { officer, reason } => {
                named(&officer).map(|name| self.reload(&person(Some(name)), reason.as_deref(), now))
            }
            PolicyRequest::Approve { version, officer, reason } => {
                named(&officer).and_then(|name| {
                    self.approve(&version, &person(Some(name)), reason.as_deref(), now)
                })
            }
            PolicyRequest::Refuse { version, officer, reason } => {
                self.signed(&officer, &reason, person, |by, reason| {
                    self.decline(&version, by, reason, now)
                })
            }
            PolicyRequest::Return { version, officer, reason } => {
                self.signed(&officer, &reason, person, |by, reason| {
                    self.give_back(version.as_ref(), by, reason, now)
                })
            }
            PolicyRequest::Complete { officer, reason } => {
                self.signed(&officer, &reason, person, |by, reason| self.complete(by, reason, now))
            }
        };
        match done {
            Ok(outcome) => PolicyAnswer::Outcome(outcome),
            Err(why) => PolicyAnswer::Declined { why },
        }
    }

    fn signed(
        &self,
        officer: &str,
        reason: &str,
        person: impl Fn(Option<String>) -> By,
        act: impl FnOnce(&By, &str) -> Result<Outcome, Declined>,
    ) -> Result<Outcome, Declined> {
        let name = named(officer)?;
        match reason.trim() {
            "" => Err("say why: the reason stands in the audit trail".to_owned()),
            reason if reason.len() > MAX_REASON => {
                Err(format!("say why in {MAX_REASON} octets: the letter may stand elsewhere"))
            }
            reason => act(&person(Some(name)), reason),
        }
    }

    /// The last officer needed lets it go on its way: after its checks have
    /// passed once more, for the day may be another.
    fn approve(
        &self,
        name: &VersionName,
        by: &By,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<Outcome, Declined> {
        let mut state = self.state();
        let version = self.waiting(&state, name)?;
        let waiting = state.record.waits(&version).cloned();
        let officers = waiting.map(|waiting| waiting.officers).unwrap_or_default();
        self.accounts.may_join(by, &officers).map_err(|error| error.to_string())?;
        let sources = Arc::new(self.store.sources(&version).map_err(|error| told(&error))?);
        let built = match self.workbench.build(sources, now) {
            Ok(built) => built,
            Err(unfit) => return Ok(self.refuse(&mut state, &unfit, now)),
        };
        let act = Act { at: now, by, reason };
        let mut next = state.record.clone();
        next.approve(built.named(), act);
        if let Err(error) = self.settle(&mut state, next) {
            return Ok(self.refuse(&mut state, &unkept(&built, &error), now));
        }
        if officers.is_empty() && self.terms.approval == Approval::SecondOfficer {
            let words = "one officer stands for it: it waits until another approves it".to_owned();
            return Ok(outcome(CameTo::Waiting, &built, words));
        }
        Ok(self.release(&mut state, built, act))
    }

    fn decline(
        &self,
        name: &VersionName,
        by: &By,
        reason: &str,
        now: Timestamp,
    ) -> Result<Outcome, Declined> {
        let mut state = self.state();
        let version = self.waiting(&state, name)?;
        let mut next = state.record.clone();
        let commit = next.waits(&version).and_then(|waiting| waiting.commit.clone());
        let named = Named { version: &version, commit: commit.as_deref() };
        next.refuse(named, Act { at: now, by, reason: Some(reason) });
        self.settle(&mut state, next).map_err(|error| told(&error))?;
        self.show(&state);
        let words = "it decides nothing, and does not wait any longer".to_owned();
        Ok(Outcome { version: Some(version), ..outcome(CameTo::Unchanged, &state.live, words) })
    }

    /// Out of the canary; or back to a version that has decided here before,
    /// which needs no second officer, for it had both.
    fn give_back(
        &self,
        name: Option<&VersionName>,
        by: &By,
        reason: &str,
        now: Timestamp,
    ) -> Result<Outcome, Declined> {
        let mut state = self.state();
        let act = Act { at: now, by, reason: Some(reason) };
        let is_live = name.is_none_or(|name| name.names(&state.live.version));
        if is_live && state.canary.is_some() {
            return Ok(self.end_canary(&mut state, None, act));
        }
        let version = self.earlier(&state, name)?;
        let sources = Arc::new(self.store.sources(&version).map_err(|error| told(&error))?);
        let built = self.workbench.compile(sources, now).map_err(|unfit| unfit.headline())?;
        let mut next = state.record.clone();
        next.return_to(state.live.named(), built.named(), act);
        self.settle(&mut state, next).map_err(|error| told(&error))?;
        let from = std::mem::replace(&mut state.live, built);
        state.canary = None;
        // Whose files they are that stand in the folder, as a rule.
        state.refused = Some(Refused::returned_from(&from, reason, now));
        self.swap(&state);
        self.tell_loaded(&state);
        let words = format!(
            "it decides from now on; version {} does not come back by a reload while its files \
             are not changed",
            from.version.short()
        );
        Ok(outcome(CameTo::Live, &state.live, words))
    }

    /// The version that is meant, which has decided here.
    fn earlier(&self, state: &State, name: Option<&VersionName>) -> Result<Version, Declined> {
        let Some(name) = name else {
            let before = state.record.before().map(|step| step.version.clone());
            let before = before.and_then(|digits| Version::try_from(digits).ok());
            return before.ok_or_else(|| "no earlier version is known here".to_owned());
        };
        let version = self.store.named(name).map_err(|error| told(&error))?;
        if version == state.live.version {
            return Err(format!("version {} decides already", version.short()));
        }
        match state.record.was_live(&version) {
            true => Ok(version),
            false => Err(format!(
                "version {} has never decided here: it goes live by postern policy propose",
                version.short()
            )),
        }
    }

    /// It has shown enough, somebody says.
    fn complete(&self, by: &By, reason: &str, now: Timestamp) -> Result<Outcome, Declined> {
        let mut state = self.state();
        let act = Act { at: now, by, reason: Some(reason) };
        self.take_over(&mut state, act).unwrap_or_else(|| Err("there is no canary".to_owned()))
    }

    /// The canary decides for everybody; none where there is none.
    pub(super) fn take_over(
        &self,
        state: &mut State,
        act: Act<'_>,
    ) -> Option<Result<Outcome, Declined>> {
        let canary = state.canary.clone()?;
        let mut next = state.record.clone();
        next.go_live(canary.named(), act);
        if let Err(error) = self.settle(state, next) {
            return Some(Err(told(&error)));
        }
        (state.live, state.canary) = (canary, None);
        self.swap(state);
        self.tell_loaded(state);
        Some(Ok(outcome(CameTo::Live, &state.live, "it decides for everybody now".to_owned())))
    }

    /// Of all versions kept the one that is meant, and it waits.
    fn waiting(&self, state: &State, name: &VersionName) -> Result<Version, Declined> {
        let version = self.store.named(name).map_err(|error| told(&error))?;
        match state.record.waits(&version) {
            Some(_) => Ok(version),
            None => Err(format!("version {} does not wait for anybody", version.short())),
        }
    }

    /// The version that decides, and one that is kept: compiled for this day.
    pub(in crate::gateway) fn beside_live(
        &self,
        name: &VersionName,
        now: Timestamp,
    ) -> Result<(Built, Built), Declined> {
        let live = self.state().live.clone();
        let version = self.store.named(name).map_err(|error| told(&error))?;
        let sources = Arc::new(self.store.sources(&version).map_err(|error| told(&error))?);
        let built = self.workbench.compile(sources, now).map_err(|unfit| unfit.headline())?;
        Ok((live, built))
    }

    fn files(&self, name: &VersionName) -> PolicyAnswer {
        let read = self.store.named(name).and_then(|version| {
            let sources = self.store.sources(&version)?;
            Ok((version, sources))
        });
        match read {
            Err(error) => PolicyAnswer::Declined { why: told(&error) },
            Ok((version, sources)) => PolicyAnswer::Files {
                version,
                commit: sources.commit().map(str::to_owned),
                files: sources
                    .iter()
                    .map(|(path, file)| (path.to_owned(), file.text.clone()))
                    .collect::<BTreeMap<_, _>>(),
            },
        }
    }

    fn status(&self, now: Timestamp) -> PolicyStatus {
        let state = self.state();
        let State { record, live, canary, refused, .. } = &*state;
        let became_live = |step: &&crate::mail::PolicyStep| {
            step.step == Step::Live && step.version == live.version.as_str()
        };
        PolicyStatus {
            live: live.version.clone(),
            commit: live.sources.commit().map(str::to_owned),
            since: record.history.iter().rev().find(became_live).cloned(),
            canary: record.canary.as_ref().zip(canary.as_ref()).map(|(trial, built)| CanaryShown {
                version: trial.version.clone(),
                commit: built.sources.commit().map(str::to_owned),
                share: trial.terms.share.to_string(),
                began: trial.began,
                seconds_left: trial.left(now).as_secs(),
                least_messages: trial.terms.least_messages,
                messages: trial.counted.messages,
                words: trial.tell(),
            }),
            waiting: record.waiting.clone(),
            refused: refused.clone(),
            set_aside: record.set_aside.clone(),
            needs_second_officer: self.terms.approval == Approval::SecondOfficer,
        }
    }
}

/// A name fit for the audit trail.
fn named(officer: &str) -> Result<String, Declined> {
    let name = officer.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_fit =
        (1..=MAX_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    is_fit
        .then_some(name)
        .ok_or_else(|| format!("say who you are, in {MAX_NAME} letters: --officer NAME"))
}

fn told(error: &StoreError) -> Declined {
    error.to_string()
}

const MAX_NAME: usize = 100;
const MAX_REASON: usize = 2_000;
