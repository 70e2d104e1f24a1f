//! Content lines, of which vCards and calendars are made: folded, with
//! parameters and escapes (RFC 5545 section 3.1, RFC 6350 section 3.2; vCard
//! 2.1 in quoted-printable).

use std::borrow::Cow;

use super::{fhir::sentence, labels, rendering::Lines};
use crate::content::{
    charset,
    header::{line_end, without_line_end},
    html, transfer,
};

/// `NAME;PARAMETER=value:value`, unfolded.
pub(super) struct ContentLine<'s> {
    /// In capitals, without its group.
    pub(super) name: String,
    parameters: Vec<(String, String)>,
    pub(super) value: Cow<'s, str>,
    /// Where the value stands in the source.
    pub(super) at: usize,
}

impl ContentLine<'_> {
    /// A parameter's value; vCard 2.1 writes values without their names.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let named = self.parameters.iter().find(|(given, _)| given == name);
        named.map(|(_, value)| value.as_str())
    }

    fn has(&self, word: &str) -> bool {
        self.parameters.iter().any(|(name, value)| name == word || value.eq_ignore_ascii_case(word))
    }

    /// The value is a file.
    pub(super) fn is_base64(&self) -> bool {
        self.has("BASE64")
            || self.parameter("ENCODING").is_some_and(|e| e.eq_ignore_ascii_case("b"))
    }
}

/// Renders a text line by line: files in base64 are handed on, what is no
/// content line stands as it is, and the rest is the format's own.
pub(super) fn render_each(
    source: &str,
    lines: &mut Lines<'_>,
    render_line: fn(&ContentLine<'_>, &mut Lines<'_>),
) {
    for line in content_lines(source) {
        match line {
            Ok(line) if line.is_base64() && lines.base64(&line.value) => {}
            Ok(line) => render_line(&line, lines),
            Err((raw, at)) => lines.plain(raw, at),
        }
    }
}

/// A value that is a file in a `data:` URI (RFC 2397).
pub(super) fn render_data(line: &ContentLine<'_>, lines: &mut Lines<'_>) {
    if let Some(octets) = html::data_uri(&line.value) {
        lines.document(octets);
    }
}

/// A property that no format here knows, by what it is called.
pub(super) fn render_by_name(line: &ContentLine<'_>, lines: &mut Lines<'_>) {
    let name = labels::words(line.name.trim_start_matches("X-")).to_lowercase();
    lines.labelled(&sentence(&name), &unescaped(&line.value), line.at);
}

/// The lines of a text, and what is none: `Err` with where it stands.
fn content_lines(source: &str) -> impl Iterator<Item = Result<ContentLine<'_>, (&str, usize)>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        if start >= source.len() {
            return None;
        }
        at = logical_end(source, start);
        let raw = source.get(start..at).unwrap_or_default();
        Some(content_line(raw, start).ok_or((raw, start)))
    })
}

/// Up to the first line that does not go on with the one before: a fold
/// begins with a blank, quoted-printable ends in a soft break.
fn logical_end(source: &str, start: usize) -> usize {
    let octets = source.as_bytes();
    let first = line_end(octets, start);
    let head = source.get(start..first).unwrap_or_default();
    let name_end = head.find(':').unwrap_or_default();
    let is_quoted = head.get(..name_end).is_some_and(|head| {
        memchr::memmem::find(head.to_ascii_uppercase().as_bytes(), b"QUOTED-PRINTABLE").is_some()
    });
    let mut end = first;
    let mut last = start..first;
    while end < octets.len() {
        let before = without_line_end(octets.get(last.clone()).unwrap_or_default());
        let soft = is_quoted && before.ends_with(b"=");
        let folded = matches!(octets.get(end), Some(b' ' | b'\t'));
        if !soft && !folded {
            break;
        }
        last = end..line_end(octets, end);
        end = last.end;
    }
    end
}

