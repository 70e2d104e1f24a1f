//! Why a request is not answered as it was meant. A handler gives one of
//! these; the door makes a page of it, or JSON for the API.

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::DeskError;

/// Its words are for whoever asked: plain, and they give nothing away.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("Sign in first.")]
    SignInFirst,
    #[error("Your roles do not allow this. Whoever looks after your account can change them.")]
    Denied,
    #[error(
        "There is nothing here, or nothing that you may see. Check the address, or go back to \
         the overview."
    )]
    NotFound,
    /// It makes no sense; why not, in a sentence.
    #[error("{0}")]
    Unfit(String),
    /// It did, but no longer does.
    #[error("{0}")]
    Conflict(String),
    #[error("That is larger than may be sent here.")]
    TooLarge,
    #[error("That came too often. Wait a minute, then try again.")]
    TooOften,
    #[error(
        "This did not come from a page of this console, or the page was too old. Nothing was \
         done. Go back, load the page again and try once more."
    )]
    NotOurForm,
    #[error("This console is not called that. Use the address that you were given.")]
    NotOurName,
    /// A fault of ours; the cause is for the log.
    #[error(
        "Something went wrong on our side. Nothing is lost. Try again; if it stays so, tell \
         whoever operates the gateway."
    )]
    Failed(String),
    /// What axum itself refuses: a method, a media type, a field that cannot
    /// be read.
    #[error("{1}")]
    Other(StatusCode, String),
}

impl Refusal {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::SignInFirst => StatusCode::UNAUTHORIZED,
            Self::Denied | Self::NotOurForm => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Unfit(_) => StatusCode::BAD_REQUEST,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooOften => StatusCode::TOO_MANY_REQUESTS,
            Self::NotOurName => StatusCode::MISDIRECTED_REQUEST,
            Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Other(status, _) => *status,
        }
    }

    /// A page's heading.
    pub fn title(&self) -> &'static str {
        match self {
            Self::SignInFirst => "Sign in first",
            Self::Denied => "You may not do this",
            Self::NotFound => "Page not found",
            Self::Unfit(_) | Self::TooLarge | Self::Other(..) => "That cannot be done",
            Self::Conflict(_) => "That has changed meanwhile",
            Self::TooOften => "Too many requests",
            Self::NotOurForm => "That was not sent from here",
            Self::NotOurName => "Not the address of this console",
            Self::Failed(_) => "Sorry, there is a problem",
        }
    }
}

impl IntoResponse for Refusal {
    /// Bare: the door dresses it.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<DeskError> for Refusal {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::Unknown => Self::NotFound,
            DeskError::Denied => Self::Denied,
            DeskError::Refused(why) => Self::Unfit(why),
            DeskError::Failed(cause) => Self::Failed(cause),
        }
    }
}

impl From<askama::Error> for Refusal {
    fn from(error: askama::Error) -> Self {
        Self::Failed(error.to_string())
    }
}
