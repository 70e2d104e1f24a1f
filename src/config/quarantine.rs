//! How long held mail is kept, and what may become of it: `[quarantine]`.

use std::{fmt, str::FromStr};

use crate::{mail::NextHop, quarantine::Terms};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quarantine {
    pub terms: Terms,
    /// Where a message is redirected to if nobody says where: an encryption
    /// portal.
    pub portal: Option<NextHop>,
    /// Where senders ask for their messages; None where they cannot.
    pub requests: Option<PublicUrl>,
}

/// Where the console is found from outside, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the console's address as its users write it (`https://console.example.nhs.uk`), found `{0}`"
)]
pub struct PublicUrlError(String);

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    /// Under TLS only: whoever has the link may write to officers.
    fn from_str(written: &str) -> Result<Self, PublicUrlError> {
        let host = written.strip_prefix("https://").map(|rest| rest.trim_end_matches('/'));
        let of_host = |octet: u8| octet.is_ascii_alphanumeric() || b"-.:[]/_~".contains(&octet);
        match host {
            Some(host) if !host.is_empty() && host.bytes().all(of_host) => {
                Ok(Self(format!("https://{host}")))
            }
            _ => Err(PublicUrlError(written.to_owned())),
        }
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_under_tls_and_nothing_can_end_it() {
        let read = |written: &str| written.parse::<PublicUrl>().map(|url| url.to_string());
        assert_eq!(
            read("https://console.x.example:8464/"),
            Ok("https://console.x.example:8464".into())
        );
        for wrong in ["http://x.example", "https://", "https://x.example/ a", "https://x\r\ny", "x"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
