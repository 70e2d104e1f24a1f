//! Small policies made at random, and every combination of facts that they can
//! tell apart: what reasoning says of all messages is held against each.

use postern::{
    mail::{
        Address, Arrival, AttachmentType, AuthenticationFacts, Direction, Facts, Kind, Level,
        MessageFacts, OpaqueReason, SecureTag, Spoof, Timestamp, TlsVersion,
    },
    policy::{Policy, diagnostics::Diagnostics},
};
use proptest::prelude::*;

use super::support::{POLICY, message, with_files};

/// So long after the beginning of a week in winter, a Monday.
fn hour(after: u64) -> Timestamp {
    let monday = 1_793_577_600_000; // 2026-11-02T00:00:00Z
    Timestamp::from_unix_milliseconds(monday + after * 3_600_000)
}

/// What a condition can be written about, and all it can tell apart.
struct Family {
    conditions: &'static [&'static str],
    facts: &'static [fn(&mut MessageFacts, &mut Address)],
}

fn verdict(message: &mut MessageFacts, dmarc: &str) {
    message.authentication = Some(AuthenticationFacts {
        spf: "pass".to_owned(),
        dmarc: dmarc.to_owned(),
        ..AuthenticationFacts::default()
    });
}

fn to(address: &str) -> Address {
    address.parse().unwrap()
}

