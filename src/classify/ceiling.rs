//! What a candidate can come to at most, told before any is looked for.
//!
//! Most detectors need a word that speaks for what they find: where a text has
//! no such word, nothing that they find in it can be sure enough to report.
//! Their patterns are not tried there. What is reported is the same.

use super::{
    detect::{ContextRule, Detectors},
    lexicon::Words,
    settings::{Detector, Position},
    table::Tables,
};

/// The most points of a detector's candidates, less those of its contexts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ceiling {
    /// For how it is written and where it stands.
    alone: i32,
    /// For what is found near it.
    company: i32,
}

/// Whether a detector can find something sure enough in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chance {
    Alone,
    /// Only beside something else that is sure enough.
    InCompany,
    None,
}

impl Ceiling {
    pub(super) fn of(detector: &Detector) -> Self {
        let shape = detector.shapes.iter().map(|shape| shape.points).max().unwrap_or(0);
        let (stands, fellows) = (detector.stands, detector.fellows);
        let stands = stands.fills_text.max(stands.fills_line).max(stands.opens_text);
        let passing = fellows.all_pass.max(fellows.all_pass.saturating_add(fellows.many_pass));
        let more = [
            shape,
            detector.beside_digits,
            stands,
            passing.max(fellows.others_fail),
            detector.named.points,
            detector.beside_test_number.points,
        ];
        let company = detector.company.iter().map(|company| company.points);
        Self {
            alone: more.into_iter().fold(detector.base, add_what_counts_for),
            company: company.fold(0, add_what_counts_for),
        }
    }

    fn chance(self, spoken: i32, report_at: i32) -> Chance {
        let alone = self.alone.saturating_add(spoken);
        if alone >= report_at {
            Chance::Alone
        } else if alone.saturating_add(self.company) >= report_at {
            Chance::InCompany
        } else {
            Chance::None
        }
    }
}

impl Detectors {
    /// By detector, its chance in a text with these words.
    pub(super) fn chances<'a>(
        &self,
        words: &Words,
        tables: impl FnOnce() -> &'a Tables,
    ) -> Vec<Chance> {
        let is_heading = |rule: &ContextRule| rule.position == Position::Heading;
        let mut spoken = vec![0; self.detectors.len()];
        let mut has_said = vec![false; self.contexts.len()];
        let mut headings = Vec::new();
        for hit in &words.contexts {
            let Some(rule) = self.contexts.get(hit.role).filter(|rule| rule.points > 0) else {
                continue;
            };
            if is_heading(rule) {
                headings.push(hit);
            } else {
                self.say(hit.role, &mut has_said, &mut spoken);
            }
        }
        if !headings.is_empty() {
            let tables = tables();
            for hit in headings.iter().filter(|hit| tables.heads(&hit.span)) {
                self.say(hit.role, &mut has_said, &mut spoken);
            }
        }
        let chance = |(number, spoken): (usize, i32)| {
            let ceiling = self.detectors.get(number).map(|detector| detector.ceiling);
            ceiling.map_or(Chance::None, |ceiling| ceiling.chance(spoken, self.report_at))
        };
        spoken.into_iter().enumerate().map(chance).collect()
    }

    /// A context speaks once of each candidate, however often its words stand.
    fn say(&self, context: usize, has_said: &mut [bool], spoken: &mut [i32]) {
        let (Some(rule), Some(has_said)) = (self.contexts.get(context), has_said.get_mut(context))
        else {
            return;
        };
        if !std::mem::replace(has_said, true)
            && let Some(spoken) = spoken.get_mut(rule.detector)
        {
            *spoken = add_what_counts_for(*spoken, rule.points);
        }
    }
}

fn add_what_counts_for(sum: i32, points: i32) -> i32 {
    sum.saturating_add(points.max(0))
}
