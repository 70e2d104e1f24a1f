//! One member: its header, and what it unfolds to.

use std::io::Cursor;

use bytes::Bytes;
use memchr::memmem;

use super::{
    super::{
        gatherer::{Gatherer, Unfolded},
        octets::Octets,
    },
    directory::ENTRY,
    method,
};
use crate::{
    content::charset::{self, Charset},
    mail::OpaqueReason,
};

/// As its entry in the directory says it, or its own header where it has none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'a> {
    pub(super) name: &'a [u8],
    comment: &'a [u8],
    flags: u16,
    method: u16,
    sum: u32,
    packed: u64,
    unfolded: u64,
    /// Where its own header stands.
    pub(super) header: usize,
    known: Known,
}

/// Whether sizes and sum are known before the octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Before,
    After,
}

impl<'a> Member<'a> {
    pub(super) const SIGNATURE: &'static [u8] = b"PK\x03\x04";
    /// Octets of a header without its name.
    pub(super) const HEADER: usize = 30;

    /// APPNOTE section 4.3.12.
    pub(super) fn of_entry(fields: &mut Octets<'a>, front: usize) -> Option<Self> {
        if fields.take(ENTRY.len())? != ENTRY {
            return None;
        }
        let _versions = fields.u32()?;
        let (flags, method) = (fields.u16()?, fields.u16()?);
        let _time = fields.u32()?;
        let sum = fields.u32()?;
        let (packed, unfolded) = (fields.u32()?, fields.u32()?);
        let (name, extra, comment) = (fields.u16()?, fields.u16()?, fields.u16()?);
        let _attributes = fields.take(8)?;
        let header = fields.u32()?;
        let name = fields.take(usize::from(name))?;
        let mut large = Large::of(fields.take(usize::from(extra))?);
        let comment = fields.take(usize::from(comment))?;
        let unfolded = large.or_next(unfolded);
        let packed = large.or_next(packed);
        let header = usize::try_from(large.or_next(header)).ok()?.checked_add(front)?;
        let known = Known::Before;
        Some(Self { name, comment, flags, method, sum, packed, unfolded, header, known })
    }

    /// APPNOTE section 4.3.7.
    pub(super) fn of_header(octets: &'a [u8], header: usize) -> Option<Self> {
        let mut fields = Octets::from(octets, header)?;
        if fields.take(Self::SIGNATURE.len())? != Self::SIGNATURE {
            return None;
        }
        let _version = fields.u16()?;
        let (flags, method) = (fields.u16()?, fields.u16()?);
        let _time = fields.u32()?;
        let sum = fields.u32()?;
        let (packed, unfolded) = (fields.u32()?, fields.u32()?);
        let (name, extra) = (fields.u16()?, fields.u16()?);
        let name = fields.take(usize::from(name))?;
        let mut large = Large::of(fields.take(usize::from(extra))?);
        let unfolded = large.or_next(unfolded);
        let packed = large.or_next(packed);
        let streamed = flags & FLAG_DESCRIPTOR != 0 && packed == 0;
        let known = if streamed { Known::After } else { Known::Before };
        let comment = &[];
        Some(Self { name, comment, flags, method, sum, packed, unfolded, header, known })
    }

    /// Four octets that look like a header may be anything.
    pub(super) fn is_plausible(&self) -> bool {
        let method = self.method <= 20 || (90..=99).contains(&self.method);
        method && !self.name.is_empty() && !self.name.contains(&0)
    }

    /// Has what it unfolds to read; gives where its octets end.
    pub(super) fn read(&self, octets: &'a [u8], path: &str, gatherer: &mut Gatherer) -> usize {
        let name = self.readable(self.name);
        if self.comment.iter().any(|octet| !octet.is_ascii_whitespace()) {
            gatherer.text(&format!("{path}:comment"), self.readable(self.comment));
        }
        let own = Self::of_header(octets, self.header);
        let flags = self.flags | own.map_or(0, |own| own.flags);
        if flags & FLAG_ENCRYPTED != 0 || self.method == METHOD_AES {
            gatherer.entry(path, Some(&name));
            gatherer.unread(path, OpaqueReason::Encrypted);
            return self.end(octets);
        }
        let (Some(own), Some(packed)) = (own, self.data(octets)) else {
            gatherer.entry(path, Some(&name));
            gatherer.unread(path, OpaqueReason::Damaged);
            return self.header;
        };
        if self.name.ends_with(b"/") && packed.is_empty() {
            gatherer.entry(path, Some(&name));
            return self.end(octets);
        }
        let (Unfolded { octets: file, fault }, used) = self.unfold(packed, gatherer);
        let cut = self.known == Known::Before && packed.len() < size(self.packed);
        let fault = fault
            .or_else(|| cut.then_some(OpaqueReason::Damaged))
            .or_else(|| self.differs(&own, &file).then_some(OpaqueReason::Damaged));
        gatherer.file(path, Some(&name), Bytes::from(file));
        if let Some(reason) = fault {
            gatherer.unread(path, reason);
        }
        match self.known {
            Known::Before => self.end(octets),
            Known::After => self.start(octets).unwrap_or(self.header).saturating_add(used),
        }
    }

