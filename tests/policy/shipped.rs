//! The policies as shipped: no fault in them, every rule with a message it
//! catches and one it lets be, and every invariant proved.

use std::path::Path;

use postern::{
    classify::TestRange,
    content::{Content, InPlace},
    decide::decide,
    gateway::{Arriving, message_facts},
    mail::{
        Arrival, AttachmentType, AuthenticationFacts, Decision, DestinationClass, Direction,
        Disposition, Kind, MessageFacts, Mode, Obligation, OpaqueReason, ReversePath, SecureTag,
        Spoof, TlsRequirement, Told,
    },
    policy::{
        Case, Context, Coverage, MessageText, Policy, Sources, Subject, diagnostics::Rendering,
        prove, read_cases,
    },
};

use super::support::{TODAY, ask, compile, message, must_compile, read_folder};

fn sources() -> Sources {
    read_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("policies"), "policies")
}

fn shipped() -> Policy {
    must_compile(compile(&sources()))
}

fn matched(decision: &Decision, rule: &str) -> bool {
    decision.matched.iter().any(|matched| matched.rule == rule)
}

#[test]
fn the_shipped_policies_have_no_fault_and_no_warning() {
    let (_, diagnostics) = compile(&sources());
    let told: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

/// Level, recipient, disposition, TLS.
#[test]
fn the_decision_table_holds() {
    use Disposition::{Hold, Reject, Relay};
    use TlsRequirement::{Encrypted, Opportunistic, Verified};
    let table = [
        (0, "friend@gmail.com", Relay, Opportunistic),
        (1, "friend@gmail.com", Relay, Opportunistic),
        (2, "friend@gmail.com", Hold, Opportunistic),
        (3, "friend@gmail.com", Hold, Verified),
        (4, "friend@gmail.com", Hold, Verified),
        (0, "gp@nhs.net", Relay, Verified),
        (3, "gp@nhs.net", Relay, Verified),
        (4, "gp@nhs.net", Relay, Verified),
        (3, "gp@nhs.scot", Relay, Verified),
        (4, "ward@cardiff.wales.nhs.uk", Relay, Verified),
        (1, "clinic@othertrust.nhs.uk", Relay, Encrypted),
        (3, "clinic@othertrust.nhs.uk", Hold, Verified),
        (0, "care@leeds.gov.uk", Relay, Encrypted),
        (3, "care@leeds.gov.uk", Relay, Verified),
        (4, "care@leeds.gov.uk", Hold, Verified),
        (0, "care@leeds.gcsx.gov.uk", Reject, Opportunistic),
        (3, "officer@met.police.uk", Relay, Verified),
        (3, "officer@met.pnn.police.uk", Relay, Verified),
        (3, "clerk@chambers.cjsm.net", Relay, Verified),
        (3, "member@parliament.uk", Relay, Verified),
        (3, "surgeon@mod.gov.uk", Relay, Verified),
        (3, "member@parliament.scot", Relay, Verified),
        (3, "member@senedd.wales", Relay, Verified),
        (1, "form@notify.service.gov.uk", Relay, Encrypted),
        (3, "form@notify.service.gov.uk", Hold, Verified),
        (3, "ward@board.scot.nhs.uk", Hold, Verified),
        (0, "clerk@town.scn.gov.uk", Reject, Opportunistic),
        (0, "desk@unit.gsi.mod.uk", Reject, Opportunistic),
        (3, "ward2@mytrust.nhs.test.example", Relay, Verified),
        (4, "ward2@mytrust.nhs.test.example", Relay, Verified),
    ];
    let policy = shipped();
    for (level, to, disposition, tls) in table {
        let decision = ask(&policy, &message(level), to);
        assert_eq!(
            (decision.disposition, decision.protection.tls),
            (disposition, tls),
            "level {level} to {to}"
        );
    }
}

#[test]
fn the_reason_names_the_recipient_and_a_way_out() {
    let decision = ask(&shipped(), &message(3), "friend@gmail.com");
    let decided_by = decision.decided_by.unwrap();
    assert_eq!(decided_by.rule, "patient data only goes where it is cleared to go");
    assert_eq!(decided_by.mode, Mode::Enforce);
    assert!(decided_by.reason.contains("friend@gmail.com is not cleared for it"));
    assert!(decided_by.reason.contains("patient-identifiable clinical"));
    assert_eq!(decision.tell, [Told::Sender, Told::Officers]);
    assert_eq!(decision.destination.class, DestinationClass::Internet);
}

#[test]
fn the_officers_mx_names_travel_with_the_decision() {
    let decision = ask(&shipped(), &message(3), "gp@nhs.net");
    let names: Vec<String> = decision.protection.mx_names.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["nhs-net.mail.protection.outlook.com", "*.nhs.net"]);
}

/// Each rule, a message it matches, and one that differs in what it asks for.
/// A rule, what it catches, and what it spares; each with its recipient.
type RuleCase<'a> = (&'a str, (MessageFacts, &'a str), (MessageFacts, &'a str));

