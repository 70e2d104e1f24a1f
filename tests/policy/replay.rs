//! Recorded mail asked again, under policies that tighten, loosen and ask for
//! what was not recorded.

use jiff::civil::date;
use postern::{
    decide::decide,
    mail::{
        Addition, AuthenticationFacts, ChainSeal, Disposition, Domain, QueueId, RecordedDecision,
        TlsRequirement,
    },
    policy::{Cause, Change, Context, Effect, NotAsked, Policy, Replay, ReplayReport, Sources},
};

const POLICY: &str = "trusted_sealers = [\"sealer.example\"]\n[levels]\n0 = \"a\"\n1 = \"b\"\n2 = \"c\"\n3 = \"d\"\n4 = \"e\"\n";

fn policy(rules: &str) -> Policy {
    let mut sources = Sources::new("");
    sources.add("policy.toml", POLICY.as_bytes());
    sources.add("domains.toml", b"");
    sources.add("classification.toml", b"");
    sources.add("rules.toml", rules.as_bytes());
    let ours = "ods = \"ZZ9\"\nname = \"A Trust\"\nsender_domains = [\"nhs.test.example\"]\n";
    sources.add("organisations/ZZ9.toml", ours.as_bytes());
    let local: [Domain; 1] = ["nhs.test.example".parse().unwrap()];
    let context = Context { today: date(2026, 11, 22), local_domains: &local, test_range: None };
    let (policy, diagnostics) = Policy::compile(&sources, &context);
    let told: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
    policy.unwrap_or_else(|| panic!("{}", told.join("\n")))
}

fn rule(name: &str, when: &str, then: &str) -> String {
    format!("[[rule]]\nname = \"{name}\"\nwhen = {{ {when} }}\n{then}\nreason = \"Because.\"\n")
}

/// A line of the trail; `more` are further facts.
fn recorded(number: u64, level: u8, more: &str, recipients: &[&str]) -> RecordedDecision {
    let id = QueueId::from_bits(number);
    let line = format!(
        "{{\"at\":\"2026-11-22T17:12:05.123Z\",\"event\":\"decision\",\"id\":\"{id}\",\"v\":1,\
         \"policy\":\"old\",\"facts\":{{\"direction\":\"outbound\",\
         \"reverse_path\":\"dr@nhs.test.example\",\"level\":{level},\"kinds\":{{}},\
         \"marking\":null,\"secure_tag\":\"absent\",\"opaque\":[],\"authentication\":null,\
         \"arrival\":\"clear\",\"size\":312{more}}},\"recipients\":[{}]}}",
        recipients.join(",")
    );
    RecordedDecision::read(line.as_bytes()).unwrap().unwrap()
}

fn recipient(address: &str, disposition: &str, rule: &str, class: &str) -> String {
    format!(
        "{{\"recipient\":\"{address}\",\"disposition\":\"{disposition}\",\"rule\":{rule},\
         \"observed\":[],\"tls\":\"opportunistic\",\"redirect\":null,\"class\":\"{class}\",\
         \"clearance\":1}}"
    )
}

fn relayed() -> String {
    recipient("a@elsewhere.example", "relay", "null", "internet")
}

fn held() -> String {
    recipient("b@elsewhere.example", "hold", "\"old rule\"", "internet")
}

const COMPLETE: &str = ",\"attachment_types\":[\"office\"],\"visible_recipients\":2";

fn replayed(policy: &Policy, decisions: Vec<RecordedDecision>) -> ReplayReport {
    let mut replay = Replay::new(policy, decide);
    decisions.into_iter().for_each(|mut decision| replay.ask(&mut decision));
    replay.finish()
}

fn count(report: &ReplayReport, effect: &Effect, cause: &Cause) -> u64 {
    let change = Change { effect: effect.clone(), cause: cause.clone() };
    report.changes.get(&change).map_or(0, |tally| tally.copies)
}

#[test]
fn what_would_be_stopped_and_what_let_go_is_counted_by_the_rule_that_does_it() {
    let policy = policy(&rule("new rule", "level = \">=2\"", "then = \"hold\""));
    let decisions = vec![
        recorded(1, 0, COMPLETE, &[&relayed()]),
        recorded(2, 2, COMPLETE, &[&relayed(), &held()]),
        recorded(3, 0, COMPLETE, &[&held()]),
        recorded(4, 3, COMPLETE, &[&relayed()]),
    ];
    let report = replayed(&policy, decisions);
    assert_eq!((report.messages, report.copies, report.unchanged), (4, 5, 1));
    assert_eq!((report.asked, report.held_before, report.held_after), (4, 2, 2));
    let held = Effect::Disposition { from: Disposition::Relay, to: Disposition::Hold };
    let freed = Effect::Disposition { from: Disposition::Hold, to: Disposition::Relay };
    assert_eq!(count(&report, &held, &Cause::Rule("new rule".to_owned())), 2);
    assert_eq!(count(&report, &freed, &Cause::NoLonger("old rule".to_owned())), 1);
    assert_eq!(count(&report, &Effect::OtherRule, &Cause::Rule("new rule".to_owned())), 1);
    assert_eq!(report.decided_by["old"], 4);
    let tally = report.changes.values().next().unwrap();
    assert_eq!(tally.organisations["A Trust (ZZ9)"], tally.copies);
    assert_eq!(tally.examples.len() as u64, tally.messages);
    assert_eq!(report.from, report.to);
}

#[test]
fn a_journey_under_other_tls_is_told_where_the_copy_goes_on() {
    let policy = policy(&rule("tls", "level = \">=2\"", "tls = \"verified\""));
    let decisions =
        vec![recorded(1, 0, COMPLETE, &[&relayed()]), recorded(2, 2, COMPLETE, &[&relayed()])];
    let report = replayed(&policy, decisions);
    let stronger =
        Effect::Tls { from: TlsRequirement::Opportunistic, to: TlsRequirement::Verified };
    assert_eq!(count(&report, &stronger, &Cause::Policy), 1);
    assert_eq!(report.unchanged, 1);
}

