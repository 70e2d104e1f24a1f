//! A record as it goes to the disk, and as it is believed when it comes back:
//! in a plain segment what the caller has encoded, in a sealed one boxes
//! (`format` has the layout).
//!
//! Sealing is done by the writer and not by the callers, for only the writer
//! knows the places, and the places keep nonces apart (`cipher`). It costs
//! less than the copy to the page cache that follows.

use std::{borrow::Cow, io};

use bytes::Bytes;

use super::{
    batch::Encoded,
    cipher::{At, Cipher, SegmentKey},
    error::SpoolError,
    format::{self, ENTRY_HEAD, Entry, Kind, RecordHeader, SegmentHeader},
};
use crate::mail::QueueId;

/// All of a record.
pub(super) struct Record<'a> {
    pub(super) header: RecordHeader,
    /// As it stands on the disk.
    pub(super) head: Vec<u8>,
    pub(super) entries: Cow<'a, [u8]>,
    pub(super) contents: Cow<'a, [Bytes]>,
}

impl<'a> Record<'a> {
    /// What the batch is at this offset of the segment.
    pub(super) fn new(
        encoded: &'a Encoded,
        commit: u64,
        segment: &SegmentHeader,
        offset: u64,
    ) -> Result<Self, SpoolError> {
        let Cipher::Sealed(key) = &segment.cipher else {
            let header = encoded.header(commit);
            let head = header.encode(segment.mark);
            let entries = Cow::Borrowed(encoded.entries.as_slice());
            let contents = Cow::Borrowed(encoded.contents.as_slice());
            return Ok(Self { header, head, entries, contents });
        };
        let sealing = Sealing { key, encoded, offset };
        let (mut entries, contents) = sealing.entries_and_contents()?;
        let tag = if encoded.count > 0 { Cipher::TAG } else { 0 };
        let contents_length = contents.iter().map(|content| content.len() as u64).sum::<u64>();
        let header = RecordHeader {
            commit,
            // `Encoded::check` has seen to it that both fit.
            entries: u32::try_from(entries.len().saturating_add(tag)).unwrap_or(u32::MAX),
            contents: u32::try_from(contents_length).unwrap_or(u32::MAX),
            count: encoded.count,
        };
        let head = header.encode(segment.mark);
        if encoded.count > 0 {
            let (at, bound) = record_tag(&head, offset, &entries);
            entries.extend_from_slice(&key.seal(at, &bound, b"")?);
        }
        Ok(Self { header, head, entries: entries.into(), contents: contents.into() })
    }
}

impl Encoded {
    /// Octets of the whole record in such a segment.
    pub(super) fn length_in(&self, cipher: &Cipher) -> u64 {
        if *cipher == Cipher::Plain { self.length() } else { self.longest() }
    }

    /// In whatever segment it is longest.
    pub(super) fn longest(&self) -> u64 {
        // Of each meta and content, and one of the record.
        let boxes = u64::from(self.count).saturating_add(self.contents.len() as u64);
        let tags = boxes.saturating_add(u64::from(self.count > 0));
        self.length().saturating_add(tags.saturating_mul(Cipher::TAG as u64))
    }
}

/// One record being sealed.
struct Sealing<'a> {
    key: &'a SegmentKey,
    encoded: &'a Encoded,
    offset: u64,
}

impl Sealing<'_> {
    /// The entries but for the record's tag, and the contents.
    fn entries_and_contents(&self) -> Result<(Vec<u8>, Vec<Bytes>), SpoolError> {
        let mut plain = self.encoded.entries.as_slice();
        let mut plain_contents = self.encoded.contents.iter();
        let tags = (self.encoded.count as usize).saturating_add(1).saturating_mul(Cipher::TAG);
        let length = plain.len().saturating_add(tags);
        let entries_at = self.offset.saturating_add(RecordHeader::LENGTH as u64);
        let mut content_at = entries_at.saturating_add(length as u64);
        let (mut entries, mut contents) = (Vec::with_capacity(length), Vec::new());
        while !plain.is_empty() {
            let entry = Entry::decode(plain).ok_or_else(mistaken)?;
            plain = plain.get(entry.length as usize..).ok_or_else(mistaken)?;
            let mut content = Bytes::new();
            if entry.kind == Kind::Accept {
                let octets = plain_contents.next().ok_or_else(mistaken)?;
                let at = At::Offset(content_at);
                content = self.key.seal(at, &bound_to(entry.id), octets)?.into();
                content_at = content_at.saturating_add(content.len() as u64);
                contents.push(content.clone());
            }
            let meta_length = entry.meta.len().saturating_add(Cipher::TAG);
            let head = format::entry_head(entry.kind, entry.id, meta_length, &content);
            let meta_at = entries.len().saturating_add(ENTRY_HEAD) as u64;
            let at = At::Offset(entries_at.saturating_add(meta_at));
            format::push_entry(&mut entries, &head, &self.key.seal(at, &head, entry.meta)?);
        }
        Ok((entries, contents))
    }
}