const FAMILIES: [Family; 11] = [
    Family {
        conditions: &["level = \">=3\"", "level = \"1..2\"", "level_above_clearance = true"],
        facts: &[
            |message, _| message.level = Level::try_from(0).unwrap(),
            |message, _| message.level = Level::try_from(1).unwrap(),
            |message, _| message.level = Level::try_from(2).unwrap(),
            |message, _| message.level = Level::try_from(3).unwrap(),
            |message, _| message.level = Level::try_from(4).unwrap(),
        ],
    },
    Family {
        conditions: &[
            "destination = [\"internet\", \"approved\"]",
            "destination = \"internet\"",
            "retired = true",
            "recipient_domain = \"*.council.example\"",
            "recipient = \"b@partner.example\"",
        ],
        facts: &[
            |_, recipient| *recipient = to("a@partner.example"),
            |_, recipient| *recipient = to("b@partner.example"),
            |_, recipient| *recipient = to("a@x.council.example"),
            |_, recipient| *recipient = to("a@x.old.council.example"),
            |_, recipient| *recipient = to("a@mytrust.nhs.test.example"),
            |_, recipient| *recipient = to("a@elsewhere.example"),
        ],
    },
    Family {
        conditions: &[
            "sender_domain = \"mytrust.nhs.test.example\"",
            "sender = [\"ward@mytrust.nhs.test.example\", \"b@outside.example\"]",
        ],
        facts: &[
            |message, _| message.reverse_path = "ward@mytrust.nhs.test.example".parse().unwrap(),
            |message, _| message.reverse_path = "lab@mytrust.nhs.test.example".parse().unwrap(),
            |message, _| message.reverse_path = "a@a.mytrust.nhs.test.example".parse().unwrap(),
            |message, _| message.reverse_path = "b@outside.example".parse().unwrap(),
            |message, _| message.reverse_path = "x@outside.example".parse().unwrap(),
            |message, _| message.reverse_path = "".parse().unwrap(),
        ],
    },
    Family {
        conditions: &[
            "kinds = [\"malware\", \"nhs_number\"]",
            "kinds = { nhs_number = \">=2\" }",
            "kinds = { nhs_number = 0, malware = 1 }",
        ],
        facts: &[
            |_, _| {},
            |message, _| message.kinds = [(Kind::NhsNumber, 1)].into(),
            |message, _| message.kinds = [(Kind::NhsNumber, 2)].into(),
            |message, _| message.kinds = [(Kind::Malware, 1)].into(),
            |message, _| message.kinds = [(Kind::Malware, 2), (Kind::NhsNumber, 3)].into(),
        ],
    },
    Family {
        conditions: &["opaque = true", "opaque = false", "opaque = [\"encrypted\", \"damaged\"]"],
        facts: &[
            |_, _| {},
            |message, _| message.opaque = vec![OpaqueReason::Encrypted],
            |message, _| message.opaque = vec![OpaqueReason::Picture],
            |message, _| message.opaque = vec![OpaqueReason::Picture, OpaqueReason::Damaged],
        ],
    },
    Family {
        conditions: &[
            "authentication = { dmarc = \"fail\" }",
            "authentication = { dmarc = \"pass\", spf = [\"pass\", \"none\"] }",
        ],
        facts: &[
            |_, _| {},
            |message, _| verdict(message, "pass"),
            |message, _| verdict(message, "fail"),
            |message, _| verdict(message, "none"),
            |message, _| verdict(message, "temperror"),
        ],
    },
    Family {
        conditions: &[
            "marking = true",
            "marking = [\"OFFICIAL\", \"SECRET\"]",
            "size = \">1 MiB\"",
        ],
        facts: &[
            |_, _| {},
            |message, _| message.marking = Some("OFFICIAL: PERSONAL".to_owned()),
            |message, _| message.marking = Some("OFFICIAL-SENSITIVE".to_owned()),
            |message, _| message.size = 2 << 20,
            |message, _| {
                message.size = 2 << 20;
                message.marking = Some("SECRET".to_owned());
            },
        ],
    },
    Family {
        conditions: &["spoof = [\"no-from\", \"lookalike\"]", "spoof = \"no-from\""],
        facts: &[
            |_, _| {},
            |message, _| message.spoof = vec![Spoof::NoFrom],
            |message, _| message.spoof = vec![Spoof::Lookalike],
        ],
    },
    Family {
        conditions: &[
            "attachment_types = [\"executable\", \"macro\"]",
            "attachment_types = \"pdf\"",
            "visible_recipients = \">=20\"",
            "tls_version = \"1.2\"",
        ],
        facts: &[
            |message, _| message.attachment_types = Some([AttachmentType::Macro].into()),
            |message, _| message.attachment_types = Some([AttachmentType::Pdf].into()),
            |message, _| message.attachment_types = Some([].into()),
            |message, _| message.visible_recipients = Some(20),
            |message, _| message.visible_recipients = Some(19),
            |message, _| {
                (message.arrival, message.tls_version) = (Arrival::Tls, Some(TlsVersion::Tls12));
            },
        ],
    },
    Family {
        conditions: &[
            "time = { days = [\"saturday\", \"sunday\"] }",
            "time = { from = \"18:00\", to = \"08:00\" }",
            "clearance = \">=3\"",
        ],
        facts: &[
            |message, _| message.received_at = Some(hour(4 * 24 + 12)),
            |message, _| message.received_at = Some(hour(4 * 24 + 20)),
            |message, _| message.received_at = Some(hour(5 * 24 + 12)),
            |message, _| message.received_at = Some(hour(6 * 24 + 7)),
            |_, recipient| *recipient = to("a@partner.example"),
        ],
    },
    Family {
        conditions: &["direction = \"outbound\"", "secure_tag = true", "arrival = \"clear\""],
        facts: &[
            |_, _| {},
            |message, _| message.direction = Direction::Inbound,
            |message, _| message.secure_tag = SecureTag::Present,
            |message, _| message.arrival = Arrival::Clear,
            |message, _| {
                message.direction = Direction::Inbound;
                message.secure_tag = SecureTag::Present;
            },
            |message, _| {
                message.secure_tag = SecureTag::Present;
                message.arrival = Arrival::Clear;
            },
        ],
    },
];

/// A policy as it is written, and what its rules speak of.
#[derive(Clone, Debug)]
pub(super) struct Written {
    families: Vec<usize>,
    pub(super) rollout: &'static str,
    pub(super) rules: Vec<String>,
    pub(super) own: Vec<String>,
    pub(super) exemptions: Vec<String>,
}

