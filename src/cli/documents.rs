//! Reading documents for commands: in a confined process, as the gateway does,
//! since what a person looks at may be the very message that held it up.

use super::exit::Failure;
use crate::reader::{Confinement, Pool, Reader, Settings};

/// Starts nothing before there is a document.
pub(super) struct Documents(Pool);

impl Documents {
    pub(super) fn new() -> Self {
        let settings = Settings {
            processes: 1,
            // A person's own file, where a container allows no more.
            confinement: Confinement::BestEffort,
            ..Settings::default()
        };
        Self(Pool::new(settings, None))
    }

    /// For the documents of one message.
    pub(super) fn reader(&self) -> Result<Reader, Failure> {
        self.0.reader_now().map_err(Failure::unavailable)
    }
}

/// What was concluded holds only where all could be read that has a reader.
pub(super) fn could_read(reader: &Reader) -> Result<(), Failure> {
    match reader.is_unavailable() {
        true => Err(Failure::unavailable("documents cannot be read: no reader can be started")),
        false => Ok(()),
    }
}
