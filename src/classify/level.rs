//! The level: which of the officers' combinations a message meets.
//!
//! Evidence is a sum over findings; a combination is met where all its
//! evidence stands together, in a window that slides over each reading once,
//! or anywhere in the message. The cost grows in line with the findings.

use std::collections::HashMap;

use super::{
    settings::{Combination, Evidence},
    vocabulary::Quick,
};
use crate::mail::{Kind, Level};

/// One finding as the combinations see it. Sorted by reading and start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    /// The text it counts in.
    pub reading: usize,
    /// Octets of the reading.
    pub start: usize,
    /// Where it stands, which may be in the subject over the text.
    pub place: Place,
    /// The detector's or list's number: detectors first, lists after them.
    pub source: usize,
    pub kind: Kind,
    /// The same for the same value of the same source.
    pub value: usize,
    pub confidence: u8,
    pub weight: u32,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub reading: usize,
    pub start: usize,
}

pub(super) struct Combinations {
    evidence: Vec<Asked>,
    combinations: Vec<Rule>,
}

/// A combination that a message meets.
pub(super) struct Met<'a> {
    pub name: &'a str,
    pub level: Level,
    /// A finding it was met at.
    pub at: Item,
}

struct Asked {
    kinds: Vec<Kind>,
    sources: Vec<usize>,
    confidence: u8,
    distinct: usize,
    weight: u32,
}

struct Rule {
    name: String,
    level: Level,
    all: Vec<usize>,
    within: Option<usize>,
}

impl Combinations {
    /// `source` gives the number of a detector or list of a name; evidence
    /// and sources that do not exist have been refused before.
    pub(super) fn new(
        evidence: &[Evidence],
        combinations: &[Combination],
        source: impl Fn(&str) -> Option<usize>,
    ) -> Self {
        let asked = evidence
            .iter()
            .map(|evidence| Asked {
                kinds: evidence.kinds.clone(),
                sources: evidence.from.iter().filter_map(|name| source(name)).collect(),
                confidence: evidence.confidence,
                distinct: evidence.distinct,
                weight: evidence.weight,
            })
            .collect();
        let number = |name: &String| evidence.iter().position(|evidence| evidence.name == *name);
        let mut combinations: Vec<Rule> = combinations
            .iter()
            .map(|combination| Rule {
                name: combination.name.clone(),
                level: combination.level,
                all: combination.all.iter().filter_map(number).collect(),
                within: combination.within,
            })
            .collect();
        combinations.sort_by_key(|combination| std::cmp::Reverse(combination.level));
        Self { evidence: asked, combinations }
    }

    /// Every combination met, the highest level first.
    pub(super) fn met<'a>(&'a self, items: &[Item]) -> Vec<Met<'a>> {
        // Most messages have not a trace of most evidence.
        let stands = |asked: &Asked| items.iter().any(|item| asked.counts(item));
        let standing: Vec<bool> = self.evidence.iter().map(stands).collect();
        let may_be_met =
            |rule: &&Rule| rule.all.iter().all(|&number| standing.get(number) == Some(&true));
        self.combinations
            .iter()
            .filter(may_be_met)
            .filter_map(|rule| {
                let at = match rule.within {
                    Some(within) => items
                        .chunk_by(|one, next| one.reading == next.reading)
                        .find_map(|reading| self.met_near(rule, within, reading)),
                    None => self.met_anywhere(rule, items),
                }?;
                Some(Met { name: &rule.name, level: rule.level, at })
            })
            .collect()
    }

    fn met_anywhere(&self, rule: &Rule, items: &[Item]) -> Option<Item> {
        let mut window = Window::new(self, rule);
        items.iter().find(|item| {
            window.enter(item);
            window.is_met()
        })?;
        self.anchor(rule, items)
    }

    /// Slides a window of `within` before and after each finding of the
    /// rule's first evidence.
    fn met_near(&self, rule: &Rule, within: usize, items: &[Item]) -> Option<Item> {
        let first = rule.all.first().and_then(|&number| self.evidence.get(number))?;
        let mut window = Window::new(self, rule);
        let mut entering = items.iter().peekable();
        let mut leaving = items.iter().peekable();
        for anchor in items.iter().filter(|item| first.counts(item)) {
            while let Some(item) = entering.next_if(|item| item.start <= anchor.start + within) {
                window.enter(item);
            }
            while let Some(item) = leaving.next_if(|item| item.start + within < anchor.start) {
                window.leave(item);
            }
            if window.is_met() {
                return Some(*anchor);
            }
        }
        None
    }

    fn anchor(&self, rule: &Rule, items: &[Item]) -> Option<Item> {
        let first = rule.all.first().and_then(|&number| self.evidence.get(number))?;
        items.iter().find(|item| first.counts(item)).copied()
    }
}

