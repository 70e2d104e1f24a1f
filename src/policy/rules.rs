//! `rules.toml`, and the rules in `organisations/`: reading and checking each.

use std::sync::Arc;

use jiff::civil::Date;

use crate::mail::{Disposition, Mode, NextHop, Told, Urgency};

use super::{
    disclaimers::{TagLine, TagLines},
    nearest::did_you_mean,
    organisation::Organisation,
    protection::TLS,
    rule::{Exemption, Rule},
    settings::{DISPOSITIONS, LevelNames},
    template::{Field, HEADER_FIELDS, REASON_FIELDS, Template},
    when,
    written::{Fault, Faults, Table, Value},
};

/// What is known before rules are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct RuleContext<'a> {
    pub(super) disclaimers: &'a TagLines,
    pub(super) level_names: &'a LevelNames,
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
        let Some(exemption) = read_exemption(&table, organisation) else { continue };
        let places = table.value("rules").map(|names| names.one_or_many());
        let places = places.unwrap_or_default().iter().map(Value::span).collect();
        if period == Period::InForce {
            written.exemptions.push((exemption, places));
        }
    }
    written
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Period {
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
        .and_then(|table| when::read(&table));
    let then = optional(table, "then", |value| value.choice(&DISPOSITIONS));
    let tls = optional(table, "tls", |value| value.choice(&TLS));
    let redirect_to = optional(table, "redirect_to", |value| value.parsed("next-hop"));
    let fallback = optional(table, "fallback", read_fallback);
    let urgency = optional(table, "urgent", |value| value.either(Urgency::Urgent, Urgency::Usual));
    let disclaimer = optional(table, "disclaimer", |value| named(value, context.disclaimers));
    let headers = match table.value("add_headers") {
        Some(value) => read_headers(&value, context.level_names, name.unwrap_or_default()),
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
        add_headers: headers?,
        copy_to: copy_to?,
        tell: tell?,
        mode: mode?.unwrap_or_default(),
        reason: reason?.unwrap_or_default(),
        owner: owner?,
        organisation: organisation.cloned(),
        exemptions: Vec::new(),
    };
    check_sense(table, &rule);
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

/// Whether what the rule asks for makes a whole.
fn check_sense(table: &Table<'_>, rule: &Rule) {
    let faults = table.faults();
    let place = table.value("name").map_or(table.span(), |name| name.span());
    let then_place = table.value("then").map_or(place.clone(), |then| then.span());
    let stops = rule.then.filter(|then| *then > Disposition::Relay);
    if let Some(then) = stops.filter(|_| rule.reason.is_empty()) {
        faults.error(
            Fault::new("rule-without-reason", format!("a rule that says {then} gives a reason"))
                .at(then_place.clone())
                .label("and no `reason` is given")
                .help("add `reason = \"…\"`: say what was found and what the sender can do"),
        );
    }
    if rule.then == Some(Disposition::Hold) && rule.tell.is_empty() {
        faults.warning(
            Fault::new("rule-tells-nobody", "mail held by this rule waits, and nobody knows")
                .at(then_place.clone())
                .label("holds in silence")
                .help("add `tell = [\"sender\", \"officers\"]`"),
        );
    }
    check_redirect(table, rule, then_place);
    let adds_nothing = rule.tls.is_none()
        && rule.fallback.is_none()
        && rule.urgency == Urgency::Usual
        && rule.disclaimer.is_none()
        && rule.add_headers.is_empty()
        && rule.copy_to.is_empty()
        && rule.tell.is_empty();
    if rule.then.is_none() && adds_nothing {
        faults.warning(
            Fault::new("rule-does-nothing", "this rule asks for nothing")
                .at(place)
                .label("no `then`, `tls`, `fallback`, `urgent`, nor anything added or told")
                .help("say what must happen, such as `then = \"hold\"`"),
        );
    }
}

fn check_redirect(table: &Table<'_>, rule: &Rule, then_place: std::ops::Range<usize>) {
    let redirects = rule.then == Some(Disposition::Redirect);
    match (redirects, table.value("redirect_to")) {
        (true, None) => table.faults().error(
            Fault::new("rule-redirect-nowhere", "a rule that redirects says where to")
                .at(then_place)
                .label("and no `redirect_to` is given")
                .help("add `redirect_to = \"smtp://portal.example:25\"`"),
        ),
        (false, Some(value)) => table.faults().error(
            value
                .fault("rule-redirect-unused", "`redirect_to` has no effect in this rule")
                .help("write `then = \"redirect\"`, or take this line out"),
        ),
        (true, Some(value)) if rule.redirect_to == Some(NextHop::Mx) => table.faults().error(
            value
                .fault("rule-redirect-nowhere", "`mx` is where the mail would have gone anyway")
                .help("write another next hop, such as `smtp://portal.example:25`"),
        ),
        _ => {}
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

fn named(value: &Value<'_>, disclaimers: &TagLines) -> Option<Arc<TagLine>> {
    let name = value.string()?;
    if let Some(disclaimer) = disclaimers.get(name) {
        return Some(Arc::clone(disclaimer));
    }
    let help = did_you_mean(name, disclaimers.keys())
        .unwrap_or_else(|| format!("write disclaimers/{name}.txt and disclaimers/{name}.html"));
    value.faults().error(
        value
            .fault("disclaimer-unknown", format!("there is no tag line `{name}`"))
            .label("not in disclaimers/")
            .help(help),
    );
    None
}

fn read_headers(
    value: &Value<'_>,
    levels: &LevelNames,
    rule: &str,
) -> Option<Vec<(String, Template)>> {
    let table = value.open_table("add_headers")?;
    let read: Vec<_> = table
        .values()
        .map(|field| {
            let content = Template::read(&field, &HEADER_FIELDS);
            let name = check_header_name(&field)?;
            let content = check_header_content(&field, content?, levels, rule)?;
            Some((name, content))
        })
        .collect();
    read.into_iter().collect()
}

/// RFC 5322 section 2.2: printable US-ASCII but the colon.
fn check_header_name(field: &Value<'_>) -> Option<String> {
    let name = field.key();
    let legal = !name.is_empty()
        && name.len() <= LONGEST_HEADER_NAME
        && name.bytes().all(|octet| octet.is_ascii_graphic() && octet != b':');
    if !legal {
        let message = format!("`{name}` cannot be the name of a header field");
        return field.invalid("header-name", message);
    }
    let lower = name.to_ascii_lowercase();
    if PROTECTED.contains(&lower.as_str()) || lower.starts_with("content-") {
        field.faults().error(
            field
                .fault("header-protected", format!("a rule cannot add a second `{name}`"))
                .help("add a field of your own, such as `X-Policy`"),
        );
        return None;
    }
    Some(name.to_owned())
}

fn check_header_content(
    field: &Value<'_>,
    content: Template,
    levels: &LevelNames,
    rule: &str,
) -> Option<Template> {
    let printable = |text: &str| text.bytes().all(|octet| (b' '..=b'~').contains(&octet));
    let filled_printable = (!content.uses(Field::LevelName) || levels.iter().all(printable))
        && (!content.uses(Field::Rule) || printable(rule));
    let written = field.string()?;
    if !printable(written) || !filled_printable || written.len() > LONGEST_HEADER_CONTENT {
        field.faults().error(
            field
                .fault("header-content", "a header field carries printable US-ASCII only")
                .label(format!("at most {LONGEST_HEADER_CONTENT} characters, in one line"))
                .help("use plain letters here, and in the names that its fields stand for"),
        );
        return None;
    }
    Some(content)
}

fn read_exemption(
    table: &Table<'_>,
    organisation: Option<&Arc<Organisation>>,
) -> Option<Exemption> {
    let rules = table
        .required("rules")
        .and_then(|value| value.list(|name| name.sentence().map(str::to_owned)));
    let written_when = table.required("when");
    let when = written_when
        .and_then(|value| value.table("a condition", &when::KEYS))
        .and_then(|table| when::read(&table));
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

const RULE_KEYS: [&str; 16] = [
    "name",
    "when",
    "then",
    "tls",
    "redirect_to",
    "fallback",
    "urgent",
    "disclaimer",
    "add_headers",
    "copy_to",
    "tell",
    "mode",
    "reason",
    "owner",
    "effective",
    "expires",
];

const EXEMPTION_KEYS: [&str; 6] = ["rules", "when", "owner", "reason", "effective", "expires"];

const TOLD: [(&str, Told); 2] = [("sender", Told::Sender), ("officers", Told::Officers)];

const MODES: [(&str, Mode); 2] = [("observe", Mode::Observe), ("enforce", Mode::Enforce)];

/// Fields of which a message has one (RFC 5322 section 3.6), and those that
/// others sign or trace by.
const PROTECTED: [&str; 16] = [
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "subject",
    "received",
    "return-path",
    "mime-version",
    "dkim-signature",
    "authentication-results",
];

const LONGEST_HEADER_NAME: usize = 64;
const LONGEST_HEADER_CONTENT: usize = 200;
