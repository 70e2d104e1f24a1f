//! Property sets (MS-OLEPS section 2): title, subject, keywords and what a
//! person added, a line each.

use crate::content::{charset, document::octets::Octets};

/// All properties of all sets that are text.
pub(super) fn text(stream: &[u8]) -> String {
    let mut text = String::new();
    for set in 0..MAX_SETS {
        let Some(offset) = number(stream, 44 + set * 20) else { break };
        if number(stream, 24).is_none_or(|sets| set >= sets) {
            break;
        }
        read_set(stream.get(offset..).unwrap_or_default(), &mut text);
    }
    text
}

fn read_set(set: &[u8], text: &mut String) {
    let count = number(set, 4).unwrap_or(0).min(MAX_PROPERTIES);
    let properties = (0..count)
        .filter_map(|index| Some((number(set, 8 + index * 8)?, number(set, 12 + index * 8)?)));
    let properties: Vec<(usize, usize)> = properties.collect();
    let code_page = properties.iter().find(|(id, _)| *id == CODE_PAGE);
    let code_page = code_page.and_then(|(_, at)| number(set, at.checked_add(4)?));
    let code_page = code_page.map_or(1252, |page| page & 0xffff);
    for (id, at) in properties {
        let value = set.get(at..).unwrap_or_default();
        let read = if id == DICTIONARY {
            names(value, code_page, text)
        } else if id == CODE_PAGE {
            None
        } else {
            read_value(value, code_page, text)
        };
        // What breaks off in one says nothing of the next.
        read.unwrap_or_default();
        if text.len() > MAX_TEXT {
            return;
        }
    }
}

/// A value by its type: a string, or a vector of strings.
fn read_value(value: &[u8], code_page: usize, text: &mut String) -> Option<()> {
    let mut octets = Octets(value);
    let kind = octets.u32()? & 0xffff;
    let count = if kind & VECTOR == 0 { 1 } else { octets.length()? };
    for _ in 0..count.min(MAX_PROPERTIES) {
        // A vector of variants names the type of each.
        let kind = if kind == VECTOR | VARIANT { octets.u32()? & 0xffff } else { kind & !VECTOR };
        match kind {
            NARROW => {
                let length = octets.length()?;
                line(octets.take(length)?, code_page, text);
            }
            WIDE => {
                let length = octets.length()?.checked_mul(2)?;
                line(octets.take(length)?, UTF_16, text);
            }
            // A number, in a vector of variants.
            _ => {
                octets.u32()?;
            }
        }
    }
    Some(())
}

/// What the properties that a person added are called.
fn names(value: &[u8], code_page: usize, text: &mut String) -> Option<()> {
    let mut octets = Octets(value);
    for _ in 0..octets.length()?.min(MAX_PROPERTIES) {
        octets.u32()?;
        let length = octets.length()?;
        let length = if code_page == UTF_16 { length.checked_mul(2)? } else { length };
        line(octets.take(length)?, code_page, text);
    }
    Some(())
}

fn line(octets: &[u8], code_page: usize, text: &mut String) {
    let label = match code_page {
        UTF_16 => "utf-16le".to_owned(),
        65001 => "utf-8".to_owned(),
        page => format!("windows-{page}"),
    };
    let value = charset::text_of(octets, Some(&label));
    let value = value.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    if !value.is_empty() {
        text.push_str(value);
        text.push('\n');
    }
}

fn number(octets: &[u8], at: usize) -> Option<usize> {
    Octets::from(octets, at)?.length()
}

const DICTIONARY: usize = 0;
const CODE_PAGE: usize = 1;
const UTF_16: usize = 1200;
const VECTOR: u32 = 0x1000;
const VARIANT: u32 = 0x0c;
const NARROW: u32 = 0x1e;
const WIDE: u32 = 0x1f;
const MAX_SETS: usize = 4;
const MAX_PROPERTIES: usize = 10_000;
const MAX_TEXT: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_read_by_their_code_page() {
        let mut stream = vec![0; 28];
        stream[24] = 1;
        stream.extend([0; 16]);
        stream.extend(48_u32.to_le_bytes());
        for number in [60_u32, 3, 1, 32, 2, 40, 3, 56] {
            stream.extend(number.to_le_bytes());
        }
        stream.extend([2, 0, 0, 0, 0xe4, 4, 0, 0]);
        stream.extend([0x1e, 0, 0, 0, 5, 0, 0, 0]);
        stream.extend(b"caf\xe9\0\0\0\0");
        stream.extend([0x1f, 0, 0, 0, 2, 0, 0, 0, b'a', 0, 0, 0]);
        assert_eq!(text(&stream), "café\na\n");
        for length in 0..stream.len() {
            text(&stream[..length]);
        }
    }
}
