//! What a tag line must not be: empty, long, wide; or HTML that fetches, runs
//! or hides anything, that leaves something open, or that cannot be read by
//! everybody (WCAG 2.2: 1.4.3 contrast, 2.4.4 links, 3.1.2 language).

use std::{borrow::Cow, cell::RefCell, ops::Range, rc::Rc};

use lol_html::{
    ElementContentHandlers, HtmlRewriter, Selector, Settings,
    html_content::{Element, TextChunk},
};

use super::{
    super::written::{Fault, Faults},
    Language,
};

pub(super) fn plain(faults: &Faults) {
    let text = &faults.file().text;
    check_length(faults, text);
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let shown = line.trim_end();
        let columns = shown.chars().count();
        if columns > WIDEST {
            faults.warning(
                Fault::new("disclaimer-wide", format!("this line has {columns} columns"))
                    .at(start..start + shown.len())
                    .label(format!("more than {WIDEST}"))
                    .help("break it: wider lines are broken anywhere by the mail on their way"),
            );
        }
        start += line.len();
    }
}

pub(super) fn html(faults: &Faults, language: Language) {
    let text = &faults.file().text;
    check_length(faults, text);
    let Some(elements) = elements_of(text) else {
        faults.error(Fault::new("disclaimer-html", "this HTML cannot be read"));
        return;
    };
    let background = elements.iter().find_map(|element| element.colour("background-color"));
    for element in &elements {
        check_element(element, faults);
        check_style(element, background.unwrap_or(WHITE), faults);
        check_link(element, faults);
        if !element.closed && !VOID.contains(&element.name.as_str()) {
            faults.error(
                Fault::new("disclaimer-html", format!("`<{}>` is not closed", element.name))
                    .at(element.range.clone())
                    .label("would go on under the message")
                    .help(format!("add `</{}>`", element.name)),
            );
        }
    }
    check_language(faults, &elements, language);
}

/// A start tag of a tag line.
struct Found {
    name: String,
    attributes: Vec<(String, String)>,
    range: Range<usize>,
    /// All text within it.
    text: String,
    closed: bool,
}

impl Found {
    fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// What the style written in place says of a property.
    fn style(&self, property: &str) -> Option<&str> {
        let declared = self.attribute("style")?.split(';').filter_map(|one| one.split_once(':'));
        let mut of_property =
            declared.filter(|(name, _)| name.trim().eq_ignore_ascii_case(property));
        of_property.next_back().map(|(_, value)| value.trim())
    }

    /// Red, green and blue, where they are written `#rrggbb` or `#rgb`.
    fn colour(&self, property: &str) -> Option<[u8; 3]> {
        let digits = self.style(property)?.strip_prefix('#')?;
        let wide: String = match digits.len() {
            3 => digits.chars().flat_map(|digit| [digit, digit]).collect(),
            _ => digits.to_owned(),
        };
        let value = u32::from_str_radix(&wide, 16).ok().filter(|_| wide.len() == 6)?;
        let [_, red, green, blue] = value.to_be_bytes();
        Some([red, green, blue])
    }
}

fn elements_of(html: &str) -> Option<Vec<Found>> {
    let found: Rc<RefCell<Vec<Found>>> = Rc::default();
    let started = Rc::clone(&found);
    let any: Selector = "*".parse().ok()?;
    let handlers =
        ElementContentHandlers::default().element(move |element: &mut Element<'_, '_>| {
            let mut all = started.borrow_mut();
            let (index, ended) = (all.len(), Rc::clone(&started));
            all.push(seen(element));
            drop(all);
            if let Some(handlers) = element.end_tag_handlers() {
                handlers.push(Box::new(move |end| {
                    if let Some(open) = ended.borrow_mut().get_mut(index) {
                        // The end of what it stands in may end it too.
                        open.closed = end.name() == open.name;
                    }
                    Ok(())
                }));
            }
            Ok(())
        });
    let texts = Rc::clone(&found);
    let handlers = handlers.text(move |chunk: &mut TextChunk<'_>| {
        for open in texts.borrow_mut().iter_mut().filter(|one| !one.closed) {
            open.text.push_str(chunk.as_str());
        }
        Ok(())
    });
    let settings = Settings::new()
        .with_strict(false)
        .append_element_content_handler((Cow::Owned(any), handlers));
    let mut rewriter = HtmlRewriter::new(settings, |_: &[u8]| {});
    rewriter.write(html.as_bytes()).ok()?;
    rewriter.end().ok()?;
    Some(found.take())
}

fn seen(element: &Element<'_, '_>) -> Found {
    let attributes = element.attributes().iter();
    Found {
        name: element.tag_name(),
        attributes: attributes.map(|one| (one.name(), one.value())).collect(),
        range: element.source_location().bytes(),
        text: String::new(),
        closed: false,
    }
}

fn check_length(faults: &Faults, text: &str) {
    if text.trim().is_empty() {
        faults.error(Fault::new("disclaimer-empty", "this tag line says nothing"));
    }
    if text.len() > LONGEST {
        let message = format!("this tag line has {} octets", text.len());
        faults.warning(Fault::new("disclaimer-long", message).help(format!(
            "say it in {LONGEST}, and link to the rest: it goes with every message"
        )));
    }
}