fn content_line(raw: &str, start: usize) -> Option<ContentLine<'_>> {
    let colon = end_of_parameters(raw)?;
    let (head, value) = (raw.get(..colon)?, raw.get(colon + 1..)?);
    let head = unfolded(head);
    let mut pieces = quoted_split(&head);
    let name = pieces.next()?.trim().to_ascii_uppercase();
    let name = name.rsplit_once('.').map_or(name.clone(), |(_, name)| name.to_owned());
    let fits = !name.is_empty() && name.bytes().all(|o| o.is_ascii_alphanumeric() || o == b'-');
    fits.then_some(())?;
    let parameters = pieces.map(|piece| {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        (name.trim().to_ascii_uppercase(), value.trim().trim_matches('"').to_owned())
    });
    let at = start + colon + 1;
    let mut line =
        ContentLine { name, parameters: parameters.collect(), value: Cow::Borrowed(""), at };
    line.value = if line.has("QUOTED-PRINTABLE") {
        let decoded = transfer::quoted_printable(value.trim_end_matches(['\r', '\n']).as_bytes());
        Cow::Owned(charset::text_of(&decoded.octets, line.parameter("CHARSET")))
    } else {
        unfolded(value)
    };
    Some(line)
}

/// The colon that ends the parameters; not one between quotation marks.
fn end_of_parameters(raw: &str) -> Option<usize> {
    let mut quoted = false;
    memchr::memchr3_iter(b':', b'"', b'\n', raw.as_bytes()).find(|&at| {
        match raw.as_bytes().get(at) {
            Some(b'"') => quoted = !quoted,
            Some(b':') => return !quoted,
            _ => {}
        }
        false
    })
}

fn quoted_split(head: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    head.split(move |character| {
        quoted ^= character == '"';
        character == ';' && !quoted
    })
}

/// Without the line ends and the blank after each.
fn unfolded(text: &str) -> Cow<'_, str> {
    let text = text.trim_end_matches(['\r', '\n']);
    if !text.contains('\n') {
        return Cow::Borrowed(text);
    }
    let mut whole = String::with_capacity(text.len());
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        whole.push_str(match index {
            0 => line,
            _ => line.strip_prefix([' ', '\t']).unwrap_or(line),
        });
    }
    Cow::Owned(whole)
}

/// `\n`, `\,`, `\;` and `\\` undone.
pub(super) fn unescaped(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return Cow::Borrowed(value);
    }
    let mut plain = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match (character, if character == '\\' { characters.next() } else { None }) {
            ('\\', Some('n' | 'N')) => plain.push('\n'),
            ('\\', Some(other)) => plain.push(other),
            (other, _) => plain.push(other),
        }
    }
    Cow::Owned(plain)
}

/// The components of a structured value, at semicolons that are not escaped.
pub(super) fn components(value: &str) -> Vec<Cow<'_, str>> {
    let mut escaped = false;
    value
        .split(move |character| {
            let splits = character == ';' && !escaped;
            escaped = character == '\\' && !escaped;
            splits
        })
        .map(unescaped)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str) -> Vec<(String, String)> {
        content_lines(source)
            .filter_map(Result::ok)
            .map(|line| (line.name, line.value.into_owned()))
            .collect()
    }

    #[test]
    fn folded_lines_are_whole() {
        assert_eq!(
            read("SUMMARY:see 999\r\n  000 0018\r\nitem1.TEL;TYPE=\"a:b\":01632\r\n"),
            [("SUMMARY".into(), "see 999 000 0018".into()), ("TEL".into(), "01632".into())]
        );
        assert_eq!(
            read("N;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:Jos=C3=\n=A9;A\nFN:x"),
            [("N".into(), "José;A".into()), ("FN".into(), "x".into())]
        );
    }

    #[test]
    fn what_is_no_content_line_is_given_back() {
        let odd: Vec<_> = content_lines("BEGIN:VCARD\nno colon here\n").collect();
        assert_eq!(odd.last().unwrap().as_ref().err(), Some(&("no colon here\n", 12)));
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unescaped(r"a\, b\nc\\"), "a, b\nc\\");
        assert_eq!(components(r"Example;Ja\;ne;;"), ["Example", "Ja;ne", "", ""]);
    }
}
