//! `classification.toml`, `detectors/*.toml` and `terms/*.toml`.

use serde_json::{Value, json};

use super::words::{
    Key, absent, any_of, choice, either, holding, level, number, open_table, table, tables, text,
    usual, with,
};
use crate::{
    classify::Settings,
    mail::Kind,
    policy::classification::{USUAL_LETTERS, USUAL_MANY, USUAL_REACH},
};

pub(super) fn classification() -> Value {
    let percent = |says| number(says, 0, 100);
    let held = Settings::default().weighing;
    let test_range = "Whether NHS numbers of the 999 test range stand for a person.";
    let keys = vec![
        ("test_range", usual(test_range, ["ignore", "count"], "ignore")),
        (
            "report_at",
            holding(percent("The confidence from which a candidate is a finding."), held.report_at),
        ),
        (
            "bulk",
            holding(number("So many patients in one message are bulk.", 2, 999_999), held.bulk),
        ),
        ("denials", absent(words("Words that deny the term after them."), "none")),
        ("slips", tables(&slips())),
        ("quiet", tables(&quiet())),
        ("evidence", tables(&evidence())),
        ("combination", tables(&combination())),
    ];
    table("What makes a message sensitive.", keys, &[])
}

fn slips() -> Value {
    let keys = vec![
        (
            "letters",
            holding(number("Only words of so many letters or more.", 5, 39), USUAL_LETTERS),
        ),
        ("weight", holding(number("What one weighs at most.", 0, 999), 1)),
    ];
    table("Listed words as typed in a hurry.", keys, &[])
}

fn quiet() -> Value {
    let keys = vec![
        ("name", text("What the lines are.")),
        ("opens", absent(words("Words at the beginning of a line that begin them."), "none")),
        (
            "opener",
            usual(
                "Whether something may follow them.",
                ["starts the line", "fills the line"],
                "starts the line",
            ),
        ),
        ("lines", holding(number("So many lines with text in them, at most.", 0, 999), 0)),
    ];
    table("Lines in which listed words say nothing of a patient.", keys, &["name"])
}

fn evidence() -> Value {
    let keys = vec![
        ("name", text("What combinations call it.")),
        ("kinds", absent(any_of(&kind("Findings of these kinds count.")), "`from` says which")),
        (
            "from",
            absent(
                words("Those of these detectors and lists, by their names."),
                "all of these kinds",
            ),
        ),
        ("confidence", absent(number("Only those that are so sure.", 0, 100), "as report_at")),
        ("distinct", holding(number("So many different ones at least.", 1, 999_999), 1)),
        ("weight", holding(number("Whose words weigh so much together.", 0, 999_999), 0)),
    ];
    table("What a combination may ask for.", keys, &["name"])
}

fn combination() -> Value {
    let keys = vec![
        ("name", text("What it shows.")),
        ("level", level("The level it comes to.")),
        ("all", words("The evidence, all of which must be there.")),
        (
            "within",
            absent(
                number("Characters of one part in which it must stand.", 1, 9_999_999),
                "anywhere in the message",
            ),
        ),
    ];
    table("Evidence that makes a message sensitive.", keys, &["name", "level", "all"])
}

pub(super) fn detectors() -> Value {
    let checks = [
        "none",
        "health service number",
        "national insurance number",
        "postcode",
        "telephone",
        "date",
        "snomed ct",
        "icd-10",
    ];
    let mut keys = vec![
        ("name", text("What reports, and `from` in classification.toml, call it.")),
        ("kind", kind("What it finds.")),
        ("pattern", text("A regular expression; (?P<value>…) is the value.")),
        ("check", usual("What a candidate must pass.", checks, "none")),
        (
            "starts_with",
            absent(words("Tried only where one of these words stands."), "tried everywhere"),
        ),
        ("base", points("The points it starts with.")),
        (
            "shapes",
            absent(
                open_table(
                    "Points for how it is laid out: 0 is a digit, A a letter.",
                    &points("Points."),
                ),
                "none",
            ),
        ),
        ("beside_digits", points("Points where other digits stand beside it.")),
        ("context", tables(&context())),
        ("company", tables(&company())),
        ("fellows", tables(&fellows())),
        ("stands", tables(&stands())),
        ("named", tables(&naming())),
        ("test_number", tables(&test_number())),
    ];
    keys.extend(examples());
    let detector = table("Finds candidates, and weighs each.", keys, &["name", "kind", "pattern"]);
    table("Detectors.", vec![("detector", tables(&detector))], &[])
}