impl Written {
    pub(super) fn compile(&self, further: &str) -> (Option<Policy>, Diagnostics) {
        let settings = format!("{POLICY}{}{further}", self.rollout);
        let national = [named(&self.rules, "rule"), self.exemptions.clone()].concat();
        self.compile_as(&settings, &national, &named(&self.own, "own"))
    }

    /// The same, with everything written from the last to the first.
    pub(super) fn backwards(&self) -> (Option<Policy>, Diagnostics) {
        let settings = format!("{POLICY}{}", self.rollout);
        let mut national = [named(&self.rules, "rule"), self.exemptions.clone()].concat();
        let mut own = named(&self.own, "own");
        national.reverse();
        own.reverse();
        self.compile_as(&settings, &national, &own)
    }

    fn compile_as(
        &self,
        settings: &str,
        national: &[String],
        own: &[String],
    ) -> (Option<Policy>, Diagnostics) {
        let national = national.concat();
        let head = "ods = \"X1\"\nname = \"X\"\nsender_domains = [\"mytrust.nhs.test.example\", \"*.mytrust.nhs.test.example\"]\n";
        let file = format!("{head}{}", own.concat());
        let mut files = vec![("policy.toml", settings), ("rules.toml", &national)];
        if !own.is_empty() {
            files.push(("organisations/X1.toml", &file));
        }
        with_files(&files)
    }

    pub(super) fn policy(&self, further: &str) -> Policy {
        super::support::must_compile(self.compile(further))
    }

    /// Every combination of facts that the rules can tell apart, and more.
    pub(super) fn each(&self, mut ask: impl FnMut(&MessageFacts, &Address)) {
        let families: Vec<&Family> = self.families.iter().map(|&at| &FAMILIES[at]).collect();
        let all: usize = families.iter().map(|family| family.facts.len()).product();
        for number in 0..all {
            let (mut message, mut recipient) = (message(0), to("a@elsewhere.example"));
            let mut rest = number;
            for family in &families {
                family.facts[rest % family.facts.len()](&mut message, &mut recipient);
                rest /= family.facts.len();
            }
            ask(&message, &recipient);
        }
    }
}

/// Each rule with its name, which it keeps wherever it is written.
fn named(rules: &[String], whose: &str) -> Vec<String> {
    let name =
        |(index, rule): (usize, &String)| format!("[[rule]]\nname = \"{whose} {index}\"\n{rule}");
    rules.iter().enumerate().map(name).collect()
}

/// Facts of one copy, as `decide` takes them.
pub(super) fn facts<'a>(message: &'a MessageFacts, recipient: &'a Address) -> Facts<'a> {
    Facts { message, recipient }
}

fn conditions(families: &[usize]) -> impl Strategy<Value = String> + use<> {
    let all: Vec<&str> =
        families.iter().flat_map(|&family| FAMILIES[family].conditions).copied().collect();
    prop::collection::vec(prop::sample::select(all), 0..3).prop_map(|mut when| {
        when.sort_unstable();
        when.dedup_by_key(|condition| condition.split(' ').next().unwrap().to_owned());
        when.join(", ")
    })
}

fn outcome() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "then = \"relay\"",
        "then = \"redirect\"\nredirect_to = \"smtp://portal.example:25\"",
        "then = \"redirect\"\nredirect_to = \"smtp://other.example:25\"\ntls = \"verified\"",
        "then = \"defer\"",
        "then = \"hold\"",
        "then = \"hold\"\ntell = [\"sender\", \"officers\"]",
        "then = \"reject\"",
        "tls = \"encrypted\"",
        "tls = \"verified\"\nurgent = true",
        "fallback = \"smtp://fallback.example:25\"",
        "disclaimer = \"tag\"",
        "banner = \"tag\"\nprotected = { calendar = \"wrap\" }",
        "add_headers = { X-Level = \"{level}\" }\ntag_subject = \"[OUTSIDE]\"",
        "copy_to = \"archive@mytrust.nhs.test.example\"",
        "tell = [\"officers\"]",
    ])
}

