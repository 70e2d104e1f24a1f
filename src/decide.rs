//! Deciding: from a policy and facts to what happens to one recipient's copy.
//!
//! Every rule is asked; whatever matches adds its demands; the most
//! restrictive disposition and the strongest protection win (law 4), and of
//! wordings that a message bears once, the narrowest rule's. So the
//! order of rules never matters, and another rule can only tighten. A rule
//! that could not be evaluated counts as matched, but then holds where it
//! would have refused: a person looks (law 3). Pure, and takes microseconds.

mod wordings;

use std::sync::Arc;

use self::wordings::{Asked as AskedWording, Wordings};
use crate::{
    mail::{
        Choice, Decision, Disposition, Facts, Mode, NextHop, Notice, Obligation, Protected,
        Protection, RuleMatch, Told, Urgency,
    },
    policy::{Destination, Fields, Organisation, Policy, Rule, TagLine, Verdict, condition::Asked},
};

/// What happens to this recipient's copy, and what led to it.
pub fn decide(policy: &Policy, facts: Facts<'_>) -> Decision {
    let destination = policy.destination(facts.recipient.domain());
    let asked = Asked::new(facts, destination);
    let mut draft = Draft::new(policy, facts, destination);
    for rule in policy.rules_for(facts.message) {
        match rule.verdict(&asked) {
            Verdict::Silent => {}
            Verdict::Matched => draft.apply(rule, Certainty::Certain),
            Verdict::PerhapsMatched => draft.apply(rule, Certainty::Unsure),
            Verdict::Exempted(exemption) => {
                let note = format!(
                    "Exempt until {}: {} ({})",
                    exemption.expires, exemption.reason, exemption.owner
                );
                draft.matched.push(RuleMatch {
                    rule: rule.name.clone(),
                    mode: Mode::Observe,
                    disposition: rule.then,
                    reason: note,
                    severity: rule.severity,
                    canary: None,
                });
            }
        }
    }
    draft.finish()
}

/// Whether a rule is known to match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Certainty {
    Certain,
    Unsure,
}

/// A decision in the making.
struct Draft<'a> {
    policy: &'a Policy,
    facts: Facts<'a>,
    destination: Destination<'a>,
    /// The sender's.
    organisation: Option<&'a Organisation>,
    /// Whether rules may stop this recipient's mail yet.
    rollout: Mode,
    disposition: Disposition,
    decided_by: Option<usize>,
    protection: Protection,
    redirect: Option<NextHop>,
    fallback: Option<NextHop>,
    urgency: Urgency,
    obligations: Vec<Obligation>,
    tag_lines: Wordings<'a>,
    banners: Wordings<'a>,
    tell: Vec<Told>,
    matched: Vec<RuleMatch>,
}

impl<'a> Draft<'a> {
    fn new(policy: &'a Policy, facts: Facts<'a>, destination: Destination<'a>) -> Self {
        let rollout = if policy.rollout().enforces(facts.recipient.domain()) {
            Mode::Enforce
        } else {
            Mode::Observe
        };
        Self {
            policy,
            facts,
            destination,
            organisation: policy.organisation(facts.message),
            rollout,
            disposition: Disposition::default(),
            decided_by: None,
            protection: destination.protection(),
            redirect: None,
            fallback: None,
            urgency: Urgency::default(),
            obligations: Vec::new(),
            tag_lines: Wordings::of(Notice::TagLine),
            banners: Wordings::of(Notice::Banner),
            tell: Vec::new(),
            matched: Vec::new(),
        }
    }

    fn apply(&mut self, rule: &'a Rule, certainty: Certainty) {
        let asked_for = match (certainty, rule.then) {
            (Certainty::Unsure, Some(Disposition::Reject)) => Some(Disposition::Hold),
            (_, then) => then,
        };
        let stops = asked_for.is_some_and(|then| then > Disposition::Relay);
        let (own_mode, canary) = rule.mode_for(self.facts.message);
        // A roll-out that observes takes the teeth out of a rule, not the
        // additions; a rule that observes has no effect at all.
        let mode = if own_mode == Mode::Observe || (stops && self.rollout == Mode::Observe) {
            Mode::Observe
        } else {
            Mode::Enforce
        };
        self.matched.push(RuleMatch {
            rule: rule.name.clone(),
            mode,
            disposition: asked_for,
            reason: self.reason(rule, certainty),
            severity: rule.severity,
            canary,
        });
        if own_mode == Mode::Enforce {
            self.add_obligations(rule);
            self.strengthen(rule);
        }
        if mode == Mode::Enforce {
            self.tell(rule);
            self.restrict(rule, asked_for);
        }
    }

    /// Waiting for TLS stops mail too, and going another way for want of it
    /// is to be redirected, so a roll-out that observes leaves the journey to
    /// the domain's entry and the route.
    fn strengthen(&mut self, rule: &Rule) {
        self.urgency = self.urgency.max(rule.urgency);
        if self.rollout == Mode::Observe {
            return;
        }
        if let Some(tls) = rule.tls {
            self.protection.tls = self.protection.tls.max(tls);
        }
        // Rules come narrowest first.
        self.fallback = self.fallback.take().or_else(|| rule.fallback.clone());
    }

