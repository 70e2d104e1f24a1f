//! The value of an unstructured field, edited as a person reads it: what is
//! taken out of it may stand in plain text, in encoded words (RFC 2047), or go
//! on from one into the next.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use crate::content::{Certainty, Charset, EncodedWord, decode_text, encode_text, encoded_word};

/// The value without this ASCII text, in any case, wherever it is displayed,
/// and without one of the blanks around it.
pub(super) fn without(value: &[u8], unwanted: &str) -> Vec<u8> {
    let mut pieces = pieces(value);
    let shown = shown(&pieces);
    let doomed = doomed(&shown, unwanted);
    // A word that cannot be written anew stays, and with it all of the text.
    let stuck = |&&(piece, _): &&(usize, usize)| matches!(pieces.get(piece), Some(Piece::Word(word)) if word.charset.is_none());
    if doomed.is_empty() || doomed.iter().any(|place| stuck(&place)) {
        return value.to_vec();
    }
    for &(piece, at) in doomed.iter().rev() {
        match pieces.get_mut(piece) {
            Some(Piece::Plain(octets)) if at < octets.len() => {
                octets.remove(at);
            }
            Some(Piece::Word(word)) => word.remove(at),
            _ => {}
        }
    }
    without_blank_lines(&written(&pieces), value)
}

enum Piece<'a> {
    Plain(Vec<u8>),
    Word(Box<Word<'a>>),
    /// Between two encoded words, where it is not displayed.
    Unseen(&'a [u8]),
}

struct Word<'a> {
    /// As it stands.
    raw: &'a [u8],
    /// None where the text could not be written in it.
    charset: Option<Charset>,
    text: Vec<char>,
    changed: bool,
}

impl Word<'_> {
    fn of<'a>(raw: &'a [u8], word: &EncodedWord<'_>) -> Word<'a> {
        let charset = Charset::of(&word.octets, Some(word.charset));
        let (text, _) = decode_text(&word.octets, charset);
        let known =
            charset.certainty != Certainty::Unknown && !text.contains(char::REPLACEMENT_CHARACTER);
        let text = text.chars().collect();
        Word { raw, charset: known.then_some(charset), text, changed: false }
    }

    fn remove(&mut self, at: usize) {
        if at < self.text.len() {
            self.text.remove(at);
            self.changed = true;
        }
    }

    fn is_gone(&self) -> bool {
        self.changed && self.text.is_empty()
    }

    /// Under the same charset, language and encoding, in words that are short
    /// enough.
    fn write(&self, out: &mut Vec<u8>) {
        let Some(charset) = self.charset.filter(|_| self.changed) else {
            return out.extend_from_slice(self.raw);
        };
        // `=?charset?Q?`
        let mut marks = self.raw.iter().enumerate().filter(|(_, octet)| **octet == b'?');
        let head = marks.nth(2).and_then(|(third, _)| self.raw.get(..=third)).unwrap_or_default();
        let encode = |text: &str| encoded(text, charset, head);
        let mut word = String::new();
        for &character in &self.text {
            word.push(character);
            if head.len() + encode(&word).len() + 2 > LONGEST_WORD && word.chars().count() > 1 {
                word.pop();
                out.extend([head, &encode(&word), b"?=\r\n "].concat());
                word = character.to_string();
            }
        }
        out.extend([head, &encode(&word), b"?="].concat());
    }
}

fn encoded(text: &str, charset: Charset, head: &[u8]) -> Vec<u8> {
    let octets = encode_text(text, charset.encoding).unwrap_or_default();
    if head.ends_with(b"b?") || head.ends_with(b"B?") {
        return BASE64.encode(octets).into_bytes();
    }
    let quoted = |octet: &u8| match octet {
        b' ' => b"_".to_vec(),
        octet if octet.is_ascii_alphanumeric() || b"!*+-/.,:[]()".contains(octet) => vec![*octet],
        octet => format!("={octet:02X}").into_bytes(),
    };
    octets.iter().flat_map(quoted).collect()
}

