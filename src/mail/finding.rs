//! Findings: single pieces of evidence in a message.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One piece of evidence, fit for logs, notices and the audit trail: the
/// value is masked. The plain value never leaves `classify` but through
/// `postern classify --reveal`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which detector found it, as the policy names it.
    pub detector: String,
    pub kind: Kind,
    /// Which part of the message: `header:Subject`, or a part's path (`1.2`).
    pub part: String,
    /// Line of the decoded reading, counted from 1.
    pub line: usize,
    pub masked: Masked,
    /// 0 to 100: how sure the detector is.
    pub confidence: u8,
    /// Why it counts, in words an officer can read.
    pub why: String,
}

/// What sort of thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    NhsNumber,
    ChiNumber,
    HcNumber,
    Nino,
    HospitalNumber,
    DateOfBirth,
    PersonName,
    UkPostcode,
    Phone,
    EmailAddress,
    ClinicalTerm,
    Medication,
    SpecialCategoryTerm,
    SnomedCt,
    Icd10,
    ProtectiveMarking,
    BulkPatients,
    Malware,
    /// A rule in `policies/yara/` that names no other kind.
    Yara,
}

impl Kind {
    pub const ALL: [Self; 19] = [
        Self::NhsNumber,
        Self::ChiNumber,
        Self::HcNumber,
        Self::Nino,
        Self::HospitalNumber,
        Self::DateOfBirth,
        Self::PersonName,
        Self::UkPostcode,
        Self::Phone,
        Self::EmailAddress,
        Self::ClinicalTerm,
        Self::Medication,
        Self::SpecialCategoryTerm,
        Self::SnomedCt,
        Self::Icd10,
        Self::ProtectiveMarking,
        Self::BulkPatients,
        Self::Malware,
        Self::Yara,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::NhsNumber => "nhs_number",
            Self::ChiNumber => "chi_number",
            Self::HcNumber => "hc_number",
            Self::Nino => "nino",
            Self::HospitalNumber => "hospital_number",
            Self::DateOfBirth => "date_of_birth",
            Self::PersonName => "person_name",
            Self::UkPostcode => "uk_postcode",
            Self::Phone => "phone",
            Self::EmailAddress => "email_address",
            Self::ClinicalTerm => "clinical_term",
            Self::Medication => "medication",
            Self::SpecialCategoryTerm => "special_category_term",
            Self::SnomedCt => "snomed_ct",
            Self::Icd10 => "icd10",
            Self::ProtectiveMarking => "protective_marking",
            Self::BulkPatients => "bulk_patients",
            Self::Malware => "malware",
            Self::Yara => "yara",
        }
    }

    /// As a person says it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NhsNumber => "NHS number",
            Self::ChiNumber => "CHI number",
            Self::HcNumber => "H&C number",
            Self::Nino => "NI number",
            Self::HospitalNumber => "hospital number",
            Self::DateOfBirth => "date of birth",
            Self::PersonName => "person's name",
            Self::UkPostcode => "postcode",
            Self::Phone => "telephone",
            Self::EmailAddress => "e-mail address",
            Self::ClinicalTerm => "clinical term",
            Self::Medication => "medicine",
            Self::SpecialCategoryTerm => "protected topic",
            Self::SnomedCt => "SNOMED CT code",
            Self::Icd10 => "ICD-10 code",
            Self::ProtectiveMarking => "marking",
            Self::BulkPatients => "many patients",
            Self::Malware => "malware",
            Self::Yara => "YARA rule",
        }
    }

    /// Whose values are vocabulary or rules' names, and may be shown whole. A
    /// diagnosis beside a sender and an hour can be enough to know whose it is,
    /// so terms are masked like names (law 6).
    pub const fn names_nobody(self) -> bool {
        matches!(self, Self::ProtectiveMarking | Self::BulkPatients | Self::Malware | Self::Yara)
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// A value of which only so much is left that its owner would know it again:
/// every letter and digit but the last two becomes `•`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Masked(String);

impl Masked {
    pub fn of(value: &str) -> Self {
        let alphanumerics = value.chars().filter(|c| c.is_alphanumeric()).count();
        let hidden = alphanumerics.saturating_sub(if alphanumerics > 4 { 2 } else { 0 });
        let mut seen = 0;
        Self(
            value
                .chars()
                .map(|character| {
                    seen += usize::from(character.is_alphanumeric());
                    match character {
                        _ if character.is_alphanumeric() && seen <= hidden => '•',
                        _ if character.is_control() => ' ',
                        _ => character,
                    }
                })
                .collect(),
        )
    }

    /// A value that names nobody (a vocabulary term, a marking): shown whole.
    pub fn harmless(value: &str) -> Self {
        Self(value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Masked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A part that could not be read, which is a fact of its own (law 3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opaque {
    /// The part's path (`1.2`).
    pub part: String,
    pub reason: OpaqueReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpaqueReason {
    /// S/MIME, PGP, or an archive or document under a password.
    Encrypted,
    /// No reader for this format, or one that failed at it.
    Unreadable,
    /// Claims a format or encoding it does not keep to.
    Damaged,
    /// Over a limit of size, depth, number, time or memory.
    OverLimit,
    /// A picture, which may be a picture of text.
    Picture,
}

impl OpaqueReason {
    /// As policies and metrics write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Encrypted => "encrypted",
            Self::Unreadable => "unreadable",
            Self::Damaged => "damaged",
            Self::OverLimit => "over-limit",
            Self::Picture => "picture",
        }
    }
}

impl fmt::Display for OpaqueReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Encrypted => "encrypted",
            Self::Unreadable => "no reader can read it",
            Self::Damaged => "damaged",
            Self::OverLimit => "over a limit",
            Self::Picture => "a picture",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_keeps_the_last_two_characters_and_the_layout() {
        assert_eq!(Masked::of("999 000 0018").as_str(), "••• ••• ••18");
        assert_eq!(Masked::of("ab").as_str(), "••");
    }

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in Kind::ALL {
            assert_eq!(Kind::named(kind.name()), Some(kind));
        }
    }
}
