//! What a source says of an address, and the port by which the next hop is
//! asked.

use std::{future::Future, pin::Pin};

use crate::mail::Address;

/// What asking a source has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Known,
    Unknown,
    /// It could not be asked, or gave no answer that means yes or no; the
    /// reason is for the log.
    Unavailable(String),
}

/// Asks the next hop by MAIL and RCPT whether it would take mail for a
/// recipient, and hands no message over.
///
/// A reply of 5xx to RCPT is no, a 2xx is yes; everything else, a failed
/// session included, is [`Found::Unavailable`]. Dropping the future ends the
/// asking.
pub trait Prober: Send + Sync {
    fn probe<'a>(&'a self, recipient: &'a Address) -> Probing<'a>;
}

pub type Probing<'a> = Pin<Box<dyn Future<Output = Found> + Send + 'a>>;
