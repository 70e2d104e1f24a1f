//! What becomes of copies under one policy: each aspect of a decision, with
//! the region of facts of each of its values. What `decide` does for one copy,
//! done for all of them.

use crate::mail::{Disposition, Mode, NextHop, TlsRequirement, Told, Urgency};

use super::super::super::{Policy, rule::Rule};
use super::super::{
    diagrams::{NOWHERE, Region},
    effect::Effect,
    space::Space,
};

/// What of a decision can differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Aspect {
    Fate,
    Tls,
    Fallback,
    TagLine,
    Banner,
    /// Something that is done or is not, told so that it follows "is":
    /// "the sender told", "the header field X set".
    Deed(String),
}

/// One value of an aspect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Fate(Fate),
    Tls(TlsRequirement),
    /// Of a next hop or a wording, if there is one.
    Named(Option<String>),
    Done,
    NotDone,
}

/// The disposition, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fate {
    pub(super) disposition: Disposition,
    pub(super) redirect: Option<NextHop>,
    pub(super) rule: Option<String>,
}

/// A policy with what its rules do, drawn.
pub(super) struct Side<'a> {
    pub(super) number: usize,
    pub(super) policy: &'a Policy,
    /// By the rule's place.
    pub(super) effects: Vec<Effect>,
    /// Where rules may stop mail.
    pub(super) rolled_out: Region,
}

/// A rule with its effect on what is looked at.
type Acting<'a> = (&'a Rule, Effect);

impl<'a> Side<'a> {
    pub(super) fn draw(space: &mut Space<'a>, number: usize, policy: &'a Policy) -> Self {
        let effects =
            policy.rules().iter().map(|rule| Effect::enforced(space, number, rule)).collect();
        let rolled_out = space.recipients(|to| policy.rollout().enforces(to.domain()));
        Self { number, policy, effects, rolled_out }
    }

