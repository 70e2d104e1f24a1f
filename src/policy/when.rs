//! Reading `when`: from keys and values to conditions.

use crate::mail::{
    Address, Arrival, AttachmentType, DestinationClass, Direction, Kind, OpaqueReason, SecureTag,
    Spoof,
};

use super::{
    condition::{
        ClearanceCondition, Condition, Conditions, MarkingCondition, Membership, OpaqueCondition,
        Presence,
    },
    mechanism::Mechanism,
    nearest::did_you_mean,
    pattern::DomainPattern,
    protection::VERSIONS,
    range::{Measure, NumberRange, RangeError},
    time_window,
    written::{Table, Value},
};

/// Every key a condition can have, in the order in which they are told.
pub(super) const KEYS: [&str; 23] = [
    "direction",
    "level",
    "level_above_clearance",
    "clearance",
    "destination",
    "retired",
    "recipient_domain",
    "recipient",
    "sender_domain",
    "sender",
    "organisation",
    "kinds",
    "marking",
    "secure_tag",
    "opaque",
    "size",
    "authentication",
    "spoof",
    "arrival",
    "tls_version",
    "attachment_types",
    "visible_recipients",
    "time",
];

/// The conditions of a table whose keys have been checked; none if any has a
/// fault, which has then been noted. `organisations` are all there are.
pub(super) fn read(table: &Table<'_>, organisations: &[Membership]) -> Option<Conditions> {
    let mut conditions = Vec::new();
    let mut faulty = false;
    for key in KEYS {
        let Some(value) = table.value(key) else { continue };
        match read_condition(key, &value, organisations) {
            Some(read) => conditions.extend(read),
            None => faulty = true,
        }
    }
    (!faulty).then(|| Conditions::new(conditions))
}

fn read_condition(
    key: &str,
    value: &Value<'_>,
    organisations: &[Membership],
) -> Option<Vec<Condition>> {
    let condition = match key {
        "direction" => Condition::Direction(value.choice(&DIRECTIONS)?),
        "level" => Condition::Level(read_range(value, Measure::Level)?),
        "level_above_clearance" => Condition::Clearance(
            value.either(ClearanceCondition::Above, ClearanceCondition::Within)?,
        ),
        "clearance" => Condition::DestinationClearance(read_range(value, Measure::Level)?),
        "destination" => Condition::Destination(value.list(|class| class.choice(&CLASSES))?),
        "retired" => Condition::Retired(value.either(Presence::Present, Presence::Absent)?),
        "recipient_domain" => Condition::RecipientDomain(read_patterns(value)?),
        "recipient" => Condition::Recipient(read_addresses(value)?),
        "sender_domain" => Condition::SenderDomain(read_patterns(value)?),
        "sender" => Condition::Sender(read_addresses(value)?),
        "organisation" => {
            Condition::Organisation(value.list(|code| read_organisation(code, organisations))?)
        }
        "kinds" => return read_kinds(value),
        "marking" => Condition::Marking(read_marking(value)?),
        "secure_tag" => Condition::SecureTag(value.either(SecureTag::Present, SecureTag::Absent)?),
        "opaque" => Condition::Opaque(read_opaque(value)?),
        "size" => Condition::Size(read_range(value, Measure::Octets)?),
        "authentication" => return read_authentication(value),
        "spoof" => Condition::Spoof(value.list(read_spoof)?),
        "arrival" => Condition::Arrival(value.choice(&ARRIVALS)?),
        "tls_version" => Condition::TlsVersion(value.list(|version| version.choice(&VERSIONS))?),
        "attachment_types" => Condition::AttachmentTypes(value.list(read_attachment_type)?),
        "visible_recipients" => Condition::VisibleRecipients(read_range(value, Measure::Count)?),
        "time" => Condition::Time(value.list(time_window::read)?),
        _ => return None,
    };
    Some(vec![condition])
}

/// A range in quotes, or a bare number.
pub(super) fn read_range(value: &Value<'_>, measure: Measure) -> Option<NumberRange> {
    let range = if value.is_string() {
        NumberRange::parse(value.string()?, measure)
    } else {
        let number = value.integer()?;
        u64::try_from(number)
            .map_err(|_| RangeError::Malformed(number.to_string()))
            .and_then(|number| NumberRange::exactly(number, measure))
    };
    match range {
        Ok(range) => Some(range),
        Err(error @ RangeError::Empty(_)) => value.invalid("range-empty", error.to_string()),
        Err(error @ RangeError::Level(_)) => value.invalid("level-range", error.to_string()),
        Err(error) => value.invalid("range-malformed", error.to_string()),
    }
}

