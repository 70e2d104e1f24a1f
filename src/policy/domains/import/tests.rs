//! What becomes of a domain of the list, whatever stands in domains.toml.

use std::sync::Arc;

use jiff::civil::date;

use super::*;
use crate::policy::{
    Context,
    diagnostics::SourceFile,
    domains::{self, accredited::ColumnTitles},
    written::Faults,
};

pub(in crate::policy::domains) fn domains(text: &str) -> Domains {
    let file = Arc::new(SourceFile { path: "domains.toml".to_owned(), text: text.to_owned() });
    let faults = Faults::new(&file);
    let context = Context { today: date(2026, 11, 22), local_domains: &[], test_range: None };
    let domains = domains::read(&faults, &[], &context);
    let diagnostics = faults.into_diagnostics();
    assert!(!diagnostics.has_errors(), "{diagnostics:?}");
    domains
}

pub(in crate::policy::domains) fn terms() -> Terms {
    Terms {
        clearance: Level::SPECIALLY_PROTECTED,
        tls: TlsRequirement::Encrypted,
        owner: Some("A. Officer".to_owned()),
        list: "DCB1596 list of 2026-11-22".to_owned(),
        review: date(2027, 11, 22),
        exchange_names: ExchangeNames::LeftOut,
    }
}

pub(in crate::policy::domains) fn import(rows: &str, text: &str) -> Import {
    let csv = format!("Organisation Name,System Type,Domain name\n{rows}");
    let list = AccreditedList::read(csv.as_bytes(), &ColumnTitles::default()).unwrap();
    Import::of(&list, &domains(text), &terms())
}

fn only(import: &Import) -> &Change {
    let [proposal] = import.proposals.as_slice() else { panic!("one domain") };
    &proposal.change
}

const REST: &str = "owner = \"A. Officer\"\nevidence = \"seen\"\nreview = 2027-01-01\n";

fn entry(name: &str, rest: &str) -> String {
    format!("[[domain]]\nname = \"{name}\"\n{rest}\n{REST}")
}

#[test]
fn a_domain_nobody_has_written_of_is_new_on_the_terms_given() {
    let import = import("X,Office 365,x.example\n", "");
    let Change::New(new) = only(&import) else { panic!("{import:?}") };
    assert_eq!(new.clearance, Level::SPECIALLY_PROTECTED);
    assert_eq!(new.evidence, "DCB1596 list of 2026-11-22, line 2: X");
    assert!(new.mx_names.is_empty() && new.note.is_none());
}

#[test]
fn exchange_names_are_vouched_for_only_where_that_is_asked_and_the_system_is_microsoft_s() {
    let csv = "Domain,System type\nx-y.example,O365/Exchange\nz.example,Exchange\n";
    let list = AccreditedList::read(csv.as_bytes(), &ColumnTitles::default()).unwrap();
    let terms = Terms { exchange_names: ExchangeNames::VouchedFor, ..terms() };
    let import = Import::of(&list, &Domains::default(), &terms);
    let names = |at: usize| match &import.proposals[at].change {
        Change::New(new) => new.mx_names.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(names(0), ["x-y-example.mail.protection.outlook.com"]);
    assert!(names(1).is_empty());
}

#[test]
fn what_an_officer_wrote_by_hand_stands_whether_it_is_more_or_less() {
    let rest = "clearance = 2\ntls = \"verified\"\nmx_names = [\"mx.x.example\"]";
    let import = import("X,,x.example\n", &entry("x.example", rest));
    let Change::Kept(why) = only(&import) else { panic!("{import:?}") };
    assert!(why.contains("line 2: clearance 2; the list would give 4"), "{why}");
    assert!(why.contains("TLS verified is stricter"), "{why}");
    assert!(import.is_nothing() && import.gone.is_empty());
}

#[test]
fn a_retired_domain_and_all_below_it_stay_retired() {
    let retired = "[[domain]]\nname = \"*.old.example\"\nretired = \"closed\"\n\
                   owner = \"A\"\nevidence = \"b\"\n";
    let import = import("X,,x.old.example\n", retired);
    let Change::Kept(why) = only(&import) else { panic!("{import:?}") };
    assert_eq!(why, "`*.old.example` is retired in line 2: closed");
}

#[test]
fn a_wildcard_s_stricter_tls_goes_on_for_the_new_entry_below_it() {
    let wide = entry("*.nhs.uk", "clearance = 1\ntls = \"verified\"\nvouched_by = \"mta-sts\"");
    let import = import("X,,x.nhs.uk\n", &wide);
    let Change::New(new) = only(&import) else { panic!("{import:?}") };
    assert_eq!((new.clearance.number(), new.tls), (4, TlsRequirement::Verified));
    assert!(
        new.note.as_deref().unwrap().contains("narrower than `*.nhs.uk` (clearance 1, verified)")
    );
}

#[test]
fn a_wildcard_that_gives_as_much_covers_and_one_that_vouches_for_names_is_left_to_a_person() {
    let wide = entry("*.a.example", "clearance = 4\ntls = \"verified\"\nvouched_by = \"mta-sts\"");
    let named =
        entry("*.b.example", "clearance = 1\ntls = \"verified\"\nmx_names = [\"mx.b.example\"]");
    let import = import("X,,x.a.example\nY,,y.b.example\n", &format!("{wide}{named}"));
    let why = |at: usize| match &import.proposals[at].change {
        Change::Kept(why) => why.clone(),
        other => panic!("{other:?}"),
    };
    assert!(why(0).ends_with("covers it already"), "{}", why(0));
    assert!(why(1).ends_with("write this entry by hand"), "{}", why(1));
}

#[test]
fn an_entry_of_an_earlier_list_is_renewed_and_one_the_list_has_no_longer_is_gone() {
    let of_list = |name: &str, list: &str| {
        format!(
            "[[domain]]\nname = \"{name}\"\nclearance = 3\ntls = \"encrypted\"\nowner = \"A. Officer\"\n\
             evidence = \"{list}\"\nreview = 2026-12-01\n"
        )
    };
    let text = [
        of_list("x.example", "DCB1596 list of 2025-11-22, line 7: X"),
        of_list("same.example", "DCB1596 list of 2026-11-22, line 3: Same"),
        of_list("y.example", "DCB1596 list of 2025-11-22, line 8: Y"),
        of_list("hand.example", "seen on the DCB1596 list"),
    ]
    .concat();
    let import = import("X,,x.example\nSame,,same.example\n", &text);
    let Change::Renewed(fields) = &import.proposals[0].change else { panic!("{import:?}") };
    let keys: Vec<_> = fields.iter().map(|field| field.key).collect();
    assert_eq!(keys, ["evidence", "review"], "clearance and TLS are the officer's");
    assert_eq!(import.proposals[1].change, Change::Unchanged);
    let gone: Vec<_> = import.gone.iter().map(|gone| (gone.name.to_string(), gone.line)).collect();
    assert_eq!(gone, [("y.example".to_owned(), 16)]);
}
