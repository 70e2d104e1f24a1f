//! TNEF, as in `winmail.dat` (MS-OXTNEF): attributes of a message one after
//! another, most of what matters in two of them that hold properties.

use bytes::Bytes;

use super::{
    extract::Document,
    gatherer::Gatherer,
    mapi::{self, CodePage, Property, Value},
    octets::Octets,
};
use crate::mail::OpaqueReason;

pub(super) fn read(document: &Document, gatherer: &mut Gatherer) -> Result<(), OpaqueReason> {
    let mut fields = Octets(&document.octets);
    let _signature = fields.u32().ok_or(OpaqueReason::Damaged)?;
    let _key = fields.u16().ok_or(OpaqueReason::Damaged)?;
    let mut stream = Stream {
        source: &document.octets,
        code_page: CodePage::default(),
        message: Vec::new(),
        recipients: Vec::new(),
        attachments: Vec::new(),
        fault: None,
    };
    while !fields.is_empty() {
        stream.attribute(&mut fields);
        if stream.attachments.len() > MOST_ATTACHMENTS {
            stream.fault = Some(OpaqueReason::OverLimit);
            break;
        }
    }
    let path = &document.path;
    let bodies = mapi::read_message(path, &stream.message, stream.code_page, gatherer);
    gatherer.text(&format!("{path}:recipients"), stream.recipients.join("\n"));
    for (number, attachment) in (bodies + 1..).zip(&stream.attachments) {
        if gatherer.is_full() {
            return Err(OpaqueReason::OverLimit);
        }
        attachment.read(&format!("{path}/{number}"), gatherer);
    }
    stream.fault.map_or(Ok(()), Err)
}

struct Stream<'a> {
    source: &'a Bytes,
    code_page: CodePage,
    message: Vec<Property>,
    recipients: Vec<String>,
    attachments: Vec<Attachment>,
    fault: Option<OpaqueReason>,
}

#[derive(Default)]
struct Attachment {
    title: Option<String>,
    octets: Option<Bytes>,
    properties: Vec<Property>,
}

impl Stream<'_> {
    /// Section 2.1.3.1: level, identifier, length, data, sum.
    fn attribute(&mut self, fields: &mut Octets<'_>) {
        let _level = fields.u8();
        let (Some(id), Some(length)) = (fields.u32(), fields.length()) else {
            // Some programs pad the end.
            if fields.take_up_to(usize::MAX).iter().any(|octet| *octet != 0) {
                self.fault = Some(OpaqueReason::Damaged);
            }
            return;
        };
        let data = fields.take_up_to(length);
        let sum = data.iter().fold(0_u16, |sum, octet| sum.wrapping_add(u16::from(*octet)));
        if data.len() < length || fields.u16() != Some(sum) {
            self.fault = Some(OpaqueReason::Damaged);
        }
        self.read(id, data);
    }

    fn read(&mut self, id: u32, data: &[u8]) {
        let text = || self.code_page.decode(data);
        match id {
            OEM_CODE_PAGE => {
                self.code_page = CodePage(Octets(data).u32().unwrap_or_default());
            }
            SUBJECT => {
                let value = Value::Text(text());
                self.message.push(Property { id: mapi::SUBJECT, value });
            }
            BODY => {
                let value = Value::Text(text());
                self.message.push(Property { id: mapi::BODY, value });
            }
            MESSAGE_PROPERTIES => {
                let properties = self.properties(&mut Octets(data));
                self.message.extend(properties);
            }
            RECIPIENTS => self.read_recipients(data),
            ATTACHMENT_BEGINS => self.attachments.push(Attachment::default()),
            ATTACHMENT_TITLE => {
                let title = Some(text());
                self.attachment(|attachment| attachment.title = title);
            }
            ATTACHMENT_DATA => {
                let octets = self.source.slice_ref(data);
                self.attachment(|attachment| attachment.octets = Some(octets));
            }
            ATTACHMENT_PROPERTIES => {
                let properties = self.properties(&mut Octets(data));
                self.attachment(|attachment| attachment.properties.extend(properties));
            }
            _ => {}
        }
    }

    /// Data that comes before an attachment has begun begins one.
    fn attachment(&mut self, change: impl FnOnce(&mut Attachment)) {
        let mut attachment = self.attachments.pop().unwrap_or_default();
        change(&mut attachment);
        self.attachments.push(attachment);
    }

    /// Rows of properties, a recipient each.
    fn read_recipients(&mut self, data: &[u8]) {
        let mut fields = Octets(data);
        let rows = fields.u32().unwrap_or_default();
        for _ in 0..rows {
            if fields.is_empty() {
                self.fault = Some(OpaqueReason::Damaged);
                break;
            }
            let properties = self.properties(&mut fields);
            self.recipients.extend(mapi::recipient(&properties).map(str::to_owned));
        }
    }

    fn properties(&mut self, fields: &mut Octets<'_>) -> Vec<Property> {
        let mut properties = Vec::new();
        let count = fields.u32().unwrap_or_default();
        for _ in 0..count {
            if self.property(fields, &mut properties).is_none() {
                self.fault = Some(OpaqueReason::Damaged);
                break;
            }
        }
        properties
    }

    /// Section 2.1.3.2.1.2 and what follows it.
    fn property(&self, fields: &mut Octets<'_>, properties: &mut Vec<Property>) -> Option<()> {
        let (kind, id) = (fields.u16()?, fields.u16()?);
        if id >= FIRST_NAMED {
            let _set = fields.take(16)?;
            let by_name = fields.u32()? == 1;
            let length = fields.length()?;
            if by_name {
                padded(fields, length)?;
            }
        }
        let single = kind & !mapi::MULTIPLE;
        let variable =
            matches!(single, mapi::STRING_8 | mapi::STRING | mapi::BINARY | mapi::OBJECT);
        let counted = variable || kind & mapi::MULTIPLE != 0;
        let count = if counted { fields.length()? } else { 1 };
        for _ in 0..count {
            if !variable {
                fields.take(width(single)?)?;
                continue;
            }
            let length = fields.length()?;
            let data = padded(fields, length)?;
            let value = match single {
                mapi::STRING_8 => Value::Text(self.code_page.decode(data)),
                mapi::STRING => Value::Text(mapi::utf_16(data)),
                _ => Value::Octets(self.source.slice_ref(data)),
            };
            properties.push(Property { id, value });
        }
        Some(())
    }
}

