//! The record of what is live, what is tried, what waits and what was done.
//! Pure: a step comes in, and the record after it comes out.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{canary::Trial, version::Version};
use crate::mail::{By, PolicyRefusal, PolicyStep, Step, Timestamp};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Decides for everybody, or for all but a canary's share.
    pub(super) live: Option<Version>,
    #[serde(default)]
    pub(super) canary: Option<Trial>,
    /// Versions that have passed, the oldest first.
    #[serde(default)]
    pub(super) waiting: Vec<Waiting>,
    /// Versions that do not go live again by a mere reload.
    #[serde(default)]
    pub(super) set_aside: Vec<SetAside>,
    /// The oldest first.
    #[serde(default)]
    pub(super) history: Vec<PolicyStep>,
    /// Steps that nobody has heard of yet.
    #[serde(skip)]
    pub(super) untold: Vec<PolicyStep>,
}

/// A version that waits for officers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    pub version: Version,
    #[serde(default)]
    pub commit: Option<String>,
    pub since: Timestamp,
    pub proposed_by: By,
    #[serde(default)]
    pub reason: Option<String>,
    /// Who stands for it; the proposer is the first, where it is known who
    /// that is.
    pub officers: Vec<By>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetAside {
    pub version: Version,
    pub at: Timestamp,
    pub why: PolicyRefusal,
    pub by: By,
    #[serde(default)]
    pub reason: Option<String>,
}

/// Who takes a step, when, and why.
#[derive(Clone, Copy)]
pub(super) struct Act<'a> {
    pub(super) at: Timestamp,
    pub(super) by: &'a By,
    pub(super) reason: Option<&'a str>,
}

/// Whose step it is about.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) version: &'a Version,
    pub(super) commit: Option<&'a str>,
}

impl Record {
    pub(super) fn propose(&mut self, named: Named<'_>, first: Option<&By>, act: Act<'_>) {
        self.waiting.retain(|waiting| waiting.version != *named.version);
        self.waiting.push(Waiting {
            version: named.version.clone(),
            commit: named.commit.map(str::to_owned),
            since: act.at,
            proposed_by: act.by.clone(),
            reason: act.reason.map(str::to_owned),
            officers: first.into_iter().cloned().collect(),
        });
        self.step(Step::Proposed, named, None, act);
        while self.waiting.len() > MAX_WAITING {
            let oldest = self.waiting.remove(0);
            self.withdraw(&oldest, named.version, act.at);
        }
    }

    pub(super) fn waits(&self, version: &Version) -> Option<&Waiting> {
        self.waiting.iter().find(|waiting| waiting.version == *version)
    }

    /// One officer more stands for it.
    pub(super) fn approve(&mut self, named: Named<'_>, act: Act<'_>) {
        let waiting = self.waiting.iter_mut().find(|waiting| waiting.version == *named.version);
        waiting.into_iter().for_each(|waiting| waiting.officers.push(act.by.clone()));
        self.step(Step::Approved, named, None, act);
    }

    /// An officer says no.
    pub(super) fn refuse(&mut self, named: Named<'_>, act: Act<'_>) {
        self.waiting.retain(|waiting| waiting.version != *named.version);
        self.set_aside(named.version, PolicyRefusal::Approval, act);
        self.step(Step::Refused, named, None, act);
    }

    /// Beside what is live.
    pub(super) fn try_out(&mut self, trial: Trial, named: Named<'_>, act: Act<'_>) {
        self.drop_canary(named.version, act.at);
        self.canary = Some(trial);
        let live = self.live.clone();
        self.clear(named.version, act.at);
        self.step(Step::Canary, named, live.as_ref(), act);
    }

    /// For everybody.
    pub(super) fn go_live(&mut self, named: Named<'_>, act: Act<'_>) {
        let before = self.live.replace(named.version.clone());
        self.drop_canary(named.version, act.at);
        self.clear(named.version, act.at);
        let before = before.filter(|before| before != named.version);
        self.step(Step::Live, named, before.as_ref(), act);
    }

