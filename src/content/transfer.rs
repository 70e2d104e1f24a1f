//! Transfer encodings undone, with the way back (RFC 2045 section 6).
//!
//! Decoders go on past anything ill-formed, as the most lenient reader would,
//! and say that it was there: nothing is to be read that only a laxer program
//! than ours would see.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use memchr::memchr;

use super::{
    header::{line_end, without_line_end},
    reading::{OffsetMap, Rate},
};

/// Octets with their transfer encoding undone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decoded {
    pub(crate) octets: Vec<u8>,
    /// From `octets` to the encoded body.
    pub(crate) map: OffsetMap,
    /// There were characters that the encoding does not have, or the end is
    /// missing.
    pub(crate) damaged: bool,
}

/// Base64: whole lines by the library, anything odd octet by octet.
pub(crate) fn base64(body: &[u8]) -> Decoded {
    let mut decoder = Base64 {
        decoded: Decoded {
            octets: Vec::with_capacity(body.len() / 4 * 3 + 3),
            ..Decoded::default()
        },
        ..Base64::default()
    };
    let mut at = 0;
    while at < body.len() {
        let end = line_end(body, at);
        let line = without_line_end(body.get(at..end).unwrap_or_default());
        if !(decoder.quantum.is_empty() && decoder.whole_line(line, at)) {
            decoder.slowly(line, at);
        }
        at = end;
    }
    decoder.finish(body.len())
}

/// Base64 where only the octets matter.
pub(crate) fn base64_octets(text: &[u8]) -> Vec<u8> {
    base64(text).octets
}

#[derive(Default)]
struct Base64 {
    decoded: Decoded,
    /// Sextets of the quantum that is not complete yet, where the first stood.
    quantum: Vec<u8>,
    quantum_at: usize,
    /// Within the padding of a quantum.
    padding: bool,
}

impl Base64 {
    /// Decodes a line of whole quanta; says whether it was one.
    fn whole_line(&mut self, line: &[u8], at: usize) -> bool {
        if self.padding || !line.len().is_multiple_of(4) {
            return false;
        }
        let start = self.decoded.octets.len();
        if ENGINE.decode_vec(line, &mut self.decoded.octets).is_err() {
            self.decoded.octets.truncate(start);
            return false;
        }
        self.decoded.map.push_at(start, at, Rate::Base64);
        self.padding = line.ends_with(b"=");
        true
    }

    fn slowly(&mut self, line: &[u8], at: usize) {
        for (offset, &octet) in line.iter().enumerate() {
            let sextet = match octet {
                b'A'..=b'Z' => octet - b'A',
                b'a'..=b'z' => octet - b'a' + 26,
                b'0'..=b'9' => octet - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                b' ' | b'\t' => continue,
                b'=' => {
                    self.pad();
                    continue;
                }
                _ => {
                    self.decoded.damaged = true;
                    continue;
                }
            };
            // Text after padding: a second body glued to the first.
            self.decoded.damaged |= self.padding;
            self.padding = false;
            if self.quantum.is_empty() {
                self.quantum_at = at + offset;
            }
            self.quantum.push(sextet);
            if self.quantum.len() == 4 {
                self.emit();
            }
        }
    }

    fn pad(&mut self) {
        if !self.padding {
            self.decoded.damaged |= self.quantum.len() < 2;
            self.emit();
            self.padding = true;
        }
    }

    /// The octets of the quantum, as many as its sextets hold whole.
    fn emit(&mut self) {
        let bits = self.quantum.iter().fold(0_u32, |bits, &sextet| bits << 6 | u32::from(sextet));
        let held = self.quantum.len() * 6;
        self.decoded.map.push_at(self.decoded.octets.len(), self.quantum_at, Rate::Base64);
        for octet in 0..held / 8 {
            let shifted = bits >> (held - 8 * (octet + 1));
            self.decoded.octets.push(u8::try_from(shifted & 0xff).unwrap_or_default());
        }
        self.quantum.clear();
    }

