//! Conditions over single facts: each where it holds, where it does not, and
//! where the fact is not known.

use std::collections::BTreeSet;

use postern::{
    decide::decide,
    mail::{Arrival, AttachmentType, Disposition, MessageFacts, Timestamp, TlsVersion},
    policy::{Policy, ProofOutcome, prove},
};

use super::support::{POLICY, ask, message, must_compile, with_files};

/// A policy that would reject whatever `when` matches, and so holds what it
/// cannot be sure of.
fn rejecting(when: &str) -> Policy {
    must_compile(with_files(&[
        ("rules.toml", &rejecting_rule(when)),
        (
            "organisations/ZZ9.toml",
            "ods = \"ZZ9\"\nname = \"A Trust\"\nsender_domains = [\"*.nhs.test.example\"]\n",
        ),
        (
            "organisations/ZZ8.toml",
            "ods = \"ZZ8\"\nname = \"B Trust\"\nsender_domains = [\"b.test.example\"]\n",
        ),
    ]))
}

fn rejecting_rule(when: &str) -> String {
    format!(
        "[[rule]]\nname = \"one\"\nwhen = {{ {when} }}\nthen = \"reject\"\nreason = \"Because.\"\n"
    )
}

fn outcome(when: &str, facts: &MessageFacts) -> Disposition {
    ask(&rejecting(when), facts, "a@elsewhere.example").disposition
}

const MATCHED: Disposition = Disposition::Reject;
const UNKNOWN: Disposition = Disposition::Hold;
const SPARED: Disposition = Disposition::Relay;

#[test]
fn an_organisation_is_known_by_its_code_and_its_senders() {
    let plain = message(0);
    assert_eq!(outcome("organisation = \"ZZ9\"", &plain), MATCHED);
    assert_eq!(outcome("organisation = [\"ZZ8\", \"ZZ9\"]", &plain), MATCHED);
    assert_eq!(outcome("organisation = \"ZZ8\"", &plain), SPARED);
    let nobody = MessageFacts { reverse_path: "".parse().unwrap(), ..message(0) };
    assert_eq!(outcome("organisation = \"ZZ9\"", &nobody), SPARED);
}

#[test]
fn clearance_is_that_of_each_destination() {
    let policy = rejecting("clearance = \">=2\"");
    let of = |to| ask(&policy, &message(0), to).disposition;
    assert_eq!(of("a@partner.example"), MATCHED);
    assert_eq!(of("a@x.council.example"), MATCHED);
    assert_eq!(of("a@elsewhere.example"), SPARED);
}

#[test]
fn what_is_attached_is_asked_by_type() {
    let with = |types: &[AttachmentType]| MessageFacts {
        attachment_types: Some(types.iter().copied().collect()),
        ..message(0)
    };
    let when = "attachment_types = [\"macro\", \"script\"]";
    assert_eq!(outcome(when, &with(&[AttachmentType::Office, AttachmentType::Macro])), MATCHED);
    assert_eq!(outcome(when, &with(&[AttachmentType::Office])), SPARED);
    assert_eq!(outcome(when, &with(&[])), SPARED);
    let unknown = MessageFacts { attachment_types: None, ..message(0) };
    assert_eq!(outcome(when, &unknown), UNKNOWN);
}

#[test]
fn visible_recipients_are_counted() {
    let seen = |visible_recipients| MessageFacts { visible_recipients, ..message(0) };
    let when = "visible_recipients = \">=20\"";
    assert_eq!(outcome(when, &seen(Some(20))), MATCHED);
    assert_eq!(outcome(when, &seen(Some(19))), SPARED);
    assert_eq!(outcome(when, &seen(None)), UNKNOWN);
}

#[test]
fn the_version_of_tls_is_that_of_the_session_and_clear_has_none() {
    let came = |arrival, tls_version| MessageFacts { arrival, tls_version, ..message(0) };
    let when = "tls_version = \"1.2\"";
    assert_eq!(outcome(when, &came(Arrival::Tls, Some(TlsVersion::Tls12))), MATCHED);
    assert_eq!(outcome(when, &came(Arrival::Tls, Some(TlsVersion::Tls13))), SPARED);
    assert_eq!(outcome(when, &came(Arrival::Clear, None)), SPARED);
    assert_eq!(outcome(when, &came(Arrival::Tls, None)), UNKNOWN);
}

