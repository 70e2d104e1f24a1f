//! What is done where a next hop does not carry the 8-bit content of a
//! message: it goes in seven bits, signed anew.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    content::Content,
    mail::{
        AddressEncoding, Attempt, Direction, EnhancedStatusCode, FailureReason, Outcome,
        QueuedMessage,
    },
    transform::{Signer, downgrade},
};

/// Whether all that was wrong is that the content is 8-bit. Said by us: a peer
/// that refuses content of its own accord has its reasons.
pub(super) fn is_for_eight_bits(attempt: &Attempt) -> bool {
    let is_for_eight_bits = |outcome: &Outcome| match outcome {
        Outcome::Permanent(failure) => {
            failure.reason == FailureReason::Extension
                && failure.reply.status() == EnhancedStatusCode(5, 6, 3)
        }
        _ => false,
    };
    let mut outcomes = attempt.outcomes.iter().map(|(_, outcome)| outcome).peekable();
    outcomes.peek().is_some() && outcomes.all(is_for_eight_bits)
}

/// The content as it can go in seven bits; none where it cannot. An address or
/// a header announced as UTF-8 cannot be said in ASCII (RFC 6531 section 3.2).
pub(super) async fn in_seven_bits(
    message: &QueuedMessage,
    content: &Bytes,
    signer: &Arc<Signer>,
) -> Option<Bytes> {
    let (id, encoding) = (message.id, message.encoding);
    let signs = message.direction == Direction::Outbound;
    let domain = message.reverse_path.domain().filter(|_| signs).cloned();
    let (content, signer) = (content.clone(), Arc::clone(signer));
    let work = move || {
        let content = Content::parse(content);
        let header = content.parts().first().map(|whole| whole.header.clone())?;
        if encoding == AddressEncoding::Utf8 && !content.raw().get(header)?.is_ascii() {
            return None;
        }
        let mut rewritten = downgrade(&content)?;
        if let Some(Err(error)) = domain.map(|domain| rewritten.sign(&signer, &domain)) {
            tracing::warn!(%id, %error, "goes unsigned");
        }
        Some(rewritten.into_bytes())
    };
    let downgraded = tokio::task::spawn_blocking(work).await.ok()??;
    tracing::info!(%id, "goes in seven bits: the next hop does not offer 8BITMIME");
    Some(downgraded)
}
