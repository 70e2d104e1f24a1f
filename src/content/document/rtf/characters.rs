//! Octets of text as characters, by the charset of the font they are set in.

use std::collections::HashMap;

use encoding_rs::Encoding;

#[derive(Debug)]
pub(super) struct Characters {
    /// By `\ansicpg`.
    document: &'static Encoding,
    fonts: HashMap<i32, &'static Encoding>,
    /// Octets that stand together, and the charset they began with.
    octets: Vec<u8>,
    encoding: &'static Encoding,
    high_surrogate: Option<u16>,
}

impl Default for Characters {
    fn default() -> Self {
        Self {
            document: encoding_rs::WINDOWS_1252,
            fonts: HashMap::new(),
            octets: Vec::new(),
            encoding: encoding_rs::WINDOWS_1252,
            high_surrogate: None,
        }
    }
}

impl Characters {
    pub(super) fn code_page(&mut self, number: i32) {
        self.document = code_page(number).unwrap_or(self.document);
    }

    /// A font of the table, by its `\fcharset` or `\cpg`.
    pub(super) fn font_charset(&mut self, font: i32, charset: i32) {
        if let Some(page) = page_of_charset(charset).and_then(code_page) {
            self.font(font, page);
        }
    }

    pub(super) fn font_code_page(&mut self, font: i32, number: i32) {
        if let Some(page) = code_page(number) {
            self.font(font, page);
        }
    }

    fn font(&mut self, font: i32, encoding: &'static Encoding) {
        if self.fonts.len() < MAX_FONTS {
            self.fonts.insert(font, encoding);
        }
    }

    pub(super) fn push(&mut self, octets: &[u8], font: i32) {
        if self.octets.is_empty() {
            self.encoding = self.fonts.get(&font).copied().unwrap_or(self.document);
        }
        self.octets.extend_from_slice(octets);
    }

    /// The characters of what was pushed since.
    pub(super) fn flush(&mut self) -> Option<String> {
        if self.octets.is_empty() {
            return None;
        }
        let octets = std::mem::take(&mut self.octets);
        Some(self.encoding.decode_without_bom_handling(&octets).0.into_owned())
    }

    /// A unit of UTF-16 (`\uN`): a character once it is whole.
    pub(super) fn unit(&mut self, number: i32) -> Option<char> {
        // Symbol fonts stand from F000 on, with digits where ASCII has them.
        #[expect(clippy::cast_sign_loss, reason = "two's complement is what is written")]
        let unit = u16::try_from(number as u32 & 0xffff).unwrap_or_default();
        let unit = if (0xf020..=0xf07e).contains(&unit) { unit - 0xf000 } else { unit };
        if (0xd800..0xdc00).contains(&unit) {
            self.high_surrogate = Some(unit);
            return None;
        }
        let units = self.high_surrogate.take().into_iter().chain([unit]);
        char::decode_utf16(units).filter_map(Result::ok).last()
    }
}

fn code_page(number: i32) -> Option<&'static Encoding> {
    Some(match number {
        874 => encoding_rs::WINDOWS_874,
        932 => encoding_rs::SHIFT_JIS,
        936 => encoding_rs::GBK,
        949 | 1361 => encoding_rs::EUC_KR,
        950 => encoding_rs::BIG5,
        1250 => encoding_rs::WINDOWS_1250,
        1251 => encoding_rs::WINDOWS_1251,
        1252 => encoding_rs::WINDOWS_1252,
        1253 => encoding_rs::WINDOWS_1253,
        1254 => encoding_rs::WINDOWS_1254,
        1255 => encoding_rs::WINDOWS_1255,
        1256 => encoding_rs::WINDOWS_1256,
        1257 => encoding_rs::WINDOWS_1257,
        1258 => encoding_rs::WINDOWS_1258,
        10000 => encoding_rs::MACINTOSH,
        54936 => encoding_rs::GB18030,
        65001 => encoding_rs::UTF_8,
        _ => return None,
    })
}

/// Windows' charsets of fonts.
fn page_of_charset(charset: i32) -> Option<i32> {
    Some(match charset {
        77 => 10000,
        128 => 932,
        129 => 949,
        130 => 1361,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        _ => return None,
    })
}

const MAX_FONTS: usize = 10_000;
