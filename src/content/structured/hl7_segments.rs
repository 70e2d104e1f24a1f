//! Fields of HL7 v2 segments, as people call them (HL7 2.4, and the UK's use of
//! it: HL7 UK A.2, NHS England ITK), and of ASTM E1394 records.

use super::labels::NHS_NUMBER;

/// What is in a field, and so how its components are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// As it stands.
    Text,
    /// An identifier with its issuer and type (CX).
    Identifier,
    /// XPN: family, given, middle, suffix, prefix.
    Name,
    /// XCN: a number, and a name after it.
    Staff,
    /// XAD
    Address,
    /// XTN
    Contact,
    /// TS, DT
    Date,
    /// CE, CWE: code, text, system.
    Coded,
}

/// What a field of a segment is called; nothing for those that nobody reads.
pub(super) fn field(segment: &str, number: usize) -> Option<(&'static str, Type)> {
    let (_, fields) = SEGMENTS.iter().find(|(name, _)| *name == segment)?;
    let (_, label, kind) = fields.iter().find(|(field, ..)| *field == number)?;
    Some((label, *kind))
}

/// The same for ASTM E1394, whose records have names of one letter.
pub(super) fn astm_field(record: &str, number: usize) -> Option<(&'static str, Type)> {
    Some(match (record, number) {
        ("P", 2..=4) => ("Patient identifier", Type::Identifier),
        ("P", 5) => ("Patient name", Type::Name),
        ("P", 7) => ("Date of birth", Type::Date),
        ("P", 8) => ("Sex", Type::Text),
        ("P", 10) => ("Address", Type::Address),
        ("P", 12) => ("Phone", Type::Contact),
        ("P", 13) => ("Attending doctor", Type::Staff),
        ("P", 18) => ("Diagnosis", Type::Text),
        ("P", 19) => ("Medication", Type::Text),
        ("O", 2 | 3) => ("Specimen number", Type::Text),
        ("O", 4) => ("Test", Type::Text),
        ("O", 13) => ("Clinical information", Type::Text),
        ("R", 2) => ("Test", Type::Text),
        ("R", 3) => ("Result", Type::Text),
        ("R", 4) => ("Units", Type::Text),
        ("C", 3) => ("Comment", Type::Text),
        _ => return None,
    })
}

type Fields = &'static [(usize, &'static str, Type)];

