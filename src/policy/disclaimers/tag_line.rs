//! A tag line, and how it is filled in.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use super::{
    super::template::{Field, Template},
    Language,
};
use crate::mail::Disclaimer;

/// One tag line, in every language it is written in.
#[derive(Clone, Debug)]
pub struct TagLine {
    name: String,
    wordings: BTreeMap<Language, Wording>,
    /// In English, where that has no fields: the same under every message.
    constant: Option<Arc<Disclaimer>>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Wording {
    pub(super) plain: Template,
    pub(super) html: Template,
}

impl TagLine {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn languages(&self) -> impl Iterator<Item = Language> + '_ {
        self.wordings.keys().copied()
    }

    /// As it stands under one message, in these languages; what it is not
    /// written in is left out, and English stands in for nothing at all.
    pub fn filled(
        &self,
        languages: &[Language],
        organisation: &str,
        level_name: &str,
    ) -> Arc<Disclaimer> {
        if let ([] | [Language::English], Some(constant)) = (languages, &self.constant) {
            return Arc::clone(constant);
        }
        let mut wordings: Vec<&Wording> =
            languages.iter().filter_map(|language| self.wordings.get(language)).collect();
        if wordings.is_empty() {
            wordings.extend(self.wordings.get(&Language::English));
        }
        let value = |field| match field {
            Field::Organisation => organisation,
            _ => level_name,
        };
        let plain =
            wordings.iter().map(|wording| wording.plain.fill_with(|field| value(field).into()));
        let html =
            wordings.iter().map(|wording| wording.html.fill_with(|field| escaped(value(field))));
        Arc::new(Disclaimer {
            name: self.name.clone(),
            plain: plain.collect::<Vec<_>>().join("\n\n"),
            html: html.collect::<Vec<_>>().join("\n"),
        })
    }

    pub(super) fn new(name: &str, wordings: BTreeMap<Language, Wording>) -> Self {
        let constant = wordings.get(&Language::English).and_then(|wording| {
            Some(Arc::new(Disclaimer {
                name: name.to_owned(),
                plain: wording.plain.constant()?,
                html: wording.html.constant()?,
            }))
        });
        Self { name: name.to_owned(), wordings, constant }
    }
}

/// Of a field that goes into HTML.
fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}
