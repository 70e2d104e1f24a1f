//! Mailbox addresses, as envelopes carry them (RFC 5321 section 4.1.2).
//!
//! The local part is held unquoted and quoted again on output: smtp-proto
//! gives `"a>b"@x` back as `a>b@x`, which written as it stands would inject.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::domain::{Domain, DomainError};

/// A mailbox: a local part (compared as written) at a domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    local_part: Box<str>,
    domain: Domain,
}

/// Where a failure is reported: a mailbox, or nobody (`<>`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ReversePath {
    Null,
    Mailbox(Address),
    /// As it was said: at an address literal, or at a name that DNS cannot
    /// have. Nothing can be reported there.
    Unanswerable(String),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("an address has the form local-part@domain, found `{0}`")]
    Malformed(String),
    #[error("a local part has at most {MAX_LOCAL_PART} octets, found {0}")]
    LocalPartTooLong(usize),
    #[error("a local part holds no control characters")]
    ControlCharacter,
    #[error(transparent)]
    Domain(#[from] DomainError),
}

impl Address {
    /// From a local part without its quotes.
    pub fn new(local_part: &str, domain: Domain) -> Result<Self, AddressError> {
        if local_part.len() > MAX_LOCAL_PART {
            return Err(AddressError::LocalPartTooLong(local_part.len()));
        }
        if local_part.chars().any(char::is_control) {
            return Err(AddressError::ControlCharacter);
        }
        Ok(Self { local_part: local_part.into(), domain })
    }

    pub fn local_part(&self) -> &str {
        &self.local_part
    }

    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The mailbox that every domain has (RFC 5321 section 4.5.1).
    pub fn is_postmaster(&self) -> bool {
        self.local_part.eq_ignore_ascii_case("postmaster")
    }

    /// Whether only SMTPUTF8 (RFC 6531) can carry this address.
    pub fn needs_smtputf8(&self) -> bool {
        !self.local_part.is_ascii()
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(written: &str) -> Result<Self, AddressError> {
        let malformed = || AddressError::Malformed(written.to_owned());
        let (local_part, domain) = written.rsplit_once('@').ok_or_else(malformed)?;
        let local_part = match local_part.strip_prefix('"') {
            Some(quoted) => unquote(quoted).ok_or_else(malformed)?,
            None if is_dot_string(local_part) => local_part.to_owned(),
            None => return Err(malformed()),
        };
        Self::new(&local_part, domain.parse()?)
    }
}

/// The content of a quoted string of which the opening quote is gone.
fn unquote(quoted: &str) -> Option<String> {
    let inner = quoted.strip_suffix('"')?;
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.push(characters.next()?),
            '"' => return None,
            _ => plain.push(character),
        }
    }
    Some(plain)
}

/// Dot-string of RFC 5321, with the characters RFC 6531 adds.
fn is_dot_string(text: &str) -> bool {
    text.split('.').all(|atom| {
        !atom.is_empty()
            && atom.chars().all(|character| {
                character.is_ascii_alphanumeric()
                    || ATEXT.contains(character)
                    || !character.is_ascii() && !character.is_control()
            })
    })
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_string(&self.local_part) {
            return write!(out, "{}@{}", self.local_part, self.domain);
        }
        out.write_str("\"")?;
        for character in self.local_part.chars() {
            if matches!(character, '"' | '\\') {
                out.write_str("\\")?;
            }
            write!(out, "{character}")?;
        }
        write!(out, "\"@{}", self.domain)
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(written: String) -> Result<Self, AddressError> {
        written.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl ReversePath {
    pub fn mailbox(&self) -> Option<&Address> {
        match self {
            Self::Null | Self::Unanswerable(_) => None,
            Self::Mailbox(address) => Some(address),
        }
    }

    pub fn domain(&self) -> Option<&Domain> {
        self.mailbox().map(Address::domain)
    }
}

/// As it stands between the angle brackets; empty for the null path.
impl fmt::Display for ReversePath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Mailbox(address) => address.fmt(out),
            Self::Unanswerable(said) => out.write_str(said),
        }
    }
}

impl FromStr for ReversePath {
    type Err = AddressError;

    fn from_str(written: &str) -> Result<Self, AddressError> {
        match written {
            "" => Ok(Self::Null),
            _ => match written.parse() {
                Ok(address) => Ok(Self::Mailbox(address)),
                Err(AddressError::Domain(_)) if is_harmless(written) => {
                    Ok(Self::Unanswerable(written.to_owned()))
                }
                Err(error) => Err(error),
            },
        }
    }
}

impl TryFrom<String> for ReversePath {
    type Error = AddressError;

    fn try_from(written: String) -> Result<Self, AddressError> {
        written.parse()
    }
}

impl From<ReversePath> for String {
    fn from(path: ReversePath) -> Self {
        path.to_string()
    }
}

/// Whether what stands for a domain brings no syntax of its own.
fn is_harmless(written: &str) -> bool {
    let domain = written.rsplit_once('@').map(|(_, domain)| domain).unwrap_or_default();
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b".-_:[]".contains(&octet);
    (1..=MAX_PATH).contains(&domain.len()) && domain.bytes().all(is_plain)
}

/// RFC 5321 section 4.5.3.1.3.
const MAX_PATH: usize = 254;
const ATEXT: &str = "!#$%&'*+-/=?^_`{|}~";
const MAX_LOCAL_PART: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_nobody_can_answer_is_kept_as_it_was_said() {
        for said in ["a@[192.0.2.1]", "a@x...example", &format!("a@{}.example", "x".repeat(64))] {
            let path: ReversePath = said.parse().unwrap();
            assert_eq!(path, ReversePath::Unanswerable(said.to_owned()));
            assert_eq!((path.to_string().as_str(), path.mailbox()), (said, None));
            assert!(said.parse::<Address>().is_err());
        }
        for said in ["a", "@x.example", "a@", "a@x y", "a@x>", "a..b@x.example", "a@x(c)"] {
            assert!(said.parse::<ReversePath>().is_err(), "{said}");
        }
    }

    #[test]
    fn a_local_part_that_would_inject_is_quoted_again() {
        let address = Address::new("a>b\"c", "x.example".parse().unwrap()).unwrap();
        assert_eq!(address.to_string(), r#""a>b\"c"@x.example"#);
        assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
    }

    #[test]
    fn malformed_addresses_are_refused() {
        for wrong in ["", "a", "@b", "a@", "a b@c", "a@b@c", "\"a@c", "a..b@c", ".a@c"] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong:?} was accepted");
        }
    }

    #[test]
    fn control_characters_never_enter_an_address() {
        let domain: Domain = "x.example".parse().unwrap();
        assert_eq!(Address::new("a\r\nRCPT", domain), Err(AddressError::ControlCharacter));
    }

    #[test]
    fn the_null_path_is_nobody() {
        assert_eq!("".parse::<ReversePath>().unwrap(), ReversePath::Null);
        assert_eq!(ReversePath::Null.to_string(), "");
    }
}
