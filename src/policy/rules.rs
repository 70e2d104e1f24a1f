//! `rules.toml`, and the rules in `organisations/`: reading and checking each.

use std::sync::Arc;

use jiff::civil::Date;

use crate::mail::{Mode, NextHop, RuleSeverity, Told, Urgency};

use super::{
    additions,
    condition::Membership,
    disclaimers::TagLines,
    organisation::Organisation,
    protection::TLS,
    reasoning::rule_sense,
    rule::{Exemption, Rule},
    settings::{DISPOSITIONS, LevelNames},
    template::{REASON_FIELDS, Template},
    when,
    written::{Faults, Table, Value},
};

/// What is known before rules are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct RuleContext<'a> {
    pub(super) disclaimers: &'a TagLines,
    pub(super) level_names: &'a LevelNames,
    pub(super) organisations: &'a [Membership],
    pub(super) today: Date,
}

/// The rules and exemptions of one file, each with the place of its name, or
/// of the names it lifts, for what can only be checked across files.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) rules: Vec<(Rule, std::ops::Range<usize>)>,
    pub(super) exemptions: Vec<(Exemption, Vec<std::ops::Range<usize>>)>,
    /// The name of every rule, also of those that are faulty or not in force
    /// today: each is taken, and may be spoken of.
    pub(super) names: Vec<(String, std::ops::Range<usize>)>,
    /// Days on which something takes effect or ceases to.
    pub(super) turns: Vec<Date>,
    /// Of every exemption, also of those that are not in force today.
    pub(super) periods: Vec<ExemptionPeriod>,
    /// Whose rules these are.
    pub(super) organisation: Option<Arc<Organisation>>,
}

pub(super) fn read(faults: &Faults, context: &RuleContext<'_>) -> Written {
    let root = faults.parse();
    let root = Table::root(&root, faults, "rules.toml", &["rule", "exemption"]);
    read_tables(&root, context, None)
}

/// Every `[[rule]]` and `[[exemption]]` of a file.
pub(super) fn read_tables(
    root: &Table<'_>,
    context: &RuleContext<'_>,
    organisation: Option<&Arc<Organisation>>,
) -> Written {
    let mut written = Written { organisation: organisation.cloned(), ..Written::default() };
    for table in root.tables("rule", "a rule", &RULE_KEYS) {
        let period = read_period(&table, "rule-expired", context.today, &mut written.turns);
        let place = table.value("name").map_or(table.span(), |name| name.span());
        let name = table.value("name").filter(Value::is_string).and_then(|name| name.string());
        if let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) {
            written.names.push((name.to_owned(), place.clone()));
        }
        let rule = read_rule(&table, context, organisation);
        if let Some(rule) = rule.filter(|_| period == Period::InForce) {
            written.rules.push((rule, place));
        }
    }
    for table in root.tables("exemption", "an exemption", &EXEMPTION_KEYS) {
        let period = read_period(&table, "exemption-expired", context.today, &mut written.turns);
        let Some(exemption) = read_exemption(&table, context, organisation) else { continue };
        written.periods.push(ExemptionPeriod { period, expires: exemption.expires });
        let places = table.value("rules").map(|names| names.one_or_many());
        let places = places.unwrap_or_default().iter().map(Value::span).collect();
        if period == Period::InForce {
            written.exemptions.push((exemption, places));
        }
    }
    written
}

/// How long an exemption counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ExemptionPeriod {
    pub(super) period: Period,
    pub(super) expires: Date,
}

/// Whether something is in force on the day for which it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Period {
    InForce,
    Dormant,
}

/// `effective` is the first day on which it counts, `expires` the last.
fn read_period(
    table: &Table<'_>,
    code_expired: &'static str,
    today: Date,
    turns: &mut Vec<Date>,
) -> Period {
    let effective = table.value("effective").and_then(|value| value.date());
    let written_expiry = table.value("expires");
    let expires = written_expiry.and_then(|value| value.date());
    let day_after = expires.and_then(|last| last.tomorrow().ok());
    turns.extend(effective.into_iter().chain(day_after).filter(|turn| *turn > today));
    if let (Some(value), Some(last)) = (written_expiry, expires.filter(|last| *last < today)) {
        let what = table.what();
        table.faults().warning(
            value
                .fault(code_expired, format!("{what} that expired on {last} counts no longer"))
                .label("expired")
                .help("take it out, or write a later date"),
        );
        return Period::Dormant;
    }
    match effective {
        Some(first) if first > today => Period::Dormant,
        _ => Period::InForce,
    }
}