    fn add_obligations(&mut self, rule: &'a Rule) {
        let fields = self.fields(rule);
        let subject = rule.tag_subject.iter().cloned().map(Obligation::TagSubject);
        let stripped = rule.strip_subject.iter().cloned().map(Obligation::StripSubject);
        let headers = rule.add_headers.iter().map(|(name, value)| Obligation::Header {
            name: name.clone(),
            value: value.fill(&fields),
        });
        let removed = rule.remove_headers.iter().cloned().map(Obligation::RemoveHeaders);
        let copies = rule.copy_to.iter().cloned().map(Obligation::Copy);
        let added: Vec<Obligation> =
            subject.chain(stripped).chain(removed).chain(headers).chain(copies).collect();
        for obligation in added {
            if !self.obligations.contains(&obligation) {
                self.obligations.push(obligation);
            }
        }
        self.ask_for_wordings(rule);
    }

    /// A tag line speaks for who sends, a banner to who receives.
    fn ask_for_wordings(&mut self, rule: &'a Rule) {
        let level_name = self.policy.level_name(self.facts.message.level);
        let asked = |text: &Arc<TagLine>, whose: Option<&Organisation>| AskedWording {
            rule: &rule.name,
            specificity: rule.specificity(),
            text: text.filled(
                whose.map_or(&[][..], |one| &one.languages),
                whose.map_or(self.policy.default_organisation(), |one| &one.name),
                level_name,
            ),
            wrapped: &rule.wrapped,
        };
        let tag_line = rule.disclaimer.as_ref().map(|text| asked(text, self.organisation));
        let reader = || self.policy.organisation_at(self.facts.recipient.domain());
        let banner = rule.banner.as_ref().map(|text| asked(text, reader()));
        tag_line.into_iter().for_each(|asked| self.tag_lines.ask(asked));
        banner.into_iter().for_each(|asked| self.banners.ask(asked));
    }

    /// Of several wordings the one that is taken, before all else; and what
    /// bears them though it cannot be edited.
    fn choose_wordings(&mut self) -> Vec<Choice> {
        let mut choices = Vec::new();
        let mut first = Vec::new();
        let mut wrapped: Vec<Protected> = Vec::new();
        let notices: [(_, fn(_) -> _); 2] =
            [(&self.tag_lines, Obligation::Disclaimer), (&self.banners, Obligation::Banner)];
        for (wordings, obligation) in notices {
            let Some((asked, choice)) = wordings.chosen() else { continue };
            first.push(obligation(Arc::clone(&asked.text)));
            let more = asked.wrapped.iter().filter(|class| !wrapped.contains(class));
            let more: Vec<_> = more.copied().collect();
            wrapped.extend(more);
            choices.push(choice);
        }
        if !wrapped.is_empty() {
            first.push(Obligation::Wrap(wrapped));
        }
        self.obligations.splice(0..0, first);
        choices
    }

    fn tell(&mut self, rule: &Rule) {
        for &told in &rule.tell {
            if !self.tell.contains(&told) {
                self.tell.push(told);
            }
        }
    }

    /// The first rule to ask for the most restrictive disposition gives its
    /// name and reason; rules come narrowest first.
    fn restrict(&mut self, rule: &Rule, asked_for: Option<Disposition>) {
        let Some(asked_for) = asked_for else { return };
        if asked_for > self.disposition || self.decided_by.is_none() {
            self.disposition = self.disposition.max(asked_for);
            self.decided_by = self.matched.len().checked_sub(1);
            self.redirect = None;
        }
        if asked_for == Disposition::Redirect && self.disposition == Disposition::Redirect {
            self.redirect = self.redirect.take().or_else(|| rule.redirect_to.clone());
        }
    }

    fn reason(&self, rule: &Rule, certainty: Certainty) -> String {
        let reason = rule.reason.fill(&self.fields(rule));
        match certainty {
            Certainty::Certain => reason,
            Certainty::Unsure => format!("{reason}{UNSURE}"),
        }
    }

    fn fields<'f>(&'f self, rule: &'f Rule) -> Fields<'f> {
        let message = self.facts.message;
        Fields {
            recipient: self.facts.recipient,
            sender: &message.reverse_path,
            level: message.level,
            level_name: self.policy.level_name(message.level),
            clearance: self.destination.clearance,
            rule: &rule.name,
            organisation: self
                .organisation
                .map_or(self.policy.default_organisation(), |sender| &sender.name),
        }
    }

    fn finish(mut self) -> Decision {
        if let Some(next_hop) = &self.redirect {
            self.protection = self.protection.towards(next_hop);
        }
        self.tell.sort_unstable();
        let choices = self.choose_wordings();
        let decided_by = self.decided_by.and_then(|index| self.matched.get(index)).cloned();
        Decision {
            disposition: self.disposition,
            protection: self.protection,
            redirect: self.redirect,
            fallback: self.fallback,
            urgency: self.urgency,
            obligations: self.obligations,
            choices,
            tell: self.tell,
            decided_by,
            matched: self.matched,
            destination: self.destination.facts(),
        }
    }
}

const UNSURE: &str = " (This could not be checked in full, so it is taken to be so.)";