fn rule(families: &[usize]) -> impl Strategy<Value = String> + use<> {
    let mode = prop::sample::select(vec![
        "enforce\"",
        "enforce\"",
        "enforce\"",
        "enforce\"\ncanary = \"40%\"",
        "observe\"",
    ]);
    let reason = prop::sample::select(vec!["Found.", "Found by {rule}. Ring us."]);
    (conditions(families), outcome(), mode, reason).prop_map(|(when, then, mode, reason)| {
        format!("when = {{ {when} }}\n{then}\nmode = \"{mode}\nreason = \"{reason}\"\n")
    })
}

fn exemption(families: &[usize], rules: usize) -> impl Strategy<Value = String> + use<> {
    (conditions(families), 0..rules).prop_map(|(when, lifted)| match when.as_str() {
        "" => String::new(),
        _ => format!(
            "[[exemption]]\nrules = [\"rule {lifted}\"]\nwhen = {{ {when} }}\n\
             owner = \"A. Officer\"\nreason = \"Agreed.\"\nexpires = 2027-01-01\n"
        ),
    })
}

/// Rules, an organisation's own, and exemptions, about a few families of facts.
pub(super) fn written() -> impl Strategy<Value = Written> {
    let families = prop::sample::subsequence((0..FAMILIES.len()).collect::<Vec<_>>(), 4);
    families.prop_flat_map(|families| {
        let rollout = prop::sample::select(vec![
            "",
            "",
            "[rollout]\nmode = \"observe\"\nenforce_to = [\"partner.example\"]\n",
        ]);
        (
            Just(families.clone()),
            rollout,
            prop::collection::vec(rule(&families), 1..6),
            prop::collection::vec(rule(&families), 0..3),
            prop::collection::vec(any::<prop::sample::Index>(), 0..3),
            prop::collection::vec(exemption(&families, 1), 3),
        )
            .prop_map(|(families, rollout, rules, own, lifted, exemptions)| {
                let exemptions = lifted.iter().zip(exemptions).map(|(lifted, exemption)| {
                    let name = format!("rule {}", lifted.index(rules.len()));
                    exemption.replace("rule 0", &name)
                });
                let exemptions = exemptions.collect();
                Written { families, rollout, rules, own, exemptions }
            })
    })
}

/// The same policy with one thing in it changed, added or taken away.
pub(super) fn changed() -> impl Strategy<Value = (Written, Written)> {
    written().prop_flat_map(|before| {
        let families = before.families.clone();
        (Just(before), rule(&families), 0usize..6, any::<prop::sample::Index>()).prop_map(
            |(before, rule, how, at)| {
                let mut after = before.clone();
                let at = at.index(after.rules.len());
                match how {
                    0 => after.rules.push(rule),
                    1 => after.rules[at] = rule,
                    2 => drop(after.rules.pop()),
                    3 => after.own = Vec::new(),
                    4 => after.exemptions = Vec::new(),
                    _ => after.rollout = "[rollout]\nmode = \"observe\"\n",
                }
                if after.rules.len() < before.rules.len() {
                    after.exemptions = Vec::new();
                }
                (before, after)
            },
        )
    })
}

/// The same policy with one more rule, of the nation's or of the organisation's
/// own. The new one's name is behind all others.
pub(super) fn grown() -> impl Strategy<Value = (Written, Written)> {
    written().prop_flat_map(|before| {
        let families = before.families.clone();
        (Just(before), rule(&families), any::<bool>()).prop_map(|(before, rule, national)| {
            let mut after = before.clone();
            let rules = if national { &mut after.rules } else { &mut after.own };
            rules.push(rule);
            (before, after)
        })
    })
}
