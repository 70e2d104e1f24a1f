//! Fields of HL7 v2: their delimiters, escapes and data types (HL7 2.4,
//! chapter 2).

use std::borrow::Cow;

use super::{
    hl7_segments::Type,
    labels,
    people::{self, Name},
};
use crate::content::transfer;

/// As the header of a message names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Delimiters {
    pub(super) field: char,
    pub(super) component: char,
    pub(super) repetition: char,
    pub(super) escape: char,
    pub(super) subcomponent: char,
}

impl Default for Delimiters {
    fn default() -> Self {
        Self { field: '|', component: '^', repetition: '~', escape: '\\', subcomponent: '&' }
    }
}

impl Delimiters {
    /// Of what follows `MSH`: the field separator, and the four others.
    pub(super) fn of(header: &str) -> Option<Self> {
        let mut characters = header.chars();
        let field = characters.next().filter(|c| !c.is_alphanumeric())?;
        let mut next = |usual: char| {
            characters.next().filter(|&c| c != field && !c.is_alphanumeric()).unwrap_or(usual)
        };
        let usual = Self::default();
        Some(Self {
            field,
            component: next(usual.component),
            repetition: next(usual.repetition),
            escape: next(usual.escape),
            subcomponent: next(usual.subcomponent),
        })
    }

    /// The same of an ASTM header, `H|\^&`: repetitions, components, escapes.
    pub(super) fn of_astm(header: &str) -> Option<Self> {
        let mut characters = header.chars();
        let mut next = || characters.next().filter(|c| !c.is_alphanumeric());
        let (field, repetition, component) = (next()?, next()?, next()?);
        let escape = next().filter(|&c| c != field).unwrap_or('&');
        Some(Self { field, component, repetition, escape, subcomponent: '\0' })
    }

    pub(super) fn repetitions<'s>(&self, field: &'s str) -> impl Iterator<Item = &'s str> {
        field.split(self.repetition)
    }

    /// One repetition of a field, as a person reads it.
    pub(super) fn read(&self, kind: Type, repetition: &str) -> String {
        let components: Vec<Cow<'_, str>> =
            repetition.splitn(MOST_COMPONENTS, self.component).map(|c| self.plain(c)).collect();
        let at = |index: usize| components.get(index).map_or("", |component| component.trim());
        let (text, told) = match kind {
            Type::Name => (name(&at, 0), 5),
            Type::Staff => (staff(&at), 6),
            Type::Address => (people::joined((0..6).chain(8..10).map(at), ", "), 6),
            Type::Contact => (people::joined([at(0), at(3), at(5), at(6)], " "), 1),
            Type::Date => (labels::date(at(0)).into_owned(), 1),
            Type::Coded => {
                let first = labels::coded(at(1), at(2), at(0));
                let second = labels::coded(at(4), at(5), at(3));
                (people::joined([first.as_str(), second.as_str()], ", "), 6)
            }
            Type::Identifier => (at(0).to_owned(), MOST_COMPONENTS),
            Type::Text => {
                (people::joined(components.iter().map(AsRef::as_ref), " "), MOST_COMPONENTS)
            }
        };
        // Codes are short; what is long among the rest was written by a person.
        let rest = components.iter().skip(told).map(AsRef::as_ref);
        let rest = rest.filter(|more| more.len() > LONGEST_CODE && !text.contains(more));
        people::joined(std::iter::once(text.as_str()).chain(rest), ", ")
    }

    /// What an identifier is called: by its type, or by who assigned it, both
    /// written in several places.
    pub(super) fn issuer(&self, repetition: &str) -> Cow<'static, str> {
        let parts = || {
            repetition
                .split(self.component)
                .skip(3)
                .take(3)
                .flat_map(|component| component.split(self.subcomponent))
                .map(str::trim)
                .filter(|part| !part.is_empty())
        };
        let known = parts()
            .map(labels::identifier)
            .find(|label| matches!(label, Cow::Borrowed(label) if *label != "Identifier"));
        known.unwrap_or(Cow::Borrowed("Patient identifier"))
    }

    /// Escapes undone, subcomponents parted by blanks.
    pub(super) fn plain<'s>(&self, text: &'s str) -> Cow<'s, str> {
        let has_parts = text.contains(self.subcomponent);
        if !has_parts && !text.contains(self.escape) {
            return Cow::Borrowed(text);
        }
        let mut plain = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(self.escape) {
            self.push_parts(&mut plain, before);
            match after.split_once(self.escape) {
                Some((sequence, following)) if self.push_escape(&mut plain, sequence) => {
                    rest = following;
                }
                _ => {
                    plain.push(self.escape);
                    rest = after;
                }
            }
        }
        self.push_parts(&mut plain, rest);
        Cow::Owned(plain)
    }

    fn push_parts(&self, plain: &mut String, text: &str) {
        for (index, part) in text.split(self.subcomponent).enumerate() {
            if index > 0 && !plain.ends_with(' ') {
                plain.push(' ');
            }
            plain.push_str(part);
        }
    }

    /// Writes what stands between two escape characters; false where that is
    /// no escape (section 2.10).
    fn push_escape(&self, plain: &mut String, sequence: &str) -> bool {
        match sequence {
            "F" => plain.push(self.field),
            "S" => plain.push(self.component),
            "T" => plain.push(self.subcomponent),
            "R" => plain.push(self.repetition),
            "E" => plain.push(self.escape),
            "H" | "N" | ".fi" | ".nf" => {}
            _ => match sequence.split_at_checked(1) {
                Some((".", "br" | "ce")) => plain.push('\n'),
                Some((".", rest)) if rest.starts_with("sp") => plain.push('\n'),
                Some((".", rest)) if rest.starts_with("in") || rest.starts_with("ti") => {
                    plain.push(' ');
                }
                Some(("X", digits)) => match hexadecimal(digits) {
                    Some(octets) => plain.push_str(&crate::content::header::lossy(&octets)),
                    None => return false,
                },
                _ => return false,
            },
        }
        true
    }
}

