//! Something a pattern found, and why it counts.

use std::ops::Range;

use crate::mail::Kind;

/// Something a pattern found and no check refused.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub detector: usize,
    pub kind: Kind,
    /// Octets of the stream.
    pub span: Range<usize>,
    /// The same for the same thing, however written.
    pub key: String,
    pub points: i32,
    reasons: Vec<(Reason, i32)>,
}

#[derive(Clone, Debug)]
pub(super) enum Reason {
    /// It fits its pattern.
    Pattern,
    /// It fits its pattern and passes its check.
    Check,
    Layout,
    BesideDigits,
    /// Octets of the stream.
    Before(Range<usize>),
    After(Range<usize>),
    Heading(Range<usize>),
    /// It follows one of its kind, of which a word spoke.
    Follows(Range<usize>),
    Company(Kind),
    /// Numbers like it stand beside it, and all pass the check.
    FellowsPass,
    FellowsFail,
    /// Octets of the stream.
    Near(Range<usize>),
    /// The word directly before, which says what it is the number of.
    Named(Range<usize>),
    Stands,
    TestNumber,
}

impl Candidate {
    pub(super) fn new(detector: usize, kind: Kind, span: Range<usize>, key: String) -> Self {
        Self { detector, kind, span, key, points: 0, reasons: Vec::new() }
    }

    pub(super) fn add(&mut self, reason: Reason, points: i32) {
        self.points = self.points.saturating_add(points);
        self.reasons.push((reason, points));
    }

    /// Points of the words and headings that speak of it.
    pub(super) fn spoken(&self) -> i32 {
        use Reason::{After, Before, Follows, Heading, Named};
        let speaks = |(reason, points): &(Reason, i32)| {
            matches!(reason, Before(_) | After(_) | Heading(_) | Follows(_) | Named(_))
                .then_some(*points)
        };
        self.reasons.iter().filter_map(speaks).sum()
    }

    /// 0 to 100.
    pub(super) fn confidence(&self) -> u8 {
        u8::try_from(self.points.clamp(0, 100)).unwrap_or(100)
    }

    /// Why it counts, as an officer reads it. `text` is the stream it stands in.
    pub(super) fn why(&self, text: &str) -> String {
        // Several rules may say the same.
        let mut said: Vec<(String, i32)> = Vec::new();
        for (reason, points) in self.reasons.iter().filter(|(_, points)| *points != 0) {
            let words = reason.words(text);
            match said.iter_mut().find(|(other, _)| *other == words) {
                Some((_, sum)) => *sum += points,
                None => said.push((words, *points)),
            }
        }
        let sentences: Vec<String> =
            said.iter().map(|(words, points)| format!("{words} ({points:+})")).collect();
        sentences.join(", ")
    }
}

impl Reason {
    fn words(&self, text: &str) -> String {
        let quoted = |span: &Range<usize>| {
            let words = text.get(span.clone()).unwrap_or_default().split_whitespace();
            words.collect::<Vec<_>>().join(" ")
        };
        match self {
            Self::Pattern => "it has the form".to_owned(),
            Self::Check => "it passes its check".to_owned(),
            Self::Layout => "laid out as usual".to_owned(),
            Self::BesideDigits => "other digits beside it".to_owned(),
            Self::Before(span) => format!("“{}” before it", quoted(span)),
            Self::After(span) => format!("“{}” after it", quoted(span)),
            Self::Heading(span) => format!("“{}” heads its column", quoted(span)),
            Self::Follows(span) => format!("in a list after “{}”", quoted(span)),
            Self::Near(span) => format!("“{}” near it", quoted(span)),
            Self::Named(span) => format!("called “{}”", quoted(span)),
            Self::Stands => "it stands alone".to_owned(),
            Self::TestNumber => "a test patient's number near it".to_owned(),
            Self::FellowsPass => "all numbers like it here pass the check".to_owned(),
            Self::FellowsFail => "numbers like it here fail the check".to_owned(),
            Self::Company(kind) => format!("{} near it", kind.words()),
        }
    }
}
