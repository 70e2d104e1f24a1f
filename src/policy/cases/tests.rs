//! Reading cases.

use super::*;
use crate::mail::OpaqueReason;

fn read(text: &str) -> (Vec<Case>, Vec<String>) {
    let mut sources = Sources::new("");
    sources.add("tests/x.toml", text.as_bytes());
    let (cases, diagnostics) = read_cases(&sources);
    (cases, diagnostics.iter().map(ToString::to_string).collect())
}

#[test]
fn a_case_names_its_message_or_its_facts() {
    let head = "name = \"n\"\nfrom = \"a@x.example\"\n";
    let expect = "[[expect]]\nto = \"b@y.example\"\nthen = \"relay\"\n";
    let (cases, told) = read(&format!("{head}message = \"m.eml\"\n{expect}"));
    assert!(told.is_empty(), "{told:?}");
    let text = |case: &Case| match &case.subject {
        Subject::Message { text, .. } => Some(text.clone()),
        Subject::Facts(_) => None,
    };
    assert_eq!(text(&cases[0]), Some(MessageText::Beside("tests/m.eml".to_owned())));
    let (cases, told) = read(&format!("{head}mail = 'Subject: x'\n{expect}"));
    assert!(told.is_empty(), "{told:?}");
    assert_eq!(text(&cases[0]), Some(MessageText::Inline("Subject: x".to_owned())));
    let (cases, told) = read(&format!("{head}facts = {{ level = 3, size = 7 }}\n{expect}"));
    assert!(told.is_empty(), "{told:?}");
    assert!(matches!(&cases[0].subject, Subject::Facts(facts) if facts.size == 7));
    let (cases, told) = read(&format!("{head}{expect}"));
    assert!(cases.is_empty() && told[0].contains("case-subject"), "{told:?}");
}

#[test]
fn a_case_that_expects_nothing_is_refused() {
    let (_, told) = read("name = \"n\"\nfrom = \"\"\nfacts = {}\n");
    assert!(told[0].contains("case-expects-nothing"), "{told:?}");
}

#[test]
fn a_file_may_have_several_cases_and_what_stands_above_them_holds_for_all() {
    let two = "from = \"a@x.example\"\n[[case]]\nname = \"one\"\nmail = 'x'\nlevel = 0\n\
               [[case]]\nname = \"two\"\nfacts = { level = 3 }\nlevel = 3\n";
    let (cases, told) = read(two);
    assert!(told.is_empty(), "{told:?}");
    assert_eq!(cases.len(), 2);
    let (_, told) = read(&format!("level = 3\n{two}"));
    assert!(told[0].contains("case-several"), "{told:?}");
    let (cases, told) = read(&two.replace("from = \"a@x.example\"", ""));
    assert!(cases.is_empty() && told.len() == 2, "{told:?}");
}

#[test]
fn a_case_says_what_is_found_and_what_is_not() {
    let case = |expected: &str| {
        let (cases, told) = read(&format!("name = \"n\"\nfrom = \"\"\nmail = 'x'\n{expected}\n"));
        assert!(told.is_empty(), "{told:?}");
        let mut facts = plain_message();
        facts.level = Level::CLINICAL;
        facts.kinds.insert(Kind::NhsNumber, 1);
        facts.opaque.push(OpaqueReason::Encrypted);
        facts.marking = Some("OFFICIAL".to_owned());
        cases[0].findings.faults(&facts).len()
    };
    for (sound, unsound) in [
        ("level = 3", "level = 2"),
        ("found = [\"nhs_number\"]", "found = [\"nhs_number\", \"nino\"]"),
        ("not_found = \"nino\"", "not_found = [\"nino\", \"nhs_number\"]"),
        ("opaque = \"encrypted\"", "opaque = \"damaged\""),
        ("marking = \"OFFICIAL\"", "marking = \"SECRET\""),
    ] {
        assert_eq!((case(sound), case(unsound)), (0, 1), "{sound}");
    }
}

#[test]
fn every_fault_of_a_case_is_told() {
    let (cases, told) = read(
        "name = \"n\"\nfrom = \"a\"\nfacts = { level = 9, opaque = [\"x\"] }\n\
         [[expect]]\nto = \"b\"\nthen = \"hodl\"\n",
    );
    assert!(cases.is_empty());
    assert_eq!(told.len(), 5, "{told:#?}");
}

#[test]
fn a_case_knows_the_line_it_is_named_in() {
    let (cases, _) = read("from = \"\"\n\n[[case]]\nmail = 'x'\nname = \"n\"\nlevel = 0\n");
    assert_eq!((cases[0].path(), cases[0].line()), ("tests/x.toml", 5));
}
