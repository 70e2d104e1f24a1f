//! Mail that programs read in different ways, or that seals something within:
//! an edit inside would be right for some and break it for others.
//!
//! Such a message stays as it stands, octet for octet, as the first part of a
//! new one.

use crate::content::{Class, Content, Field, Multipart, Part};

pub(super) fn is_doubtful(content: &Content) -> bool {
    let displayed =
        |part: &&Part| !content.ancestors(part.id).any(|outer| outer.class == Class::Message);
    content.parts().iter().filter(displayed).any(|part| {
        is_sealed(content, part)
            || part.flaw.is_some()
            || has_folded_boundary(content, part)
            || is_nothing(part)
    })
}

/// Signed or encrypted, within a message that has more than that: a list's
/// footer under a signed message, for one. Armour is looked for wherever it
/// stands in a line, since programs cut it out of quotations too.
fn is_sealed(content: &Content, part: &Part) -> bool {
    let media = (part.media.kind.as_str(), part.media.subtype.as_str());
    match part.class {
        Class::Multipart(Multipart::Signed | Multipart::Encrypted) => true,
        Class::Plain | Class::Html => {
            memchr::memmem::find(&content.decoded(part.id), b"-----BEGIN PGP ").is_some()
        }
        _ => matches!(media, ("application", "pkcs7-mime" | "x-pkcs7-mime" | "pgp-encrypted")),
    }
}

/// A multipart in which a program finds no parts, and so reads on to the next
/// delimiter without. With two slashes in its type it is none at all, but text.
pub(super) fn hides_its_parts(content: &Content, part: &Part) -> bool {
    let value = types(content, part).next().unwrap_or_default();
    let media = value.split(|&octet| octet == b';').next().unwrap_or_default();
    let is_type = media.iter().filter(|&&octet| octet == b'/').count() == 1;
    is_type && (part.children.is_empty() || has_folded_boundary(content, part))
}

/// A boundary that is folded within its quotes: whether the line break belongs
/// to it, programs do not agree.
fn has_folded_boundary(content: &Content, part: &Part) -> bool {
    let folded = |value: &[u8]| {
        let mut quoted = false;
        value.iter().any(|&octet| {
            quoted ^= octet == b'"';
            quoted && octet == b'\n'
        })
    };
    part.is_multipart() && types(content, part).any(folded)
}

/// The values of a part's Content-Type fields.
pub(super) fn types<'c>(content: &'c Content, part: &'c Part) -> impl Iterator<Item = &'c [u8]> {
    let is_type = |field: &&Field| content.name(field).eq_ignore_ascii_case("Content-Type");
    part.fields.iter().filter(is_type).filter_map(|field| content.raw().get(field.value.clone()))
}

/// Two delimiters with nothing between, not even an empty line: a part to
/// some, none to others.
fn is_nothing(part: &Part) -> bool {
    part.parent.is_some()
        && part.header.is_empty()
        && part.separator.is_empty()
        && part.body.is_empty()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn doubtful(raw: &str) -> bool {
        is_doubtful(&Content::parse(Bytes::copy_from_slice(raw.as_bytes())))
    }

    #[test]
    fn what_seals_a_part_is_known() {
        let with = |part: &str| {
            format!(
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n{part}\r\n--b--\r\n"
            )
        };
        let signed = "Content-Type: multipart/signed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--";
        assert!(doubtful(&with(signed)));
        assert!(doubtful(&with("Content-Type: application/pkcs7-mime\r\n\r\nx")));
        assert!(doubtful(&with("\r\n> -----BEGIN PGP MESSAGE-----")));
        assert!(!doubtful(&with("\r\n----- BEGIN")));
        let forwarded = format!("Content-Type: message/rfc822\r\n\r\n{signed}");
        assert!(!doubtful(&with(&forwarded)));
    }

    #[test]
    fn structure_that_is_read_in_different_ways_is_known() {
        let mixed = |boundary: &str, body: &str| {
            format!("Content-Type: multipart/mixed;\r\n boundary={boundary}\r\n\r\n{body}")
        };
        assert!(!doubtful(&mixed("\"a b\"", "--a b\r\n\r\nx\r\n--a b--\r\n")));
        assert!(doubtful(&mixed("\"a\r\n b\"", "--a b\r\n\r\nx\r\n--a b--\r\n")));
        assert!(doubtful(&mixed("a", "--a\r\n--a\r\n\r\nx\r\n--a--\r\n")));
        assert!(!doubtful(&mixed("a", "--a\r\n\r\n--a--\r\n")));
        assert!(doubtful(&mixed("a", "no parts\r\n")));
        assert!(doubtful("Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nx\r\n"));
    }
}
