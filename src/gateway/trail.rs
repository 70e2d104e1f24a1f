//! What the audit trail has of a message, for an operator who asks.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    mail::QueueId,
    observe::{Excerpt, Observatory, excerpt},
};

#[derive(Clone)]
pub(super) struct Trail {
    pub(super) observatory: Arc<Observatory>,
    pub(super) folder: PathBuf,
}

impl Trail {
    pub(super) fn of(observatory: &Arc<Observatory>, data_dir: &Path) -> Self {
        Self { observatory: Arc::clone(observatory), folder: data_dir.join("audit") }
    }

    /// Everything told so far is on disk.
    pub(super) async fn settled(&self) {
        let observatory = Arc::clone(&self.observatory);
        // It fails only where it panics, and then the trail's writer says so.
        let _ = tokio::task::spawn_blocking(move || observatory.flush()).await;
    }

    /// Reads every file of the trail, on a thread of its own; why not, in
    /// words for the operator.
    pub(super) async fn excerpt(&self, id: QueueId) -> Result<Excerpt, String> {
        let (observatory, folder) = (Arc::clone(&self.observatory), self.folder.clone());
        let reading = tokio::task::spawn_blocking(move || {
            // What was told a moment ago belongs to the story.
            observatory.flush();
            excerpt(&folder, id)
        });
        match reading.await {
            Ok(read) => read.map_err(|error| error.to_string()),
            Err(panic) => Err(format!("the audit trail was not read: {panic}")),
        }
    }
}
