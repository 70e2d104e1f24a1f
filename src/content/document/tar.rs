//! Tar archives (POSIX.1-2017 pax, "ustar Interchange Format"; GNU's and
//! pax's long names), and those of before there was a mark.

use std::io::ErrorKind;

use bytes::Bytes;

use super::{extract::Document, gatherer::Gatherer};
use crate::{
    content::charset::{self, Charset},
    mail::OpaqueReason,
};

pub(super) fn read(document: &Document, gatherer: &mut Gatherer) -> Result<(), OpaqueReason> {
    let mut archive = tar::Archive::new(document.octets.as_ref());
    // Archives that were written one after another are read to the last.
    archive.set_ignore_zeros(true);
    let entries = archive.entries().map_err(|_| OpaqueReason::Damaged)?;
    for (number, entry) in (1_usize..).zip(entries) {
        if gatherer.is_full() {
            return Err(OpaqueReason::OverLimit);
        }
        let entry = entry.map_err(|error| match error.kind() {
            ErrorKind::OutOfMemory => OpaqueReason::OverLimit,
            _ => OpaqueReason::Damaged,
        })?;
        let path = format!("{}/{number}", document.path);
        let readable = |octets: &[u8]| charset::decode(octets, Charset::of(octets, None)).0;
        let name = readable(&entry.path_bytes());
        if let Some(target) = entry.link_name_bytes() {
            gatherer.text(&format!("{path}:link"), readable(&target));
        }
        let unfolded = gatherer.unfold(entry);
        gatherer.file(&path, Some(&name), Bytes::from(unfolded.octets));
        if let Some(reason) = unfolded.fault {
            gatherer.unread(&path, reason);
        }
    }
    Ok(())
}

/// Whether the first block is a header, by its sum: of all octets, those of
/// the sum itself taken for blanks.
pub(super) fn is_tar(octets: &[u8]) -> bool {
    let Some((block, _)) = octets.split_at_checked(BLOCK) else { return false };
    let Some(said) = block.get(SUM).and_then(octal) else { return false };
    let blanks = u32::from(b' ') * 8;
    let others = block.iter().enumerate().filter(|(at, _)| !SUM.contains(at));
    let sum = others.map(|(_, octet)| u32::from(*octet)).sum::<u32>() + blanks;
    sum == said && block.first().is_some_and(|octet| *octet != 0)
}

fn octal(field: &[u8]) -> Option<u32> {
    let digits = field.split(|octet| *octet == 0).next()?.trim_ascii();
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

const BLOCK: usize = 512;
const SUM: std::ops::Range<usize> = 148..156;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::document::samples::{opaque, read, texts};

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, octets) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(octets.len().try_into().unwrap());
            builder.append_data(&mut header, name, *octets).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn every_file_is_read_with_its_name() {
        let long = format!("{}/letter.txt", "folder".repeat(40));
        let extract = read(archive(&[("a.txt", b"one"), (&long, b"two")]));
        let expected = [("2/1", "a.txt"), ("2/1", "one"), ("2/2", long.as_str()), ("2/2", "two")];
        assert_eq!(texts(&extract), expected);
        assert!(extract.opaque.is_empty());
    }

    #[test]
    fn a_file_cut_off_is_read_as_far_as_it_goes() {
        let mut cut = archive(&[("a.txt", &[b'a'; 2000])]);
        cut.truncate(512 + 700);
        let extract = read(cut);
        assert_eq!(texts(&extract)[1].1.len(), 700);
        assert_eq!(opaque(&extract), [("2", OpaqueReason::Damaged)]);
    }

    #[test]
    fn a_size_that_is_only_claimed_takes_no_memory() {
        let mut header = tar::Header::new_gnu();
        header.set_path("a.txt").unwrap();
        header.set_size(1 << 40);
        header.set_cksum();
        let extract = read([header.as_bytes().as_slice(), b"few"].concat());
        assert_eq!(texts(&extract)[1], ("2/1", "few"));
    }

    #[test]
    fn an_archive_without_a_mark_is_told_by_its_sum() {
        let mut header = tar::Header::new_old();
        header.set_path("a.txt").unwrap();
        header.set_size(3);
        header.set_cksum();
        let mut old = [header.as_bytes().as_slice(), b"one"].concat();
        old.resize(2048, 0);
        assert_eq!(texts(&read(old.clone()))[1], ("2/1", "one"));
        old[0] ^= 1;
        assert!(!is_tar(&old));
    }
}
