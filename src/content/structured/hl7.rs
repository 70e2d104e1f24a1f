//! HL7 v2 messages and batches (HL7 2.1 to 2.8), and ASTM E1394, which they
//! grew out of: a line a segment, whatever ends it, with or without the frame
//! that MLLP puts around a message. What stands between segments stays: people
//! paste them into letters.

use std::borrow::Cow;

use super::{
    hl7_segments::{self, Type},
    hl7_types::{Delimiters, encapsulated},
    labels::NHS_NUMBER,
    people,
    rendering::Lines,
};

/// Whether segments stand in a text that tell what it is about.
pub(super) fn has_segments(text: &str) -> bool {
    let starts = |name: &str| {
        memchr::memmem::find_iter(text.as_bytes(), name).any(|at| {
            let before = text.as_bytes().get(..at).and_then(<[u8]>::last);
            let delimited = text.as_bytes().get(at + 3).is_some_and(u8::is_ascii_punctuation);
            before.is_none_or(|octet| matches!(octet, b'\r' | b'\n' | 0x0b)) && delimited
        })
    };
    is_astm(text) || ["MSH", "PID", "FHS", "BHS"].into_iter().any(starts)
}

/// `H|\^&`
pub(super) fn is_astm(text: &str) -> bool {
    let text = text.trim_start_matches(is_frame);
    text.starts_with("H|\\^&") || text.starts_with("1H|\\^&")
}

/// Line ends, and the characters that frame messages on a wire.
fn is_frame(character: char) -> bool {
    matches!(character, '\r' | '\n' | '\u{0b}' | '\u{1c}' | '\u{2}' | '\u{3}' | '\u{feff}')
}

pub(super) fn render(source: &str, lines: &mut Lines<'_>) {
    let mut reader = Reader { lines, delimiters: Delimiters::default(), dialect: Dialect::Hl7 };
    if is_astm(source) {
        reader.dialect = Dialect::Astm;
    }
    for line in source.split(['\r', '\n']) {
        let segment = line.trim_matches(is_frame);
        if !segment.is_empty() && !reader.segment(segment) {
            let at = reader.lines.place(line);
            reader.lines.plain(line, at);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Hl7,
    Astm,
}

struct Reader<'s, 'l> {
    lines: &'l mut Lines<'s>,
    delimiters: Delimiters,
    dialect: Dialect,
}

impl Reader<'_, '_> {
    /// Reads a line; false where it is no segment.
    fn segment(&mut self, segment: &str) -> bool {
        let Some((name, rest)) = self.named(segment) else { return false };
        let is_header = matches!(name, "MSH" | "FHS" | "BHS" | "H");
        let own = match self.dialect {
            Dialect::Hl7 => Delimiters::of(rest),
            Dialect::Astm => Delimiters::of_astm(rest),
        };
        if is_header && let Some(own) = own {
            self.delimiters = own;
        }
        let Some(rest) = rest.strip_prefix(self.delimiters.field) else { return false };
        if is_header || name == "PID" {
            self.lines.gap();
        }
        // The header's first field is the separator itself.
        let first = if is_header && self.dialect == Dialect::Hl7 { 2 } else { 1 };
        let fields = rest.split(self.delimiters.field).enumerate();
        if name == "OBX" {
            self.observation(rest);
            return true;
        }
        for (index, field) in fields {
            let number = index + first;
            let is_delimiters = is_header && index == 0;
            if !field.is_empty() && !is_delimiters {
                self.field(name, number, field);
            }
        }
        true
    }

    /// The name of a segment and what follows it.
    fn named<'s>(&self, segment: &'s str) -> Option<(&'s str, &'s str)> {
        if self.dialect == Dialect::Astm {
            // A frame's number may stand before the record's letter.
            let record = segment.trim_start_matches(|c: char| c.is_ascii_digit());
            let (name, rest) = record.split_at_checked(1)?;
            return name.starts_with(|c: char| c.is_ascii_uppercase()).then_some((name, rest));
        }
        let (name, rest) = segment.split_at_checked(3)?;
        let fits = name.bytes().all(|octet| octet.is_ascii_uppercase() || octet.is_ascii_digit())
            && name.starts_with(|c: char| c.is_ascii_uppercase());
        let is_header = matches!(name, "MSH" | "FHS" | "BHS");
        let parted = rest.is_empty() || is_header || rest.starts_with(self.delimiters.field);
        (fits && parted && !rest.is_empty()).then_some((name, rest))
    }

    fn field(&mut self, segment: &str, number: usize, field: &str) {
        let known = match self.dialect {
            Dialect::Hl7 => hl7_segments::field(segment, number),
            Dialect::Astm => hl7_segments::astm_field(segment, number),
        };
        let Some((label, kind)) = known else {
            let unknown = format!("{segment} {number}");
            return self.repeated(&unknown, Type::Text, field);
        };
        match kind {
            Type::Identifier => {
                let delimiters = self.delimiters;
                for repetition in delimiters.repetitions(field) {
                    let at = self.lines.place(repetition);
                    let issuer = delimiters.issuer(repetition);
                    let label = if issuer == "Patient identifier" { label } else { &issuer };
                    self.lines.labelled(label, &delimiters.read(kind, repetition), at);
                    self.rest_of_identifier(repetition);
                }
            }
            // PID-19 was meant for social security: trusts have the NHS number
            // there, or nothing.
            Type::Text if label == NHS_NUMBER => {
                let is_one = field.bytes().filter(u8::is_ascii_digit).count() == 10;
                self.repeated(if is_one { label } else { "Identifier" }, kind, field);
            }
            _ => self.repeated(label, kind, field),
        }
    }

    /// Who assigned an identifier says little, and is shown for its own sake.
    fn rest_of_identifier(&mut self, repetition: &str) {
        let rest = repetition.split_once(self.delimiters.component);
        let Some((_, rest)) = rest else { return };
        let at = self.lines.place(rest);
        let text = self.delimiters.read(Type::Text, rest);
        self.lines.labelled("Assigned by", &text, at);
    }

    fn repeated(&mut self, label: &str, kind: Type, field: &str) {
        for repetition in self.delimiters.repetitions(field) {
            let at = self.lines.place(repetition);
            self.lines.labelled(label, &self.delimiters.read(kind, repetition), at);
        }
    }

    /// OBX: the type of its value stands in the segment itself.
    fn observation(&mut self, rest: &str) {
        let fields: Vec<&str> = rest.splitn(MOST_FIELDS, self.delimiters.field).collect();
        let field = |number: usize| fields.get(number - 1).copied().unwrap_or_default();
        let kind = match field(2) {
            "CE" | "CWE" | "CNE" | "CF" => Type::Coded,
            "DT" | "TS" | "DTM" => Type::Date,
            "XPN" | "PN" => Type::Name,
            "XCN" | "CN" => Type::Staff,
            "XAD" | "AD" => Type::Address,
            "XTN" | "TN" => Type::Contact,
            "CX" | "CK" => Type::Identifier,
            _ => Type::Text,
        };
        let test = self.delimiters.read(Type::Coded, field(3));
        self.lines.labelled("Test", &test, self.lines.place(field(3)));
        for repetition in self.delimiters.repetitions(field(5)) {
            if field(2) == "ED"
                && let Some(octets) = encapsulated(self.delimiters, repetition)
            {
                self.lines.document(octets);
                continue;
            }
            let value = self.delimiters.read(kind, repetition);
            let units = self.units(field(6));
            let text = people::joined([value.as_str(), units.as_ref()], " ");
            self.lines.labelled("Result", &text, self.lines.place(repetition));
        }
        for (number, label) in [(7, "Range"), (8, "Flag")] {
            self.repeated(label, Type::Text, field(number));
        }
        self.repeated("Observed", Type::Date, field(14));
        self.repeated("Observed by", Type::Staff, field(16));
        for (index, other) in fields.iter().enumerate() {
            let number = index + 1;
            if !matches!(number, 1..=3 | 5..=8 | 14 | 16) {
                self.repeated(&format!("OBX {number}"), Type::Text, other);
            }
        }
    }

    /// `g/L`, or `g/L^gram per litre^UCUM`.
    fn units<'s>(&self, field: &'s str) -> Cow<'s, str> {
        let first = field.split(self.delimiters.component).next().unwrap_or_default();
        self.delimiters.plain(first)
    }
}

