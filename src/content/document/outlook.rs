//! Outlook's message files (MS-OXMSG): a storage for the message, and one for
//! each recipient and each file attached, with a stream for each property.

use std::io;

use bytes::Bytes;

use super::{
    gatherer::Gatherer,
    mapi::{self, CodePage, Property, Value},
    octets::Octets,
    ole::{self, CompoundFile},
};
use crate::mail::OpaqueReason;

pub(super) fn read(
    file: &mut CompoundFile<'_>,
    path: &str,
    gatherer: &mut Gatherer,
) -> Result<(), OpaqueReason> {
    let top = Storage { within: String::new(), header: TOP_HEADER };
    Reader { file, gatherer }.message(&top, path, MOST_DEEP)
}

struct Reader<'a, 'f> {
    file: &'a mut CompoundFile<'f>,
    gatherer: &'a mut Gatherer,
}

/// Where a message stands, and how long the header of its properties is.
struct Storage {
    within: String,
    header: usize,
}

/// What a storage holds.
#[derive(Default)]
struct Listed {
    /// Names of streams and storages.
    names: Vec<String>,
}

impl Reader<'_, '_> {
    fn message(
        &mut self,
        storage: &Storage,
        path: &str,
        depth_left: usize,
    ) -> Result<(), OpaqueReason> {
        let Some(depth_left) = depth_left.checked_sub(1) else {
            return Err(OpaqueReason::OverLimit);
        };
        let listed = self.list(&storage.within).map_err(|_| OpaqueReason::Damaged)?;
        let (code_page, html_code_page) = self.code_pages(storage);
        let properties = self.properties(&storage.within, &listed, code_page)?;
        let mut number = mapi::read_message(path, &properties, html_code_page, self.gatherer);
        let mut recipients = Vec::new();
        for name in &listed.names {
            let within = format!("{}/{name}", storage.within);
            if name.starts_with(RECIPIENT) {
                let properties = self.inner_properties(&within, code_page)?;
                recipients.extend(mapi::recipient(&properties).map(str::to_owned));
            } else if name.starts_with(ATTACHMENT) {
                number += 1;
                self.attachment(&within, &format!("{path}/{number}"), code_page, depth_left)?;
            }
        }
        self.gatherer.text(&format!("{path}:recipients"), recipients.join("\n"));
        Ok(())
    }

    /// Section 2.2.2: octets, a message, or an object of some other program.
    fn attachment(
        &mut self,
        within: &str,
        path: &str,
        code_page: CodePage,
        depth_left: usize,
    ) -> Result<(), OpaqueReason> {
        if self.gatherer.is_full() {
            return Err(OpaqueReason::OverLimit);
        }
        let properties = self.inner_properties(within, code_page)?;
        let name = mapi::file_name(&properties);
        let octets = properties.iter().find_map(|property| match &property.value {
            Value::Octets(octets) if property.id == mapi::ATTACHED => Some(octets.clone()),
            _ => None,
        });
        if let Some(octets) = octets {
            self.gatherer.file(path, name, octets);
            return Ok(());
        }
        self.gatherer.entry(path, name);
        let object = format!("{within}/{OBJECT_STORAGE}");
        let read = if self.file.exists(format!("{object}/{PROPERTIES}")) {
            let storage = Storage { within: object, header: EMBEDDED_HEADER };
            self.message(&storage, path, depth_left)
        } else {
            Err(OpaqueReason::Unreadable)
        };
        if let Err(reason) = read {
            self.gatherer.unread(path, reason);
        }
        Ok(())
    }

    fn inner_properties(
        &mut self,
        within: &str,
        code_page: CodePage,
    ) -> Result<Vec<Property>, OpaqueReason> {
        let listed = self.list(within).map_err(|_| OpaqueReason::Damaged)?;
        self.properties(within, &listed, code_page)
    }

