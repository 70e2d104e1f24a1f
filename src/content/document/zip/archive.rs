//! An archive's members, one after another.

use std::collections::BTreeMap;

use super::{
    super::{extract::Document, gatherer::Gatherer, office},
    directory::{Directory, strays},
    member::Member,
};
use crate::mail::OpaqueReason;

/// What an archive is for, told by what its members are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// OOXML (ECMA-376 part 2) or OpenDocument (part 3, section 3.3).
    Office,
    Archive,
}

impl Kind {
    fn of<'a>(mut names: impl Iterator<Item = &'a [u8]>) -> Self {
        if names.any(|name| name == b"[Content_Types].xml" || name == b"mimetype") {
            Self::Office
        } else {
            Self::Archive
        }
    }
}

pub(in super::super) fn read(
    document: &Document,
    gatherer: &mut Gatherer,
) -> Result<(), OpaqueReason> {
    let directory = Directory::find(&document.octets);
    match Kind::of(
        directory.iter().flat_map(|directory| directory.members()).map(|member| member.name),
    ) {
        Kind::Office => office::read_package(document, gatherer)
            .unwrap_or_else(|| read_archive(document, directory.as_ref(), gatherer)),
        Kind::Archive => read_archive(document, directory.as_ref(), gatherer),
    }
}

/// Whether an archive stands at the very end of something else.
pub(in crate::content) fn is_at_end_of(octets: &[u8]) -> bool {
    Directory::find(octets).is_some_and(|directory| {
        directory.end == octets.len() && directory.members().next().is_some()
    })
}

