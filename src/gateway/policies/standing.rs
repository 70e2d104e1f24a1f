//! What decides now: one pointer, swapped whole. Whoever decides a message
//! asks once and keeps what it was given, so that no message is decided by
//! half a policy.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use arc_swap::ArcSwap;

use super::canary::{Counted, Trial};
use crate::{
    mail::{Address, Decision, Disposition, ReversePath},
    policy::Policy,
};

/// Shared by all who decide.
pub(in crate::gateway) struct Policies(ArcSwap<Standing>);

/// One version for everybody, or two of them.
#[derive(Clone)]
pub(super) struct Standing {
    pub(super) live: Arc<Policy>,
    pub(super) canary: Option<Arc<Trying>>,
}

/// A version on trial, and what is counted of it while it stands.
pub(super) struct Trying {
    pub(super) trial: Trial,
    pub(super) policy: Arc<Policy>,
    tally: Tally,
}

#[derive(Default)]
struct Tally {
    messages: AtomicU64,
    stopped: AtomicU64,
    others: AtomicU64,
    others_stopped: AtomicU64,
}

/// The version that decides one message.
pub(in crate::gateway) struct Deciding {
    pub(in crate::gateway) policy: Arc<Policy>,
    counted: Option<(Arc<Trying>, Arm)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arm {
    Canary,
    Before,
}

impl Policies {
    pub(super) fn new(standing: Standing) -> Self {
        Self(ArcSwap::from_pointee(standing))
    }

    /// The version for everybody, or for all but a canary's share.
    pub(in crate::gateway) fn live(&self) -> Arc<Policy> {
        Arc::clone(&self.0.load().live)
    }

    /// The version that decides what this sender writes.
    pub(in crate::gateway) fn for_sender(&self, sender: &ReversePath) -> Deciding {
        let standing = self.0.load();
        let Some(trying) = &standing.canary else {
            return Deciding { policy: Arc::clone(&standing.live), counted: None };
        };
        let (policy, arm) = match trying.trial.decides_for(sender) {
            true => (&trying.policy, Arm::Canary),
            false => (&standing.live, Arm::Before),
        };
        Deciding { policy: Arc::clone(policy), counted: Some((Arc::clone(trying), arm)) }
    }

    pub(super) fn standing(&self) -> Arc<Standing> {
        self.0.load_full()
    }

    pub(super) fn swap(&self, standing: Standing) {
        self.0.store(Arc::new(standing));
    }
}

impl Deciding {
    /// Once for a message, whatever became of it.
    pub(in crate::gateway) fn count(&self, decisions: &[(Address, Decision)]) {
        let Some((trying, arm)) = &self.counted else { return };
        let stops = |disposition| matches!(disposition, Disposition::Hold | Disposition::Reject);
        let is_stopped = decisions.iter().any(|(_, decision)| stops(decision.disposition));
        let Tally { messages, stopped, others, others_stopped } = &trying.tally;
        let (all, held) = match arm {
            Arm::Canary => (messages, stopped),
            Arm::Before => (others, others_stopped),
        };
        // First what is part of the other, so that no rate is ever above one.
        all.fetch_add(1, Ordering::AcqRel);
        held.fetch_add(u64::from(is_stopped), Ordering::AcqRel);
    }
}

impl Trying {
    /// Goes on from what was counted before a restart.
    pub(super) fn new(trial: Trial, policy: Arc<Policy>) -> Self {
        let Counted { messages, stopped, others, others_stopped } = trial.counted;
        let tally = Tally {
            messages: messages.into(),
            stopped: stopped.into(),
            others: others.into(),
            others_stopped: others_stopped.into(),
        };
        Self { trial, policy, tally }
    }

    /// With what was counted so far.
    pub(super) fn so_far(&self) -> Trial {
        let Tally { messages, stopped, others, others_stopped } = &self.tally;
        let (stopped, others_stopped) =
            (stopped.load(Ordering::Acquire), others_stopped.load(Ordering::Acquire));
        let counted = Counted {
            stopped,
            others_stopped,
            messages: messages.load(Ordering::Acquire),
            others: others.load(Ordering::Acquire),
        };
        Trial { counted, ..self.trial.clone() }
    }
}
