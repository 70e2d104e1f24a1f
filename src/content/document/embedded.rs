//! Embedded objects as OLE 1 writes them (MS-OLEDS section 2.2.5), and what
//! the packager put in them.

use super::octets::Octets;

/// The file within, with its name if it has one.
pub(super) fn file_within(octets: &[u8]) -> (Option<String>, &[u8]) {
    let Some((class, native)) = native_data(octets) else { return (None, octets) };
    let package = class.eq_ignore_ascii_case(b"package").then(|| packaged(native)).flatten();
    package.map_or((None, native), |(name, data)| (Some(name), data))
}

/// The class of an embedded object, and its own octets.
fn native_data(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = Octets(octets);
    let _version = reader.u32()?;
    if reader.u32()? != EMBEDDED {
        return None;
    }
    let class = counted(&mut reader)?;
    let _topic = counted(&mut reader)?;
    let _item = counted(&mut reader)?;
    let native = counted(&mut reader)?;
    Some((class.strip_suffix(&[0]).unwrap_or(class), native))
}

/// A file with its label: path, path of a copy and octets follow it.
pub(super) fn packaged(native: &[u8]) -> Option<(String, &[u8])> {
    let mut reader = Octets(native);
    reader.take(2)?;
    let label = ended(&mut reader)?;
    let _path = ended(&mut reader)?;
    reader.take(4)?;
    let _copy = counted(&mut reader)?;
    let data = counted(&mut reader)?;
    Some((encoding_rs::WINDOWS_1252.decode(label).0.into_owned(), data))
}

/// Octets with their count before them; what is missing at the end is missing.
fn counted<'o>(octets: &mut Octets<'o>) -> Option<&'o [u8]> {
    let length = octets.length()?;
    Some(octets.take_up_to(length))
}

/// Octets up to a NUL.
fn ended<'o>(octets: &mut Octets<'o>) -> Option<&'o [u8]> {
    let end = memchr::memchr(0, octets.0)?;
    let ended = octets.take(end)?;
    octets.take(1)?;
    Some(ended)
}

const EMBEDDED: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn with_count(octets: &[u8]) -> Vec<u8> {
        let length = u32::try_from(octets.len()).unwrap().to_le_bytes();
        [&length[..], octets].concat()
    }

    #[test]
    fn a_packaged_file_is_found_with_its_name() {
        let package = [
            b"\x02\0a.txt\0c:\\a.txt\0\0\0\x03\0",
            &with_count(b"c:\\a\0")[..],
            &with_count(b"data"),
        ]
        .concat();
        let object = [
            &[1, 5, 0, 0, 2, 0, 0, 0][..],
            &with_count(b"Package\0"),
            &with_count(b""),
            &with_count(b""),
            &with_count(&package),
        ]
        .concat();
        assert_eq!(file_within(&object), (Some("a.txt".into()), &b"data"[..]));
    }

    #[test]
    fn what_is_no_object_is_a_file_itself() {
        assert_eq!(file_within(b"abc"), (None, &b"abc"[..]));
    }
}
