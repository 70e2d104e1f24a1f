//! Relationships: which part stands for an identifier, and what lies outside
//! (ECMA-376 part 2 section 6.5).

use super::{
    package::Package,
    xml::{self, Element, Visit},
};
use crate::content::document::gatherer::Gatherer;

/// Those of all parts. What is missing or wrong is left out: its readers go by
/// names then.
#[derive(Debug, Default)]
pub(super) struct Relationships {
    all: Vec<Relationship>,
    source: String,
}

#[derive(Debug)]
struct Relationship {
    /// The part that has it.
    source: String,
    id: String,
    /// The last word of its type: `worksheet`, `notesSlide`.
    kind: String,
    target: Target,
}

#[derive(Debug, PartialEq, Eq)]
enum Target {
    Part(String),
    External(String),
}

impl Relationships {
    pub(super) fn read(package: &mut Package, gatherer: &mut Gatherer) -> Self {
        let mut relationships = Self::default();
        let names: Vec<String> = package.names().to_vec();
        for name in names.iter().filter(|name| name.to_ascii_lowercase().ends_with(".rels")) {
            relationships.source = source_of(name);
            if let Ok(text) = package.xml(name, gatherer) {
                // What comes before a fault is better than names alone.
                let _ = xml::walk(&text, &mut relationships);
            }
        }
        relationships
    }

    /// The part that an identifier in `source` stands for.
    pub(super) fn target(&self, source: &str, id: &str) -> Option<&str> {
        let of_source = |one: &&Relationship| one.source.eq_ignore_ascii_case(source);
        let found = self.all.iter().filter(of_source).find(|one| one.id == id)?;
        match &found.target {
            Target::Part(name) => Some(name),
            Target::External(_) => None,
        }
    }

    /// The parts of a kind that `source` refers to.
    pub(super) fn of_kind<'r>(
        &'r self,
        source: &'r str,
        kind: &'r str,
    ) -> impl Iterator<Item = &'r str> {
        let of_source = |one: &&Relationship| one.source.eq_ignore_ascii_case(source);
        self.all.iter().filter(of_source).filter(move |one| one.kind == kind).filter_map(|one| {
            match &one.target {
                Target::Part(name) => Some(name.as_str()),
                Target::External(_) => None,
            }
        })
    }

    /// Addresses outside the package: hyperlinks above all.
    pub(super) fn external(&self) -> impl Iterator<Item = &str> {
        self.all.iter().filter_map(|one| match &one.target {
            Target::External(address) => Some(address.as_str()),
            Target::Part(_) => None,
        })
    }
}

impl Visit for Relationships {
    fn start(&mut self, element: &Element<'_>) {
        if element.name() != "Relationship" || self.all.len() >= MAX_RELATIONSHIPS {
            return;
        }
        let value = |name| element.attribute(name).unwrap_or_default();
        let target = value("Target");
        let is_external = value("TargetMode").eq_ignore_ascii_case("external");
        self.all.push(Relationship {
            source: self.source.clone(),
            id: value("Id"),
            kind: value("Type").rsplit('/').next().unwrap_or_default().to_owned(),
            target: if is_external {
                Target::External(target)
            } else {
                Target::Part(resolved(&self.source, &target))
            },
        });
    }

    fn end(&mut self, _: &str) {}

    fn text(&mut self, _: &str) {}
}

/// `word/_rels/document.xml.rels` has those of `word/document.xml`.
fn source_of(name: &str) -> String {
    let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
    let folder = folder.strip_suffix("_rels").unwrap_or(folder);
    let file = file.get(..file.len().saturating_sub(".rels".len())).unwrap_or_default();
    format!("{folder}{file}")
}

/// A target as it is written in a part, from the package's root on.
fn resolved(source: &str, target: &str) -> String {
    let target = target.split(['#', '?']).next().unwrap_or_default().replace('\\', "/");
    if let Some(absolute) = target.strip_prefix('/') {
        return absolute.to_owned();
    }
    let mut path: Vec<&str> = source.split('/').collect();
    path.pop();
    for step in target.split('/') {
        match step {
            "" | "." => {}
            ".." => {
                path.pop();
            }
            step => path.push(step),
        }
    }
    path.join("/")
}

const MAX_RELATIONSHIPS: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_found_from_their_sources() {
        assert_eq!(source_of("word/_rels/document.xml.rels"), "word/document.xml");
        assert_eq!(source_of("_rels/.rels"), "");
        assert_eq!(
            resolved("xl/workbook.xml", "worksheets/sheet1.xml"),
            "xl/worksheets/sheet1.xml"
        );
        assert_eq!(resolved("ppt/slides/slide1.xml", "../notes/n.xml"), "ppt/notes/n.xml");
        assert_eq!(resolved("word/document.xml", "/word/a.docx"), "word/a.docx");
        assert_eq!(resolved("a", "../../b"), "b");
    }
}
