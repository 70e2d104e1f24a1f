//! Looking at a message anew: for whoever judges what is held, and for whoever
//! asks what would become of one. It is read and classified as it was when it
//! came in, documents by confined readers, by the policy that decides now.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::{facts::classify, policies::Policies, reception::Nobody};
use crate::{
    content::{Content, Extract},
    policy::Policy,
    quarantine::{Judged, MessageView, Sight},
    reader::{Busy, Pool},
};

/// Cheap to clone. Never on an IO thread, and for few people at a time: mail
/// goes first.
#[derive(Clone)]
pub(super) struct Viewer {
    policies: Arc<Policies>,
    readers: Pool,
    places: Arc<Semaphore>,
}

/// A fault of ours: nothing is shown of what could not be read as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unseen {
    #[error("all readers of documents are busy; try again in a minute")]
    Busy,
    #[error("documents cannot be read now")]
    NoReader,
    /// The cause is in the log.
    #[error("the message could not be read")]
    Failed,
}

impl Viewer {
    pub(super) fn new(policies: Arc<Policies>, readers: Pool) -> Self {
        Self { policies, readers, places: Arc::new(Semaphore::new(PLACES)) }
    }

    /// What may be seen of a message, by the policy that decides now.
    pub(super) async fn view(&self, raw: Bytes, sight: Sight) -> Result<MessageView, Unseen> {
        let policy = self.policies.live();
        self.read(raw, move |content, extract| viewed(&policy, &content, extract, sight)).await
    }

    /// Gives what could be read of a message to `then`, on a thread that may be
    /// kept. Cancelling leaves that to end by itself.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        raw: Bytes,
        then: impl FnOnce(Content, &Extract) -> T + Send + 'static,
    ) -> Result<T, Unseen> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| Unseen::Busy)?;
        let opened = elsewhere(move || {
            let content = Content::parse(raw);
            let opened = content.open();
            (content, opened)
        });
        let (content, opened) = opened.await?;
        if !opened.has_documents() {
            return elsewhere(move || {
                let _place = place;
                then(content, &opened.read(&mut Nobody))
            })
            .await;
        }
        let mut reader = self.readers.reader().await.map_err(|Busy| Unseen::Busy)?;
        elsewhere(move || {
            let _place = place;
            let extract = opened.read(&mut reader);
            match reader.is_unavailable() {
                true => Err(Unseen::NoReader),
                false => Ok(then(content, &extract)),
            }
        })
        .await?
    }
}

/// By this policy.
pub(super) fn viewed(
    policy: &Policy,
    content: &Content,
    extract: &Extract,
    sight: Sight,
) -> MessageView {
    let classification = classify(policy, extract);
    let left_out = policy.left_out(&extract.readings);
    let judged = Judged { content, extract, classification: &classification, left_out: &left_out };
    MessageView::of(judged, sight)
}

async fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Unseen> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a message could not be looked at");
        Unseen::Failed
    })
}

/// Messages looked at at a time.
const PLACES: usize = 4;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{classify::TestRange, config::read_policies, content::InPlace, policy::Context};

    #[test]
    fn a_message_is_shown_by_the_policy_that_decides() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let today = jiff::civil::date(2026, 11, 23);
        let context = Context { today, local_domains: &[], test_range: Some(TestRange::Count) };
        let policy = Policy::compile(&read_policies(&folder).unwrap(), &context).0.unwrap();
        let content = Content::parse(Bytes::from_static(
            b"Subject: Letter\r\n\r\nRe: Mrs Mavis Sykes, NHS No 999 000 0018\r\n",
        ));
        let extract = content.extract(&mut InPlace::default());
        let text = |sight| -> String {
            let view = viewed(&policy, &content, &extract, sight);
            view.parts.iter().flat_map(|part| &part.text).map(|span| span.text.as_str()).collect()
        };
        assert!(text(Sight::Revealed).contains("Sykes, NHS No 999 000 0018"));
        assert!(!text(Sight::Masked).contains("Sykes") && !text(Sight::Masked).contains("000"));
    }
}
