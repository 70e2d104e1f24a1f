//! The domains of all that a message says it is from, read so that nothing
//! can hide: whoever may only send from some domains must not get another
//! past this by writing From in a way that programs read differently.
//!
//! So it is no parser of addresses (RFC 5322 section 3.4). Outside of quoted
//! strings and comments, whatever follows an `@` in any From field must be a
//! domain; what is unclear is an error. Fields are looked for up to the first
//! empty line, past what would end the header for a strict reader and past
//! any number of them.

use super::header::{line_end, without_line_end};
use crate::mail::Domain;

/// Why it cannot be said who a message is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorError {
    #[error("From has no address")]
    NoAddress,
    #[error("From cannot be read without doubt")]
    Unclear,
}

/// The domains of every address in every From field, in order; none where
/// there is no such field.
pub fn author_domains(raw: &[u8]) -> Result<Vec<Domain>, AuthorError> {
    let mut domains = Vec::new();
    for value in from_values(raw) {
        let before = domains.len();
        domains_of(&plain(&value)?, &mut domains)?;
        if domains.len() == before {
            return Err(AuthorError::NoAddress);
        }
    }
    Ok(domains)
}

/// Unfolded.
fn from_values(raw: &[u8]) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    let (mut at, mut in_from) = (0, false);
    while at < raw.len() {
        let end = line_end(raw, at);
        let line = without_line_end(raw.get(at..end).unwrap_or_default());
        at = end;
        if line.is_empty() {
            break;
        }
        let text = String::from_utf8_lossy(line);
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            if let Some(value) = values.last_mut().filter(|_| in_from) {
                value.push_str(&text);
            }
            continue;
        }
        let from =
            text.split_once(':').filter(|(name, _)| name.trim().eq_ignore_ascii_case("From"));
        in_from = from.is_some();
        values.extend(from.map(|(_, value)| value.to_owned()));
    }
    values
}

/// Quoted strings and comments out of it, each a space.
fn plain(value: &str) -> Result<String, AuthorError> {
    let (mut plain, mut quoted, mut comments) = (String::new(), false, 0_usize);
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if quoted || comments > 0 => _ = letters.next(),
            '"' if comments == 0 => {
                quoted = !quoted;
                plain.push(' ');
            }
            '(' if !quoted => {
                comments += 1;
                plain.push(' ');
            }
            ')' if !quoted => comments = comments.checked_sub(1).ok_or(AuthorError::Unclear)?,
            _ if quoted || comments > 0 => {}
            _ => plain.push(letter),
        }
    }
    match quoted || comments > 0 {
        true => Err(AuthorError::Unclear),
        false => Ok(plain),
    }
}

fn domains_of(plain: &str, domains: &mut Vec<Domain>) -> Result<(), AuthorError> {
    for after in plain.split('@').skip(1) {
        let after = after.trim_start();
        let end = after.find(|letter: char| letter.is_whitespace() || ENDS.contains(letter));
        let (domain, rest) = after.split_at_checked(end.unwrap_or(after.len())).unwrap_or_default();
        // `example. com` and `example .com` are one domain to some readers.
        let goes_on = domain.ends_with('.') || rest.trim_start().starts_with('.');
        match domain.parse() {
            Ok(domain) if !goes_on => domains.push(domain),
            _ => return Err(AuthorError::Unclear),
        }
    }
    Ok(())
}

const ENDS: &str = "<>,;:";

#[cfg(test)]
mod tests {
    use super::*;

    fn authors(header: &str) -> Result<Vec<String>, AuthorError> {
        let raw = format!("{header}\r\n\r\nFrom: body@evil.example\r\n");
        author_domains(raw.as_bytes())
            .map(|domains| domains.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_programs_write_is_read() {
        let cases: [(&str, &[&str]); 12] = [
            ("Subject: none", &[]),
            ("From: a@one.example", &["one.example"]),
            ("from :<a@ONE.example>", &["one.example"]),
            ("From: \"b@evil.example\" <a@one.example>", &["one.example"]),
            ("From: a@one.example (b@evil.example (or\\) not))", &["one.example"]),
            ("From: a@one.example <a@one.example>", &["one.example", "one.example"]),
            ("From: A <a@one.example>,\r\n B <b@two.example>", &["one.example", "two.example"]),
            ("From: ward: a@one.example, b@two.example;", &["one.example", "two.example"]),
            ("From: \"a\\\"b\"@one.example", &["one.example"]),
            ("From: a@one.example\r\nX: y\r\nFrom: b@two.example", &["one.example", "two.example"]),
            ("From: =?utf-8?q?J=C3=B6rg?= <j@b\u{fc}cher.example>", &["xn--bcher-kva.example"]),
            ("Subject: x\r\n From: b@evil.example", &[]),
        ];
        for (header, expected) in cases {
            assert_eq!(authors(header).unwrap(), expected, "{header:?}");
        }
    }

    #[test]
    fn nothing_hides_a_domain() {
        let cases = [
            "From: <b@evil.example> <a@one.example>",
            "From: a@one.example <b@evil.example>",
            "From: <@evil.example:a@one.example>",
            "From: a@one.example\r\n\t,b@evil.example",
            "not a field\r\nFrom: b@evil.example",
            "From: \"a\" <b@ evil.example>",
            "From: b@(one.example)evil.example",
        ];
        for header in cases {
            let found = authors(header).unwrap();
            assert!(found.contains(&"evil.example".to_owned()), "{header:?}: {found:?}");
        }
        let many = format!("{}From: b@evil.example", "X: y\r\n".repeat(5_000));
        assert_eq!(authors(&many).unwrap(), ["evil.example"]);
    }

    #[test]
    fn what_is_unclear_is_said_to_be() {
        let cases = [
            ("From:", AuthorError::NoAddress),
            ("From: scanner", AuthorError::NoAddress),
            ("From: \"b@evil.example\"", AuthorError::NoAddress),
            ("From: =?utf-8?q?b=40evil.example?=", AuthorError::NoAddress),
            ("From: a@one.example, \"<b@evil.example>", AuthorError::Unclear),
            ("From: a@one.example, (<b@evil.example>", AuthorError::Unclear),
            ("From: a@one.example) <b@evil.example>", AuthorError::Unclear),
            ("From: a@[192.0.2.1]", AuthorError::Unclear),
            ("From: a@one.example.(x)evil.example", AuthorError::Unclear),
            ("From: a@one.example .evil.example", AuthorError::Unclear),
            ("From: a@one.example\u{0}evil", AuthorError::Unclear),
            ("From: a@", AuthorError::Unclear),
        ];
        for (header, expected) in cases {
            assert_eq!(authors(header), Err(expected), "{header:?}");
        }
    }
}
