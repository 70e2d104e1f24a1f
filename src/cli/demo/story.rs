//! What became of one message: everything that was said and seen of it, and
//! whether that is what was to be expected.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use memchr::memmem;

use super::{
    letters::Letter,
    scenarios::{Fate, Journey, Scenario, TagLine},
    scene::Scene,
    watch::{Arrived, Attempted, Decided},
};
use crate::{
    classify::Why,
    cli::exit::Failure,
    content::{Content, InPlace, ReadingKind},
    gateway::classify,
    mail::{Decision, Disclaimer, Disposition, Evidence, Level, Obligation, Outcome, Reply},
    transform::{DisclaimerOutcome, Edits, rewrite},
};

pub(super) struct Story {
    pub(super) scenario: &'static Scenario,
    pub(super) letter: Letter,
    /// What the gateway said to the hospital's mail server.
    pub(super) reply: Reply,
    pub(super) decided: Option<Decided>,
    /// Why the level, in the policy's words: the strongest reason first.
    pub(super) why: Vec<Why>,
    pub(super) attempted: Option<Attempted>,
    pub(super) arrived: Option<Arrived>,
    pub(super) tag_line: Option<TagLineStory>,
    /// How it differs from what was to be expected; nothing if it does not.
    pub(super) differences: Vec<String>,
}

/// What became of the tag line in the message that arrived.
pub(super) struct TagLineStory {
    /// By the rewriting that the gateway does too.
    pub(super) outcome: DisclaimerOutcome,
    /// Its lines as they arrived in the plain reading.
    pub(super) lines: Vec<String>,
    /// How often each part of the message that arrived has it.
    pub(super) times: Vec<usize>,
    /// Whether the text is, octet for octet, what was sent.
    pub(super) text: Text,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    AsSent,
    Changed,
}

impl Story {
    /// Sends a scenario's message and waits for what comes of it.
    pub(super) async fn live(scene: &Scene, scenario: &'static Scenario) -> Result<Self, Failure> {
        let letter = scene.mail_server.letter(scenario)?;
        let before = scene.watch.log().decided.len();
        let said = scene.mail_server.send(&letter).await;
        let (_, outcome) = said.outcomes.into_iter().next().ok_or_else(|| {
            Failure::unavailable("the mail server has nothing to say of its only recipient")
        })?;
        let decided = scene.watch.log().decided.get(before).cloned();
        let content = Content::parse(letter.content.clone());
        let mut story = Self {
            scenario,
            letter,
            reply: outcome.reply().clone(),
            decided,
            // Letters of our own.
            why: classify(&scene.policy, &content.extract(&mut InPlace::default())).why,
            attempted: None,
            arrived: None,
            tag_line: None,
            differences: Vec::new(),
        };
        if matches!(outcome, Outcome::Delivered(_)) {
            story.follow(scene).await;
        }
        story.tag_line = story.read_tag_line(&content);
        story.differences = story.differences();
        Ok(story)
    }

    /// On its way to the next hop, if it goes.
    async fn follow(&mut self, scene: &Scene) {
        let Some(decided) = &self.decided else { return };
        if self.disposition() != Some(Disposition::Relay) {
            return;
        }
        let id = decided.id;
        let find = |list: &[Attempted]| list.iter().find(|tried| tried.id == id).cloned();
        self.attempted = scene.watch.until(PATIENCE, |log| find(&log.attempted)).await;
        // The id stands in our Received field.
        let id = id.to_string();
        let is_it = |arrived: &&Arrived| memmem::find(&arrived.content, id.as_bytes()).is_some();
        self.arrived = scene.watch.log().arrived.iter().find(is_it).cloned();
    }

    pub(super) fn decision(&self) -> Option<&Decision> {
        self.decided.as_ref()?.decisions.first().map(|(_, decision)| decision)
    }

    pub(super) fn disposition(&self) -> Option<Disposition> {
        self.decision().map(|decision| decision.disposition)
    }

    pub(super) fn level(&self) -> Option<Level> {
        self.decided.as_ref().map(|decided| decided.facts.level)
    }

    pub(super) fn evidence(&self) -> Option<&Evidence> {
        self.attempted.as_ref()?.attempt.tries.last()
    }

    pub(super) fn outcome(&self) -> Option<&Outcome> {
        let attempted = self.attempted.as_ref()?;
        attempted.attempt.outcomes.first().map(|(_, outcome)| outcome)
    }

    fn disclaimer(&self) -> Option<&Arc<Disclaimer>> {
        self.decision()?.obligations.iter().find_map(|obligation| match obligation {
            Obligation::Disclaimer(disclaimer) => Some(disclaimer),
            _ => None,
        })
    }

    fn read_tag_line(&self, sent: &Content) -> Option<TagLineStory> {
        let disclaimer = self.disclaimer()?;
        let arrived = Content::parse(self.arrived.as_ref()?.content.clone());
        let edits = Edits { disclaimer: Some(Arc::clone(disclaimer)), ..Edits::default() };
        let same = body(sent) == body(&arrived);
        let (lines, times) = found(&arrived, disclaimer);
        Some(TagLineStory {
            outcome: rewrite(sent, &edits).disclaimer,
            lines,
            times,
            text: if same { Text::AsSent } else { Text::Changed },
        })
    }

