//! The published list of organisations whose mail meets DCB1596, the secure
//! email standard: a CSV file that NHS England offers for download at
//! digital.nhs.uk/services/nhsmail/the-secure-email-standard.
//!
//! Its columns are the organisation's name, the type of its system, the domain,
//! whether data is processed outside the UK, and what is published by way of
//! DMARC, SPF, DKIM and TLS 1.2; a person keeps it, so that names have blanks
//! and capitals, titles have remarks in them, and the encoding is Windows' own.
//! Owns finding the columns and taking rows one by one. Refuses what cannot be
//! one organisation's domain, and never guesses between two columns.

use std::collections::BTreeMap;

use crate::mail::Domain;

/// The list as far as it can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccreditedList {
    /// By domain, in the order of the list.
    pub accreditations: Vec<Accreditation>,
    pub refused: Vec<Refused>,
    /// Below the titles.
    pub rows: usize,
}

/// One domain of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accreditation {
    pub domain: Domain,
    /// As the list has it; empty where it has no such column.
    pub organisation: String,
    pub system: MailSystem,
    pub processed: Processed,
    /// Of the list, counted from 1.
    pub line: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSystem {
    /// Exchange Online, alone or beside a server of the organisation's own.
    Microsoft365,
    Other,
}

/// Where its mail is processed, as far as the list says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processed {
    NotSaid,
    InTheUk,
    AlsoElsewhere,
}

/// What stands in the list and is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub line: u64,
    pub written: String,
    pub why: String,
}

