//! The shipped files, held to what they are for: messages and the level each
//! must get. All people are invented; numbers are of the 999 test range,
//! which is made to count.

use std::sync::Arc;

use proptest::prelude::*;

use super::{ClassificationFiles, compile, read};
use crate::{
    classify::{Classification, Classifier, Expectation, Input, Part, TestRange},
    content::{OffsetMap, Reading, ReadingKind},
    mail::{Kind, Level, Opaque, OpaqueReason},
    policy::diagnostics::{Rendering, SourceFile},
};

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        vec![$(Arc::new(SourceFile {
            path: concat!("policies/", $name).to_owned(),
            text: include_str!(concat!("../../../policies/", $name)).to_owned(),
        })),*]
    };
}

fn files() -> ClassificationFiles {
    ClassificationFiles {
        classification: shipped!["classification.toml"].remove(0),
        detectors: shipped![
            "detectors/codes.toml",
            "detectors/contact.toml",
            "detectors/patient-numbers.toml",
            "detectors/people.toml",
        ],
        terms: shipped![
            "terms/conditions.toml",
            "terms/diseases.toml",
            "terms/findings.toml",
            "terms/medication.toml",
            "terms/medicines.toml",
            "terms/not-clinical.toml",
            "terms/ordinary-words.toml",
            "terms/short-forms.toml",
            "terms/special.toml",
        ],
        yara: shipped!["yara/clinical-documents.yar", "yara/malware.yar"],
    }
}

fn classifier() -> Classifier {
    let (settings, faults) = read(&files());
    assert!(faults.is_empty(), "{}", faults.render(Rendering::Plain));
    Classifier::new(&crate::classify::Settings { test_range: TestRange::Count, ..settings })
        .unwrap()
}

fn reading(part: &str, text: &str) -> Reading {
    let mut map = OffsetMap::default();
    map.push(0, 0);
    Reading { part: part.to_owned(), kind: ReadingKind::Plain, text: text.to_owned(), map }
}

fn classify(classifier: &Classifier, text: &str) -> Classification {
    let readings = [reading("1", text)];
    classifier.classify(&Input { readings: &readings, ..Input::default() })
}

#[test]
fn the_shipped_files_compile_and_hold_to_their_examples() {
    let compiled = compile(&files(), None);
    assert!(compiled.is_ok(), "{}", compiled.err().unwrap().render(Rendering::Plain));
}

#[test]
fn every_shipped_detector_and_list_shows_what_it_must_find_and_what_not() {
    let (settings, _) = read(&files());
    let detectors = settings.detectors.iter().map(|detector| (&detector.name, &detector.examples));
    let lists = settings.lists.iter().map(|list| (&list.name, &list.examples));
    for (name, examples) in detectors.chain(lists) {
        for wanted in [Expectation::Match, Expectation::NoMatch] {
            let has = examples.iter().any(|example| example.expectation == wanted);
            assert!(has, "“{name}” has no example of {wanted:?}");
        }
    }
}

#[test]
fn a_heading_beats_the_word_in_the_cell_beside_it() {
    let classifier = classifier();
    let kinds = |text: &str| classify(&classifier, text).kinds;
    let table =
        "Name,NHS No,DOB,Notes\nA Sykes,9990000018,04/03/1961,x\nB Sykes,9990000026,05/03/1962,y\n";
    assert_eq!(kinds(table).get(&Kind::DateOfBirth), Some(&2));
    assert_eq!(kinds(table).get(&Kind::NhsNumber), Some(&2));
    let orders = "NHS trust\tOrder\tBoxes\nLeeds\t9990000018\t7\nYork\t9990000026\t9\n";
    assert_eq!(kinds(orders).get(&Kind::NhsNumber), None);
    // Beside it in the same cell a word says more than the heading.
    let said = "NHS No,Notes,Ward\n9990000018,order 9990000026,7\n9990000034,x,8\n";
    assert_eq!(kinds(said).get(&Kind::NhsNumber), Some(&2));
}

