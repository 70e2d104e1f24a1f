//! Where the members are: the directory at the end (APPNOTE sections 4.3.12 to
//! 4.3.16), and headers that are in none (section 4.3.7).

use std::collections::BTreeSet;

use memchr::memmem;

use super::{super::octets::Octets, member::Member};

/// The central directory, with what stands before and after it.
pub(super) struct Directory<'a> {
    entries: &'a [u8],
    /// How many entries it is said to have, of 16 bits.
    pub(super) count: usize,
    /// Octets in front of the archive: offsets are counted after them.
    front: usize,
    /// Where the archive ends.
    pub(super) end: usize,
    pub(super) comment: &'a [u8],
}

impl<'a> Directory<'a> {
    /// The last one that leads to a header, looked for from the end.
    pub(super) fn find(octets: &'a [u8]) -> Option<Self> {
        memmem::rfind_iter(octets, END).take(MOST_ENDS).find_map(|at| Self::at_end(octets, at))
    }

    fn at_end(octets: &'a [u8], at: usize) -> Option<Self> {
        let mut fields = Octets::from(octets, at + END.len())?;
        let _disks = fields.u32()?;
        let _count_here = fields.u16()?;
        let mut count = usize::from(fields.u16()?);
        let mut length = fields.length()?;
        let mut offset = fields.length()?;
        let comment_length = usize::from(fields.u16()?);
        let comment = fields.take_up_to(comment_length);
        let mut directory_end = at;
        if let Some((large, large_at)) = LargeEnd::before(octets, at) {
            (count, length, offset) = (large.count, large.length, large.offset);
            directory_end = large_at;
        }
        // Offsets are right, or wrong by what was put in front.
        let start = directory_end.checked_sub(length).filter(|start| is_entry(octets, *start));
        let start = start.or_else(|| Some(offset).filter(|start| is_entry(octets, *start)));
        let start = start.or_else(|| (count == 0).then_some(directory_end))?;
        let front = start.saturating_sub(offset);
        let entries = octets.get(start..directory_end)?;
        let end = at + END_LENGTH + comment.len();
        Some(Self { entries, count, front, end, comment })
    }

    pub(super) fn members(&self) -> impl Iterator<Item = Member<'a>> {
        let mut fields = Octets(self.entries);
        let front = self.front;
        std::iter::from_fn(move || Member::of_entry(&mut fields, front))
    }
}

/// The end of a directory whose numbers need 64 bits.
struct LargeEnd {
    count: usize,
    length: usize,
    offset: usize,
}

impl LargeEnd {
    /// The one in front of an ordinary end, and where it stands.
    fn before(octets: &[u8], end: usize) -> Option<(Self, usize)> {
        let locator = octets.get(end.checked_sub(LARGE_LOCATOR_LENGTH)?..end)?;
        if !locator.starts_with(LARGE_LOCATOR) {
            return None;
        }
        let before = octets.get(..end - LARGE_LOCATOR_LENGTH)?;
        let at = memmem::rfind(before, LARGE_END)?;
        let mut fields = Octets::from(octets, at + 32)?;
        let mut number = || usize::try_from(fields.u64()?).ok();
        Some((Self { count: number()?, length: number()?, offset: number()? }, at))
    }
}

/// The next header from `at` on that no directory lists.
pub(super) fn strays<'a>(
    octets: &'a [u8],
    at: usize,
    listed: &BTreeSet<usize>,
) -> Option<Member<'a>> {
    let mut at = at;
    loop {
        at += memmem::find(octets.get(at..)?, Member::SIGNATURE)?;
        match Member::of_header(octets, at) {
            Some(member) if listed.contains(&at) => at = member.end(octets).max(at + 1),
            Some(member) if member.is_plausible() => return Some(member),
            _ => at += 1,
        }
    }
}

fn is_entry(octets: &[u8], at: usize) -> bool {
    octets.get(at..).is_some_and(|rest| rest.starts_with(ENTRY))
}

pub(super) const ENTRY: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const END_LENGTH: usize = 22;
const LARGE_END: &[u8] = b"PK\x06\x06";
const LARGE_LOCATOR: &[u8] = b"PK\x06\x07";
const LARGE_LOCATOR_LENGTH: usize = 20;
/// An archive within the last file of an archive has an end as well.
const MOST_ENDS: usize = 64;