/// Titles of columns that the list's reader names himself.
#[derive(Clone, Debug, Default)]
pub struct ColumnTitles {
    pub domain: Option<String>,
    pub organisation: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    #[error("this is an Excel workbook: open it and save it as CSV")]
    Workbook,
    #[error("this is a web page, not the list: download the CSV file that the page links to")]
    WebPage,
    #[error("there is nothing in it")]
    Empty,
    #[error("line {line}: not CSV: {why}")]
    NotCsv { line: u64, why: String },
    #[error("no column is named for domains among {}: name it by {option} \"…\"", quoted(titles))]
    NoColumn { option: &'static str, titles: Vec<String> },
    #[error("{} could each be meant: name one by {option} \"…\"", quoted(titles))]
    SeveralColumns { option: &'static str, titles: Vec<String> },
    #[error("no column is named “{title}” among {}", quoted(titles))]
    UnknownColumn { title: String, titles: Vec<String> },
}

/// Which column is which.
struct Columns {
    domain: usize,
    organisation: Option<usize>,
    system: Option<usize>,
    outside: Option<usize>,
    tls: Option<usize>,
}

impl AccreditedList {
    pub fn read(octets: &[u8], titles: &ColumnTitles) -> Result<Self, ListError> {
        let text = text(octets)?;
        let records = records(&text)?;
        let (head, columns) = find_columns(&records, titles)?;
        let mut list = Self::default();
        let mut seen: BTreeMap<Domain, u64> = BTreeMap::new();
        for (line, cells) in records.iter().skip(head + 1) {
            list.rows += 1;
            list.take(*line, cells, &columns, &mut seen);
        }
        Ok(list)
    }

    fn take(
        &mut self,
        line: u64,
        cells: &[String],
        columns: &Columns,
        seen: &mut BTreeMap<Domain, u64>,
    ) {
        let cell = |column: Option<usize>| {
            column.and_then(|column| cells.get(column)).map_or("", String::as_str)
        };
        let written = cell(Some(columns.domain));
        if written.is_empty() {
            let why = "the row names no domain".to_owned();
            let written = cell(columns.organisation).to_owned();
            self.refused.push(Refused { line, written, why });
        }
        for one in written.split([' ', ',', ';', '|', '\n', '\t']).filter(|one| !one.is_empty()) {
            let domain = match one_domain(one, cell(columns.tls)) {
                Ok(domain) => domain,
                Err(why) => {
                    self.refused.push(Refused { line, written: one.to_owned(), why });
                    continue;
                }
            };
            if let Some(first) = seen.insert(domain.clone(), line) {
                let why = format!("stands in line {first} already");
                self.refused.push(Refused { line, written: one.to_owned(), why });
                continue;
            }
            self.accreditations.push(Accreditation {
                domain,
                organisation: cell(columns.organisation).to_owned(),
                system: MailSystem::named(cell(columns.system)),
                processed: Processed::outside(cell(columns.outside)),
                line,
            });
        }
    }
}

impl MailSystem {
    fn named(written: &str) -> Self {
        let known = ["365", "exchange online"];
        let written = written.to_lowercase();
        match known.iter().any(|name| written.contains(name)) {
            true => Self::Microsoft365,
            false => Self::Other,
        }
    }
}

impl Processed {
    fn outside(written: &str) -> Self {
        match written.chars().next().map(|letter| letter.to_ascii_uppercase()) {
            Some('Y') => Self::AlsoElsewhere,
            Some('N') => Self::InTheUk,
            _ => Self::NotSaid,
        }
    }
}

/// One organisation's own, or why it is not.
fn one_domain(written: &str, tls: &str) -> Result<Domain, String> {
    if written.contains("//") {
        return Err("is a web address, not a mail domain".to_owned());
    }
    if let Some((local, domain)) = written.split_once('@').filter(|(local, _)| !local.is_empty()) {
        return Err(format!("is the address of {local}; write `{domain}` if all of it is meant"));
    }
    let bare = written.trim_start_matches('@').trim_end_matches('.');
    let domain: Domain = bare.parse().map_err(|error| format!("is no domain: {error}"))?;
    let name = domain.as_str();
    if !name.contains('.') || SECTORS.contains(&name) {
        return Err("stands for a whole sector, not for one organisation".to_owned());
    }
    if let Some(provider) = domain.ancestry().find(|parent| ANYBODY.contains(parent)) {
        return Err(format!("anybody can have an address at {provider}"));
    }
    match tls.starts_with(['N', 'n']) {
        true => Err("does not use TLS 1.2, says the list".to_owned()),
        false => Ok(domain),
    }
}

/// UTF-8 if it is that, else Windows' own: a spreadsheet has written it.
fn text(octets: &[u8]) -> Result<String, ListError> {
    if octets.starts_with(b"PK\x03\x04") || octets.starts_with(b"\xd0\xcf\x11\xe0") {
        return Err(ListError::Workbook);
    }
    let (text, _, damaged) = encoding_rs::UTF_8.decode(octets);
    let text = match damaged {
        true => encoding_rs::WINDOWS_1252.decode(octets).0,
        false => text,
    };
    let start = text.trim_start().get(..9).unwrap_or_default().to_lowercase();
    if start.starts_with("<!doctype") || start.starts_with("<html") {
        return Err(ListError::WebPage);
    }
    Ok(text.into_owned())
}

/// Rows that say something, each with its line.
fn records(text: &str) -> Result<Vec<(u64, Vec<String>)>, ListError> {
    // The reader counts a line's end at its CR.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .delimiter(delimiter(&text))
        .from_reader(text.as_bytes());
    let mut records = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| ListError::NotCsv {
            line: error.position().map_or(0, csv::Position::line),
            why: error.to_string(),
        })?;
        if record.iter().any(|cell| !cell.is_empty()) {
            let line = record.position().map_or(0, csv::Position::line);
            records.push((line, record.iter().map(tidy).collect()));
        }
    }
    Ok(records)
}

