//! A document from end to end.

use hayro_syntax::{
    LoadPdfError, Pdf, PdfData,
    object::{Dict, Object},
};

use super::{
    annotation::{self, Remark},
    attachment, form,
    opened::Opened,
    page, properties, structure,
};
use crate::{
    content::document::{extract::Document, gatherer::Gatherer},
    mail::OpaqueReason,
};

pub(in crate::content::document) fn read(
    document: &Document,
    gatherer: &mut Gatherer,
) -> Result<(), OpaqueReason> {
    let pdf = open(document)?;
    let objects = pdf.xref();
    let mut opened = Opened::new(objects, gatherer.left());
    let catalog = objects.get::<Dict<'_>>(objects.root_id()).unwrap_or_default();
    let path = document.path.as_str();
    let pages: Vec<Dict<'_>> = pdf.pages().iter().map(|page| page.raw().clone()).collect();
    if pages.len() < counted(&catalog) {
        opened.fault(OpaqueReason::Damaged);
    }

    let mut spoken = Vec::new();
    let mut text = String::new();
    for page in pdf.pages().iter() {
        let mut read = page::read(page, &mut opened);
        if !text.is_empty() && !read.text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&read.text);
        spoken.append(&mut read.spoken);
        if let Some(fault) = read.fault {
            opened.fault(fault);
        }
        // As large as a reading should get.
        if text.len() > LONGEST_TEXT {
            gatherer.text(path, std::mem::take(&mut text));
        }
    }
    gatherer.text(path, text);

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

const LONGEST_TEXT: usize = 4 << 20;
