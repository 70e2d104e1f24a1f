//! TOML as a person wrote it: values that know where they stand.
//!
//! Owns getting typed values out of a document with a fault for each one that
//! is not what was expected, so that a reader goes on and finds all faults at
//! once. Knows nothing of what any key means. Source: TOML 1.0.

use std::{cell::RefCell, ops::Range, str::FromStr, sync::Arc};

use toml::de::{DeTable, DeValue};

use super::{
    diagnostics::{Diagnostic, Diagnostics, Severity, SourceFile},
    nearest::did_you_mean,
};

/// What is wrong at a place, before it is known of which file.
#[derive(Debug)]
pub struct Fault {
    code: &'static str,
    message: String,
    span: Option<Range<usize>>,
    label: String,
    help: Option<String>,
}

/// The faults of one file, gathered while it is read.
#[derive(Debug)]
pub struct Faults {
    file: Arc<SourceFile>,
    found: RefCell<Diagnostics>,
}

/// A table, of which only the keys it may have are asked.
#[derive(Clone, Debug)]
pub struct Table<'a> {
    entries: &'a DeTable<'a>,
    faults: &'a Faults,
    /// What the table describes, with its article: `a rule`.
    what: &'static str,
    span: Range<usize>,
}

/// A value with its place.
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    value: &'a toml::Spanned<DeValue<'a>>,
    faults: &'a Faults,
    /// The key it stands under.
    key: &'a str,
}

/// A key that is still read, and will not be for ever.
#[derive(Clone, Copy, Debug)]
pub struct Retiring {
    pub key: &'static str,
    /// The last version that reads it.
    pub last: &'static str,
    /// What to write instead.
    pub instead: &'static str,
}

impl Fault {
    /// A fault of the whole file, until [`Fault::at`] says where.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), span: None, label: "here".to_owned(), help: None }
    }

    /// Octets of the file to underline.
    #[must_use]
    pub fn at(mut self, span: Range<usize>) -> Self {
        self.span = Some(span);
        self
    }

    /// What stands at the underlined place, or was expected there.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// What to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub fn help_if_any(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    pub fn of(self, file: &Arc<SourceFile>, severity: Severity) -> Diagnostic {
        Diagnostic {
            severity,
            code: self.code,
            message: self.message,
            file: Arc::clone(file),
            span: self.span,
            label: self.label,
            help: self.help,
        }
    }
}

impl Faults {
    pub fn new(file: &Arc<SourceFile>) -> Self {
        Self { file: Arc::clone(file), found: RefCell::default() }
    }

    /// The root table of the file, with every fault of its syntax noted; what
    /// could be understood in spite of them is still there to be checked.
    pub fn parse(&self) -> toml::Spanned<DeTable<'_>> {
        let (root, errors) = DeTable::parse_recoverable(&self.file.text);
        for error in errors {
            let mut fault = Fault::new("toml-syntax", format!("not TOML: {}", error.message()));
            if let Some(span) = error.span() {
                fault = fault.at(span);
            }
            self.error(fault);
        }
        root
    }

    pub fn file(&self) -> &Arc<SourceFile> {
        &self.file
    }

    pub fn error(&self, fault: Fault) {
        self.found.borrow_mut().push(fault.of(&self.file, Severity::Error));
    }

    pub fn warning(&self, fault: Fault) {
        self.found.borrow_mut().push(fault.of(&self.file, Severity::Warning));
    }

    pub fn into_diagnostics(self) -> Diagnostics {
        self.found.into_inner()
    }

    /// The line of an octet, counted from 1.
    pub fn line(&self, offset: usize) -> usize {
        self.file.line(offset)
    }

    /// Notes a value with a sentence of its own parser.
    pub fn invalid(&self, code: &'static str, span: Range<usize>, message: impl Into<String>) {
        self.error(Fault::new(code, message).at(span));
    }
}

impl<'a> Table<'a> {
    /// The root of a file, which may have these keys.
    pub fn root(
        root: &'a toml::Spanned<DeTable<'a>>,
        faults: &'a Faults,
        what: &'static str,
        keys: &[&str],
    ) -> Self {
        Self::with_keys(root.get_ref(), root.span(), faults, what, keys)
    }

    fn with_keys(
        entries: &'a DeTable<'a>,
        span: Range<usize>,
        faults: &'a Faults,
        what: &'static str,
        keys: &[&str],
    ) -> Self {
        let table = Self { entries, faults, what, span };
        for key in entries.keys() {
            if !keys.contains(&key.get_ref().as_ref()) {
                table.unknown_key(key, keys);
            }
        }
        table
    }

