//! The approved domains, looked at by and by: whether each could take mail
//! now. One at a time, spread over hours, so that nobody's log fills; what was
//! found last is kept in memory, and a restart begins anew.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{policies::Policies, queue::now, readiness::Readiness, readiness::Survey};
use crate::{
    config::Config,
    console::PartnerState,
    deliver::Deliverer,
    mail::{Domain, Timestamp},
    observe::PartnerTally,
    policy::{DomainPattern, Policy, Standing},
};

pub(super) struct Partners {
    pub(super) config: Arc<Config>,
    pub(super) policies: Arc<Policies>,
    pub(super) deliverer: Deliverer,
    pub(super) looks: Mutex<BTreeMap<String, Look>>,
}

/// What was found of a domain.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) at: Timestamp,
    /// When it was first found so.
    pub(super) since: Timestamp,
    pub(super) readiness: Arc<Readiness>,
}

impl Look {
    pub(super) fn state(&self) -> PartnerState {
        match (self.readiness.is_ready(), self.readiness.up_to) {
            (true, _) => PartnerState::Ready,
            (false, Some(_)) => PartnerState::Partly,
            (false, None) => PartnerState::Unready,
        }
    }
}

impl Partners {
    /// Until it is stopped.
    pub(super) async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let mut pause = FIRST;
        while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
            let policy = self.policies.live();
            let approved = approved(&policy);
            self.looks().retain(|name, _| approved.contains_key(name));
            let next = self.next(approved.values());
            pause = pause_between(approved.len(), next.as_ref().is_some_and(|(_, first)| *first));
            let Some((domain, _)) = next else { continue };
            let survey =
                Survey { config: Some(&self.config), policy: &policy, deliverer: &self.deliverer };
            match stop.run_until_cancelled(survey.readiness(&domain)).await {
                Some(readiness) => self.note(readiness, now()),
                None => return,
            }
        }
    }

    /// Every domain approved by name, and what is known of it.
    pub(super) fn known(&self) -> Vec<(Domain, Option<Look>)> {
        let approved = approved(&self.policies.live());
        let looks = self.looks();
        approved.into_iter().map(|(name, domain)| (domain, looks.get(&name).cloned())).collect()
    }

    /// How many of them stand how.
    pub(super) fn tally(&self) -> PartnerTally {
        let known = self.known();
        let states = known.iter().map(|(_, look)| look.as_ref());
        tally(states.map(|look| look.map_or(PartnerState::Unknown, Look::state)))
    }

    /// Whoever was never looked at, or longest ago; and whether never.
    fn next<'a>(&self, approved: impl Iterator<Item = &'a Domain>) -> Option<(Domain, bool)> {
        let looks = self.looks();
        let at = |domain: &Domain| looks.get(domain.as_str()).map(|look| look.at);
        let next = approved.min_by_key(|domain| at(domain))?;
        Some((next.clone(), at(next).is_none()))
    }

    fn note(&self, readiness: Readiness, at: Timestamp) {
        let mut looks = self.looks();
        let name = readiness.domain.as_str().to_owned();
        let same = looks.get(&name).filter(|look| look.readiness.up_to == readiness.up_to);
        let since = same.map_or(at, |look| look.since);
        looks.insert(name, Look { at, since, readiness: Arc::new(readiness) });
    }

    /// A panic elsewhere leaves it whole: each change is one call.
    fn looks(&self) -> MutexGuard<'_, BTreeMap<String, Look>> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn tally(states: impl Iterator<Item = PartnerState>) -> PartnerTally {
    let states: Vec<PartnerState> = states.collect();
    let of = |state| states.iter().filter(|own| **own == state).count();
    PartnerTally(PartnerState::ALL.map(|state| (state.name(), of(state))))
}

/// By name; those that wildcards stand for nobody has listed.
fn approved(policy: &Policy) -> BTreeMap<String, Domain> {
    let entries = policy.domains().iter();
    let named = entries.filter_map(|entry| match (&entry.standing, &entry.name) {
        (Standing::Approved { .. }, DomainPattern::Exact(domain)) => Some(domain),
        _ => None,
    });
    named.take(MOST).map(|domain| (domain.as_str().to_owned(), domain.clone())).collect()
}

/// All within a round; sooner those that were never looked at.
fn pause_between(domains: usize, is_first: bool) -> Duration {
    let count = u32::try_from(domains.max(1)).unwrap_or(u32::MAX);
    let spread = ROUND / count;
    if is_first { spread.min(SOON) } else { spread.max(SHORTEST) }
}

/// A start has other things to do.
const FIRST: Duration = Duration::from_secs(60);
const ROUND: Duration = Duration::from_secs(6 * 3600);
/// Between two that were never looked at.
const SOON: Duration = Duration::from_secs(10);
const SHORTEST: Duration = Duration::from_secs(10);
/// Domains of whom something is kept.
const MOST: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_counted_also_that_of_nobody() {
        use PartnerState::{Partly, Unknown, Unready};
        let PartnerTally(told) = tally([Partly, Unready, Unknown, Unready].into_iter());
        assert_eq!(told, [("unready", 2), ("partly", 1), ("unknown", 1), ("ready", 0)]);
    }

    #[test]
    fn few_domains_are_looked_at_seldom_and_new_ones_soon() {
        assert_eq!(pause_between(3, false), ROUND / 3);
        assert_eq!(pause_between(3, true), SOON);
        assert_eq!(pause_between(MOST, false), ROUND / 2_000);
        assert!(pause_between(usize::MAX, false) >= SHORTEST && pause_between(0, false) == ROUND);
    }
}
