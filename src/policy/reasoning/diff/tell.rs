//! All that differs between two policies, told.

use crate::mail::{Address, Decision, Facts, MessageFacts};

use super::{
    super::super::{
        Policy, Sources,
        condition::{ClearanceCondition, Condition},
    },
    super::{
        Decide,
        diagrams::{NOWHERE, Region},
        dimension::Copy,
        picture::picture,
        space::Space,
        values::{asked_by, distinct},
    },
    change::{Change, Turn, changes},
    cover::{Target, cover},
    outcomes::Side,
    outside::outside,
    phrase::phrase,
    places::Vocabulary,
};

/// What another policy changes.
pub struct Differences<'a> {
    space: Space<'a>,
    /// Tightenings first, then loosenings.
    pub sentences: Vec<Sentence>,
    /// What no facts show: names, entries, files.
    pub outside: Vec<String>,
    /// Whether this is all. Not so only where there is more than can be
    /// reasoned of.
    pub complete: bool,
}

/// What changes for whom.
#[derive(Clone, Debug)]
pub struct Sentence {
    pub turn: Turn,
    /// `Outbound messages to the open internet`.
    pub scope: String,
    /// `relayed before, held now by the rule …`.
    pub changes: Vec<String>,
    pub example: Option<Example>,
    region: Region,
}

/// A message as it was decided before, and is now.
#[derive(Clone, Debug)]
pub struct Example {
    pub picture: String,
    pub message: MessageFacts,
    pub recipient: Address,
    pub before: Decision,
    pub after: Decision,
}

/// Everything that differs between two policies, the old one first.
pub fn differences<'a>(
    (old, old_sources): (&'a Policy, &Sources),
    (new, new_sources): (&'a Policy, &Sources),
    decide: Decide,
) -> Option<Differences<'a>> {
    let mut space = Space::of(&[old, new], [])?;
    let conditions = distinct(asked_by(old).chain(asked_by(new)));
    let before = Side::draw(&mut space, 0, old);
    let after = Side::draw(&mut space, 1, new);
    let above = space.answer(after.number, [&ABOVE]).certain;
    let possible = space.possible();
    let vocabulary = Vocabulary::of(&space, conditions);
    let mut told = Told { space, vocabulary, above, possible, policies: [old, new], decide };
    let mut sentences = Vec::new();
    for change in changes(&mut told.space, &before, &after) {
        told.add(&mut sentences, &change);
    }
    sentences.sort_by_key(|sentence| sentence.turn);
    let complete = !told.space.diagrams.is_exhausted();
    let outside = outside((old, old_sources), (new, new_sources));
    Some(Differences { space: told.space, sentences, outside, complete })
}

impl Differences<'_> {
    pub fn is_empty(&self) -> bool {
        self.sentences.is_empty() && self.outside.is_empty()
    }

    /// The sentences that speak of these facts.
    pub fn about(&self, facts: Facts<'_>) -> impl Iterator<Item = &Sentence> {
        let copy = Copy { message: facts.message.clone(), recipient: facts.recipient.clone() };
        let at = self.space.locate(&copy);
        self.sentences.iter().filter(move |sentence| {
            at.as_ref().is_none_or(|at| self.space.diagrams.contains(sentence.region, at))
        })
    }
}

struct Told<'a> {
    space: Space<'a>,
    vocabulary: Vocabulary<'a>,
    above: Region,
    possible: Region,
    policies: [&'a Policy; 2],
    decide: Decide,
}

impl Told<'_> {
    /// A change in as few sentences as it takes; what is about the same facts
    /// as a sentence before goes into that one.
    fn add(&mut self, sentences: &mut Vec<Sentence>, change: &Change) {
        if let Some(whom) = &change.whom {
            self.say(sentences, change, whom.clone(), change.region);
            return;
        }
        let target = Target {
            region: change.region,
            also: change.also,
            above: self.above,
            possible: self.possible,
        };
        let (scopes, left) = cover(&mut self.space, target);
        for scope in scopes {
            let region = scope.region(&mut self.space, self.above);
            let words = phrase(&self.space, &self.vocabulary, &scope);
            self.say(sentences, change, words, region);
        }
        if left != NOWHERE {
            self.say(sentences, change, "Further messages".to_owned(), left);
        }
    }

    fn say(
        &mut self,
        sentences: &mut Vec<Sentence>,
        change: &Change,
        scope: String,
        region: Region,
    ) {
        let changed = self.space.diagrams.both(region, change.region);
        let also = self.space.diagrams.both(region, change.also);
        let unless = if also == NOWHERE { "" } else { change.unless };
        let said = format!("{}{unless}", change.said);
        let alike = sentences.iter_mut().find(|one| one.region == region);
        if let Some(one) = alike {
            one.turn = one.turn.min(change.turn);
            one.changes.push(said);
            return;
        }
        let example = self.example(changed);
        sentences.push(Sentence { turn: change.turn, scope, changes: vec![said], example, region });
    }

    fn example(&self, region: Region) -> Option<Example> {
        let at = self.space.diagrams.plainest(region)?;
        let copy = self.space.copy(&at)?;
        let facts = Facts { message: &copy.message, recipient: &copy.recipient };
        let [before, after] = self.policies.map(|policy| (self.decide)(policy, facts));
        let picture = picture(&copy.message, &copy.recipient);
        let Copy { message, recipient } = copy;
        Some(Example { picture, message, recipient, before, after })
    }
}

static ABOVE: Condition = Condition::Clearance(ClearanceCondition::Above);
