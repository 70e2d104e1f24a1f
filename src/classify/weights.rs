//! What terms weigh.

use super::{
    lexicon::{Ending, Hit},
    settings::Settings,
};

#[derive(Clone, Debug, Default)]
pub(super) struct TermWeights {
    /// By number of [`super::lexicon::Role::Term`].
    lists: Vec<u32>,
    slip: u32,
}

impl TermWeights {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            lists: settings.lists.iter().map(|list| list.weight).collect(),
            slip: settings.slips.map_or(0, |slips| slips.weight),
        }
    }

    pub(super) fn of(&self, hit: &Hit) -> u32 {
        let weight = self.lists.get(hit.role).copied().unwrap_or(0);
        match hit.ending {
            Ending::Slip => weight.min(self.slip),
            Ending::Whole | Ending::Plural => weight,
        }
    }
}
