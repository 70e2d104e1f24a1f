//! Documents that are one file of XML: flat OpenDocument (ISO/IEC 26300 part 3
//! section 3), flat packages of Office Open XML, and what Word and Excel wrote
//! as XML in 2003.

use super::{
    properties::Properties,
    sheets::Rows,
    story::Story,
    words::Words,
    xml::{self, Element, Visit},
};
use crate::{
    content::document::{extract::Document, gatherer::Gatherer},
    mail::OpaqueReason,
};

/// Whether octets begin as such a document.
pub(in crate::content::document) fn is_flat(octets: &[u8]) -> bool {
    let head = octets.get(..HEAD.min(octets.len())).unwrap_or_default();
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    head.starts_with(b"<")
        && NAMESPACES.iter().any(|name| memchr::memmem::find(head, name.as_bytes()).is_some())
        && xml::root(&xml::decode(head)).is_some_and(|root| ROOTS.contains(&root.as_str()))
}

pub(in crate::content::document) fn read_flat(
    document: &Document,
    gatherer: &mut Gatherer,
) -> Result<(), OpaqueReason> {
    let path = &document.path;
    let text = xml::decode(&document.octets);
    let root = xml::root(&text).unwrap_or_default();
    if root == "Workbook" {
        let mut workbook = Workbook::default();
        let read = xml::walk(&text, &mut workbook);
        for (number, rows) in workbook.sheets.into_iter().enumerate() {
            rows.finish(&format!("{path}:sheet {}", number + 1), gatherer);
        }
        gatherer.text(&format!("{path}:comments"), workbook.comments);
        return read;
    }
    let mut properties = Within { names: &PROPERTIES, depth: 0, visitor: Properties::default() };
    // A fault is told by the walk below.
    let _ = xml::walk(&text, &mut properties);
    gatherer.text(&format!("{path}:properties"), properties.visitor.text);
    if root == "document" {
        let mut story = Story::default();
        let read = xml::walk(&text, &mut story);
        story.finish(path, gatherer);
        return read;
    }
    let mut words = Words::default();
    let read = xml::walk(&text, &mut words);
    let told = words.finish();
    gatherer.text(path, told.text);
    gatherer.text(&format!("{path}:before changes"), told.before_changes);
    gatherer.text(&format!("{path}:aside"), told.aside);
    if memchr::memmem::find(text.as_bytes(), b":binaryData").is_some() {
        gatherer.unread(path, OpaqueReason::Picture);
    }
    read
}

/// Tells a visitor only of what stands within elements of such names.
struct Within<V> {
    names: &'static [&'static str],
    depth: usize,
    visitor: V,
}

impl<V: Visit> Visit for Within<V> {
    fn start(&mut self, element: &Element<'_>) {
        if self.depth > 0 {
            self.visitor.start(element);
        }
        self.depth += usize::from(self.names.contains(&element.name()));
    }

    fn end(&mut self, name: &str) {
        if self.names.contains(&name) {
            self.depth = self.depth.saturating_sub(1);
        }
        if self.depth > 0 {
            self.visitor.end(name);
        }
    }

    fn text(&mut self, text: &str) {
        if self.depth > 0 {
            self.visitor.text(text);
        }
    }
}

/// Excel's XML of 2003: its cells have their text in `Data`.
#[derive(Default)]
struct Workbook {
    sheets: Vec<Rows>,
    comments: String,
    column: usize,
    cell: String,
    inside_cell: bool,
    inside_comment: bool,
}

impl Visit for Workbook {
    fn start(&mut self, element: &Element<'_>) {
        match element.name() {
            "Worksheet" => {
                let name = element.attribute("Name").unwrap_or_default();
                self.sheets.push(Rows::titled(&name));
            }
            "Row" => self.column = 0,
            "Cell" => {
                let index = element.number("Index").and_then(|index| index.checked_sub(1));
                self.column = index.unwrap_or(self.column);
            }
            "Comment" => self.inside_comment = true,
            "Data" if !self.inside_comment => self.inside_cell = true,
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        let sheet = self.sheets.last_mut();
        match (name, sheet) {
            ("Row", Some(sheet)) => sheet.end_row(),
            ("Cell", Some(sheet)) => {
                sheet.cell(self.column, &std::mem::take(&mut self.cell), None);
                self.column = self.column.saturating_add(1);
            }
            ("Comment", _) => {
                self.inside_comment = false;
                self.comments.push('\n');
            }
            ("Data", _) => self.inside_cell = false,
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.inside_comment {
            self.comments.push_str(text);
        } else if self.inside_cell {
            self.cell.push_str(text);
        }
    }
}

const HEAD: usize = 8192;
const NAMESPACES: [&str; 4] = [
    "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "http://schemas.microsoft.com/office/2006/xmlPackage",
    "http://schemas.microsoft.com/office/word/2003/wordml",
    "urn:schemas-microsoft-com:office:spreadsheet",
];
const ROOTS: [&str; 4] = ["document", "package", "wordDocument", "Workbook"];
const PROPERTIES: [&str; 5] =
    ["meta", "DocumentProperties", "CustomDocumentProperties", "coreProperties", "Properties"];

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::content::document::{InPlace, ReadDocument};

    fn told(octets: String) -> Vec<(String, String)> {
        let document = Document { path: "2".into(), octets: Bytes::from(octets) };
        let extract = InPlace::default().read(&document);
        assert_eq!(extract.opaque, []);
        extract.readings.into_iter().map(|reading| (reading.part, reading.text)).collect()
    }

    #[test]
    fn flat_documents_are_told_from_other_xml() {
        let office = format!("<?xml version='1.0'?><o:document xmlns:o='{}'>", NAMESPACES[0]);
        assert!(is_flat(office.as_bytes()));
        assert!(is_flat(format!("\u{feff}<Workbook xmlns='{}'>", NAMESPACES[3]).as_bytes()));
        assert!(!is_flat(b"<?xml version='1.0'?><document>"));
        assert!(!is_flat(NAMESPACES[0].as_bytes()));
    }

    #[test]
    fn a_flat_document_gives_its_text_and_properties() {
        let xml = format!(
            "<o:document xmlns:o='{}'><o:meta><dc:title>T</dc:title></o:meta>\
             <o:body><t:p>99<t:span>9</t:span></t:p></o:body></o:document>",
            NAMESPACES[0]
        );
        let expected = [("2:properties", "T\n"), ("2", "999\n")];
        assert_eq!(told(xml), expected.map(|(part, text)| (part.to_owned(), text.to_owned())));
    }

    #[test]
    fn the_sheets_of_2003_keep_their_columns() {
        let xml = format!(
            "<Workbook xmlns='{}'><Worksheet ss:Name='S'><Table><Row><Cell><Data>a</Data></Cell>\
             <Cell ss:Index='3'><Data>c</Data><Comment><Data>remark</Data></Comment></Cell></Row>",
            NAMESPACES[3]
        );
        let expected = [("2:sheet 1", "S\na\t\tc\n"), ("2:comments", "remark\n")];
        assert_eq!(told(xml), expected.map(|(part, text)| (part.to_owned(), text.to_owned())));
    }
}
