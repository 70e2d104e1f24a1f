//! The laws, for whatever policies and facts there may be.

use jiff::civil::Date;
use postern::{
    decide::decide,
    mail::{
        AttachmentType, AuthenticationFacts, CanarySide, Decision, Direction, Disposition, Facts,
        Kind, MessageFacts, Mode, Obligation, OpaqueReason, RuleSeverity, SecureTag, Timestamp,
        TlsRequirement, Urgency,
    },
    policy::{Context, Policy, ProofOutcome, Rule, Sources, Verdict, condition::Asked, prove},
};
use proptest::prelude::*;

use super::support::{POLICY, ask, message, must_compile, with_files, with_rules};

const RECIPIENTS: [&str; 6] = [
    "a@partner.example",
    "a@x.council.example",
    "a@x.old.council.example",
    "a@mytrust.nhs.test.example",
    "b@partner.example",
    "a@elsewhere.example",
];

fn is_tag_line(obligation: &&Obligation) -> bool {
    matches!(obligation, Obligation::Disclaimer(_))
}

/// One rule as TOML, without its name.
fn rule() -> impl Strategy<Value = String> {
    let condition = prop::sample::select(vec![
        "direction = \"outbound\"",
        "direction = \"inbound\"",
        "level = \">=3\"",
        "level = \"1..2\"",
        "level_above_clearance = true",
        "destination = [\"internet\", \"approved\"]",
        "retired = true",
        "recipient_domain = \"*.council.example\"",
        "recipient = \"b@partner.example\"",
        "sender_domain = \"mytrust.nhs.test.example\"",
        "kinds = [\"malware\", \"nhs_number\"]",
        "kinds = { nhs_number = \">=2\" }",
        "marking = \"OFFICIAL\"",
        "secure_tag = true",
        "opaque = true",
        "opaque = [\"encrypted\"]",
        "size = \">1 MiB\"",
        "authentication = { dmarc = \"fail\" }",
        "arrival = \"clear\"",
        "tls_version = \"1.2\"",
        "clearance = \">=2\"",
        "attachment_types = [\"macro\", \"script\"]",
        "visible_recipients = \">=20\"",
        "time = { days = [\"saturday\", \"sunday\"], from = \"18:00\", to = \"08:00\" }",
    ]);
    let outcome = prop::sample::select(vec![
        "then = \"relay\"",
        "then = \"redirect\"\nredirect_to = \"smtp://portal.example:25\"",
        "then = \"defer\"",
        "then = \"hold\"",
        "then = \"reject\"",
        "tls = \"encrypted\"",
        "tls = \"verified\"",
        "disclaimer = \"tag\"",
        "add_headers = { X-Level = \"{level}\" }",
        "remove_headers = [\"X-Mailer\"]",
        "tag_subject = \"[OUTSIDE]\"",
        "tell = [\"officers\"]",
    ]);
    let mode = prop::sample::select(vec!["enforce", "enforce", "enforce", "observe"]);
    (prop::collection::vec(condition, 0..3), outcome, mode).prop_map(|(mut when, then, mode)| {
        when.sort_unstable();
        when.dedup_by_key(|condition| condition.split(' ').next().unwrap().to_owned());
        format!(
            "when = {{ {} }}\n{then}\nmode = \"{mode}\"\nreason = \"Because of {{rule}}.\"\n",
            when.join(", ")
        )
    })
}

fn rules() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(rule(), 0..6)
}

fn named(rules: &[String]) -> Vec<String> {
    let name =
        |(index, rule): (usize, &String)| format!("[[rule]]\nname = \"rule {index}\"\n{rule}");
    rules.iter().enumerate().map(name).collect()
}

