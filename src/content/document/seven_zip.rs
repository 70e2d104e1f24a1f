//! 7z archives. What is under a password is not opened, and its names are read
//! where they are not.

use std::io::{Cursor, Read};

use bytes::Bytes;
use memchr::memmem;
use sevenz_rust2::{Archive, BlockDecoder, Error, Password};

use super::{extract::Document, gatherer::Gatherer, limits::DICTIONARY_KIB};
use crate::mail::OpaqueReason;

pub(super) fn read(document: &Document, gatherer: &mut Gatherer) -> Result<(), OpaqueReason> {
    let memory = usize::try_from(DICTIONARY_KIB).unwrap_or(usize::MAX);
    let mut source = Cursor::new(document.octets.as_ref());
    let none = Password::empty();
    let archive = Archive::read_with_memory_limit(&mut source, &none, HEADER_KIB)
        .map_err(|error| reason(&error))?;
    let path = |number: usize| format!("{}/{}", document.path, number.saturating_add(1));
    for (number, entry) in archive.files.iter().enumerate() {
        let block = archive.stream_map.file_block_index.get(number).copied().flatten();
        let encrypted = archive.is_file_encrypted(number);
        if block.is_some() && !encrypted {
            continue;
        }
        if !gatherer.entry(&path(number), Some(entry.name())) {
            return Err(OpaqueReason::OverLimit);
        }
        if encrypted {
            gatherer.unread(&path(number), OpaqueReason::Encrypted);
        }
    }
    for block in 0..archive.blocks.len() {
        let first = archive.stream_map.block_first_file_index.get(block).copied();
        let Some(first) = first.filter(|first| !archive.is_file_encrypted(*first)) else {
            continue;
        };
        let decoder =
            BlockDecoder::new_with_memory_limit(1, memory, block, &archive, &none, &mut source);
        let mut number = first;
        let read = decoder.for_each_entries(&mut |entry, from| {
            let (place, unread) = (path(number), entry.has_stream && gatherer.is_full());
            number = number.saturating_add(1);
            if unread {
                gatherer.unread(&place, OpaqueReason::OverLimit);
                return Ok(false);
            }
            Ok(read_entry(&place, entry.name(), from, gatherer))
        });
        // The next block does not depend on this one.
        if let Err(error) = read {
            gatherer.unread(&path(number.max(first + 1) - 1), reason(&error));
        }
        if gatherer.is_full() && block + 1 < archive.blocks.len() {
            return Err(OpaqueReason::OverLimit);
        }
    }
    Ok(())
}

/// The archive in a program that unpacks itself. The program stays unread.
pub(super) fn read_within(
    document: &Document,
    gatherer: &mut Gatherer,
) -> Result<(), OpaqueReason> {
    if let Some(at) = memmem::find(&document.octets, SIGNATURE) {
        let octets = document.octets.slice(at..);
        read(&Document { octets, ..document.clone() }, gatherer)?;
    }
    Err(OpaqueReason::Unreadable)
}

/// Whether the decoder may go on: past a fault it would give no more.
fn read_entry(path: &str, name: &str, from: &mut dyn Read, gatherer: &mut Gatherer) -> bool {
    let unfolded = gatherer.unfold(from);
    gatherer.file(path, Some(name), Bytes::from(unfolded.octets));
    if let Some(reason) = unfolded.fault {
        gatherer.unread(path, reason);
    }
    unfolded.fault.is_none()
}

fn reason(error: &Error) -> OpaqueReason {
    match error {
        Error::MaxMemLimited { .. } => OpaqueReason::OverLimit,
        Error::PasswordRequired | Error::MaybeBadPassword(_) => OpaqueReason::Encrypted,
        // The directory of names, under the password too.
        Error::UnsupportedCompressionMethod(method) if method.contains("AES") => {
            OpaqueReason::Encrypted
        }
        Error::UnsupportedCompressionMethod(_) | Error::Unsupported(_) => OpaqueReason::Unreadable,
        _ => OpaqueReason::Damaged,
    }
}