fn check_element(element: &Found, faults: &Faults) {
    let forbid = |what: String, why: &str| {
        faults.error(
            Fault::new("disclaimer-html", format!("a tag line has {what}"))
                .at(element.range.clone())
                .label(why)
                .help("take it out; a tag line is text with its styles written in place"),
        );
    };
    if let Some((name, why)) = FORBIDDEN.iter().find(|(name, _)| *name == element.name) {
        forbid(format!("no `<{name}>`"), why);
    }
    for (name, value) in &element.attributes {
        let value = value.to_ascii_lowercase();
        if name.starts_with("on") {
            forbid(format!("no `{name}`"), "runs code");
        }
        if FETCHING.contains(&name.as_str()) || value.contains("url(") {
            forbid(format!("no `{name}` that names another file"), "loads something else");
        }
        let address = value.trim();
        let safe = ["https://", "mailto:", "tel:"].iter().any(|start| address.starts_with(start));
        if name == "href" && !safe {
            forbid(
                "only links that begin with https://, mailto: or tel:".to_owned(),
                "leads elsewhere",
            );
        }
    }
}

fn check_style(element: &Found, background: [u8; 3], faults: &Faults) {
    let warn = |message: String, help: &str| {
        faults.warning(
            Fault::new("disclaimer-unreadable", message).at(element.range.clone()).help(help),
        );
    };
    for (property, hiding) in HIDING {
        if element.style(property).is_some_and(|value| value.eq_ignore_ascii_case(hiding)) {
            let message = format!("`{property}: {hiding}` hides what it stands on or before");
            warn(message, "take it out: a tag line is there to be seen");
        }
    }
    let size = element.style("font-size").and_then(|size| size.strip_suffix("px"));
    if size.and_then(|size| size.trim().parse().ok()).is_some_and(|size: f32| size < SMALLEST) {
        warn("this is too small to be read".to_owned(), "write it in 12px or more");
    }
    let behind = element.colour("background-color").unwrap_or(background);
    if let Some(contrast) = element.colour("color").map(|colour| contrast(colour, behind))
        && contrast < LEAST_CONTRAST
    {
        let message = format!("this text stands out from its background by {contrast:.1} to 1");
        warn(message, "choose a darker colour: 4.5 to 1 is the least that everybody can read");
    }
}

fn check_link(element: &Found, faults: &Faults) {
    if element.name != "a" || element.attribute("href").is_none() {
        return;
    }
    let text = element.text.trim().trim_end_matches(['.', '!', ':']).to_lowercase();
    if text.is_empty() || VAGUE.contains(&text.as_str()) {
        faults.warning(
            Fault::new("disclaimer-unreadable", "this link does not say where it leads")
                .at(element.range.clone())
                .help("a screen reader reads links alone: name what is there"),
        );
    }
}

fn check_language(faults: &Faults, elements: &[Found], language: Language) {
    let Some(first) = elements.first() else { return };
    let expected = language.code();
    let found = first.attribute("lang").unwrap_or_default();
    if found.split('-').next() != Some(expected) {
        faults.warning(
            Fault::new("disclaimer-language", "this tag line does not say which language it is in")
                .at(first.range.clone())
                .label(format!("no `lang=\"{expected}\"`"))
                .help("a screen reader speaks it in that language"),
        );
    }
}

/// WCAG 2.2: the ratio of two relative luminances.
fn contrast(one: [u8; 3], other: [u8; 3]) -> f32 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(colour: [u8; 3]) -> f32 {
    let [red, green, blue] = colour.map(|part| {
        let part = f32::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/// What plain mail keeps whole when it is quoted once or twice (RFC 3676
/// section 4.2 advises 78 less the quoting).
const WIDEST: usize = 76;
const LONGEST: usize = 4096;
/// In px.
const SMALLEST: f32 = 12.0;
const LEAST_CONTRAST: f32 = 4.5;
const WHITE: [u8; 3] = [255; 3];

/// Elements that have no end tag.
const VOID: [&str; 4] = ["br", "hr", "wbr", "img"];

const FETCHING: [&str; 6] = ["src", "srcset", "background", "action", "data", "poster"];

const HIDING: [(&str, &str); 5] = [
    ("display", "none"),
    ("visibility", "hidden"),
    ("position", "fixed"),
    ("position", "absolute"),
    ("float", "right"),
];

/// What says nothing of where a link leads.
const VAGUE: [&str; 6] = ["here", "click here", "link", "more", "read more", "this"];

const FORBIDDEN: [(&str, &str); 22] = [
    ("script", "runs code"),
    ("iframe", "loads another page"),
    ("frame", "loads another page"),
    ("object", "loads something else"),
    ("embed", "loads something else"),
    ("applet", "loads something else"),
    ("link", "loads a style sheet"),
    ("style", "would restyle the whole message"),
    ("form", "asks for input"),
    ("input", "asks for input"),
    ("textarea", "asks for input"),
    ("button", "asks for input"),
    ("img", "is fetched from elsewhere, or shown as an attachment"),
    ("svg", "may hold anything"),
    ("math", "may hold anything"),
    ("video", "loads something else"),
    ("audio", "loads something else"),
    ("base", "changes every link of the message"),
    ("meta", "changes how the whole message is shown"),
    ("html", "a tag line is a piece of a page"),
    ("head", "a tag line is a piece of a page"),
    ("body", "a tag line is a piece of a page"),
];
