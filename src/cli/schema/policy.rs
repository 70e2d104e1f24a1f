//! `policy.toml`.

use serde_json::Value;

use super::{
    condition,
    rules::{disposition, tls},
    words::{absent, any_of, choice, example, holding, table, tables, text},
};
use crate::policy::SOME_ORGANISATION;

pub(super) fn schema() -> Value {
    let sealer = "Whose ARC seal is believed: a domain, or *.x.example.";
    let keys = vec![
        (
            "officers",
            absent(
                any_of(&text("An address that hears of held messages.")),
                "nobody hears of them",
            ),
        ),
        ("trusted_sealers", absent(any_of(&example(sealer, &["nhs.net"])), "no seal is believed")),
        (
            "organisation",
            holding(
                text("What {organisation} stands for where the sender's has no file."),
                SOME_ORGANISATION,
            ),
        ),
        ("levels", levels()),
        ("rollout", absent(rollout(), "every rule is enforced")),
        ("invariant", invariants()),
    ];
    table("Levels, roll-out, and what must never happen.", keys, &["levels"])
}

fn levels() -> Value {
    let numbers = ["0", "1", "2", "3", "4"];
    let keys = numbers.map(|number| (number, text("What senders and officers see."))).to_vec();
    table("What the levels are called.", keys, &numbers)
}

fn rollout() -> Value {
    let mode = "\"observe\": no rule stops a message; what each would have done is counted.";
    let keys = vec![
        ("mode", choice(mode, ["enforce", "observe"])),
        (
            "enforce_to",
            absent(any_of(&text("A domain to which the rules are enforced already.")), "none"),
        ),
    ];
    table("How far the rules are rolled out.", keys, &["mode"])
}

fn invariants() -> Value {
    let mut never = condition::keys();
    never.extend([
        ("disposition", any_of(&disposition("What must not come of it."))),
        ("tls_below", tls("It must not go with less than this.")),
        ("lacking", any_of(&choice("What must not be missing.", ["reason", "way_out"]))),
    ]);
    let never = table("The facts, and what must not come of them.", never, &[]);
    let never = absent(never, "not asked");
    let keys = vec![("name", text("What is promised.")), ("never", never)];
    let says = "What must never come of a message, whatever the rules say.";
    tables(&table(says, keys, &["name", "never"]))
}
