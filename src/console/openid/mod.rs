//! Sign-in by OpenID Connect: a provider says who somebody is, and what they
//! are is read from its claims (Core 1.0, the code flow).
//!
//! Each step is bound to the one before it. A sign-in that was begun here is
//! remembered for a few minutes (`pending`), and ends in the browser that
//! began it: `state` says which it is, a cookie that it is the same browser.
//! The code that the provider gives is good only with our `code_verifier`
//! (PKCE, RFC 7636), and its token only with our `nonce`. What the provider
//! says by way of the browser is believed in nothing else.
//!
//! `provider` asks it, by the addresses of its `metadata`; `token` holds an ID
//! token against its keys; `claims` makes an actor of what it says, named
//! `openid:…`, so that nobody of the file of accounts is ever one with
//! somebody of the provider's. `pages` is what browsers see of all this.

mod claims;
mod metadata;
mod pages;
mod pending;
mod provider;
mod token;
mod unproved;

#[cfg(test)]
mod peer;
#[cfg(test)]
mod tests;

pub(super) use claims::is_openid_name;
pub(super) use pages::{OpenIdDoor, PATH, SIGNED_OUT, routes};