impl Asked {
    fn counts(&self, item: &Item) -> bool {
        item.confidence >= self.confidence
            && (self.kinds.contains(&item.kind) || self.sources.contains(&item.source))
    }
}

/// What of a rule's evidence is in view.
struct Window<'a>(Vec<Sum<'a>>);

struct Sum<'a> {
    asked: &'a Asked,
    /// How often each value is in view.
    values: HashMap<(Kind, usize), usize, Quick>,
    weight: u32,
}

impl<'a> Window<'a> {
    fn new(combinations: &'a Combinations, rule: &Rule) -> Self {
        let asked = rule.all.iter().filter_map(|&number| combinations.evidence.get(number));
        Self(asked.map(|asked| Sum { asked, values: HashMap::default(), weight: 0 }).collect())
    }

    fn enter(&mut self, item: &Item) {
        for sum in self.0.iter_mut().filter(|sum| sum.asked.counts(item)) {
            let seen = sum.values.entry((item.kind, item.value)).or_insert(0);
            *seen += 1;
            if *seen == 1 {
                sum.weight = sum.weight.saturating_add(item.weight);
            }
        }
    }

    fn leave(&mut self, item: &Item) {
        for sum in self.0.iter_mut().filter(|sum| sum.asked.counts(item)) {
            let key = (item.kind, item.value);
            match sum.values.get_mut(&key) {
                Some(seen) if *seen > 1 => *seen -= 1,
                Some(_) => {
                    sum.values.remove(&key);
                    sum.weight = sum.weight.saturating_sub(item.weight);
                }
                None => {}
            }
        }
    }

    fn is_met(&self) -> bool {
        !self.0.is_empty()
            && self.0.iter().all(|sum| {
                sum.values.len() >= sum.asked.distinct.max(1) && sum.weight >= sum.asked.weight
            })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::settings, *};

    fn place() -> settings::Place {
        settings::Place { file: "".into(), span: 0..0 }
    }

    fn evidence(name: &str, kind: Kind, distinct: usize, weight: u32) -> Evidence {
        Evidence {
            name: name.to_owned(),
            kinds: vec![kind],
            from: Vec::new(),
            confidence: 50,
            distinct,
            weight,
            place: place(),
        }
    }

    fn combinations(within: Option<usize>, distinct: usize) -> Combinations {
        let combination = Combination {
            name: "both".to_owned(),
            level: Level::CLINICAL,
            all: vec!["number".to_owned(), "clinical".to_owned()],
            within,
            place: place(),
        };
        Combinations::new(
            &[
                evidence("number", Kind::NhsNumber, distinct, 0),
                evidence("clinical", Kind::ClinicalTerm, 1, 3),
            ],
            &[combination],
            |_| None,
        )
    }

    fn item(reading: usize, start: usize, kind: Kind, value: usize) -> Item {
        let place = Place { reading, start };
        Item { reading, start, place, source: 0, kind, value, confidence: 80, weight: 2 }
    }

    fn is_met(within: Option<usize>, distinct: usize, items: &[Item]) -> bool {
        !combinations(within, distinct).met(items).is_empty()
    }

    #[test]
    fn evidence_must_stand_together_where_a_distance_is_given() {
        let near = [
            item(0, 0, Kind::NhsNumber, 1),
            item(0, 50, Kind::ClinicalTerm, 2),
            item(0, 90, Kind::ClinicalTerm, 3),
        ];
        assert!(is_met(Some(100), 1, &near));
        assert!(!is_met(Some(60), 1, &near));
        assert!(is_met(None, 1, &near));
    }

    #[test]
    fn another_reading_is_never_near() {
        let apart = [
            item(0, 0, Kind::NhsNumber, 1),
            item(1, 0, Kind::ClinicalTerm, 2),
            item(1, 9, Kind::ClinicalTerm, 3),
        ];
        assert!(!is_met(Some(100), 1, &apart));
        assert!(is_met(None, 1, &apart));
    }

    #[test]
    fn the_same_value_counts_once() {
        let same = [
            item(0, 0, Kind::NhsNumber, 1),
            item(0, 10, Kind::ClinicalTerm, 2),
            item(0, 20, Kind::ClinicalTerm, 2),
        ];
        assert!(!is_met(None, 1, &same));
        assert!(!is_met(None, 2, &same));
    }

    #[test]
    fn what_has_left_the_window_counts_no_more() {
        let items = [
            item(0, 0, Kind::ClinicalTerm, 2),
            item(0, 10, Kind::NhsNumber, 1),
            item(0, 500, Kind::NhsNumber, 1),
            item(0, 510, Kind::ClinicalTerm, 3),
        ];
        assert!(!is_met(Some(50), 1, &items));
    }
}
