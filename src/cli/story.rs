//! Where commands have a message's story from: the running gateway, or the
//! files of an audit trail with no gateway at all.

use std::path::Path;

use super::{control::asked, exit::Failure};
use crate::{
    gateway::{Answer, Request},
    mail::{QueueId, QueuedMessage},
    observe::excerpt,
    report::story::Line,
};

pub(super) struct Story {
    pub(super) lines: Vec<Line>,
    pub(super) remarks: Vec<String>,
    /// The message, where it is still in the queue.
    pub(super) queued: Option<Box<QueuedMessage>>,
}

impl Story {
    /// From `folder` where one is given. An id nobody knows is a failure.
    pub(super) fn find(
        id: QueueId,
        control: &Path,
        folder: Option<&Path>,
    ) -> Result<Self, Failure> {
        let (lines, remarks, queued) = match folder {
            Some(folder) => {
                let excerpt = excerpt(folder, id).map_err(Failure::no_input)?;
                (excerpt.lines, excerpt.remarks, None)
            }
            None => match asked(control, &Request::Trace { id })? {
                Answer::Trail { lines, remarks, queued } => (lines, remarks, queued),
                _ => return Err(Failure::unavailable("the gateway gave another answer")),
            },
        };
        if lines.is_empty() && queued.is_none() {
            return Err(Failure::no_input(format!(
                "there is nothing of {id}, neither in the queue nor in the audit trail"
            )));
        }
        let mut lines: Vec<Line> = lines.into_iter().map(Line::read).collect();
        // Rotation can leave files out of order; the moments are not.
        lines.sort_by(|one, other| one.at.cmp(&other.at));
        Ok(Self { lines, remarks, queued })
    }
}
