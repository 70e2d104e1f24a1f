//! What an SPF record says (RFC 7208 sections 4.6, 5, 6 and 12).

use std::net::{Ipv4Addr, Ipv6Addr};

use mail_auth::SpfResult;

use super::macros::Spec;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    pub(super) directives: Vec<Directive>,
    pub(super) redirect: Option<Spec>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Directive {
    /// What a match comes to.
    pub(super) result: SpfResult,
    pub(super) mechanism: Mechanism,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Mechanism {
    All,
    Include(Spec),
    A(Option<Spec>, Prefixes),
    Mx(Option<Spec>, Prefixes),
    Ptr(Option<Spec>),
    Ip4(Ipv4Addr, u8),
    Ip6(Ipv6Addr, u8),
    Exists(Spec),
}

/// How many bits of an address count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefixes {
    pub(super) ip4: u8,
    pub(super) ip6: u8,
}

/// It is not SPF: a permanent error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Record {
    /// Whether a TXT record is one of SPF at all (section 4.5).
    pub(super) fn is_one(text: &[u8]) -> bool {
        let version = text.get(..VERSION.len());
        version.is_some_and(|version| version.eq_ignore_ascii_case(VERSION))
            && matches!(text.get(VERSION.len()), None | Some(b' '))
    }

    pub(super) fn parse(text: &[u8]) -> Result<Self, Malformed> {
        let terms = text.get(VERSION.len()..).unwrap_or_default();
        if !terms.iter().all(|octet| (b' '..=b'~').contains(octet)) {
            return Err(Malformed);
        }
        let terms = std::str::from_utf8(terms).map_err(|_| Malformed)?;
        let mut record = Self { directives: Vec::new(), redirect: None };
        let mut explained = false;
        for term in terms.split(' ').filter(|term| !term.is_empty()) {
            match modifier(term) {
                None => record.directives.push(directive(term)?),
                Some((name, value)) if name.eq_ignore_ascii_case("redirect") => {
                    let before = record.redirect.replace(Spec::parse(value)?);
                    before.is_none().then_some(()).ok_or(Malformed)?;
                }
                Some((name, value)) if name.eq_ignore_ascii_case("exp") => {
                    Spec::parse(value)?;
                    (!std::mem::replace(&mut explained, true)).then_some(()).ok_or(Malformed)?;
                }
                // Those that nobody knows yet are passed over (section 6).
                Some((name, value)) => {
                    let named = name.starts_with(|letter: char| letter.is_ascii_alphabetic());
                    named.then_some(()).ok_or(Malformed)?;
                    Spec::check(value)?;
                }
            }
        }
        Ok(record)
    }
}

/// A name and an equals sign: before anything that a name cannot have.
fn modifier(term: &str) -> Option<(&str, &str)> {
    let (name, value) = term.split_once('=')?;
    let of_name = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    name.chars().all(of_name).then_some((name, value))
}

fn directive(term: &str) -> Result<Directive, Malformed> {
    let result = match term.as_bytes().first() {
        Some(b'-') => SpfResult::Fail,
        Some(b'~') => SpfResult::SoftFail,
        Some(b'?') => SpfResult::Neutral,
        _ => SpfResult::Pass,
    };
    let term = term.strip_prefix(['+', '-', '~', '?']).unwrap_or(term);
    let end = term.find([':', '/']).unwrap_or(term.len());
    let (name, rest) = term.split_at_checked(end).ok_or(Malformed)?;
    Ok(Directive { result, mechanism: mechanism(&name.to_ascii_lowercase(), rest)? })
}

