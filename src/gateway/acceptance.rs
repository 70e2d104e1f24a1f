//! What is told of a message that is taken: how it arrived, and which copies
//! of it are in the spool. Pure.

use aws_lc_rs::digest;

use super::queue::Entry;
use crate::{
    content::Content,
    mail::{
        Acceptance, Address, CopyKind, Origin, QueueId, QueuedMessage, ReversePath, StoredCopy,
        Submission, Timestamp,
    },
};

/// `entries` are all that is committed with it.
pub(super) fn acceptance(
    id: QueueId,
    now: Timestamp,
    submission: &Submission,
    content: &Content,
    entries: &[Entry],
) -> Acceptance {
    let Origin { listener, direction, client, helo, tls, authenticated, certified, .. } =
        &submission.origin;
    Acceptance {
        id,
        received_at: now,
        listener: listener.clone(),
        direction: *direction,
        client: *client,
        helo: helo.clone(),
        tls: tls.clone(),
        authenticated: authenticated.clone().or(certified.clone()),
        sender: submission.envelope.reverse_path.clone(),
        size: submission.content.len(),
        require_tls: submission.envelope.requests.require_tls,
        message_id_sha256: message_id_sha256(content),
        copies: entries.iter().map(|(message, _)| stored(message, submission)).collect(),
    }
}

fn stored(message: &QueuedMessage, submission: &Submission) -> StoredCopy {
    let asked_for =
        |address: &Address| submission.envelope.recipients.iter().any(|to| to.address == *address);
    let is_ours = message.reverse_path == ReversePath::Null
        && submission.envelope.reverse_path != ReversePath::Null;
    let recipients: Vec<Address> =
        message.recipients.iter().map(|queued| queued.address.clone()).collect();
    StoredCopy {
        id: message.id,
        what: match recipients.iter().any(asked_for) {
            _ if is_ours => CopyKind::Notice,
            true => CopyKind::Copy,
            false => CopyKind::Archive,
        },
        recipients,
        size: message.size,
        redirect: message.redirect.clone(),
        held_by: message.hold.as_ref().map(|hold| hold.rule.clone()),
    }
}

/// Of the field as it stands, without the white space round it.
fn message_id_sha256(content: &Content) -> Option<String> {
    let field = content.fields_named("Message-ID").next()?;
    let id = content.value(field);
    let digest = digest::digest(&digest::SHA256, id.trim().as_bytes());
    Some(digest.as_ref().iter().map(|octet| format!("{octet:02x}")).collect())
}
