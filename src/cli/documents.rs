//! Reading documents for commands: in a confined process, as the gateway does,
//! since what a person looks at may be the very message that held it up.

use std::cell::Cell;

use super::exit::Failure;
use crate::reader::{Confinement, Pool, Reader, Settings};

/// Starts nothing before there is a document.
pub(super) struct Documents {
    pool: Pool,
    has_warned: Cell<bool>,
}

impl Documents {
    pub(super) fn new() -> Self {
        let settings = Settings {
            processes: 1,
            // A person's own file, where a container allows no more.
            confinement: Confinement::BestEffort,
            ..Settings::default()
        };
        Self { pool: Pool::new(settings, None), has_warned: Cell::new(false) }
    }

    /// For the documents of one message.
    pub(super) fn reader(&self) -> Result<Reader, Failure> {
        self.pool.reader_now().map_err(Failure::unavailable)
    }

    /// What was concluded holds only where all was read that could be.
    pub(super) fn were_read(&self, reader: &Reader) -> Result<(), Failure> {
        if reader.is_unavailable() {
            return Err(Failure::unavailable("documents cannot be read: no reader can be started"));
        }
        let is_loose = reader.confined().is_some_and(|confined| !confined.seccomp);
        if is_loose && !self.has_warned.replace(true) {
            eprintln!(
                "postern: documents were read with limits of memory and time, but unconfined:"
            );
            eprintln!("postern: this system lets no process give up its system calls (seccomp)");
        }
        Ok(())
    }
}
