//! How a message as it leaves differs from what came: each change with its
//! octets, and the proof that all others stand as they stood.
//!
//! The proof takes nothing from the pass that made the edits but the list of
//! what it says it has changed: it walks both messages and compares.

use std::{fmt, ops::Range};

use crate::transform::{Change, Rewritten};

/// What differs. It exists only where the rest has been found identical.
pub(super) struct Difference {
    changes: Vec<Shown>,
    /// Octets of the original that stand in the result.
    kept: usize,
    original: usize,
}

struct Shown {
    /// Offsets in the original and in the result.
    from: usize,
    to: usize,
    line: usize,
    removed: Vec<u8>,
    inserted: Vec<u8>,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum DifferenceError {
    #[error("octets differ before {0} of the original, where no change is said to be")]
    Unsaid(usize),
}

impl Difference {
    pub(super) fn of(original: &[u8], rewritten: &Rewritten) -> Result<Self, DifferenceError> {
        let message = rewritten.message();
        let signatures = rewritten.signatures();
        let place = signatures.start..signatures.start;
        let signatures = message.get(signatures).unwrap_or_default().to_vec();
        let signing = Change { source: place, inserted: signatures };
        let mut found = Self { changes: Vec::new(), kept: 0, original: original.len() };
        let (mut from, mut to) = (0, 0);
        for Change { source, inserted } in std::iter::once(&signing).chain(&rewritten.changes) {
            to += found.compare(original, from..source.start, message, to)?;
            let written = message.get(to..to + inserted.len()).unwrap_or_default();
            if written != inserted {
                return Err(DifferenceError::Unsaid(source.start));
            }
            found.add(original, source.clone(), to, inserted);
            (from, to) = (source.end, to + inserted.len());
        }
        to += found.compare(original, from..original.len(), message, to)?;
        if to == message.len() { Ok(found) } else { Err(DifferenceError::Unsaid(original.len())) }
    }

    /// How many octets are identical: all of the range.
    fn compare(
        &mut self,
        original: &[u8],
        range: Range<usize>,
        message: &[u8],
        to: usize,
    ) -> Result<usize, DifferenceError> {
        let was = original.get(range.clone()).unwrap_or_default();
        let is = message.get(to..to + range.len()).unwrap_or_default();
        if was != is || was.len() != range.len() {
            return Err(DifferenceError::Unsaid(range.end));
        }
        self.kept += was.len();
        Ok(was.len())
    }

    fn add(&mut self, original: &[u8], source: Range<usize>, to: usize, inserted: &[u8]) {
        let removed = original.get(source.clone()).unwrap_or_default();
        if removed == inserted {
            self.kept += removed.len();
            return;
        }
        let before = original.get(..source.start).unwrap_or_default();
        self.changes.push(Shown {
            from: source.start,
            to,
            line: 1 + memchr::memchr_iter(b'\n', before).count(),
            removed: removed.to_vec(),
            inserted: inserted.to_vec(),
        });
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { changes, kept, original } = self;
        let places = match changes.len() {
            1 => "1 place".to_owned(),
            places => format!("{places} places"),
        };
        writeln!(
            f,
            "changed in {places}; compared, {kept} of the original's {original} octets stand \
             as they stood and in their order"
        )?;
        for change in changes {
            writeln!(
                f,
                "@ octet {} (line {}) -> octet {}: {} out, {} in",
                change.from,
                change.line,
                change.to,
                change.removed.len(),
                change.inserted.len()
            )?;
            lines(f, '-', &change.removed)?;
            lines(f, '+', &change.inserted)?;
        }
        Ok(())
    }
}

/// Octets as text, a line a line; what a terminal might act on is escaped.
fn lines(f: &mut fmt::Formatter<'_>, sign: char, octets: &[u8]) -> fmt::Result {
    for line in octets.split_inclusive(|&octet| octet == b'\n') {
        writeln!(f, "{sign} {}", line.escape_ascii())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{
        content::Content,
        transform::{Edits, HeaderField, Removal, rewrite},
    };

    fn rewritten(raw: &'static [u8]) -> Rewritten {
        let edits = Edits {
            prepend: vec![HeaderField::new("X-New", "1").unwrap()],
            remove: vec![Removal::Named("X-Old".to_owned())],
            disclaimer: None,
            ..Edits::default()
        };
        rewrite(&Content::parse(Bytes::from_static(raw)), &edits)
    }

    const RAW: &[u8] = b"A: b\r\nX-Old: \x1b\r\n\r\nhello\r\n";

    #[test]
    fn each_change_is_shown_with_its_octets() {
        let shown = Difference::of(RAW, &rewritten(RAW)).unwrap().to_string();
        assert_eq!(
            shown,
            "changed in 2 places; compared, 15 of the original's 25 octets stand as they stood \
             and in their order\n\
             @ octet 0 (line 1) -> octet 0: 0 out, 10 in\n\
             + X-New: 1\\r\\n\n\
             @ octet 6 (line 2) -> octet 16: 10 out, 0 in\n\
             - X-Old: \\x1b\\r\\n\n"
        );
    }

    #[test]
    fn an_octet_that_changed_unsaid_is_found() {
        let mut other = RAW.to_vec();
        *other.last_mut().unwrap() = b'x';
        assert_eq!(
            Difference::of(&other, &rewritten(RAW)).err(),
            Some(DifferenceError::Unsaid(other.len()))
        );
    }
}
