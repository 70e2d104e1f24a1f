//! How the gateway says no in a session.

use crate::{
    mail::{EnhancedStatusCode, Refusal, Reply},
    smtp::server::Refused,
};

pub(super) fn refused(
    reason: Refusal,
    code: u16,
    (class, subject, detail): (u8, u16, u16),
    text: &str,
) -> Refused {
    let reply = Reply::new(code, EnhancedStatusCode(class, subject, detail), text);
    Refused { reason, reply }
}
