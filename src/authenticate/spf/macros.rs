//! Names that are filled in (RFC 7208 section 7).

use std::net::IpAddr;

use percent_encoding::utf8_percent_encode;

use super::record::Malformed;
use crate::mail::NOT_UNRESERVED;

/// A domain-spec: its pieces in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spec(Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Macro(Macro),
}

#[derive(Clone, Debug, PartialEq)]
struct Macro {
    letter: char,
    /// A capital: what no URL may have is escaped.
    escaped: bool,
    /// So many labels from the right; none for all.
    labels: Option<usize>,
    reversed: bool,
    delimiters: String,
}

/// What the letters stand for.
pub(super) struct Values<'a> {
    pub(super) ip: IpAddr,
    /// Local part and domain; never empty.
    pub(super) sender: (&'a str, &'a str),
    pub(super) helo: &'a str,
    pub(super) domain: &'a str,
    /// The name of the address, where it has been asked for.
    pub(super) validated: &'a str,
}

impl Spec {
    /// A domain-spec ends in a macro, or in a name with a dot before it.
    pub(super) fn parse(written: &str) -> Result<Self, Malformed> {
        let pieces = pieces(written)?;
        match pieces.last() {
            Some(Piece::Macro(_)) => Ok(Self(pieces)),
            Some(Piece::Text(text)) if ends_in_a_name(text) => Ok(Self(pieces)),
            _ => Err(Malformed),
        }
    }

    /// Any text with macros.
    pub(super) fn check(written: &str) -> Result<(), Malformed> {
        pieces(written).map(|_| ())
    }

    /// Whether the DNS must be asked for the name of the address.
    pub(super) fn needs_validated(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Macro(made) if made.letter == 'p'))
    }

    /// Labels are taken off in front until the name has a length that DNS knows.
    pub(super) fn expand(&self, values: &Values<'_>) -> String {
        let mut name: String = self
            .0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Macro(made) => made.expand(values),
            })
            .collect();
        while name.trim_end_matches('.').len() > MAX_NAME {
            let Some((_, rest)) = name.split_once('.') else { break };
            name = rest.to_owned();
        }
        name
    }
}

fn pieces(written: &str) -> Result<Vec<Piece>, Malformed> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut text = String::new();
    let mut rest = written;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        match after.chars().next().ok_or(Malformed)? {
            '{' => {
                let (inner, behind) = after
                    .strip_prefix('{')
                    .and_then(|inner| inner.split_once('}'))
                    .ok_or(Malformed)?;
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(Piece::Macro(Macro::parse(inner)?));
                rest = behind;
                continue;
            }
            '%' => text.push('%'),
            '_' => text.push(' '),
            '-' => text.push_str("%20"),
            _ => return Err(Malformed),
        }
        rest = after.get(1..).unwrap_or_default();
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

/// `.toplabel`, with or without a last dot (section 7.1).
fn ends_in_a_name(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let Some((_, label)) = text.rsplit_once('.') else { return false };
    let of_label = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    !label.is_empty()
        && label.chars().all(of_label)
        && !label.starts_with('-')
        && !label.ends_with('-')
        && !label.chars().all(|letter| letter.is_ascii_digit())
}

impl Macro {
    fn parse(inner: &str) -> Result<Self, Malformed> {
        let mut letters = inner.chars();
        let letter = letters.next().ok_or(Malformed)?;
        let rest = letters.as_str();
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, rest) = rest.split_at_checked(digits).ok_or(Malformed)?;
        let labels = match digits {
            "" => None,
            digits => Some(digits.parse().unwrap_or(usize::MAX)),
        };
        let reversed = rest.starts_with(['r', 'R']);
        let delimiters = rest.strip_prefix(['r', 'R']).unwrap_or(rest);
        let known = "slodiphv".contains(letter.to_ascii_lowercase());
        let parted = delimiters.chars().all(|delimiter| ".-+,/_=".contains(delimiter));
        if !known || !parted || labels == Some(0) {
            return Err(Malformed);
        }
        let delimiters = if delimiters.is_empty() { "." } else { delimiters }.to_owned();
        let escaped = letter.is_ascii_uppercase();
        Ok(Self { letter: letter.to_ascii_lowercase(), escaped, labels, reversed, delimiters })
    }

    fn expand(&self, values: &Values<'_>) -> String {
        let (local, host) = values.sender;
        let value = match self.letter {
            's' => format!("{local}@{host}"),
            'l' => local.to_owned(),
            'o' => host.to_owned(),
            'd' => values.domain.to_owned(),
            'i' => dotted(values.ip),
            'p' => values.validated.to_owned(),
            'h' => values.helo.to_owned(),
            _ if values.ip.is_ipv4() => "in-addr".to_owned(),
            _ => "ip6".to_owned(),
        };
        let mut labels: Vec<&str> = value.split(|c| self.delimiters.contains(c)).collect();
        if self.reversed {
            labels.reverse();
        }
        let kept = labels.len() - self.labels.unwrap_or(labels.len()).min(labels.len());
        let text = labels.split_off(kept).join(".");
        match self.escaped {
            true => utf8_percent_encode(&text, NOT_UNRESERVED).to_string(),
            false => text,
        }
    }
}

/// IPv6 as its nibbles.
fn dotted(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let nibbles = ip.octets().into_iter().flat_map(|octet| [octet >> 4, octet & 0xf]);
            nibbles.map(|nibble| format!("{nibble:x}")).collect::<Vec<_>>().join(".")
        }
    }
}

const MAX_NAME: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_rfc_expand_as_it_says() {
        let values = |ip: &str| Values {
            ip: ip.parse().unwrap(),
            sender: ("strong-bad", "email.example.com"),
            helo: "mail.example.com",
            domain: "email.example.com",
            validated: "unknown",
        };
        // Section 7.4.
        for (written, expected) in [
            ("%{s}", "strong-bad@email.example.com"),
            ("%{d4}", "email.example.com"),
            ("%{d2}", "example.com"),
            ("%{dr}", "com.example.email"),
            ("%{d2r}", "example.email"),
            ("%{l-}", "strong.bad"),
            ("%{lr-}", "bad.strong"),
            ("%{l1r-}", "strong"),
            ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
            ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
            ("%{S}.example", "strong-bad%40email.example.com.example"),
        ] {
            assert_eq!(Spec::parse(written).unwrap().expand(&values("192.0.2.3")), expected);
        }
        assert_eq!(
            Spec::parse("%{ir}.%{v}._spf.%{d2}").unwrap().expand(&values("2001:db8::cb01")),
            "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com"
        );
    }

    #[test]
    fn a_name_that_is_too_long_loses_its_first_labels() {
        let long = format!("{}.example", vec!["x".repeat(60); 5].join("."));
        let values = Values {
            ip: "192.0.2.3".parse().unwrap(),
            sender: ("a", "b"),
            helo: "c",
            domain: &long,
            validated: "unknown",
        };
        let name = Spec::parse("%{d}").unwrap().expand(&values);
        assert!(name.len() <= MAX_NAME && name.ends_with(".example") && name.starts_with('x'));
    }
}
