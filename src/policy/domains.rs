//! `domains.toml`: the approved government domains, and what is known of each.
//!
//! Owns reading the file and finding the entry for a recipient's domain: its
//! own, or that of the nearest wildcard above it. A retired entry is no
//! approval; it stands so that a wildcard above it does not approve it.
//!
//! `accredited` reads the published list of secure domains, `import` says what
//! it would change, and `write_back` changes it.

pub mod accredited;
pub mod import;
pub mod write_back;

use std::{collections::HashMap, ops::Range};

use jiff::civil::Date;

use crate::mail::{DestinationClass, DestinationFacts, Domain, Level, Protection, TlsRequirement};

use super::{
    Context,
    pattern::DomainPattern,
    protection,
    written::{Fault, Faults, Table, Value},
};

/// What policy knows of where a copy goes.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    pub class: DestinationClass,
    /// The highest level that may be sent there.
    pub clearance: Level,
    /// The entry of `domains.toml`, if there is one: perhaps a retired one.
    pub entry: Option<&'a DomainEntry>,
}

/// One `[[domain]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainEntry {
    pub name: DomainPattern,
    pub standing: Standing,
    /// Who answers for the entry.
    pub owner: String,
    /// Where it is seen that the domain deserves it.
    pub evidence: String,
    /// When somebody must look again.
    pub review: Option<Date>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Approved {
        clearance: Level,
        protection: Protection,
    },
    /// No longer in use, and why.
    Retired(String),
}

/// All entries, found by hash over a domain and its parents.
#[derive(Clone, Debug, Default)]
pub struct Domains {
    local: Vec<Domain>,
    exact: HashMap<Box<str>, DomainEntry>,
    below: HashMap<Box<str>, DomainEntry>,
    /// Where each is named, counted from 1.
    lines: HashMap<DomainPattern, usize>,
}

impl Destination<'_> {
    pub fn facts(&self) -> DestinationFacts {
        DestinationFacts { class: self.class, clearance: self.clearance }
    }

    pub fn is_retired(&self) -> bool {
        matches!(self.entry, Some(DomainEntry { standing: Standing::Retired(_), .. }))
    }

    /// What the domain's own entry asks of the journey.
    pub fn protection(&self) -> Protection {
        match self.entry.map(|entry| &entry.standing) {
            Some(Standing::Approved { protection, .. }) => protection.clone(),
            _ => Protection::default(),
        }
    }

    /// What its entry asks of TLS.
    pub fn tls(&self) -> TlsRequirement {
        match self.entry.map(|entry| &entry.standing) {
            Some(Standing::Approved { protection, .. }) => protection.tls,
            _ => TlsRequirement::default(),
        }
    }
}

impl Domains {
    pub fn local(local: &[Domain]) -> Self {
        Self { local: local.to_vec(), ..Self::default() }
    }

    pub fn destination(&self, domain: &Domain) -> Destination<'_> {
        let entry = self.entry(domain);
        if self.local.contains(domain) {
            return Destination {
                class: DestinationClass::Local,
                clearance: Level::SPECIALLY_PROTECTED,
                entry,
            };
        }
        match entry.map(|entry| &entry.standing) {
            Some(Standing::Approved { clearance, .. }) => {
                Destination { class: DestinationClass::Approved, clearance: *clearance, entry }
            }
            _ => Destination {
                class: DestinationClass::Internet,
                clearance: Level::CONTACT_DETAILS,
                entry,
            },
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &DomainEntry> {
        self.exact.values().chain(self.below.values())
    }

    /// Those that have an entry, or stand behind this gateway.
    pub fn names(&self) -> impl Iterator<Item = &Domain> {
        self.iter().map(|entry| entry.name.domain()).chain(&self.local)
    }

    /// With a domain behind the gateway, where none is named: a policy is
    /// reasoned about without knowing who will run it.
    #[must_use]
    pub fn with_one_local(mut self) -> Self {
        if self.local.is_empty() {
            self.local.extend(SOMEBODYS.parse());
        }
        self
    }

    pub fn local_domains(&self) -> &[Domain] {
        &self.local
    }

    /// The line of `domains.toml` in which an entry is named; 0 if none is.
    pub fn line(&self, name: &DomainPattern) -> usize {
        self.lines.get(name).copied().unwrap_or_default()
    }

    /// Every entry that speaks of a domain, the one that counts first.
    pub fn entries_for<'a>(&'a self, domain: &Domain) -> impl Iterator<Item = &'a DomainEntry> {
        let above = domain.ancestry().skip(1).filter_map(|parent| self.below.get(parent));
        self.exact.get(domain.as_str()).into_iter().chain(above)
    }

    /// The most specific entry: the domain's own, else the nearest wildcard.
    fn entry(&self, domain: &Domain) -> Option<&DomainEntry> {
        self.entries_for(domain).next()
    }

    fn insert(&mut self, entry: DomainEntry) {
        let name = entry.name.domain().as_str().into();
        match entry.name {
            DomainPattern::Exact(_) => self.exact.insert(name, entry),
            DomainPattern::Below(_) => self.below.insert(name, entry),
        };
    }
}

