//! Header fields as we write them: checked, and folded (RFC 5322 section 2.2).

/// A whole field, folded, with its last line end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderField(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFieldError {
    #[error("a field name is printable ASCII without a colon, found `{0}`")]
    Name(String),
    #[error("the value of {0} holds a line break or another control character")]
    Control(String),
    #[error("the value of {0} has a word of more than {MAX_LINE} octets, which cannot be folded")]
    Unfoldable(String),
}

impl HeaderField {
    /// Text beyond ASCII is written in encoded words.
    pub fn new(name: &str, value: &str) -> Result<Self, HeaderFieldError> {
        let of_name = |octet: u8| (33..=126).contains(&octet) && octet != b':';
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(of_name) {
            return Err(HeaderFieldError::Name(name.to_owned()));
        }
        if value.chars().any(|c| c.is_control() && c != '\t') {
            return Err(HeaderFieldError::Control(name.to_owned()));
        }
        let encoded = if value.is_ascii() { value.to_owned() } else { encoded_words(value) };
        let folded = folded(name, &encoded);
        if folded.lines().any(|line| line.len() > MAX_LINE) {
            return Err(HeaderFieldError::Unfoldable(name.to_owned()));
        }
        Ok(Self(folded))
    }

    /// A field that this room has made and folded itself.
    pub(super) fn made(written: String) -> Self {
        Self(written)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Breaks before words, so that unfolding gives the value back.
fn folded(name: &str, value: &str) -> String {
    let mut out = format!("{name}:");
    let mut column = out.len();
    for word in value.split_inclusive([' ', '\t']) {
        // White space belongs in front of the word that it parts.
        let trimmed = word.trim_end_matches([' ', '\t']);
        if trimmed.is_empty() {
            continue;
        }
        if column > name.len() + 1 && column + 1 + trimmed.len() > FOLD_AT {
            out.push_str("\r\n");
            column = 0;
        }
        out.push(' ');
        out.push_str(trimmed);
        column += 1 + trimmed.len();
    }
    out.push_str("\r\n");
    out
}

/// RFC 2047: short words of whole characters.
fn encoded_words(value: &str) -> String {
    use base64::Engine;
    let mut words = Vec::new();
    let mut chunk = String::new();
    for character in value.chars() {
        if chunk.len() + character.len_utf8() > ENCODED_CHUNK {
            words.push(std::mem::take(&mut chunk));
        }
        chunk.push(character);
    }
    words.push(chunk);
    let encode = |chunk: &String| {
        format!("=?utf-8?B?{}?=", base64::engine::general_purpose::STANDARD.encode(chunk))
    };
    words.iter().map(encode).collect::<Vec<_>>().join(" ")
}

const MAX_NAME: usize = 76;
const FOLD_AT: usize = 78;
const MAX_LINE: usize = 998;
/// 45 octets are 60 characters of base64, 72 with the rest of the word.
const ENCODED_CHUNK: usize = 45;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_folded_between_words() {
        let value = "word ".repeat(40);
        let field = HeaderField::new("X-Long", &value).unwrap();
        assert!(field.as_str().split("\r\n").all(|line| line.len() <= FOLD_AT));
        let unfolded = field.as_str().replace("\r\n", "");
        assert_eq!(unfolded.strip_prefix("X-Long: ").unwrap(), value.trim_end());
    }

    #[test]
    fn a_value_cannot_bring_a_field_of_its_own() {
        assert!(HeaderField::new("X-A", "b\r\nBcc: c@x.example").is_err());
        assert!(HeaderField::new("X A", "b").is_err());
        assert!(HeaderField::new("X:A", "b").is_err());
        assert!(HeaderField::new("", "b").is_err());
        assert!(HeaderField::new("X-A", &"b".repeat(2000)).is_err());
    }

    #[test]
    fn text_beyond_ascii_is_encoded() {
        let field = HeaderField::new("X-A", "Iechyd da £").unwrap();
        assert_eq!(field.as_str(), "X-A: =?utf-8?B?SWVjaHlkIGRhIMKj?=\r\n");
    }
}