    fn unknown_key(&self, key: &toml::Spanned<std::borrow::Cow<'_, str>>, keys: &[&str]) {
        let help = did_you_mean(key.get_ref(), keys)
            .unwrap_or_else(|| format!("{} has {}", self.what, keys.join(", ")));
        self.faults.error(
            Fault::new("unknown-key", format!("{} has no `{}`", self.what, key.get_ref()))
                .at(key.span())
                .label("not known")
                .help(help),
        );
    }

    /// Warns of those keys that are there: an upgrade should surprise nobody.
    pub fn warn_of(&self, retiring: &[Retiring]) {
        for Retiring { key, last, instead } in retiring {
            let Some((written, _)) = self.entries.get_key_value(*key) else { continue };
            let message = format!("`{key}` is read up to version {last}, and not after");
            self.faults.warning(
                Fault::new("key-retiring", message)
                    .at(written.span())
                    .label("to be retired")
                    .help(*instead),
            );
        }
    }

    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    pub fn what(&self) -> &'static str {
        self.what
    }

    pub fn faults(&self) -> &'a Faults {
        self.faults
    }

    pub fn value(&self, key: &str) -> Option<Value<'a>> {
        let (key, value) = self.entries.get_key_value(key)?;
        Some(Value { value, faults: self.faults, key: key.get_ref() })
    }

    /// A value that must be there.
    pub fn required(&self, key: &str) -> Option<Value<'a>> {
        let value = self.value(key);
        if value.is_none() {
            self.faults.error(
                Fault::new("missing-key", format!("{} needs `{key}`", self.what))
                    .at(self.span())
                    .label(format!("`{key}` is missing"))
                    .help(format!("add a line `{key} = …`")),
            );
        }
        value
    }

    pub fn values(&self) -> impl Iterator<Item = Value<'a>> {
        self.entries.iter().map(|(key, value)| Value {
            value,
            faults: self.faults,
            key: key.get_ref(),
        })
    }

    /// Each table of an array of tables (`[[rule]]`), in order.
    pub fn tables(&self, key: &str, what: &'static str, keys: &[&str]) -> Vec<Table<'a>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let DeValue::Array(elements) = value.value.get_ref() else {
            value.expected::<()>(&format!("tables, each under its own `[[{key}]]`"));
            return Vec::new();
        };
        elements
            .iter()
            .filter_map(|element| {
                Value { value: element, faults: self.faults, key: value.key }.table(what, keys)
            })
            .collect()
    }
}

