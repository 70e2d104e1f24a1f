//! What octets are, by looking at them: names and types are only claims.

use super::{
    charset,
    document::{ContentKind, Format, archive_is_at_end_of, is_dicom},
    rare_charset::RareCharset,
};

/// A format told by its first octets, or by having none but those of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looks {
    Empty,
    Picture,
    /// A document, an archive, a program: needs a reader of its own.
    Container(Format),
    /// For its recipients only (CMS, RFC 5652).
    Encrypted,
    Html,
    /// SVG: a picture whose text, as far as it has any, is that of its markup.
    Drawing,
    Text,
    /// A text in which there are files, or which is a message.
    TextHolding(Format),
    Binary,
}

pub(super) fn looks(octets: &[u8]) -> Looks {
    if octets.trim_ascii().is_empty() {
        return Looks::Empty;
    }
    let starts = |magic: &&[u8]| octets.starts_with(magic);
    let unless_archive = |looks, format| match archive_is_at_end_of(octets) {
        true => Looks::Container(format),
        false => looks,
    };
    // What stands in front of DICOM's mark may be another format's on purpose.
    if (PICTURES.iter().any(starts) || is_picture_inside(octets)) && !is_dicom(octets) {
        return unless_archive(Looks::Picture, Format::Picture);
    }
    if let Some(format) = Format::of(octets) {
        return Looks::Container(format);
    }
    match ContentKind::of(octets) {
        Some(ContentKind::Encrypted) => return Looks::Encrypted,
        Some(_) => return Looks::Container(Format::Cms),
        None => {}
    }
    if !is_text(octets) {
        return unless_archive(Looks::Binary, Format::Unknown);
    }
    let head = octets.get(..HTML_HEAD.min(octets.len())).unwrap_or_default();
    match first_tag(&charset::text_of(head, None)).as_deref() {
        Some("svg") => Looks::Drawing,
        Some(tag) if HTML_TAGS.contains(&tag) => Looks::Html,
        _ => Format::of_text(octets).map_or(Looks::Text, Looks::TextHolding),
    }
}

/// Whether a text begins as HTML does, or a piece of HTML, or a drawing that
/// could stand in one.
pub(super) fn is_html(text: &str) -> bool {
    first_tag(text).is_some_and(|tag| tag == "svg" || HTML_TAGS.contains(&tag.as_str()))
}

/// The name in the first tag, in lower case, after what may stand before: a
/// mark, a declaration of XML, comments, a document type of XML. That of HTML
/// is as good as its tag.
fn first_tag(text: &str) -> Option<String> {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        let begins = |word: &str| {
            rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
        };
        let end = match () {
            () if begins("<?") => "?>",
            () if begins("<!--") => "-->",
            () if begins("<!doctype html") => return Some("html".to_owned()),
            () if begins("<!doctype svg") => return Some("svg".to_owned()),
            () => break,
        };
        rest = rest.split_once(end)?.1;
    }
    let tag = rest.strip_prefix('<')?;
    let is_name_end = |c: char| c.is_whitespace() || matches!(c, '>' | '/');
    let name = tag.get(..tag.find(is_name_end).unwrap_or(tag.len()))?;
    let local = name.rsplit_once(':').map_or(name, |(_, local)| local);
    Some(if local.eq_ignore_ascii_case("svg") { local } else { name }.to_ascii_lowercase())
}

/// Pictures that are not told by their first octets alone. A letter may begin
/// with BM as well.
fn is_picture_inside(octets: &[u8]) -> bool {
    let at = |range: std::ops::Range<usize>| octets.get(range).unwrap_or_default();
    let brands: [&[u8]; 6] = [b"heic", b"heix", b"heif", b"mif1", b"msf1", b"avif"];
    octets.starts_with(b"RIFF") && at(8..12) == b"WEBP"
        || octets.starts_with(b"BM") && at(6..10) == [0; 4]
        || at(4..8) == b"ftyp" && brands.contains(&at(8..12))
        || at(40..44) == b" EMF"
}

/// UTF-8, UTF-16 and UTF-32, or an 8-bit charset: mostly letters, and no NUL.
fn is_text(octets: &[u8]) -> bool {
    if octets.starts_with(b"\xff\xfe") || octets.starts_with(b"\xfe\xff") {
        return octets.len().is_multiple_of(2);
    }
    if memchr::memchr(0, octets).is_some() {
        return RareCharset::of(octets, None).is_some();
    }
    let controls = octets
        .iter()
        .filter(|&&octet| octet < 0x20 && !matches!(octet, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b))
        .count();
    if std::str::from_utf8(octets).is_ok() {
        return controls * 20 <= octets.len();
    }
    let high = octets.iter().filter(|octet| !octet.is_ascii()).count();
    controls == 0 && high * 2 <= octets.len()
}

