//! Rich text as Outlook compresses it (MS-OXRTFCP): runs and references into
//! a dictionary of 4096 octets that starts with words every document has.

use super::octets::Octets;
use crate::mail::OpaqueReason;

/// RTF, as far as it goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RichText {
    pub(super) octets: Vec<u8>,
    pub(super) fault: Option<OpaqueReason>,
}

/// Section 2.2.3.1. It unfolds to nine times its size at the most.
pub(super) fn unfold(packed: &[u8]) -> RichText {
    let mut fields = Octets(packed);
    let mut header = || Some((fields.length()?, fields.u32()?, fields.u32()?, fields.u32()?));
    // Programs disagree on what the unfolded length counts.
    let Some((length, _unfolded, kind, sum)) = header() else {
        return RichText { octets: Vec::new(), fault: Some(OpaqueReason::Damaged) };
    };
    // The length counts the three fields after it.
    let content = fields.take_up_to(length.saturating_sub(12));
    let (octets, whole) = match kind {
        STORED => (content.to_vec(), content.len() + 12 >= length),
        COMPRESSED => decompressed(content),
        _ => (Vec::new(), false),
    };
    let sound = kind == STORED || sum_of(content) == sum;
    let fault = (!whole || !sound).then_some(OpaqueReason::Damaged);
    RichText { octets, fault }
}

/// And whether the end was found.
fn decompressed(content: &[u8]) -> (Vec<u8>, bool) {
    let mut window = Window { octets: [0; WINDOW], at: 0 };
    FIRST.iter().for_each(|octet| window.push(*octet));
    let mut fields = Octets(content);
    let mut octets = Vec::new();
    while let Some(control) = fields.u8() {
        for bit in 0..8 {
            if control >> bit & 1 == 0 {
                let Some(literal) = fields.u8() else { return (octets, false) };
                window.push(literal);
                octets.push(literal);
                continue;
            }
            let (Some(high), Some(low)) = (fields.u8(), fields.u8()) else {
                return (octets, false);
            };
            let reference = u16::from_be_bytes([high, low]);
            let (from, length) = (usize::from(reference >> 4), usize::from(reference & 15) + 2);
            if from == window.at {
                return (octets, true);
            }
            for step in 0..length {
                let octet = window.octet(from + step);
                window.push(octet);
                octets.push(octet);
            }
        }
    }
    (octets, false)
}

struct Window {
    octets: [u8; WINDOW],
    /// Where the next octet goes.
    at: usize,
}

impl Window {
    fn push(&mut self, octet: u8) {
        if let Some(place) = self.octets.get_mut(self.at) {
            *place = octet;
        }
        self.at = (self.at + 1) % WINDOW;
    }

    fn octet(&self, at: usize) -> u8 {
        self.octets.get(at % WINDOW).copied().unwrap_or_default()
    }
}

/// Section 2.2.3.2: CRC-32 that neither starts nor ends with all bits turned.
fn sum_of(content: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(u32::MAX);
    hasher.update(content);
    !hasher.finalize()
}

const WINDOW: usize = 4096;
/// `LZFu` and `MELA`.
const COMPRESSED: u32 = 0x7546_5a4c;
const STORED: u32 = 0x414c_454d;
/// Section 2.1.2.1.
const FIRST: &[u8; 207] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \
\\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier\
{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

#[cfg(test)]
mod tests {
    use super::*;

    /// Section 3.1.1.1.
    const HELLO: &[u8] = &[
        0x2d, 0, 0, 0, 0x2b, 0, 0, 0, 0x4c, 0x5a, 0x46, 0x75, 0xf1, 0xc5, 0xc7, 0xa7, 0x03, 0x00,
        0x0a, 0x00, 0x72, 0x63, 0x70, 0x67, 0x31, 0x32, 0x35, 0x42, 0x32, 0x0a, 0xf3, 0x20, 0x68,
        0x65, 0x6c, 0x09, 0x00, 0x20, 0x62, 0x77, 0x05, 0xb0, 0x6c, 0x64, 0x7d, 0x0a, 0x80, 0x0f,
        0xa0,
    ];

    #[test]
    fn the_specifications_first_example_is_read() {
        let rtf = b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n".to_vec();
        assert_eq!(unfold(HELLO), RichText { octets: rtf, fault: None });
    }

    #[test]
    fn the_specifications_second_example_repeats_what_it_is_writing() {
        let packed = [
            0x1a, 0, 0, 0, 0x1c, 0, 0, 0, 0x4c, 0x5a, 0x46, 0x75, 0xe2, 0xd4, 0x4b, 0x51, 0x41,
            0x00, 0x04, 0x20, 0x57, 0x58, 0x59, 0x5a, 0x0d, 0x6e, 0x7d, 0x01, 0x0e, 0xb0,
        ];
        let rtf = b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}".to_vec();
        assert_eq!(unfold(&packed), RichText { octets: rtf, fault: None });
    }

    #[test]
    fn a_wrong_sum_and_a_missing_end_are_damage() {
        let mut wrong = HELLO.to_vec();
        wrong[12] ^= 1;
        assert_eq!(unfold(&wrong).fault, Some(OpaqueReason::Damaged));
        let cut = unfold(&HELLO[..40]);
        assert!(cut.octets.starts_with(b"{\\rtf1\\ansi\\ansicpg1252"));
        assert_eq!(cut.fault, Some(OpaqueReason::Damaged));
        assert_eq!(unfold(b"{\\rtf1").fault, Some(OpaqueReason::Damaged));
    }

    #[test]
    fn what_is_stored_is_taken_as_it_stands() {
        let mut stored = vec![0x12, 0, 0, 0, 6, 0, 0, 0];
        stored.extend(b"MELA\0\0\0\0{\\rtf}");
        assert_eq!(unfold(&stored), RichText { octets: b"{\\rtf}".to_vec(), fault: None });
    }
}
