//! Who asks, as far as it is known; found once a request, by the door.

use std::net::IpAddr;

use axum::{extract::FromRequestParts, http::request::Parts};

use super::{Refusal, sessions::SessionKey};
use crate::mail::Actor;

/// Somebody who is signed in. As an argument of a handler it refuses whoever
/// is not.
#[derive(Clone, Debug)]
pub struct Identity {
    pub actor: Actor,
    /// Where they sit.
    pub address: Option<IpAddr>,
    /// None for a program that shows its certificate with each request.
    pub(super) session: Option<SessionKey>,
    /// What a form must bring back; nobody else's page can know it.
    pub(super) csrf: String,
}

impl<S: Sync> FromRequestParts<S> for Identity {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        parts.extensions.get::<Self>().cloned().ok_or(Refusal::SignInFirst)
    }
}
