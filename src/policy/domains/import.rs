//! What the published list would change in `domains.toml`.
//!
//! Owns the difference, entry by entry. What an officer has written by hand is
//! never lowered nor raised: it is kept, and said to be. An entry is the list's
//! own if its evidence names the list, and of those only the evidence, the
//! review date and the owner follow it.

use jiff::civil::Date;

use super::{
    super::pattern::DomainPattern,
    DomainEntry, Domains, Standing,
    accredited::{Accreditation, AccreditedList, MailSystem},
};
use crate::mail::{Level, Protection, TlsRequirement, TlsVersion};

/// What is written where the list has a domain.
#[derive(Clone, Debug)]
pub struct Terms {
    pub clearance: Level,
    pub tls: TlsRequirement,
    pub owner: Option<String>,
    /// The list, as evidence names it: `DCB1596 list of 2026-11-23`.
    pub list: String,
    pub review: Date,
    pub exchange_names: ExchangeNames,
}

/// Whether the MX name that Exchange Online gives a domain is vouched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeNames {
    LeftOut,
    VouchedFor,
}

/// All that importing the list would come to.
#[derive(Clone, Debug)]
pub struct Import {
    pub proposals: Vec<Proposal>,
    /// Entries of an earlier list whose domains are no longer on it.
    pub gone: Vec<Gone>,
}

/// What becomes of one domain of the list.
#[derive(Clone, Debug)]
pub struct Proposal {
    pub accreditation: Accreditation,
    pub change: Change,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    New(NewEntry),
    /// What is written anew: key, value before, value after.
    Renewed(Vec<Field>),
    Unchanged,
    /// An officer's own word stands, and what it says.
    Kept(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEntry {
    pub clearance: Level,
    pub tls: TlsRequirement,
    pub mx_names: Vec<String>,
    pub evidence: String,
    /// What it is narrower than, and what it took from there.
    pub note: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub key: &'static str,
    pub before: String,
    pub after: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    pub name: DomainPattern,
    pub evidence: String,
    pub line: usize,
}

impl Import {
    pub fn of(list: &AccreditedList, domains: &Domains, terms: &Terms) -> Self {
        let proposal = |accreditation: &Accreditation| Proposal {
            accreditation: accreditation.clone(),
            change: change(accreditation, domains, terms),
        };
        let listed = |name: &DomainPattern| {
            list.accreditations.iter().any(|one| DomainPattern::Exact(one.domain.clone()) == *name)
        };
        let no_longer =
            domains.iter().filter(|entry| terms.is_of_list(entry) && !listed(&entry.name));
        let mut gone: Vec<Gone> = no_longer
            .map(|entry| Gone {
                name: entry.name.clone(),
                evidence: entry.evidence.clone(),
                line: domains.line(&entry.name),
            })
            .collect();
        gone.sort_by_key(|gone| gone.line);
        Self { proposals: list.accreditations.iter().map(proposal).collect(), gone }
    }

    pub fn is_nothing(&self) -> bool {
        let changes =
            |proposal: &Proposal| matches!(proposal.change, Change::New(_) | Change::Renewed(_));
        !self.proposals.iter().any(changes)
    }
}

impl Terms {
    fn evidence(&self, accreditation: &Accreditation) -> String {
        let (list, line) = (&self.list, accreditation.line);
        match accreditation.organisation.as_str() {
            "" => format!("{list}, line {line}"),
            organisation => format!("{list}, line {line}: {organisation}"),
        }
    }

    /// Whether an entry was written from this list, or an earlier one of its
    /// name: `DCB1596 list` before `of` and a date.
    fn is_of_list(&self, entry: &DomainEntry) -> bool {
        let name = self.list.split_once(" of ").map_or(self.list.as_str(), |(name, _)| name);
        let rest = entry.evidence.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(" of ") || rest.starts_with(", line "))
    }
}

fn change(accreditation: &Accreditation, domains: &Domains, terms: &Terms) -> Change {
    let entry = domains.entry(&accreditation.domain);
    let Some(entry) = entry else { return Change::New(new_entry(accreditation, terms)) };
    let line = domains.line(&entry.name);
    let own = matches!(entry.name, DomainPattern::Exact(_));
    match &entry.standing {
        Standing::Retired(why) => {
            let name = &entry.name;
            Change::Kept(format!("`{name}` is retired in line {line}: {why}"))
        }
        Standing::Approved { .. } if own && terms.is_of_list(entry) => {
            renewed(accreditation, entry, terms)
        }
        Standing::Approved { clearance, protection } if own => {
            let mut kept = format!("yours, in line {line}: clearance {clearance}");
            if *clearance < terms.clearance {
                kept.push_str(&format!("; the list would give {}", terms.clearance));
            }
            if protection.tls > terms.tls {
                kept.push_str(&format!("; TLS {} is stricter", protection.tls));
            }
            Change::Kept(kept)
        }
        Standing::Approved { clearance, protection } => {
            below(accreditation, (*clearance, protection), (&entry.name, line), terms)
        }
    }
}

/// A wildcard speaks for the domain so far.
fn below(
    accreditation: &Accreditation,
    (clearance, protection): (Level, &Protection),
    (name, line): (&DomainPattern, usize),
    terms: &Terms,
) -> Change {
    if clearance >= terms.clearance && protection.tls >= terms.tls {
        return Change::Kept(format!("`{name}` in line {line} covers it already"));
    }
    let says_more = !protection.mx_names.is_empty()
        || !protection.trust.is_system()
        || protection.min_version != TlsVersion::default();
    if says_more {
        let why = "says more of the journey than the list does";
        return Change::Kept(format!("`{name}` in line {line} {why}: write this entry by hand"));
    }
    let entry = new_entry(accreditation, terms);
    let (new_clearance, new_tls) = (entry.clearance.max(clearance), entry.tls.max(protection.tls));
    let mut note = format!("narrower than `{name}` (clearance {clearance}, {})", protection.tls);
    if new_tls > entry.tls {
        note.push_str(", whose TLS it keeps");
    }
    Change::New(NewEntry { clearance: new_clearance, tls: new_tls, note: Some(note), ..entry })
}

fn new_entry(accreditation: &Accreditation, terms: &Terms) -> NewEntry {
    let exchange = terms.exchange_names == ExchangeNames::VouchedFor
        && accreditation.system == MailSystem::Microsoft365;
    let label = accreditation.domain.as_str().replace('.', "-");
    let mx_names = exchange.then(|| format!("{label}.mail.protection.outlook.com"));
    NewEntry {
        clearance: terms.clearance,
        tls: terms.tls,
        mx_names: mx_names.into_iter().collect(),
        evidence: terms.evidence(accreditation),
        note: None,
    }
}

fn renewed(accreditation: &Accreditation, entry: &DomainEntry, terms: &Terms) -> Change {
    let mut fields = Vec::new();
    let mut differs = |key, before: &str, after: &str| {
        if before != after {
            let (before, after) = (before.to_owned(), after.to_owned());
            fields.push(Field { key, before, after });
        }
    };
    if let Some(owner) = &terms.owner {
        differs("owner", &entry.owner, owner);
    }
    let review = entry.review.map(|day| day.to_string()).unwrap_or_default();
    // The same list read twice says nothing new of the day.
    let evidence = terms.evidence(accreditation);
    if entry.evidence != evidence {
        differs("evidence", &entry.evidence, &evidence);
        differs("review", &review, &terms.review.to_string());
    }
    if fields.is_empty() { Change::Unchanged } else { Change::Renewed(fields) }
}

#[cfg(test)]
pub(super) mod tests;
