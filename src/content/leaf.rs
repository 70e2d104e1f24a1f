//! What the text of a leaf says: as a person reads it, and the files that
//! stand in it.

use bytes::Bytes;

use super::{
    html,
    reading::OffsetMap,
    structured::{self, Expected, Original},
};

/// Texts, each with its way back to the leaf's own.
#[derive(Debug, Default)]
pub(super) struct Leaf {
    pub(super) texts: Vec<(String, OffsetMap)>,
    /// Files in base64: in records, in addresses of HTML.
    pub(super) embedded: Vec<Bytes>,
}

impl Leaf {
    pub(super) fn plain(text: String, expected: Expected) -> Self {
        let Some(rendered) = structured::rendered(&text, expected) else {
            return Self::as_it_stands(text);
        };
        let mut texts = vec![(rendered.text, rendered.map)];
        if rendered.original == Original::Kept {
            texts.push((text, OffsetMap::straight_from(0)));
        }
        Self { texts, embedded: rendered.embedded }
    }

    pub(super) fn html(text: &str) -> Self {
        let read = html::text_of(text);
        Self { texts: vec![read.displayed, read.aside], embedded: read.embedded }
    }

    /// Markup that is shown as it is typed, and might be shown as meant.
    pub(super) fn plain_and_html(text: String) -> Self {
        let mut leaf = Self::html(&text);
        leaf.texts.insert(0, (text, OffsetMap::straight_from(0)));
        leaf
    }

    fn as_it_stands(text: String) -> Self {
        Self { texts: vec![(text, OffsetMap::straight_from(0))], embedded: Vec::new() }
    }
}
