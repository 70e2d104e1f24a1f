//! Tables of a TOML file, asked for by name. Whatever does not fit is a
//! diagnostic at its place, and the asking goes on.

use std::{cell::RefCell, collections::BTreeSet, ops::Range, sync::Arc};

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use crate::{
    classify::Place,
    policy::diagnostics::{Diagnostic, Diagnostics, Severity, SourceFile},
};

/// A file, and what is wrong with it so far.
pub(super) struct Page {
    file: Arc<SourceFile>,
    name: Arc<str>,
    faults: RefCell<Diagnostics>,
}

/// One table of a page.
pub(super) struct Fields<'a> {
    page: &'a Page,
    table: &'a DeTable<'a>,
    span: Range<usize>,
    asked: RefCell<BTreeSet<&'static str>>,
}

/// Something written, with its place.
pub(super) struct Written<T> {
    pub value: T,
    pub span: Range<usize>,
}

impl Page {
    pub(super) fn new(file: &Arc<SourceFile>) -> Self {
        Self { file: Arc::clone(file), name: file.path.as_str().into(), faults: RefCell::default() }
    }

    /// Hands the file's outermost table to `read`, syntax errors or not.
    pub(super) fn read(&self, read: impl FnOnce(&Fields<'_>)) {
        let (table, errors) = DeTable::parse_recoverable(&self.file.text);
        for error in errors {
            self.fault("toml-syntax", error.span(), error.message(), "not TOML from here on", None);
        }
        let fields = Fields::new(self, table.get_ref(), 0..0);
        read(&fields);
        fields.finish();
    }

    pub(super) fn into_faults(self) -> Diagnostics {
        self.faults.into_inner()
    }

    pub(super) fn place(&self, span: Range<usize>) -> Place {
        Place { file: Arc::clone(&self.name), span }
    }

    fn fault(
        &self,
        code: &'static str,
        span: Option<Range<usize>>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: Option<String>,
    ) {
        self.faults.borrow_mut().push(Diagnostic {
            severity: Severity::Error,
            code,
            message: message.into(),
            file: Arc::clone(&self.file),
            span,
            label: label.into(),
            help,
        });
    }
}

impl<'a> Fields<'a> {
    fn new(page: &'a Page, table: &'a DeTable<'a>, span: Range<usize>) -> Self {
        Self { page, table, span, asked: RefCell::default() }
    }

    pub(super) fn place(&self) -> Place {
        self.page.place(self.span.clone())
    }

    pub(super) fn page(&self) -> &Page {
        self.page
    }

    pub(super) fn string(&self, key: &'static str) -> Option<Written<String>> {
        let value = self.ask(key)?;
        self.as_string(value)
    }

    pub(super) fn needed_string(&self, key: &'static str) -> Option<Written<String>> {
        if self.ask(key).is_none() {
            self.missing(key);
            return None;
        }
        self.string(key)
    }

    /// A list of strings, or one string with one of them a line. Lines that
    /// begin with # are remarks.
    pub(super) fn strings(&self, key: &'static str) -> Vec<Written<String>> {
        let Some(value) = self.ask(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Array(array) => array.iter().filter_map(|item| self.as_string(item)).collect(),
            DeValue::String(text) => text
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
                .map(|line| Written { value: line.to_owned(), span: value.span() })
                .collect(),
            other => {
                self.wrong_type(value.span(), "a list of texts", other);
                Vec::new()
            }
        }
    }

    pub(super) fn integer(&self, key: &'static str, range: Range<i64>) -> Option<i64> {
        let value = self.ask(key)?;
        self.as_integer(value, &range)
    }

    /// One of the words of a closed list.
    pub(super) fn choice<T: Copy>(&self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        self.string(key).and_then(|word| self.chosen(&word, choices))
    }

    /// One or several words of a closed list.
    pub(super) fn choices<T: Copy>(&self, key: &'static str, choices: &[(&str, T)]) -> Vec<T> {
        self.strings(key).iter().filter_map(|word| self.chosen(word, choices)).collect()
    }

