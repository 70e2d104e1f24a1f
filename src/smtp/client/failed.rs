//! How a session comes to nothing, and what that means for a message.

use super::authentication::{Mechanism, codes};
use crate::mail::{EnhancedStatusCode, Failure, FailureReason, Reply};

/// Why a session failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Failed {
    /// The greeting or the reply to EHLO was no welcome.
    #[error("the next hop does not take mail from us: {0}")]
    Refused(Reply),
    #[error("TLS is required and the next hop does not offer STARTTLS")]
    TlsNotOffered,
    #[error("TLS is required and the next hop refused STARTTLS: {0}")]
    TlsRefused(Reply),
    #[error("something stood in clear between the reply to STARTTLS and the handshake")]
    Injected,
    #[error("credentials are not shown without TLS")]
    CredentialsInClear,
    #[error("the credentials could not be read: {0}")]
    CredentialsUnreadable(String),
    #[error("the next hop offers no way to authenticate that is known here")]
    NoMechanism,
    #[error("the next hop did not take our credentials ({mechanism}): {}", codes(*.code, *.status))]
    NotAuthenticated { mechanism: Mechanism, code: u16, status: Option<EnhancedStatusCode> },
    #[error("the next hop has not shown that it knows our password")]
    Unproven,
    #[error("the next hop said something that is no reply: {0}")]
    NoReply(String),
    #[error("the next hop gave a reply that answers nothing: {0}")]
    OutOfTurn(Reply),
    #[error("the next hop spoke before it was asked")]
    Unsolicited,
    #[error("{0}")]
    Lost(Lost),
}

/// How a connection came to its end before the dialogue did.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    #[error("the next hop closed the connection")]
    Closed,
    #[error("the next hop did not answer in time")]
    TimedOut,
    #[error("the connection was lost: {0}")]
    Broken(String),
    #[error("the TLS handshake failed: {0}")]
    Handshake(String),
}

impl Failed {
    /// Whether it was TLS that failed: without it the session might have gone
    /// on.
    pub const fn is_tls(&self) -> bool {
        matches!(
            self,
            Self::TlsNotOffered
                | Self::TlsRefused(_)
                | Self::Injected
                | Self::Lost(Lost::Handshake(_))
        )
    }

    /// Whether the operator's credentials, or the next hop's idea of them,
    /// must be mended: mail waits meanwhile.
    pub const fn is_authentication(&self) -> bool {
        matches!(
            self,
            Self::CredentialsInClear
                | Self::CredentialsUnreadable(_)
                | Self::NoMechanism
                | Self::NotAuthenticated { .. }
                | Self::Unproven
        )
    }

    /// As the outcome of a recipient: the peer's own reply where there is one.
    pub fn failure(&self) -> Failure {
        let ours =
            |reason, status| Failure { reason, reply: Reply::new(451, status, self.to_string()) };
        match self {
            Self::Refused(reply) => Failure { reason: FailureReason::Peer, reply: reply.clone() },
            failed if failed.is_tls() => ours(FailureReason::Tls, NO_ENCRYPTION),
            failed if failed.is_authentication() => {
                ours(FailureReason::Authentication, NO_AUTHENTICATION)
            }
            Self::Lost(_) => ours(FailureReason::Connection, BAD_CONNECTION),
            _ => ours(FailureReason::Connection, BAD_PROTOCOL),
        }
    }
}

const BAD_CONNECTION: EnhancedStatusCode = EnhancedStatusCode(4, 4, 2);
const BAD_PROTOCOL: EnhancedStatusCode = EnhancedStatusCode(4, 5, 0);
/// RFC 4954 section 6: a temporary failure of authentication.
const NO_AUTHENTICATION: EnhancedStatusCode = EnhancedStatusCode(4, 7, 0);
const NO_ENCRYPTION: EnhancedStatusCode = EnhancedStatusCode(4, 7, 5);
