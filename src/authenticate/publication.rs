//! Whether the DNS publishes a signing key of ours: what a verifier would find
//! at its record's name (RFC 6376 section 3.6).

use std::{fmt, net::SocketAddr, time::Duration};

use hickory_resolver::{
    TokioResolver,
    net::{DnsError, NetError},
    proto::rr::{RData, RecordType},
};

use super::authenticator::AuthenticatorError;
use crate::config;

/// Asks for records of keys.
pub struct Publications {
    resolver: TokioResolver,
}

/// What stands where a key's record should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Publication {
    Published,
    /// Another key, or several records, of which a verifier takes any.
    Differs,
    /// An empty key: whatever it has signed no longer verifies.
    Revoked,
    Absent,
    /// The name servers gave no answer.
    Unknown(String),
}

impl Publications {
    /// `servers` empty for the system's own resolvers.
    pub fn new(servers: &[SocketAddr]) -> Result<Self, AuthenticatorError> {
        let mut builder = config::resolver(servers)?;
        let options = builder.options_mut();
        options.timeout = LOOKUP_TIMEOUT;
        options.attempts = LOOKUP_ATTEMPTS;
        // Somebody waits for a record to appear, and looks again.
        options.cache_size = 0;
        Ok(Self { resolver: builder.build()? })
    }

    /// Of the key whose record would be `record`, at `name`.
    pub async fn of(&self, name: &str, record: &str) -> Publication {
        let found = match self.resolver.lookup(format!("{name}."), RecordType::TXT).await {
            Ok(found) => found,
            Err(NetError::Dns(DnsError::NoRecordsFound(_))) => return Publication::Absent,
            Err(error) => return Publication::Unknown(error.to_string()),
        };
        let texts = found.answers().iter().filter_map(|answer| match &answer.data {
            RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
            _ => None,
        });
        compared(&texts.collect::<Vec<_>>(), record)
    }
}

fn compared(found: &[String], record: &str) -> Publication {
    match found {
        [] => Publication::Absent,
        [one] if tag(one, "p").is_some_and(|key| key.is_empty()) => Publication::Revoked,
        [one] if is_same(one, record) => Publication::Published,
        _ => Publication::Differs,
    }
}

/// The same algorithm and public key, however the record is spaced.
fn is_same(found: &str, record: &str) -> bool {
    let algorithm = |record: &str| tag(record, "k").unwrap_or_else(|| "rsa".to_owned());
    algorithm(found) == algorithm(record) && tag(found, "p") == tag(record, "p")
}

/// The value of a tag, without white space (RFC 6376 section 3.2).
fn tag(record: &str, name: &str) -> Option<String> {
    let tags = record.split(';').filter_map(|tag| tag.split_once('='));
    let mut named = tags.filter(|(key, _)| key.trim() == name);
    named.next().map(|(_, value)| value.split_whitespace().collect())
}

impl Publication {
    /// A word of a closed set.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Differs => "differs",
            Self::Revoked => "revoked",
            Self::Absent => "absent",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl fmt::Display for Publication {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Published => out.write_str("published"),
            Self::Differs => out.write_str("DNS has another key"),
            Self::Revoked => out.write_str("revoked in DNS"),
            Self::Absent => out.write_str("not in DNS"),
            Self::Unknown(cause) => write!(out, "DNS gave no answer: {cause}"),
        }
    }
}

const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);
const LOOKUP_ATTEMPTS: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "v=DKIM1; k=rsa; p=AAAA";

    #[test]
    fn a_key_is_published_however_its_record_is_spaced_and_whatever_else_it_says() {
        for found in [OURS, "v=DKIM1;t=s;p=AA AA;", "k = rsa ; p=AAAA", "p=AAAA; h=sha256"] {
            assert_eq!(compared(&[found.to_owned()], OURS), Publication::Published, "{found}");
        }
    }

    #[test]
    fn another_key_several_or_none_is_not_ours() {
        let found = |texts: &[&str]| {
            compared(&texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>(), OURS)
        };
        assert_eq!(found(&["v=DKIM1; p=BBBB"]), Publication::Differs);
        assert_eq!(found(&["v=DKIM1; k=ed25519; p=AAAA"]), Publication::Differs);
        assert_eq!(found(&[OURS, "v=DKIM1; p=BBBB"]), Publication::Differs);
        assert_eq!(found(&["a text of another kind"]), Publication::Differs);
        assert_eq!(found(&["v=DKIM1; p="]), Publication::Revoked);
        assert_eq!(found(&[]), Publication::Absent);
    }
}