impl Attachment {
    fn read(&self, path: &str, gatherer: &mut Gatherer) {
        let name = mapi::file_name(&self.properties).or(self.title.as_deref());
        let object = self.properties.iter().find_map(|property| match &property.value {
            Value::Octets(octets) if property.id == mapi::ATTACHED => Some(octets),
            _ => None,
        });
        // An object starts with what interface it is of; a message within is
        // a stream of its own after that.
        let octets = match (&self.octets, object) {
            (_, Some(object)) => {
                let is_object = object.get(4..16) == Some(&INTERFACE);
                if is_object { object.slice(16..) } else { object.clone() }
            }
            (Some(octets), None) => octets.clone(),
            (None, None) => Bytes::new(),
        };
        gatherer.file(path, name, octets);
    }
}

/// Values are padded to four octets.
fn padded<'a>(fields: &mut Octets<'a>, length: usize) -> Option<&'a [u8]> {
    let data = fields.take(length)?;
    fields.take_up_to(length.wrapping_neg() % 4);
    Some(data)
}

/// Octets of a value of a fixed type, with its padding.
fn width(kind: u16) -> Option<usize> {
    Some(match kind {
        0x0001 => 0,
        0x0002 | mapi::INTEGER | 0x0004 | 0x000a | 0x000b => 4,
        0x0005..=0x0007 | 0x0014 | 0x0040 => 8,
        0x0048 => 16,
        _ => return None,
    })
}

