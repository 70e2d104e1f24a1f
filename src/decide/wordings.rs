//! Whose wording a message bears, where several rules ask for one: that of the
//! narrowest, since who draws a rule for one clinic knows its letters best. Of
//! rules as narrow as each other it is the later by name, so that the order in
//! the file never matters.

use std::sync::Arc;

use crate::mail::{Choice, Disclaimer, Notice, Protected, Wording};

/// What rules have asked for, of one notice.
#[derive(Debug)]
pub(super) struct Wordings<'a> {
    notice: Notice,
    /// In the order of the rules.
    asked: Vec<Asked<'a>>,
}

/// What one rule asks for.
#[derive(Clone, Debug)]
pub(super) struct Asked<'a> {
    pub(super) rule: &'a str,
    pub(super) specificity: usize,
    pub(super) text: Arc<Disclaimer>,
    pub(super) wrapped: &'a [Protected],
}

impl<'a> Wordings<'a> {
    pub(super) fn of(notice: Notice) -> Self {
        Self { notice, asked: Vec::new() }
    }

    pub(super) fn ask(&mut self, asked: Asked<'a>) {
        self.asked.push(asked);
    }

    /// The one that is taken, and what gave way to it.
    pub(super) fn chosen(&self) -> Option<(&Asked<'a>, Choice)> {
        // Of equals the last is the greatest.
        let chosen = self.asked.iter().max_by_key(|asked| asked.specificity)?;
        let others = self.asked.iter().filter(|asked| asked.text != chosen.text);
        let choice = Choice {
            notice: self.notice,
            chosen: chosen.wording(),
            gave_way: others.map(Asked::wording).collect(),
        };
        Some((chosen, choice))
    }
}

impl Asked<'_> {
    fn wording(&self) -> Wording {
        Wording { name: self.text.name.clone(), rule: self.rule.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(rules: &[(&'static str, usize, &str)]) -> (String, Vec<String>) {
        let mut wordings = Wordings::of(Notice::TagLine);
        for &(rule, specificity, name) in rules {
            let text = Disclaimer { name: name.into(), plain: name.into(), html: name.into() };
            wordings.ask(Asked { rule, specificity, text: Arc::new(text), wrapped: &[] });
        }
        let (_, choice) = wordings.chosen().unwrap();
        let names = choice.gave_way.iter().map(|gave| gave.rule.clone());
        (choice.chosen.rule, names.collect())
    }

    #[test]
    fn the_narrowest_rule_s_wording_is_taken_and_the_others_give_way() {
        let rules = [("wide", 1, "nhs"), ("narrow", 3, "clinic"), ("middle", 2, "trust")];
        assert_eq!(chosen(&rules), ("narrow".into(), vec!["wide".into(), "middle".into()]));
    }

    #[test]
    fn of_rules_as_narrow_as_each_other_the_later_is_taken() {
        assert_eq!(chosen(&[("a", 2, "nhs"), ("b", 2, "trust")]), ("b".into(), vec!["a".into()]));
    }

    #[test]
    fn rules_that_ask_for_the_same_wording_do_not_give_way() {
        assert_eq!(chosen(&[("a", 2, "nhs"), ("b", 3, "nhs")]), ("b".into(), vec![]));
    }

    #[test]
    fn where_nothing_is_asked_for_nothing_is_chosen() {
        assert!(Wordings::of(Notice::TagLine).chosen().is_none());
    }
}
