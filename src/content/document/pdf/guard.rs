//! What `hayro-syntax` unfolds by itself: streams that hold objects and
//! cross-references (ISO 32000-1 sections 7.5.7 and 7.5.8). It knows no limit,
//! so they are measured before it sees them. Where they are encrypted they
//! cannot be: the bound on those is that of the process.

use hayro_syntax::object::{FromBytes, Stream};

use super::filter::{Unfolded, unfold};
use crate::mail::OpaqueReason;

/// Whether all of them together keep within the limit.
pub(super) fn check(octets: &[u8], limit: u64) -> Result<(), OpaqueReason> {
    let mut left = limit;
    let mut after_last = 0;
    for at in memchr::memmem::find_iter(octets, b"stream") {
        let before = octets.get(after_last..at).unwrap_or_default();
        after_last = at;
        if before.ends_with(b"end") {
            continue;
        }
        let Some(stream) = holder_of_objects(octets, at - before.len(), before) else { continue };
        let Unfolded { octets, fault } = unfold(&stream, left);
        let used = u64::try_from(octets.len()).unwrap_or(u64::MAX);
        left = left.checked_sub(used).ok_or(OpaqueReason::OverLimit)?;
        if fault == Some(OpaqueReason::OverLimit) {
            return Err(OpaqueReason::OverLimit);
        }
    }
    Ok(())
}

/// The stream whose dictionary ends `before`, if it looks like one of these.
fn holder_of_objects<'a>(octets: &'a [u8], start: usize, before: &[u8]) -> Option<Stream<'a>> {
    let object = memchr::memmem::rfind(before, b"obj")?;
    let dictionary = before.get(object..)?;
    let opening = memchr::memmem::find(dictionary, b"<<")?;
    let has = |part: &[u8]| memchr::memmem::find(dictionary, part).is_some();
    // A name may be written with its letters as numbers.
    let is_holder = has(b"/First") || has(b"ObjStm") || has(b"XRef") || has(b"#");
    is_holder.then(|| Stream::from_bytes(octets.get(start + object + opening..)?))?
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::ZlibEncoder};

    use super::*;

    fn document(kind: &str, unfolded: usize) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&vec![b'0'; unfolded]).unwrap();
        let packed = encoder.finish().unwrap();
        let mut octets = format!(
            "%PDF-1.7\n1 0 obj\n<< {kind} /Filter /FlateDecode /Length {} >>\nstream\n",
            packed.len()
        )
        .into_bytes();
        octets.extend(packed);
        octets.extend(b"\nendstream\nendobj\n");
        octets
    }

    #[test]
    fn objects_that_unfold_too_far_are_not_read() {
        for kind in ["/Type /ObjStm /N 1 /First 4", "/Type /Obj#53tm", "/Type /XRef /W [1 2 1]"] {
            assert_eq!(check(&document(kind, 1000), 1000), Ok(()), "{kind}");
            assert_eq!(check(&document(kind, 1001), 1000), Err(OpaqueReason::OverLimit), "{kind}");
            let twice = [document(kind, 600), document(kind, 600)].concat();
            assert_eq!(check(&twice, 1000), Err(OpaqueReason::OverLimit), "{kind}");
        }
    }

    #[test]
    fn other_streams_are_measured_when_they_are_read() {
        assert_eq!(check(&document("/Subtype /Image", 100_000), 1000), Ok(()));
    }
}
