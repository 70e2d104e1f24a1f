//! Earlier revisions: a document is changed by adding to its end (ISO 32000-1
//! section 7.5.6), and what was taken out of it is still there for whoever
//! cuts it off again.

use std::collections::HashSet;

use bytes::Bytes;
use hayro_syntax::{Pdf, PdfData};

use super::{opened::Opened, page};

/// Lines of earlier revisions that are not in the present one.
pub(super) fn lines_taken_out(octets: &Bytes, present: &str, left: u64) -> String {
    let ends: Vec<usize> =
        memchr::memmem::find_iter(octets, END).map(|at| at + END.len()).collect();
    let earlier = ends.split_last().map(|(_, earlier)| earlier).unwrap_or_default();
    let mut seen: HashSet<String> = present.lines().map(squeezed).collect();
    let mut taken_out = String::new();
    for &end in earlier.iter().rev().take(MOST_REVISIONS) {
        let revision = PdfData::from(std::sync::Arc::new(octets.slice(..end)));
        // The first part of a document made for the web is none by itself.
        let Ok(pdf) = Pdf::new(revision) else { continue };
        let mut opened = Opened::new(pdf.xref(), left);
        for page in pdf.pages().iter() {
            for line in page::read(page, &mut opened).text.lines() {
                if seen.insert(squeezed(line)) {
                    taken_out.push_str(line);
                    taken_out.push('\n');
                }
            }
        }
    }
    taken_out
}

/// Without the gaps, which may fall otherwise once something is taken out.
fn squeezed(line: &str) -> String {
    line.split_whitespace().collect()
}

const END: &[u8] = b"%%EOF";
const MOST_REVISIONS: usize = 3;