    /// Where its octets end, as far as that is known.
    pub(super) fn end(&self, octets: &[u8]) -> usize {
        let end = self.start(octets).map(|start| start.saturating_add(size(self.packed)));
        end.unwrap_or(self.header).min(octets.len())
    }

    /// Its own header may have other extra fields than the directory's.
    fn start(&self, octets: &[u8]) -> Option<usize> {
        let mut lengths = Octets::from(octets, self.header.checked_add(26)?)?;
        let (name, extra) = (lengths.u16()?, lengths.u16()?);
        Some(self.header + Self::HEADER + usize::from(name) + usize::from(extra))
    }

    fn data<'o>(&self, octets: &'o [u8]) -> Option<&'o [u8]> {
        let rest = octets.get(self.start(octets)?..)?;
        let length = match self.known {
            Known::Before => size(self.packed).min(rest.len()),
            // Stored octets do not say where they end; packed ones do.
            Known::After if self.method == METHOD_STORED => {
                let mark = memmem::find(rest, DESCRIPTOR).or_else(|| memmem::find(rest, ENTRY));
                mark.unwrap_or(rest.len())
            }
            Known::After => rest.len(),
        };
        rest.get(..length)
    }

    /// And how many of the packed octets that took.
    fn unfold(&self, packed: &[u8], gatherer: &mut Gatherer) -> (Unfolded, usize) {
        let mut input = Cursor::new(packed);
        // LZMA may have a mark at its end instead.
        let marked = self.method == method::LZMA && self.flags & FLAG_LZMA_END != 0;
        let known = self.known == Known::Before && !marked;
        let length = known.then_some(self.unfolded);
        let unfolded = gatherer.unfold(method::decoder(self.method, &mut input, length));
        (unfolded, usize::try_from(input.position()).unwrap_or(packed.len()))
    }

    /// Whether it unfolds to something else than it says, or says two things:
    /// then programs will not agree on it.
    fn differs(&self, own: &Self, file: &[u8]) -> bool {
        let sum_known = self.known == Known::Before;
        let size = u64::try_from(file.len()).unwrap_or(u64::MAX);
        let against_itself = own.flags & FLAG_DESCRIPTOR == 0
            && (own.method, own.packed, own.unfolded) != (self.method, self.packed, self.unfolded);
        against_itself
            || (sum_known && (size != self.unfolded || crc32fast::hash(file) != self.sum))
    }

    /// A name is UTF-8, by a flag or without, or of some older charset.
    fn readable(&self, octets: &[u8]) -> String {
        charset::decode(octets, Charset::of(octets, None)).0
    }
}

/// Numbers of 64 bits that stand in for those that are all ones (APPNOTE
/// section 4.5.3), in the order in which they are needed.
struct Large<'a>(Octets<'a>);

impl<'a> Large<'a> {
    fn of(extra: &'a [u8]) -> Self {
        let mut fields = Octets(extra);
        while let (Some(id), Some(length)) = (fields.u16(), fields.u16()) {
            let field = fields.take_up_to(usize::from(length));
            if id == EXTRA_LARGE {
                return Self(Octets(field));
            }
        }
        Self(Octets(&[]))
    }

    fn or_next(&mut self, number: u32) -> u64 {
        match number {
            u32::MAX => self.0.u64().unwrap_or(number.into()),
            _ => number.into(),
        }
    }
}

fn size(octets: u64) -> usize {
    usize::try_from(octets).unwrap_or(usize::MAX)
}

const FLAG_ENCRYPTED: u16 = 1;
const FLAG_LZMA_END: u16 = 1 << 1;
const FLAG_DESCRIPTOR: u16 = 1 << 3;
const METHOD_STORED: u16 = method::STORED;
const METHOD_AES: u16 = 99;
const EXTRA_LARGE: u16 = 1;
const DESCRIPTOR: &[u8] = b"PK\x07\x08";
