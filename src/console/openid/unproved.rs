//! Why nobody was signed in: what the audit trail has of it, and what whoever
//! wanted to is told. Neither has a word of what was brought, which anybody
//! could have put there.

use axum::http::StatusCode;

use super::{claims::NoAccess, pending::Stray, provider::ProviderError};

/// As the audit trail has it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unproved {
    #[error(transparent)]
    Stray(#[from] Stray),
    #[error("an answer of another provider")]
    OtherProvider,
    #[error("the provider says {}", .0.name())]
    Refused(ProviderRefusal),
    #[error("an answer without a code")]
    NoCode,
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Somebody whom the provider knows, by their name here if they have one.
    #[error("{1}")]
    NoAccess(Option<String>, NoAccess),
}

/// What a provider may say instead of a code (RFC 6749 section 4.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProviderRefusal {
    AccessDenied,
    Unavailable,
    Other,
}

impl Unproved {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Refused(ProviderRefusal::Unavailable) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Provider(error) if !error.is_about_the_answer() => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            _ => StatusCode::FORBIDDEN,
        }
    }

    /// To whoever wanted to sign in.
    pub(super) fn said(&self, label: &str) -> String {
        match self {
            Self::Stray(_) => "That sign-in was begun in another browser, took too long, or was \
                               used before. Start again"
                .to_owned(),
            Self::NoAccess(..) => format!(
                "{label} knows you, but nothing it says of you gives you access here. Ask \
                 whoever looks after the gateway's accounts"
            ),
            Self::Refused(ProviderRefusal::AccessDenied) => format!(
                "You were not signed in: {label} says that you cancelled, or may not use this"
            ),
            Self::Refused(ProviderRefusal::Unavailable) => {
                format!("{label} cannot sign you in right now. Try again in a few minutes")
            }
            Self::Provider(error) if !error.is_about_the_answer() => {
                format!("{label} cannot be reached right now. Try again in a minute")
            }
            Self::Provider(_) | Self::OtherProvider | Self::NoCode => {
                "The answer that your browser brought cannot be trusted, and nobody was signed \
                 in. Start again; if it stays so, tell whoever operates the gateway"
                    .to_owned()
            }
            Self::Refused(ProviderRefusal::Other) => format!(
                "{label} did not sign you in. Start again; if it stays so, tell whoever operates \
                 the gateway"
            ),
        }
    }
}

impl ProviderRefusal {
    pub(super) fn of(error: &str) -> Self {
        match error {
            "access_denied" => Self::AccessDenied,
            "server_error" | "temporarily_unavailable" => Self::Unavailable,
            _ => Self::Other,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::Unavailable => "that it is not available",
            Self::Other => "that it will not",
        }
    }
}
