//! What Outlook's messages are made of: properties (MS-OXPROPS), in a TNEF
//! stream or a compound file alike.

use bytes::Bytes;

use super::{gatherer::Gatherer, rich_text};
use crate::content::charset::{self, Charset};

/// A property that says something: numbers and dates are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Property {
    pub(super) id: u16,
    pub(super) value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Octets(Bytes),
}

/// Types of values (MS-OXCDATA section 2.11.1), as far as they are read.
pub(super) const INTEGER: u16 = 0x0003;
pub(super) const OBJECT: u16 = 0x000d;
pub(super) const STRING_8: u16 = 0x001e;
pub(super) const STRING: u16 = 0x001f;
pub(super) const BINARY: u16 = 0x0102;
pub(super) const MULTIPLE: u16 = 0x1000;

pub(super) const SUBJECT: u16 = 0x0037;
const TRANSPORT_HEADERS: u16 = 0x007d;
pub(super) const BODY: u16 = 0x1000;
const RICH_TEXT: u16 = 0x1009;
const HTML: u16 = 0x1013;
pub(super) const DISPLAY_NAME: u16 = 0x3001;
pub(super) const ATTACHED: u16 = 0x3701;
const ATTACHED_SHORT_NAME: u16 = 0x3704;
const ATTACHED_NAME: u16 = 0x3707;
pub(super) const INTERNET_CODE_PAGE: u16 = 0x3fde;
pub(super) const MESSAGE_CODE_PAGE: u16 = 0x3ffd;

/// The charset that strings of octets stand in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CodePage(pub(super) u32);

impl CodePage {
    fn label(self) -> Option<String> {
        Some(match self.0 {
            65001 => "utf-8".to_owned(),
            1200 => "utf-16le".to_owned(),
            932 => "shift_jis".to_owned(),
            936 => "gbk".to_owned(),
            949 => "euc-kr".to_owned(),
            950 => "big5".to_owned(),
            874 | 1250..=1258 => format!("windows-{}", self.0),
            20866 => "koi8-r".to_owned(),
            28591..=28606 => format!("iso-8859-{}", self.0 - 28590),
            50220..=50222 => "iso-2022-jp".to_owned(),
            _ => return None,
        })
    }

    pub(super) fn decode(self, octets: &[u8]) -> String {
        let label = self.label();
        let text = charset::decode(octets, Charset::of(octets, label.as_deref())).0;
        text.trim_end_matches('\0').to_owned()
    }
}

pub(super) fn utf_16(octets: &[u8]) -> String {
    let units = octets.chunks_exact(2).filter_map(|pair| pair.try_into().ok());
    let units: Vec<u16> = units.map(u16::from_le_bytes).collect();
    String::from_utf16_lossy(&units).trim_end_matches('\0').to_owned()
}

/// Has the properties of a message read: subject and bodies each by itself,
/// everything else that is text as lines in one place. Gives how many files
/// there were.
pub(super) fn read_message(
    path: &str,
    properties: &[Property],
    code_page: CodePage,
    gatherer: &mut Gatherer,
) -> usize {
    let (mut files, mut others) = (0, Vec::new());
    for Property { id, value } in properties {
        match (*id, value) {
            (SUBJECT, Value::Text(text)) => {
                gatherer.text(&format!("{path}:subject"), text.clone());
            }
            (BODY, Value::Text(text)) => gatherer.text(path, text.clone()),
            (HTML, Value::Text(text)) => gatherer.html(path, text),
            (HTML, Value::Octets(octets)) => gatherer.html(path, &code_page.decode(octets)),
            (RICH_TEXT, Value::Octets(packed)) => {
                files += 1;
                let place = format!("{path}/{files}");
                let unfolded = rich_text::unfold(packed);
                gatherer.file(&place, None, Bytes::from(unfolded.octets));
                if let Some(reason) = unfolded.fault {
                    gatherer.unread(&place, reason);
                }
            }
            (TRANSPORT_HEADERS, Value::Text(text)) => {
                gatherer.message_header(path, text.clone().into_bytes());
            }
            (id, Value::Text(text)) if MACHINE.binary_search(&id).is_err() => {
                others.push(text.as_str());
            }
            _ => {}
        }
    }
    others.sort_unstable();
    others.dedup();
    gatherer.text(&format!("{path}:properties"), others.join("\n"));
    files
}

/// What a file was called: the long name, if it has one.
pub(super) fn file_name(properties: &[Property]) -> Option<&str> {
    [ATTACHED_NAME, ATTACHED_SHORT_NAME, DISPLAY_NAME].iter().find_map(|id| text(properties, *id))
}

/// Who it is for: names as they are shown, a line each.
pub(super) fn recipient(properties: &[Property]) -> Option<&str> {
    text(properties, DISPLAY_NAME)
}

fn text(properties: &[Property], id: u16) -> Option<&str> {
    properties.iter().find_map(|property| match &property.value {
        Value::Text(text) if property.id == id && !text.is_empty() => Some(text.as_str()),
        _ => None,
    })
}

/// What programs tell each other, or say twice: classes, addresses and their
/// kinds, identifiers, the subject again. Sorted.
const MACHINE: [u16; 47] = [
    0x001a, 0x003b, 0x003d, 0x003f, 0x0040, 0x0041, 0x0042, 0x0043, 0x0044, 0x0050, 0x0051, 0x0052,
    0x0064, 0x0065, 0x0070, 0x0075, 0x0076, 0x0077, 0x0078, 0x0c19, 0x0c1a, 0x0c1d, 0x0c1e, 0x0c1f,
    0x0e02, 0x0e03, 0x0e04, 0x0e1d, 0x0e28, 0x0e29, 0x1035, 0x1039, 0x1042, 0x1046, 0x10f3, 0x3ff8,
    0x3ffa, 0x4022, 0x4023, 0x4024, 0x4025, 0x4030, 0x4031, 0x4038, 0x4039, 0x5d01, 0x5d02,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_machine_properties_is_sorted() {
        assert!(MACHINE.is_sorted());
    }

    #[test]
    fn code_pages_are_charsets() {
        assert_eq!(CodePage(1251).decode(b"\xcf\xe0\0"), "Па");
        assert_eq!(CodePage(65001).decode("é".as_bytes()), "é");
        assert_eq!(CodePage::default().decode(b"caf\xe9"), "café");
        assert_eq!(utf_16(b"a\0\xe9\0\0\0"), "aé");
    }
}
