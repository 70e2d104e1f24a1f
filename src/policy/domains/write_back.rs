//! Writing an import into the text of `domains.toml`: its comments, order and
//! formatting stay, and new entries stand at its end.

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table};

use super::import::{Change, Import, NewEntry, Proposal, Terms};

/// What is done with entries whose domains are no longer on the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GoneEntries {
    /// They stand until an officer has looked.
    #[default]
    Keep,
    Remove,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteBackError {
    #[error("domains.toml cannot be edited: {0}")]
    NotToml(String),
    #[error(
        "domains.toml has its domains in one list, `domain = [ … ]`: give each its own [[domain]]"
    )]
    OneList,
    #[error("say who answers for the new entries: --owner \"…\"")]
    NoOwner,
}

/// The text with the import in it.
pub fn write_back(
    text: &str,
    import: &Import,
    terms: &Terms,
    gone: GoneEntries,
) -> Result<String, WriteBackError> {
    // The parser takes both ends of lines and writes one of them.
    let windows =
        text.contains("\r\n") && text.matches('\n').count() == text.matches("\r\n").count();
    let unix = if windows { text.replace("\r\n", "\n") } else { text.to_owned() };
    let mut document: DocumentMut =
        unix.parse().map_err(|error: toml_edit::TomlError| not_toml(&error))?;
    if let Some(entries) = entries(&mut document)? {
        renew(entries, import);
    }
    if gone == GoneEntries::Remove {
        remove(&mut document, import)?;
    }
    let mut written = document.to_string();
    written.push_str(&new_entries(&written, import, terms)?);
    Ok(if windows { written.replace('\n', "\r\n") } else { written })
}

fn not_toml(error: &toml_edit::TomlError) -> WriteBackError {
    WriteBackError::NotToml(error.message().to_owned())
}

fn entries(document: &mut DocumentMut) -> Result<Option<&mut ArrayOfTables>, WriteBackError> {
    match document.get_mut("domain") {
        None => Ok(None),
        Some(Item::ArrayOfTables(entries)) => Ok(Some(entries)),
        Some(_) => Err(WriteBackError::OneList),
    }
}

fn renew(entries: &mut ArrayOfTables, import: &Import) {
    for proposal in &import.proposals {
        let Change::Renewed(fields) = &proposal.change else { continue };
        let name = proposal.accreditation.domain.as_str();
        let Some(entry) = entries.iter_mut().find(|entry| named(entry, name)) else { continue };
        for field in fields {
            let value = match field.after.parse() {
                Ok(day) if field.key == "review" => {
                    toml_edit::Value::Datetime(toml_edit::Formatted::new(day))
                }
                _ => field.after.as_str().into(),
            };
            replace(entry, field.key, value);
        }
    }
}

/// The value alone: what stands around it stays.
fn replace(entry: &mut Table, key: &str, mut value: toml_edit::Value) {
    match entry.get_mut(key).and_then(Item::as_value_mut) {
        Some(before) => {
            *value.decor_mut() = before.decor().clone();
            *before = value;
        }
        None => drop(entry.insert(key, Item::Value(value))),
    }
}

/// Names are compared as domains are: without case.
fn named(entry: &Table, name: &str) -> bool {
    let written = entry.get("name").and_then(Item::as_str);
    written.is_some_and(|written| written.eq_ignore_ascii_case(name))
}

/// A comment above an entry that goes may be the heading of those below it,
/// so it stays.
fn remove(document: &mut DocumentMut, import: &Import) -> Result<(), WriteBackError> {
    let mut left = String::new();
    if let Some(entries) = entries(document)? {
        for gone in &import.gone {
            let name = gone.name.to_string();
            let Some(at) = entries.iter().position(|entry| named(entry, &name)) else { continue };
            let above = entries.get(at).map(above).unwrap_or_default();
            entries.remove(at);
            if !above.contains('#') {
                continue;
            }
            match entries.get_mut(at) {
                Some(next) => {
                    let joined = format!("{above}{}", self::above(next).trim_start_matches('\n'));
                    next.decor_mut().set_prefix(joined);
                }
                None => left.push_str(&above),
            }
        }
    }
    if !left.is_empty() {
        let trailing = document.trailing().as_str().unwrap_or_default().to_owned();
        document.set_trailing(format!("{left}{trailing}"));
    }
    Ok(())
}

fn above(entry: &Table) -> String {
    let prefix = entry.decor().prefix().and_then(|prefix| prefix.as_str());
    prefix.unwrap_or_default().to_owned()
}

fn new_entries(before: &str, import: &Import, terms: &Terms) -> Result<String, WriteBackError> {
    let new = |proposal: &Proposal| match &proposal.change {
        Change::New(entry) => {
            Some((proposal.accreditation.domain.as_str().to_owned(), entry.clone()))
        }
        _ => None,
    };
    let entries: Vec<(String, NewEntry)> = import.proposals.iter().filter_map(new).collect();
    if entries.is_empty() {
        return Ok(String::new());
    }
    let owner = terms.owner.as_deref().ok_or(WriteBackError::NoOwner)?;
    let mut text = String::new();
    if !before.is_empty() && !before.ends_with('\n') {
        text.push('\n');
    }
    if !before.contains(HEADING) {
        text.push_str(&format!("\n{HEADING}\n{ADVICE}"));
    }
    for (name, entry) in &entries {
        text.push_str(&written(name, entry, owner, terms));
    }
    Ok(text)
}

fn written(name: &str, entry: &NewEntry, owner: &str, terms: &Terms) -> String {
    let quoted = |text: &str| toml_edit::Value::from(text).to_string();
    let list = |items: &[String]| {
        let quoted: Vec<String> = items.iter().map(|item| quoted(item)).collect();
        format!("[{}]", quoted.join(", "))
    };
    let vouched = match entry.mx_names.as_slice() {
        [] => ("vouched_by", "[\"mta-sts\", \"dnssec\"]".to_owned()),
        names => ("mx_names", list(names)),
    };
    let lines = [
        ("name", quoted(name)),
        ("clearance", entry.clearance.to_string()),
        ("tls", quoted(entry.tls.name())),
        vouched,
        ("owner", quoted(owner)),
        ("evidence", quoted(&entry.evidence)),
        ("review", terms.review.to_string()),
    ];
    let width = lines.iter().map(|(key, _)| key.len()).max().unwrap_or_default();
    let lines = lines.iter().map(|(key, value)| format!("{key:width$} = {value}\n"));
    format!("\n[[domain]]\n{}", lines.collect::<String>())
}

const HEADING: &str =
    "# ---- From the published list -----------------------------------------------";
const ADVICE: &str = "# Written by `postern domains import`. What you change here stays: of an entry\n\
     # that names the list as its evidence, only that, the owner and the review date\n\
     # follow the list.\n";

#[cfg(test)]
mod tests;