fn pieces(value: &[u8]) -> Vec<Piece<'_>> {
    let mut pieces: Vec<Piece<'_>> = Vec::new();
    let (mut at, mut plain) = (0, 0);
    while let Some(rest) = value.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(word) = encoded_word(rest) else {
            at += 1;
            continue;
        };
        let before = value.get(plain..at).unwrap_or_default();
        let after_word = matches!(pieces.last(), Some(Piece::Word(_)));
        match before {
            [] => {}
            blank if after_word && blank.trim_ascii().is_empty() => {
                pieces.push(Piece::Unseen(blank));
            }
            text => pieces.push(Piece::Plain(text.to_vec())),
        }
        let raw = rest.get(..word.length).unwrap_or_default();
        pieces.push(Piece::Word(Box::new(Word::of(raw, &word))));
        at += word.length.max(1);
        plain = at;
    }
    match value.get(plain..).unwrap_or_default() {
        [] => {}
        text => pieces.push(Piece::Plain(text.to_vec())),
    }
    pieces
}

/// A displayed character: which piece it stands in, where in that, and whether
/// it is white space that can be taken out.
struct Shown {
    character: char,
    place: (usize, usize),
    blank: bool,
}

fn shown(pieces: &[Piece<'_>]) -> Vec<Shown> {
    let mut shown = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Plain(octets) => {
                let mut before = 0;
                for (at, &octet) in octets.iter().enumerate() {
                    // White space that begins a line is what makes it go on.
                    let blank = matches!(octet, b' ' | b'\t') && before != b'\n';
                    before = octet;
                    if !matches!(octet, b'\r' | b'\n') {
                        let character = char::from(octet);
                        shown.push(Shown { character, place: (index, at), blank });
                    }
                }
            }
            Piece::Word(word) => {
                let all = word.text.iter().enumerate();
                shown.extend(all.map(|(at, &character)| Shown {
                    character,
                    place: (index, at),
                    blank: character == ' ',
                }));
            }
            Piece::Unseen(_) => {}
        }
    }
    shown
}

/// The places to be taken out, in order.
fn doomed(shown: &[Shown], unwanted: &str) -> Vec<(usize, usize)> {
    let length = unwanted.len();
    let mut doomed = Vec::new();
    let mut at = 0;
    while let Some(found) = shown.get(at..at + length).filter(|_| length > 0) {
        let same = |(one, other): (&Shown, char)| one.character.eq_ignore_ascii_case(&other);
        if !found.iter().zip(unwanted.chars()).all(same) {
            at += 1;
            continue;
        }
        let is_blank = |place: Option<&Shown>| place.is_some_and(|one| one.blank);
        let before = at.checked_sub(1).and_then(|before| shown.get(before));
        let is_parted = before.is_none_or(|one| one.character.is_whitespace());
        let after = shown.get(at + length);
        if after.is_none() && is_blank(before) {
            doomed.extend(before.map(|one| one.place));
        }
        doomed.extend(found.iter().map(|one| one.place));
        at += length;
        if is_parted && is_blank(after) {
            doomed.extend(after.map(|one| one.place));
            at += 1;
        }
    }
    doomed.dedup();
    doomed
}

/// Where a word is gone, so is what stood unseen between it and the next.
fn written(pieces: &[Piece<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut gone = false;
    // White space that is seen only if plain text follows.
    let mut unseen: &[u8] = b"";
    for piece in pieces {
        match piece {
            Piece::Plain(octets) => {
                // Behind a word that is gone stands one blank already.
                let open = out.last().is_none_or(|last: &u8| last.is_ascii_whitespace());
                let double = gone && open && octets.first() == Some(&b' ') && octets.len() > 1;
                out.extend_from_slice(octets.get(usize::from(double)..).unwrap_or_default());
                gone = false;
                unseen = b"";
            }
            Piece::Unseen(blank) => unseen = if gone && unseen.is_empty() { b"" } else { blank },
            Piece::Word(word) if word.is_gone() => gone = true,
            Piece::Word(word) => {
                out.extend_from_slice(unseen);
                word.write(&mut out);
                unseen = b"";
                gone = false;
            }
        }
    }
    out
}

/// A line of nothing but white space would end the header for some; one that
/// the value had before stays.
fn without_blank_lines(value: &[u8], before: &[u8]) -> Vec<u8> {
    let blank = |line: &&[u8]| line.trim_ascii().is_empty();
    if before.split(|octet| *octet == b'\n').skip(1).any(|line| blank(&line)) {
        return value.to_vec();
    }
    let mut lines = value.split_inclusive(|octet| *octet == b'\n');
    let mut out = lines.next().unwrap_or_default().to_vec();
    for line in lines.filter(|line| !blank(line)) {
        out.extend_from_slice(line);
    }
    // What goes on in a line that is gone.
    while out.ends_with(b"\n") || out.ends_with(b"\r") {
        out.pop();
    }
    out
}

/// RFC 2047 section 2.
const LONGEST_WORD: usize = 75;