#[test]
fn a_time_is_that_of_the_clock_where_it_is() {
    // Saturday the 11th of July 2026, 17:30 UTC: half past six in London.
    let at = |received_at| MessageFacts { received_at, ..message(0) };
    let moment = Some(Timestamp::from_unix_milliseconds(1_783_791_000_000));
    assert_eq!(outcome("time = { from = \"18:00\", to = \"08:00\" }", &at(moment)), MATCHED);
    assert_eq!(outcome("time = { days = \"saturday\" }", &at(moment)), MATCHED);
    assert_eq!(outcome("time = { days = [\"friday\", \"sunday\"] }", &at(moment)), SPARED);
    let utc = "time = { from = \"18:00\", to = \"08:00\", zone = \"UTC\" }";
    assert_eq!(outcome(utc, &at(moment)), SPARED);
    let either = "time = [{ days = \"sunday\" }, { from = \"18:30\" }]";
    assert_eq!(outcome(either, &at(moment)), MATCHED);
    assert_eq!(outcome(either, &at(None)), UNKNOWN);
}

/// Each in turn alone keeps an invariant from holding, and its opposite does
/// not: so the prover tells every fact apart that a rule does.
#[test]
fn the_prover_finds_what_rests_on_each_fact() {
    for (held, never) in [
        ("attachment_types = \"macro\"", "attachment_types = [\"macro\", \"script\"]"),
        ("visible_recipients = \">=20\"", "visible_recipients = \">=19\""),
        ("tls_version = \"1.2\"", "tls_version = [\"1.2\", \"1.3\"]"),
        ("organisation = \"ZZ9\"", "organisation = [\"ZZ8\", \"ZZ9\"]"),
        ("clearance = \">=3\"", "clearance = \">=2\""),
        (
            "time = { from = \"18:00\", to = \"08:00\" }",
            "time = { from = \"17:59\", to = \"08:00\" }",
        ),
        ("time = { days = \"sunday\" }", "time = { days = [\"saturday\", \"sunday\"] }"),
        (
            "time = { from = \"18:00\", zone = \"UTC\" }",
            "time = { from = \"18:00\", zone = \"Europe/London\" }",
        ),
    ] {
        let proved = |never: &str| {
            let invariant = format!(
                "[[invariant]]\nname = \"i\"\nnever = {{ {never}, disposition = \"relay\" }}\n"
            );
            let organisation = |code: &str, domain: &str| {
                format!("ods = \"{code}\"\nname = \"A Trust\"\nsender_domains = [\"{domain}\"]\n")
            };
            let policy = must_compile(with_files(&[
                ("policy.toml", &format!("{POLICY}\n{invariant}")),
                ("rules.toml", &rejecting_rule(held)),
                ("organisations/ZZ9.toml", &organisation("ZZ9", "a.test.example")),
                ("organisations/ZZ8.toml", &organisation("ZZ8", "b.test.example")),
            ]));
            prove(&policy, decide).remove(0).outcome
        };
        assert!(matches!(proved(held), ProofOutcome::Holds), "{held}");
        assert!(matches!(proved(never), ProofOutcome::Broken(_)), "{never}");
    }
}

#[test]
fn a_case_says_these_facts_in_the_same_words() {
    let mut sources = postern::policy::Sources::new("");
    sources.add(
        "tests/x.toml",
        b"name = \"n\"\nfrom = \"\"\nlevel = 0\nfacts = { tls_version = \"1.2\", \
          attachment_types = [\"macro\"], visible_recipients = 3, time = \"saturday 19:30\" }\n",
    );
    let (cases, told) = postern::policy::read_cases(&sources);
    assert_eq!(told.iter().map(ToString::to_string).collect::<Vec<_>>(), [""; 0]);
    let postern::policy::Subject::Facts(facts) = &cases[0].subject else { panic!() };
    assert_eq!(facts.attachment_types, Some(BTreeSet::from([AttachmentType::Macro])));
    assert_eq!((facts.visible_recipients, facts.tls_version), (Some(3), Some(TlsVersion::Tls12)));
    let weekend = "time = { days = \"saturday\", from = \"19:30\", to = \"19:31\" }";
    assert_eq!(outcome(weekend, facts), MATCHED);
}
