//! What the structure of a document says of its parts: text for pictures and
//! for letters drawn. ISO 32000-1 section 14.7.2.

use hayro_syntax::object::{Dict, Object, String as Octets};

use super::{opened::items, text_string};

/// What stands for parts of the pages, a line each.
pub(super) fn spoken<'a>(catalog: &Dict<'a>) -> Vec<String> {
    let mut left: Vec<Dict<'a>> = catalog.get::<Dict<'a>>("StructTreeRoot").into_iter().collect();
    let mut found = Vec::new();
    let mut visits = 0;
    while let Some(node) = left.pop() {
        visits += 1;
        // Structure is large, and says what pages show: not worth a fault.
        if visits > MOST_ELEMENTS {
            break;
        }
        for key in ["Alt", "ActualText", "E", "T"] {
            let text = node.get::<Octets<'a>>(key).map(|text| text_string::text(text.as_bytes()));
            found.extend(text.filter(|text| text.chars().count() > 3));
        }
        let kids = node.get::<Object<'a>>("K").map(items).unwrap_or_default();
        left.extend(kids.into_iter().rev().filter_map(Object::into_dict));
    }
    found
}

const MOST_ELEMENTS: usize = 100_000;
