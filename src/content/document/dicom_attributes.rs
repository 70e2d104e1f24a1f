//! What the attributes of DICOM are called, and how their values are read
//! (PS3.6 and PS3.5 section 6.2).

use std::borrow::Cow;

use crate::content::charset::{self, Charset};

/// What an element says to a person.
pub(super) enum Value {
    Nothing,
    Labelled(&'static str, String),
    Plain(String),
}

/// A label for what says something of a patient or an examination.
pub(super) fn attribute(tag: (u16, u16)) -> Option<&'static str> {
    let found = ATTRIBUTES.binary_search_by_key(&tag, |(known, _)| *known).ok()?;
    ATTRIBUTES.get(found).map(|(_, label)| *label)
}

/// Of a value whose kind is `kind`, where that is written. What has no label is
/// read where it is prose: numbers of a machine say nothing to a reader.
pub(super) fn value_of(
    kind: Option<[u8; 2]>,
    label: Option<&'static str>,
    octets: &[u8],
    charset: Option<&str>,
) -> Value {
    let is_text = match kind {
        Some(kind) => PROSE.contains(&&kind) || label.is_some() && CODED.contains(&&kind),
        None => label.is_some() || is_printable(octets),
    };
    if !is_text {
        return Value::Nothing;
    }
    let text = charset::decode(octets, Charset::of(octets, charset)).0;
    let text = text.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    match label {
        _ if text.is_empty() => Value::Nothing,
        Some(label) => Value::Labelled(label, shown(kind, label, text).into_owned()),
        None => Value::Plain(shown(kind, "", text).into_owned()),
    }
}

fn shown<'t>(kind: Option<[u8; 2]>, label: &str, text: &'t str) -> Cow<'t, str> {
    let is_name = kind == Some(*b"PN") || kind.is_none() && text.contains('^');
    let is_date = kind == Some(*b"DA") || label.contains("ate");
    if is_name {
        let names = text.split(['\\', '=']).map(name).filter(|name| !name.is_empty());
        Cow::Owned(names.collect::<Vec<_>>().join(", "))
    } else if is_date && let Some(date) = date(text) {
        Cow::Owned(date)
    } else {
        Cow::Borrowed(text)
    }
}

/// `Family^Given^Middle^Prefix^Suffix` in the order in which people say it.
fn name(components: &str) -> String {
    let mut pieces = components.split('^').map(str::trim);
    let mut next = || pieces.next().unwrap_or_default();
    let (family, given, middle, prefix, suffix) = (next(), next(), next(), next(), next());
    let said =
        [prefix, given, middle, family, suffix].into_iter().filter(|piece| !piece.is_empty());
    said.collect::<Vec<_>>().join(" ")
}

fn date(text: &str) -> Option<String> {
    let is_date = text.len() == 8 && text.bytes().all(|octet| octet.is_ascii_digit());
    let (year, rest) = text.split_at_checked(4)?;
    let (month, day) = rest.split_at_checked(2)?;
    is_date.then(|| format!("{year}-{month}-{day}"))
}

fn is_printable(octets: &[u8]) -> bool {
    let text = octets.strip_suffix(&[0]).unwrap_or(octets);
    let is_text =
        |octet: &u8| matches!(octet, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b | 0x20..=0x7e | 0x80..);
    text.len() > 3 && text.iter().all(is_text) && text.iter().any(u8::is_ascii_alphabetic)
}

/// Kinds that people fill in.
const PROSE: [&[u8; 2]; 8] = [b"LO", b"LT", b"PN", b"SH", b"ST", b"UC", b"UR", b"UT"];
const CODED: [&[u8; 2]; 6] = [b"AS", b"CS", b"DA", b"DT", b"IS", b"UN"];

/// By their tags.
const ATTRIBUTES: [((u16, u16), &str); 36] = [
    ((0x0008, 0x0020), "Study date"),
    ((0x0008, 0x0050), "Accession number"),
    ((0x0008, 0x0060), "Modality"),
    ((0x0008, 0x0080), "Hospital"),
    ((0x0008, 0x0081), "Hospital address"),
    ((0x0008, 0x0090), "Referring doctor"),
    ((0x0008, 0x1030), "Study"),
    ((0x0008, 0x103e), "Series"),
    ((0x0008, 0x1040), "Department"),
    ((0x0008, 0x1050), "Performed by"),
    ((0x0008, 0x1060), "Reported by"),
    ((0x0008, 0x1070), "Operator"),
    ((0x0008, 0x1080), "Admitting diagnosis"),
    ((0x0010, 0x0010), "Patient name"),
    ((0x0010, 0x0020), "Patient ID"),
    ((0x0010, 0x0021), "Patient ID issued by"),
    ((0x0010, 0x0030), "Date of birth"),
    ((0x0010, 0x0040), "Sex"),
    ((0x0010, 0x1000), "Other patient IDs"),
    ((0x0010, 0x1001), "Other names"),
    ((0x0010, 0x1005), "Name at birth"),
    ((0x0010, 0x1010), "Age"),
    ((0x0010, 0x1040), "Address"),
    ((0x0010, 0x2000), "Medical alerts"),
    ((0x0010, 0x2110), "Allergies"),
    ((0x0010, 0x2154), "Phone"),
    ((0x0010, 0x2160), "Ethnic group"),
    ((0x0010, 0x21b0), "Patient history"),
    ((0x0010, 0x4000), "Patient comments"),
    ((0x0018, 0x0015), "Body part"),
    ((0x0032, 0x1060), "Requested procedure"),
    ((0x0038, 0x0010), "Admission ID"),
    ((0x0040, 0x0254), "Procedure"),
    ((0x0040, 0x1002), "Reason for procedure"),
    ((0x4008, 0x010b), "Interpretation"),
    ((0x4008, 0x0115), "Diagnosis"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_stand_in_their_order() {
        assert!(ATTRIBUTES.is_sorted_by_key(|(tag, _)| *tag));
        assert_eq!(attribute((0x10, 0x30)), Some("Date of birth"));
        assert_eq!(attribute((0x10, 0x31)), None);
    }

    #[test]
    fn names_are_said_as_people_say_them() {
        assert_eq!(name("Example^Jane^Ann^Dr^OBE"), "Dr Jane Ann Example OBE");
        assert_eq!(shown(Some(*b"PN"), "", "A^B=C"), "B A, C");
        assert_eq!(shown(Some(*b"LO"), "Patient ID", "19610325"), "19610325");
    }
}
