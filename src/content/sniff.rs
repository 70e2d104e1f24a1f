//! What octets are, by looking at them: names and types are only claims.

use super::{
    charset,
    document::{ContentKind, Format, archive_is_at_end_of},
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
    if PICTURES.iter().any(starts) || is_riff_picture(octets) {
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
    if let Some(format) = Format::of_text(octets) {
        return Looks::TextHolding(format);
    }
    let head = octets.get(..HTML_HEAD.min(octets.len())).unwrap_or_default();
    if is_html(&charset::text_of(head, None)) { Looks::Html } else { Looks::Text }
}

/// Whether a text begins as HTML does, or a piece of HTML, after what may stand
/// before: a mark, a declaration of XML, comments.
pub(super) fn is_html(text: &str) -> bool {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        let end = match () {
            () if rest.starts_with("<?") => "?>",
            () if rest.starts_with("<!--") => "-->",
            () => break,
        };
        let Some((_, after)) = rest.split_once(end) else { return false };
        rest = after;
    }
    let Some(tag) = rest.strip_prefix('<') else { return false };
    let is_name_end = |c: char| c.is_whitespace() || matches!(c, '>' | '/');
    let name_end = tag.find(is_name_end).unwrap_or(tag.len());
    let name = tag.get(..name_end).unwrap_or_default().to_ascii_lowercase();
    let doctype = tag.get(..13).is_some_and(|kind| kind.eq_ignore_ascii_case("!doctype html"));
    doctype || HTML_TAGS.contains(&name.as_str())
}

fn is_riff_picture(octets: &[u8]) -> bool {
    octets.starts_with(b"RIFF") && octets.get(8..12) == Some(b"WEBP")
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

const PICTURES: [&[u8]; 8] =
    [b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"\0\0\x01\0", b"8BPS"];
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
