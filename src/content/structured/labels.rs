//! What keys, identifiers, codes and dates are called when they are read out.

use std::borrow::Cow;

/// The words of a key: `nhsNumber`, `NHS_Number` and `x:nhs-number` are all
/// read `nhs number`; words in capitals stay so. A key beyond all reason is cut
/// short.
pub(super) fn words(key: &str) -> String {
    let end = (0..=LONGEST_KEY.min(key.len())).rev().find(|&end| key.is_char_boundary(end));
    let key = key.get(..end.unwrap_or_default()).unwrap_or_default();
    let key = key.rsplit_once(':').map_or(key, |(_, local)| local);
    let mut words = String::with_capacity(key.len() + 4);
    let mut word_start = 0;
    let mut characters = key.chars().peekable();
    let mut before = ' ';
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        let begins = character.is_uppercase()
            && (before.is_lowercase()
                || before.is_uppercase() && next.is_some_and(char::is_lowercase));
        let parts = matches!(character, '_' | '-' | '.' | '@' | '#' | ' ');
        if begins || parts {
            end_word(&mut words, word_start);
            if !words.is_empty() && !words.ends_with(' ') {
                words.push(' ');
            }
            word_start = words.len();
        }
        if !parts {
            words.push(character);
        }
        before = character;
    }
    end_word(&mut words, word_start);
    words.truncate(words.trim_end().len());
    words
}

/// Lower case, unless all of it is in capitals.
fn end_word(words: &mut String, start: usize) {
    let word = words.get(start..).unwrap_or_default();
    if word.chars().any(char::is_lowercase) {
        let lower = word.to_lowercase();
        words.truncate(start);
        words.push_str(&lower);
    }
}

/// What an identifier is called, by who issues it: a URI, an object
/// identifier, or the short name of HL7's tables.
pub(super) fn identifier(issuer: &str) -> Cow<'static, str> {
    let issuer = issuer.trim().trim_start_matches("urn:oid:").trim_end_matches('/');
    let known = ISSUERS.iter().find(|(names, _)| {
        names.iter().any(|name| {
            issuer.eq_ignore_ascii_case(name)
                || issuer.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(name))
        })
    });
    if let Some((_, label)) = known {
        return Cow::Borrowed(label);
    }
    let last = issuer.rsplit('/').next().unwrap_or_default();
    if last.is_empty() || !last.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Cow::Borrowed("Identifier");
    }
    Cow::Owned(words(last))
}

/// A code with what it stands for: `Asthma (SNOMED CT 195967001)`.
pub(super) fn coded(display: &str, system: &str, code: &str) -> String {
    let (display, code) = (display.trim(), code.trim());
    if code.is_empty() || code == display {
        return display.to_owned();
    }
    let system = code_system(system);
    let code = if system.is_empty() { code.to_owned() } else { format!("{system} {code}") };
    if display.is_empty() { code } else { format!("{display} ({code})") }
}

fn code_system(system: &str) -> Cow<'_, str> {
    let system = system.trim().trim_start_matches("urn:oid:").trim_end_matches('/');
    let known = CODE_SYSTEMS
        .iter()
        .find(|(names, _)| names.iter().any(|name| system.eq_ignore_ascii_case(name)));
    match known {
        Some((_, name)) => Cow::Borrowed(name),
        None if system.starts_with(|c: char| c.is_ascii_digit()) => Cow::Borrowed(""),
        None => Cow::Owned(words(system.rsplit(['/', '|']).next().unwrap_or_default())),
    }
}

/// `19610304`, and what may follow of the time of day, as ISO 8601 writes it;
/// anything else as it is.
pub(super) fn date(value: &str) -> Cow<'_, str> {
    let value = value.trim();
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let fields = (value.get(..4), value.get(4..6), value.get(6..8));
    let (8 | 10 | 12 | 14, (Some(year), Some(month), Some(day))) = (digits, fields) else {
        return Cow::Borrowed(value);
    };
    match (value.get(8..10), value.get(10..12)) {
        (Some(hour), Some(minute)) if digits >= 12 => {
            Cow::Owned(format!("{year}-{month}-{day} {hour}:{minute}"))
        }
        _ => Cow::Owned(format!("{year}-{month}-{day}")),
    }
}

/// Octets of a key that are read.
pub(super) const LONGEST_KEY: usize = 200;
pub(super) const NHS_NUMBER: &str = "NHS number";
pub(super) const HOSPITAL_NUMBER: &str = "Hospital number";

