//! `[console]`: where officers work, and how they show who they are.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use super::{meaning::CertificateFiles, network::Network, openid::OpenId};

#[derive(Clone, Debug)]
pub struct Console {
    pub address: SocketAddr,
    /// Where browsers find it: in links, and what requests must be for; the
    /// address where nothing is said.
    pub url: Option<ConsoleUrl>,
    pub tls: ConsoleTls,
    /// The file of local accounts.
    pub accounts: Option<PathBuf>,
    pub second_factor: SecondFactor,
    /// Who else vouches for people.
    pub openid: Option<OpenId>,
    pub sessions: SessionLimits,
    pub lock_out: LockOut,
}

/// Who keeps others from reading along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsoleTls {
    /// Nobody: only this machine can reach it.
    Loopback,
    Here {
        files: CertificateFiles,
        /// Whose certificates people and programs may show.
        client_ca: Option<PathBuf>,
    },
    /// A proxy in front, which alone may connect; it says in `X-Forwarded-For`
    /// who asks.
    Elsewhere { proxies: Vec<Network> },
}

/// Whether an account with a password must have a second factor, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecondFactor {
    #[default]
    Required,
    Optional,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Without a request.
    pub idle: Duration,
    /// From the sign-in, however busy.
    pub absolute: Duration,
}

/// Against guessing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockOut {
    /// So many failures in a row.
    pub after: usize,
    /// How long they count, and how long nobody gets in then.
    pub period: Duration,
}

/// `https://console.example.nhs.uk`: scheme, host and perhaps a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleUrl {
    scheme: Scheme,
    /// As the Host header has it.
    authority: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsoleUrlError {
    #[error("an address of the console starts with https:// (or http:// on loopback), found `{0}`")]
    Scheme(String),
    #[error("an address of the console is scheme, host and perhaps port, without a path: `{0}`")]
    Shape(String),
}

impl ConsoleUrl {
    /// Where nothing is said: where it really listens.
    pub fn of(address: SocketAddr, tls: &ConsoleTls) -> Self {
        let scheme = if *tls == ConsoleTls::Loopback { Scheme::Http } else { Scheme::Https };
        Self { scheme, authority: address.to_string() }
    }

    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// Host and port as requests name them.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

/// Without a slash at its end: an origin (RFC 6454).
impl fmt::Display for ConsoleUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https() { "https" } else { "http" };
        write!(out, "{scheme}://{}", self.authority)
    }
}

impl FromStr for ConsoleUrl {
    type Err = ConsoleUrlError;

    fn from_str(written: &str) -> Result<Self, ConsoleUrlError> {
        let lower = written.to_ascii_lowercase();
        let (scheme, rest) = if let Some(rest) = lower.strip_prefix("https://") {
            (Scheme::Https, rest)
        } else if let Some(rest) = lower.strip_prefix("http://") {
            (Scheme::Http, rest)
        } else {
            return Err(ConsoleUrlError::Scheme(written.to_owned()));
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        // Browsers leave out the usual port.
        let usual = if scheme == Scheme::Https { ":443" } else { ":80" };
        let authority = authority.strip_suffix(usual).unwrap_or(authority);
        let fits = |octet: u8| octet.is_ascii_alphanumeric() || b"-.:[]".contains(&octet);
        if authority.is_empty() || !authority.bytes().all(fits) {
            return Err(ConsoleUrlError::Shape(written.to_owned()));
        }
        Ok(Self { scheme, authority: authority.to_owned() })
    }
}

impl Default for SessionLimits {
    /// A cup of tea, and a day's work.
    fn default() -> Self {
        Self { idle: Duration::from_secs(30 * 60), absolute: Duration::from_secs(10 * 60 * 60) }
    }
}

impl Default for LockOut {
    fn default() -> Self {
        Self { after: 5, period: Duration::from_secs(15 * 60) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_origin_as_browsers_write_it() {
        for (written, origin) in [
            ("https://Console.Example.nhs.uk/", "https://console.example.nhs.uk"),
            ("https://console.example:443", "https://console.example"),
            ("https://console.example:8443", "https://console.example:8443"),
            ("http://[::1]:8464", "http://[::1]:8464"),
        ] {
            assert_eq!(written.parse::<ConsoleUrl>().unwrap().to_string(), origin);
        }
        for wrong in
            ["console.example", "https://", "https://a/b", "ftp://a", "https://u@a", "https://a?b"]
        {
            assert!(wrong.parse::<ConsoleUrl>().is_err(), "{wrong}");
        }
    }
}
