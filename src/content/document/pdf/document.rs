//! A document from end to end.

use hayro_syntax::{
    LoadPdfError, Pdf, PdfData,
    object::{Dict, Object},
};

use super::{
    annotation::{self, Remark},
    attachment, form, guard,
    opened::Opened,
    page, properties, revision, structure,
};
use crate::{
    content::document::{extract::Document, gatherer::Gatherer},
    mail::OpaqueReason,
};

pub(in crate::content::document) fn read(
    document: &Document,
    gatherer: &mut Gatherer,
) -> Result<(), OpaqueReason> {
    guard::check(&document.octets, gatherer.left())?;
    let pdf = open(document)?;
    let objects = pdf.xref();
    let mut opened = Opened::new(objects, gatherer.left());
    let catalog = objects.get::<Dict<'_>>(objects.root_id()).unwrap_or_default();
    let path = document.path.as_str();
    let pages: Vec<Dict<'_>> = pdf.pages().iter().map(|page| page.raw().clone()).collect();
    if pages.len() < counted(&catalog) {
        opened.fault(OpaqueReason::Damaged);
    }

    let (text, mut spoken) = shown(&pdf, &mut opened);
    let earlier = revision::lines_taken_out(&document.octets, &text, opened.octets_left());
    gatherer.text(path, text);
    gatherer.text(&format!("{path}:earlier"), earlier);
    gatherer.text(&format!("{path}:form"), form::fields(&catalog, &mut opened));
    form::read_xfa(&catalog, &mut opened, &format!("{path}:form"), gatherer);
    remarks(&pages, &mut opened, &format!("{path}:annotations"), gatherer);
    spoken.append(&mut structure::spoken(&catalog));
    spoken.dedup();
    gatherer.text(&format!("{path}:alternate"), spoken.join("\n"));
    let properties = properties::text(&document.octets, &catalog, &mut opened);
    gatherer.text(&format!("{path}:properties"), properties);

    let used = gatherer.left() - opened.octets_left();
    gatherer.unfolded(usize::try_from(used).unwrap_or(usize::MAX));
    let files = attachment::specifications(&catalog, &pages, &mut opened);
    attachment::read(&files, path, gatherer);
    for fault in opened.faults {
        gatherer.unread(path, fault);
    }
    Ok(())
}

/// What the pages show, an empty line between them, and what is said to stand
/// for parts of them.
fn shown<'a>(pdf: &'a Pdf, opened: &mut Opened<'a>) -> (String, Vec<String>) {
    let (mut text, mut spoken) = (String::new(), Vec::new());
    for page in pdf.pages().iter() {
        let mut read = page::read(page, opened);
        if !text.is_empty() && !read.text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&read.text);
        spoken.append(&mut read.spoken);
        if let Some(fault) = read.fault {
            opened.fault(fault);
        }
        if text.len() > LONGEST_TEXT {
            opened.fault(OpaqueReason::OverLimit);
            break;
        }
    }
    (text, spoken)
}

/// Viewers look for a document's beginning in the first 1024 octets.
pub(in crate::content::document) fn is_behind_other_octets(octets: &[u8]) -> bool {
    let has = |octets: &[u8], part: &[u8]| memchr::memmem::find(octets, part).is_some();
    let head = octets.get(..LATEST_BEGINNING.min(octets.len())).unwrap_or_default();
    has(head, b"%PDF-") && has(octets, b"endobj") && has(octets, b"startxref")
}

/// With the empty password, which every viewer tries first.
fn open(document: &Document) -> Result<Pdf, OpaqueReason> {
    let octets = PdfData::from(std::sync::Arc::new(document.octets.clone()));
    Pdf::new(octets).map_err(|error| match error {
        LoadPdfError::Decryption(_) => OpaqueReason::Encrypted,
        // Damaged, and under a password besides.
        LoadPdfError::Invalid if memchr::memmem::find(&document.octets, b"/Encrypt").is_some() => {
            OpaqueReason::Encrypted
        }
        LoadPdfError::Invalid => OpaqueReason::Damaged,
    })
}

/// How many pages the document says that it has.
fn counted(catalog: &Dict<'_>) -> usize {
    let pages = catalog.get::<Dict<'_>>("Pages").unwrap_or_default();
    match pages.get::<Object<'_>>("Count") {
        Some(Object::Number(count)) => usize::try_from(count.as_i64()).unwrap_or_default(),
        _ => 0,
    }
}

fn remarks<'a>(pages: &[Dict<'a>], opened: &mut Opened<'a>, path: &str, gatherer: &mut Gatherer) {
    let mut lines = String::new();
    for page in pages {
        for remark in annotation::remarks(page, opened) {
            match remark {
                Remark::Text(text) => {
                    lines.push_str(&text);
                    lines.push('\n');
                }
                Remark::Rich(text) => gatherer.html(path, &text),
            }
        }
    }
    gatherer.text(path, lines);
}

const LATEST_BEGINNING: usize = 1024;
/// Octets: some thousand pages of text, and as many again.
const LONGEST_TEXT: usize = 32 << 20;
