//! The walk along the chain: a line at a time, and where it does not hold,
//! what must have happened there.
//!
//! A line that does not fit is put by until the lines behind it tell whether
//! it was put in (they go on without it), altered (they go on as if it had its
//! place) or stands behind others that are gone (they go on from it).

use std::collections::{BTreeMap, BTreeSet};

use super::{
    chain::{Digest, Link, Place},
    faults::{Fault, FaultKind},
};

/// A line as it was read.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) file: String,
    pub(super) line: u64,
    pub(super) place: Option<Place>,
    pub(super) digest: Digest,
}

/// Somebody who has seen a line.
#[derive(Clone, Debug)]
pub(super) struct Witness {
    pub(super) digest: Digest,
    pub(super) name: String,
}

#[derive(Debug, Default)]
pub(super) struct Walk {
    witnesses: BTreeMap<u64, Vec<Witness>>,
    /// The last line that the chain holds up to, with its number.
    last: Option<(u64, Seen)>,
    /// The line the chain begins with.
    first: Option<(Seen, Place)>,
    /// Lines put by.
    odd: Vec<Seen>,
    /// The last line but one is not what the last says: which of the two was
    /// altered, the next one tells.
    broken: Option<(u64, Seen)>,
    missing: Vec<(u64, u64, Seen)>,
    strays: Vec<Seen>,
    faults: Vec<Fault>,
    /// More than are kept.
    more: u64,
}

/// What the walk has come to.
pub(super) struct Walked {
    pub(super) first: Option<(Seen, Place)>,
    pub(super) last: Option<Link>,
    pub(super) faults: Vec<Fault>,
    pub(super) more: u64,
}

impl Walk {
    pub(super) fn past(witnesses: BTreeMap<u64, Vec<Witness>>) -> Self {
        Self { witnesses, ..Self::default() }
    }

    pub(super) fn has_begun(&self) -> bool {
        self.last.is_some()
    }

    pub(super) fn step(&mut self, seen: Seen) {
        let Some((seq, last)) = &self.last else {
            if let Some(place) = seen.place {
                self.first = Some((seen.clone(), place));
                self.go_on(place.seq, seen);
            }
            return;
        };
        let (next, fits) = (*seq + 1, |place: Place| place.prev == last.digest);
        let skipped = self.odd.len() as u64;
        match seen.place {
            Some(place) if place.seq == next && (self.odd.is_empty() || fits(place)) => {
                self.put_in();
                self.follow(place, seen);
            }
            // As many as were put by stand where they should have stood.
            Some(place) if skipped > 0 && place.seq == next + skipped => {
                self.altered_in_place();
                self.go_on(place.seq, seen);
            }
            Some(place) if self.goes_on_from_odd(place) || self.odd.len() >= MOST_ODD => {
                self.jump();
                self.step(seen);
            }
            _ => self.odd.push(seen),
        }
    }

    /// Whether the last line that was put by is the one before.
    fn goes_on_from_odd(&self, place: Place) -> bool {
        let before = self.odd.last().and_then(|odd| Some((odd.place?, odd.digest)));
        before.is_some_and(|(odd, digest)| odd.seq + 1 == place.seq && digest == place.prev)
    }

    /// The number is right; so may be the digest.
    fn follow(&mut self, place: Place, seen: Seen) {
        let Some((seq, last)) = self.last.clone() else { return };
        let before = self.broken.take();
        if place.prev == last.digest {
            self.fault_at(before, FaultKind::Altered);
        } else {
            self.fault_at(before, FaultKind::Unproven);
            self.broken = Some((seq, last));
        }
        self.go_on(place.seq, seen);
    }

    fn go_on(&mut self, seq: u64, seen: Seen) {
        let contradicting: Vec<_> = self
            .witnesses
            .get(&seq)
            .into_iter()
            .flatten()
            .filter(|witness| witness.digest != seen.digest)
            .map(|witness| witness.name.clone())
            .collect();
        for by in contradicting {
            self.fault(&seen, Some(seq), FaultKind::Contradicted { by });
        }
        self.last = Some((seq, seen));
    }

    /// The chain goes on without the lines that were put by.
    fn put_in(&mut self) {
        self.strays.append(&mut self.odd);
    }

    /// Their places are right; nothing else need be.
    fn altered_in_place(&mut self) {
        let Some((mut seq, _)) = self.last else { return };
        let before = self.broken.take();
        self.fault_at(before, FaultKind::Unproven);
        for odd in std::mem::take(&mut self.odd) {
            seq += 1;
            self.fault(&odd, Some(seq), FaultKind::Altered);
        }
    }

