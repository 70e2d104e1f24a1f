//! One page: what its content and its annotations show.

use std::rc::Rc;

use hayro_syntax::{
    object::{Dict, Object, Rect, Stream},
    page::Page,
};

use super::{
    annotation,
    interpreter::Interpreter,
    layout,
    matrix::Matrix,
    opened::{Opened, items},
    sheet::Sheet,
};
use crate::mail::OpaqueReason;

/// What can be read of a page, and what must be said of the rest.
pub(super) struct Read {
    pub(super) text: String,
    pub(super) spoken: Vec<String>,
    pub(super) fault: Option<OpaqueReason>,
}

pub(super) fn read<'a>(page: &Page<'a>, opened: &mut Opened<'a>) -> Read {
    let dictionary = page.raw();
    let contents = contents(dictionary, opened);
    // Resources may come from above, where a page has none of its own.
    let resources = resources(page);
    let mut sheet = Sheet::default();
    let mut interpreter = Interpreter::new(opened, &mut sheet);
    interpreter.run(&contents, &resources);
    let mut spoken = std::mem::take(&mut interpreter.spoken);
    spoken.append(&mut annotation::draw(dictionary, opened, &mut sheet));
    spoken.append(&mut patterns(&resources, opened, &mut sheet));
    let text = layout::text(&sheet.pieces);
    Read { text, spoken, fault: fault(&sheet, page.media_box()) }
}

fn fault(sheet: &Sheet, bounds: Rect) -> Option<OpaqueReason> {
    let area = (bounds.width() * bounds.height()).abs();
    if sheet.has_unknown_text() {
        Some(OpaqueReason::Unreadable)
    } else {
        sheet.is_picture(area).then_some(OpaqueReason::Picture)
    }
}

/// Streams of one page's content are read as one (section 7.8.2).
fn contents<'a>(page: &Dict<'a>, opened: &mut Opened<'a>) -> Rc<[u8]> {
    let streams: Vec<Stream<'a>> = match page.get::<Object<'a>>("Contents") {
        Some(object @ (Object::Array(_) | Object::Stream(_))) => {
            items(object).into_iter().filter_map(Object::into_stream).collect()
        }
        Some(_) => Vec::new(),
        None => {
            if page.contains_key("Contents") {
                opened.fault(OpaqueReason::Damaged);
            }
            Vec::new()
        }
    };
    if let [only] = streams.as_slice() {
        return opened.octets(only);
    }
    let mut joined = Vec::new();
    for stream in &streams {
        let octets = opened.octets(stream);
        let most = usize::try_from(opened.octets_left()).unwrap_or(usize::MAX);
        if joined.len().saturating_add(octets.len()) > most {
            opened.fault(OpaqueReason::OverLimit);
            break;
        }
        joined.extend_from_slice(&octets);
        joined.push(b'\n');
    }
    joined.into()
}

fn resources<'a>(page: &Page<'a>) -> Dict<'a> {
    let mut node = page.raw().clone();
    for _ in 0..DEEPEST {
        if let Some(resources) = node.get::<Dict<'a>>("Resources") {
            return resources;
        }
        let Some(parent) = node.get::<Dict<'a>>("Parent") else { break };
        node = parent;
    }
    Dict::default()
}

/// Patterns may show text, over and over (section 8.7.3).
fn patterns<'a>(resources: &Dict<'a>, opened: &mut Opened<'a>, sheet: &mut Sheet) -> Vec<String> {
    let patterns = resources.get::<Dict<'a>>("Pattern").unwrap_or_default();
    let mut interpreter = Interpreter::new(opened, sheet);
    for name in patterns.keys().take(MOST_PATTERNS) {
        if let Some(pattern) = patterns.get::<Stream<'a>>(&name) {
            interpreter.form(&pattern, Matrix::IDENTITY, resources);
        }
    }
    interpreter.spoken
}

/// Levels of the tree of pages.
const DEEPEST: usize = 64;
const MOST_PATTERNS: usize = 256;
