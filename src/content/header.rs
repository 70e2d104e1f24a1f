//! Header sections: where each field stands, and what it says to a person
//! (RFC 5322 section 2.2, RFC 2047).
//!
//! A section ends at its empty line, or where a line cannot be a field: what
//! follows is body, as the receiving programs see it.

use std::{borrow::Cow, ops::Range};

use super::{charset, reading::OffsetMap};

/// One field, as ranges of octets of the raw message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// With its continuation lines and the last line end.
    pub whole: Range<usize>,
    pub name: Range<usize>,
    /// After the colon, up to the last line end.
    pub value: Range<usize>,
}

/// A header section, and where the body after it starts.
#[derive(Clone, Debug, Default)]
pub(super) struct Section {
    pub(super) fields: Vec<Field>,
    /// All fields; without the empty line.
    pub(super) header: Range<usize>,
    /// The empty line; of no length where there is none.
    pub(super) separator: Range<usize>,
    /// There were more than `limit` fields; those are not in `fields`.
    pub(super) overflowed: bool,
}

/// Reads the section at `start`. `stops` knows the delimiter lines of the
/// multiparts that stand open, which end a section that lacks its empty line.
pub(super) fn scan(
    raw: &[u8],
    start: usize,
    limit: usize,
    stops: impl Fn(&[u8]) -> bool,
) -> Section {
    let mut section = Section { header: start..start, ..Section::default() };
    let mut at = start;
    while at < raw.len() {
        let end = line_end(raw, at);
        let line = raw.get(at..end).unwrap_or_default();
        let content = without_line_end(line);
        if content.is_empty() {
            section.separator = at..end;
            return section;
        }
        if content.starts_with(b"--") && stops(content) {
            break;
        }
        if content.starts_with(b" ") || content.starts_with(b"\t") {
            if let Some(field) = section.fields.last_mut().filter(|field| field.whole.end == at) {
                field.whole.end = end;
                field.value.end = at + content.len();
            }
        } else if let Some(name) = field_name(content) {
            if section.fields.len() < limit {
                section.fields.push(Field {
                    whole: at..end,
                    name: at..at + name,
                    value: value_start(raw, at + name)..at + content.len(),
                });
            } else {
                section.overflowed = true;
            }
        } else if !(content.starts_with(b"From ") && (at == start || goes_on(raw, end))) {
            break;
        }
        at = end;
        section.header.end = at;
    }
    section.separator = section.header.end..section.header.end;
    section
}

/// Whether a field follows: an mbox line that was left in the middle of a header
/// is no end of it to mail programs.
fn goes_on(raw: &[u8], at: usize) -> bool {
    let line = raw.get(at..line_end(raw, at)).unwrap_or_default();
    field_name(line).is_some_and(|name| name > 0)
}

/// The length of the field name that a line starts with. Blanks before the
/// colon are obsolete syntax and still read (RFC 5322 section 4.5.8).
fn field_name(line: &[u8]) -> Option<usize> {
    let colon = memchr::memchr(b':', line)?;
    let name = line.get(..colon)?.trim_ascii_end();
    name.iter().all(|octet| (33..=126).contains(octet)).then_some(name.len())
}

fn value_start(raw: &[u8], after_name: usize) -> usize {
    let rest = raw.get(after_name..).unwrap_or_default();
    after_name + memchr::memchr(b':', rest).map_or(0, |colon| colon + 1)
}

/// The offset after the LF that ends the line at `at`.
pub(crate) fn line_end(raw: &[u8], at: usize) -> usize {
    let rest = raw.get(at..).unwrap_or_default();
    memchr::memchr(b'\n', rest).map_or(raw.len(), |offset| at + offset + 1)
}

pub(crate) fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The text of octets that were written by no rule: UTF-8 if they are that.
pub(super) fn lossy(octets: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(octets) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(octets).0,
    }
}

/// A value with its line breaks removed.
pub(super) fn unfolded(value: &[u8]) -> Cow<'_, str> {
    let text = lossy(value.trim_ascii());
    if text.contains(['\r', '\n']) { Cow::Owned(text.replace(['\r', '\n'], "")) } else { text }
}

/// An unstructured value as a person reads it: unfolded, encoded words
/// decoded. The map leads to octets of the raw message.
pub(super) fn readable(raw: &[u8], value: &Range<usize>) -> (String, OffsetMap) {
    let mut reader = Words::default();
    let octets = raw.get(value.clone()).unwrap_or_default();
    let mut at = octets.len() - octets.trim_ascii_start().len();
    let end = at + octets.trim_ascii().len();
    while at < end {
        let rest = octets.get(at..end).unwrap_or_default();
        if let Some(word) = encoded_word(rest) {
            reader.encoded(&word, value.start + at);
            at += word.length;
        } else {
            // A plain run goes up to the next octet that could start a word.
            let run = 1 + memchr::memchr(b'=', rest.get(1..).unwrap_or_default())
                .unwrap_or(rest.len() - 1);
            reader.plain(rest.get(..run).unwrap_or_default(), value.start + at);
            at += run;
        }
    }
    let (text, mut map) = reader.finish();
    map.push(text.len(), value.start + end);
    (text, map)
}

/// Gathers the text of a value. Octets of adjacent encoded words of the same
/// charset are joined before decoding: software cuts characters in two.
#[derive(Default)]
struct Words {
    text: String,
    map: OffsetMap,
    pending: Vec<u8>,
    pending_charset: String,
    pending_at: usize,
    /// White space after an encoded word: shown only if plain text follows.
    blank: Option<(Vec<u8>, usize)>,
    after_word: bool,
}

