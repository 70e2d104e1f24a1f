//! `rules.toml`.

use serde_json::{Value, json};

use super::{
    condition::when,
    words::{
        Key, absent, any_of, choice, day, either, example, flag, holding, open_table, table,
        tables, text, usual, with,
    },
};
use crate::mail::{Disposition, Protected, RuleSeverity};

pub(super) fn schema() -> Value {
    let keys = vec![("rule", rules()), ("exemption", exemptions())];
    table("The rules, and what lifts them.", keys, &[])
}

pub(super) fn rules() -> Value {
    let mut keys = vec![
        ("name", text("What you would call it aloud; senders and audit see it.")),
        ("when", when()),
        (
            "then",
            absent(
                disposition("What happens to the message; the most restrictive rule wins."),
                "it stops nothing",
            ),
        ),
        (
            "tls",
            absent(tls("The journey needs at least that."), "it asks for no more than others do"),
        ),
        (
            "redirect_to",
            absent(
                example("Where it goes, beside then = \"redirect\".", HOPS),
                "it goes where the route says",
            ),
        ),
        (
            "fallback",
            absent(
                example("Where it goes if the TLS it needs cannot be had in time.", HOPS),
                "it waits",
            ),
        ),
        (
            "urgent",
            holding(
                flag("true: sender and officers hear at once if that TLS cannot be had."),
                false,
            ),
        ),
    ];
    keys.extend(additions());
    keys.extend(standing());
    let rule = table("A rule: what it matches, and what then happens.", keys, &["name", "when"]);
    tables(&rule)
}

/// What it adds to a message and takes from it, and who else gets to know.
fn additions() -> Vec<Key> {
    let treatments = || choice("\"wrap\" it in a new message, or \"leave\" it.", ["leave", "wrap"]);
    let classes = Protected::WRAPPABLE.map(|class| (class.name(), treatments())).to_vec();
    vec![
        (
            "disclaimer",
            absent(text("A tag line in disclaimers/, below every text."), "none from this rule"),
        ),
        (
            "banner",
            absent(text("A tag line in disclaimers/, above every text."), "none from this rule"),
        ),
        (
            "protected",
            absent(
                either(
                    "What is done with mail whose text must not be touched.",
                    [treatments(), absent(table("For each class of it.", classes, &[]), "leave")],
                ),
                "leave",
            ),
        ),
        (
            "tag_subject",
            absent(example("In front of the subject, once.", &["[EXTERNAL]"]), "nothing"),
        ),
        (
            "strip_subject",
            absent(any_of(&example("Taken out of the subject.", &["[secure]"])), "nothing"),
        ),
        (
            "add_headers",
            absent(
                open_table(
                    "Header fields that are added.",
                    &text("With {level} {level_name} {clearance} {rule}."),
                ),
                "none",
            ),
        ),
        (
            "remove_headers",
            absent(
                any_of(&example("Header fields that go.", &["X-Mailer", "X-Internal-*"])),
                "none",
            ),
        ),
        ("copy_to", absent(any_of(&text("An address that gets a copy.")), "nobody")),
        ("tell", absent(any_of(&choice("Who hears of it.", ["sender", "officers"])), "nobody")),
    ]
}

/// How far it is tried, why it is there, and from when to when.
fn standing() -> Vec<Key> {
    let reason = "What the sender reads: what was found, and what to do next. With {recipient} \
                  {sender} {level} {level_name} {clearance} {rule} {organisation}.";
    vec![
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
            absent(
                example(
                    "The share of senders it is enforced for, to try it; it observes the others.",
                    &["10%"],
                ),
                "all of them",
            ),
        ),
        (
            "severity",
            absent(
                choice(
                    "How much it matters, for people: it decides nothing.",
                    RuleSeverity::ALL.map(RuleSeverity::name),
                ),
                "none is shown",
            ),
        ),
        ("reason", absent(text(reason), "needed where it stops mail")),
        ("owner", absent(text("Who answers for it."), "nobody is named")),
        ("effective", absent(day("The first day on which it counts."), "it counts already")),
        ("expires", absent(day("The last day on which it counts."), "it does not end")),
    ]
}

pub(super) fn exemptions() -> Value {
    let keys = vec![
        ("rules", any_of(&text("The name of a rule it lifts."))),
        ("when", with(when(), "minProperties", json!(1))),
        ("owner", text("Who answers for it.")),
        ("reason", text("Why it is right, and where that was agreed.")),
        ("effective", absent(day("The first day on which it counts."), "it counts already")),
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