/// Blanks that a web page leaves behind are blanks.
fn tidy(cell: &str) -> String {
    cell.replace(['\u{a0}', '\u{200b}'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What parts the titles most often.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let count = |delimiter: &u8| memchr::memchr_iter(*delimiter, first.as_bytes()).count();
    [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

/// The row of titles, which need not be the first, and what they say.
fn find_columns(
    records: &[(u64, Vec<String>)],
    titles: &ColumnTitles,
) -> Result<(usize, Columns), ListError> {
    let first = records.first().ok_or(ListError::Empty)?;
    let mut told = None;
    for (row, (_, cells)) in records.iter().take(TITLES_WITHIN).enumerate() {
        let domain = match column(cells, titles.domain.as_deref(), DOMAIN, "--domain-column") {
            Ok(Some(domain)) => domain,
            Ok(None) => continue,
            Err(error) => {
                told = told.or(Some(error));
                continue;
            }
        };
        let organisation = titles.organisation.as_deref();
        let organisation = column(cells, organisation, ORGANISATION, "--organisation-column")?;
        let named = |words: &[&str]| {
            cells.iter().position(|title| words.iter().all(|word| plain(title).contains(word)))
        };
        let columns = Columns {
            domain,
            organisation: organisation.filter(|column| *column != domain),
            system: named(&["system"]),
            outside: named(&["outside", "uk"]),
            tls: named(&["tls"]),
        };
        return Ok((row, columns));
    }
    let titles = first.1.clone();
    Err(told.unwrap_or(ListError::NoColumn { option: "--domain-column", titles }))
}

/// Titles that mean the column by themselves, and the word that a title has
/// which may mean it.
type Words = (&'static [&'static str], &'static str);

fn column(
    cells: &[String],
    named: Option<&str>,
    (exactly, word): Words,
    option: &'static str,
) -> Result<Option<usize>, ListError> {
    if let Some(title) = named {
        let found = cells.iter().position(|cell| plain(cell) == plain(title));
        return match found {
            Some(column) => Ok(Some(column)),
            None => {
                Err(ListError::UnknownColumn { title: title.to_owned(), titles: cells.to_vec() })
            }
        };
    }
    if let Some(column) = cells.iter().position(|cell| exactly.contains(&plain(cell).as_str())) {
        return Ok(Some(column));
    }
    let with_word = |cell: &&String| plain(cell).split(' ').any(|one| one.starts_with(word));
    let candidates: Vec<String> = cells.iter().filter(with_word).cloned().collect();
    match candidates.as_slice() {
        [] => Ok(None),
        [only] => Ok(cells.iter().position(|cell| cell == only)),
        _ => Err(ListError::SeveralColumns { option, titles: candidates }),
    }
}

/// A title without what people decorate it with: `Domain name(s) ` is
/// `domain name s`.
fn plain(title: &str) -> String {
    let letters = title.chars().map(|one| if one.is_alphanumeric() { one } else { ' ' });
    let letters: String = letters.flat_map(char::to_lowercase).collect();
    letters.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn quoted(titles: &[String]) -> String {
    let shown = titles.iter().filter(|title| !title.is_empty()).take(12);
    let quoted: Vec<String> = shown
        .map(|title| match title.char_indices().nth(40) {
            Some((end, _)) => format!("“{}…”", title.get(..end).unwrap_or_default()),
            None => format!("“{title}”"),
        })
        .collect();
    quoted.join(", ")
}

const DOMAIN: Words = (
    &["domain name", "domain", "domains", "email domain", "email domains", "domain names"],
    "domain",
);

const ORGANISATION: Words =
    (&["organisation name", "organisation", "name of organisation", "name"], "organi");

/// A remark or a date may stand above the titles.
const TITLES_WITHIN: usize = 20;

/// Names that many organisations are below.
const SECTORS: [&str; 15] = [
    "nhs.uk",
    "gov.uk",
    "police.uk",
    "mod.uk",
    "ac.uk",
    "sch.uk",
    "co.uk",
    "org.uk",
    "ltd.uk",
    "plc.uk",
    "net.uk",
    "me.uk",
    "secure.nhs.uk",
    "scot.nhs.uk",
    "onmicrosoft.com",
];

const ANYBODY: [&str; 20] = [
    "gmail.com",
    "googlemail.com",
    "outlook.com",
    "outlook.co.uk",
    "hotmail.com",
    "hotmail.co.uk",
    "live.com",
    "live.co.uk",
    "msn.com",
    "yahoo.com",
    "yahoo.co.uk",
    "ymail.com",
    "icloud.com",
    "me.com",
    "aol.com",
    "btinternet.com",
    "sky.com",
    "virginmedia.com",
    "proton.me",
    "protonmail.com",
];

#[cfg(test)]
mod tests;
