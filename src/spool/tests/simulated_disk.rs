//! A disk in memory that knows what is durable and what only seems to be.
//!
//! Every call that changes something is counted, and one of them, or all from
//! one on, can be made to fail. A power cut keeps what was synced, and of the
//! rest whatever chance keeps, sector by sector and in any order. After a sync
//! that failed, what it should have written is lost or not, for good, though
//! it reads back: as Linux does it.

use std::{
    collections::BTreeMap,
    io::{self, IoSlice},
    sync::{Arc, Mutex, MutexGuard},
};

use nix::errno::Errno;

use super::{
    super::disk::{Disk, DiskFile},
    volatile::{Contents, Edit, Kept, NameChange},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Once.
    Error(Errno),
    /// From then on.
    Broken(Errno),
    /// A write stops half-way, and goes on when asked again.
    Short,
    PowerCut,
}

/// The calls that change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    Create,
    Rename,
    Unlink,
    SyncNames,
    Write,
    Allocate,
    Truncate,
    Sync,
}

#[derive(Clone)]
pub(super) struct SimulatedDisk {
    state: Arc<Mutex<State>>,
    /// Locked by a test to hold every sync up.
    pub(super) gate: Arc<Mutex<()>>,
}

struct State {
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    unsynced_names: Vec<NameChange>,
    files: Vec<Contents>,
    capacity: u64,
    calls: u64,
    plan: Option<(u64, Fault)>,
    /// The call that the plan was for.
    struck: Option<Operation>,
    powerless: bool,
    unreadable: Vec<(u64, u64)>,
    random: fastrand::Rng,
}

struct SimulatedFile {
    disk: SimulatedDisk,
    inode: usize,
}

impl SimulatedDisk {
    pub(super) fn new(seed: u64) -> Self {
        let state = State {
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            unsynced_names: Vec::new(),
            files: Vec::new(),
            capacity: u64::MAX,
            calls: 0,
            plan: None,
            struck: None,
            powerless: false,
            unreadable: Vec::new(),
            random: fastrand::Rng::with_seed(seed),
        };
        Self { state: Arc::new(Mutex::new(state)), gate: Arc::default() }
    }

    pub(super) fn port(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }

    /// Has the call after `calls` more fail.
    pub(super) fn fail_after(&self, calls: u64, fault: Fault) {
        let mut state = self.state();
        state.plan = Some((state.calls + 1 + calls, fault));
    }

    pub(super) fn mend(&self) {
        self.state().plan = None;
    }

    pub(super) fn set_capacity(&self, octets: u64) {
        self.state().capacity = octets;
    }

    pub(super) fn calls(&self) -> u64 {
        self.state().calls
    }

    pub(super) fn is_powerless(&self) -> bool {
        self.state().powerless
    }

    /// Nothing changes any more.
    pub(super) fn cut_power(&self) {
        self.state().powerless = true;
    }

    /// Which call was made to fail, if it was reached.
    pub(super) fn struck(&self) -> Option<Operation> {
        self.state().struck
    }

    /// What a power cut at this moment leaves.
    pub(super) fn after_power_cut(&self, seed: u64) -> Self {
        self.after_power_cut_keeping(Kept::Chance, Kept::Chance, seed)
    }

    pub(super) fn after_power_cut_keeping(&self, octets: Kept, names: Kept, seed: u64) -> Self {
        self.cut_power();
        let state = self.state();
        let mut random = fastrand::Rng::with_seed(seed);
        let mut left_names = state.durable_names.clone();
        for change in &state.unsynced_names {
            if names.keeps(&mut random) {
                change.apply(&mut left_names);
            }
        }
        let names = left_names;
        let kept = |contents: &Contents, random: &mut fastrand::Rng| {
            let mut durable = contents.durable.clone();
            for edit in &contents.unsynced {
                edit.apply_in_part(&mut durable, octets, random);
            }
            Contents { now: durable.clone(), durable, ..Contents::default() }
        };
        let after = Self::new(seed);
        let mut left = after.state();
        left.files = state.files.iter().map(|contents| kept(contents, &mut random)).collect();
        left.names = names.clone();
        left.durable_names = names;
        left.capacity = state.capacity;
        drop(left);
        after
    }

    /// What a gateway that was killed leaves: the system goes on.
    pub(super) fn after_kill(&self) -> Self {
        self.cut_power();
        let mut state = self.state();
        let after = Self::new(0);
        let mut left = after.state();
        left.files = std::mem::take(&mut state.files);
        left.names = std::mem::take(&mut state.names);
        left.durable_names = std::mem::take(&mut state.durable_names);
        left.unsynced_names = std::mem::take(&mut state.unsynced_names);
        left.capacity = state.capacity;
        drop(left);
        after
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.state().names.keys().cloned().collect()
    }

    /// Changes one octet behind everybody's back.
    pub(super) fn flip(&self, name: &str, offset: usize) {
        let mut state = self.state();
        let inode = state.names[name];
        let contents = &mut state.files[inode];
        contents.now[offset] ^= 0x55;
        contents.durable[offset] ^= 0x55;
    }

    /// Puts octets there behind everybody's back.
    pub(super) fn overwrite(&self, name: &str, offset: usize, octets: &[u8]) {
        let mut state = self.state();
        let inode = state.names[name];
        let Contents { now, durable, .. } = &mut state.files[inode];
        for contents in [now, durable] {
            contents.resize(contents.len().max(offset + octets.len()), 0);
            contents[offset..offset + octets.len()].copy_from_slice(octets);
        }
    }

    pub(super) fn octets(&self, name: &str) -> Vec<u8> {
        let state = self.state();
        state.files[state.names[name]].now.clone()
    }

