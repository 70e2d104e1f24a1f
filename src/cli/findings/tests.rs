//! The page of findings as an officer sees it.

use std::path::Path;

use super::*;
use crate::{
    classify::TestRange,
    cli::page::Look,
    config::read_policies,
    content::{Content, InPlace},
    gateway,
    gateway::with_crlf,
    policy::Context,
};

fn policy(test_range: Option<TestRange>) -> Policy {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let today = jiff::civil::date(2026, 11, 23);
    let context = Context { today, local_domains: &[], test_range };
    Policy::compile(&read_policies(&folder).unwrap(), &context).0.unwrap()
}

fn told(policy: &Policy, mail: &str, display: Display, extent: Extent) -> String {
    let content = Content::parse(with_crlf(mail.as_bytes().to_vec()));
    let classification = gateway::classify(policy, &content.extract(&mut InPlace::default()));
    let mut out = Vec::new();
    let mut page = Page::new(&mut out, 80, Look::Plain);
    tell(&mut page, policy, &classification, display, extent).unwrap();
    String::from_utf8(out).unwrap()
}

const LETTER: &str = "Subject: Clinic letter

Dear Dr Example,

Re: Mrs Mavis Sykes, DOB 04/03/1961, NHS No 999 000 0018
12 Acacia Road, Leeds LS2 7EB

Diagnosis: type 2 diabetes, atrial fibrillation
Medication: metformin 500 mg bd

Tel 01632 960018
";

#[test]
fn a_letter_is_explained_finding_by_finding_within_eighty_columns() {
    let policy = policy(Some(TestRange::Count));
    let page = told(&policy, LETTER, Display::Masked, Extent::FirstOfMany);
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    insta::assert_snapshot!(page);
}

#[test]
fn values_are_shown_only_where_they_are_asked_for() {
    let policy = policy(Some(TestRange::Count));
    let masked = told(&policy, LETTER, Display::Masked, Extent::All);
    let revealed = told(&policy, LETTER, Display::Revealed, Extent::All);
    for value in ["04/03/1961", "999\u{a0}000\u{a0}0018", "metformin", "Sykes"] {
        assert!(!masked.contains(value), "{masked}");
        assert!(revealed.contains(value), "{revealed}");
    }
}

#[test]
fn a_number_of_the_test_range_says_why_it_is_not_there() {
    let page = told(&policy(None), LETTER, Display::Masked, Extent::FirstOfMany);
    assert!(page.contains("1 number of the 999 test range counts for nobody"), "{page}");
    assert!(!page.contains("NHS number "), "{page}");
}

#[test]
fn of_many_alike_the_first_are_shown_and_the_rest_counted() {
    let list: String = (1..=9).map(|day| format!("Sykes,0{day}/03/1961,7\n")).collect();
    let mail = format!("Subject: List\n\nName,DOB,Ward\n{list}");
    let policy = policy(None);
    let few = told(&policy, &mail, Display::Masked, Extent::FirstOfMany);
    assert_eq!(few.matches("••/••/••61").count(), 3, "{few}");
    assert!(few.contains("6 × date of birth; see --all"), "{few}");
    let all = told(&policy, &mail, Display::Masked, Extent::All);
    assert_eq!(all.matches("••/••/••61").count(), 9, "{all}");
}

#[test]
fn what_cannot_be_read_is_said_before_what_is_found() {
    let mail = "Subject: x\nMIME-Version: 1.0\nContent-Type: application/pkcs7-mime; \
                smime-type=enveloped-data\nContent-Transfer-Encoding: base64\n\nMIAGCSqGSIb3DQEHA6CA\n";
    let page = told(&policy(None), mail, Display::Masked, Extent::FirstOfMany);
    insta::assert_snapshot!(page);
}
