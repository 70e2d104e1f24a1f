//! How the gateway says no in a session.

use crate::{
    mail::{EnhancedStatusCode, Refusal, Reply},
    smtp::server::Refused,
    spool::SpoolError,
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

/// Where a message could not be made durable. What a disk cannot take now, for
/// want of space or quota, since it is read-only or since it fails, it may take
/// when somebody has seen to it: storage is what is wanting (452, X.3.1). A
/// disk that is merely slow, or a gateway that stops, has a local error
/// (451, X.3.0; RFC 5321 section 4.2.3, RFC 3463 section 3.4).
pub(super) fn not_committed(error: &SpoolError) -> Refused {
    let (code, status, text) = match error {
        SpoolError::TooLarge { .. } => (552, (5, 3, 4), "the message is too large"),
        SpoolError::Unwritable(_) => (554, (5, 3, 0), "the message cannot be stored"),
        SpoolError::Busy
        | SpoolError::Closed
        | SpoolError::Unread { .. }
        | SpoolError::UnknownKey { .. }
        | SpoolError::Damaged(_) => (451, (4, 3, 0), "local error; try again later"),
        SpoolError::Full
        | SpoolError::Failed { .. }
        | SpoolError::InUse(_)
        | SpoolError::Missing(_)
        | SpoolError::Ephemeral { .. }
        | SpoolError::Directory { .. }
        | SpoolError::Version { .. } => (452, (4, 3, 1), "insufficient storage; try again later"),
    };
    refused(Refusal::Spool, code, status, text)
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Arc};

    use super::*;

    #[test]
    fn what_the_disk_cannot_take_now_is_a_matter_of_storage_and_the_rest_is_not() {
        let failed = SpoolError::Failed {
            doing: "sync its segment",
            cause: Arc::new(io::ErrorKind::ReadOnlyFilesystem.into()),
        };
        let too_large = SpoolError::TooLarge { limit: 1, found: 2 };
        let unwritable = serde_json::from_str::<u8>("no").unwrap_err();
        let unwritable = SpoolError::Unwritable(Arc::new(unwritable));
        let replies = [SpoolError::Full, failed, SpoolError::Busy, SpoolError::Closed]
            .map(|error| (error.is_transient(), not_committed(&error).reply.to_string()));
        let storage = (true, "452 4.3.1 insufficient storage; try again later".to_owned());
        let local = (true, "451 4.3.0 local error; try again later".to_owned());
        assert_eq!(replies, [storage.clone(), storage, local.clone(), local]);
        for error in [too_large, unwritable] {
            assert!(!error.is_transient());
            assert_eq!(not_committed(&error).reply.code / 100, 5, "{error}");
        }
    }
}