/// The entries without their tag, if that is right.
pub(super) fn check_record<'e>(
    segment: &SegmentHeader,
    offset: u64,
    header: &RecordHeader,
    entries: &'e [u8],
) -> Option<&'e [u8]> {
    if segment.cipher == Cipher::Plain || header.count == 0 {
        return Some(entries);
    }
    let (entries, tag) = entries.split_at_checked(entries.len().checked_sub(Cipher::TAG)?)?;
    if let Cipher::Sealed(_) = segment.cipher {
        let (at, bound) = record_tag(&header.encode(segment.mark), offset, entries);
        segment.cipher.open(at, &bound, tag.to_vec())?;
    }
    Some(entries)
}

/// The content of a message as it was read back from an offset, if it is what
/// was written.
pub(super) fn open_content(
    cipher: &Cipher,
    offset: u32,
    id: QueueId,
    octets: Vec<u8>,
) -> Option<Vec<u8>> {
    cipher.open(At::Offset(offset.into()), &bound_to(id), octets)
}

/// Where a record's tag stands, and what it covers.
fn record_tag(head: &[u8], offset: u64, entries: &[u8]) -> (At, Vec<u8>) {
    let bound = [head, entries].concat();
    (At::Offset(offset.saturating_add(bound.len() as u64)), bound)
}

fn bound_to(id: QueueId) -> [u8; 8] {
    id.to_bits().to_le_bytes()
}

/// What this process has encoded it cannot read: a fault of ours.
fn mistaken() -> SpoolError {
    SpoolError::io("seal what it writes", io::Error::other("the batch is not well-formed"))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{format::Mark, key::Keys},
        *,
    };

    fn segment(keys: &Keys) -> SegmentHeader {
        SegmentHeader {
            sequence: 7,
            mark: Mark(*b"notknown"),
            first_commit: 9,
            follows: 6,
            last_id: QueueId::from_bits(5),
            cipher: Cipher::new(keys).unwrap(),
        }
    }

    /// Two messages, and one that goes.
    fn batch() -> Encoded {
        let id = QueueId::from_bits;
        let batch = Encoded::default().carry(id(1), b"{}", Some(Bytes::from_static(b"content")));
        batch.carry(id(2), b"{ }", Some(Bytes::new())).remove(id(3))
    }

    #[test]
    fn a_record_is_as_long_as_room_was_made_for() {
        for keys in [Keys::default(), Keys::of(&[[7; 32]])] {
            let segment = segment(&keys);
            for encoded in
                [Encoded::default(), Encoded::default().remove(QueueId::from_bits(1)), batch()]
            {
                let record = Record::new(&encoded, 9, &segment, 8192).unwrap();
                let pieces = [record.head.len(), record.entries.len()].into_iter();
                let pieces = pieces.chain(record.contents.iter().map(Bytes::len));
                assert_eq!(pieces.sum::<usize>() as u64, record.header.length());
                assert_eq!(record.header.length(), encoded.length_in(&segment.cipher));
            }
        }
    }

    #[test]
    fn a_sealed_record_reads_back_and_whatever_is_changed_in_it_is_noticed() {
        let segment = segment(&Keys::of(&[[7; 32]]));
        let encoded = batch();
        let Record { header, entries, contents, .. } =
            Record::new(&encoded, 9, &segment, 8192).unwrap();
        let read = |header: &RecordHeader, entries: &[u8]| {
            format::read_changes(&segment, 8192, header, entries)
        };
        let changes = read(&header, &entries).unwrap();
        let [format::Change::Accept { id, meta, content }, ..] = changes[..] else {
            panic!("{changes:?}")
        };
        let entry = &entries[..meta.length as usize];
        let opened = format::read_meta(&segment.cipher, meta, entry, id);
        assert_eq!(opened.as_deref(), Some(b"{}".as_slice()));
        let open = |offset, id| open_content(&segment.cipher, offset, id, contents[0].to_vec());
        assert_eq!(open(content.place.offset, id).as_deref(), Some(b"content".as_slice()));
        assert_eq!(open(content.place.offset, QueueId::from_bits(2)), None);
        assert_eq!(open(content.place.offset + 1, id), None);

        for wrong in [
            RecordHeader { commit: 10, ..header },
            RecordHeader { contents: header.contents + 1, ..header },
            RecordHeader { count: 2, ..header },
        ] {
            assert_eq!(read(&wrong, &entries), None, "{wrong:?}");
        }
        assert_eq!(format::read_changes(&segment, 8193, &header, &entries), None);
        for at in 0..entries.len() {
            let mut changed = entries.to_vec();
            changed[at] ^= 1;
            assert_eq!(read(&header, &changed), None, "octet {at}");
        }
    }
}
