//! What was written to a simulated disk, and what of it a power cut leaves.

use std::collections::BTreeMap;

/// What a power cut leaves of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Nothing,
    Everything,
    /// Of octets any sectors or pages, in whatever order they came; of names
    /// any changes.
    Chance,
}

#[derive(Clone)]
pub(super) enum NameChange {
    Set(String, usize),
    Unset(String),
    Rename(String, String, usize),
}

#[derive(Clone, Default)]
pub(super) struct Contents {
    pub(super) now: Vec<u8>,
    pub(super) durable: Vec<u8>,
    pub(super) unsynced: Vec<Edit>,
    /// Up to where octets were written and synced, and not only reserved.
    pub(super) written: usize,
}

#[derive(Clone)]
pub(super) enum Edit {
    Write(usize, Vec<u8>),
    Resize(usize),
}

impl Contents {
    pub(super) fn settle(&mut self) {
        for edit in self.unsynced.drain(..) {
            edit.apply(&mut self.durable);
            if let Edit::Write(offset, octets) = edit {
                self.written = self.written.max(offset + octets.len());
            }
        }
    }

    /// What was written where space is only reserved stays as unsafe as it was.
    pub(super) fn settle_in_place(&mut self) {
        let written = self.written;
        let settled = |edit: &mut Edit| match edit {
            Edit::Write(offset, octets) => *offset + octets.len() <= written,
            Edit::Resize(_) => false,
        };
        for edit in self.unsynced.extract_if(.., settled) {
            edit.apply(&mut self.durable);
        }
    }
}

impl NameChange {
    pub(super) fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Set(name, inode) => {
                names.insert(name.clone(), *inode);
            }
            Self::Unset(name) => {
                names.remove(name);
            }
            Self::Rename(from, to, inode) => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
        }
    }
}

impl Kept {
    pub(super) fn keeps(self, random: &mut fastrand::Rng) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Chance => random.bool(),
        }
    }
}

impl Edit {
    pub(super) fn apply(&self, octets: &mut Vec<u8>) {
        match self {
            Self::Write(offset, written) => {
                let end = offset + written.len();
                octets.resize(octets.len().max(end), 0);
                octets[*offset..end].copy_from_slice(written);
            }
            Self::Resize(length) => octets.resize(*length, 0),
        }
    }

    /// As much of it as has come to the disk.
    pub(super) fn apply_in_part(
        &self,
        octets: &mut Vec<u8>,
        kept: Kept,
        random: &mut fastrand::Rng,
    ) {
        match self {
            Self::Write(offset, written) => {
                let all = kept == Kept::Chance && random.u8(..4) == 0;
                let unit = if random.bool() { SECTOR } else { PAGE };
                for (index, part) in written.chunks(unit).enumerate() {
                    if all || kept.keeps(random) {
                        Self::Write(offset + index * unit, part.to_vec()).apply(octets);
                    }
                }
            }
            Self::Resize(_) if kept.keeps(random) => self.apply(octets),
            Self::Resize(_) => {}
        }
    }
}

const SECTOR: usize = 512;
const PAGE: usize = 4096;
