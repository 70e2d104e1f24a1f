//! Domain names as mail uses them.
//!
//! Owns the one form in which Postern compares domains: lower-case A-labels
//! without a trailing dot (RFC 5321 section 2.3.5, RFC 5890). Refuses address
//! literals, empty labels and anything longer than DNS can carry.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A fully spelled domain: A-labels, lower case, at most 253 octets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(Box<str>);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    #[error("a domain is expected, found nothing")]
    Empty,
    #[error("`{0}` is an address literal; a domain name is expected")]
    Literal(String),
    #[error("`{0}` is not a domain name")]
    Malformed(String),
    #[error("a domain name has at most {MAX_DOMAIN} octets, found {0}")]
    TooLong(usize),
}

impl Domain {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this domain stands below `parent`; a domain is not below itself.
    pub fn is_below(&self, parent: &Domain) -> bool {
        self.0.strip_suffix(parent.as_str()).is_some_and(|rest| rest.ends_with('.'))
    }

    /// This domain and then each parent, most specific first.
    pub fn ancestry(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(self.as_str()), |name| {
            name.split_once('.').map(|(_, parent)| parent)
        })
    }
}

impl FromStr for Domain {
    type Err = DomainError;

    fn from_str(written: &str) -> Result<Self, DomainError> {
        let name = written.strip_suffix('.').unwrap_or(written);
        if name.is_empty() {
            return Err(DomainError::Empty);
        }
        if name.starts_with('[') {
            return Err(DomainError::Literal(written.to_owned()));
        }
        let ascii = if name.is_ascii() {
            name.to_ascii_lowercase()
        } else {
            idna::domain_to_ascii(name).map_err(|_| DomainError::Malformed(written.to_owned()))?
        };
        if ascii.len() > MAX_DOMAIN {
            return Err(DomainError::TooLong(ascii.len()));
        }
        if !ascii.split('.').all(is_label) {
            return Err(DomainError::Malformed(written.to_owned()));
        }
        Ok(Self(ascii.into_boxed_str()))
    }
}

/// Letters, digits and inner hyphens; underscores occur in real host names.
fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL).contains(&label.len())
        && label
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl fmt::Display for Domain {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl TryFrom<String> for Domain {
    type Error = DomainError;

    fn try_from(written: String) -> Result<Self, DomainError> {
        written.parse()
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> Self {
        domain.0.into()
    }
}

const MAX_DOMAIN: usize = 253;
const MAX_LABEL: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_trailing_dot_do_not_distinguish_domains() {
        let plain: Domain = "nhs.net".parse().unwrap();
        assert_eq!(plain, "NHS.Net.".parse().unwrap());
    }

    #[test]
    fn unicode_labels_become_a_labels() {
        let domain: Domain = "bücher.example".parse().unwrap();
        assert_eq!(domain.as_str(), "xn--bcher-kva.example");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for wrong in ["", ".", "a..b", "-a.b", "a b", "[192.0.2.1]", "a>b", "x\r\n"] {
            assert!(wrong.parse::<Domain>().is_err(), "{wrong:?} was accepted");
        }
    }

    #[test]
    fn below_means_a_whole_label_below() {
        let parent: Domain = "gov.uk".parse().unwrap();
        let child: Domain = "a.gov.uk".parse().unwrap();
        let other: Domain = "notgov.uk".parse().unwrap();
        assert!(child.is_below(&parent));
        assert!(!other.is_below(&parent) && !parent.is_below(&parent));
    }
}
