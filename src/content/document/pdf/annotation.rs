//! Annotations: ISO 32000-1 section 12.5. What they show belongs to the page;
//! what they say besides is read apart.

use hayro_syntax::object::{Dict, Name, Object, Stream, String as Octets};

use super::{
    form,
    interpreter::Interpreter,
    matrix::{Point, Rectangle},
    opened::{Opened, items, numbers},
    sheet::Sheet,
    text_string,
};

/// Draws the annotations of a page; gives what is said to stand for them.
pub(super) fn draw<'a>(page: &Dict<'a>, opened: &mut Opened<'a>, sheet: &mut Sheet) -> Vec<String> {
    let mut spoken = Vec::new();
    for annotation in of(page) {
        if !opened.may_visit() {
            break;
        }
        let at = Rectangle::of(&numbers(&annotation, "Rect")).unwrap_or_default();
        let appearances = appearances(&annotation);
        let before = sheet.letters;
        let mut interpreter = Interpreter::new(opened, sheet);
        for appearance in &appearances {
            interpreter.appearance(appearance, at);
        }
        spoken.append(&mut interpreter.spoken);
        if sheet.letters == before
            && let Some(text) = shown_text(&annotation)
        {
            write(sheet, &text, at);
        }
    }
    spoken
}

/// What annotations say that is not on the page, one a line.
pub(super) fn remarks<'a>(page: &Dict<'a>, opened: &mut Opened<'a>) -> Vec<Remark> {
    let mut remarks = Vec::new();
    for annotation in of(page) {
        if !opened.may_visit() {
            break;
        }
        let text = |dictionary: &Dict<'a>, key: &str| {
            dictionary.get::<Octets<'a>>(key).map(|text| text_string::text(text.as_bytes()))
        };
        for key in ["Subj", "Contents", "T", "TU"] {
            remarks.extend(text(&annotation, key).map(Remark::Text));
        }
        match annotation.get::<Object<'a>>("RC") {
            Some(Object::String(rich)) => {
                remarks.push(Remark::Rich(text_string::text(rich.as_bytes())));
            }
            Some(Object::Stream(rich)) => {
                remarks.push(Remark::Rich(text_string::text(&opened.octets(&rich))));
            }
            _ => {}
        }
        let action = annotation.get::<Dict<'a>>("A").unwrap_or_default();
        remarks.extend(text(&action, "URI").map(Remark::Text));
    }
    remarks
}

pub(super) enum Remark {
    Text(String),
    /// XHTML.
    Rich(String),
}

pub(super) fn of<'a>(page: &Dict<'a>) -> Vec<Dict<'a>> {
    let annotations = page.get::<Object<'a>>("Annots").map(items).unwrap_or_default();
    annotations.into_iter().filter_map(Object::into_dict).collect()
}

/// The normal ones: all of them, where they are for states of which none is
/// said to be the present one.
fn appearances<'a>(annotation: &Dict<'a>) -> Vec<Stream<'a>> {
    let appearances = annotation.get::<Dict<'a>>("AP").unwrap_or_default();
    match appearances.get::<Object<'a>>("N") {
        Some(Object::Stream(only)) => vec![only],
        Some(Object::Dict(states)) => {
            let present = annotation.get::<Name<'a>>("AS");
            let named = present.and_then(|name| states.get::<Stream<'a>>(&name));
            let all = || states.keys().filter_map(|name| states.get::<Stream<'a>>(&name));
            named.map_or_else(|| all().take(MOST_STATES).collect(), |named| vec![named])
        }
        _ => Vec::new(),
    }
}

/// What a viewer shows of its own accord where there is no appearance: the
/// value of a field, the text of a free text.
fn shown_text(annotation: &Dict<'_>) -> Option<String> {
    match annotation.get::<Name<'_>>("Subtype").as_deref() {
        Some(b"Widget") => form::inherited(annotation, "V").and_then(form::value),
        Some(b"FreeText") => {
            let contents = annotation.get::<Octets<'_>>("Contents")?;
            Some(text_string::text(contents.as_bytes()))
        }
        _ => None,
    }
}

/// From the top of a tall field, in the middle of a low one.
fn write(sheet: &mut Sheet, text: &str, at: Rectangle) {
    let size = (at.height() * 0.7).clamp(4.0, 10.0);
    let y = (at.high.y - size * 1.2).max(f64::midpoint(at.low.y, at.high.y) - size * 0.35);
    sheet.write(text, Point { x: at.low.x + 2.0, y }, size);
}

const MOST_STATES: usize = 16;
