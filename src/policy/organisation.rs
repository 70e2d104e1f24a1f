//! `organisations/`: one file an NHS organisation, named by its ODS code.
//!
//! Its rules apply to what its own domains send, on top of the national ones;
//! since rules can only tighten, so can it. Its exemptions lift its own rules
//! and no others (law 4).

use std::sync::Arc;

use crate::mail::{Domain, MessageFacts};

use super::{
    condition::{Condition, Membership},
    disclaimers::{LANGUAGES, Language},
    pattern::DomainPattern,
    rules::{self, RuleContext, Written},
    sources::Sources,
    when,
    written::{Fault, Faults, Table, Value},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    /// Organisation Data Service code, such as `X26`.
    pub ods: String,
    pub name: String,
    /// In which its tag lines are written, in that order; English if none is
    /// named.
    pub languages: Vec<Language>,
    /// That a message is sent from one of its domains.
    pub scope: Condition,
}

impl Organisation {
    pub fn sends(&self, message: &MessageFacts) -> bool {
        message.reverse_path.domain().is_some_and(|sender| self.has(sender))
    }

    /// Whether the domain is one of its own.
    pub fn has(&self, domain: &Domain) -> bool {
        let Condition::SenderDomain(domains) = &self.scope else { return false };
        domains.iter().any(|own| own.matches(domain))
    }
}

/// Whose domains are whose, for rules that name an organisation. What is wrong
/// with its file is told when that is read.
pub(super) fn memberships(sources: &Sources) -> Vec<Membership> {
    let files = sources.folder("organisations");
    files
        .filter_map(|(name, file)| {
            let ods = name.strip_suffix(".toml")?.to_owned();
            let faults = Faults::new(file);
            let root = faults.parse();
            let root = Table::root(&root, &faults, "an organisation's file", &KEYS);
            let domains = root.value("sender_domains");
            let domains = domains.and_then(|value| when::read_patterns(&value));
            Some(Membership { ods, domains: domains.unwrap_or_default() })
        })
        .collect()
}

/// Reads the file `organisations/NAME.toml`.
pub(super) fn read(faults: &Faults, stem: &str, context: &RuleContext<'_>) -> Written {
    let root = faults.parse();
    let root = Table::root(&root, faults, "an organisation's file", &KEYS);
    let ods = root.required("ods").and_then(|value| {
        let code = value.sentence()?;
        if code != stem {
            let message = format!("the file is called `{stem}.toml`, but its ODS code is `{code}`");
            faults.error(
                Fault::new("organisation-name", message)
                    .at(value.span())
                    .help("name the file by the code, so that it is found"),
            );
        }
        Some(code.to_owned())
    });
    let name = root.required("name").and_then(|value| value.sentence());
    let domains: Option<Vec<DomainPattern>> =
        root.required("sender_domains").and_then(|value| when::read_patterns(&value));
    let languages =
        root.value("languages").map_or(Some(Vec::new()), |value| read_languages(&value, context));
    let organisation = match (ods, name, domains, languages) {
        (Some(ods), Some(name), Some(domains), Some(languages)) => {
            let scope = Condition::SenderDomain(domains);
            Some(Arc::new(Organisation { ods, name: name.to_owned(), languages, scope }))
        }
        _ => None,
    };
    // With a faulty head the rules are still checked; the policy is refused.
    rules::read_tables(&root, context, organisation.as_ref())
}

/// Warns of tag lines that are not written in one of them.
fn read_languages(value: &Value<'_>, context: &RuleContext<'_>) -> Option<Vec<Language>> {
    let languages = value.list(|language| language.choice(&LANGUAGES))?;
    for tag_line in context.disclaimers.values() {
        let lacks = |language: &&Language| !tag_line.languages().any(|has| has == **language);
        if let Some(&language) = languages.iter().find(lacks) {
            let (name, suffix) = (tag_line.name(), language.suffix());
            value.faults().warning(
                value
                    .fault(
                        "disclaimer-untranslated",
                        format!("the tag line `{name}` is not written in all of these"),
                    )
                    .label("goes without what is lacking")
                    .help(format!("write disclaimers/{name}{suffix}.txt and {name}{suffix}.html")),
            );
        }
    }
    Some(languages)
}

const KEYS: [&str; 6] = ["ods", "name", "sender_domains", "languages", "rule", "exemption"];