fn read_archive(
    document: &Document,
    directory: Option<&Directory<'_>>,
    gatherer: &mut Gatherer,
) -> Result<(), OpaqueReason> {
    let octets = document.octets.as_ref();
    let mut number = 0;
    let mut next_path = || {
        number += 1;
        format!("{}/{number}", document.path)
    };
    let mut listed = BTreeMap::new();
    for member in directory.iter().flat_map(|directory| directory.members()) {
        if gatherer.is_full() {
            return Err(OpaqueReason::OverLimit);
        }
        let end = member.read(octets, &next_path(), gatherer);
        listed.insert(member.header, end);
    }
    let mut at = 0;
    while let Some(stray) = strays(octets, at, &listed) {
        if gatherer.is_full() {
            return Err(OpaqueReason::OverLimit);
        }
        at = stray.read(octets, &next_path(), gatherer).max(stray.header + Member::HEADER);
    }
    let Some(directory) = directory else { return Err(OpaqueReason::Damaged) };
    let comment = String::from_utf8_lossy(directory.comment).into_owned();
    gatherer.text(&format!("{}:comment", document.path), comment);
    match directory.members().count() == directory.count {
        true => Ok(()),
        false => Err(OpaqueReason::Damaged),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::content::{
        InPlace, Limits, ReadDocument,
        document::samples::{opaque, read, texts},
    };

    /// One file of an archive that is made by hand.
    struct File {
        name: &'static str,
        octets: Vec<u8>,
        method: u16,
        flags: u16,
        sum: u32,
        size: usize,
    }

    fn stored(name: &'static str, octets: &[u8]) -> File {
        let (sum, size) = (crc32fast::hash(octets), octets.len());
        File { name, octets: octets.to_vec(), method: 0, flags: 0, sum, size }
    }

    fn deflated(name: &'static str, octets: &[u8]) -> File {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(octets).unwrap();
        File { octets: encoder.finish().unwrap(), method: 8, ..stored(name, octets) }
    }

    impl File {
        fn sizes(&self) -> Vec<u8> {
            let mut fields = self.sum.to_le_bytes().to_vec();
            fields.extend(u32::try_from(self.octets.len()).unwrap().to_le_bytes());
            fields.extend(u32::try_from(self.size).unwrap().to_le_bytes());
            fields
        }

        fn header(&self) -> Vec<u8> {
            let mut header = b"PK\x03\x04\x14\0".to_vec();
            header.extend([self.flags.to_le_bytes(), self.method.to_le_bytes()].concat());
            header.extend([0; 4]);
            let streamed = self.flags & 8 != 0;
            header.extend(if streamed { vec![0; 12] } else { self.sizes() });
            header.extend(u16::try_from(self.name.len()).unwrap().to_le_bytes());
            header.extend([0; 2]);
            [header, self.name.as_bytes().to_vec()].concat()
        }

        fn entry(&self, at: usize) -> Vec<u8> {
            let mut entry = b"PK\x01\x02\x14\0\x14\0".to_vec();
            entry.extend([self.flags.to_le_bytes(), self.method.to_le_bytes()].concat());
            entry.extend([0; 4]);
            entry.extend(self.sizes());
            entry.extend(u16::try_from(self.name.len()).unwrap().to_le_bytes());
            entry.extend([0; 12]);
            entry.extend(u32::try_from(at).unwrap().to_le_bytes());
            [entry, self.name.as_bytes().to_vec()].concat()
        }
    }

    fn bodies(files: &[File]) -> Vec<u8> {
        let descriptor = |file: &File| match file.flags & 8 {
            0 => Vec::new(),
            _ => [b"PK\x07\x08".to_vec(), file.sizes()].concat(),
        };
        let body = |file: &File| [file.header(), file.octets.clone(), descriptor(file)].concat();
        files.iter().flat_map(body).collect()
    }

    fn end(entries: &[u8], count: usize, at: usize) -> Vec<u8> {
        let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
        end.extend(u16::try_from(count).unwrap().to_le_bytes().repeat(2));
        end.extend(u32::try_from(entries.len()).unwrap().to_le_bytes());
        end.extend(u32::try_from(at).unwrap().to_le_bytes());
        [end, vec![0; 2]].concat()
    }

    fn archive(files: &[File]) -> Vec<u8> {
        let (mut at, mut entries) = (0, Vec::new());
        for file in files {
            entries.extend(file.entry(at));
            at += bodies(std::slice::from_ref(file)).len();
        }
        [bodies(files), entries.clone(), end(&entries, files.len(), at)].concat()
    }

    #[test]
    fn files_are_read_stored_and_deflated() {
        let files = [stored("a/", b""), stored("a/one.txt", b"one"), deflated("b.txt", b"two")];
        let extract = read(archive(&files));
        let expected =
            [("2/1", "a/"), ("2/2", "a/one.txt"), ("2/2", "one"), ("2/3", "b.txt"), ("2/3", "two")];
        assert_eq!(texts(&extract), expected);
        assert!(extract.opaque.is_empty());
    }

    #[test]
    fn an_archive_within_an_archive_is_read() {
        let inner = archive(&[deflated("b.txt", b"within")]);
        let extract = read(archive(&[stored("a.zip", &inner)]));
        assert_eq!(texts(&extract), [("2/1", "a.zip"), ("2/1/1", "b.txt"), ("2/1/1", "within")]);
        assert!(extract.opaque.is_empty());
    }

    #[test]
    fn what_is_under_a_password_is_encrypted_and_the_rest_is_read() {
        let sealed = File { flags: 1, ..stored("sealed.txt", b"x0x0x0x0x0x0") };
        let aes = File { flags: 1, method: 99, ..stored("aes.txt", b"x0x0x0x0x0x0") };
        let extract = read(archive(&[sealed, stored("one.txt", b"one"), aes]));
        let expected =
            [("2/1", "sealed.txt"), ("2/2", "one.txt"), ("2/2", "one"), ("2/3", "aes.txt")];
        assert_eq!(texts(&extract), expected);
        let reasons = [("2/1", OpaqueReason::Encrypted), ("2/3", OpaqueReason::Encrypted)];
        assert_eq!(opaque(&extract), reasons);
    }

    #[test]
    fn a_wrong_sum_is_damage_and_what_was_read_is_kept() {
        let wrong = File { sum: 1, ..deflated("a.txt", b"one") };
        let extract = read(archive(&[wrong]));
        assert_eq!(texts(&extract)[1], ("2/1", "one"));
        assert_eq!(opaque(&extract), [("2/1", OpaqueReason::Damaged)]);
    }

    /// As 7-Zip and zstd write them.
    #[test]
    fn files_are_read_by_every_method_that_programs_write() {
        for (method, packed) in [
            (9, "VcixCQAgDEXB3in+AE7gNg8ETZMmAXF7W3PlnU3KUsGNLnzqH7EwH+XaAw=="),
            (98, "BwB27261uwtQg//5I4rlbIk32uMIW1kkyUWMN1gWDNgA"),
            (93, "KLUv/QBYYQAAd2hhdCBpdCBzYXlz"),
        ] {
            let octets = crate::content::base64_decoded(packed.as_bytes());
            let expected: &[u8] = match method {
                93 => b"what it says",
                _ => AGAIN,
            };
            let file = File { octets, method, ..stored("a.txt", expected) };
            let extract = read(archive(&[file]));
            assert_eq!(texts(&extract)[1].1.as_bytes(), expected, "{method}");
            assert_eq!(opaque(&extract), [], "{method}");
        }
        let imploded = File { method: 6, ..stored("a.txt", b"one") };
        assert_eq!(opaque(&read(archive(&[imploded]))), [("2/1", OpaqueReason::Unreadable)]);
        let greedy = File { method: 98, ..stored("a.txt", &[0xf7, 0xff, 0, 0]) };
        assert_eq!(opaque(&read(archive(&[greedy]))), [("2/1", OpaqueReason::OverLimit)]);
    }

    const AGAIN: &[u8] = b"what it says, and what it says again: what it says\n";

    #[test]
    fn without_its_directory_an_archive_is_read_by_its_headers() {
        let files = [
            deflated("a.txt", b"one"),
            File { flags: 8, ..deflated("b.txt", b"two") },
            File { flags: 8, ..stored("c.txt", b"three") },
            stored("d.txt", b"four"),
        ];
        let extract = read(bodies(&files));
        let read_texts: Vec<_> = texts(&extract)
            .into_iter()
            .map(|(_, text)| text)
            .filter(|t| !t.ends_with(".txt"))
            .collect();
        assert_eq!(read_texts, ["one", "two", "three", "four"]);
        assert_eq!(opaque(&extract), [("2", OpaqueReason::Damaged)]);
    }

    #[test]
    fn a_file_that_the_directory_does_not_list_is_read() {
        let hidden = bodies(&[deflated("hidden.txt", b"hidden")]);
        let listed = stored("a.txt", b"one");
        let (body, entry) = (bodies(std::slice::from_ref(&listed)), listed.entry(0));
        let at = body.len() + hidden.len();
        let extract = read([body, hidden, entry.clone(), end(&entry, 1, at)].concat());
        assert!(texts(&extract).contains(&("2/2", "hidden")));
    }

    #[test]
    fn a_file_of_an_archive_that_is_stored_is_read_once() {
        let inner = archive(&[stored("b.txt", b"within")]);
        let streamed = File { flags: 8, ..stored("a.zip", &inner) };
        let extract = read(archive(&[streamed]));
        assert_eq!(texts(&extract), [("2/1", "a.zip"), ("2/1/1", "b.txt"), ("2/1/1", "within")]);
    }

    #[test]
    fn a_file_whose_own_header_says_something_else_is_damaged() {
        let files = [stored("a.txt", b"one and two")];
        let mut archive = archive(&files);
        archive[18] = 3;
        archive[22] = 3;
        let extract = read(archive);
        assert_eq!(texts(&extract)[1], ("2/1", "one and two"));
        assert_eq!(opaque(&extract), [("2/1", OpaqueReason::Damaged)]);
    }

    #[test]
    fn an_archive_behind_something_else_is_read() {
        let zip = archive(&[deflated("a.txt", b"one")]);
        for (front, reason) in [
            (&b"MZ a program that unpacks itself\0"[..], OpaqueReason::Unreadable),
            (b"\x89PNG\r\n and so on", OpaqueReason::Picture),
            (b"\0\x01\x02", OpaqueReason::Unreadable),
        ] {
            let extract = read([front, &zip].concat());
            assert_eq!(texts(&extract), [("2/1", "a.txt"), ("2/1", "one")]);
            assert_eq!(opaque(&extract), [("2", reason)]);
        }
        let extract = read([zip.as_slice(), b" and a tail"].concat());
        assert_eq!(texts(&extract)[1], ("2/1", "one"));
    }

    #[test]
    fn a_directory_that_claims_more_is_damaged() {
        let mut archive = archive(&[stored("a.txt", b"one")]);
        let at = archive.len() - 12;
        archive[at] = 9;
        let extract = read(archive);
        assert_eq!(opaque(&extract), [("2", OpaqueReason::Damaged)]);
    }

    /// Fifield's bomb: many entries for the same octets.
    #[test]
    fn entries_that_overlap_end_at_the_limit() {
        let bomb = deflated("a", &vec![0; 1 << 20]);
        let body = bodies(std::slice::from_ref(&bomb));
        let entries = bomb.entry(0).repeat(500);
        let octets = [body.clone(), entries.clone(), end(&entries, 500, body.len())].concat();
        let limits = Limits { octets: 3 << 20, ..Limits::default() };
        let extract = InPlace(limits).read(&Document { path: "2".into(), octets: octets.into() });
        assert_eq!(extract.files.iter().map(|file| file.octets.len()).sum::<usize>(), 3 << 20);
        assert_eq!(extract.opaque.last().unwrap().reason, OpaqueReason::OverLimit);
    }

    #[test]
    fn a_thousand_entries_of_nothing_end_at_the_limit() {
        let empty = stored("a", b"");
        let body = bodies(std::slice::from_ref(&empty));
        let entries = empty.entry(0).repeat(1000);
        let octets = [body.clone(), entries.clone(), end(&entries, 1000, body.len())].concat();
        let limits = Limits { files: 100, ..Limits::default() };
        let extract = InPlace(limits).read(&Document { path: "2".into(), octets: octets.into() });
        assert_eq!(extract.readings.len(), 100);
        assert_eq!(opaque(&extract), [("2", OpaqueReason::OverLimit)]);
    }

    #[test]
    fn archives_within_archives_end_at_the_limit() {
        let mut octets = b"deepest".to_vec();
        for _ in 0..12 {
            octets = archive(&[deflated("a", &octets)]);
        }
        let extract = read(octets);
        assert!(!texts(&extract).iter().any(|(_, text)| *text == "deepest"));
        let reasons: Vec<_> = extract.opaque.iter().map(|opaque| opaque.reason).collect();
        assert_eq!(reasons, [OpaqueReason::OverLimit]);
    }

    /// Pages, Numbers and Keynote: a zip of their own objects, some with a
    /// preview, which is read.
    #[test]
    fn what_has_no_reader_within_an_archive_is_told() {
        let files = [
            stored("Index/Document.iwa", b"\0\x12\0\0\x0a\x01\x02\0"),
            stored("preview.jpg", b"\xff\xd8\xff\xe0"),
            stored("QuickLook/Preview.txt", b"what it says"),
        ];
        let extract = read(archive(&files));
        assert_eq!(texts(&extract).last(), Some(&("2/3", "what it says")));
        let reasons = [("2/1", OpaqueReason::Unreadable), ("2/2", OpaqueReason::Picture)];
        assert_eq!(opaque(&extract), reasons);
    }

    #[test]
    fn part_of_an_office_document_is_told_from_an_archive() {
        let names = |names: &[&'static str]| Kind::of(names.iter().map(|name| name.as_bytes()));
        assert_eq!(names(&["[Content_Types].xml", "word/document.xml"]), Kind::Office);
        assert_eq!(names(&["mimetype", "content.xml"]), Kind::Office);
        assert_eq!(names(&["a.txt"]), Kind::Archive);
    }
}