    /// The canary ends, and what was live before decides for everybody again.
    pub(super) fn end_canary(&mut self, named: Named<'_>, act: Act<'_>) {
        self.canary = None;
        self.set_aside(named.version, PolicyRefusal::Returned, act);
        let live = self.live.clone();
        self.step(Step::Returned, named, live.as_ref(), act);
    }

    /// What was live is out, and an earlier version decides.
    pub(super) fn return_to(&mut self, from: Named<'_>, to: Named<'_>, act: Act<'_>) {
        self.set_aside(from.version, PolicyRefusal::Returned, act);
        self.step(Step::Returned, from, Some(to.version), act);
        self.go_live(to, act);
    }

    /// Why this version does not go live by a mere reload.
    pub(super) fn is_set_aside(&self, version: &Version) -> Option<&SetAside> {
        self.set_aside.iter().find(|aside| aside.version == *version)
    }

    /// Somebody wants it all the same, and says so with their name.
    pub(super) fn take_up_again(&mut self, version: &Version) {
        self.set_aside.retain(|aside| aside.version != *version);
    }

    /// Whether it has ever decided for everybody here.
    pub(super) fn was_live(&self, version: &Version) -> bool {
        self.lives().any(|live| live == version.as_str())
    }

    /// The version to return to where none is named: the last one that
    /// decided before and was not itself returned from.
    pub(super) fn before(&self) -> Option<&PolicyStep> {
        let live = self.live.as_ref().map(Version::as_str);
        self.history.iter().rev().find(|step| {
            let is_aside = self.set_aside.iter().any(|a| a.version.as_str() == step.version);
            step.step == Step::Live && Some(step.version.as_str()) != live && !is_aside
        })
    }

    /// Versions whose files are to be kept: those in use, and of those that
    /// were live the last ones.
    pub(super) fn wanted(&self, keep: usize) -> BTreeSet<Version> {
        let in_use = self.live.iter().chain(self.canary.iter().map(|trial| &trial.version));
        let waiting = self.waiting.iter().map(|waiting| &waiting.version);
        let mut wanted: BTreeSet<Version> = in_use.chain(waiting).cloned().collect();
        for live in self.lives().rev() {
            if wanted.len() >= keep {
                break;
            }
            wanted.extend(Version::try_from(live.to_owned()).ok());
        }
        wanted
    }

    fn lives(&self) -> impl DoubleEndedIterator<Item = &str> {
        let live = self.history.iter().filter(|step| step.step == Step::Live);
        live.map(|step| step.version.as_str())
    }

    /// What goes on its way waits no longer, and what else waited was meant to
    /// come after another policy than this.
    fn clear(&mut self, version: &Version, at: Timestamp) {
        self.take_up_again(version);
        for waiting in std::mem::take(&mut self.waiting) {
            if waiting.version != *version {
                self.withdraw(&waiting, version, at);
            }
        }
    }

    /// Another than it has come before its time was up.
    fn drop_canary(&mut self, instead: &Version, at: Timestamp) {
        if let Some(trial) = self.canary.take().filter(|trial| trial.version != *instead) {
            let named = Named { version: &trial.version, commit: None };
            let reason = Some("another version came before its time was up");
            let act = Act { at, by: &By::Gateway, reason };
            self.step(Step::Withdrawn, named, Some(instead), act);
        }
    }

    fn withdraw(&mut self, waiting: &Waiting, instead: &Version, at: Timestamp) {
        let named = Named { version: &waiting.version, commit: waiting.commit.as_deref() };
        let act = Act { at, by: &By::Gateway, reason: Some("another version was taken meanwhile") };
        self.step(Step::Withdrawn, named, Some(instead), act);
    }

