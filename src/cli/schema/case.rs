//! `tests/*.toml`.

use serde_json::Value;

use super::{
    condition::{DIRECTIONS, facts},
    rules::{disposition, tls},
    words::{Key, absent, any_of, choice, example, level, table, tables, text, usual},
};
use crate::mail::{Kind, OpaqueReason};

pub(super) fn schema() -> Value {
    let mut keys = keys();
    keys.push((
        "case",
        tables(&absent(
            table("One of several cases of the file.", self::keys(), &["name"]),
            NOT_HELD,
        )),
    ));
    absent(table("A message, and what must happen to it.", keys, &[]), NOT_HELD)
}

fn keys() -> Vec<Key> {
    let kind = || any_of(&choice("A kind of finding.", Kind::ALL.map(Kind::name)));
    let reasons = [
        OpaqueReason::Encrypted,
        OpaqueReason::Unreadable,
        OpaqueReason::Damaged,
        OpaqueReason::OverLimit,
        OpaqueReason::Picture,
    ];
    vec![
        ("name", text("What the case shows, as a sentence.")),
        ("from", absent(text("Whom the message is from; \"\" is nobody."), NEEDED)),
        ("direction", usual("Which way it goes.", DIRECTIONS, "outbound")),
        ("facts", facts()),
        ("message", absent(example("A file beside the case.", &["letter.eml"]), SUBJECT)),
        ("mail", absent(text("The message itself: header fields, an empty line, text."), SUBJECT)),
        ("level", level("The level it must come to.")),
        ("found", kind()),
        ("not_found", kind()),
        ("opaque", any_of(&choice("Why a part cannot be read.", reasons.map(OpaqueReason::name)))),
        ("marking", text("The protective marking it must be seen to bear.")),
        ("expect", expectations()),
    ]
}

fn expectations() -> Value {
    let keys = vec![
        ("to", text("The recipient.")),
        ("then", disposition("What must happen to their copy.")),
        ("tls", tls("The TLS its journey must need.")),
        ("rule", text("The rule that decides, or one that must have matched.")),
        ("disclaimer", text("The tag line it must bear.")),
        ("banner", text("The banner it must bear.")),
        ("level", level("The level it must come to.")),
    ];
    tables(&absent(table("What must happen to one recipient's copy.", keys, &["to"]), NOT_HELD))
}

const NOT_HELD: &str = "it may be anything";
const NEEDED: &str = "needed, here or above the cases of the file";
const SUBJECT: &str = "one of `facts`, `message` and `mail` says what the message is";
