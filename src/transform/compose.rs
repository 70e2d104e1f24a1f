//! Two rewrites told as one: what the first made of a message and the second of
//! that, as changes to the message itself.

use std::ops::Range;

use super::rewrite::Change;

/// `second` is in octets of what `first` has made of `length` octets.
pub(super) fn compose(first: &[Change], second: &[Change], length: usize) -> Vec<Change> {
    let middle = pieces(first, length);
    let mut told = Told::default();
    let mut reached = 0;
    for change in second {
        told.take(&middle, reached..change.source.start);
        told.inserted.extend_from_slice(&change.inserted);
        reached = change.source.end;
    }
    told.take(&middle, reached..usize::MAX);
    told.flush(length..length);
    told.changes
}

/// What a rewritten message is made of.
enum Piece<'a> {
    Kept(Range<usize>),
    Inserted(&'a [u8]),
}

impl Piece<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Kept(range) => range.len(),
            Self::Inserted(octets) => octets.len(),
        }
    }
}

fn pieces(changes: &[Change], length: usize) -> Vec<Piece<'_>> {
    let mut pieces = Vec::with_capacity(changes.len() * 2 + 1);
    let mut reached = 0;
    for change in changes {
        pieces.push(Piece::Kept(reached..change.source.start));
        pieces.push(Piece::Inserted(&change.inserted));
        reached = change.source.end;
    }
    pieces.push(Piece::Kept(reached..length));
    pieces
}

#[derive(Default)]
struct Told {
    changes: Vec<Change>,
    /// Up to where the message itself has been told.
    reached: usize,
    inserted: Vec<u8>,
}

impl Told {
    /// What the second rewrite has kept of the first one's pieces.
    fn take(&mut self, middle: &[Piece<'_>], wanted: Range<usize>) {
        let mut start = 0;
        for piece in middle {
            let end = start + piece.len();
            let (from, to) = (wanted.start.max(start), wanted.end.min(end));
            if from < to {
                match piece {
                    Piece::Inserted(octets) => {
                        let kept = octets.get(from - start..to - start).unwrap_or_default();
                        self.inserted.extend_from_slice(kept);
                    }
                    Piece::Kept(range) => {
                        self.flush(range.start + (from - start)..range.start + (to - start));
                    }
                }
            }
            start = end;
        }
    }

    /// What stands before the kept octets, and in whose stead.
    fn flush(&mut self, kept: Range<usize>) {
        if kept.start > self.reached || !self.inserted.is_empty() {
            let inserted = std::mem::take(&mut self.inserted);
            self.changes.push(Change { source: self.reached..kept.start, inserted });
        }
        self.reached = kept.end;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn made(octets: &[u8], changes: &[Change]) -> Vec<u8> {
        let (mut out, mut reached) = (Vec::new(), 0);
        for change in changes {
            out.extend_from_slice(&octets[reached..change.source.start]);
            out.extend_from_slice(&change.inserted);
            reached = change.source.end;
        }
        out.extend_from_slice(&octets[reached..]);
        out
    }

    /// Changes that stand apart, in order.
    fn changes(cuts: &[(u8, u8, Vec<u8>)], length: usize) -> Vec<Change> {
        let mut reached = 0;
        let mut changes = Vec::new();
        for (skipped, removed, inserted) in cuts {
            let start = (reached + usize::from(*skipped)).min(length);
            let end = (start + usize::from(*removed)).min(length);
            changes.push(Change { source: start..end, inserted: inserted.clone() });
            reached = end;
        }
        changes
    }

    fn cuts() -> impl Strategy<Value = Vec<(u8, u8, Vec<u8>)>> {
        let inserted = prop::collection::vec(b'a'..b'e', 0..4);
        prop::collection::vec((0u8..5, 0u8..4, inserted), 0..5)
    }

    proptest! {
        #[test]
        fn two_rewrites_told_as_one_make_the_same(one in cuts(), other in cuts(), length in 0usize..20) {
            let octets: Vec<u8> = (0..length).map(|at| b'A' + at as u8).collect();
            let first = changes(&one, length);
            let middle = made(&octets, &first);
            let second = changes(&other, middle.len());
            let composed = compose(&first, &second, length);
            prop_assert_eq!(made(&octets, &composed), made(&middle, &second));
        }
    }
}