fn from_outside(own: &str) -> Vec<RuleCase<'_>> {
    let inbound = |dmarc: &str| MessageFacts {
        direction: Direction::Inbound,
        authentication: Some(AuthenticationFacts {
            spf: "none".to_owned(),
            dkim: "none".to_owned(),
            dmarc: dmarc.to_owned(),
            arc: "none".to_owned(),
            trusted_arc: "none".to_owned(),
            ..AuthenticationFacts::default()
        }),
        ..message(0)
    };
    let failing = |asks: &str, trusted: &str| {
        let mut message = inbound("fail");
        if let Some(facts) = &mut message.authentication {
            asks.clone_into(&mut facts.dmarc_policy);
            trusted.clone_into(&mut facts.trusted_arc);
        }
        message
    };
    let carrying = |one| MessageFacts {
        attachment_types: Some([AttachmentType::Office, one].into()),
        ..inbound("pass")
    };
    let spoofed = |sign| MessageFacts { spoof: vec![sign], ..inbound("pass") };
    vec![
        (
            "mail from outside has one author",
            (spoofed(Spoof::SeveralFrom), own),
            (spoofed(Spoof::SeveralAuthors), own),
        ),
        (
            "mail from outside that claims to be ours",
            (spoofed(Spoof::LocalDomain), own),
            (spoofed(Spoof::DisplayNameAddress), own),
        ),
        (
            "mail from outside whose header deceives",
            (spoofed(Spoof::EncodedAddress), own),
            (inbound("pass"), own),
        ),
        (
            "programs do not come in by mail",
            (carrying(AttachmentType::Macro), own),
            (carrying(AttachmentType::Pdf), own),
        ),
        ("mail that fails DMARC", (inbound("fail"), own), (inbound("pass"), own)),
        (
            "mail that its claimed author asks to be refused",
            (failing("reject", "none"), own),
            (failing("quarantine", "none"), own),
        ),
        (
            "mail that fails DMARC, and passed at a sealer we trust",
            (failing("reject", "pass"), own),
            (failing("reject", "none"), own),
        ),
    ]
}

#[test]
fn every_rule_matches_what_it_says_and_nothing_else() {
    let policy = shipped();
    let plain = || message(0);
    let opaque = |reason| MessageFacts { opaque: vec![reason], ..message(0) };
    let found = |kind| MessageFacts { kinds: [(kind, 1)].into(), ..message(0) };
    let marked = |marking: &str| MessageFacts { marking: Some(marking.to_owned()), ..message(0) };
    let secure = || MessageFacts { secure_tag: SecureTag::Present, ..message(0) };
    let seen_by_all = |count| MessageFacts { visible_recipients: Some(count), ..message(0) };
    let clear = |level| MessageFacts { arrival: Arrival::Clear, ..message(level) };
    let hospice = |reason| MessageFacts {
        reverse_path: "nurse@hospice.nhs.test.example".parse().unwrap(),
        ..opaque(reason)
    };
    let (web, nhs, own) = ("a@gmail.com", "a@nhs.net", "a@mytrust.nhs.test.example");
    let encrypted = OpaqueReason::Encrypted;
    let cases = [
        ("patient data only goes where it is cleared to go", (message(2), web), (message(2), nhs)),
        ("level 3 and above travels under verified TLS", (message(3), nhs), (message(2), nhs)),
        (
            "specially protected information is known to the officers",
            (message(4), nhs),
            (message(4), own),
        ),
        (
            "a list of patients waits for an officer",
            (found(Kind::BulkPatients), nhs),
            (found(Kind::BulkPatients), own),
        ),
        (
            "what cannot be read does not go to the open internet",
            (opaque(encrypted), web),
            (opaque(OpaqueReason::Picture), web),
        ),
        ("[secure] travels under verified TLS", (secure(), nhs), (plain(), nhs)),
        ("[secure] does not go to the open internet", (secure(), web), (secure(), nhs)),
        (
            "marked documents do not go to the open internet",
            (marked("OFFICIAL-SENSITIVE: PERSONAL"), web),
            (marked("OFFICIAL"), web),
        ),
        (
            "nothing marked SECRET leaves by this service",
            (marked("SECRET"), nhs),
            (marked("OFFICIAL-SENSITIVE"), nhs),
        ),
        ("malware is refused", (found(Kind::Malware), own), (found(Kind::Yara), own)),
        (
            "retired domains are returned at once",
            (plain(), "a@homeoffice.gsi.gov.uk"),
            (plain(), "a@homeoffice.gov.uk"),
        ),
        ("mail that leaves the service carries the tag line", (plain(), web), (plain(), own)),
        ("patient data is handed over under TLS", (clear(3), nhs), (clear(2), nhs)),
        (
            "people outside do not see one another's addresses",
            (seen_by_all(20), web),
            (seen_by_all(19), web),
        ),
        (
            "the hospice sends nothing unreadable outside, even to partners",
            (hospice(encrypted), nhs),
            (opaque(encrypted), nhs),
        ),
    ];
    let cases: Vec<_> = cases.into_iter().chain(from_outside(own)).collect();
    for (rule, (caught, caught_to), (spared, spared_to)) in &cases {
        assert!(matched(&ask(&policy, caught, caught_to), rule), "{rule} misses its message");
        assert!(!matched(&ask(&policy, spared, spared_to), rule), "{rule} catches too much");
    }
    let all = "every message carries its level";
    let mut tried: Vec<&str> = cases.iter().map(|case| case.0).chain([all]).collect();
    let mut shipped: Vec<&str> = policy.rules().iter().map(|rule| rule.name.as_str()).collect();
    tried.sort_unstable();
    shipped.sort_unstable();
    assert_eq!(tried, shipped, "a rule has no case here");
}