/// Names take more memory than their header's octets, and programs pack it
/// with a dictionary of 16 MiB however short it is.
const HEADER_KIB: usize = 20 << 10;
const SIGNATURE: &[u8] = b"7z\xbc\xaf\x27\x1c";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{
        base64_decoded,
        document::samples::{opaque, read, texts},
    };

    // As 7-Zip writes them: two files in one block, one file by bzip2, one
    // under a password with and without its name, one by PPMd, one by Deflate.
    const PLAIN: &str = "N3q8ryccAAQUh85PcQAAAAAAAAAgAAAAAAAAAE3+050BABt3aGF0IG9uZSBzYXlzCndoYXQgdHdv\
        IHNheXMKAAAAgTMHrg/QDrA8nz9HQQuzhjUvF/0mFycUGU4Mjbpe+tFJ0j0Hd1Xd0TXhl8TjiC6vhsTomfLrITKiQyR5\
        UV5803kAIWngW11l3s1XebxEABcGIAEJUQAHCwEAASMDAQEFXQAQAAAMXgoBUkf6ZgAA";
    const BZIP2: &str = "N3q8ryccAARkERIiNAAAAAAAAABKAAAAAAAAAOemCYZCWmg5MUFZJlNZbz9kLAAABlGAABBAACJB\
        jKAgACIAMQgAY4ZtcSFCUeLuSKcKEg3n7IWAAQQGAAEJNAAHCwEAAQMEAgIMDgAICgGyay6iAAAFARkMAAAAAAAAAAAA\
        AAAAEREAbwBuAGUALgB0AHgAdAAAABUGAQAggKSBAAA=";
    const PASSWORD: &str = "N3q8ryccAARhbTIUIAAAAAAAAABaAAAAAAAAAH7GA8l8/CvWT2UTs/NdEKlQeMdj8gsQnS8W\
        wB93GLFVAeTkQwEEBgABCSAABwsBAAIkBvEHARJTD1x5TDsfqdnenLgCdDNxqOkhIQEAAQAMEg4ACAoBsmsuogAABQEZ\
        AQAREQBvAG4AZQAuAHQAeAB0AAAAFQYBACCApIEAAA==";
    const PASSWORD_FOR_NAMES: &str = "N3q8ryccAASc6M0dgAAAAAAAAAAuAAAAAAAAAF2fh220amAJYIeeZ1HEb5JfPShO\
        VtWEPY5iwQ4BORbQKXhldXptf8oiQtUJcIP3wgnl0X3ePUe1CPCF7Vr0eg1huShuLb+qMHUng5MwfCyQZR1ZBzl4gK9r\
        BJYIJ80HbHmmz4bMHPTjg+dZbjiKNc95rTalTHrlZZEOZ27fISWVNSV+7RcGIAEJYAAHCwEAASQG8QcBElMPjUkmQ7dr\
        4AHg/iB1taBZuQxaCgFQcolaAAA=";
    const PPMD: &str = "N3q8ryccAAQiFYPzEgAAAAAAAABKAAAAAAAAAIXrT4YAdu9u33csWuAYiJ/jRgKFRwABBAYAAQkS\
        AAcLAQABIwMEAQUGAAABAAwOAAgKAbJrLqIAAAUBGQYAAAAAAAAREQBvAG4AZQAuAHQAeAB0AAAAFQYBACCApIEAAA==";
    const DEFLATE: &str = "N3q8ryccAATZ8J0GKwAAAAAAAABaAAAAAAAAAKFkro9VyLEJACAMRcHeKf4ATuA2DwRNkyYBcXtb\
        c+WdTcpSwY0ufOofsTAf5doDAQQGAAEJKwAHCwEAAQMEAQgMMwAICgEOOznsAAAFARkMAAAAAAAAAAAAAAAAEREAbwBuAGUA\
        LgB0AHgAdAAAABkCAAAUCgEAOcTNzyB73QEVBgEAIICkgQAA";

    fn archive(encoded: &str) -> Vec<u8> {
        base64_decoded(encoded.as_bytes())
    }

    #[test]
    fn every_file_of_a_block_is_read_with_its_name() {
        let expected = [
            ("2/1", "one.txt"),
            ("2/1", "what one says\n"),
            ("2/2", "two.txt"),
            ("2/2", "what two says\n"),
        ];
        let extract = read(archive(PLAIN));
        assert_eq!(texts(&extract), expected);
        assert!(extract.opaque.is_empty());
        assert_eq!(texts(&read(archive(BZIP2))), expected[..2]);
        assert_eq!(texts(&read(archive(PPMD))), expected[..2]);
    }

    #[test]
    fn under_a_password_only_the_name_is_read() {
        let extract = read(archive(PASSWORD));
        assert_eq!(texts(&extract), [("2/1", "one.txt")]);
        assert_eq!(opaque(&extract), [("2/1", OpaqueReason::Encrypted)]);
    }

    #[test]
    fn names_may_be_under_the_password_too() {
        let extract = read(archive(PASSWORD_FOR_NAMES));
        assert!(extract.readings.is_empty());
        assert_eq!(opaque(&extract), [("2", OpaqueReason::Encrypted)]);
    }

    #[test]
    fn a_method_without_a_reader_is_said() {
        let extract = read(archive(DEFLATE));
        assert_eq!(opaque(&extract), [("2/1", OpaqueReason::Unreadable)]);
    }

    #[test]
    fn a_wrong_sum_is_damage_and_a_missing_end_too() {
        let mut wrong = archive(PLAIN);
        let at = memmem::find(&wrong, b"two says").unwrap();
        wrong[at] = b'T';
        let extract = read(wrong);
        assert_eq!(texts(&extract)[1], ("2/1", "what one says\n"));
        assert_eq!(opaque(&extract), [("2/2", OpaqueReason::Damaged)]);
        let cut = archive(PLAIN)[..120].to_vec();
        assert_eq!(opaque(&read(cut)), [("2", OpaqueReason::Damaged)]);
    }

    /// The memory that numbers in a header ask for is asked for first; what the
    /// confined process is killed for is over a limit as well.
    #[test]
    fn a_header_that_claims_more_than_it_has_takes_no_memory() {
        let claims = [1_u64 << 31, 1 << 40, u64::MAX >> 1].map(u64::to_le_bytes);
        for claim in claims {
            // The files, the streams, the folders: so many of them.
            for before in [&[1, 5, 0xff][..], &[1, 4, 6, 0, 0xff], &[1, 4, 7, 0x0b, 0xff]] {
                let header = [before, &claim, &[0; 16]].concat();
                let length = u64::try_from(header.len()).unwrap().to_le_bytes();
                let start =
                    [&[0; 8][..], &length, &crc32fast::hash(&header).to_le_bytes()].concat();
                let sum = crc32fast::hash(&start).to_le_bytes();
                let extract = read([SIGNATURE, &[0, 4], &sum, &start, &header].concat());
                let reasons: Vec<_> =
                    opaque(&extract).into_iter().map(|(_, reason)| reason).collect();
                assert!(matches!(reasons[..], [OpaqueReason::Damaged | OpaqueReason::OverLimit]));
            }
        }
    }

    #[test]
    fn an_archive_in_a_program_is_read_and_the_program_is_not() {
        let extract =
            read([b"MZ and what a program is made of ".to_vec(), archive(PLAIN)].concat());
        assert_eq!(texts(&extract)[1], ("2/1", "what one says\n"));
        assert_eq!(opaque(&extract), [("2", OpaqueReason::Unreadable)]);
    }
}