    fn differences(&self) -> Vec<String> {
        let mut differences = Vec::new();
        let expected = self.scenario.level;
        match self.level() {
            Some(level) if level.number() == expected => {}
            Some(level) => differences.push(format!("level {expected} was expected, not {level}")),
            None => {
                differences.push(format!("the gateway decided nothing; it said {}", self.reply));
            }
        }
        let fate = match self.scenario.fate {
            Fate::Delivered { journey, tag_line } => {
                self.not_delivered(journey).or_else(|| self.not_tagged(tag_line))
            }
            Fate::Waiting { reason } => {
                let waits = |outcome: &&Outcome| matches!(outcome, Outcome::Transient(failure) if failure.reason == reason);
                let waiting = self.outcome().filter(waits).is_some() && self.arrived.is_none();
                (!waiting).then(|| "it was to wait for protected delivery".to_owned())
            }
            Fate::Held { rule } => self.not_decided_by(Disposition::Hold, rule),
            Fate::Refused { rule } => {
                let named = self.reply.code >= 500 && self.reply.text.contains(rule);
                let unsaid = || Some(format!("a 5xx that names “{rule}” was expected"));
                self.not_decided_by(Disposition::Reject, rule)
                    .or_else(|| if named { None } else { unsaid() })
            }
        };
        differences.extend(fate);
        differences
    }

    fn not_decided_by(&self, disposition: Disposition, rule: &str) -> Option<String> {
        let decision = self.decision()?;
        let decided_by = decision.decided_by.as_ref().map(|matched| matched.rule.as_str());
        let is_so = decision.disposition == disposition && decided_by == Some(rule);
        (!is_so).then(|| format!("{disposition} by “{rule}” was expected"))
    }

    fn not_delivered(&self, journey: Journey) -> Option<String> {
        let (Some(Outcome::Delivered(_)), Some(arrived), Some(evidence)) =
            (self.outcome(), &self.arrived, self.evidence())
        else {
            return Some("it was to be delivered".to_owned());
        };
        let encrypted = evidence.tls.is_some() && arrived.tls.is_some();
        let verified = evidence.certificate.is_proof() && !evidence.vouched_by.is_empty();
        match journey {
            _ if !encrypted => Some("it was to travel under TLS".to_owned()),
            Journey::Verified if !verified => Some("verified TLS was expected".to_owned()),
            Journey::Verified | Journey::Encrypted => None,
        }
    }

    fn not_tagged(&self, expected: TagLine) -> Option<String> {
        let Some(tag_line) = &self.tag_line else {
            return Some("no rule asked for the tag line".to_owned());
        };
        let once = !tag_line.times.is_empty() && tag_line.times.iter().all(|&times| times == 1);
        let is_so = match expected {
            TagLine::Added => {
                once && matches!(tag_line.outcome, DisclaimerOutcome::Appended { .. })
            }
            TagLine::AlreadyThere => once && tag_line.outcome == DisclaimerOutcome::AlreadyThere,
            TagLine::Untouched(why) => {
                tag_line.text == Text::AsSent
                    && tag_line.outcome == DisclaimerOutcome::Protected(why)
            }
        };
        (!is_so).then(|| {
            let TagLineStory { outcome, times, .. } = tag_line;
            format!("tag line: {expected:?} was expected, found {outcome:?}, times {times:?}")
        })
    }
}

/// Everything after the header.
fn body(content: &Content) -> Option<&[u8]> {
    content.raw().get(content.parts().first()?.body.clone())
}

/// The tag line in a message: its lines in the plain reading, and how often
/// each part that is read has it.
fn found(content: &Content, disclaimer: &Disclaimer) -> (Vec<String>, Vec<usize>) {
    let text: Vec<&str> = disclaimer.plain.lines().filter(|line| is_text(line)).collect();
    let Some(first) = text.first() else { return (Vec::new(), Vec::new()) };
    let (mut lines, mut times) = (Vec::new(), BTreeMap::new());
    for reading in content.readings() {
        match reading.kind {
            ReadingKind::Plain => {
                let of_it = |line: &&str| text.iter().any(|known| line.contains(known));
                lines.extend(reading.text.lines().filter(of_it).map(str::to_owned));
            }
            ReadingKind::Html => {}
            ReadingKind::Header | ReadingKind::Extracted => continue,
        }
        let words: Vec<&str> = reading.text.split_whitespace().collect();
        // A part of HTML has a reading for what it shows and one for the rest.
        *times.entry(reading.part).or_default() += words.join(" ").matches(first).count();
    }
    (lines, times.into_values().collect())
}

fn is_text(line: &str) -> bool {
    line.chars().any(char::is_alphanumeric)
}

const PATIENCE: Duration = Duration::from_secs(15);