pub(super) fn read_patterns(value: &Value<'_>) -> Option<Vec<DomainPattern>> {
    value.list(|pattern| pattern.parsed("domain-name"))
}

pub(super) fn read_addresses(value: &Value<'_>) -> Option<Vec<Address>> {
    value.list(|address| address.parsed("address"))
}

/// `["nhs_number", …]`: any of them; `{ nhs_number = ">=25" }`: so many each.
fn read_kinds(value: &Value<'_>) -> Option<Vec<Condition>> {
    if !value.is_table() {
        return Some(vec![Condition::Kinds(value.list(read_kind)?)]);
    }
    let names = Kind::ALL.map(Kind::name);
    let counts = value.table("a list of kinds", &names)?;
    let read = |count: Value<'_>| {
        let kind = Kind::named(count.key())?;
        Some(Condition::KindCount(kind, read_range(&count, Measure::Count)?))
    };
    counts.values().map(read).collect()
}

pub(super) fn read_kind(value: &Value<'_>) -> Option<Kind> {
    value.choice(&Kind::ALL.map(|kind| (kind.name(), kind)))
}

pub(super) fn read_attachment_type(value: &Value<'_>) -> Option<AttachmentType> {
    value.choice(&AttachmentType::ALL.map(|one| (one.name(), one)))
}

/// An ODS code, of those that have a file.
fn read_organisation(value: &Value<'_>, organisations: &[Membership]) -> Option<Membership> {
    let code = value.sentence()?;
    let known = organisations.iter().find(|one| one.ods == code);
    if known.is_none() {
        let codes: Vec<&str> = organisations.iter().map(|one| one.ods.as_str()).collect();
        let help = did_you_mean(code, &codes)
            .unwrap_or_else(|| format!("write organisations/{code}.toml, which says whose it is"));
        value.faults().error(
            value
                .fault(
                    "organisation-unknown",
                    format!("no organisation here has the code `{code}`"),
                )
                .label("no file in organisations/ has this ODS code")
                .help(help),
        );
    }
    known.cloned()
}

fn read_marking(value: &Value<'_>) -> Option<MarkingCondition> {
    if value.is_boolean() {
        return value.either(Presence::Present, Presence::Absent).map(MarkingCondition::Is);
    }
    let named = value.list(|marking| marking.sentence().map(str::to_owned))?;
    Some(MarkingCondition::AnyOf(named))
}

fn read_opaque(value: &Value<'_>) -> Option<OpaqueCondition> {
    if value.is_boolean() {
        return value.either(Presence::Present, Presence::Absent).map(OpaqueCondition::Is);
    }
    Some(OpaqueCondition::AnyOf(value.list(|reason| reason.choice(&OPAQUE))?))
}

pub(super) fn read_spoof(value: &Value<'_>) -> Option<Spoof> {
    value.choice(&Spoof::ALL.map(|sign| (sign.name(), sign)))
}

fn read_authentication(value: &Value<'_>) -> Option<Vec<Condition>> {
    let names = Mechanism::ALL.map(|(name, _)| name);
    let table = value.table("authentication", &names)?;
    let mut conditions = Vec::new();
    for (name, mechanism) in Mechanism::ALL {
        let Some(verdicts) = table.value(name) else { continue };
        let verdicts = verdicts.list(|verdict| read_verdict(mechanism, verdict))?;
        conditions.push(Condition::Authentication(mechanism, verdicts));
    }
    Some(conditions)
}

/// One of the words that a mechanism can come to.
pub(super) fn read_verdict(mechanism: Mechanism, value: &Value<'_>) -> Option<String> {
    let words: Vec<_> = mechanism.words().iter().map(|&word| (word, word)).collect();
    value.choice(&words).map(str::to_owned)
}

pub(super) const DIRECTIONS: [(&str, Direction); 2] =
    [("inbound", Direction::Inbound), ("outbound", Direction::Outbound)];

const CLASSES: [(&str, DestinationClass); 3] = [
    ("local", DestinationClass::Local),
    ("approved", DestinationClass::Approved),
    ("internet", DestinationClass::Internet),
];

pub(super) const OPAQUE: [(&str, OpaqueReason); 5] = [
    ("encrypted", OpaqueReason::Encrypted),
    ("unreadable", OpaqueReason::Unreadable),
    ("damaged", OpaqueReason::Damaged),
    ("over-limit", OpaqueReason::OverLimit),
    ("picture", OpaqueReason::Picture),
];

pub(super) const ARRIVALS: [(&str, Arrival); 2] =
    [("clear", Arrival::Clear), ("tls", Arrival::Tls)];