/// Reads the whole file into the table of domains.
pub(super) fn read(faults: &Faults, certificates: &[&str], context: &Context<'_>) -> Domains {
    let root = faults.parse();
    let root = Table::root(&root, faults, "domains.toml", &["domain"]);
    let mut domains = Domains::local(context.local_domains);
    let mut places: HashMap<DomainPattern, Range<usize>> = HashMap::new();
    for table in root.tables("domain", "a domain", &KEYS) {
        let Some(entry) = read_entry(&table, certificates, context.today) else { continue };
        let place = table.value("name").map_or(table.span(), |name| name.span());
        if let Some(first) = places.insert(entry.name.clone(), place.clone()) {
            faults.error(duplicate(&entry.name, faults, first, place));
            continue;
        }
        domains.lines.insert(entry.name.clone(), faults.line(place.start));
        domains.insert(entry);
    }
    warn_of_approvals_below_retired(&domains, &places, faults);
    domains
}

fn duplicate(
    name: &DomainPattern,
    faults: &Faults,
    first: Range<usize>,
    second: Range<usize>,
) -> Fault {
    let line = faults.line(first.start);
    Fault::new("domain-duplicate", format!("`{name}` has two entries"))
        .at(second)
        .label(format!("the first is in line {line}"))
        .help("keep the one that is right")
}

fn read_entry(table: &Table<'_>, certificates: &[&str], today: Date) -> Option<DomainEntry> {
    let name = table.required("name").and_then(|name| name.parsed("domain-name"));
    let owner = table.required("owner").and_then(|owner| owner.sentence());
    let evidence = table.required("evidence").and_then(|evidence| evidence.sentence());
    let standing = match table.value("retired") {
        Some(why) => read_retired(table, &why),
        None => read_approved(table, certificates),
    };
    let review = read_review(table, standing.as_ref(), today);
    Some(DomainEntry {
        name: name?,
        standing: standing?,
        owner: owner?.to_owned(),
        evidence: evidence?.to_owned(),
        review,
    })
}

fn read_retired(table: &Table<'_>, why: &Value<'_>) -> Option<Standing> {
    for key in std::iter::once("clearance").chain(protection::KEYS) {
        if let Some(value) = table.value(key) {
            table.faults().error(
                value
                    .fault("domain-retired", format!("a retired domain has no `{key}`"))
                    .help("take this line out, or the line `retired`"),
            );
        }
    }
    Some(Standing::Retired(why.sentence()?.to_owned()))
}

fn read_approved(table: &Table<'_>, certificates: &[&str]) -> Option<Standing> {
    let clearance = table.required("clearance").and_then(|value| read_level(&value));
    let protection = protection::read(table, certificates, clearance);
    Some(Standing::Approved { clearance: clearance?, protection: protection? })
}

pub(super) fn read_level(value: &Value<'_>) -> Option<Level> {
    let number = value.integer()?;
    let level = u8::try_from(number).ok().and_then(|number| Level::try_from(number).ok());
    level.or_else(|| {
        value.invalid("level-range", format!("a level is a number from 0 to 4, found {number}"))
    })
}

fn read_review(table: &Table<'_>, standing: Option<&Standing>, today: Date) -> Option<Date> {
    // Nothing about a retired domain can change for the better.
    if matches!(standing, Some(Standing::Retired(_))) && table.value("review").is_none() {
        return None;
    }
    let value = table.required("review")?;
    let review = value.date()?;
    if review < today {
        table.faults().warning(
            value
                .fault(
                    "domain-review-overdue",
                    format!("this entry was to be reviewed by {review}"),
                )
                .label("overdue")
                .help("look at the evidence again, then write the next review date"),
        );
    }
    Some(review)
}

/// An approval below a retired domain is most likely an old list come back.
fn warn_of_approvals_below_retired(
    domains: &Domains,
    places: &HashMap<DomainPattern, Range<usize>>,
    faults: &Faults,
) {
    let approved = domains.iter().filter(|e| matches!(e.standing, Standing::Approved { .. }));
    for entry in approved {
        let retired = entry.name.domain().ancestry().skip(1).find_map(|parent| {
            let above = domains.below.get(parent)?;
            matches!(above.standing, Standing::Retired(_)).then_some(above)
        });
        let (Some(retired), Some(place)) = (retired, places.get(&entry.name)) else { continue };
        faults.warning(
            Fault::new(
                "domain-below-retired",
                format!("`{}` is approved, but `{}` is retired", entry.name, retired.name),
            )
            .at(place.clone())
            .label("approved here")
            .help("take the entry out, unless the domain is known to be in use again"),
        );
    }
}

/// A domain of whoever will run the policy.
const SOMEBODYS: &str = "our-own-domain.example";

const KEYS: [&str; 13] = [
    "name",
    "clearance",
    "tls",
    "mx_names",
    "vouched_by",
    "trust_anchors",
    "pinned_keys",
    "min_tls_version",
    "ciphers",
    "owner",
    "evidence",
    "review",
    "retired",
];