fn name<'a>(at: &impl Fn(usize) -> &'a str, from: usize) -> String {
    let name = Name {
        family: vec![at(from)],
        given: vec![at(from + 1), at(from + 2)],
        suffix: vec![at(from + 3)],
        prefix: vec![at(from + 4)],
    };
    name.full()
}

fn staff<'a>(at: &impl Fn(usize) -> &'a str) -> String {
    let (number, name) = (at(0), name(at, 1));
    if name.is_empty() || number.is_empty() {
        return format!("{name}{number}");
    }
    format!("{name} ({number})")
}

fn hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    (digits.len() <= MOST_HEXADECIMAL).then_some(())?;
    pairs
        .map(|pair| match pair {
            [high, low] => transfer::hex_pair(*high, *low),
            _ => None,
        })
        .collect()
}

/// What encapsulated data is (ED): source, type, subtype, encoding, data.
pub(super) fn encapsulated(delimiters: Delimiters, field: &str) -> Option<Vec<u8>> {
    let mut components = field.splitn(5, delimiters.component).skip(3);
    let (encoding, data) = (components.next()?, components.next()?);
    match encoding.trim().to_ascii_lowercase().as_str() {
        "base64" => Some(transfer::base64_octets(unbroken(data).as_bytes())),
        "hex" => {
            let digits = unbroken(data);
            let pairs = digits.as_bytes().chunks_exact(2);
            let octet = |pair: &[u8]| match pair {
                [high, low] => transfer::hex_pair(*high, *low),
                _ => None,
            };
            pairs.map(octet).collect()
        }
        _ => None,
    }
}

/// Data, with the line breaks that some senders escape left out.
fn unbroken(data: &str) -> String {
    data.replace("\\.br\\", "")
        .replace("\\X0D\\", "")
        .replace("\\X0A\\", "")
        .replace("\\X0D0A\\", "")
}

/// A field of more is no name and no address.
const MOST_COMPONENTS: usize = 64;
const LONGEST_CODE: usize = 8;
const MOST_HEXADECIMAL: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone() {
        let delimiters = Delimiters::default();
        let read = |text| delimiters.plain(text).into_owned();
        assert_eq!(read(r"a\F\b\S\c\T\d\R\e\E\f"), "a|b^c&d~e\\f");
        assert_eq!(read(r"one\.br\two\.sp+2\three\.in+1\ four"), "one\ntwo\nthree  four");
        assert_eq!(read(r"\X4A616E65\ \H\Example\N\"), "Jane Example");
        assert_eq!(read(r"C:\temp\file \Xzz\ 5\"), r"C:\temp\file \Xzz\ 5\");
        assert_eq!(read("a&b"), "a b");
    }

    #[test]
    fn delimiters_are_the_headers_own() {
        let odd = Delimiters::of("$@#?!$LAB").unwrap();
        assert_eq!(odd.read(Type::Name, "EXAMPLE@Jane@@@Mrs"), "Mrs Jane EXAMPLE");
        assert_eq!(Delimiters::of("|^~\\&|"), Some(Delimiters::default()));
        assert_eq!(Delimiters::of("A"), None);
    }

    #[test]
    fn components_are_put_together_by_their_type() {
        let delimiters = Delimiters::default();
        let read = |kind, text| delimiters.read(kind, text);
        assert_eq!(read(Type::Staff, "C123^Example^John^^^Dr"), "Dr John Example (C123)");
        assert_eq!(
            read(Type::Address, "1 High St^^Leeds^^LS1 1AA^GBR^H"),
            "1 High St, Leeds, LS1 1AA, GBR"
        );
        assert_eq!(read(Type::Coded, "195967001^Asthma^SCT"), "Asthma (SNOMED CT 195967001)");
        assert_eq!(read(Type::Date, "196103040000"), "1961-03-04 00:00");
        assert_eq!(
            read(Type::Contact, "^PRN^PH^j@x.example^^01632^960118"),
            "j@x.example 01632 960118"
        );
        assert_eq!(
            read(Type::Coded, "^Pain^L^^^^^^chest pain on exertion"),
            "Pain, chest pain on exertion"
        );
        assert_eq!(delimiters.issuer("9990000018^^^NHS^NH"), "NHS number");
        assert_eq!(
            delimiters.issuer("T1^^^RX1&2.16.840.1.113883.2.1.3.2.4.18.24&ISO"),
            "Hospital number"
        );
        assert_eq!(delimiters.issuer("T1^^^RX1"), "Patient identifier");
    }

    #[test]
    fn encapsulated_data_is_decoded() {
        let delimiters = Delimiters::default();
        assert_eq!(encapsulated(delimiters, r"^AP^PDF^Base64^JVBE\.br\Ri0x").unwrap(), b"%PDF-1");
        assert_eq!(encapsulated(delimiters, "^^^Hex^4869").unwrap(), b"Hi");
        assert_eq!(encapsulated(delimiters, "^^^A^text"), None);
    }
}