fn read_rule(
    table: &Table<'_>,
    context: &RuleContext<'_>,
    organisation: Option<&Arc<Organisation>>,
) -> Option<Rule> {
    // Everything is read before anything is given up, so that all faults of
    // the rule are found.
    let name = table.required("name").and_then(|value| value.sentence());
    let when = table
        .required("when")
        .and_then(|value| value.table("a condition", &when::KEYS))
        .and_then(|table| when::read(&table, context.organisations));
    let then = optional(table, "then", |value| value.choice(&DISPOSITIONS));
    let tls = optional(table, "tls", |value| value.choice(&TLS));
    let redirect_to = optional(table, "redirect_to", |value| value.parsed("next-hop"));
    let fallback = optional(table, "fallback", read_fallback);
    let urgency = optional(table, "urgent", |value| value.either(Urgency::Urgent, Urgency::Usual));
    let tag_line = |value: &Value<'_>| additions::tag_line(value, context.disclaimers);
    let disclaimer = optional(table, "disclaimer", tag_line);
    let banner = optional(table, "banner", tag_line);
    let wrapped = optional(table, "protected", additions::wrapped);
    let tag_subject = optional(table, "tag_subject", additions::subject_tag);
    let strip_subject = match table.value("strip_subject") {
        Some(value) => value.list(additions::subject_tag),
        None => Some(Vec::new()),
    };
    let headers = match table.value("add_headers") {
        Some(value) => additions::headers(&value, context.level_names, name.unwrap_or_default()),
        None => Some(Vec::new()),
    };
    let remove_headers = match table.value("remove_headers") {
        Some(value) => value.list(|names| names.parsed("header-removed")),
        None => Some(Vec::new()),
    };
    let copy_to = match table.value("copy_to") {
        Some(value) => when::read_addresses(&value),
        None => Some(Vec::new()),
    };
    let tell = match table.value("tell") {
        Some(value) => value.list(|told| told.choice(&TOLD)),
        None => Some(Vec::new()),
    };
    let mode = optional(table, "mode", |value| value.choice(&MODES));
    let canary = optional(table, "canary", |value| value.parsed("rule-canary"));
    let severity = optional(table, "severity", |value| {
        value.choice(&RuleSeverity::ALL.map(|severity| (severity.name(), severity)))
    });
    let reason = optional(table, "reason", |value| Template::read(value, &REASON_FIELDS));
    let owner = optional(table, "owner", |value| value.sentence().map(str::to_owned));
    let rule = Rule {
        name: name?.to_owned(),
        when: when?,
        then: then?,
        tls: tls?,
        redirect_to: redirect_to?,
        fallback: fallback?,
        urgency: urgency?.unwrap_or_default(),
        disclaimer: disclaimer?,
        banner: banner?,
        wrapped: wrapped?.unwrap_or_default(),
        tag_subject: tag_subject?,
        strip_subject: strip_subject?,
        add_headers: headers?,
        remove_headers: remove_headers?,
        copy_to: copy_to?,
        tell: tell?,
        mode: mode?.unwrap_or_default(),
        canary: canary?,
        severity: severity?,
        reason: reason?.unwrap_or_default(),
        owner: owner?,
        organisation: organisation.cloned(),
        exemptions: Vec::new(),
    };
    rule_sense::check(table, &rule);
    Some(rule)
}

/// `Some(None)` where the key is not there, `None` where it is faulty.
fn optional<'a, T>(
    table: &Table<'a>,
    key: &str,
    read: impl FnOnce(&Value<'a>) -> Option<T>,
) -> Option<Option<T>> {
    match table.value(key) {
        None => Some(None),
        Some(value) => read(&value).map(Some),
    }
}

/// Another host, for what its own destination cannot take safely.
fn read_fallback(value: &Value<'_>) -> Option<NextHop> {
    let next_hop = value.parsed("next-hop")?;
    if matches!(next_hop, NextHop::Smtp { .. } | NextHop::Lmtp { .. }) {
        return Some(next_hop);
    }
    value.faults().error(
        value
            .fault(
                "rule-fallback-nowhere",
                format!("`{next_hop}` cannot stand in for a mail system"),
            )
            .label("where the mail goes if its TLS cannot be had")
            .help("write another host, such as `smtp://portal.example:25`"),
    );
    None
}

fn read_exemption(
    table: &Table<'_>,
    context: &RuleContext<'_>,
    organisation: Option<&Arc<Organisation>>,
) -> Option<Exemption> {
    let rules = table
        .required("rules")
        .and_then(|value| value.list(|name| name.sentence().map(str::to_owned)));
    let written_when = table.required("when");
    let when = written_when
        .and_then(|value| value.table("a condition", &when::KEYS))
        .and_then(|table| when::read(&table, context.organisations));
    let owner = table.required("owner").and_then(|value| value.sentence());
    let reason = table.required("reason").and_then(|value| value.sentence());
    let expires = table.required("expires").and_then(|value| value.date());
    if let (Some(value), Some(true)) = (written_when, when.as_ref().map(|when| when.is_empty())) {
        table.faults().error(
            value
                .fault("exemption-for-all", "an exemption says for whom or what it is")
                .label("this is everybody, always")
                .help("name the sender, the recipient or their domains; or take out the rule"),
        );
    }
    Some(Exemption {
        rules: rules?,
        when: when?,
        owner: owner?.to_owned(),
        reason: reason?.to_owned(),
        expires: expires?,
        organisation: organisation.cloned(),
    })
}

const RULE_KEYS: [&str; 23] = [
    "name",
    "when",
    "then",
    "tls",
    "redirect_to",
    "fallback",
    "urgent",
    "disclaimer",
    "banner",
    "protected",
    "tag_subject",
    "strip_subject",
    "add_headers",
    "remove_headers",
    "copy_to",
    "tell",
    "mode",
    "canary",
    "severity",
    "reason",
    "owner",
    "effective",
    "expires",
];

const EXEMPTION_KEYS: [&str; 6] = ["rules", "when", "owner", "reason", "effective", "expires"];

const TOLD: [(&str, Told); 2] = [("sender", Told::Sender), ("officers", Told::Officers)];

const MODES: [(&str, Mode); 2] = [("observe", Mode::Observe), ("enforce", Mode::Enforce)];