    /// Streams that each have one property's value, or one of several.
    fn properties(
        &mut self,
        within: &str,
        listed: &Listed,
        code_page: CodePage,
    ) -> Result<Vec<Property>, OpaqueReason> {
        let mut properties = Vec::new();
        for name in &listed.names {
            let Some((id, kind)) = property_of(name) else { continue };
            let place = format!("{within}/{name}");
            if !self.file.is_stream(&place) {
                continue;
            }
            let octets = ole::stream(self.file, &place, self.gatherer)?;
            let value = match kind {
                mapi::STRING => Value::Text(mapi::utf_16(&octets)),
                mapi::STRING_8 => Value::Text(code_page.decode(&octets)),
                mapi::BINARY => Value::Octets(Bytes::from(octets)),
                _ => continue,
            };
            properties.push(Property { id, value });
        }
        Ok(properties)
    }

    /// Of strings of octets, and of HTML: numbers stand in a stream of their
    /// own (section 2.4).
    fn code_pages(&mut self, storage: &Storage) -> (CodePage, CodePage) {
        let place = format!("{}/{PROPERTIES}", storage.within);
        let octets = ole::stream(self.file, &place, self.gatherer).unwrap_or_default();
        let numbers = octets.get(storage.header..).unwrap_or_default();
        let number = |id| {
            numbers.chunks_exact(16).find_map(|entry| {
                let mut fields = Octets(entry);
                let (kind, entry_id, _flags) = (fields.u16()?, fields.u16()?, fields.u32()?);
                let value = fields.u32()?;
                ((kind, entry_id) == (mapi::INTEGER, id)).then_some(CodePage(value))
            })
        };
        let of_strings = number(mapi::MESSAGE_CODE_PAGE).unwrap_or_default();
        (of_strings, number(mapi::INTERNET_CODE_PAGE).unwrap_or(of_strings))
    }

    fn list(&self, within: &str) -> io::Result<Listed> {
        let within = if within.is_empty() { "/" } else { within };
        let mut names: Vec<String> =
            self.file.read_storage(within)?.map(|entry| entry.name().to_owned()).collect();
        names.sort_unstable();
        Ok(Listed { names })
    }
}

/// `__substg1.0_0037001F`: the property's identifier and type. Of several
/// values each has a number behind (`…101F-00000000`).
fn property_of(name: &str) -> Option<(u16, u16)> {
    let tag = name.strip_prefix("__substg1.0_")?;
    let id = u16::from_str_radix(tag.get(..4)?, 16).ok()?;
    let kind = u16::from_str_radix(tag.get(4..8)?, 16).ok()?;
    let of_several = kind & mapi::MULTIPLE != 0;
    (of_several == (tag.len() > 8)).then_some((id, kind & !mapi::MULTIPLE))
}