#[test]
fn a_slip_of_a_listed_word_counts_for_less_and_a_name_or_an_ordinary_word_does_not() {
    let classifier = classifier();
    let slips = |text: &str| {
        let found = classify(&classifier, text).findings;
        let slips = found.into_iter().filter_map(|found| Some((found.meant?, found.weight?)));
        slips.collect::<Vec<_>>()
    };
    let meant = |word: &str| vec![(word.to_owned(), 1)];
    assert_eq!(slips("started on metfromin"), meant("metformin"));
    assert_eq!(slips("Pnuemonia again"), meant("pneumonia"));
    assert_eq!(slips("PNUEMONIA again"), meant("pneumonia"));
    for text in
        ["by mediation of the patent office", "Jane Pnuemonia", "no pnuemonia", "metformin", "x9z"]
    {
        assert_eq!(slips(text), [], "{text}");
    }
    // What only helps to read a number must be written right.
    let number = |text: &str| classify(&classifier, text).kinds.contains_key(&Kind::NhsNumber);
    assert!(number("identifier 9990000018") && !number("identifeir 9990000018"));
}

#[test]
fn messages_get_the_level_they_must() {
    let classifier = classifier();
    for (level, text) in [
        (0, "The car park closes at noon."),
        (0, "Invoice no. 999 000 0018 is due. Run for Diabetes UK this weekend!"),
        (0, "Our policy on type 2 diabetes, asthma and HIV was updated in June."),
        (1, "Please call Jane Example on 01632 960018 about the meeting."),
        (2, "Jane Example, NI number AB 12 34 56 C, starts on Monday."),
        (2, "Please merge the records of NHS no 999 000 0018."),
        (2, "Mrs Jane Example, DOB 04/03/1961, has moved."),
        (2, "OFFICIAL-SENSITIVE: minutes of the board"),
        (3, "NHS no: 999 000 0018. Type 2 diabetes, on metformin."),
        (3, "NHS no 999 000 0018, asthma"),
        (3, "Could you see Alfie Sykes 04/03/2015 about his asthma?"),
        (3, "Mavis Sykes was born on the third of May 1961. She has asthma."),
        (2, "Karen Holroyd from payroll has breast cancer."),
        (1, "Minutes by Alfie Sykes on 01632 960018, 04/03/2015: asthma nurses"),
        (3, "Re: Mrs Jane Example, born 4 March 1961. Seen with atrial fibrillation."),
        (3, "Patient: Jane Example\nMRN: A123456\nadmitted with pneumonia"),
        (4, "NHS number 999-000-0018, HIV positive, seen at the GUM clinic"),
        (4, "Patient: Jane Example, DOB 04/03/1961. Detained under section 3 MHA."),
    ] {
        let found = classify(&classifier, text);
        assert_eq!(found.level.number(), level, "{text}\n{:#?}\n{:#?}", found.why, found.findings);
    }
}

#[test]
fn what_stands_in_different_parts_counts_together() {
    let readings =
        [reading("header:Subject", "NHS no 999 000 0018"), reading("1", "Her asthma is worse.")];
    let found = classifier().classify(&Input { readings: &readings, ..Input::default() });
    assert_eq!(found.level, Level::CLINICAL);
    assert_eq!(found.findings.first().unwrap().finding.part, "header:Subject");
}

#[test]
fn a_subject_is_the_beginning_of_the_text_and_so_is_the_name_of_a_file() {
    let level = |over: Reading, text: &str| {
        let readings = [over, reading("2", text)];
        classifier().classify(&Input { readings: &readings, ..Input::default() }).level
    };
    let subject = || reading("header:Subject", "Jane Example MRN A123456");
    assert_eq!(level(subject(), "Biopsy: invasive lobular carcinoma."), Level::CLINICAL);
    assert_ne!(level(subject(), "The lift is out of order."), Level::CLINICAL);
    let name = |part: &str| Reading {
        kind: ReadingKind::Header,
        ..reading(part, "Jane Example MRN A123456.docx")
    };
    assert_eq!(level(name("2"), "Biopsy: invasive lobular carcinoma."), Level::CLINICAL);
    assert_ne!(level(name("3"), "Biopsy: invasive lobular carcinoma."), Level::CLINICAL);
}

#[test]
fn a_finding_says_where_it_stands_and_why_it_counts_and_hides_its_value() {
    let found = classify(&classifier(), "Dear all,\n\nNHS no: 999 000 0018");
    let number = &found.findings.first().unwrap();
    assert_eq!(number.finding.kind, Kind::NhsNumber);
    assert_eq!(number.finding.line, 3);
    assert_eq!(number.finding.masked.as_str(), "••• ••• ••18");
    assert!(number.finding.why.contains("“NHS no” before it (+60)"), "{}", number.finding.why);
    assert_eq!(number.value, "999 000 0018");
    assert_eq!(number.source, Some(19..31));
    assert!(!format!("{found:?}").contains("999 000"), "{found:?}");
}