impl Words {
    fn encoded(&mut self, word: &EncodedWord<'_>, at: usize) {
        self.blank = None;
        if !self.pending.is_empty() && !self.pending_charset.eq_ignore_ascii_case(word.charset) {
            self.decode_pending();
        }
        if self.pending.is_empty() {
            word.charset.clone_into(&mut self.pending_charset);
            self.pending_at = at;
        }
        self.pending.extend_from_slice(&word.octets);
        self.after_word = true;
    }

    fn plain(&mut self, octets: &[u8], at: usize) {
        if self.after_word && octets.trim_ascii().is_empty() {
            let (blank, _) = self.blank.get_or_insert_with(|| (Vec::new(), at));
            blank.extend_from_slice(octets);
            return;
        }
        self.decode_pending();
        if let Some((blank, at)) = self.blank.take() {
            self.push(&blank, at);
        }
        self.after_word = false;
        self.push(octets, at);
    }

    fn push(&mut self, octets: &[u8], at: usize) {
        self.map.push(self.text.len(), at);
        self.text.extend(lossy(octets).chars().filter(|&c| c != '\r' && c != '\n'));
    }

    fn decode_pending(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        self.map.push(self.text.len(), self.pending_at);
        let decoded = charset::text_of(&self.pending, Some(&self.pending_charset));
        self.text.extend(decoded.chars().map(|c| if c == '\r' || c == '\n' { ' ' } else { c }));
        self.pending.clear();
    }

    fn finish(mut self) -> (String, OffsetMap) {
        self.decode_pending();
        (self.text, self.map)
    }
}

pub(crate) struct EncodedWord<'a> {
    pub(crate) charset: &'a str,
    pub(crate) octets: Vec<u8>,
    /// Of the whole word as it stands.
    pub(crate) length: usize,
}

/// The encoded word that the octets start with. Blanks within the text, which
/// RFC 2047 forbids and mailers write, are let through.
pub(crate) fn encoded_word(octets: &[u8]) -> Option<EncodedWord<'_>> {
    let rest = octets.strip_prefix(b"=?")?;
    let charset_end = memchr::memchr(b'?', rest.get(..MAX_CHARSET.min(rest.len()))?)?;
    let charset = std::str::from_utf8(rest.get(..charset_end)?).ok()?;
    if charset.is_empty() || !charset.bytes().all(|octet| octet.is_ascii_graphic()) {
        return None;
    }
    let [encoding, b'?', text @ ..] = rest.get(charset_end + 1..)? else { return None };
    let text_end = memchr::memmem::find(text.get(..MAX_WORD.min(text.len()))?, b"?=")?;
    let text = text.get(..text_end)?;
    let decoded = match encoding {
        b'q' | b'Q' => q_decoded(text),
        b'b' | b'B' => super::transfer::base64_octets(text),
        _ => return None,
    };
    let length = ENCODED_WORD_PUNCTUATION + charset_end + text_end;
    // RFC 2231 section 5: a language may follow the charset.
    let charset = charset.split_once('*').map_or(charset, |(name, _)| name);
    Some(EncodedWord { charset, octets: decoded, length })
}

fn q_decoded(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'_', _) => decoded.push(b' '),
            (b'=', [high, low, after @ ..]) => match super::transfer::hex_pair(*high, *low) {
                Some(octet) => {
                    decoded.push(octet);
                    rest = after;
                }
                None => decoded.push(b'='),
            },
            _ => decoded.push(*first),
        }
    }
    decoded
}

/// `=?`, `?Q?` and `?=`.
const ENCODED_WORD_PUNCTUATION: usize = 7;
const MAX_CHARSET: usize = 80;
/// RFC 2047 allows 75 octets; real mail has longer ones.
const MAX_WORD: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> String {
        readable(value.as_bytes(), &(0..value.len())).0
    }

    #[test]
    fn encoded_words_are_decoded_and_joined() {
        assert_eq!(read(" =?utf-8?Q?caf=C3=A9_?=\r\n =?utf-8?B?4oKs?="), "café €");
        assert_eq!(read(" a =?iso-8859-1?q?=E9?= b"), "a é b");
        assert_eq!(read("=?x?=?="), "=?x?=?=");
    }

    #[test]
    fn a_character_cut_between_two_encoded_words_is_whole() {
        assert_eq!(read("=?utf-8?Q?=E2=82?= =?utf-8?Q?=AC?="), "€");
    }

    #[test]
    fn a_section_ends_where_a_line_cannot_be_a_field() {
        let raw = b"A: 1\r\n folded\r\nB : 2\r\nno field here\r\n\r\nC: 3\r\n";
        let section = scan(raw, 0, 100, |_| false);
        assert_eq!(section.fields.len(), 2);
        assert_eq!(section.header, 0..22);
        assert!(section.separator.is_empty());
    }

    #[test]
    fn an_mbox_line_among_fields_does_not_end_them() {
        let section = scan(b"A: 1\r\nFrom x Mon\r\nB: 2\r\n\r\n", 0, 100, |_| false);
        assert_eq!((section.fields.len(), section.header), (2, 0..24));
        let body = scan(b"A: 1\r\nFrom here on\r\nall is text\r\n", 0, 100, |_| false);
        assert_eq!(body.header, 0..6);
    }

    #[test]
    fn fields_past_the_limit_are_counted_out() {
        let section = scan(b"A: 1\r\nB: 2\r\n\r\n", 0, 1, |_| false);
        assert!(section.overflowed && section.fields.len() == 1);
    }
}
