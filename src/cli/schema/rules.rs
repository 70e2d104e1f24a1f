//! `rules.toml`.

use serde_json::{Value, json};

use super::{
    condition::when,
    words::{
        any_of, choice, day, either, example, flag, open_table, table, tables, text, usual, with,
    },
};
use crate::mail::{Disposition, Protected, RuleSeverity};

pub(super) fn schema() -> Value {
    let keys = vec![("rule", rules()), ("exemption", exemptions())];
    table("The rules, and what lifts them.", keys, &[])
}

pub(super) fn rules() -> Value {
    let reason = "What the sender reads: what was found, and what to do next. With {recipient} \
                  {sender} {level} {level_name} {clearance} {rule} {organisation}.";
    let treatments = || choice("\"wrap\" it in a new message, or \"leave\" it.", ["leave", "wrap"]);
    let classes = Protected::WRAPPABLE.map(|class| (class.name(), treatments())).to_vec();
    let keys = vec![
        ("name", text("What you would call it aloud; senders and audit see it.")),
        ("when", when()),
        ("then", disposition("What happens to the message; the most restrictive rule wins.")),
        ("tls", tls("The journey needs at least that.")),
        ("redirect_to", example("Where it goes, beside then = \"redirect\".", HOPS)),
        ("fallback", example("Where it goes if the TLS it needs cannot be had in time.", HOPS)),
        ("urgent", flag("true: sender and officers hear at once if that TLS cannot be had.")),
        ("disclaimer", text("A tag line in disclaimers/, below every text.")),
        ("banner", text("A tag line in disclaimers/, above every text.")),
        (
            "protected",
            either(
                "What is done with mail whose text must not be touched.",
                [treatments(), table("For each class of it.", classes, &[])],
            ),
        ),
        ("tag_subject", example("In front of the subject, once.", &["[EXTERNAL]"])),
        ("strip_subject", any_of(&example("Taken out of the subject.", &["[secure]"]))),
        (
            "add_headers",
            open_table(
                "Header fields that are added.",
                &text("With {level} {level_name} {clearance} {rule}."),
            ),
        ),
        (
            "remove_headers",
            any_of(&example("Header fields that go.", &["X-Mailer", "X-Internal-*"])),
        ),
        ("copy_to", any_of(&text("An address that gets a copy."))),
        ("tell", any_of(&choice("Who hears of it.", ["sender", "officers"]))),
        (
            "mode",
            usual(
                "\"observe\": it is counted and logged, and nothing else.",
                ["enforce", "observe"],
                "enforce",
            ),
        ),
        (
            "canary",
            example(
                "The share of senders it is enforced for, to try it; it observes the others.",
                &["10%"],
            ),
        ),
        (
            "severity",
            choice(
                "How much it matters, for people: it decides nothing.",
                RuleSeverity::ALL.map(RuleSeverity::name),
            ),
        ),
        ("reason", text(reason)),
        ("owner", text("Who answers for it.")),
        ("effective", day("The first day on which it counts.")),
        ("expires", day("The last day on which it counts.")),
    ];
    let rule = table("A rule: what it matches, and what then happens.", keys, &["name", "when"]);
    tables(&rule)
}

pub(super) fn exemptions() -> Value {
    let keys = vec![
        ("rules", any_of(&text("The name of a rule it lifts."))),
        ("when", with(when(), "minProperties", json!(1))),
        ("owner", text("Who answers for it.")),
        ("reason", text("Why it is right, and where that was agreed.")),
        ("effective", day("The first day on which it counts.")),
        ("expires", day("The last day on which it counts: the rules are back the day after.")),
    ];
    let required = ["rules", "when", "owner", "reason", "expires"];
    tables(&table(
        "The only thing that loosens: it lifts rules, until its last day.",
        keys,
        &required,
    ))
}

pub(super) fn disposition(says: &str) -> Value {
    choice(says, Disposition::ALL.map(Disposition::name))
}

/// `none` is for operators.
pub(super) fn tls(says: &str) -> Value {
    choice(says, ["opportunistic", "encrypted", "verified", "dane"])
}

const HOPS: &[&str] = &["smtp://portal.example:25"];
