//! RAR archives have no reader. Those whose headers are encrypted say so.

use super::octets::Octets;
use crate::mail::OpaqueReason;

pub(super) fn reason(octets: &[u8]) -> OpaqueReason {
    if has_encrypted_headers(octets).unwrap_or_default() {
        OpaqueReason::Encrypted
    } else {
        OpaqueReason::Unreadable
    }
}

/// RAR 5: the first block is the one that says how headers are encrypted.
/// RAR 1.5 to 4: a flag of the archive's header.
fn has_encrypted_headers(octets: &[u8]) -> Option<bool> {
    if let Some(rest) = octets.strip_prefix(b"Rar!\x1a\x07\x01\x00") {
        let mut fields = Octets(rest);
        let _sum = fields.u32()?;
        // The header's length, of seven bits an octet.
        while fields.u8()? & 0x80 != 0 {}
        return Some(fields.u8()? == ENCRYPTION_HEADER);
    }
    let mut fields = Octets(octets.strip_prefix(b"Rar!\x1a\x07\x00")?);
    let _sum = fields.u16()?;
    let kind = fields.u8()?;
    let flags = fields.u16()?;
    Some(kind == ARCHIVE_HEADER && flags & FLAG_PASSWORD != 0)
}

const ENCRYPTION_HEADER: u8 = 4;
const ARCHIVE_HEADER: u8 = 0x73;
const FLAG_PASSWORD: u16 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encrypted_headers_are_told() {
        for (head, expected) in [
            (&b"Rar!\x1a\x07\x01\x00abcd\x21\x04"[..], OpaqueReason::Encrypted),
            (b"Rar!\x1a\x07\x01\x00abcd\x21\x01", OpaqueReason::Unreadable),
            (b"Rar!\x1a\x07\x00ab\x73\x80\x00", OpaqueReason::Encrypted),
            (b"Rar!\x1a\x07\x00ab\x73\x00\x00", OpaqueReason::Unreadable),
            (b"Rar!\x1a\x07\x01\x00ab", OpaqueReason::Unreadable),
        ] {
            assert_eq!(reason(head), expected, "{}", head.escape_ascii());
        }
    }
}
