//! `postern domains import`.

use std::{io::Write, path::PathBuf};

use clap::{Args, ValueEnum};
use jiff::{ToSpan, civil::Date};
use serde_json::json;

use super::super::{
    exit::Failure,
    files,
    folder::Folder,
    page::{Ink, Page, Piece, piece},
    replace::{lock, replace},
};
use crate::{
    mail::{Level, Timestamp, TlsRequirement},
    policy::{
        Context, Policy, Sources,
        domains::{
            accredited::{AccreditedList, ColumnTitles, Processed, Refused},
            import::{Change, ExchangeNames, Field, Import, Proposal, Terms},
            write_back::{GoneEntries, write_back},
        },
    },
};

#[derive(Debug, Args)]
pub struct ImportArguments {
    /// The published list, as CSV; `-` for standard input
    file: PathBuf,
    #[command(flatten)]
    folder: Folder,
    /// Write domains.toml, and not only show what would change
    #[arg(long)]
    write: bool,
    /// Who answers for the new entries
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// The list, as the entries name it [default: `DCB1596 list of` and today's date]; entries
    /// of an earlier list are known by the words before `of`
    #[arg(long, value_name = "TEXT")]
    evidence: Option<String>,
    /// When somebody must look at the entries again [default: in a year, for which an
    /// accreditation counts]
    #[arg(long, value_name = "DATE")]
    review: Option<Date>,
    /// The highest level that may be sent to the new ones
    #[arg(long, value_name = "0-4", default_value = "4", value_parser = clap::value_parser!(u8).range(0..=4))]
    clearance: u8,
    /// The TLS that mail to them needs whatever its level; rules ask for more
    #[arg(long, value_enum, default_value = "encrypted")]
    tls: Tls,
    /// Vouch for the MX name that Exchange Online gives each domain whose system is said to be
    /// Office 365. Look at them with `postern probe` before you rely on it
    #[arg(long)]
    exchange_names: bool,
    /// Take entries out that an earlier list had and this one has no longer
    #[arg(long)]
    remove_gone: bool,
    /// The title of the column of domains, where it cannot be told
    #[arg(long, value_name = "TITLE")]
    domain_column: Option<String>,
    /// The title of the column of organisations
    #[arg(long, value_name = "TITLE")]
    organisation_column: Option<String>,
    /// The difference as one object of JSON
    #[arg(long)]
    json: bool,
}

/// What an approval may ask for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Tls {
    Opportunistic,
    Encrypted,
    Verified,
    Dane,
}

pub(super) fn import(arguments: &ImportArguments, now: Timestamp) -> Result<(), Failure> {
    let today = now.date();
    let titles = ColumnTitles {
        domain: arguments.domain_column.clone(),
        organisation: arguments.organisation_column.clone(),
    };
    let shown = arguments.file.display();
    let octets = files::octets(&arguments.file)?;
    let list = AccreditedList::read(&octets, &titles)
        .map_err(|error| Failure::bad_data(format!("{shown}: {error}")))?;
    let path = arguments.folder.path().join("domains.toml");
    let _lock = arguments.write.then(|| lock(&path)).transpose()?;
    let sources = arguments.folder.sources()?;
    let policy = files::compiled(&sources, &context(today))?;
    let terms = arguments.terms(today);
    let import = Import::of(&list, policy.domains(), &terms);
    if arguments.json {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", as_json(&import, &list))?;
    } else {
        tell(&mut Page::standard_output(), &import, &list)?;
    }
    if arguments.write {
        write(arguments, &sources, &import, &terms, today)?;
    }
    if !arguments.json {
        let mut page = Page::standard_output();
        page.empty_line()?;
        page.text(&verdict(&import, arguments))?;
    }
    Ok(())
}

/// What would not pass `check` is not written.
fn write(
    arguments: &ImportArguments,
    sources: &Sources,
    import: &Import,
    terms: &Terms,
    today: Date,
) -> Result<(), Failure> {
    let gone = match arguments.remove_gone {
        true => GoneEntries::Remove,
        false => GoneEntries::Keep,
    };
    let before = sources.file("domains.toml").map_or("", |file| &file.text);
    let after = write_back(before, import, terms, gone).map_err(Failure::bad_data)?;
    if after == before {
        return Ok(());
    }
    let mut sources = sources.clone();
    sources.add("domains.toml", after.as_bytes());
    let (_, diagnostics) = Policy::compile(&sources, &context(today));
    if diagnostics.has_errors() {
        files::show(&diagnostics);
        let faults = files::faults(&diagnostics);
        return Err(Failure::bad_data(format!(
            "the policies would have {faults}; nothing is written"
        )));
    }
    replace(&arguments.folder.path().join("domains.toml"), &after)
}

fn context(today: Date) -> Context<'static> {
    Context { today, local_domains: &[], test_range: None }
}

impl ImportArguments {
    fn terms(&self, today: Date) -> Terms {
        let tls = match self.tls {
            Tls::Opportunistic => TlsRequirement::Opportunistic,
            Tls::Encrypted => TlsRequirement::Encrypted,
            Tls::Verified => TlsRequirement::Verified,
            Tls::Dane => TlsRequirement::Dane,
        };
        let exchange_names = match self.exchange_names {
            true => ExchangeNames::VouchedFor,
            false => ExchangeNames::LeftOut,
        };
        Terms {
            clearance: Level::try_from(self.clearance).unwrap_or(Level::SPECIALLY_PROTECTED),
            tls,
            owner: self.owner.clone(),
            list: self.evidence.clone().unwrap_or_else(|| format!("DCB1596 list of {today}")),
            review: self.review.unwrap_or_else(|| today.saturating_add(1.year())),
            exchange_names,
        }
    }
}