fn context() -> Value {
    let positions = ["before", "after", "heading", "near"];
    let keys = vec![
        ("words", absent(words("Words that speak for it or against it."), "none")),
        (
            "where",
            holding(any_of(&choice("Where they stand.", positions)), json!(["before", "heading"])),
        ),
        ("within", holding(number("So many characters away at most.", 0, 999), USUAL_REACH)),
        ("points", points("Points.")),
    ];
    table("Words beside it.", keys, &[])
}

fn company() -> Value {
    let keys = vec![
        ("kinds", absent(any_of(&kind("Other findings near it.")), "any kind")),
        ("weight", holding(number("What a listed word must weigh to be company.", 0, 999), 0)),
        ("within", holding(number("So many characters away at most.", 0, 99_999), USUAL_REACH)),
        ("points", points("Points.")),
    ];
    table("Other findings near it.", keys, &[])
}

fn fellows() -> Value {
    let keys = vec![
        ("all_pass", points("Where all of them pass the check.")),
        ("others_fail", points("Where as many fail it, and no word speaks for this one.")),
        ("many_pass", points("On top, where many pass and none fails.")),
        ("many", holding(number("How many those are.", 2, 999_999), USUAL_MANY)),
    ];
    table("Other numbers like it in the same text.", keys, &[])
}

fn stands() -> Value {
    let keys = vec![
        ("fills_text", points("There is nothing else.")),
        ("fills_line", points("Nothing else stands on its line.")),
        ("opens_text", points("It opens a text of one line.")),
    ];
    table("Points where it stands alone.", keys, &[])
}

fn naming() -> Value {
    let keys = vec![
        ("points", points("Points.")),
        ("unless", absent(words("Words that do not count as such."), "none")),
    ];
    table("Where the word before says what it is the number of.", keys, &[])
}

fn test_number() -> Value {
    let keys = vec![
        ("within", holding(number("So many characters away at most.", 0, 99_999), USUAL_REACH)),
        ("points", points("Points.")),
    ];
    table("Where a number of the test range stands near it.", keys, &[])
}

pub(super) fn terms() -> Value {
    let kinds = Kind::ALL.map(Kind::name).into_iter().chain(["none"]);
    let slips = "Whether a word one letter away from one of these counts.";
    let mut keys = vec![
        ("name", text("What reports, and `from` in classification.toml, call it.")),
        (
            "kind",
            choice("What its words are; \"none\" where those of other lists do not count.", kinds),
        ),
        (
            "weight",
            holding(number("What one of its words adds to an evidence's weight.", 0, 999), 1),
        ),
        ("letters", usual("Whether capitals matter.", ["any case", "as written"], "any case")),
        ("slips", usual(slips, ["count", "ignore"], "count")),
        ("words", absent(words("A line a term; # begins a remark."), "none")),
    ];
    keys.extend(examples());
    let list = table("A list of terms.", keys, &["name", "kind"]);
    let ordinary = absent(words("Words that are no slip of a listed one."), "none");
    table("Terms.", vec![("list", tables(&list)), ("ordinary", ordinary)], &[])
}

fn examples() -> [Key; 2] {
    [
        ("must_match", absent(words("Texts in which it must find something."), "none")),
        ("must_not_match", absent(words("Texts in which it must find nothing."), "none")),
    ]
}

fn kind(says: &str) -> Value {
    choice(says, Kind::ALL.map(Kind::name))
}

fn points(says: &str) -> Value {
    holding(number(says, -100, 100), 0)
}

/// A list, or a text with one a line.
fn words(says: &str) -> Value {
    let list = json!({ "type": "array", "items": { "type": "string" } });
    with(either(says, [json!({ "type": "string" }), list]), "description", json!(says))
}
