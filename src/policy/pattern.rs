//! Domains as officers write them: `nhs.net`, or `*.gov.uk` for every domain
//! below `gov.uk`, however deep, but not `gov.uk` itself.

use std::{fmt, str::FromStr};

use crate::mail::{Domain, DomainError};

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DomainPattern {
    Exact(Domain),
    Below(Domain),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("to mean every domain below it, write `*{0}`")]
    LeadingDot(String),
    #[error("a domain is expected here, not the address `{0}`")]
    Address(String),
    #[error("`*` stands alone or in the middle in `{0}`: write a domain, or `*.` and a domain")]
    Wildcard(String),
    #[error(transparent)]
    Domain(#[from] DomainError),
}

impl DomainPattern {
    pub fn matches(&self, domain: &Domain) -> bool {
        match self {
            Self::Exact(exact) => exact == domain,
            Self::Below(parent) => domain.is_below(parent),
        }
    }

    /// The domain that is written in it.
    pub fn domain(&self) -> &Domain {
        match self {
            Self::Exact(domain) | Self::Below(domain) => domain,
        }
    }
}

impl FromStr for DomainPattern {
    type Err = PatternError;

    fn from_str(written: &str) -> Result<Self, PatternError> {
        if written.starts_with('.') {
            return Err(PatternError::LeadingDot(written.to_owned()));
        }
        if written.contains('@') {
            return Err(PatternError::Address(written.to_owned()));
        }
        let (domain, below) = match written.strip_prefix("*.") {
            Some(parent) => (parent, true),
            None => (written, false),
        };
        if domain.contains('*') {
            return Err(PatternError::Wildcard(written.to_owned()));
        }
        let domain: Domain = domain.parse()?;
        Ok(if below { Self::Below(domain) } else { Self::Exact(domain) })
    }
}

impl fmt::Display for DomainPattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(domain) => domain.fmt(out),
            Self::Below(parent) => write!(out, "*.{parent}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_covers_every_depth_but_not_the_domain_itself() {
        let pattern: DomainPattern = "*.gov.uk".parse().unwrap();
        assert!(pattern.matches(&"a.b.gov.uk".parse().unwrap()));
        assert!(!pattern.matches(&"gov.uk".parse().unwrap()));
        assert!(!pattern.matches(&"evilgov.uk".parse().unwrap()));
        assert_eq!(pattern.to_string(), "*.gov.uk");
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for wrong in ["", ".gov.uk", "*", "*.*.uk", "a.*.uk", "a@gov.uk", "*gov.uk"] {
            assert!(wrong.parse::<DomainPattern>().is_err(), "{wrong:?} was taken");
        }
    }
}
