//! ASN.1 values as CMS needs them: definite and indefinite lengths (X.690,
//! 8.1.3), read without recursion.

/// Values one after another.
#[derive(Clone, Copy)]
pub(super) struct Values<'a>(pub(super) &'a [u8]);

/// A tag and what it holds; cut off where the octets end before it does.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    pub(super) ends: Ends,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    Within,
    CutOff,
}

impl<'a> Value<'a> {
    pub(super) fn values(self) -> Values<'a> {
        Values(self.content)
    }

    /// The octets of a string that may be in pieces (8.7.3), which may be in
    /// pieces themselves.
    pub(super) fn string(self) -> Vec<u8> {
        let mut string = Vec::new();
        let mut open = vec![Values(self.content)];
        if self.tag & CONSTRUCTED == 0 {
            return self.content.to_vec();
        }
        while let Some(values) = open.last_mut() {
            match values.next() {
                Some(piece) if piece.tag & CONSTRUCTED == 0 => string.extend(piece.content),
                Some(piece) if open.len() < MOST_DEEP => open.push(piece.values()),
                Some(_) => {}
                None => drop(open.pop()),
            }
        }
        string
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let Header { tag, length, rest } = header(self.0)?;
        let (content, after, ends) = match length {
            Some(length) => match rest.split_at_checked(length) {
                Some((content, after)) => (content, after, Ends::Within),
                None => (rest, [].as_slice(), Ends::CutOff),
            },
            None => match end_of_contents(rest) {
                Some(end) => {
                    let (content, after) = rest.split_at_checked(end)?;
                    (content, after.get(2..)?, Ends::Within)
                }
                None => (rest, [].as_slice(), Ends::CutOff),
            },
        };
        self.0 = after;
        (tag != 0 || !content.is_empty()).then_some(Value { tag, content, ends })
    }
}

struct Header<'a> {
    tag: u8,
    /// None: up to the octets that end it.
    length: Option<usize>,
    rest: &'a [u8],
}

/// Tags of one octet are all that CMS has.
fn header(octets: &[u8]) -> Option<Header<'_>> {
    let [tag, length, rest @ ..] = octets else { return None };
    let (length, rest) = match length {
        0x80 => (None, rest),
        short @ 0..0x80 => (Some(usize::from(*short)), rest),
        long => {
            let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            let number = |sum: usize, digit: &u8| {
                sum.checked_mul(256).map(|sum| sum.saturating_add(usize::from(*digit)))
            };
            (Some(digits.iter().try_fold(0, number)?), rest)
        }
    };
    Some(Header { tag: *tag, length, rest })
}

/// Where the two octets stand that end these contents.
fn end_of_contents(octets: &[u8]) -> Option<usize> {
    let (mut rest, mut open) = (octets, 1_usize);
    loop {
        let at = octets.len() - rest.len();
        if rest.starts_with(&[0, 0]) {
            open -= 1;
            if open == 0 {
                return Some(at);
            }
            rest = rest.get(2..)?;
            continue;
        }
        let header = header(rest)?;
        match header.length {
            Some(length) => rest = header.rest.get(length..)?,
            None => {
                open += 1;
                rest = header.rest;
            }
        }
    }
}

pub(super) const CONSTRUCTED: u8 = 0x20;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
const MOST_DEEP: usize = 16;
