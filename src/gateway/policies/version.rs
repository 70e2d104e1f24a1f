//! Which policy: the hash of the files that can change a decision.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::policy::Sources;

/// All 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version(String);

/// A version as a person names it: as many of its first digits as they like,
/// but twelve at least. Fewer could be met by somebody who tries some million
/// files, and a person would approve what they have not seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VersionName(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names no version: write its hexadecimal digits, the first {SHORT} at least; \
     `postern policy history` lists them"
)]
pub struct VersionNameError(String);

impl Version {
    pub(super) fn of(sources: &Sources) -> Self {
        Self(sources.digest())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What logs and decisions say.
    pub fn short(&self) -> &str {
        self.0.get(..SHORT).unwrap_or(&self.0)
    }
}

impl VersionName {
    pub(super) fn names(&self, version: &Version) -> bool {
        version.0.starts_with(&self.0)
    }
}

impl From<&Version> for VersionName {
    fn from(version: &Version) -> Self {
        Self(version.0.clone())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Display for VersionName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl TryFrom<String> for Version {
    type Error = VersionNameError;

    fn try_from(digits: String) -> Result<Self, VersionNameError> {
        match digits.len() == WHOLE && digits.bytes().all(is_digit) {
            true => Ok(Self(digits)),
            false => Err(VersionNameError(digits)),
        }
    }
}

impl FromStr for VersionName {
    type Err = VersionNameError;

    fn from_str(written: &str) -> Result<Self, VersionNameError> {
        let digits = written.trim().to_ascii_lowercase();
        match (SHORT..=WHOLE).contains(&digits.len()) && digits.bytes().all(is_digit) {
            true => Ok(Self(digits)),
            false => Err(VersionNameError(written.to_owned())),
        }
    }
}

impl TryFrom<String> for VersionName {
    type Error = VersionNameError;

    fn try_from(written: String) -> Result<Self, VersionNameError> {
        written.parse()
    }
}

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.0
    }
}

impl From<VersionName> for String {
    fn from(name: VersionName) -> Self {
        name.0
    }
}

fn is_digit(octet: u8) -> bool {
    matches!(octet, b'0'..=b'9' | b'a'..=b'f')
}

/// As many as `Sources::version` gives.
const SHORT: usize = 12;
/// SHA-256.
const WHOLE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_named_by_twelve_digits_or_more_and_never_by_fewer() {
        let mut sources = Sources::new("policies");
        sources.add("rules.toml", b"");
        let version = Version::of(&sources);
        assert_eq!(version.short(), sources.version());
        for digits in [SHORT, SHORT + 1, WHOLE] {
            let name: VersionName = version.as_str().get(..digits).unwrap().parse().unwrap();
            assert!(name.names(&version));
        }
        let upper: VersionName = version.as_str().to_uppercase().parse().unwrap();
        assert!(upper.names(&version));
        for wrong in
            ["", version.as_str().get(..SHORT - 1).unwrap(), "../../../../etc", "latest-version"]
        {
            assert!(wrong.parse::<VersionName>().is_err(), "{wrong:?} was accepted");
        }
        assert!(!"000000000000".parse::<VersionName>().unwrap().names(&version));
    }
}