    fn set_aside(&mut self, version: &Version, why: PolicyRefusal, act: Act<'_>) {
        self.take_up_again(version);
        self.set_aside.push(SetAside {
            version: version.clone(),
            at: act.at,
            why,
            by: act.by.clone(),
            reason: act.reason.map(str::to_owned),
        });
        let surplus = self.set_aside.len().saturating_sub(MAX_SET_ASIDE);
        self.set_aside.drain(..surplus);
    }

    fn step(&mut self, step: Step, named: Named<'_>, other: Option<&Version>, act: Act<'_>) {
        let step = PolicyStep {
            at: act.at,
            step,
            version: named.version.to_string(),
            commit: named.commit.map(str::to_owned),
            other: other.map(ToString::to_string),
            by: act.by.clone(),
            reason: act.reason.map(str::to_owned),
        };
        self.untold.push(step.clone());
        self.history.push(step);
        let surplus = self.history.len().saturating_sub(MAX_HISTORY);
        self.history.drain(..surplus);
    }
}

const MAX_WAITING: usize = 10;
const MAX_SET_ASIDE: usize = 1_000;
/// The audit trail has them all.
const MAX_HISTORY: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u8) -> Version {
        Version::try_from(format!("{number:064x}")).unwrap()
    }

    fn act(reason: Option<&'static str>) -> Act<'static> {
        Act { at: Timestamp::default(), by: &By::Gateway, reason }
    }

    fn named(version: &Version) -> Named<'_> {
        Named { version, commit: None }
    }

    fn live(numbers: &[u8]) -> Record {
        let mut record = Record::default();
        numbers.iter().for_each(|number| record.go_live(named(&version(*number)), act(None)));
        record
    }

    fn before(record: &Record) -> Option<String> {
        record.before().map(|step| step.version.clone())
    }

    #[test]
    fn returning_again_and_again_goes_further_back_and_not_to_and_fro() {
        let mut record = live(&[1, 2, 3]);
        for (from, to) in [(3, 2), (2, 1)] {
            assert_eq!(before(&record), Some(version(to).to_string()));
            record.return_to(named(&version(from)), named(&version(to)), act(Some("x")));
            assert_eq!(record.live, Some(version(to)));
            assert!(record.is_set_aside(&version(from)).is_some());
        }
        assert_eq!(before(&record), None);
    }

    #[test]
    fn what_goes_live_ends_the_wait_of_all_others() {
        let mut record = live(&[1]);
        for number in [2, 3] {
            record.propose(named(&version(number)), None, act(None));
        }
        record.go_live(named(&version(3)), act(None));
        assert!(record.waiting.is_empty());
        let withdrawn: Vec<_> =
            record.history.iter().filter(|step| step.step == Step::Withdrawn).collect();
        assert_eq!(withdrawn.len(), 1);
        assert_eq!(withdrawn[0].version, version(2).to_string());
    }

    #[test]
    fn what_waits_is_bounded_and_what_falls_out_is_told() {
        let mut record = live(&[1]);
        for number in 2..20 {
            record.propose(named(&version(number)), None, act(None));
        }
        assert_eq!(record.waiting.len(), MAX_WAITING);
        let withdrawn = record.history.iter().filter(|step| step.step == Step::Withdrawn);
        assert_eq!(withdrawn.count(), 18 - MAX_WAITING);
    }

    #[test]
    fn what_is_in_use_is_kept_whatever_the_number_kept() {
        let mut record = live(&[1, 2, 3, 4]);
        record.propose(named(&version(5)), None, act(None));
        assert_eq!(record.wanted(3), [3, 4, 5].map(version).into());
        assert_eq!(record.wanted(1), [4, 5].map(version).into());
        assert_eq!(record.wanted(50), [1, 2, 3, 4, 5].map(version).into());
    }

    #[test]
    fn a_record_is_read_back_as_it_was_written() {
        let mut record = live(&[1, 2]);
        record.propose(named(&version(3)), Some(&By::Signal), act(Some("why")));
        record.refuse(named(&version(3)), act(Some("no")));
        record.untold.clear();
        let written = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&written).unwrap(), record);
    }
}