/// Lines under one title, where there are any.
type Section = (&'static str, Vec<(String, String)>);

fn tell<W: Write>(
    page: &mut Page<W>,
    import: &Import,
    list: &AccreditedList,
) -> std::io::Result<()> {
    let (rows, domains) = (list.rows, list.accreditations.len());
    page.text(&[piece(Ink::Strong, format!("{rows} rows, {domains} domains on the list"))])?;
    let sections = sections(import, list);
    for (title, lines) in &sections {
        if lines.is_empty() {
            continue;
        }
        page.heading(&lines.len().to_string(), title)?;
        let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        for (name, said) in lines {
            page.as_it_is(&format!("  {name:width$}  {said}\n").replace(" \n", "\n"))?;
        }
    }
    Ok(())
}

fn sections(import: &Import, list: &AccreditedList) -> Vec<Section> {
    let lines = |wanted: &dyn Fn(&Proposal) -> Option<String>| {
        let line = |proposal: &Proposal| {
            Some((proposal.accreditation.domain.to_string(), wanted(proposal)?))
        };
        import.proposals.iter().filter_map(line).collect::<Vec<_>>()
    };
    let new = lines(&|proposal| match &proposal.change {
        Change::New(entry) => Some(said_of_new(proposal, entry.note.as_deref())),
        _ => None,
    });
    let changed = lines(&|proposal| match &proposal.change {
        Change::Renewed(fields) => Some(
            fields
                .iter()
                .filter(|field| field.key != "evidence" || is_renamed(field))
                .map(|field| format!("{}: {} → {}", field.key, field.before, field.after))
                .collect::<Vec<_>>()
                .join("; "),
        ),
        _ => None,
    });
    let kept = lines(&|proposal| match &proposal.change {
        Change::Kept(why) => Some(why.clone()),
        _ => None,
    });
    let gone = import
        .gone
        .iter()
        .map(|gone| (gone.name.to_string(), format!("line {}: {}", gone.line, gone.evidence)));
    let refused = list.refused.iter().map(|Refused { line, written, why }| {
        (format!("line {line}"), format!("“{written}” {why}"))
    });
    vec![
        ("new", new),
        ("changed", changed),
        ("no longer on the list", gone.collect()),
        ("left as you wrote them", kept),
        ("refused", refused.collect()),
    ]
}

/// Another list, or another line of it, is no news: another organisation is.
fn is_renamed(field: &Field) -> bool {
    let organisation = |evidence: &str| evidence.split_once(": ").map(|(_, name)| name.to_owned());
    organisation(&field.before) != organisation(&field.after)
}

fn said_of_new(proposal: &Proposal, note: Option<&str>) -> String {
    let accreditation = &proposal.accreditation;
    let mut said = accreditation.organisation.clone();
    if accreditation.processed == Processed::AlsoElsewhere {
        said.push_str(" (processed outside the UK too)");
    }
    if let Some(note) = note {
        said.push_str(&format!("; {note}"));
    }
    said
}

fn verdict(import: &Import, arguments: &ImportArguments) -> Vec<Piece> {
    let changed = |proposal: &&Proposal| proposal.change == Change::Unchanged;
    let unchanged = import.proposals.iter().filter(changed).count();
    let mut said = vec![piece(Ink::Plain, format!("{unchanged} unchanged."))];
    let removes = arguments.remove_gone && !import.gone.is_empty();
    if !import.gone.is_empty() && !arguments.remove_gone {
        let advice =
            "What is no longer on the list still stands: look at it, or add --remove-gone.";
        said.push(piece(Ink::Care, advice));
    }
    said.push(match (import.is_nothing() && !removes, arguments.write) {
        (true, _) => piece(Ink::Good, "There is nothing to write."),
        (false, true) => piece(Ink::Good, "domains.toml is written."),
        (false, false) => piece(Ink::Quiet, "Nothing is written without --write."),
    });
    said
}

fn as_json(import: &Import, list: &AccreditedList) -> serde_json::Value {
    let proposals: Vec<_> = import
        .proposals
        .iter()
        .map(|proposal| {
            let (change, why) = match &proposal.change {
                Change::New(entry) => ("new", entry.note.clone()),
                Change::Renewed(_) => ("changed", None),
                Change::Unchanged => ("unchanged", None),
                Change::Kept(why) => ("kept", Some(why.clone())),
            };
            let fields = match &proposal.change {
                Change::Renewed(fields) => fields.as_slice(),
                _ => &[],
            };
            json!({
                "domain": proposal.accreditation.domain.as_str(),
                "organisation": proposal.accreditation.organisation,
                "line": proposal.accreditation.line,
                "change": change,
                "why": why,
                "fields": fields
                    .iter()
                    .map(|field| json!({
                        "key": field.key, "before": field.before, "after": field.after
                    }))
                    .collect::<Vec<_>>(),
            })
        })
        .collect();
    let gone: Vec<_> = import
        .gone
        .iter()
        .map(|gone| json!({ "domain": gone.name.to_string(), "line": gone.line }))
        .collect();
    let refused: Vec<_> = list
        .refused
        .iter()
        .map(|one| json!({ "line": one.line, "written": one.written, "why": one.why }))
        .collect();
    json!({ "rows": list.rows, "domains": proposals, "gone": gone, "refused": refused })
}