#[test]
fn what_is_left_out_says_what_spoke_against_it() {
    let readings = [reading("1", "Order no. 999 000 0018; NHS no 999 000 0026")];
    let left_out = classifier().left_out(&readings);
    let values: Vec<_> = left_out.iter().map(|found| found.value.as_str()).collect();
    assert!(values.contains(&"999 000 0018") && !values.contains(&"999 000 0026"), "{values:?}");
    let order = left_out.iter().find(|found| found.value == "999 000 0018").unwrap();
    assert!(order.finding.why.contains("“Order no” before it (-70)"), "{}", order.finding.why);
    assert!(order.finding.confidence < 50);
}

#[test]
fn numbers_of_the_test_range_are_nobodys_as_shipped() {
    let classifier = compile(&files(), None).unwrap();
    let found = classify(&classifier, "NHS no: 999 000 0018, DOB 04/03/1961, asthma");
    assert_eq!(found.level, Level::NOTHING_PERSONAL);
    assert_eq!(found.kinds.get(&Kind::DateOfBirth), None, "it is the test patient's");
    assert_eq!(found.test_numbers, 1);
}

#[test]
fn twenty_five_patients_are_bulk_and_twenty_four_are_not() {
    let classifier = classifier();
    let list = |count: usize| {
        let numbers = (0_u32..).map(|number| format!("999000{number:04}")).filter(|number| {
            let sum: u32 = number
                .bytes()
                .zip((1..=10).rev())
                .map(|(digit, weight)| u32::from(digit - b'0') * weight)
                .sum();
            sum.is_multiple_of(11)
        });
        let rows: String =
            numbers.take(count).map(|number| format!("{number},ward 7,bed\n")).collect();
        format!("nhs number,ward,bed\n{rows}")
    };
    let (few, many) = (classify(&classifier, &list(24)), classify(&classifier, &list(25)));
    assert_eq!((few.patients, few.level), (24, Level::PERSONAL));
    assert_eq!((many.patients, many.level), (25, Level::SPECIALLY_PROTECTED));
    assert_eq!(many.kinds.get(&Kind::BulkPatients), Some(&1));
}

#[test]
fn the_scanners_test_file_is_malware_and_opaque_parts_are_passed_on() {
    let content =
        concat!("X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-", "STANDARD-ANTIVIRUS-TEST-FILE!$H+H*");
    let parts = [Part { path: "2", content: content.as_bytes() }];
    let opaque = [Opaque { part: "3".to_owned(), reason: OpaqueReason::Encrypted }];
    let found =
        classifier().classify(&Input { parts: &parts, opaque: &opaque, ..Input::default() });
    assert_eq!(found.kinds.get(&Kind::Malware), Some(&1));
    assert_eq!(found.opaque, opaque);
}

/// Were the cost of any of these quadratic, this would take minutes.
#[test]
fn long_lines_of_nothing_but_triggers_end() {
    let classifier = classifier();
    for piece in [
        "9990000018,",
        "thanks ",
        "kind regards, ",
        "no asthma\t",
        "DOB 1961-03-04;",
        "Mr Example ",
        "a@b.c ",
    ] {
        let text = format!("x,y\tz;\n{}", piece.repeat(300_000 / piece.len()));
        let found = classify(&classifier, &text);
        assert!(found.level <= Level::SPECIALLY_PROTECTED, "{piece}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_written_every_finding_is_a_piece_of_it(
        pieces in proptest::collection::vec(
            prop_oneof![
                "\\PC{0,12}",
                Just("NHS no 999 000 0018".to_owned()),
                Just("\u{FF19}99\u{A0}000\u{200B}0018".to_owned()),
                Just("DOB 4 March 1961".to_owned()),
                Just("Mrs Jane Ëxample\tpatient: asthma".to_owned()),
                Just("Kind regards".to_owned()),
                Just("\r\n".to_owned()),
                "[0-9 .,|\t-]{0,20}",
            ],
            0..20,
        )
    ) {
        let text = pieces.concat();
        let found = SHIPPED.with(|classifier| classify(classifier, &text));
        for found in found.findings {
            let source = found.source.unwrap();
            prop_assert_eq!(text.get(source), Some(found.value.as_str()));
        }
    }
}

thread_local! {
    static SHIPPED: Classifier = classifier();
}