    /// Has every read that touches these octets of any file fail.
    pub(super) fn make_unreadable(&self, from: u64, to: u64) {
        self.state().unreadable = vec![(from, to)];
    }

    pub(super) fn make_readable(&self) {
        self.state().unreadable.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Counts a call that changes something, and fails it if that is planned.
    fn call(&self, operation: Operation) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        if state.powerless {
            return Err(Errno::EIO.into());
        }
        state.calls += 1;
        if state.plan.is_some_and(|(at, _)| at == state.calls) {
            state.struck = Some(operation);
        }
        match state.plan {
            Some((at, Fault::Error(errno))) if at == state.calls => Err(errno.into()),
            Some((at, Fault::Broken(errno))) if at <= state.calls => Err(errno.into()),
            Some((at, Fault::PowerCut)) if at == state.calls => {
                state.powerless = true;
                Err(Errno::EIO.into())
            }
            _ => Ok(state),
        }
    }

    fn file(&self, inode: usize) -> Arc<dyn DiskFile> {
        Arc::new(SimulatedFile { disk: self.clone(), inode })
    }
}

impl State {
    fn change_names(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.unsynced_names.push(change);
    }

    fn short_now(&self) -> bool {
        self.plan == Some((self.calls, Fault::Short))
    }

    fn check_space(&self, inode: usize, end: usize) -> io::Result<()> {
        let grows = end.saturating_sub(self.files[inode].now.len());
        let used: usize = self.names.values().map(|&inode| self.files[inode].now.len()).sum();
        if (used + grows) as u64 > self.capacity && grows > 0 {
            return Err(Errno::ENOSPC.into());
        }
        Ok(())
    }

    fn edit(&mut self, inode: usize, edit: Edit) {
        let contents = &mut self.files[inode];
        edit.apply(&mut contents.now);
        contents.unsynced.push(edit);
    }
}

impl Disk for SimulatedDisk {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(Self::names(self))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.call(Operation::Create)?;
        state.files.push(Contents::default());
        let inode = state.files.len() - 1;
        state.change_names(NameChange::Set(name.to_owned(), inode));
        Ok(self.file(inode))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let inode = self.state().names.get(name).copied();
        inode.map(|inode| self.file(inode)).ok_or_else(|| Errno::ENOENT.into())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.call(Operation::Rename)?;
        let inode = *state.names.get(from).ok_or(Errno::ENOENT)?;
        state.change_names(NameChange::Rename(from.to_owned(), to.to_owned(), inode));
        Ok(())
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        let mut state = self.call(Operation::Unlink)?;
        if !state.names.contains_key(name) {
            return Err(Errno::ENOENT.into());
        }
        state.change_names(NameChange::Unset(name.to_owned()));
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.call(Operation::SyncNames)?;
        state.durable_names = state.names.clone();
        state.unsynced_names.clear();
        Ok(())
    }
}

impl DiskFile for SimulatedFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.state().files[self.inode].now.len() as u64)
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.state();
        let end = offset + buffer.len() as u64;
        if state.unreadable.iter().any(|&(from, to)| offset < to && from < end) {
            return Err(Errno::EIO.into());
        }
        let octets = state.files[self.inode].now.get(offset as usize..).unwrap_or_default();
        let read = octets.len().min(buffer.len());
        buffer[..read].copy_from_slice(&octets[..read]);
        Ok(read)
    }

    fn write(&self, slices: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        let octets = slices.iter().map(|slice| &slice[..]).collect::<Vec<_>>().concat();
        let result = self.disk.call(Operation::Write);
        // What fails, or is cut off, may have arrived in part.
        let (mut state, written, result) = match result {
            Ok(state) if state.short_now() => (state, octets.len().div_ceil(2), Ok(())),
            Ok(state) => (state, octets.len(), Ok(())),
            Err(error) => {
                let mut state = self.disk.state();
                let part = state.random.usize(0..=octets.len());
                (state, part, Err(error))
            }
        };
        let octets = octets[..written].to_vec();
        state.check_space(self.inode, offset as usize + written)?;
        state.edit(self.inode, Edit::Write(offset as usize, octets));
        result.map(|()| written)
    }

    fn allocate(&self, octets: u64) -> io::Result<()> {
        let mut state = self.disk.call(Operation::Allocate)?;
        let length = (octets as usize).max(state.files[self.inode].now.len());
        state.check_space(self.inode, length)?;
        state.edit(self.inode, Edit::Resize(length));
        Ok(())
    }

    fn truncate(&self, octets: u64) -> io::Result<()> {
        let mut state = self.disk.call(Operation::Truncate)?;
        state.edit(self.inode, Edit::Resize(octets as usize));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_edits(Contents::settle)
    }

    fn sync_in_place(&self) -> io::Result<()> {
        self.sync_edits(Contents::settle_in_place)
    }
}

impl SimulatedFile {
    fn sync_edits(&self, settle: fn(&mut Contents)) -> io::Result<()> {
        let held_up = self.disk.gate.lock();
        drop(held_up);
        match self.disk.call(Operation::Sync) {
            Ok(mut state) => {
                settle(&mut state.files[self.inode]);
                Ok(())
            }
            Err(error) => {
                let mut state = self.disk.state();
                if !state.powerless {
                    let State { files, random, .. } = &mut *state;
                    let Contents { durable, unsynced, .. } = &mut files[self.inode];
                    unsynced
                        .drain(..)
                        .for_each(|edit| edit.apply_in_part(durable, Kept::Chance, random));
                }
                Err(error)
            }
        }
    }
}
