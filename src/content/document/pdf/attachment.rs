//! Files within a document: ISO 32000-1 section 7.11.4.

use std::collections::HashSet;

use bytes::Bytes;
use hayro_syntax::object::{Dict, Object, Stream, String as Octets};

use super::{
    annotation,
    filter::{Unfolded, unfold},
    opened::{Opened, Place, items, place},
    text_string, tree,
};
use crate::{content::document::gatherer::Gatherer, mail::OpaqueReason};

/// What says where a file is, wherever it is said.
pub(super) fn specifications<'a>(
    catalog: &Dict<'a>,
    pages: &[Dict<'a>],
    opened: &mut Opened<'a>,
) -> Vec<Dict<'a>> {
    let names = catalog.get::<Dict<'a>>("Names").unwrap_or_default();
    let embedded = names.get::<Dict<'a>>("EmbeddedFiles").unwrap_or_default();
    let mut found: Vec<Dict<'a>> = tree::values(embedded, "Names", opened)
        .into_iter()
        .filter_map(|(_, file)| file.into_dict())
        .collect();
    let associated = |dictionary: &Dict<'a>| {
        let files = dictionary.get::<Object<'a>>("AF").map(items).unwrap_or_default();
        files.into_iter().filter_map(Object::into_dict)
    };
    found.extend(associated(catalog));
    for page in pages {
        found.extend(associated(page));
        for annotation in annotation::of(page) {
            if !opened.may_visit() {
                return found;
            }
            found.extend(annotation.get::<Dict<'a>>("FS"));
            found.extend(associated(&annotation));
        }
    }
    found
}

/// Has each file read, by whatever it is.
pub(super) fn read<'a>(specifications: &[Dict<'a>], path: &str, gatherer: &mut Gatherer) {
    let mut seen: HashSet<Place> = HashSet::new();
    let mut count = 0;
    for specification in specifications {
        let files = specification.get::<Dict<'a>>("EF").unwrap_or_default();
        let mut streams: Vec<Stream<'a>> = ["UF", "F", "DOS", "Mac", "Unix"]
            .into_iter()
            .filter_map(|key| files.get::<Stream<'a>>(key))
            .collect();
        streams.retain(|stream| seen.insert(place(stream.dict())));
        let mut name = ["UF", "F", "Desc"]
            .into_iter()
            .filter_map(|key| specification.get::<Octets<'a>>(key))
            .map(|name| text_string::text(name.as_bytes()))
            .collect::<Vec<_>>();
        name.dedup();
        for stream in streams {
            count += 1;
            let at = format!("{path}/{count}");
            let Unfolded { octets, fault } = unfold(&stream, gatherer.left());
            if fault == Some(OpaqueReason::OverLimit) {
                // It has cost its time: a thousand of them are to cost no more.
                let left = usize::try_from(gatherer.left()).unwrap_or(usize::MAX);
                gatherer.unfolded(left);
                return gatherer.unread(&at, OpaqueReason::OverLimit);
            }
            gatherer.file(&at, Some(&name.join("\n")), Bytes::from(octets.into_owned()));
            if let Some(fault) = fault {
                gatherer.unread(&at, fault);
            }
        }
    }
}
