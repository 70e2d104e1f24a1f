//! `when`, `never` and `facts`: what may be asked of a message.

use serde_json::Value;

use super::words::{
    Key, absent, any_of, choice, either, example, flag, holding, level, number, range, table, text,
};
use crate::mail::{AttachmentType, DestinationClass, Kind, OpaqueReason, Spoof, TlsVersion};

pub(super) fn when() -> Value {
    let says = "The facts it needs, all of them at once; {} is every message.";
    absent(table(says, keys(), &[]), NOT_ASKED)
}

pub(super) fn keys() -> Vec<Key> {
    let domains = "a domain, or *.x.example for all below it";
    let mut keys = vec![
        ("direction", choice("Where it comes from.", DIRECTIONS)),
        ("level", range("How sensitive it is, 0 to 4.", &[">=3", "2..3"])),
        ("level_above_clearance", flag("Whether that is more than the destination may get.")),
        ("clearance", range("What the destination may get, 0 to 4.", &[">=3"])),
        (
            "destination",
            any_of(&choice("Where it goes.", DestinationClass::ALL.map(DestinationClass::name))),
        ),
        ("retired", flag("Whether an entry of domains.toml says that the domain is out of use.")),
        (
            "recipient_domain",
            any_of(&example(&format!("Whom it goes to: {domains}."), &["*.gov.uk"])),
        ),
        ("recipient", any_of(&text("Whom it goes to: an address."))),
        ("sender_domain", any_of(&example(&format!("Whom it is from: {domains}."), &["*.nhs.uk"]))),
        ("sender", any_of(&text("Whom it is from: an address."))),
        (
            "organisation",
            any_of(&text("Whose mail it is: the ODS code of a file in organisations/.")),
        ),
        ("kinds", kinds(&range("So many different ones.", &[">=10"]))),
        (
            "marking",
            either(
                "A protective marking: true for any, or the ones that are meant.",
                [flag("Whether there is one."), any_of(&text("Such as OFFICIAL-SENSITIVE."))],
            ),
        ),
        (
            "opaque",
            either(
                "A part that cannot be read: true for any, or for which reason.",
                [flag("Whether there is one."), opaque()],
            ),
        ),
        ("size", range("Of the message, in octets or with a unit.", &[">25 MiB"])),
        (
            "visible_recipients",
            range("How many addresses that are not ours stand in To and Cc.", &[">=20"]),
        ),
        ("time", any_of(&time())),
        ("tls_version", any_of(&tls_version())),
    ];
    keys.extend(shared(|verdict| any_of(&verdict)));
    keys
}

/// What a case may say of its message, each a fact and not a question.
pub(super) fn facts() -> Value {
    let mut keys = vec![
        ("level", level("How sensitive it is.")),
        ("kinds", kinds(&number("So many different ones.", 0, i64::MAX))),
        ("marking", text("The protective marking it bears.")),
        ("opaque", opaque()),
        ("size", number("In octets.", 0, i64::MAX)),
        ("visible_recipients", number("Addresses in To and Cc that are not ours.", 0, i64::MAX)),
        ("time", example("When it comes: a day and a time.", &["saturday 19:30"])),
        ("tls_version", tls_version()),
    ];
    keys.extend(shared(|verdict| verdict));
    let says = "What is known of the message; what is not named is as in a plain one.";
    absent(table(says, keys, &[]), "as in a plain message")
}

/// What is written alike as a question and as a fact.
fn shared(verdicts: impl Fn(Value) -> Value) -> Vec<Key> {
    vec![
        ("secure_tag", flag("Whether [secure] stands in the subject.")),
        ("authentication", authentication(verdicts)),
        (
            "spoof",
            any_of(&choice(
                "A sign that it is not from whom it shows.",
                Spoof::ALL.map(Spoof::name),
            )),
        ),
        ("arrival", choice("Whether it came in under TLS.", ["clear", "tls"])),
        (
            "attachment_types",
            any_of(&choice(
                "What is attached, told by what a file is made of; also within archives.",
                AttachmentType::ALL.map(AttachmentType::name),
            )),
        ),
    ]
}

fn kinds(count: &Value) -> Value {
    let named = any_of(&choice("A kind of finding.", Kind::ALL.map(Kind::name)));
    let counts = Kind::ALL.map(|kind| (kind.name(), count.clone()));
    let counts = absent(table("How many different ones of each.", counts.to_vec(), &[]), NOT_ASKED);
    either("What is found in it: any of these kinds, or so many of each.", [named, counts])
}

fn opaque() -> Value {
    let reasons = [
        OpaqueReason::Encrypted,
        OpaqueReason::Unreadable,
        OpaqueReason::Damaged,
        OpaqueReason::OverLimit,
        OpaqueReason::Picture,
    ];
    any_of(&choice("Why a part cannot be read.", reasons.map(OpaqueReason::name)))
}

fn tls_version() -> Value {
    choice("Of TLS, as it came in.", TlsVersion::ALL.map(TlsVersion::name))
}

fn time() -> Value {
    let hour = |says: &str| example(says, &["18:00"]);
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let keys = vec![
        (
            "days",
            absent(
                any_of(&choice("On these days; a night belongs to the day it begins on.", days)),
                "every day",
            ),
        ),
        ("from", absent(hour("From this time of day."), "from the beginning of the day")),
        (
            "to",
            absent(hour("To this time, which may be on the next day."), "to the end of the day"),
        ),
        ("zone", holding(example("The time zone.", &["Europe/London"]), "Europe/London")),
    ];
    table("When it comes.", keys, &[])
}

/// What SPF, DKIM, DMARC and ARC came to.
fn authentication(verdicts: impl Fn(Value) -> Value) -> Value {
    let of = |says: &str, words: &[&'static str]| verdicts(choice(says, words.iter().copied()));
    let keys = vec![
        ("spf", of("SPF of the envelope's sender.", &VERDICTS)),
        ("spf_helo", of("SPF of the name the server gave.", &VERDICTS)),
        ("dkim", of("The best DKIM signature.", &VERDICTS)),
        ("dmarc", of("DMARC of the author's domain.", &VERDICTS)),
        ("arc", of("The ARC chain.", &VERDICTS)),
        ("iprev", of("Whether the server's address has its name.", &VERDICTS)),
        (
            "dmarc_policy",
            of(
                "What the author's domain asks to be done with mail that fails.",
                &["absent", "none", "quarantine", "reject", "temperror"],
            ),
        ),
        (
            "alignment",
            of("Whether what passed is of the author's domain.", &["none", "pass", "temperror"]),
        ),
        ("trusted_arc", of("Whether a sealer we trust saw DMARC pass.", &["none", "pass"])),
    ];
    absent(table("What proves whom inbound mail is from.", keys, &[]), NOT_ASKED)
}

const NOT_ASKED: &str = "not asked";

pub(super) const DIRECTIONS: [&str; 2] = ["inbound", "outbound"];

const VERDICTS: [&str; 8] =
    ["none", "pass", "fail", "softfail", "neutral", "policy", "temperror", "permerror"];
