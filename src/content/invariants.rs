//! What holds whatever a document is made of, as a function that panics where
//! it does not: asked by the fuzz target in `tests/fuzz`, and by tests.

use super::{Document, InPlace, Limits, ReadDocument};

/// Reads the octets as a part, under limits that small archives reach: no
/// panic, nothing over a limit, every place within the part.
pub fn document(octets: &[u8]) {
    let document = Document { path: "2".to_owned(), octets: octets.to_vec().into() };
    let extract = InPlace(LIMITS).read(&document);
    let sum = |sizes: &mut dyn Iterator<Item = usize>| {
        sizes.map(|size| u64::try_from(size).unwrap_or(u64::MAX)).sum::<u64>()
    };
    let unfolded = sum(&mut extract.files.iter().map(|file| file.octets.len()));
    assert!(unfolded <= LIMITS.octets, "{unfolded} octets were unfolded");
    let text = sum(&mut extract.readings.iter().map(|reading| reading.text.len()));
    assert!(text <= LIMITS.text, "{text} octets of text");
    let readings = extract.readings.iter().map(|reading| &reading.part);
    let opaque = extract.opaque.iter().map(|opaque| &opaque.part);
    for place in readings.chain(opaque).chain(extract.files.iter().map(|file| &file.path)) {
        let rest = place.strip_prefix("2").unwrap_or("?");
        assert!(rest.is_empty() || rest.starts_with(['/', ':', '.']), "{place} is elsewhere");
    }
}

const LIMITS: Limits = Limits { octets: 64 << 10, text: 16 << 10, files: 50, depth: 4 };

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::document;
    use crate::smtp::invariants::kept;

    #[test]
    fn every_document_that_was_kept_keeps_the_rules() {
        kept("document").iter().for_each(|octets| document(octets));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]

        #[test]
        fn however_a_document_is_damaged_the_rules_hold(
            seed in proptest::sample::select(kept("document")),
            changes in proptest::collection::vec((any::<usize>(), change()), 1..6),
        ) {
            let mut octets = seed;
            for (at, change) in changes {
                change.make(&mut octets, at);
            }
            document(&octets);
        }
    }

    #[derive(Clone, Debug)]
    enum Change {
        Set(Vec<u8>),
        Insert(Vec<u8>),
        Remove(usize),
        Repeat(usize),
        CutOff,
    }

    impl Change {
        fn make(self, octets: &mut Vec<u8>, at: usize) {
            let at = at % (octets.len() + 1);
            let rest = octets.len() - at;
            match self {
                Self::Set(new) => {
                    octets.splice(at..at + new.len().min(rest), new);
                }
                Self::Insert(new) => {
                    octets.splice(at..at, new);
                }
                Self::Remove(length) => {
                    octets.drain(at..at + length.min(rest));
                }
                Self::Repeat(length) => octets.extend_from_within(at..at + length.min(rest)),
                Self::CutOff => octets.truncate(at),
            }
        }
    }

    /// Numbers at their ends, where sums run over, and anything.
    fn change() -> impl Strategy<Value = Change> {
        let numbers = [vec![0xff; 4], vec![0xff; 8], vec![0; 4], vec![0xff, 0xff, 0xff, 0x7f]];
        let octets = prop_oneof![
            proptest::sample::select(numbers.to_vec()),
            proptest::collection::vec(any::<u8>(), 1..4),
        ];
        prop_oneof![
            4 => octets.clone().prop_map(Change::Set),
            1 => octets.prop_map(Change::Insert),
            1 => (1_usize..200).prop_map(Change::Remove),
            1 => (1_usize..200).prop_map(Change::Repeat),
            1 => Just(Change::CutOff),
        ]
    }
}