/// The object identifiers stand for the NHS number verified and not, the CHI
/// number, and a local patient's number; the short names are what trusts write
/// as assigning authority or type of a number (HL7 table 0203 and UK use).
const ISSUERS: [(&[&str], &str); 8] = [
    (
        &[
            "2.16.840.1.113883.2.1.4.1",
            "2.16.840.1.113883.2.1.3.2.4.18.23",
            "nhs-number",
            "nhs-number-verified",
            "nhsnumber",
            "nhs",
            "nh",
            "nhsno",
            "nhsnbr",
            "nhsnmbr",
            "nhsnum",
            "nngbr",
        ],
        NHS_NUMBER,
    ),
    (
        &["2.16.840.1.113883.2.1.3.2.4.16.53", "chi", "chi-number", "chinumber", "chino"],
        "CHI number",
    ),
    (
        &["hsc-number", "hc-number", "hcn", "h&c", "hsc", "health-and-care-number", "hcnumber"],
        "Health and care number",
    ),
    (
        &[
            "2.16.840.1.113883.2.1.3.2.4.18.24",
            "mr",
            "mrn",
            "pas",
            "pi",
            "pt",
            "hosp",
            "hospital",
            "unit",
            "medical-record-number",
            "hospital-number",
        ],
        HOSPITAL_NUMBER,
    ),
    (
        &["ni", "nino", "national-insurance-number", "nationalinsurance"],
        "National Insurance number",
    ),
    (&["gmc", "gmc-number", "gmp"], "GMC number"),
    (&["vn", "visit-number", "encounter-number"], "Visit number"),
    (&["an", "account-number"], "Account number"),
];

const CODE_SYSTEMS: [(&[&str], &str); 6] = [
    (
        &[
            "http://snomed.info/sct",
            "2.16.840.1.113883.2.1.3.2.4.15",
            "2.16.840.1.113883.6.96",
            "sct",
            "snm",
            "snomed",
            "snomed-ct",
            "snomedct",
            "snomed ct",
        ],
        "SNOMED CT",
    ),
    (
        &[
            "http://hl7.org/fhir/sid/icd-10",
            "http://hl7.org/fhir/sid/icd-10-uk",
            "2.16.840.1.113883.6.3",
            "i10",
            "icd10",
            "icd-10",
            "icd",
        ],
        "ICD-10",
    ),
    (
        &[
            "http://read.info/readv2",
            "http://read.info/ctv3",
            "2.16.840.1.113883.2.1.6.2",
            "2.16.840.1.113883.2.1.3.2.4.14",
            "911",
            "read",
            "readv2",
            "ctv3",
        ],
        "Read",
    ),
    (&["https://dmd.nhs.uk", "dmd", "dm+d"], "dm+d"),
    (&["http://loinc.org", "2.16.840.1.113883.6.1", "ln", "loinc"], "LOINC"),
    (&["921"], "SNOMED CT"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_its_words() {
        for (key, read) in [
            ("nhsNumber", "nhs number"),
            ("NHSNumber", "NHS number"),
            ("NHS_NO", "NHS NO"),
            ("ns1:dateOfBirth", "date of birth"),
            ("patient.name", "patient name"),
            ("@extension", "extension"),
            ("DOB", "DOB"),
            ("", ""),
        ] {
            assert_eq!(words(key), read, "{key}");
        }
    }

    #[test]
    fn a_key_beyond_all_reason_is_cut_short() {
        assert_eq!(words(&"é".repeat(1000)).len(), LONGEST_KEY);
    }

    #[test]
    fn identifiers_are_called_by_their_issuers() {
        for (issuer, label) in [
            ("https://fhir.nhs.uk/Id/nhs-number", "NHS number"),
            ("2.16.840.1.113883.2.1.4.1", "NHS number"),
            ("urn:oid:2.16.840.1.113883.2.1.3.2.4.16.53", "CHI number"),
            ("https://fhir.nhs.uk/Id/hsc-number", "Health and care number"),
            ("NHS", "NHS number"),
            ("https://trust.example/Id/ward-code", "ward code"),
            ("1.2.3", "Identifier"),
            ("", "Identifier"),
        ] {
            assert_eq!(identifier(issuer), label, "{issuer}");
        }
    }

    #[test]
    fn codes_and_dates_are_read_out() {
        assert_eq!(
            coded("Asthma", "http://snomed.info/sct", "195967001"),
            "Asthma (SNOMED CT 195967001)"
        );
        assert_eq!(coded("", "SCT", "195967001"), "SNOMED CT 195967001");
        assert_eq!(coded("Asthma", "", "Asthma"), "Asthma");
        assert_eq!(date("19610304"), "1961-03-04");
        assert_eq!(date("20250301093000+0000"), "2025-03-01 09:30");
        assert_eq!(date("1961-03-04"), "1961-03-04");
        assert_eq!(date("196103"), "196103");
    }
}