const PICTURES: [&[u8]; 16] = [
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF87a",
    b"GIF89a",
    b"II*\0",
    b"MM\0*",
    b"II+\0",
    b"MM\0+",
    b"\0\0\x01\0",
    b"8BPS\0",
    b"\0\0\0\x0cjP  ",
    b"\xff\x4f\xff\x51",
    // Metafiles, which office programs write.
    b"\xd7\xcd\xc6\x9a",
    b"\x01\0\x09\0",
    b"\x02\0\x09\0",
    b"VCLMTF",
];
const HTML_HEAD: usize = 1024;
/// What HTML begins with, and no XML of another kind that says anything.
const HTML_TAGS: [&str; 20] = [
    "html", "head", "body", "div", "p", "table", "span", "center", "font", "h1", "h2", "h3",
    "style", "meta", "b", "a", "img", "br", "ul", "ol",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_content() {
        assert_eq!(looks(b"%PDF-1.7"), Looks::Container(Format::Pdf));
        assert_eq!(looks(b"\x89PNG\r\n"), Looks::Picture);
        assert_eq!(looks(b"name;number\r\n"), Looks::Text);
        assert_eq!(looks(b"caf\xe9"), Looks::Text);
        assert_eq!(looks(b"  <!DOCTYPE HTML>"), Looks::Html);
        assert_eq!(looks(b"<?xml version='1.0'?><!-- a -->\n<html xmlns='x'>"), Looks::Html);
        assert_eq!(looks(b"\xff\xfe<\0p\0>\0"), Looks::Html);
        assert_eq!(looks(b"<?xml version='1.0'?><patient>"), Looks::Text);
        assert_eq!(looks(b"<!-- never ends"), Looks::Text);
        assert_eq!(looks(b"a\0b\x01"), Looks::Binary);
        assert_eq!(looks(b"a\0b\0c\0d\0"), Looks::Text);
        assert_eq!(looks(b"a\0\0\0\x02\0b\0c\0"), Looks::Binary);
        assert_eq!(looks(b"\r\n"), Looks::Empty);
    }

    #[test]
    fn a_letter_is_no_picture_whatever_it_begins_with() {
        assert_eq!(looks(b"BMI 31.2, blood pressure 120/80"), Looks::Text);
        assert_eq!(looks(b"GIF8 is how some pictures begin"), Looks::Text);
        assert_eq!(looks(b"MZ twins, seen in clinic today"), Looks::Text);
        assert_eq!(looks(b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"), Looks::Picture);
        assert_eq!(looks(b"\0\0\0\x18ftypheic\0\0\0\0"), Looks::Picture);
    }

    #[test]
    fn drawings_are_told_from_pages_and_from_other_xml() {
        for drawing in [
            "<svg xmlns='http://www.w3.org/2000/svg'>",
            "<?xml version='1.0'?><!-- a --><svg:svg>",
            "<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'x' [<!ENTITY a 'b'>]><svg>",
        ] {
            assert_eq!(looks(drawing.as_bytes()), Looks::Drawing, "{drawing}");
            assert!(is_html(drawing));
        }
        assert_eq!(looks(b"<html><svg>"), Looks::Html);
        assert_eq!(looks(b"<svgs>1</svgs>"), Looks::Text);
    }

    #[test]
    fn an_archive_behind_something_else_is_told() {
        let end = b"PK\x05\x06\0\0\0\0\x01\0\x01\0\x2f\0\0\0\0\0\0\0\0\0";
        let mut entry = b"PK\x01\x02".to_vec();
        entry.resize(46, 0);
        entry[28] = 1;
        entry.push(b'a');
        let behind = |front: &[u8]| looks(&[front, &entry, end].concat());
        assert_eq!(behind(b"\x89PNG\r\n"), Looks::Container(Format::Picture));
        assert_eq!(behind(b"\0\x01\x02"), Looks::Container(Format::Unknown));
        assert_eq!(looks(&[b"\x89PNG".as_slice(), &entry, end, b"."].concat()), Looks::Picture);
    }
}
