//! What may happen to a recipient's copy.

use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr};

use serde::{Deserialize, Serialize};

/// What happens to one recipient's copy, least restrictive first, so that the
/// most restrictive of several is their maximum (law 4).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Disposition {
    /// On to its next hop.
    #[default]
    Relay,
    /// On to another next hop, such as an encryption portal.
    Redirect,
    /// Try again later: the sender's server keeps it.
    Defer,
    /// Into quarantine, until a person decides.
    Hold,
    /// Back to the sender's server with a 5xx.
    Reject,
}

impl Disposition {
    pub const ALL: [Self; 5] = [Self::Relay, Self::Redirect, Self::Defer, Self::Hold, Self::Reject];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Redirect => "redirect",
            Self::Defer => "defer",
            Self::Hold => "hold",
            Self::Reject => "reject",
        }
    }
}

impl fmt::Display for Disposition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// Where a message goes next.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum NextHop {
    /// The MX of the recipient's domain.
    Mx,
    Smtp {
        host: String,
        port: u16,
    },
    Lmtp {
        host: String,
        port: u16,
    },
    Maildir(PathBuf),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a next hop is `mx`, `smtp://host:port`, `lmtp://host:port` or `maildir:PATH`, found `{0}`"
)]
pub struct NextHopError(String);

impl NextHop {
    /// Whether what goes there stays on this machine.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Mx => false,
            Self::Maildir(_) => true,
            Self::Smtp { host, .. } | Self::Lmtp { host, .. } => {
                host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
            }
        }
    }
}

impl FromStr for NextHop {
    type Err = NextHopError;

    fn from_str(written: &str) -> Result<Self, NextHopError> {
        let wrong = || NextHopError(written.to_owned());
        if written == "mx" {
            return Ok(Self::Mx);
        }
        if let Some(path) = written.strip_prefix("maildir:") {
            return if path.is_empty() { Err(wrong()) } else { Ok(Self::Maildir(path.into())) };
        }
        let (scheme, authority) = written.split_once("://").ok_or_else(wrong)?;
        let (host, port) = authority.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = port.parse().map_err(|_| wrong())?;
        if host.is_empty() || host.contains(['/', '@', ' ']) {
            return Err(wrong());
        }
        match scheme {
            "smtp" => Ok(Self::Smtp { host, port }),
            "lmtp" => Ok(Self::Lmtp { host, port }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for NextHop {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bracketed = |host: &str| {
            if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
        };
        match self {
            Self::Mx => out.write_str("mx"),
            Self::Smtp { host, port } => write!(out, "smtp://{}:{port}", bracketed(host)),
            Self::Lmtp { host, port } => write!(out, "lmtp://{}:{port}", bracketed(host)),
            Self::Maildir(path) => write!(out, "maildir:{}", path.display()),
        }
    }
}

impl TryFrom<String> for NextHop {
    type Error = NextHopError;

    fn try_from(written: String) -> Result<Self, NextHopError> {
        written.parse()
    }
}

impl From<NextHop> for String {
    fn from(next_hop: NextHop) -> Self {
        next_hop.to_string()
    }
}

/// Whom to tell of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Told {
    Sender,
    Officers,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_hops_read_back_as_written() {
        for written in ["mx", "smtp://mx.example:25", "lmtp://[::1]:24", "maildir:/var/mail/x"] {
            assert_eq!(written.parse::<NextHop>().unwrap().to_string(), written);
        }
        for wrong in ["", "smtp://host", "http://host:25", "maildir:", "smtp://:25"] {
            assert!(wrong.parse::<NextHop>().is_err(), "{wrong:?} was accepted");
        }
    }
}
