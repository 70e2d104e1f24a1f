//! Whose tag line a copy bears, and that each copy bears its own.

use bytes::Bytes;
use postern::{
    config::Node,
    content::{Content, InPlace},
    gateway::{Fate, Group, Marking, Workshop, judge},
    mail::{
        Decision, Direction, Envelope, Notice, Obligation, Origin, Protected, Protocol, QueueId,
        Recipient, Submission, Timestamp,
    },
    policy::{Policy, plain_moment},
    transform::{PassageKey, Signer, Trail},
};

use super::support::{ask, message, must_compile, with_files};

const RULES: &str = r#"
[[rule]]
name = "all that leaves"
when = { direction = "outbound" }
disclaimer = "tag"

[[rule]]
name = "to partners"
when = { direction = "outbound", destination = "approved" }
disclaimer = "partner"

[[rule]]
name = "clinical to partners"
when = { direction = "outbound", destination = "approved", level = ">=3" }
disclaimer = "clinical"

[[rule]]
name = "watched"
when = { direction = "outbound", destination = "approved", level = ">=3", retired = false }
disclaimer = "tag"
mode = "observe"
"#;

fn policy(rules: &str) -> Policy {
    must_compile(with_files(&[
        ("rules.toml", rules),
        ("disclaimers/partner.txt", "Between partners.\n"),
        ("disclaimers/partner.html", "<p lang=\"en\">Between partners.</p>\n"),
        ("disclaimers/clinical.txt", "Clinical, between partners.\n"),
        ("disclaimers/clinical.html", "<p lang=\"en\">Clinical, between partners.</p>\n"),
    ]))
}

fn tag_lines(decision: &Decision) -> Vec<&str> {
    let names = decision.obligations.iter().filter_map(|obligation| match obligation {
        Obligation::Disclaimer(disclaimer) => Some(disclaimer.name.as_str()),
        _ => None,
    });
    names.collect()
}

#[test]
fn the_narrowest_rule_s_tag_line_is_the_only_one_and_it_is_told_which_gave_way() {
    let policy = policy(RULES);
    assert_eq!(tag_lines(&ask(&policy, &message(1), "a@elsewhere.example")), ["tag"]);
    assert_eq!(tag_lines(&ask(&policy, &message(1), "a@partner.example")), ["partner"]);
    let clinical = ask(&policy, &message(3), "a@partner.example");
    assert_eq!(tag_lines(&clinical), ["clinical"]);
    let [choice] = clinical.choices.as_slice() else { panic!("{:?}", clinical.choices) };
    assert_eq!(
        (choice.notice, choice.chosen.rule.as_str()),
        (Notice::TagLine, "clinical to partners")
    );
    let gave_way: Vec<_> = choice.gave_way.iter().map(|wording| wording.name.as_str()).collect();
    assert_eq!(gave_way, ["partner", "tag"]);
}

#[test]
fn of_rules_as_narrow_as_each_other_the_last_by_name_is_taken_wherever_it_stands() {
    let rule = |name: &str, tag_line: &str| {
        format!("[[rule]]\nname = \"{name}\"\nwhen = {{}}\ndisclaimer = \"{tag_line}\"\n")
    };
    let (a, b) = (rule("a", "partner"), rule("b", "clinical"));
    for rules in [format!("{a}{b}"), format!("{b}{a}")] {
        let decision = ask(&policy(&rules), &message(1), "a@partner.example");
        assert_eq!(tag_lines(&decision), ["clinical"]);
    }
}

fn submission(recipients: &[&str]) -> Submission {
    Submission {
        envelope: Envelope {
            reverse_path: "ward@mytrust.nhs.test.example".parse().unwrap(),
            recipients: recipients
                .iter()
                .map(|to| Recipient::from(to.parse::<postern::mail::Address>().unwrap()))
                .collect(),
            body: Default::default(),
            encoding: Default::default(),
            requests: Default::default(),
        },
        content: Bytes::from_static(b"From: ward@mytrust.nhs.test.example\r\n\r\nhello\r\n"),
        origin: Origin {
            listener: "test".to_owned(),
            direction: Direction::Outbound,
            client: [127, 0, 0, 1].into(),
            helo: "localhost".to_owned(),
            protocol: Protocol::Esmtp,
            tls: None,
            authenticated: None,
            certified: None,
            forwarded: None,
        },
    }
}