fn mechanism(name: &str, rest: &str) -> Result<Mechanism, Malformed> {
    let after_colon = || rest.strip_prefix(':').ok_or(Malformed);
    Ok(match name {
        "all" if rest.is_empty() => Mechanism::All,
        "include" => Mechanism::Include(Spec::parse(after_colon()?)?),
        "exists" => Mechanism::Exists(Spec::parse(after_colon()?)?),
        "ptr" if rest.is_empty() => Mechanism::Ptr(None),
        "ptr" => Mechanism::Ptr(Some(Spec::parse(after_colon()?)?)),
        "a" | "mx" => {
            let (spec, prefixes) = with_prefixes(rest)?;
            let spec = match spec {
                "" => None,
                spec => Some(Spec::parse(spec.strip_prefix(':').ok_or(Malformed)?)?),
            };
            if name == "a" { Mechanism::A(spec, prefixes) } else { Mechanism::Mx(spec, prefixes) }
        }
        "ip4" => {
            let (address, bits) = network(after_colon()?, 32)?;
            Mechanism::Ip4(address.parse().map_err(|_| Malformed)?, bits)
        }
        "ip6" => {
            let (address, bits) = network(after_colon()?, 128)?;
            Mechanism::Ip6(address.parse().map_err(|_| Malformed)?, bits)
        }
        _ => return Err(Malformed),
    })
}

fn network(written: &str, most: u8) -> Result<(&str, u8), Malformed> {
    match written.split_once('/') {
        None => Ok((written, most)),
        Some((address, bits)) => Ok((address, prefix(bits, most)?)),
    }
}

/// `:name/24//64`, each of them or not. A slash that no number follows belongs
/// to the name.
fn with_prefixes(rest: &str) -> Result<(&str, Prefixes), Malformed> {
    let numbered = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
    let (rest, ip6) = match rest.rsplit_once("//") {
        Some((before, bits)) if numbered(bits) => (before, prefix(bits, 128)?),
        _ => (rest, 128),
    };
    let (rest, ip4) = match rest.rsplit_once('/') {
        Some((before, bits)) if numbered(bits) => (before, prefix(bits, 32)?),
        _ => (rest, 32),
    };
    Ok((rest, Prefixes { ip4, ip6 }))
}

/// Without leading zeros.
fn prefix(written: &str, most: u8) -> Result<u8, Malformed> {
    let plain = written == "0" || written.starts_with(|digit: char| ('1'..='9').contains(&digit));
    let bits: u8 = written.parse().map_err(|_| Malformed)?;
    (plain && bits <= most).then_some(bits).ok_or(Malformed)
}

const VERSION: &[u8] = b"v=spf1";

#[cfg(test)]
mod tests {
    use super::*;

    fn is_well_formed(terms: &str) -> bool {
        Record::parse(format!("v=spf1 {terms}").as_bytes()).is_ok()
    }

    #[test]
    fn what_the_grammar_has_is_read() {
        for terms in [
            "",
            "a mx/24 a:x.example//64 mx:x.example/24//64 -all",
            "ip4:192.0.2.0/24 ip6:2001:db8::/32 ?all",
            "A:%{d2r.}.x.example ExIsTs:%{i}._spf.%%x%_%-.example ~all  ",
            "redirect=x.example unknown-1.x=%{s}y",
            "a:foo:bar/baz.x.example ptr ptr:x.example include:_spf.x.example exp=%{d}",
        ] {
            assert!(is_well_formed(terms), "{terms}");
        }
    }

    #[test]
    fn what_the_grammar_has_not_is_no_spf() {
        for terms in [
            "-all:x",
            "-all/8",
            "foo",
            "a/33",
            "a/032",
            "a//129",
            "a:",
            "a/",
            "a:x.example:/24",
            "a:museum",
            "a:x.123",
            "a:x.-example",
            "a:x..",
            "ip4:1.2.3",
            "ip4:192.0.2.1/33",
            "ip6:::1//64",
            "include",
            "include:",
            "exists:",
            "=x",
            "1up=x",
            "redirect=x.example redirect=x.example",
            "exp=",
            "a:%{x}",
            "a:%{d0}",
            "a:%{d",
            "a:%a.example",
            "unknown=%{",
            "a:x.ex\u{e4}mple",
            "a\tmx",
        ] {
            assert!(!is_well_formed(terms), "{terms}");
        }
    }

    #[test]
    fn a_record_is_known_by_its_whole_version() {
        for record in ["v=spf1", "V=SPF1 a", "v=spf1 "] {
            assert!(Record::is_one(record.as_bytes()), "{record}");
        }
        for other in ["v=spf10", "v=spf1\ta", "v=spf", " v=spf1", ""] {
            assert!(!Record::is_one(other.as_bytes()), "{other}");
        }
    }
}
