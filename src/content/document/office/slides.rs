//! Slides and their notes (ECMA-376 part 1 section 19): one text in the order
//! of the show, with what masters and layouts display on every slide once.

use super::{
    ooxml::Parts,
    words::Words,
    xml::{Element, Visit},
};

pub(super) const ROOTS: [&str; 6] =
    ["sld", "notes", "sldMaster", "sldLayout", "notesMaster", "handoutMaster"];

pub(super) fn read(parts: &mut Parts<'_>) {
    let mut words = Words::default();
    let mut notes = parts.with_root("notes");
    for slide in in_order(parts) {
        parts.walk(&slide, &mut words);
        let of_slide: Vec<String> =
            parts.relationships.of_kind(&slide, "notesSlide").map(str::to_owned).collect();
        for name in of_slide {
            let known = notes.iter().position(|note| note.eq_ignore_ascii_case(&name));
            if let Some(index) = known {
                parts.walk(&notes.remove(index), &mut words);
            }
        }
    }
    for name in notes {
        parts.walk(&name, &mut words);
    }
    parts.told("", words.finish());
    let mut masters = Words::without_placeholders();
    for root in ["sldMaster", "sldLayout", "notesMaster", "handoutMaster"] {
        for name in parts.with_root(root) {
            parts.walk(&name, &mut masters);
        }
    }
    parts.told(":masters", masters.finish());
}

/// The slides as the presentation lists them, those that it does not list
/// behind them.
fn in_order(parts: &mut Parts<'_>) -> Vec<String> {
    let mut slides = parts.with_root("sld");
    let mut ordered = Vec::new();
    for presentation in parts.with_root("presentation") {
        let mut listed = Listed::default();
        parts.walk(&presentation, &mut listed);
        for id in listed.0 {
            let target = parts.relationships.target(&presentation, &id);
            let known = |slide: &String| target.is_some_and(|t| t.eq_ignore_ascii_case(slide));
            if let Some(index) = slides.iter().position(known) {
                ordered.push(slides.remove(index));
            }
        }
    }
    ordered.append(&mut slides);
    ordered
}

/// Identifiers of slides in the order of the show.
#[derive(Default)]
struct Listed(Vec<String>);

impl Visit for Listed {
    fn start(&mut self, element: &Element<'_>) {
        if element.name() == "sldId" && self.0.len() < MAX_SLIDES {
            // A slide has a number of its own and the relationship's: both are
            // called `id` without their prefixes.
            let ids = element.attributes().filter(|(name, _)| *name == "id").map(|(_, id)| id);
            self.0.extend(ids.filter(|id| id.parse::<u64>().is_err()));
        }
    }

    fn end(&mut self, _: &str) {}

    fn text(&mut self, _: &str) {}
}

const MAX_SLIDES: usize = 10_000;
