//! Embedded objects as OLE 1 writes them (MS-OLEDS section 2.2.5), and what
//! the packager put in them.

/// The file within, with its name if it has one.
pub(super) fn file_within(octets: &[u8]) -> (Option<String>, &[u8]) {
    let Some((class, native)) = native_data(octets) else { return (None, octets) };
    if class.eq_ignore_ascii_case(b"package") {
        if let Some((name, data)) = packaged(native) {
            return (Some(name), data);
        }
    }
    (None, native)
}

/// The class of an embedded object, and its own octets.
fn native_data(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = Octets(octets);
    let _version = reader.number()?;
    if reader.number()? != EMBEDDED {
        return None;
    }
    let class = reader.counted()?;
    let _topic = reader.counted()?;
    let _item = reader.counted()?;
    let native = reader.counted()?;
    Some((class.strip_suffix(&[0]).unwrap_or(class), native))
}

/// Label, path, path of a copy, octets.
fn packaged(native: &[u8]) -> Option<(String, &[u8])> {
    let mut reader = Octets(native);
    reader.take(2)?;
    let label = reader.ended()?;
    let _path = reader.ended()?;
    reader.take(4)?;
    let _copy = reader.counted()?;
    let data = reader.counted()?;
    Some((encoding_rs::WINDOWS_1252.decode(label).0.into_owned(), data))
}

struct Octets<'o>(&'o [u8]);

impl<'o> Octets<'o> {
    fn take(&mut self, length: usize) -> Option<&'o [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    /// Octets with their count before them; what is missing at the end is
    /// missing.
    fn counted(&mut self) -> Option<&'o [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        self.take(length.min(self.0.len()))
    }

    /// Octets up to a NUL.
    fn ended(&mut self) -> Option<&'o [u8]> {
        let end = memchr::memchr(0, self.0)?;
        let ended = self.take(end)?;
        self.take(1)?;
        Some(ended)
    }
}

const EMBEDDED: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(octets: &[u8]) -> Vec<u8> {
        let length = u32::try_from(octets.len()).unwrap().to_le_bytes();
        [&length[..], octets].concat()
    }

    #[test]
    fn a_packaged_file_is_found_with_its_name() {
        let package =
            [b"\x02\0a.txt\0c:\\a.txt\0\0\0\x03\0", &counted(b"c:\\a\0")[..], &counted(b"data")]
                .concat();
        let object = [
            &[1, 5, 0, 0, 2, 0, 0, 0][..],
            &counted(b"Package\0"),
            &counted(b""),
            &counted(b""),
            &counted(&package),
        ]
        .concat();
        assert_eq!(file_within(&object), (Some("a.txt".into()), &b"data"[..]));
    }

    #[test]
    fn what_is_no_object_is_a_file_itself() {
        assert_eq!(file_within(b"abc"), (None, &b"abc"[..]));
    }
}
