//! The source of macros (MS-OVBA section 2.4.1): text that travels with a
//! document, packed in chunks of 4096 octets.

use crate::content::document::octets::Octets;

/// The source in a module's stream. It stands behind what is compiled, and
/// every module begins with the same word.
pub(super) fn source(module: &[u8], most: u64) -> Option<String> {
    let start = memchr::memmem::find(module, BEGINNING)?.checked_sub(3)?;
    let mut octets = Octets::from(module, start)?;
    (octets.u8()? == SIGNATURE).then_some(())?;
    let mut source = Vec::new();
    while let Some(header) = octets.u16() {
        let length = usize::from(header & 0x0fff) + 1;
        let chunk = octets.take_up_to(length);
        if header & PACKED == 0 {
            source.extend_from_slice(chunk);
        } else {
            unpack(chunk, &mut source);
        }
        if u64::try_from(source.len()).unwrap_or(u64::MAX) > most {
            return None;
        }
    }
    Some(encoding_rs::WINDOWS_1252.decode(&source).0.into_owned())
}

/// Appends what a chunk holds, as far as it is sound.
fn unpack(chunk: &[u8], source: &mut Vec<u8>) {
    let start = source.len();
    let mut octets = Octets(chunk);
    while let Some(flags) = octets.u8() {
        for bit in 0..8 {
            let read = if flags & 1 << bit == 0 {
                octets.u8().map(|octet| source.push(octet))
            } else {
                octets.u16().and_then(|token| copy(token, start, source))
            };
            if read.is_none() || source.len() - start > CHUNK {
                return;
            }
        }
    }
}

/// A token says how far back and how much in as many bits as are needed for
/// the first (section 2.4.1.3.19).
fn copy(token: u16, start: usize, source: &mut Vec<u8>) -> Option<()> {
    let unpacked = source.len().checked_sub(start)?;
    let bits = usize::BITS - unpacked.saturating_sub(1).leading_zeros();
    let bits = bits.clamp(4, 12);
    let length = usize::from(token & (0xffff >> bits)) + 3;
    let back = usize::from(token >> (16 - bits)) + 1;
    for _ in 0..length {
        let octet = *source.get(source.len().checked_sub(back)?)?;
        source.push(octet);
    }
    Some(())
}

/// `Attribute` as it is packed: a flag octet stands after the eighth letter.
const BEGINNING: &[u8] = b"\0Attribut";
const SIGNATURE: u8 = 1;
const PACKED: u16 = 0x8000;
const CHUNK: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_behind_what_is_compiled_is_unpacked() {
        let packed =
            [b"\0Attribut\x10e aa".to_vec(), 0x2002_u16.to_le_bytes().to_vec(), b"!".to_vec()];
        let packed = packed.concat();
        let header = u16::try_from(packed.len() - 1).unwrap() | 0xb000;
        let module = [&b"compiled\x01"[..], &header.to_le_bytes(), &packed].concat();
        assert_eq!(source(&module, 100).as_deref(), Some("Attribute aa aa a!"));
        assert_eq!(source(&module, 5), None);
        assert_eq!(source(b"compiled", 100), None);
    }
}
