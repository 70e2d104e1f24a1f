//! `organisations/*.toml`.

use serde_json::Value;

use super::{
    rules::{exemptions, rules},
    words::{absent, any_of, choice, example, table, text},
};

pub(super) fn schema() -> Value {
    let languages = "In which its tag lines are written: English, Welsh, Irish, Gaelic.";
    let keys = vec![
        ("ods", example("Its ODS code, which is also the name of the file.", &["X26"])),
        ("name", text("As {organisation} stands for it.")),
        ("sender_domains", any_of(&example("Its own domains.", &["*.mytrust.nhs.uk"]))),
        (
            "languages",
            absent(any_of(&choice(languages, ["en", "cy", "ga", "gd"])), "English alone"),
        ),
        ("rule", rules()),
        ("exemption", exemptions()),
    ];
    let says = "An organisation, and rules for what its own domains send.";
    table(says, keys, &["ods", "name", "sender_domains"])
}