fn facts() -> impl Strategy<Value = MessageFacts> {
    let verdict = prop::sample::select(vec!["pass", "fail", "temperror"]);
    let opaque =
        prop::sample::subsequence(vec![OpaqueReason::Encrypted, OpaqueReason::Picture], 0..=2);
    let attached = prop::sample::subsequence(
        vec![AttachmentType::Office, AttachmentType::Macro, AttachmentType::Script],
        0..=3,
    );
    // Hours of a fortnight in which summer time ends.
    let since = (0u64..14 * 24, attached, prop::sample::select(vec![0usize, 19, 20]));
    (0u8..5, any::<[bool; 3]>(), 0usize..3, opaque, prop::option::of(verdict), since).prop_map(
        |(level, [inbound, secure, marked], numbers, opaque, verdict, since)| MessageFacts {
            direction: if inbound { Direction::Inbound } else { Direction::Outbound },
            secure_tag: if secure { SecureTag::Present } else { SecureTag::Absent },
            marking: marked.then(|| "OFFICIAL".to_owned()),
            kinds: (numbers > 0).then_some((Kind::NhsNumber, numbers)).into_iter().collect(),
            opaque,
            authentication: verdict.map(authenticated),
            received_at: Some(Timestamp::from_unix_milliseconds(MONDAY + since.0 * 3_600_000)),
            attachment_types: Some(since.1.into_iter().collect()),
            visible_recipients: Some(since.2),
            ..message(level)
        },
    )
}

/// 19 October 2026.
const MONDAY: u64 = 1_792_368_000_000;

fn authenticated(dmarc: &str) -> AuthenticationFacts {
    AuthenticationFacts {
        spf: "pass".to_owned(),
        dkim: "pass".to_owned(),
        dmarc: dmarc.to_owned(),
        arc: "none".to_owned(),
        ..AuthenticationFacts::default()
    }
}

