//! Rules and exemptions, as meant.

use std::sync::Arc;

use jiff::civil::Date;

use crate::mail::{
    Address, CanarySide, Disposition, FieldNames, MessageFacts, Mode, NextHop, Protected,
    RuleSeverity, TlsRequirement, Told, Urgency,
};

use super::{
    canary::Canary,
    condition::{Asked, Condition, Conditions, Truth},
    disclaimers::TagLine,
    organisation::Organisation,
    template::Template,
};

/// One `[[rule]]`: when it matches, and what it then asks for. It can only
/// ask for more than the others do, never for less (law 4).
#[derive(Clone, Debug)]
pub struct Rule {
    pub name: String,
    pub when: Conditions,
    /// Nothing, where the rule only adds something.
    pub then: Option<Disposition>,
    pub tls: Option<TlsRequirement>,
    pub redirect_to: Option<NextHop>,
    /// Where it goes if the TLS it needs cannot be had.
    pub fallback: Option<NextHop>,
    /// How soon people hear of it if the TLS it needs cannot be had.
    pub urgency: Urgency,
    pub disclaimer: Option<Arc<TagLine>>,
    pub banner: Option<Arc<TagLine>>,
    /// Mail that cannot be edited and is wrapped to bear these beside it.
    pub wrapped: Vec<Protected>,
    pub tag_subject: Option<String>,
    pub strip_subject: Vec<String>,
    /// Names and values of header fields.
    pub add_headers: Vec<(String, Template)>,
    pub remove_headers: Vec<FieldNames>,
    pub copy_to: Vec<Address>,
    pub tell: Vec<Told>,
    pub mode: Mode,
    /// Enforced for this share of senders, observed for the others.
    pub canary: Option<Canary>,
    pub severity: Option<RuleSeverity>,
    /// For the sender. Empty only where nothing is stopped.
    pub reason: Template,
    pub owner: Option<String>,
    /// Whose rule it is; the whole nation's, where absent.
    pub organisation: Option<Arc<Organisation>>,
    pub exemptions: Vec<Arc<Exemption>>,
}

/// One `[[exemption]]`: the only thing that loosens.
#[derive(Clone, Debug)]
pub struct Exemption {
    /// The rules it lifts.
    pub rules: Vec<String>,
    pub when: Conditions,
    pub owner: String,
    pub reason: String,
    /// The last day on which it counts.
    pub expires: Date,
    pub organisation: Option<Arc<Organisation>>,
}

/// What a rule says of one copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    Silent,
    Matched,
    /// It could not be evaluated, and so counts as matched (law 3).
    PerhapsMatched,
    Exempted(&'a Exemption),
}

impl Rule {
    pub fn verdict(&self, asked: &Asked<'_>) -> Verdict<'_> {
        let organisation = self.organisation.as_ref();
        if organisation.is_some_and(|owner| !owner.sends(asked.message)) {
            return Verdict::Silent;
        }
        let truth = self.when.truth(asked);
        if truth == Truth::False {
            return Verdict::Silent;
        }
        if let Some(exemption) = self.exemptions.iter().find(|one| one.applies(asked)) {
            return Verdict::Exempted(exemption);
        }
        match truth {
            Truth::True => Verdict::Matched,
            _ => Verdict::PerhapsMatched,
        }
    }

    /// Whether it does what it says for this sender, or only looks on.
    pub fn mode_for(&self, message: &MessageFacts) -> (Mode, Option<CanarySide>) {
        let Some(canary) = self.canary.filter(|_| self.mode == Mode::Enforce) else {
            return (self.mode, None);
        };
        match canary.side(&self.name, &message.reverse_path) {
            CanarySide::Within => (Mode::Enforce, Some(CanarySide::Within)),
            CanarySide::Beyond => (Mode::Observe, Some(CanarySide::Beyond)),
        }
    }

    /// How narrowly it is drawn: of two rules that ask for the same, the
    /// narrower one gives the reason.
    pub fn specificity(&self) -> usize {
        self.when.len() + usize::from(self.organisation.is_some())
    }

    /// Whether it can change the disposition or the TLS of anything.
    pub fn changes_outcome(&self) -> bool {
        self.mode == Mode::Enforce && (self.then.is_some() || self.tls.is_some())
    }

    /// Whether it asks for a disposition, a TLS or people told at most.
    pub(super) fn adds_nothing(&self) -> bool {
        self.fallback.is_none()
            && self.urgency == Urgency::Usual
            && self.disclaimer.is_none()
            && self.banner.is_none()
            && self.tag_subject.is_none()
            && self.strip_subject.is_empty()
            && self.add_headers.is_empty()
            && self.remove_headers.is_empty()
            && self.copy_to.is_empty()
    }

    /// Every condition under which it matches.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let scope = self.organisation.iter().map(|organisation| &organisation.scope);
        scope.chain(self.when.iter())
    }
}

impl Exemption {
    /// What is unknown does not loosen anything.
    fn applies(&self, asked: &Asked<'_>) -> bool {
        self.organisation.as_ref().is_none_or(|owner| owner.sends(asked.message))
            && self.when.truth(asked) == Truth::True
    }

    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let scope = self.organisation.iter().map(|organisation| &organisation.scope);
        scope.chain(self.when.iter())
    }
}

/// Two exemptions are the same if they are the same one.
impl PartialEq for Exemption {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Exemption {}
