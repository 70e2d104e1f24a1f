//! What the tests of readers share.

use super::{Document, Extract, InPlace, ReadDocument};
use crate::mail::OpaqueReason;

/// All that is drawn out of octets that are part 2 of a message.
pub(super) fn read(octets: impl Into<bytes::Bytes>) -> Extract {
    InPlace::default().read(&Document { path: "2".to_owned(), octets: octets.into() })
}

/// Places and what is read there.
pub(super) fn texts(extract: &Extract) -> Vec<(&str, &str)> {
    let readings = extract.readings.iter();
    readings.map(|reading| (reading.part.as_str(), reading.text.as_str())).collect()
}

pub(super) fn opaque(extract: &Extract) -> Vec<(&str, OpaqueReason)> {
    extract.opaque.iter().map(|opaque| (opaque.part.as_str(), opaque.reason)).collect()
}
