//! `policy.toml`: what the levels are called, how far the rules are rolled
//! out, and the invariants no rule may break.

use crate::mail::{Address, Disposition, Domain, Level, TlsRequirement};

use super::{
    condition::{Conditions, Membership},
    pattern::DomainPattern,
    protection::TLS,
    when,
    written::{Fault, Faults, Table, Value},
};

#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    /// Who is told of held messages, where a rule says `tell = ["officers"]`.
    pub officers: Vec<Address>,
    /// Whose ARC seals are believed (RFC 8617 section 7.2.1).
    pub trusted_sealers: Vec<DomainPattern>,
    /// What is meant by `{organisation}` where the sender's has no file.
    pub organisation: String,
    pub level_names: LevelNames,
    pub rollout: Rollout,
    pub invariants: Vec<Invariant>,
}

/// What each level is called, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LevelNames([String; Level::ALL.len()]);

/// Whether the rules stop mail, or only say what they would stop.
///
/// While observing, no rule holds, rejects, defers or redirects, and none
/// makes mail wait for TLS, except for recipients in `enforce_to`. What rules
/// add (tag lines, headers, copies) is added all the same, and what a
/// domain's own entry or a route asks of TLS is asked all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rollout {
    #[default]
    Enforce,
    Observe {
        enforce_to: Vec<DomainPattern>,
    },
}

/// What must never come of any facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invariant {
    pub name: String,
    /// The facts it speaks of.
    pub when: Conditions,
    /// Broken if the disposition is one of these; any, where it is empty.
    pub dispositions: Vec<Disposition>,
    /// Broken only if the journey needs less than this.
    pub tls_below: Option<TlsRequirement>,
    /// Broken only if it lacks any of these.
    pub lacking: Vec<Lacking>,
}

/// What people must be given where mail is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacking {
    /// Why.
    Reason,
    /// What can be done next, or who will.
    WayOut,
}

impl LevelNames {
    pub fn name(&self, level: Level) -> &str {
        self.0.get(usize::from(level.number())).map_or("", String::as_str)
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl Rollout {
    pub fn enforces(&self, recipient: &Domain) -> bool {
        match self {
            Self::Enforce => true,
            Self::Observe { enforce_to } => {
                enforce_to.iter().any(|pattern| pattern.matches(recipient))
            }
        }
    }
}

/// What `{organisation}` stands for where nobody says.
pub const SOME_ORGANISATION: &str = "an NHS or social care organisation";

pub(super) fn read(faults: &Faults, organisations: &[Membership]) -> Settings {
    let root = faults.parse();
    let root = Table::root(
        &root,
        faults,
        "policy.toml",
        &["officers", "trusted_sealers", "organisation", "levels", "rollout", "invariant"],
    );
    let officers = root
        .value("officers")
        .and_then(|value| value.list(|address| address.parsed("bad-address")))
        .unwrap_or_default();
    let trusted_sealers =
        root.value("trusted_sealers").and_then(|value| when::read_patterns(&value));
    let organisation = root.value("organisation").and_then(|value| value.sentence());
    let level_names = root.required("levels").and_then(|levels| read_levels(&levels));
    let rollout = root.value("rollout").and_then(|rollout| read_rollout(&rollout));
    let mut invariants: Vec<Invariant> = Vec::new();
    for table in root.tables("invariant", "an invariant", &["name", "never"]) {
        let Some(invariant) = read_invariant(&table, organisations) else { continue };
        if invariants.iter().any(|other| other.name == invariant.name) {
            let span = table.value("name").map_or(table.span(), |name| name.span());
            let message = format!("two invariants are named `{}`", invariant.name);
            faults.invalid("invariant-duplicate", span, message);
        }
        invariants.push(invariant);
    }
    Settings {
        officers,
        trusted_sealers: trusted_sealers.unwrap_or_default(),
        organisation: organisation.unwrap_or(SOME_ORGANISATION).to_owned(),
        level_names: level_names.unwrap_or_default(),
        rollout: rollout.unwrap_or_default(),
        invariants,
    }
}

fn read_levels(value: &Value<'_>) -> Option<LevelNames> {
    let table = value.table("[levels]", &LEVEL_KEYS)?;
    let mut names = LevelNames::default();
    let mut faulty = false;
    for (name, key) in names.0.iter_mut().zip(LEVEL_KEYS) {
        match table.required(key).and_then(|value| value.sentence()) {
            Some(written) => written.clone_into(name),
            None => faulty = true,
        }
    }
    (!faulty).then_some(names)
}

fn read_rollout(value: &Value<'_>) -> Option<Rollout> {
    let table = value.table("[rollout]", &["mode", "enforce_to"])?;
    let enforce_to = table.value("enforce_to");
    let observes = table.required("mode")?.choice(&[("enforce", false), ("observe", true)])?;
    if !observes {
        if let Some(enforce_to) = enforce_to.filter(|list| !list.one_or_many().is_empty()) {
            table.faults().warning(
                enforce_to
                    .fault("rollout-enforce-to", "`enforce_to` says nothing where all is enforced")
                    .label("has no effect")
                    .help("take it out, or write mode = \"observe\""),
            );
        }
        return Some(Rollout::Enforce);
    }
    let enforce_to = match enforce_to.filter(|list| !list.one_or_many().is_empty()) {
        Some(list) => when::read_patterns(&list)?,
        None => Vec::new(),
    };
    Some(Rollout::Observe { enforce_to })
}

fn read_invariant(table: &Table<'_>, organisations: &[Membership]) -> Option<Invariant> {
    let name = table.required("name").and_then(|name| name.sentence());
    let never = table.required("never")?;
    let keys: Vec<&str> =
        when::KEYS.into_iter().chain(["disposition", "tls_below", "lacking"]).collect();
    let never_table = never.table("an invariant", &keys)?;
    let conditions = when::read(&never_table, organisations);
    let dispositions = match never_table.value("disposition") {
        Some(value) => value.list(|word| word.choice(&DISPOSITIONS)),
        None => Some(Vec::new()),
    };
    let tls_below = match never_table.value("tls_below") {
        Some(value) => Some(value.choice(&TLS)?),
        None => None,
    };
    let lacking = match never_table.value("lacking") {
        Some(value) => value.list(|word| word.choice(&LACKING))?,
        None => Vec::new(),
    };
    let dispositions = dispositions?;
    if dispositions.is_empty() && tls_below.is_none() && lacking.is_empty() {
        table.faults().error(
            Fault::new("invariant-without-outcome", "this invariant forbids nothing")
                .at(never.span())
                .label("says when, but not what must not happen")
                .help("add `disposition = \"relay\"` or `tls_below = \"verified\"`"),
        );
    }
    Some(Invariant { name: name?.to_owned(), when: conditions?, dispositions, tls_below, lacking })
}

const LEVEL_KEYS: [&str; Level::ALL.len()] = ["0", "1", "2", "3", "4"];

const LACKING: [(&str, Lacking); 2] = [("reason", Lacking::Reason), ("way_out", Lacking::WayOut)];

pub(super) const DISPOSITIONS: [(&str, Disposition); 5] = [
    ("relay", Disposition::Relay),
    ("redirect", Disposition::Redirect),
    ("defer", Disposition::Defer),
    ("hold", Disposition::Hold),
    ("reject", Disposition::Reject),
];