fn compiled(rules: &[String]) -> Policy {
    must_compile(with_rules(&rules.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// With exemptions, canaries, observing rules and a roll-out around it.
    #[test]
    fn in_any_policy_a_further_rule_only_tightens(
        (before, after) in super::random::grown(),
    ) {
        let (old, new) = (before.policy(""), after.policy(""));
        let mut looser = Vec::new();
        before.each(|message, recipient| {
            let facts = Facts { message, recipient };
            let (was, is) = (decide(&old, facts), decide(&new, facts));
            let kept = is.disposition >= was.disposition
                && is.protection.tls >= was.protection.tls
                && is.urgency >= was.urgency
                && was.tell.iter().all(|told| is.tell.contains(told))
                && was.matched.iter().all(|matched| is.matched.contains(matched));
            if !kept {
                looser.push(format!("{message:?} to {recipient}: {was:?}, {is:?}"));
            }
        });
        prop_assert!(looser.is_empty(), "{}", looser.join("\n"));
    }

    #[test]
    fn in_any_policy_the_order_of_rules_never_matters(
        written in super::random::written(),
    ) {
        let policy = written.policy("");
        let turned = must_compile(written.backwards());
        let mut differing = 0;
        written.each(|message, recipient| {
            let facts = Facts { message, recipient };
            differing += usize::from(decide(&policy, facts) != decide(&turned, facts));
        });
        prop_assert_eq!(differing, 0);
    }
}

proptest! {
    #[test]
    fn the_order_of_rules_never_matters(
        written in rules().prop_map(|rules| named(&rules)),
        seed in any::<prop::sample::Index>(),
        facts in facts(),
        to in prop::sample::select(RECIPIENTS.to_vec()),
    ) {
        let mut turned = written.clone();
        if !turned.is_empty() {
            let middle = seed.index(turned.len());
            turned.rotate_left(middle);
            turned.swap(0, middle);
        }
        let (one, other) = (compiled(&written), compiled(&turned));
        prop_assert_eq!(ask(&one, &facts, to), ask(&other, &facts, to));
    }

    #[test]
    fn another_rule_only_tightens(
        before in rules(),
        another in rule(),
        facts in facts(),
        to in prop::sample::select(RECIPIENTS.to_vec()),
    ) {
        let mut after = before.clone();
        after.push(another);
        let before = ask(&compiled(&named(&before)), &facts, to);
        let after = ask(&compiled(&named(&after)), &facts, to);
        prop_assert!(after.disposition >= before.disposition);
        prop_assert!(after.protection.tls >= before.protection.tls);
        // A narrower rule's tag line may take the place of another.
        let mut kept = before.obligations.iter().filter(|one| !is_tag_line(one));
        prop_assert!(kept.all(|one| after.obligations.contains(one)));
        let bears_one = |decision: &Decision| decision.obligations.iter().any(|one| is_tag_line(&one));
        prop_assert!(bears_one(&after) || !bears_one(&before));
        prop_assert!(before.tell.iter().all(|told| after.tell.contains(told)));
    }

    /// What the index of rules leaves out would have been silent.
    #[test]
    fn rules_are_found_by_organisation_and_direction_as_if_each_were_asked(
        written in super::random::written(),
        facts in facts(),
        from in prop::sample::select(vec![
            "a@mytrust.nhs.test.example",
            "a@x.mytrust.nhs.test.example",
            "a@x.example",
            "",
        ]),
        to in prop::sample::select(RECIPIENTS.to_vec()),
    ) {
        let policy = written.policy("");
        let facts = MessageFacts { reverse_path: from.parse().unwrap(), ..facts };
        let recipient = to.parse().unwrap();
        let asked = Asked::new(
            Facts { message: &facts, recipient: &recipient },
            policy.destination(recipient.domain()),
        );
        let speaks = |rule: &&Rule| rule.verdict(&asked) != Verdict::Silent;
        let names = |rules: Vec<&Rule>| rules.into_iter().map(|rule| rule.name.clone()).collect::<Vec<_>>();
        let each = names(policy.rules().iter().filter(speaks).collect());
        let found = names(policy.rules_for(&facts).filter(speaks).collect());
        prop_assert_eq!(each, found);
    }

    #[test]
    fn an_organisation_only_tightens(
        national in rules(),
        own in rule(),
        facts in facts(),
        to in prop::sample::select(RECIPIENTS.to_vec()),
    ) {
        let national = named(&national).concat();
        let own = format!(
            "ods = \"X1\"\nname = \"X\"\nsender_domains = [\"mytrust.nhs.test.example\"]\n\
             [[rule]]\nname = \"own\"\n{own}"
        );
        let before = must_compile(with_rules(&national));
        let after =
            must_compile(with_files(&[("rules.toml", &national), ("organisations/X1.toml", &own)]));
        let (before, after) = (ask(&before, &facts, to), ask(&after, &facts, to));
        prop_assert!(after.disposition >= before.disposition);
        prop_assert!(after.protection.tls >= before.protection.tls);
    }

    /// What the prover says holds, holds for any facts; what it says is
    /// broken, its counterexample breaks.
    #[test]
    fn the_prover_is_right(
        written in rules().prop_map(|rules| named(&rules)),
        tried in prop::collection::vec((facts(), prop::sample::select(RECIPIENTS.to_vec())), 40),
    ) {
        let invariant = "\n[[invariant]]\nname = \"i\"\nnever = { direction = \"outbound\", \
                         level = \">=2\", disposition = [\"relay\", \"hold\"], tls_below = \"verified\" }\n";
        let settings = format!("{POLICY}{invariant}");
        let policy = must_compile(with_files(&[
            ("policy.toml", &settings),
            ("rules.toml", &written.concat()),
        ]));
        let breaks = |facts: &MessageFacts, decision: &Decision| {
            facts.direction == Direction::Outbound
                && facts.level.number() >= 2
                && matches!(decision.disposition, Disposition::Relay | Disposition::Hold)
                && decision.protection.tls < TlsRequirement::Verified
        };
        match prove(&policy, decide).remove(0).outcome {
            ProofOutcome::Holds => {
                for (facts, to) in tried {
                    prop_assert!(!breaks(&facts, &ask(&policy, &facts, to)), "{:?} to {}", facts, to);
                }
            }
            ProofOutcome::Broken(example) => {
                let asked = Facts { message: &example.message, recipient: &example.recipient };
                prop_assert!(breaks(&example.message, &decide(&policy, asked)));
            }
            ProofOutcome::NotShown => prop_assert!(false, "too many combinations"),
        }
    }
}

/// One rule for half of the senders: enforced for some, observed for others.
#[test]
fn a_canary_is_enforced_for_its_share_and_observed_and_recorded_so_for_the_others() {
    let rules = "[[rule]]\nname = \"tried\"\nwhen = {}\nthen = \"hold\"\ntls = \"verified\"\n\
                 tell = [\"sender\"]\ncanary = \"50%\"\nseverity = \"high\"\nreason = \"Held.\"\n";
    let policy = must_compile(with_rules(rules));
    let mut sides = [0, 0];
    for number in 0..64 {
        let from = format!("ward{number}@mytrust.nhs.test.example").parse().unwrap();
        let facts = MessageFacts { reverse_path: from, ..message(0) };
        let decision = ask(&policy, &facts, "a@elsewhere.example");
        let [tried] = decision.matched.as_slice() else { panic!("{:?}", decision.matched) };
        assert_eq!(tried.severity, Some(RuleSeverity::High));
        let held = (Disposition::Hold, TlsRequirement::Verified, Mode::Enforce, 1);
        let passed = (Disposition::Relay, TlsRequirement::Opportunistic, Mode::Observe, 0);
        let (at, expected) = match tried.canary {
            Some(CanarySide::Within) => (0, held),
            Some(CanarySide::Beyond) => (1, passed),
            None => panic!("not recorded"),
        };
        let became =
            (decision.disposition, decision.protection.tls, tried.mode, decision.tell.len());
        assert_eq!(became, expected);
        sides[at] += 1;
    }
    assert!(sides.iter().all(|&side| side > 10), "{sides:?}");
}

const HELD_UNLESS_AUTHENTIC: &str = r#"
[[rule]]
name = "fails"
when = { authentication = { dmarc = "fail" } }
then = "reject"
reason = "Refused."
"#;

#[test]
fn what_cannot_be_evaluated_is_held_and_not_relayed() {
    let policy = must_compile(with_rules(HELD_UNLESS_AUTHENTIC));
    let with = |authentication| MessageFacts { authentication, ..message(0) };
    let to = "a@elsewhere.example";
    let of = |facts| ask(&policy, &facts, to).disposition;
    assert_eq!(of(with(Some(authenticated("pass")))), Disposition::Relay);
    assert_eq!(of(with(Some(authenticated("fail")))), Disposition::Reject);
    assert_eq!(of(with(Some(authenticated("temperror")))), Disposition::Hold);
    assert_eq!(of(with(None)), Disposition::Hold);
    let unsure = ask(&policy, &with(None), to).decided_by.unwrap();
    assert!(
        unsure.reason.starts_with("Refused.") && unsure.reason.contains("could not be checked")
    );
}

#[test]
fn an_exemption_loosens_for_whom_it_names_and_no_longer_than_it_says() {
    let rules = |expires: &str| {
        format!(
            r#"
[[rule]]
name = "held"
when = {{ direction = "outbound" }}
then = "hold"
tls = "verified"
tell = ["sender"]
reason = "Held."

[[exemption]]
rules = ["held"]
when = {{ recipient = "A@elsewhere.example" }}
owner = "A. Officer"
reason = "Agreed."
expires = {expires}
"#
        )
    };
    let lifted = must_compile(with_rules(&rules("2026-11-22")));
    let free = ask(&lifted, &message(0), "a@elsewhere.example");
    assert_eq!(free.disposition, Disposition::Relay);
    assert_eq!(free.protection.tls, TlsRequirement::Opportunistic);
    assert!(free.tell.is_empty());
    assert_eq!(free.matched[0].mode, Mode::Observe);
    assert_eq!(free.matched[0].reason, "Exempt until 2026-11-22: Agreed. (A. Officer)");
    let other = ask(&lifted, &message(0), "b@elsewhere.example");
    assert_eq!(other.disposition, Disposition::Hold);
    assert_eq!(lifted.turns_on().unwrap().to_string(), "2026-11-23");
    let expired = must_compile(with_rules(&rules("2026-11-21")));
    assert_eq!(ask(&expired, &message(0), "a@elsewhere.example").disposition, Disposition::Hold);
    assert_eq!(expired.turns_on(), None);
}

#[test]
fn an_exemption_that_cannot_be_evaluated_loosens_nothing() {
    let policy = must_compile(with_rules(
        r#"
[[rule]]
name = "held"
when = {}
then = "hold"
tell = ["sender"]
reason = "Held."

[[exemption]]
rules = ["held"]
when = { authentication = { dmarc = "pass" } }
owner = "A. Officer"
reason = "Agreed."
expires = 2027-01-01
"#,
    ));
    let held = ask(&policy, &message(0), "a@elsewhere.example");
    assert_eq!(held.disposition, Disposition::Hold);
    let passed = MessageFacts { authentication: Some(authenticated("pass")), ..message(0) };
    assert_eq!(ask(&policy, &passed, "a@elsewhere.example").disposition, Disposition::Relay);
}

#[test]
fn a_rule_takes_effect_on_its_day() {
    let policy = must_compile(with_rules(
        "[[rule]]\nname = \"later\"\nwhen = {}\ntls = \"verified\"\neffective = 2026-12-01\n",
    ));
    assert!(policy.rules().is_empty());
    assert_eq!(policy.turns_on().unwrap().to_string(), "2026-12-01");
}

/// Both named days count; the policy says when it has to be compiled anew.
#[test]
fn a_rule_counts_from_its_first_day_to_its_last() {
    let rules = "[[rule]]\nname = \"some days\"\nwhen = {}\ntls = \"verified\"\n\
                 effective = 2026-11-21\nexpires = 2026-11-23\n";
    let mut sources = Sources::new("");
    for (path, text) in [
        ("policy.toml", POLICY),
        ("domains.toml", ""),
        ("classification.toml", ""),
        ("rules.toml", rules),
    ] {
        sources.add(path, text.as_bytes());
    }
    let on = |day| {
        let today = Date::new(2026, 11, day).unwrap();
        let context = Context { today, local_domains: &[], test_range: None };
        let policy = must_compile(Policy::compile(&sources, &context));
        (policy.rules().len(), policy.turns_on().map(|turn| turn.day()))
    };
    assert_eq!([20, 21, 23, 24].map(on), [(0, Some(21)), (1, Some(24)), (1, Some(24)), (0, None)]);
}

#[test]
fn observing_stops_nothing_but_adds_all_and_keeps_the_domains_tls() {
    let settings =
        format!("{POLICY}\n[rollout]\nmode = \"observe\"\nenforce_to = [\"held.example\"]\n");
    let policy = must_compile(with_files(&[
        ("policy.toml", &settings),
        (
            "rules.toml",
            r#"
[[rule]]
name = "all at once"
when = { direction = "outbound" }
then = "hold"
tls = "verified"
fallback = "smtp://portal.example:25"
disclaimer = "tag"
add_headers = { X-Level = "{level}" }
tell = ["sender"]
reason = "Held."
"#,
        ),
    ]));
    let observed = ask(&policy, &message(3), "a@elsewhere.example");
    assert_eq!(observed.disposition, Disposition::Relay);
    assert_eq!(observed.protection.tls, TlsRequirement::Opportunistic);
    assert_eq!(observed.obligations.len(), 2);
    assert!(observed.tell.is_empty() && observed.decided_by.is_none());
    assert_eq!(observed.matched[0].mode, Mode::Observe);
    assert_eq!(observed.matched[0].disposition, Some(Disposition::Hold));
    let approved = ask(&policy, &message(3), "a@partner.example");
    assert_eq!(approved.protection.tls, TlsRequirement::Verified);
    let enforced = ask(&policy, &message(3), "a@held.example");
    assert_eq!(enforced.disposition, Disposition::Hold);
    assert_eq!(enforced.protection.tls, TlsRequirement::Verified);
    assert!(observed.fallback.is_none() && enforced.fallback.is_some());
}

#[test]
fn what_follows_on_want_of_tls_is_said_by_any_rule_that_matches_and_the_narrowest_says_where() {
    let rules = r#"
[[rule]]
name = "broad"
when = { direction = "outbound" }
fallback = "smtp://broad.example:25"

[[rule]]
name = "narrow"
when = { direction = "outbound", level = 3 }
fallback = "smtp://narrow.example:25"
urgent = true

[[rule]]
name = "only looks on"
when = { direction = "outbound", level = 2, secure_tag = false }
fallback = "smtp://observed.example:25"
urgent = true
mode = "observe"
"#;
    let policy = must_compile(with_rules(rules));
    let asked = |level| {
        let decision = ask(&policy, &message(level), "a@partner.example");
        assert_eq!(decision.disposition, Disposition::Relay);
        (decision.fallback.unwrap().to_string(), decision.urgency)
    };
    assert_eq!(asked(3), ("smtp://narrow.example:25".to_owned(), Urgency::Urgent));
    assert_eq!(asked(2), ("smtp://broad.example:25".to_owned(), Urgency::Usual));
}

#[test]
fn a_redirect_goes_where_the_rule_says_and_vouches_for_that_host_only() {
    let redirect = r#"
[[rule]]
name = "to the portal"
when = { direction = "outbound" }
then = "redirect"
redirect_to = "smtp://portal.example:25"
tls = "verified"
reason = "Redirected."
"#;
    let policy = must_compile(with_rules(redirect));
    let decision = ask(&policy, &message(3), "a@partner.example");
    assert_eq!(decision.redirect.unwrap().to_string(), "smtp://portal.example:25");
    let names: Vec<String> = decision.protection.mx_names.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["portal.example"]);
    let held = format!(
        "{redirect}\n[[rule]]\nname = \"held\"\nwhen = {{}}\nthen = \"hold\"\ntell = [\"sender\"]\nreason = \"Held.\"\n"
    );
    let policy = must_compile(with_rules(&held));
    let decision = ask(&policy, &message(3), "a@partner.example");
    assert_eq!((decision.disposition, decision.redirect), (Disposition::Hold, None));
}

/// The examples of the design, letter by letter.
#[test]
fn the_written_format_is_kept_to() {
    let rule = r#"
[[rule]]
name    = "patient data only goes where it is cleared to go"
when    = { direction = "outbound", level_above_clearance = true }
then    = "hold"
tell    = ["sender", "officers"]
mode    = "enforce"                     # observe | enforce
reason  = "This message appears to contain patient information and {recipient} is not cleared for it."
"#;
    let invariant = r#"
[[invariant]]
name  = "level 3 and above never leaves without verified TLS"
never = { direction = "outbound", level = ">=3", disposition = "relay", tls_below = "verified" }
"#;
    let settings = format!("{POLICY}{invariant}");
    let (policy, diagnostics) = with_files(&[("policy.toml", &settings), ("rules.toml", rule)]);
    assert!(diagnostics.is_empty());
    let policy = policy.unwrap();
    let held = ask(&policy, &message(3), "a@elsewhere.example");
    assert_eq!(held.disposition, Disposition::Hold);
    assert_eq!(
        held.decided_by.unwrap().reason,
        "This message appears to contain patient information and a@elsewhere.example is not \
         cleared for it."
    );
    assert!(matches!(
        prove(&policy, decide)[0].outcome,
        ProofOutcome::Broken(_) | ProofOutcome::Holds
    ));
}

/// Ten thousand domains and five hundred rules: found by hash, asked in turn.
#[test]
fn a_large_policy_decides_like_a_small_one() {
    use std::fmt::Write as _;
    let (mut domains, mut rules) = (String::new(), String::new());
    for number in 0..10_000 {
        writeln!(
            domains,
            "[[domain]]\nname = \"d{number}.example\"\nclearance = 3\ntls = \"encrypted\"\n\
             owner = \"o\"\nevidence = \"e\"\nreview = 2027-01-01"
        )
        .unwrap();
    }
    for number in 0..500 {
        writeln!(
            rules,
            "[[rule]]\nname = \"r{number}\"\nwhen = {{ direction = \"outbound\", \
             recipient_domain = \"*.x{number}.example\", level = \">=2\" }}\ntls = \"verified\""
        )
        .unwrap();
    }
    let started = std::time::Instant::now();
    let policy = must_compile(with_files(&[("domains.toml", &domains), ("rules.toml", &rules)]));
    let compiled = started.elapsed();
    let facts = message(3);
    let recipient = "a@a.b.x250.example".parse().unwrap();
    let started = std::time::Instant::now();
    for _ in 0..1000 {
        let decision = decide(&policy, Facts { message: &facts, recipient: &recipient });
        assert_eq!(decision.matched.len(), 1);
        assert_eq!(decision.protection.tls, TlsRequirement::Verified);
    }
    println!("compiled in {compiled:?}, decided in {:?}", started.elapsed() / 1000);
}

#[test]
fn the_strictest_rule_gives_the_reason_and_among_equals_the_narrowest() {
    let rule = |name: &str, when: &str, then: &str| {
        format!(
            "[[rule]]\nname = \"{name}\"\nwhen = {{ {when} }}\nthen = \"{then}\"\n\
             tell = [\"sender\"]\nreason = \"{name}.\"\nredirect_to = \"smtp://{name}.example:25\"\n"
        )
    };
    let hold = |name: &str, when: &str| rule(name, when, "hold").replace("redirect_to", "#");
    let narrow = "direction = \"outbound\", level = 3";
    let to = "a@elsewhere.example";
    // The broad rule is asked after the narrow ones, and yet decides.
    let written = [
        hold("broad", ""),
        rule("narrow", narrow, "redirect"),
        rule("narrower", &format!("{narrow}, secure_tag = false"), "redirect"),
    ];
    let held = ask(&compiled(&written), &message(3), to);
    assert_eq!(held.decided_by.unwrap().rule, "broad");
    assert_eq!(held.redirect, None);
    let redirected = ask(&compiled(&written[1..]), &message(3), to);
    assert_eq!(redirected.decided_by.unwrap().rule, "narrower");
    assert_eq!(redirected.redirect.unwrap().to_string(), "smtp://narrower.example:25");
    let narrow_hold = hold("held first", &format!("{narrow}, secure_tag = false"));
    let held =
        ask(&compiled(&[narrow_hold, rule("redirected", narrow, "redirect")]), &message(3), to);
    assert_eq!((held.disposition, held.redirect), (Disposition::Hold, None));
    // A rule that is content to relay never takes the decision from another.
    let relayed = rule("zealous", "", "relay").replace("redirect_to", "#");
    let written = [hold("broad", "direction = \"outbound\""), relayed];
    let held = ask(&compiled(&written), &message(3), to);
    assert_eq!(held.decided_by.unwrap().rule, "broad");
}

/// Everything is held, but for what an exemption lifts: however odd the facts
/// it speaks of, the prover finds a message of that kind.
#[test]
fn the_prover_finds_every_kind_of_hole() {
    let holes = [
        "level = 2",
        "level_above_clearance = true",
        "destination = \"approved\"",
        "retired = true",
        "recipient_domain = \"*.a.b.c.example\"",
        "recipient_domain = \"c.example\"",
        "recipient = \"boss@elsewhere.example\"",
        "sender_domain = \"*.trust.example\"",
        "sender = \"someone@any.example\"",
        "kinds = [\"icd10\"]",
        "kinds = { nhs_number = \"3..4\", icd10 = \">7\" }",
        "marking = \"OFFICIAL\"",
        "marking = false",
        "secure_tag = true",
        "opaque = [\"picture\"]",
        "opaque = false",
        "size = \"10 MiB..11 MiB\"",
        "authentication = { dmarc = \"fail\", arc = \"permerror\" }",
        "arrival = \"clear\"",
        "kinds = [\"yara\"], marking = \"SECRET\", size = \"<10\", recipient_domain = \"*.x.example\"",
    ];
    let settings = format!(
        "{POLICY}\n[[invariant]]\nname = \"i\"\nnever = {{ direction = \"outbound\", disposition = \"relay\" }}\n"
    );
    let held = "[[rule]]\nname = \"held\"\nwhen = {}\nthen = \"hold\"\ntell = [\"sender\"]\nreason = \"Held.\"\n";
    let outcome = |rules: &str| {
        let files = [("policy.toml", settings.as_str()), ("rules.toml", rules)];
        prove(&must_compile(with_files(&files)), decide).remove(0).outcome
    };
    assert!(matches!(outcome(held), ProofOutcome::Holds));
    for hole in holes {
        let lifted = format!(
            "{held}\n[[exemption]]\nrules = [\"held\"]\nwhen = {{ {hole} }}\nowner = \"o\"\n\
             reason = \"r\"\nexpires = 2027-01-01\n"
        );
        assert!(matches!(outcome(&lifted), ProofOutcome::Broken(_)), "missed: {hole}");
    }
}