    fn finish(mut self, end: usize) -> Decoded {
        if !self.quantum.is_empty() {
            self.decoded.damaged = true;
            self.emit();
        }
        self.decoded.map.push(self.decoded.octets.len(), end);
        self.decoded
    }
}

/// Quoted-printable. An `=` that is no escape stays, as mail programs show it.
pub(crate) fn quoted_printable(body: &[u8]) -> Decoded {
    let mut decoded = Decoded { octets: Vec::with_capacity(body.len()), ..Decoded::default() };
    let mut at = 0;
    while at < body.len() {
        let rest = body.get(at..).unwrap_or_default();
        let plain = memchr(b'=', rest).unwrap_or(rest.len());
        if plain > 0 {
            decoded.map.push(decoded.octets.len(), at);
            decoded.octets.extend_from_slice(rest.get(..plain).unwrap_or_default());
            at += plain;
            continue;
        }
        at += match escape(rest) {
            Escape::Octet(octet) => {
                decoded.map.push_at(decoded.octets.len(), at, Rate::Escaped);
                decoded.octets.push(octet);
                3
            }
            Escape::SoftBreak(length) => length,
            Escape::None => {
                decoded.map.push(decoded.octets.len(), at);
                decoded.octets.push(b'=');
                1
            }
        };
    }
    decoded.map.push(decoded.octets.len(), body.len());
    decoded
}

enum Escape {
    Octet(u8),
    /// So many octets that stand for nothing.
    SoftBreak(usize),
    None,
}

/// What the `=` that the octets start with stands for.
fn escape(octets: &[u8]) -> Escape {
    if let [_, high, low, ..] = octets
        && let Some(octet) = hex_pair(*high, *low)
    {
        return Escape::Octet(octet);
    }
    // Blanks after the `=` are what transport has added.
    let blanks = octets.iter().skip(1).take_while(|&&octet| octet == b' ' || octet == b'\t');
    let end = 1 + blanks.count();
    match octets.get(end..).unwrap_or_default() {
        [] => Escape::SoftBreak(end),
        [b'\n', ..] => Escape::SoftBreak(end + 1),
        [b'\r', b'\n', ..] => Escape::SoftBreak(end + 2),
        _ => Escape::None,
    }
}

pub(super) fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |octet: u8| char::from(octet).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_lines_are_decoded_with_their_way_back() {
        let body = b"aGVsbG8g\r\nd29ybGQ=\r\n";
        let decoded = base64(body);
        assert_eq!(decoded.octets, b"hello world");
        assert!(!decoded.damaged);
        assert_eq!(decoded.map.source(6), 10);
        assert_eq!(decoded.map.source(9), 14);
    }

    #[test]
    fn ill_formed_base64_is_read_as_far_as_it_goes() {
        for (body, text) in [
            ("aGVs*bG8=", "hello"),
            ("aGVsbG8", "hello"),
            ("aGVsbG8=d29ybGQ=", "helloworld"),
            ("aGVsbG8=\r\nd29ybGQ=\r\n", "helloworld"),
        ] {
            let decoded = base64(body.as_bytes());
            assert_eq!((decoded.octets.as_slice(), decoded.damaged), (text.as_bytes(), true));
        }
        let broken_oddly = base64(b"aGVs\r\nbG\r\n8=\r\n");
        assert_eq!((broken_oddly.octets.as_slice(), broken_oddly.damaged), (&b"hello"[..], false));
    }

    #[test]
    fn quoted_printable_is_read_leniently() {
        let decoded = quoted_printable(b"caf=C3=a9 =\r\nau = lait=\n!=3");
        assert_eq!(decoded.octets, "café au = lait!=3".as_bytes());
        assert_eq!(decoded.map.source(3), 3);
        assert_eq!(decoded.map.source(4), 6);
        assert_eq!(decoded.map.source(6), 13);
    }

    #[test]
    fn a_soft_break_at_the_very_end_is_nothing() {
        assert_eq!(quoted_printable(b"a=").octets, b"a");
        assert_eq!(quoted_printable(b"a= ").octets, b"a");
    }
}
