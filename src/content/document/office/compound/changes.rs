//! Text of a Word document that a tracked change has deleted: a property of its
//! characters, in pages of their own (MS-DOC sections 2.8.6 and 2.9.33).

use std::ops::Range;

use crate::content::document::octets::Octets;

/// Where in the file such text stands: in order, and apart.
pub(super) fn deleted(
    document: &[u8],
    table: &[u8],
    at: usize,
    length: usize,
) -> Vec<Range<usize>> {
    let pages = at.checked_add(length).and_then(|end| table.get(at..end)).unwrap_or_default();
    let count = pages.len().saturating_sub(4) / 8;
    let mut found: Vec<_> = (0..count.min(document.len() / PAGE))
        .filter_map(|index| {
            let number = Octets::from(pages, (count + 1) * 4 + index * 4)?.u32()? & PAGE_NUMBER;
            let start = usize::try_from(number).ok()?.checked_mul(PAGE)?;
            document.get(start..start.checked_add(PAGE)?)
        })
        .flat_map(deleted_of_page)
        .collect();
    found.sort_unstable_by_key(|range| range.start);
    found.dedup_by(|next, last| {
        let meets = next.start <= last.end;
        if meets {
            last.end = last.end.max(next.end);
        }
        meets
    });
    found
}

/// Where each run starts, where its properties stand, and at the end of the
/// page how many runs there are.
fn deleted_of_page(page: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let runs = page.last().map_or(0, |count| usize::from(*count));
    (0..runs).filter_map(move |run| {
        let mut starts = Octets::from(page, run * 4)?;
        let range = starts.length()?..starts.length()?;
        let at = usize::from(*page.get((runs + 1) * 4 + run)?) * 2;
        let mut properties = Octets::from(page, at).filter(|_| at > 0)?;
        let length = usize::from(properties.u8()?);
        (range.start < range.end && is_deleted(properties.take_up_to(length))).then_some(range)
    })
}

/// Whether one of the modifiers (section 2.6.1) is `sprmCFRMarkDel`.
fn is_deleted(modifiers: &[u8]) -> bool {
    let mut octets = Octets(modifiers);
    let mut deleted = false;
    while let Some(modifier) = octets.u16() {
        // How long the operand is stands in the three highest bits.
        let length = match modifier >> 13 {
            0 | 1 => 1,
            2 | 4 | 5 => 2,
            3 => 4,
            7 => 3,
            _ => octets.u8().map_or(0, usize::from),
        };
        let operand = octets.take_up_to(length);
        if modifier == MARKED_AS_DELETED {
            deleted = operand.first().is_some_and(|value| *value != 0);
        }
    }
    deleted
}

const PAGE: usize = 512;
const PAGE_NUMBER: u32 = (1 << 22) - 1;
const MARKED_AS_DELETED: u16 = 0x0800;

#[cfg(test)]
mod tests {
    use super::*;

    /// A document whose second page has runs, each with its modifiers.
    fn document(runs: &[(u32, &[u8])], end: u32) -> (Vec<u8>, Vec<u8>) {
        let mut page = vec![0; PAGE];
        page[PAGE - 1] = u8::try_from(runs.len()).unwrap();
        let mut at = 200;
        for (run, (start, modifiers)) in runs.iter().enumerate() {
            page[run * 4..run * 4 + 4].copy_from_slice(&start.to_le_bytes());
            page[(runs.len() + 1) * 4 + run] = u8::try_from(at / 2).unwrap();
            page[at] = u8::try_from(modifiers.len()).unwrap();
            page[at + 1..at + 1 + modifiers.len()].copy_from_slice(modifiers);
            at += 20;
        }
        page[runs.len() * 4..runs.len() * 4 + 4].copy_from_slice(&end.to_le_bytes());
        let table = [0_u32.to_le_bytes(), end.to_le_bytes(), 1_u32.to_le_bytes()].concat();
        ([vec![0; PAGE], page].concat(), table)
    }

    #[test]
    fn deleted_text_is_told_by_its_modifier_behind_others() {
        let bold_then_deleted = [0x35, 0x08, 1, 0x00, 0x08, 1];
        let undone = [0x00, 0x08, 1, 0x00, 0x08, 0];
        let runs: [(u32, &[u8]); 4] =
            [(10, &[]), (20, &bold_then_deleted), (30, &[0x00, 0x08, 1]), (40, &undone)];
        let (octets, table) = document(&runs, 50);
        let expected = 20..40;
        assert_eq!(deleted(&octets, &table, 0, table.len()), std::slice::from_ref(&expected));
    }

    #[test]
    fn what_leads_nowhere_deletes_nothing() {
        let (octets, table) = document(&[(10, &[0x00, 0x08, 1])], 50);
        assert!(deleted(&octets[..PAGE], &table, 0, table.len()).is_empty());
        assert!(deleted(&octets, &table, 4, usize::MAX).is_empty());
        assert!(deleted(&octets, &[], 0, 0).is_empty());
    }
}