#[test]
fn additions_are_compared_where_they_were_recorded() {
    let policy = policy(&rule("tag", "", "tag_subject = \"[X]\""));
    let with = |adds: &str| {
        let recipient = relayed().replace("\"clearance\":1", &format!("\"clearance\":1,{adds}"));
        recorded(1, 0, COMPLETE, &[&recipient])
    };
    let gained = Effect::Gains(Addition::TagSubject("[X]".to_owned()));
    let lost = Effect::Loses(Addition::Header("A".to_owned()));
    let report = replayed(&policy, vec![with("\"adds\":[{\"header\":\"A: b\"}]")]);
    assert_eq!(count(&report, &gained, &Cause::Policy), 1);
    assert_eq!(count(&report, &lost, &Cause::Policy), 1);
    let report = replayed(&policy, vec![with("\"adds\":[{\"tag_subject\":\"[X]\"}]")]);
    assert_eq!(report.unchanged, 1);
    assert_eq!(replayed(&policy, vec![recorded(1, 0, COMPLETE, &[&relayed()])]).unchanged, 1);
}

#[test]
fn a_copy_is_not_asked_about_where_a_rule_asks_for_what_was_not_recorded() {
    let asks = rule("macros", "attachment_types = \"macro\"", "then = \"reject\"");
    let report = replayed(&policy(&asks), vec![recorded(1, 0, "", &[&relayed()])]);
    assert_eq!(report.not_asked[&NotAsked::Fact("attachment_types")], 1);
    assert_eq!((report.asked, report.changes.len(), report.unchanged), (0, 0, 0));
    // What the rule asks for besides does not hold: the fact does not matter.
    let narrow = asks.replace("attachment_types", "level = 4, attachment_types");
    let report = replayed(&policy(&narrow), vec![recorded(1, 0, "", &[&relayed()])]);
    assert_eq!((report.unchanged, report.not_asked.len()), (1, 0));
    // Nor does a rule that only observes change anything.
    let observing = format!("{asks}mode = \"observe\"\n");
    let report = replayed(&policy(&observing), vec![recorded(1, 0, "", &[&relayed()])]);
    assert_eq!(report.unchanged, 1);
    // Nor one that is lifted whatever the fact is.
    let lifted = format!(
        "{asks}[[exemption]]\nrules = [\"macros\"]\nwhen = {{ level = 0 }}\nowner = \"A\"\n\
         reason = \"B\"\nexpires = 2027-01-01\n"
    );
    let report = replayed(&policy(&lifted), vec![recorded(1, 0, "", &[&relayed()])]);
    assert_eq!(report.unchanged, 1);
    let unsure = lifted.replace("{ level = 0 }", "{ visible_recipients = 0 }");
    let report = replayed(&policy(&unsure), vec![recorded(1, 0, "", &[&relayed()])]);
    assert_eq!(report.not_asked.len(), 1);
}

#[test]
fn what_could_not_be_told_then_is_unknown_now_too_and_no_gap() {
    let asks = rule("dmarc", "authentication = { dmarc = \"fail\" }", "then = \"reject\"");
    let report = replayed(&policy(&asks), vec![recorded(1, 0, "", &[&relayed()])]);
    let held = Effect::Disposition { from: Disposition::Relay, to: Disposition::Hold };
    assert_eq!(count(&report, &held, &Cause::Rule("dmarc".to_owned())), 1);
}

#[test]
fn who_was_ours_must_be_ours_still() {
    let ours = recipient("a@nhs.test.example", "relay", "null", "local");
    let policy = policy("");
    assert_eq!(replayed(&policy, vec![recorded(1, 0, COMPLETE, &[&ours])]).unchanged, 1);
    let theirs = recipient("a@other.test.example", "relay", "null", "local");
    let report = replayed(&policy, vec![recorded(1, 0, COMPLETE, &[&theirs])]);
    assert_eq!(report.not_asked[&NotAsked::Local], 1);
}

#[test]
fn whose_seal_is_believed_is_for_the_policy_that_is_asked() {
    let asks = rule("sealed", "authentication = { trusted_arc = \"pass\" }", "then = \"hold\"");
    let mut message = recorded(1, 0, COMPLETE, &[&relayed()]);
    message.facts.authentication = Some(AuthenticationFacts {
        trusted_arc: "none".to_owned(),
        seals: vec![ChainSeal {
            sealer: "sealer.example".parse().unwrap(),
            dmarc: Some("pass".to_owned()),
        }],
        ..AuthenticationFacts::default()
    });
    let report = replayed(&policy(&asks), vec![message]);
    let held = Effect::Disposition { from: Disposition::Relay, to: Disposition::Hold };
    assert_eq!(count(&report, &held, &Cause::Rule("sealed".to_owned())), 1);
}

#[test]
fn memory_does_not_grow_with_names_that_others_have_written() {
    let policy = policy("");
    let decisions = (0..3000).map(|number| {
        let held = held().replace("old rule", &format!("rule {number}"));
        let mut decision = recorded(number, 0, COMPLETE, &[&held]);
        decision.policy = format!("version {number}");
        decision
    });
    let report = replayed(&policy, decisions.collect());
    assert!(report.changes.len() <= 1001 && report.decided_by.len() <= 1001);
    assert_eq!(report.decided_by.values().sum::<u64>(), 3000);
    assert_eq!(report.changes.values().map(|tally| tally.copies).sum::<u64>(), 3000);
}
