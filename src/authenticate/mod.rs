//! Sender authentication: SPF, DKIM, DMARC and ARC on arrival, as facts for
//! policy and as one Authentication-Results field (RFC 8601); and the DNS
//! block lists that know a client.
//!
//! Owns its own bounded DNS. Refuses to take anything unresolved for a pass:
//! what cannot be worked out in time is a temporary error. Stands between the
//! session and `content`, for inbound mail.

mod authenticator;
mod blocklist;
mod chain;
mod evidence;
mod publication;
mod spf;

pub use authenticator::{Authentication, Authenticator, AuthenticatorError, Settings};
pub use blocklist::{Blocklists, Listing};
pub use publication::{Publication, Publications};
