//! Where a rule has an effect: what `Rule::verdict` says of one copy, said of
//! all copies at once.

use crate::mail::{Disposition, Mode};

use super::super::rule::Rule;
use super::{
    diagrams::{EVERYWHERE, NOWHERE, Region},
    space::Space,
};

/// Where a rule matches, and where it could not be evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Effect {
    pub(in crate::policy) certain: Region,
    pub(in crate::policy) unsure: Region,
}

impl Effect {
    pub(in crate::policy) const NONE: Self = Self { certain: NOWHERE, unsure: NOWHERE };

    /// Where it matches if it is asked: in its organisation, and not exempt.
    pub(in crate::policy) fn asked<'a>(
        space: &mut Space<'a>,
        policy: usize,
        rule: &'a Rule,
    ) -> Self {
        let when = space.answer(policy, rule.conditions());
        // What is unknown does not loosen anything.
        let lifted = rule.exemptions.iter().map(|exemption| {
            let lifted = space.answer(policy, exemption.conditions());
            lifted.certain
        });
        let lifted = lifted.collect();
        let lifted = space.diagrams.any(lifted);
        let unsure = space.diagrams.without(when.possible, when.certain);
        Self {
            certain: space.diagrams.without(when.certain, lifted),
            unsure: space.diagrams.without(unsure, lifted),
        }
    }

    /// Where it does what it says: not where it observes, nor for senders
    /// beyond its canary's share.
    pub(in crate::policy) fn enforced<'a>(
        space: &mut Space<'a>,
        policy: usize,
        rule: &'a Rule,
    ) -> Self {
        if rule.mode == Mode::Observe {
            return Self::NONE;
        }
        let asked = Self::asked(space, policy, rule);
        let share = match rule.canary {
            Some(canary) => space.share(&rule.name, canary),
            None => EVERYWHERE,
        };
        asked.within(space, share)
    }

    pub(in crate::policy) fn within(self, space: &mut Space<'_>, region: Region) -> Self {
        Self {
            certain: space.diagrams.both(self.certain, region),
            unsure: space.diagrams.both(self.unsure, region),
        }
    }

    /// Sure of it or not.
    pub(in crate::policy) fn matched(self, space: &mut Space<'_>) -> Region {
        space.diagrams.either(self.certain, self.unsure)
    }

    /// Where it asks for this or more. Unsure, it holds where it would have
    /// rejected.
    pub(in crate::policy) fn asks(
        self,
        space: &mut Space<'_>,
        rule: &Rule,
        least: Disposition,
    ) -> Region {
        let Some(then) = rule.then else { return NOWHERE };
        let unsure_then = then.min(Disposition::Hold);
        let certain = if then >= least { self.certain } else { NOWHERE };
        let unsure = if unsure_then >= least { self.unsure } else { NOWHERE };
        space.diagrams.either(certain, unsure)
    }
}
