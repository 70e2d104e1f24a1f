//! What a document says of itself: information, metadata, outline, labels.
//! ISO 32000-1 sections 14.3, 12.3.3 and 12.4.2.

use hayro_syntax::object::{Dict, Object, ObjectIdentifier, Stream, String as Octets};

use super::{opened::Opened, text_string, tree, xml};

pub(super) fn text<'a>(octets: &[u8], catalog: &Dict<'a>, opened: &mut Opened<'a>) -> String {
    let mut lines = String::new();
    for information in information(octets, opened) {
        information_lines(&information, &mut lines);
    }
    if let Some(metadata) = catalog.get::<Stream<'a>>("Metadata") {
        lines.push_str(&xml::text(&opened.octets(&metadata)));
    }
    outline(catalog, opened, &mut lines);
    let labels = catalog.get::<Dict<'a>>("PageLabels").unwrap_or_default();
    for (_, label) in tree::values(labels, "Nums", opened) {
        let prefix = label.into_dict().and_then(|label| label.get::<Octets<'a>>("P"));
        push(&mut lines, prefix.as_ref());
    }
    lines
}

/// The information dictionaries of all revisions. Trailers name them; they
/// stand in the clear, one after the other.
fn information<'a>(octets: &[u8], opened: &Opened<'a>) -> Vec<Dict<'a>> {
    let mut ids: Vec<ObjectIdentifier> = Vec::new();
    for at in memchr::memmem::find_iter(octets, b"/Info").take(MOST_TRAILERS) {
        let rest = octets.get(at + 5..octets.len().min(at + 40)).unwrap_or_default();
        if let Some(id) = reference(rest)
            && !ids.contains(&id)
        {
            ids.push(id);
        }
    }
    ids.into_iter().filter_map(|id| opened.objects.get::<Dict<'a>>(id)).collect()
}

/// `12 0 R`
fn reference(octets: &[u8]) -> Option<ObjectIdentifier> {
    let text = String::from_utf8_lossy(octets);
    let mut words = text.split_ascii_whitespace();
    let (number, generation) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    words.next()?.starts_with('R').then(|| ObjectIdentifier::new(number, generation))
}

/// Of whatever key: some writers have their own.
fn information_lines(information: &Dict<'_>, lines: &mut String) {
    let mut entries: Vec<_> = information
        .keys()
        .take(MOST_KEYS)
        .filter_map(|key| Some((key.to_vec(), information.get::<Object<'_>>(&key)?)))
        .collect();
    entries.sort_by(|one, two| one.0.cmp(&two.0));
    for (key, value) in entries {
        if let Object::String(value) = value
            && !key.ends_with(b"Date")
        {
            lines.push_str(&format!("{}: ", String::from_utf8_lossy(&key)));
            push(lines, Some(&value));
        }
    }
}

fn outline<'a>(catalog: &Dict<'a>, opened: &mut Opened<'a>, lines: &mut String) {
    let root = catalog.get::<Dict<'a>>("Outlines");
    let mut left: Vec<Dict<'a>> =
        root.and_then(|root| root.get::<Dict<'a>>("First")).into_iter().collect();
    while let Some(item) = left.pop() {
        if !opened.may_visit() {
            break;
        }
        push(lines, item.get::<Octets<'a>>("Title").as_ref());
        left.extend(item.get::<Dict<'a>>("Next"));
        left.extend(item.get::<Dict<'a>>("First"));
    }
}

fn push(lines: &mut String, text: Option<&Octets<'_>>) {
    if let Some(text) = text {
        lines.push_str(&text_string::text(text.as_bytes()));
        lines.push('\n');
    }
}

const MOST_TRAILERS: usize = 64;
const MOST_KEYS: usize = 256;
