//! Readings: text as a person would see it, with the way back to the source.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// The decoded text of one part, or of one header field.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// `header:Subject`, or the part's path (`1.2`); a header field of a
    /// nested message has the path in front of it (`2:header:Subject`).
    pub part: String,
    pub kind: ReadingKind,
    /// Lines end as they do in the source, with CRLF or LF.
    pub text: String,
    /// From octets of `text` to octets of the raw message.
    pub map: OffsetMap,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadingKind {
    Header,
    Plain,
    Html,
    /// Text drawn out of an attachment.
    Extracted,
}

/// Runs of text that stand in the source in the same order: both offsets
/// grow, and the last run is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetMap(Vec<Run>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    text: usize,
    source: usize,
    rate: Rate,
}

/// How many octets of the source an octet of the text takes within a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    Straight,
    /// Four characters of base64 for three octets.
    Base64,
    /// `=XX` of quoted-printable for one octet.
    Escaped,
    /// Two octets of UTF-16 for one.
    Double,
    /// All of the text was drawn out of one place.
    Still,
}

impl OffsetMap {
    /// The text is the source, from `source` on.
    pub fn straight_from(source: usize) -> Self {
        Self(vec![Run { text: 0, source, rate: Rate::Straight }])
    }

    /// All of the text comes from one place, where it stands in no order.
    pub fn at(source: usize) -> Self {
        Self(vec![Run { text: 0, source, rate: Rate::Still }])
    }

    /// Says that the text from `text` on was read at `source`.
    pub fn push(&mut self, text: usize, source: usize) {
        self.push_at(text, source, Rate::Straight);
    }

    /// Like `push`, where the two do not grow alike. A run that only goes on
    /// where the last one is heading adds nothing.
    pub fn push_at(&mut self, text: usize, source: usize, rate: Rate) {
        // Text may have been taken back since.
        while self.0.pop_if(|last| last.text > text).is_some() {}
        let mut source = source;
        if let Some(last) = self.0.last_mut() {
            source = source.max(last.source);
            if last.rate == rate && last.source + rate.apart(text - last.text) == source {
                return;
            }
            if last.text == text {
                *last = Run { text, source, rate };
                return;
            }
        }
        if self.0.len() >= MOST_RUNS {
            self.thin(text / (MOST_RUNS / 2));
        }
        self.0.push(Run { text, source, rate });
    }

    /// Keeps runs so far apart: places are less exact, and never out of order.
    fn thin(&mut self, gap: usize) {
        let mut next = 0;
        self.0.retain(|run| {
            let kept = run.text >= next;
            next = if kept { run.text.saturating_add(gap) } else { next };
            kept
        });
    }

    /// Where in the source the text's octet at `text` was read.
    pub fn source(&self, text: usize) -> usize {
        let next = self.0.partition_point(|run| run.text <= text);
        let Some(run) = next.checked_sub(1).and_then(|index| self.0.get(index)) else {
            return 0;
        };
        let reached = run.source + run.rate.apart(text - run.text);
        match self.0.get(next) {
            Some(limit) => reached.min(limit.source),
            None => reached,
        }
    }

    /// This map leads from a text to a source that is itself the text of
    /// `further`: the way from the one to the other end.
    #[must_use]
    pub fn through(&self, further: &OffsetMap) -> OffsetMap {
        if let [only] = further.0.as_slice()
            && only.rate == Rate::Straight
        {
            let moved = |run: &Run| Run { source: further.source(run.source), ..*run };
            return OffsetMap(self.0.iter().map(moved).collect());
        }
        let mut whole = OffsetMap(Vec::with_capacity(self.0.len().max(further.0.len())));
        for (index, run) in self.0.iter().enumerate() {
            further.extend_through(*run, self.0.get(index + 1), &mut whole);
        }
        whole
    }

    /// Adds the way of one run, which ends where the next starts, to `whole`.
    fn extend_through(&self, run: Run, next: Option<&Run>, whole: &mut OffsetMap) {
        let mut index = self.0.partition_point(|inner| inner.text <= run.source);
        let rate = |inner: Option<&Run>| match (run.rate, inner) {
            (Rate::Straight, Some(inner)) => inner.rate,
            _ => run.rate,
        };
        let first = index.checked_sub(1).and_then(|before| self.0.get(before));
        whole.push_at(run.text, self.source(run.source), rate(first));
        while let Some(inner) = self.0.get(index) {
            let text = run.text + run.rate.back(inner.text - run.source);
            if next.is_some_and(|next| text >= next.text || inner.text >= next.source) {
                break;
            }
            whole.push_at(text, inner.source, rate(Some(inner)));
            index += 1;
        }
    }
}

impl Rate {
    /// Octets of the source for so many of the text.
    fn apart(self, text: usize) -> usize {
        match self {
            Self::Straight => text,
            Self::Base64 => text.saturating_mul(4) / 3,
            Self::Escaped => text.saturating_mul(3),
            Self::Double => text.saturating_mul(2),
            Self::Still => 0,
        }
    }

    /// Octets of the text for so many of the source.
    fn back(self, source: usize) -> usize {
        match self {
            Self::Straight => source,
            Self::Base64 => source.saturating_mul(3) / 4,
            Self::Escaped => source / 3,
            Self::Double => source / 2,
            Self::Still => 0,
        }
    }
}

impl Reading {
    /// The line of an octet of the text, counted from 1.
    pub fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes());
        1 + memchr::memchr_iter(b'\n', before).count()
    }

    pub fn source(&self, text: Range<usize>) -> Range<usize> {
        self.map.source(text.start)..self.map.source(text.end)
    }
}

/// Of one map: markup that changes with every letter would take many times the
/// memory of its message (law 7).
const MOST_RUNS: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_runs_takes_so_much_memory_and_keeps_the_order() {
        let mut map = OffsetMap::default();
        for run in 0..3 * MOST_RUNS {
            map.push(run, run * 5);
        }
        assert!(map.0.len() <= MOST_RUNS);
        let places: Vec<usize> =
            (0..3 * MOST_RUNS).step_by(1000).map(|text| map.source(text)).collect();
        assert!(places.is_sorted());
        let near = |(step, place): (usize, &usize)| place.abs_diff(step * 5000) <= 40;
        assert!(places.iter().enumerate().all(near));
    }

    #[test]
    fn a_run_never_reaches_into_the_next() {
        let mut map = OffsetMap::default();
        map.push(0, 10);
        map.push(5, 12);
        assert_eq!([0, 2, 4, 5, 7].map(|text| map.source(text)), [10, 12, 12, 12, 14]);
    }

    #[test]
    fn two_maps_in_a_row_lead_all_the_way() {
        let mut outer = OffsetMap::default();
        outer.push(0, 100);
        outer.push(4, 200);
        let mut inner = OffsetMap::default();
        inner.push(0, 2);
        inner.push(8, 20);
        let whole = inner.through(&outer);
        for text in 0..12 {
            assert_eq!(whole.source(text), outer.source(inner.source(text)), "at {text}");
        }
    }

    #[test]
    fn base64_quanta_are_four_characters_for_three_octets() {
        let mut map = OffsetMap::default();
        map.push_at(0, 50, Rate::Base64);
        assert_eq!([0, 3, 6].map(|text| map.source(text)), [50, 54, 58]);
    }
}
