//! Where a key of postern.toml stands, for faults that show only when what it
//! names is looked at: in files, and on the machine.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::policy::diagnostics::SourceFile;

/// A table of postern.toml.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// `[node]`.
    Section(&'a str),
    /// One of several `[[route]]`, counted from 0 as the configuration does.
    Element(&'a str, usize),
}

impl Place<'_> {
    /// The octets of a key's value; none where it is not written.
    pub fn of(self, file: &SourceFile, key: &str) -> Option<Range<usize>> {
        let (root, _) = DeTable::parse_recoverable(&file.text);
        let found = |table| root.get_ref().get(table).map(toml::Spanned::get_ref);
        let table = match self {
            Self::Section(table) => found(table)?,
            Self::Element(table, nth) => match found(table)? {
                DeValue::Array(elements) => elements.get(nth)?.get_ref(),
                _ => return None,
            },
        };
        match table {
            DeValue::Table(entries) => entries.get(key).map(toml::Spanned::span),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_in_the_table_that_is_meant_and_in_no_other() {
        let text = "[node]\nuser = \"a\"\n[[route]]\nkey = \"b\"\n[[route]]\nkey = \"c\"\n";
        let file = SourceFile { path: "postern.toml".to_owned(), text: text.to_owned() };
        let found = |place: Place<'_>, key| text.get(place.of(&file, key)?);
        assert_eq!(found(Place::Section("node"), "user"), Some("\"a\""));
        assert_eq!(found(Place::Element("route", 1), "key"), Some("\"c\""));
        for place in
            [Place::Section("route"), Place::Element("route", 2), Place::Element("node", 0)]
        {
            assert_eq!(found(place, "key"), None, "{place:?}");
        }
    }
}
