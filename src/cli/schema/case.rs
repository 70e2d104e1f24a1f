//! `tests/*.toml`.

use serde_json::Value;

use super::{
    condition::{DIRECTIONS, facts},
    rules::{disposition, tls},
    words::{Key, any_of, choice, example, level, table, tables, text, usual},
};
use crate::mail::{Kind, OpaqueReason};

pub(super) fn schema() -> Value {
    let mut keys = keys();
    keys.push((
        "case",
        tables(&table("One of several cases of the file.", self::keys(), &["name"])),
    ));
    table("A message, and what must happen to it.", keys, &[])
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
        ("from", text("Whom the message is from; \"\" is nobody.")),
        ("direction", usual("Which way it goes.", DIRECTIONS, "outbound")),
        ("facts", facts()),
        ("message", example("A file beside the case.", &["letter.eml"])),
        ("mail", text("The message itself: header fields, an empty line, text.")),
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
    tables(&table("What must happen to one recipient's copy.", keys, &["to"]))
}