    /// Over what is missing, to the last line that was put by.
    fn jump(&mut self) {
        for odd in std::mem::take(&mut self.odd) {
            let Some((seq, _)) = self.last else { return };
            match odd.place {
                Some(place) if place.seq == seq + 1 => self.follow(place, odd),
                Some(place) if place.seq > seq => {
                    let before = self.broken.take();
                    self.fault_at(before, FaultKind::Altered);
                    self.missing.push((seq + 1, place.seq - 1, odd.clone()));
                    self.go_on(place.seq, odd);
                }
                _ => self.strays.push(odd),
            }
        }
    }

    pub(super) fn finish(mut self) -> Walked {
        let Some((seq, _)) = self.last else {
            return Walked { first: None, last: None, faults: self.faults, more: self.more };
        };
        let seen_last = self.witnesses.last_key_value().map_or(0, |(seq, _)| *seq);
        if !self.odd.is_empty() && seen_last == seq + self.odd.len() as u64 {
            // The last lines of all: only the head knows of their places.
            let last = self.odd.last().cloned();
            self.altered_in_place();
            self.last = last.map(|last| (seen_last, last));
        }
        self.jump();
        let broken = self.broken.take();
        self.fault_at(broken, FaultKind::Altered);
        self.tell_strays_and_missing();
        self.tell_truncated();
        let last = self.last.map(|(seq, seen)| Link { seq, digest: seen.digest });
        Walked { first: self.first, last, faults: self.faults, more: self.more }
    }

    fn tell_strays_and_missing(&mut self) {
        let number = |seen: &Seen| seen.place.map(|place| place.seq);
        let strays = std::mem::take(&mut self.strays);
        let moved: BTreeSet<u64> = strays.iter().filter_map(number).collect();
        let end = self.last.as_ref().map_or(0, |(seq, _)| *seq);
        let missing = std::mem::take(&mut self.missing);
        for stray in strays {
            let seq = number(&stray);
            let is_moved = seq.is_some_and(|seq| {
                seq > end || missing.iter().any(|(from, to, _)| (*from..=*to).contains(&seq))
            });
            let kind = if is_moved { FaultKind::Moved } else { FaultKind::Inserted };
            self.fault(&stray, seq, kind);
        }
        for (from, to, behind) in missing {
            for (from, to) in without(from, to, &moved) {
                self.fault(&behind, Some(from), FaultKind::Missing { from, to });
            }
        }
        self.missing
            .extend(moved.into_iter().filter_map(|seq| Some((seq, seq, self.last.clone()?.1))));
    }

    /// Lines that others have seen, behind the end.
    fn tell_truncated(&mut self) {
        let Some((last, seen)) = self.last.clone() else { return };
        let found: BTreeSet<u64> = self.missing.iter().map(|(seq, _, _)| *seq).collect();
        let behind = self.witnesses.range(last + 1..).rev().find(|(seq, _)| !found.contains(seq));
        if let Some((&seq, witnesses)) = behind {
            let names: Vec<_> = witnesses.iter().map(|witness| witness.name.as_str()).collect();
            let seen_by = names.join(" and ");
            self.fault(&seen, Some(seq), FaultKind::Truncated { last, seen_by });
        }
    }

    fn fault_at(&mut self, at: Option<(u64, Seen)>, kind: FaultKind) {
        if let Some((seq, seen)) = at {
            self.fault(&seen, Some(seq), kind);
        }
    }

    fn fault(&mut self, at: &Seen, seq: Option<u64>, kind: FaultKind) {
        if self.faults.len() >= MOST_FAULTS {
            self.more += 1;
            return;
        }
        self.faults.push(Fault { file: at.file.clone(), line: Some(at.line), seq, kind });
    }
}

/// What is left of a range of numbers without some of them.
fn without(from: u64, to: u64, some: &BTreeSet<u64>) -> Vec<(u64, u64)> {
    let (mut ranges, mut start) = (Vec::new(), from);
    for &one in some.range(from..=to) {
        if one > start {
            ranges.push((start, one - 1));
        }
        start = one + 1;
    }
    if start <= to {
        ranges.push((start, to));
    }
    ranges
}

/// Lines that fit nowhere, one behind the other, until it is given up to find
/// the place of the first.
const MOST_ODD: usize = 1000;
const MOST_FAULTS: usize = 10_000;
