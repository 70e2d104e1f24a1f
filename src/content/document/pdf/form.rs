//! Forms: ISO 32000-1 section 12.7. Their values are on the page too, but
//! here they stand beside the names of their fields.

use hayro_syntax::object::{Dict, Object, String as Octets};

use super::{
    opened::{Opened, items},
    text_string,
};
use crate::content::document::gatherer::Gatherer;

/// Each field with a value, a line each: what it is called, and its value.
pub(super) fn fields<'a>(catalog: &Dict<'a>, opened: &mut Opened<'a>) -> String {
    let form = catalog.get::<Dict<'a>>("AcroForm").unwrap_or_default();
    let roots = form.get::<Object<'a>>("Fields").map(items).unwrap_or_default();
    let mut left: Vec<(Dict<'a>, String, usize)> = roots
        .into_iter()
        .rev()
        .filter_map(|field| Some((field.into_dict()?, String::new(), 0)))
        .collect();
    let mut lines = String::new();
    while let Some((field, outer, depth)) = left.pop() {
        if !opened.may_visit() || depth > DEEPEST {
            break;
        }
        let text =
            |key: &str| field.get::<Octets<'a>>(key).map(|text| text_string::text(text.as_bytes()));
        let name = match (text("T"), outer.is_empty()) {
            (Some(own), true) => own,
            (Some(own), false) => format!("{outer} {own}"),
            (None, _) => outer,
        };
        if let Some(value) = field.get::<Object<'a>>("V").and_then(value) {
            let label = text("TU").unwrap_or_default();
            lines.push_str(&format!("{label} {name}: {value}\n").trim_start().replace("  ", " "));
        }
        let kids = field.get::<Object<'a>>("Kids").map(items).unwrap_or_default();
        left.extend(
            kids.into_iter()
                .rev()
                .filter_map(|kid| Some((kid.into_dict()?, name.clone(), depth + 1))),
        );
    }
    lines
}

/// XFA (section 12.7.8): a form in XML, whole or in packets.
pub(super) fn read_xfa<'a>(
    catalog: &Dict<'a>,
    opened: &mut Opened<'a>,
    path: &str,
    gatherer: &mut Gatherer,
) {
    let form = catalog.get::<Dict<'a>>("AcroForm").unwrap_or_default();
    let packets = form.get::<Object<'a>>("XFA").map(items).unwrap_or_default();
    for packet in packets.into_iter().filter_map(Object::into_stream) {
        if !opened.may_visit() {
            break;
        }
        let octets = opened.octets(&packet);
        gatherer.text(path, super::xml::text(&octets));
    }
}

/// Of what a field's value is written as.
pub(super) fn value(value: Object<'_>) -> Option<String> {
    let text = match value {
        Object::String(text) => text_string::text(text.as_bytes()),
        Object::Stream(_) | Object::Dict(_) | Object::Null(_) => return None,
        // Choices.
        Object::Array(each) => {
            let each: Vec<_> = each
                .iter::<Object<'_>>()
                .take(MOST_CHOICES)
                .filter_map(|item| match item {
                    Object::String(text) => Some(text_string::text(text.as_bytes())),
                    _ => None,
                })
                .collect();
            each.join("\n")
        }
        // A button that is on.
        Object::Name(name) if &*name != b"Off" => String::from_utf8_lossy(&name).into_owned(),
        _ => return None,
    };
    (!text.trim().is_empty()).then_some(text)
}

/// What a field says, or one above it.
pub(super) fn inherited<'a>(field: &Dict<'a>, key: &str) -> Option<Object<'a>> {
    let mut field = field.clone();
    for _ in 0..DEEPEST {
        if let Some(found) = field.get::<Object<'a>>(key) {
            return Some(found);
        }
        field = field.get::<Dict<'a>>("Parent")?;
    }
    None
}

const DEEPEST: usize = 32;
const MOST_CHOICES: usize = 1000;