/// What the queue is given: who gets which message.
fn copies(policy: &Policy, recipients: &[&str]) -> Vec<(Vec<String>, String)> {
    let submission = submission(recipients);
    let content = Content::parse(submission.content.clone());
    let extract = content.extract(&mut InPlace::default());
    let judgement = judge(policy, &submission, content, &extract, None, plain_moment());
    let Fate::Taken(groups) = judgement.fate() else { panic!("refused") };
    let node = Node {
        name: "gw.test.example".parse().unwrap(),
        data_dir: Default::default(),
        policies: Default::default(),
        local_domains: Vec::new(),
        control_group: None,
        control_socket: Default::default(),
        passage_key: Default::default(),
        user: None,
        confinement: Default::default(),
    };
    let now = Timestamp::from_unix_milliseconds(1_795_367_525_123);
    let signer = Signer::default();
    let key = PassageKey::new(&[7; 32]).unwrap();
    let workshop = Workshop {
        node: &node,
        policy,
        signer: &signer,
        now,
        id: QueueId::from_bits(1),
        submission: &submission,
        authentication: None,
        judgement: &judgement,
        marking: Some(Marking { key: &key, trail: Trail::default() }),
    };
    let copy = |group: &Group| {
        let id = QueueId::from_bits(u64::try_from(group.recipients.len()).unwrap());
        let message = workshop.copy(id, group).unwrap().into_bytes();
        // The mark is of what has been supplied, too.
        let passed = key.trail(&Content::parse(message.clone()), Direction::Outbound);
        assert_eq!((passed.same, passed.forged), (1, 0));
        let entry = workshop.entry(id, group, message.len());
        let to = entry.recipients.iter().map(|one| one.address.to_string()).collect();
        (to, String::from_utf8(message.to_vec()).unwrap())
    };
    groups.iter().map(copy).collect()
}

#[test]
fn recipients_of_different_tag_lines_get_different_copies_and_each_copy_is_kept_once() {
    let policy = policy(RULES);
    let to =
        ["a@elsewhere.example", "a@partner.example", "b@partner.example", "b@elsewhere.example"];
    let copies = copies(&policy, &to);
    let [(outside, plain), (partners, partner)] = copies.as_slice() else { panic!("{copies:?}") };
    assert_eq!(outside, &["a@elsewhere.example", "b@elsewhere.example"]);
    assert!(plain.ends_with("hello\r\n\r\nConfidential.\r\n"), "{plain}");
    // Answers to either are of one thread.
    let id = "\r\nMessage-ID: <0000000000001.1795367525123@gw.test.example>\r\n";
    assert!(plain.contains(id) && partner.contains(id), "{plain}{partner}");
    assert_eq!(partners, &["a@partner.example", "b@partner.example"]);
    assert!(partner.ends_with("hello\r\n\r\nBetween partners.\r\n"), "{partner}");
}

#[test]
fn a_banner_speaks_to_its_reader_and_a_tag_line_for_the_sender() {
    let own =
        "ods = \"X1\"\nname = \"Our Trust\"\nsender_domains = [\"mytrust.nhs.test.example\"]\n";
    let policy = must_compile(with_files(&[
        (
            "rules.toml",
            "[[rule]]\nname = \"both\"\nwhen = {}\nbanner = \"whose\"\ndisclaimer = \"whose\"\n\
             tag_subject = \"[EXTERNAL]\"\nstrip_subject = [\"[secure]\"]\n\
             protected = { automatic = \"wrap\", signed = \"leave\" }\n",
        ),
        ("organisations/X1.toml", own),
        ("disclaimers/whose.txt", "Of {organisation}.\n"),
        ("disclaimers/whose.html", "<p lang=\"en\">Of {organisation}.</p>\n"),
    ]));
    let told = |to: &str| -> Vec<String> {
        let decision = ask(&policy, &message(1), to);
        let words = decision.obligations.iter().map(|obligation| match obligation {
            Obligation::Disclaimer(text) => format!("below: {}", text.plain),
            Obligation::Banner(text) => format!("above: {}", text.plain),
            other => format!("{other:?}"),
        });
        words.collect()
    };
    let rest = ["Wrap([Automatic])", "TagSubject(\"[EXTERNAL]\")", "StripSubject(\"[secure]\")"];
    let within = ["below: Of Our Trust.", "above: Of Our Trust."];
    assert_eq!(told("b@mytrust.nhs.test.example"), [&within[..], &rest].concat());
    let outward = told("a@elsewhere.example");
    assert_eq!(outward[0], "below: Of Our Trust.");
    assert!(outward[1].starts_with("above: Of ") && outward[1] != within[1], "{outward:?}");
}

#[test]
fn what_people_have_sealed_is_wrapped_without_being_named() {
    let rule = "[[rule]]\nname = \"x\"\nwhen = {}\ndisclaimer = \"partner\"\nprotected = ";
    let wrapped = |written: &str| {
        let decision =
            ask(&policy(&format!("{rule}{written}\n")), &message(1), "a@partner.example");
        decision.obligations.into_iter().find_map(|obligation| match obligation {
            Obligation::Wrap(classes) => Some(classes),
            _ => None,
        })
    };
    assert_eq!(wrapped("\"wrap\""), Some(vec![Protected::Signed, Protected::Encrypted]));
    assert_eq!(wrapped("\"leave\""), None);
    let named = wrapped("{ calendar = \"wrap\", encrypted = \"leave\" }");
    assert_eq!(named, Some(vec![Protected::Calendar]));
}
