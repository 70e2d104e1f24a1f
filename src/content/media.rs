//! Content-Type and Content-Disposition: a value and its parameters, read as
//! leniently as mail programs do (RFC 2045 section 5.1, RFC 2183, RFC 2231).

use percent_encoding::percent_decode_str;

use super::charset;

/// What a part says it is. Names in lower case; parameters as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    pub kind: String,
    pub subtype: String,
    pub parameters: Parameters,
}

/// Parameters by name in lower case; the first of doubled ones counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(String, String)>);

impl MediaType {
    pub(super) fn new(kind: &str, subtype: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            subtype: subtype.to_owned(),
            parameters: Parameters::default(),
        }
    }

    /// Of an unfolded field value. What is not `type/subtype` is `text/plain`
    /// (RFC 2045 section 5.2), its parameters still count.
    pub(crate) fn parse(value: &str) -> Self {
        let (essence, rest) = split_value(value);
        let parameters = Parameters::parse(rest);
        let token = |text: &str| {
            let text = text.trim();
            let end = text.find(|c: char| c.is_whitespace() || c == '(').unwrap_or(text.len());
            text.get(..end).unwrap_or_default().to_ascii_lowercase()
        };
        match essence.split_once('/').map(|(kind, subtype)| (token(kind), token(subtype))) {
            Some((kind, subtype)) if !kind.is_empty() && !subtype.is_empty() => {
                Self { kind, subtype, parameters }
            }
            _ => Self { parameters, ..Self::new("text", "plain") },
        }
    }

    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind == kind && self.subtype == subtype
    }
}

impl Parameters {
    /// Of what follows the first semicolon.
    pub(super) fn parse(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((piece, tail)) = next_parameter(rest) {
            rest = tail;
            pieces.extend(piece);
            if pieces.len() >= MAX_PARAMETERS {
                break;
            }
        }
        Self(joined(pieces))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(written, _)| written == name).map(|(_, value)| value.as_str())
    }
}

/// A value, and its parameters from after the semicolon on.
pub(super) fn split_value(value: &str) -> (&str, &str) {
    value.split_once(';').unwrap_or((value, ""))
}

struct Piece {
    name: String,
    value: String,
    quoted: bool,
}

/// The next `name=value` and what follows it; a stretch that is none is passed
/// over. Nothing at the end.
fn next_parameter(text: &str) -> Option<(Option<Piece>, &str)> {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == ';');
    if text.is_empty() {
        return None;
    }
    let name_end = text.find(['=', ';']).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(name_end)?;
    let Some(rest) = rest.strip_prefix('=') else {
        return Some((None, rest));
    };
    let rest = rest.trim_start();
    let (value, quoted, rest) = match rest.strip_prefix('"') {
        Some(inside) => {
            let (value, rest) = quoted_string(inside);
            // What stands between the quote and the next semicolon is noise.
            (value, true, rest.find(';').and_then(|end| rest.get(end..)).unwrap_or_default())
        }
        None => {
            let (value, rest) = rest.split_at_checked(rest.find(';').unwrap_or(rest.len()))?;
            let value = value.split_once(" (").map_or(value, |(value, _)| value);
            (value.trim().to_owned(), false, rest)
        }
    };
    let name = name.trim().to_ascii_lowercase();
    Some((Some(Piece { name, value, quoted }), rest))
}

/// The content of a quoted string, and what follows its closing quote.
fn quoted_string(inside: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = inside.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, inside.get(at + 1..).unwrap_or_default()),
            '\\' => match characters.next() {
                Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                // File names of old systems: C:\letter.txt
                Some((_, other)) => value.extend(['\\', other]),
                None => {}
            },
            _ => value.push(character),
        }
    }
    (value, "")
}

/// Joins continuations and decodes extended values (RFC 2231 sections 3, 4).
fn joined(pieces: Vec<Piece>) -> Vec<(String, String)> {
    let mut whole: Vec<(String, String)> = Vec::new();
    let mut sections: Vec<(String, usize, bool, String)> = Vec::new();
    for piece in pieces {
        match section_of(&piece) {
            Some((name, index, extended)) => {
                sections.push((name, index, extended, piece.value));
            }
            None => whole.push((piece.name, piece.value)),
        }
    }
    sections.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    let mut decoded = Vec::new();
    for group in sections.chunk_by(|a, b| a.0 == b.0) {
        if let Some((name, ..)) = group.first() {
            decoded.push((name.clone(), extended_text(group)));
        }
    }
    // An extended value says more than the plain one beside it.
    decoded.extend(whole);
    decoded
}

/// The name, section number and whether it is percent-encoded.
fn section_of(piece: &Piece) -> Option<(String, usize, bool)> {
    let (name, marks) = piece.name.split_once('*')?;
    let (number, extended) = match marks.strip_suffix('*') {
        Some(number) => (number, true),
        None => (marks, marks.is_empty()),
    };
    let index = if number.is_empty() { 0 } else { number.parse().ok()? };
    // Some mailers quote an extended value, which RFC 2231 forbids.
    let encoded = extended && (piece.value.contains('%') || !piece.quoted);
    Some((name.to_owned(), index, encoded))
}

fn extended_text(group: &[(String, usize, bool, String)]) -> String {
    let mut charset = None;
    let mut octets = Vec::new();
    for (position, (_, _, extended, value)) in group.iter().enumerate() {
        let mut value = value.as_str();
        if position == 0
            && *extended
            && let Some((label, rest)) = value.split_once('\'')
        {
            charset = Some(label);
            value = rest.split_once('\'').map_or(rest, |(_, text)| text);
        }
        if *extended {
            octets.extend(percent_decode_str(value));
        } else {
            octets.extend_from_slice(value.as_bytes());
        }
    }
    charset::text_of(&octets, charset)
}

const MAX_PARAMETERS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_parameters_are_read_leniently() {
        let media = MediaType::parse("Text/HTML; CharSet=\"UTF-8\" ; ;name = a b.txt;x");
        assert!(media.is("text", "html"));
        assert_eq!(media.parameters.get("charset"), Some("UTF-8"));
        assert_eq!(media.parameters.get("name"), Some("a b.txt"));
        assert!(MediaType::parse("text").is("text", "plain"));
        assert!(MediaType::parse("").is("text", "plain"));
    }

    #[test]
    fn continued_and_extended_parameters_are_joined() {
        let value = "a/b; name*1=\".pdf\"; name*0*=utf-8''caf%C3%A9; boundary=\"x;\\\"y\"";
        let media = MediaType::parse(value);
        assert_eq!(media.parameters.get("name"), Some("café.pdf"));
        assert_eq!(media.parameters.get("boundary"), Some("x;\"y"));
    }
}