    /// The tables of `[[key]]`.
    pub(super) fn tables(&self, key: &'static str) -> Vec<Fields<'a>> {
        let Some(value) = self.ask(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(value.span(), &format!("[[{key}]]"), value.get_ref());
            return Vec::new();
        };
        let table = |item: &'a Spanned<DeValue<'a>>| match item.get_ref().as_table() {
            Some(table) => Some(Fields::new(self.page, table, item.span())),
            None => {
                self.wrong_type(item.span(), "a table", item.get_ref());
                None
            }
        };
        array.iter().filter_map(table).collect()
    }

    /// The pairs of a table of numbers: `{ "000 0000" = 20 }`.
    pub(super) fn numbers(&self, key: &'static str, range: &Range<i64>) -> Vec<(String, i64)> {
        let Some(value) = self.ask(key) else { return Vec::new() };
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(value.span(), "a table of numbers", value.get_ref());
            return Vec::new();
        };
        table
            .iter()
            .filter_map(|(name, number)| {
                Some((name.get_ref().to_string(), self.as_integer(number, range)?))
            })
            .collect()
    }

    /// Names what nobody asked for. Every reader of a table ends with it.
    pub(super) fn finish(&self) {
        let asked = self.asked.borrow();
        for key in self.table.keys().filter(|key| !asked.contains(key.get_ref().as_ref())) {
            let name = key.get_ref();
            let known = asked.iter().copied();
            self.page.fault(
                "unknown-key",
                Some(key.span()),
                format!("“{name}” means nothing here"),
                "not a setting",
                Some(suggestion(name, known)),
            );
        }
    }

    pub(super) fn fault(&self, code: &'static str, span: Range<usize>, message: &str, help: &str) {
        self.page.fault(code, Some(span), message, "here", Some(help.to_owned()));
    }

    fn ask(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().insert(key);
        self.table.get(key)
    }

    fn missing(&self, key: &str) {
        self.page.fault(
            "missing-key",
            Some(self.span.clone()),
            format!("“{key}” is missing"),
            "in this table",
            Some(format!("add a line: {key} = \"…\"")),
        );
    }

    fn as_string(&self, value: &Spanned<DeValue<'_>>) -> Option<Written<String>> {
        match value.get_ref() {
            DeValue::String(text) => Some(Written { value: text.to_string(), span: value.span() }),
            other => {
                self.wrong_type(value.span(), "a text in quotation marks", other);
                None
            }
        }
    }

    fn as_integer(&self, value: &Spanned<DeValue<'_>>, range: &Range<i64>) -> Option<i64> {
        let DeValue::Integer(written) = value.get_ref() else {
            self.wrong_type(value.span(), "a whole number", value.get_ref());
            return None;
        };
        let number = i64::from_str_radix(written.as_str(), written.radix()).ok();
        if number.is_none_or(|number| !range.contains(&number)) {
            self.page.fault(
                "number-out-of-range",
                Some(value.span()),
                format!("a number from {} to {} belongs here", range.start, range.end - 1),
                format!("found {written}"),
                None,
            );
            return None;
        }
        number
    }

    fn chosen<T: Copy>(&self, word: &Written<String>, choices: &[(&str, T)]) -> Option<T> {
        let found = choices.iter().find(|(name, _)| *name == word.value).map(|(_, value)| *value);
        if found.is_none() {
            self.page.fault(
                "unknown-word",
                Some(word.span.clone()),
                format!("“{}” is not one of the words that may stand here", word.value),
                "not known",
                Some(suggestion(&word.value, choices.iter().map(|(name, _)| *name))),
            );
        }
        found
    }

    fn wrong_type(&self, span: Range<usize>, expected: &str, found: &DeValue<'_>) {
        self.page.fault(
            "wrong-type",
            Some(span),
            format!("{expected} belongs here"),
            format!("found {}", found.type_str()),
            None,
        );
    }
}

/// The nearest known word, or all of them.
fn suggestion<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let nearest = known.iter().min_by_key(|word| distance(written, word));
    match nearest.filter(|word| distance(written, word) <= 1 + written.len() / 3) {
        Some(word) => format!("did you mean “{word}”?"),
        None => format!("one of: {}", known.join(", ")),
    }
}

/// Levenshtein's distance.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (at, left) in one.chars().enumerate() {
        let mut diagonal = at;
        let mut before = at + 1;
        for (cell, right) in row.iter_mut().skip(1).zip(other.chars()) {
            let change = diagonal + usize::from(left != right);
            diagonal = *cell;
            before = change.min(before + 1).min(*cell + 1);
            *cell = before;
        }
        if let Some(first) = row.first_mut() {
            *first = at + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_gets_the_word_that_was_meant() {
        assert_eq!(
            suggestion("patern", ["name", "pattern"].into_iter()),
            "did you mean “pattern”?"
        );
        assert_eq!(suggestion("zzzzzz", ["name", "pattern"].into_iter()), "one of: name, pattern");
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