    pub(super) fn rules(&self) -> impl Iterator<Item = Acting<'a>> {
        self.policy.rules().iter().zip(self.effects.iter().copied())
    }

    /// Every value of every aspect within a region. An aspect that is not
    /// named has its least value everywhere.
    pub(super) fn outcomes(
        &self,
        space: &mut Space<'a>,
        within: Region,
    ) -> Vec<(Aspect, Value, Region)> {
        let mut acting: Vec<Acting<'a>> = Vec::new();
        for (rule, effect) in self.rules() {
            let effect = effect.within(space, within);
            if effect.matched(space) != NOWHERE {
                acting.push((rule, effect));
            }
        }
        let mut outcomes = self.fates(space, &acting, within);
        outcomes.extend(self.tls(space, &acting, within));
        outcomes.extend(self.fallbacks(space, &acting, within));
        outcomes.extend(wordings(space, &acting, within));
        outcomes.extend(self.deeds(space, &acting, within));
        outcomes.retain(|(.., region)| *region != NOWHERE);
        outcomes
    }

    /// A rule that stops mail does so where rules are rolled out.
    fn stopping(&self, space: &mut Space<'a>, (rule, effect): Acting<'a>) -> Effect {
        match rule.then {
            Some(then) if then > Disposition::Relay => effect.within(space, self.rolled_out),
            _ => effect,
        }
    }

    /// The most restrictive wins, and the first rule to ask for it says so.
    fn fates(
        &self,
        space: &mut Space<'a>,
        acting: &[Acting<'a>],
        within: Region,
    ) -> Vec<(Aspect, Value, Region)> {
        let mut fates = Vec::new();
        let mut rest = within;
        for disposition in Disposition::ALL.into_iter().rev() {
            for &(rule, effect) in acting {
                let effect = self.stopping(space, (rule, effect));
                let asks = effect.asks(space, rule, disposition);
                let here = space.diagrams.both(rest, asks);
                rest = space.diagrams.without(rest, asks);
                let redirect =
                    rule.redirect_to.clone().filter(|_| disposition == Disposition::Redirect);
                let fate = Fate { disposition, redirect, rule: Some(rule.name.clone()) };
                fates.push((Aspect::Fate, Value::Fate(fate), here));
            }
        }
        let fate = Fate { disposition: Disposition::Relay, redirect: None, rule: None };
        fates.push((Aspect::Fate, Value::Fate(fate), rest));
        fates
    }

    fn tls(
        &self,
        space: &mut Space<'a>,
        acting: &[Acting<'a>],
        within: Region,
    ) -> Vec<(Aspect, Value, Region)> {
        let mut values = Vec::new();
        let mut rest = within;
        for tls in TlsRequirement::ALL.into_iter().rev() {
            let entries = space.recipients(|to| self.policy.destination(to.domain()).tls() == tls);
            let mut asks = vec![entries];
            for (_, effect) in acting.iter().filter(|(rule, _)| rule.tls == Some(tls)) {
                let matched = effect.matched(space);
                asks.push(space.diagrams.both(matched, self.rolled_out));
            }
            let asks = space.diagrams.any(asks);
            values.push((Aspect::Tls, Value::Tls(tls), space.diagrams.both(rest, asks)));
            rest = space.diagrams.without(rest, asks);
        }
        values
    }

    /// The first rule that has one says where to.
    fn fallbacks(
        &self,
        space: &mut Space<'a>,
        acting: &[Acting<'a>],
        within: Region,
    ) -> Vec<(Aspect, Value, Region)> {
        let mut named = Vec::new();
        for (rule, effect) in acting {
            let Some(fallback) = &rule.fallback else { continue };
            let matched = effect.matched(space);
            named.push((fallback.to_string(), space.diagrams.both(matched, self.rolled_out)));
        }
        first_named(space, Aspect::Fallback, named, within)
    }

    /// What any rule that matches can ask for, once.
    fn deeds(
        &self,
        space: &mut Space<'a>,
        acting: &[Acting<'a>],
        within: Region,
    ) -> Vec<(Aspect, Value, Region)> {
        let mut done: Vec<(String, Vec<Region>)> = Vec::new();
        let mut add =
            |deed: String, region: Region| match done.iter_mut().find(|(one, _)| *one == deed) {
                Some((_, regions)) => regions.push(region),
                None => done.push((deed, vec![region])),
            };
        for &(rule, effect) in acting {
            let matched = effect.matched(space);
            deeds_of(rule).into_iter().for_each(|deed| add(deed, matched));
            let telling = self.stopping(space, (rule, effect)).matched(space);
            rule.tell.iter().for_each(|told| add(told_deed(*told).to_owned(), telling));
        }
        for (deed, region) in wrapped(space, acting, within) {
            add(deed, region);
        }
        let mut values = Vec::new();
        for (deed, regions) in done {
            let region = space.diagrams.any(regions);
            let rest = space.diagrams.without(within, region);
            values.push((Aspect::Deed(deed.clone()), Value::Done, region));
            values.push((Aspect::Deed(deed), Value::NotDone, rest));
        }
        values
    }
}

/// Which of a list is the first to have something to say.
fn first_named(
    space: &mut Space<'_>,
    aspect: Aspect,
    named: Vec<(String, Region)>,
    within: Region,
) -> Vec<(Aspect, Value, Region)> {
    let mut rest = within;
    let mut values: Vec<(Aspect, Value, Region)> = Vec::new();
    for (name, region) in named {
        let here = space.diagrams.both(rest, region);
        rest = space.diagrams.without(rest, region);
        let value = Value::Named(Some(name));
        match values.iter_mut().find(|(_, known, _)| *known == value) {
            Some((.., known)) => *known = space.diagrams.either(*known, here),
            None => values.push((aspect.clone(), value, here)),
        }
    }
    values.push((aspect, Value::Named(None), rest));
    values
}

/// The narrowest rule's wording, and of equal ones the last's.
fn wordings(
    space: &mut Space<'_>,
    acting: &[Acting<'_>],
    within: Region,
) -> Vec<(Aspect, Value, Region)> {
    let mut values = Vec::new();
    for aspect in [Aspect::TagLine, Aspect::Banner] {
        let mut named = Vec::new();
        for (rule, effect) in by_wording(acting) {
            let text = if aspect == Aspect::TagLine { &rule.disclaimer } else { &rule.banner };
            if let Some(text) = text {
                named.push((text.name().to_owned(), effect.matched(space)));
            }
        }
        values.extend(first_named(space, aspect, named, within));
    }
    values
}

/// In the order in which wordings are taken.
fn by_wording<'a>(acting: &[Acting<'a>]) -> Vec<Acting<'a>> {
    let mut rules: Vec<Acting<'a>> = acting.iter().rev().copied().collect();
    // Stable: of equal ones the last stays first.
    rules.sort_by_key(|(rule, _)| std::cmp::Reverse(rule.specificity()));
    rules
}

/// What is wrapped to bear a wording, by the rule whose wording it is.
fn wrapped(space: &mut Space<'_>, acting: &[Acting<'_>], within: Region) -> Vec<(String, Region)> {
    let mut wrapped = Vec::new();
    let texts: [fn(&Rule) -> bool; 2] =
        [|rule| rule.disclaimer.is_some(), |rule| rule.banner.is_some()];
    for has_text in texts {
        let mut rest = within;
        for (rule, effect) in by_wording(acting).into_iter().filter(|(rule, _)| has_text(rule)) {
            let matched = effect.matched(space);
            let here = space.diagrams.both(rest, matched);
            rest = space.diagrams.without(rest, matched);
            let deed = |class: &crate::mail::Protected| {
                (format!("{} mail wrapped to bear its wording", class.name()), here)
            };
            wrapped.extend(rule.wrapped.iter().map(deed));
        }
    }
    wrapped
}

/// What a rule adds wherever it matches.
pub(super) fn deeds_of(rule: &Rule) -> Vec<String> {
    let mut deeds = Vec::new();
    if rule.mode == Mode::Observe {
        return deeds;
    }
    if rule.urgency == Urgency::Urgent {
        deeds.push("a want of TLS told at once".to_owned());
    }
    deeds.extend(rule.tag_subject.iter().map(|tag| format!("`{tag}` set before the subject")));
    deeds.extend(rule.strip_subject.iter().map(|tag| format!("`{tag}` taken out of the subject")));
    deeds.extend(
        rule.add_headers
            .iter()
            .map(|(name, content)| format!("the header field `{name}: {content}` added")),
    );
    deeds.extend(
        rule.remove_headers.iter().map(|names| format!("the header field `{names}` taken out")),
    );
    deeds.extend(rule.copy_to.iter().map(|address| format!("a copy sent to {address}")));
    deeds
}

pub(super) const fn told_deed(told: Told) -> &'static str {
    match told {
        Told::Sender => "the sender told",
        Told::Officers => "the officers told",
    }
}