#[test]
fn every_message_carries_its_level_and_outgoing_mail_the_tag_line() {
    let policy = shipped();
    let outgoing = ask(&policy, &message(1), "a@gmail.com").obligations;
    let level = Obligation::Header { name: "Postern-Level".to_owned(), value: "1".to_owned() };
    let tag_line = Obligation::Disclaimer(policy.disclaimer("nhs").unwrap().filled(&[], "", ""));
    assert!(outgoing.contains(&level) && outgoing.contains(&tag_line));
    let inbound = MessageFacts {
        direction: Direction::Inbound,
        reverse_path: ReversePath::Null,
        ..message(1)
    };
    let incoming = ask(&policy, &inbound, "a@mytrust.nhs.test.example");
    assert_eq!(incoming.obligations, [level]);
    assert_eq!(incoming.disposition, Disposition::Relay);
}

#[test]
fn the_tag_line_has_fifteen_narrow_lines_in_ascii() {
    let policy = shipped();
    let plain = policy.disclaimer("nhs").unwrap().filled(&[], "", "").plain.clone();
    assert_eq!(plain.lines().count(), 15);
    assert!(plain.is_ascii());
    assert!(plain.lines().all(|line| line.len() <= 72));
    assert!(plain.starts_with("****"));
}

#[test]
fn every_shipped_invariant_is_proved() {
    let policy = shipped();
    let proofs = prove(&policy, decide);
    assert_eq!(proofs.len(), policy.invariants().len());
    assert!(proofs.len() >= 5);
    for proof in proofs {
        assert!(proof.holds(), "{proof:#?}");
        assert!(proof.combinations > 0, "{} speaks of nothing", proof.invariant);
    }
}

#[test]
fn every_shipped_case_holds_and_a_wrong_one_would_not() {
    let mut sources = sources();
    sources.add(
        "tests/wrong.toml",
        b"name = \"wrong\"\nfrom = \"a@mytrust.example\"\nfacts = { level = 3 }\n\
          [[expect]]\nto = \"b@webmail.example\"\nthen = \"relay\"\ntls = \"encrypted\"\n",
    );
    sources.add(
        "tests/wrong-mail.toml",
        b"name = \"wrong\"\nfrom = \"a@mytrust.example\"\nmail = 'NHS no 999 000 0018'\n\
          level = 0\nnot_found = \"nhs_number\"\n",
    );
    let context = Context { today: TODAY, local_domains: &[], test_range: Some(TestRange::Count) };
    let policy = must_compile(Policy::compile(&sources, &context)).fully_enforced();
    let (cases, diagnostics) = read_cases(&sources);
    assert!(diagnostics.is_empty(), "{}", diagnostics.render(Rendering::Plain));
    assert!(cases.len() > 60);
    let mut coverage = Coverage::of(&policy);
    for case in cases {
        let facts = facts(&policy, &sources, &case);
        coverage.add(&case, &facts, decide);
        let failed = case.check(&policy, &facts, decide);
        let expected = if case.name == "wrong" { 2 } else { 0 };
        assert_eq!(failed.errors(), expected, "{}", failed.render(Rendering::Plain));
    }
    assert_eq!(coverage.untried(), [], "no shipped case exercises these");
}

/// As `postern test` works them out, in this process.
fn facts(policy: &Policy, sources: &Sources, case: &Case) -> MessageFacts {
    let (text, from, direction) = match &case.subject {
        Subject::Facts(facts) => return (**facts).clone(),
        Subject::Message { text, from, direction } => (text, from, *direction),
    };
    let text = match text {
        MessageText::Beside(path) => &sources.file(path).unwrap().text,
        MessageText::Inline(text) => text,
    };
    let content = Content::parse(text.replace('\n', "\r\n").into());
    let arriving = Arriving::plainly(direction, from);
    let extract = content.extract(&mut InPlace::default());
    message_facts(policy, &content, &extract, &arriving).0
}