const PROPERTIES: &str = "__properties_version1.0";
const RECIPIENT: &str = "__recip_version1.0_#";
const ATTACHMENT: &str = "__attach_version1.0_#";
const OBJECT_STORAGE: &str = "__substg1.0_3701000D";
const TOP_HEADER: usize = 32;
const EMBEDDED_HEADER: usize = 24;
/// Messages within messages.
const MOST_DEEP: usize = 8;

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;
    use crate::content::document::samples::{opaque, read, texts};

    struct Made(cfb::CompoundFile<Cursor<Vec<u8>>>);

    impl Made {
        fn new() -> Self {
            let mut made = Self(cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap());
            made.stream("/__properties_version1.0", &[0; TOP_HEADER]);
            made
        }

        fn storage(&mut self, path: &str) {
            self.0.create_storage(path).unwrap();
        }

        fn stream(&mut self, path: &str, octets: &[u8]) {
            self.0.create_stream(path).unwrap().write_all(octets).unwrap();
        }

        fn text(&mut self, path: &str, text: &str) {
            let octets: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            self.stream(path, &octets);
        }

        fn octets(self) -> Vec<u8> {
            self.0.into_inner().into_inner()
        }
    }

    #[test]
    fn a_message_is_read_with_all_that_is_attached() {
        let mut made = Made::new();
        made.text("/__substg1.0_0037001F", "the subject");
        made.text("/__substg1.0_1000001F", "the body");
        made.stream("/__substg1.0_10130102", b"<p>the <b>H</b>TML");
        made.text("/__substg1.0_001A001F", "IPM.Note");
        made.text(
            "/__substg1.0_007D001F",
            "Content-Type: multipart/mixed; boundary=b\r\nX-Ward: 9\r\n\r\n",
        );
        made.storage("/__recip_version1.0_#00000000");
        made.text("/__recip_version1.0_#00000000/__substg1.0_3001001F", "Ann Example");
        made.storage("/__attach_version1.0_#00000000");
        made.text("/__attach_version1.0_#00000000/__substg1.0_3707001F", "a.txt");
        made.stream("/__attach_version1.0_#00000000/__substg1.0_37010102", b"what it says");
        let inner = "/__attach_version1.0_#00000001/__substg1.0_3701000D";
        made.storage("/__attach_version1.0_#00000001");
        made.storage(inner);
        made.stream(&format!("{inner}/__properties_version1.0"), &[0; EMBEDDED_HEADER]);
        made.text(&format!("{inner}/__substg1.0_1000001F"), "the message within");
        let extract = read(made.octets());
        let expected = [
            ("2:subject", "the subject"),
            ("2:header:X-Ward", "9"),
            ("2", "the body"),
            ("2", "the HTML"),
            ("2/1", "a.txt"),
            ("2/1", "what it says"),
            ("2/2", "the message within"),
            ("2:recipients", "Ann Example"),
        ];
        assert_eq!(texts(&extract), expected);
        assert!(extract.opaque.is_empty());
    }

    #[test]
    fn strings_of_octets_are_read_in_the_messages_code_page() {
        let mut made = Made(cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap());
        let mut numbers = vec![0; TOP_HEADER];
        numbers.extend([3, 0, 0xfd, 0x3f, 0, 0, 0, 0, 0xe3, 4, 0, 0, 0, 0, 0, 0]);
        made.stream("/__properties_version1.0", &numbers);
        made.stream("/__substg1.0_1000001E", b"\xcf\xe0");
        assert_eq!(texts(&read(made.octets())), [("2", "Па")]);
    }

    #[test]
    fn an_object_of_another_program_is_said_to_be_unread() {
        let mut made = Made::new();
        made.storage("/__attach_version1.0_#00000000");
        made.storage("/__attach_version1.0_#00000000/__substg1.0_3701000D");
        made.stream("/__attach_version1.0_#00000000/__substg1.0_3701000D/CONTENTS", b"x");
        assert_eq!(opaque(&read(made.octets())), [("2/1", OpaqueReason::Unreadable)]);
    }

    #[test]
    fn messages_within_messages_end_at_the_limit() {
        let mut made = Made::new();
        let mut within = String::new();
        for _ in 0..=MOST_DEEP {
            within.push_str("/__attach_version1.0_#00000000");
            made.storage(&within);
            within.push_str("/__substg1.0_3701000D");
            made.storage(&within);
            made.stream(&format!("{within}/__properties_version1.0"), &[0; EMBEDDED_HEADER]);
        }
        let extract = read(made.octets());
        let reasons: Vec<_> = extract.opaque.iter().map(|opaque| opaque.reason).collect();
        assert_eq!(reasons, [OpaqueReason::OverLimit]);
    }

    #[test]
    fn a_document_under_a_password_is_encrypted() {
        for name in ["/EncryptedPackage", "/EncryptionInfo"] {
            let mut made = Made(cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap());
            made.stream(name, b"x");
            assert_eq!(opaque(&read(made.octets())), [("2", OpaqueReason::Encrypted)]);
        }
        let mut made = Made(cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap());
        made.stream("/EncryptionInformation", b"x");
        assert_eq!(opaque(&read(made.octets())), [("2", OpaqueReason::Unreadable)]);
    }
}