impl<'a> Value<'a> {
    pub fn key(&self) -> &'a str {
        self.key
    }

    pub fn span(&self) -> Range<usize> {
        self.value.span()
    }

    pub fn table(&self, what: &'static str, keys: &[&str]) -> Option<Table<'a>> {
        match self.value.get_ref() {
            DeValue::Table(entries) => {
                Some(Table::with_keys(entries, self.span(), self.faults, what, keys))
            }
            _ => self.expected("a table: keys and values in { }"),
        }
    }

    /// A table whose keys are the writer's own.
    pub fn open_table(&self, what: &'static str) -> Option<Table<'a>> {
        match self.value.get_ref() {
            DeValue::Table(entries) => {
                Some(Table { entries, faults: self.faults, what, span: self.span() })
            }
            _ => self.expected("a table: keys and values in { }"),
        }
    }

    pub fn is_table(&self) -> bool {
        self.value.get_ref().is_table()
    }

    pub fn string(&self) -> Option<&'a str> {
        match self.value.get_ref() {
            DeValue::String(text) => Some(text),
            _ => self.expected("text in quotes"),
        }
    }

    /// Text that says something: blank is a fault.
    pub fn sentence(&self) -> Option<&'a str> {
        let text = self.string()?;
        if text.trim().is_empty() {
            return self.expected("text that is not blank");
        }
        Some(text.trim())
    }

    pub fn integer(&self) -> Option<i64> {
        match self.value.get_ref() {
            DeValue::Integer(number) => {
                let number = i64::from_str_radix(number.as_str(), number.radix());
                number.ok().or_else(|| self.expected("a smaller number"))
            }
            _ => self.expected("a whole number"),
        }
    }

    /// `true` or `false`, as whichever two words they stand for.
    pub fn either<T>(&self, when_true: T, when_false: T) -> Option<T> {
        match self.value.get_ref() {
            DeValue::Boolean(true) => Some(when_true),
            DeValue::Boolean(false) => Some(when_false),
            _ => self.expected("true or false"),
        }
    }

    pub fn is_boolean(&self) -> bool {
        self.value.get_ref().is_bool()
    }

    pub fn is_string(&self) -> bool {
        self.value.get_ref().is_str()
    }

    pub fn is_array(&self) -> bool {
        self.value.get_ref().is_array()
    }

    /// A day, written without quotes: `2027-03-31`.
    pub fn date(&self) -> Option<jiff::civil::Date> {
        let day = match self.value.get_ref() {
            DeValue::Datetime(moment) if moment.time.is_none() => moment.date,
            _ => None,
        };
        let written = day.and_then(|day| {
            let (year, month) = (i16::try_from(day.year).ok()?, i8::try_from(day.month).ok()?);
            jiff::civil::Date::new(year, month, i8::try_from(day.day).ok()?).ok()
        });
        written.or_else(|| self.expected("a day without quotes, such as 2027-03-31"))
    }

    /// One value or a list of them, always as a list.
    pub fn one_or_many(&self) -> Vec<Value<'a>> {
        match self.value.get_ref() {
            DeValue::Array(elements) => elements
                .iter()
                .map(|value| Value { value, faults: self.faults, key: self.key })
                .collect(),
            _ => vec![*self],
        }
    }

    /// One or many values, each by its own parser; an empty list is a fault,
    /// since nobody can mean it.
    pub fn list<T>(&self, parse: impl Fn(&Value<'a>) -> Option<T>) -> Option<Vec<T>> {
        let written = self.one_or_many();
        if written.is_empty() {
            return self.expected("at least one value");
        }
        let read: Vec<T> = written.iter().filter_map(parse).collect();
        (read.len() == written.len()).then_some(read)
    }

    /// One of a closed set of words.
    pub fn choice<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let written = self.string()?;
        if let Some((_, meant)) = words.iter().find(|(word, _)| *word == written) {
            return Some(*meant);
        }
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let help = did_you_mean(written, &names);
        let all = names.join(", ");
        let label = match names.len() {
            0..=SHOWN_IN_LABEL => format!("one of {all}"),
            _ => "not one of the known words".to_owned(),
        };
        self.faults.error(
            Fault::new("unknown-value", format!("`{}` cannot be `{written}`", self.key))
                .at(self.span())
                .label(label)
                .help(help.unwrap_or_else(|| format!("write one of {all}"))),
        );
        None
    }

    /// Text with a parser of its own, whose error is the message.
    pub fn parsed<T: FromStr>(&self, code: &'static str) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        match self.string()?.parse() {
            Ok(parsed) => Some(parsed),
            Err(error) => self.invalid(code, error.to_string()),
        }
    }

    /// Notes that the value has the wrong type or shape.
    pub fn expected<T>(&self, expected: &str) -> Option<T> {
        let found = match self.value.get_ref() {
            DeValue::String(_) => "text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.faults.error(
            Fault::new("wrong-type", format!("`{}` must be {expected}", self.key))
                .at(self.span())
                .label(format!("found {found}")),
        );
        None
    }

    /// Notes that the value is understood but cannot stand.
    pub fn invalid<T>(&self, code: &'static str, message: impl Into<String>) -> Option<T> {
        self.faults.invalid(code, self.span(), message);
        None
    }

    pub fn fault(&self, code: &'static str, message: impl Into<String>) -> Fault {
        Fault::new(code, message).at(self.span())
    }

    pub fn faults(&self) -> &'a Faults {
        self.faults
    }
}

/// Words that a label under the text has room for.
const SHOWN_IN_LABEL: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, retiring: &[Retiring]) -> String {
        let file = SourceFile { path: "a.toml".to_owned(), text: text.to_owned() };
        let faults = Faults::new(&Arc::new(file));
        let root = faults.parse();
        Table::root(&root, &faults, "a.toml", &["old", "new"]).warn_of(retiring);
        drop(root);
        let told = faults.into_diagnostics();
        assert!(!told.has_errors(), "it is read as before: {told:?}");
        told.iter().map(|one| format!("{one} {}", one.help.clone().unwrap_or_default())).collect()
    }

    #[test]
    fn a_key_that_is_to_go_is_read_and_warned_of_where_it_stands() {
        let retiring =
            [Retiring { key: "old", last: "0.2", instead: "write `new = true`, which says more" }];
        let warned = told("new = true\nold = true\n", &retiring);
        assert!(warned.starts_with("a.toml:2: warning[key-retiring]"), "{warned}");
        assert!(warned.contains("0.2") && warned.contains("write `new = true`"), "{warned}");
        assert_eq!(told("new = true\n", &retiring), "");
        assert_eq!(told("old = true\n", &[]), "");
    }
}