const SEGMENTS: [(&str, Fields); 27] = [
    (
        "MSH",
        &[
            (7, "Message date", Type::Date),
            (9, "Message type", Type::Text),
            (10, "Message id", Type::Text),
        ],
    ),
    ("EVN", &[(2, "Recorded", Type::Date), (5, "Operator", Type::Staff)]),
    (
        "PID",
        &[
            (2, "Patient identifier", Type::Identifier),
            (3, "Patient identifier", Type::Identifier),
            (4, "Patient identifier", Type::Identifier),
            (5, "Patient name", Type::Name),
            (6, "Mother's maiden name", Type::Name),
            (7, "Date of birth", Type::Date),
            (8, "Sex", Type::Text),
            (9, "Patient name", Type::Name),
            (10, "Ethnic group", Type::Coded),
            (11, "Address", Type::Address),
            (13, "Phone", Type::Contact),
            (14, "Phone", Type::Contact),
            (15, "Language", Type::Coded),
            (16, "Marital status", Type::Coded),
            (17, "Religion", Type::Coded),
            (18, "Account number", Type::Text),
            (19, NHS_NUMBER, Type::Text),
            (21, "Mother's identifier", Type::Identifier),
            (22, "Ethnic group", Type::Coded),
            (23, "Place of birth", Type::Text),
            (29, "Date of death", Type::Date),
        ],
    ),
    ("PD1", &[(3, "GP practice", Type::Text), (4, "GP", Type::Staff)]),
    (
        "NK1",
        &[
            (2, "Next of kin name", Type::Name),
            (3, "Relationship", Type::Coded),
            (4, "Address", Type::Address),
            (5, "Phone", Type::Contact),
            (6, "Phone", Type::Contact),
            (16, "Date of birth", Type::Date),
            (33, "Identifier", Type::Identifier),
        ],
    ),
    (
        "PV1",
        &[
            (2, "Patient class", Type::Text),
            (3, "Ward", Type::Text),
            (6, "Previous ward", Type::Text),
            (7, "Attending doctor", Type::Staff),
            (8, "Referring doctor", Type::Staff),
            (9, "Consulting doctor", Type::Staff),
            (10, "Specialty", Type::Text),
            (17, "Admitting doctor", Type::Staff),
            (19, "Visit number", Type::Text),
            (44, "Admitted", Type::Date),
            (45, "Discharged", Type::Date),
        ],
    ),
    ("PV2", &[(3, "Reason for admission", Type::Coded)]),
    (
        "MRG",
        &[
            (1, "Patient identifier", Type::Identifier),
            (4, "Patient identifier", Type::Identifier),
            (7, "Patient name", Type::Name),
        ],
    ),
    (
        "ORC",
        &[
            (2, "Order number", Type::Text),
            (3, "Order number", Type::Text),
            (10, "Entered by", Type::Staff),
            (12, "Ordering doctor", Type::Staff),
            (16, "Order reason", Type::Coded),
        ],
    ),
    (
        "OBR",
        &[
            (2, "Order number", Type::Text),
            (3, "Order number", Type::Text),
            (4, "Test", Type::Coded),
            (7, "Collected", Type::Date),
            (13, "Clinical information", Type::Text),
            (15, "Specimen", Type::Text),
            (16, "Requested by", Type::Staff),
            (22, "Reported", Type::Date),
            (31, "Reason for study", Type::Coded),
            (32, "Reported by", Type::Staff),
        ],
    ),
    ("NTE", &[(3, "Note", Type::Text)]),
    (
        "DG1",
        &[
            (3, "Diagnosis", Type::Coded),
            (4, "Diagnosis", Type::Text),
            (5, "Diagnosed", Type::Date),
            (16, "Diagnosed by", Type::Staff),
        ],
    ),
    (
        "AL1",
        &[
            (2, "Type of allergy", Type::Coded),
            (3, "Allergy", Type::Coded),
            (4, "Severity", Type::Coded),
            (5, "Allergic reaction", Type::Text),
        ],
    ),
    ("PRB", &[(2, "Recorded", Type::Date), (3, "Problem", Type::Coded)]),
    (
        "PR1",
        &[
            (3, "Procedure", Type::Coded),
            (4, "Procedure", Type::Text),
            (5, "Performed", Type::Date),
            (11, "Surgeon", Type::Staff),
        ],
    ),
    ("RXO", &[(1, "Medication", Type::Coded), (6, "Instructions", Type::Coded)]),
    (
        "RXE",
        &[
            (2, "Medication", Type::Coded),
            (3, "Dose", Type::Text),
            (5, "Units", Type::Coded),
            (7, "Instructions", Type::Coded),
        ],
    ),
    ("RXD", &[(2, "Medication", Type::Coded), (3, "Dispensed", Type::Date)]),
    ("RXA", &[(3, "Given", Type::Date), (5, "Medication", Type::Coded), (6, "Dose", Type::Text)]),
    ("RXR", &[(1, "Route", Type::Coded)]),
    (
        "TXA",
        &[
            (2, "Type of document", Type::Text),
            (4, "Activity", Type::Date),
            (9, "Author", Type::Staff),
            (16, "File", Type::Text),
        ],
    ),
    (
        "SCH",
        &[
            (6, "Reason for event", Type::Coded),
            (7, "Reason for appointment", Type::Coded),
            (8, "Type of appointment", Type::Coded),
            (11, "Timing", Type::Text),
            (16, "Filled by", Type::Staff),
        ],
    ),
    ("AIS", &[(3, "Service", Type::Coded), (4, "Starts", Type::Date)]),
    ("AIP", &[(3, "Staff", Type::Staff)]),
    ("SPM", &[(4, "Specimen", Type::Coded)]),
    (
        "GT1",
        &[
            (3, "Guarantor name", Type::Name),
            (5, "Address", Type::Address),
            (6, "Phone", Type::Contact),
            (8, "Date of birth", Type::Date),
        ],
    ),
    (
        "IN1",
        &[
            (16, "Insured name", Type::Name),
            (18, "Date of birth", Type::Date),
            (19, "Address", Type::Address),
            (36, "Policy number", Type::Text),
        ],
    ),
];
