//! Office Open XML (ECMA-376, ISO/IEC 29500): which part of a package is what.
//!
//! Parts are told by their outermost elements, so that wrong or missing
//! relationships hide nothing: these only give the order. What is of no known
//! kind is read as data, and what is no XML as a file within.

use super::{
    data::Data,
    package::{Package, is_picture},
    properties::Properties,
    relationships::Relationships,
    sheets, slides,
    words::{Told, Words},
    xml::{self, Visit},
};
use crate::{
    content::{
        document::gatherer::Gatherer,
        sniff::{Looks, looks},
    },
    mail::OpaqueReason,
};

pub(super) fn read(
    path: &str,
    package: &mut Package,
    gatherer: &mut Gatherer,
) -> Result<(), OpaqueReason> {
    let relationships = Relationships::read(package, gatherer);
    let parts = Part::all(package);
    let mut parts = Parts { path, package, gatherer, relationships, parts, trouble: None };
    parts.stories();
    sheets::read_workbook(&mut parts);
    slides::read(&mut parts);
    parts.others();
    parts.links();
    parts.files();
    parts.trouble.map_or(Ok(()), Err)
}

/// A part of XML, with the name of its outermost element.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) name: String,
    root: String,
}

impl Part {
    /// In the order of their names, `slide2` before `slide10`.
    fn all(package: &mut Package) -> Vec<Self> {
        let mut names = package.names().to_vec();
        names.retain(|name| !name.ends_with('/') && !name.ends_with(".rels"));
        names.sort_by_cached_key(|name| (digits_apart(name), name.clone()));
        let with_root = |name: String| {
            let root = xml::root(&xml::decode(&package.head(&name)));
            // Pages put in as they are, for the program to convert.
            let root = root.filter(|root| !root.eq_ignore_ascii_case("html")).unwrap_or_default();
            Self { name, root }
        };
        names.into_iter().map(with_root).collect()
    }
}

/// `a12` as `a` and 12.
fn digits_apart(name: &str) -> (String, u64) {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let letters = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = stem.get(letters.len()..).and_then(|digits| digits.parse().ok());
    (letters.to_owned(), number.unwrap_or(0))
}

/// A package while it is read.
pub(super) struct Parts<'a> {
    pub(super) path: &'a str,
    pub(super) package: &'a mut Package,
    pub(super) gatherer: &'a mut Gatherer,
    pub(super) relationships: Relationships,
    parts: Vec<Part>,
    /// The first thing that could not be read.
    trouble: Option<OpaqueReason>,
}

impl Parts<'_> {
    /// The names of the parts with such an outermost element.
    pub(super) fn with_root(&self, root: &str) -> Vec<String> {
        self.parts.iter().filter(|part| part.root == root).map(|part| part.name.clone()).collect()
    }

    /// Leads a visitor through a part; what goes wrong is remembered.
    pub(super) fn walk(&mut self, name: &str, visitor: &mut impl Visit) {
        let read = self.package.xml(name, self.gatherer);
        if let Err(reason) = read.and_then(|text| xml::walk(&text, visitor)) {
            self.trouble(reason);
        }
    }

    pub(super) fn trouble(&mut self, reason: OpaqueReason) {
        self.trouble.get_or_insert(reason);
    }

    pub(super) fn text(&mut self, place: &str, text: String) {
        let path = format!("{}{place}", self.path);
        self.gatherer.text(&path, text);
    }

    /// What words say at a place, and beside it.
    pub(super) fn told(&mut self, place: &str, told: Told) {
        self.text(place, told.text);
        self.text(&format!("{}before changes", prefix(place)), told.before_changes);
        self.text(&format!("{}aside", prefix(place)), told.aside);
    }

    /// Headers, body, footers and notes as one text: who a letter is about
    /// often stands in its header alone.
    fn stories(&mut self) {
        for (place, roots) in STORIES {
            let mut words = Words::default();
            for root in *roots {
                for name in self.with_root(root) {
                    self.walk(&name, &mut words);
                }
            }
            self.told(place, words.finish());
        }
    }

    /// Everything of XML that is no story, sheet or slide.
    fn others(&mut self) {
        let mut properties = Properties::default();
        let mut words = Words::default();
        let mut data = Data::default();
        for Part { name, root } in self.parts.clone() {
            match root.as_str() {
                "" => {}
                "coreProperties" | "Properties" => self.walk(&name, &mut properties),
                root if READ_AS_WORDS.contains(&root) => self.walk(&name, &mut words),
                root if is_read_elsewhere(root) || WITHOUT_TEXT.contains(&root) => {}
                _ => self.walk(&name, &mut data),
            }
        }
        self.told(":objects", words.finish());
        self.text(":properties", properties.text);
        self.text(":data", data.text);
    }

    fn links(&mut self) {
        let links: Vec<&str> = self.relationships.external().collect();
        let text = links.join("\n");
        self.text(":links", text);
    }

    /// Files within; one picture stands for all.
    fn files(&mut self) {
        let no_xml = self.parts.iter().filter(|part| part.root.is_empty());
        let names: Vec<String> = no_xml.map(|part| part.name.clone()).collect();
        let mut pictured = false;
        for (number, name) in names.iter().enumerate() {
            let path = format!("{}/{}", self.path, number + 1);
            let head = self.package.head(name);
            if is_picture(&head) && name.starts_with(THUMBNAIL) {
                continue;
            }
            if is_picture(&head) {
                if !std::mem::replace(&mut pictured, true) {
                    self.gatherer.unread(&path, OpaqueReason::Picture);
                }
                continue;
            }
            if is_furniture(name, &head) {
                continue;
            }
            match self.package.file(name, self.gatherer) {
                Ok(octets) => {
                    let name = name.rsplit('/').next();
                    self.gatherer.file(&path, name, octets);
                }
                Err(reason) => self.gatherer.unread(&path, reason),
            }
        }
    }
}

fn prefix(place: &str) -> String {
    if place.is_empty() { ":".to_owned() } else { format!("{place} ") }
}

/// Fonts and settings of printers, as long as they look it.
fn is_furniture(name: &str, head: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    let named = FURNITURE.iter().any(|word| name.contains(word));
    named && matches!(looks(head), Looks::Binary | Looks::Empty)
}

fn is_read_elsewhere(root: &str) -> bool {
    let mut stories = STORIES.iter().flat_map(|(_, roots)| roots.iter());
    stories.any(|known| *known == root)
        || sheets::ROOTS.contains(&root)
        || slides::ROOTS.contains(&root)
}

/// Places and the outermost elements whose parts are read there, in order.
const STORIES: &[(&str, &[&str])] = &[
    ("", &["hdr", "document", "ftr", "footnotes", "endnotes"]),
    (":comments", &["comments", "cmLst", "ThreadedComments"]),
    (":glossary", &["glossaryDocument"]),
];
const READ_AS_WORDS: [&str; 8] =
    ["chartSpace", "dataModel", "drawing", "numbering", "presentation", "settings", "wsDr", "xml"];
const WITHOUT_TEXT: [&str; 18] = [
    "Types",
    "calcChain",
    "chartStyle",
    "colorStyle",
    "colorsDef",
    "commentsEx",
    "commentsExtensible",
    "commentsIds",
    "datastoreItem",
    "fonts",
    "layoutDef",
    "metadata",
    "presentationPr",
    "styleDef",
    "styles",
    "tblStyleLst",
    "theme",
    "webSettings",
];
/// A picture of the first page, for those who look at folders.
const THUMBNAIL: &str = "docProps/thumbnail";
const FURNITURE: [&str; 3] = ["printersettings", ".odttf", ".fntdata"];