const OEM_CODE_PAGE: u32 = 0x0006_9007;
const SUBJECT: u32 = 0x0001_8004;
const BODY: u32 = 0x0002_800c;
const MESSAGE_PROPERTIES: u32 = 0x0006_9003;
const RECIPIENTS: u32 = 0x0006_9004;
const ATTACHMENT_BEGINS: u32 = 0x0006_9002;
const ATTACHMENT_TITLE: u32 = 0x0001_8010;
const ATTACHMENT_DATA: u32 = 0x0006_800f;
const ATTACHMENT_PROPERTIES: u32 = 0x0006_9005;
const FIRST_NAMED: u16 = 0x8000;
/// What the identifiers of OLE's interfaces have in common, after their first
/// four octets.
const INTERFACE: [u8; 12] = [0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46];
const MOST_ATTACHMENTS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::document::samples::{opaque, read, texts};

    fn attribute(id: u32, data: &[u8]) -> Vec<u8> {
        let sum = data.iter().fold(0_u16, |sum, octet| sum.wrapping_add((*octet).into()));
        let length = u32::try_from(data.len()).unwrap().to_le_bytes();
        [&[1], &id.to_le_bytes()[..], &length, data, &sum.to_le_bytes()].concat()
    }

    fn stream(attributes: &[Vec<u8>]) -> Vec<u8> {
        let head = [&0x223e_9f78_u32.to_le_bytes()[..], &[1, 0]].concat();
        [head, attribute(OEM_CODE_PAGE, &[0xe4, 4, 0, 0, 0, 0, 0, 0]), attributes.concat()].concat()
    }

    fn property(kind: u16, id: u16, value: &[u8]) -> Vec<u8> {
        let mut encoded = [kind.to_le_bytes(), id.to_le_bytes()].concat();
        if id >= FIRST_NAMED {
            encoded.extend([7; 16]);
            encoded.extend([1_u32.to_le_bytes(), 6_u32.to_le_bytes()].concat());
            encoded.extend(b"W\0a\0r\0\0\0");
        }
        if width(kind).is_none() {
            encoded.extend(1_u32.to_le_bytes());
            encoded.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
        }
        encoded.extend(value);
        encoded.resize(encoded.len().next_multiple_of(4), 0);
        encoded
    }

    fn properties(list: &[Vec<u8>]) -> Vec<u8> {
        [u32::try_from(list.len()).unwrap().to_le_bytes().to_vec(), list.concat()].concat()
    }

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn bodies_subject_and_other_words_are_read() {
        let message = properties(&[
            property(mapi::INTEGER, 0x0017, &[1, 0, 0, 0]),
            property(mapi::STRING, 0x1000, &wide("the body")),
            property(mapi::BINARY, 0x1013, b"<p>the <b>H</b>TML"),
            property(mapi::STRING, 0x001a, &wide("IPM.Note")),
            property(mapi::STRING_8, 0x8001, b"ward 9\0"),
        ]);
        let recipients = properties(&[property(mapi::STRING_8, 0x3001, b"Ann Example\0")]);
        let extract = read(stream(&[
            attribute(SUBJECT, b"caf\xe9\0"),
            attribute(MESSAGE_PROPERTIES, &message),
            attribute(RECIPIENTS, &[&1_u32.to_le_bytes(), recipients.as_slice()].concat()),
        ]));
        let expected = [
            ("2:subject", "café"),
            ("2", "the body"),
            ("2", "the HTML"),
            ("2:properties", "ward 9"),
            ("2:recipients", "Ann Example"),
        ];
        assert_eq!(texts(&extract), expected);
        assert!(extract.opaque.is_empty());
    }

    #[test]
    fn files_attached_are_read_with_their_long_names() {
        let names = properties(&[property(mapi::STRING, 0x3707, &wide("a long name.txt"))]);
        let extract = read(stream(&[
            attribute(ATTACHMENT_BEGINS, &[0; 14]),
            attribute(ATTACHMENT_TITLE, b"ALONGN~1.TXT\0"),
            attribute(ATTACHMENT_DATA, b"what it says"),
            attribute(ATTACHMENT_PROPERTIES, &names),
            attribute(ATTACHMENT_BEGINS, &[0; 14]),
            attribute(ATTACHMENT_TITLE, b"b.txt\0"),
            attribute(ATTACHMENT_DATA, b"and the other"),
        ]));
        let expected = [
            ("2/1", "a long name.txt"),
            ("2/1", "what it says"),
            ("2/2", "b.txt"),
            ("2/2", "and the other"),
        ];
        assert_eq!(texts(&extract), expected);
    }

    #[test]
    fn a_message_within_is_read() {
        let inner = stream(&[attribute(BODY, b"what it says\0")]);
        let object = [&[7, 3, 2, 0], INTERFACE.as_slice(), &inner].concat();
        let list = properties(&[property(mapi::OBJECT, mapi::ATTACHED, &object)]);
        let extract = read(stream(&[
            attribute(ATTACHMENT_BEGINS, &[0; 14]),
            attribute(ATTACHMENT_PROPERTIES, &list),
        ]));
        assert_eq!(texts(&extract), [("2/1", "what it says")]);
    }

    #[test]
    fn a_wrong_sum_and_a_missing_end_are_damage() {
        let mut whole = stream(&[attribute(BODY, b"what it says\0")]);
        let damaged = [("2", OpaqueReason::Damaged)];
        let cut = read(whole[..whole.len() - 8].to_vec());
        assert_eq!((texts(&cut)[0].1, opaque(&cut)), ("what it", damaged.to_vec()));
        let last = whole.len() - 1;
        whole[last] ^= 1;
        assert_eq!(opaque(&read(whole)), damaged);
    }

    #[test]
    fn a_count_that_is_only_claimed_costs_nothing() {
        let many = [u32::MAX.to_le_bytes().to_vec(), property(mapi::STRING_8, 0x1000, b"a\0")];
        for id in [MESSAGE_PROPERTIES, RECIPIENTS] {
            let extract = read(stream(&[attribute(id, &many.concat())]));
            assert_eq!(opaque(&extract), [("2", OpaqueReason::Damaged)]);
        }
        let none = [[0x1e, 0x10, 1, 0x80].to_vec(), vec![0; 24], vec![0xff; 4]].concat();
        let extract = read(stream(&[attribute(MESSAGE_PROPERTIES, &properties(&[none]))]));
        assert_eq!(opaque(&extract), [("2", OpaqueReason::Damaged)]);
    }
}
