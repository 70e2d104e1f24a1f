//! Files that stand in a text: the text itself is read elsewhere.

use bytes::Bytes;

use super::{extract::Document, gatherer::Gatherer};
use crate::{content::uuencode, mail::OpaqueReason};

pub(super) fn read(document: &Document, gatherer: &mut Gatherer) -> Result<(), OpaqueReason> {
    for (number, file) in (1_usize..).zip(uuencode::files(&document.octets)) {
        if gatherer.is_full() {
            return Err(OpaqueReason::OverLimit);
        }
        let path = format!("{}/{number}", document.path);
        gatherer.file(&path, Some(&file.name), Bytes::from(file.octets));
        if file.damaged {
            gatherer.unread(&path, OpaqueReason::Damaged);
        }
    }
    Ok(())
}