/// Of an observation: HL7 2.8 has 25.
const MOST_FIELDS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::structured::rendering::Rendered;

    fn read(source: &str) -> Rendered {
        let mut lines = Lines::of(source);
        render(source, &mut lines);
        lines.finish()
    }

    #[test]
    fn any_end_of_line_and_a_frame_will_do() {
        let message = "MSH|^~\\&|LAB|RX1\rPID|1||9990000018^^^NHS^NH||EXAMPLE^Jane||19610304";
        let expected = read(message).text;
        assert!(expected.contains("NHS number: 9990000018\n"), "{expected}");
        assert!(expected.contains("Date of birth: 1961-03-04\n"), "{expected}");
        for other in [
            message.replace('\r', "\n"),
            message.replace('\r', "\r\n"),
            format!("\u{b}{message}\r\u{1c}\r"),
        ] {
            assert_eq!(read(&other).text, expected);
        }
    }

    #[test]
    fn a_segment_in_a_letter_is_read_and_the_letter_stays() {
        let text = "Dear all,\nthis one failed:\nPID|||T411656^^^RX1^MR||EXAMPLE^Jane\nThanks";
        assert!(has_segments(text));
        let read = read(text).text;
        assert!(read.starts_with("Dear all,\nthis one failed:\n"), "{read}");
        assert!(read.contains("Hospital number: T411656\n"), "{read}");
        assert!(read.contains("Patient name: Jane EXAMPLE\n"), "{read}");
        assert!(read.ends_with("Thanks\n"), "{read}");
        assert!(!has_segments("the MSH|segment, and MSH says nothing"));
    }

    #[test]
    fn a_document_in_an_observation_is_handed_on() {
        let read = read("MSH|^~\\&|A\rOBX|1|ED|PDF^Letter||^AP^PDF^Base64^JVBERi0xLjQ=||||||F");
        assert_eq!(read.embedded, [&b"%PDF-1.4"[..]]);
        assert!(!read.text.contains("JVBE"));
    }

    #[test]
    fn an_analysers_record_is_read() {
        let read = read(
            "H|\\^&|||LAB\rP|1|9990000018|||EXAMPLE^JANE||19610304|F\rR|1|^^^HbA1c|48|mmol/mol",
        )
        .text;
        assert!(read.contains("Patient name: JANE EXAMPLE\nDate of birth: 1961-03-04\n"), "{read}");
        assert!(read.contains("Patient identifier: 9990000018\n"), "{read}");
        assert!(read.contains("Result: 48\n"), "{read}");
    }

    #[test]
    fn a_value_leads_back_to_its_field() {
        let source = "MSH|^~\\&|A\rPID|1||9990000018^^^NHS^NH||EXAMPLE^Jane";
        let read = read(source);
        let at = read.text.find("9990000018").unwrap();
        assert_eq!(read.map.source(at), source.find("9990000018").unwrap());
    }
}
