//! What the spool's directory stands on: a 250 promises that the message
//! outlives the machine's next start, which memory and a container's writable
//! layer do not.

use std::path::Path;

use nix::{
    errno::Errno,
    sys::statfs::{FsType, OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC, statfs},
};

/// What to do with a directory whose file system does not last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ephemeral {
    #[default]
    Refuse,
    /// For demonstrations and tests.
    Allow,
}

/// How a file system is called that does not last, and why it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fleeting {
    pub(super) name: &'static str,
    pub(super) why: &'static str,
}

/// None where what is written lasts, as far as its file system's type says.
pub(super) fn fleeting(directory: &Path) -> Result<Option<Fleeting>, Errno> {
    statfs(directory).map(|found| judge(found.filesystem_type()))
}

fn judge(found: FsType) -> Option<Fleeting> {
    let memory = "memory, empty after the machine's next start";
    let layer = "a container's writable layer, gone with the container";
    let known = [
        (TMPFS_MAGIC, "tmpfs", memory),
        (RAMFS_MAGIC, "ramfs", memory),
        (OVERLAYFS_SUPER_MAGIC, "overlay", layer),
    ];
    let found = known.into_iter().find(|(magic, ..)| *magic == found);
    found.map(|(_, name, why)| Fleeting { name, why })
}

/// `include/uapi/linux/magic.h`.
const RAMFS_MAGIC: FsType = FsType(0x8584_58f6);

#[cfg(test)]
mod tests {
    use nix::sys::statfs::{BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, NFS_SUPER_MAGIC, XFS_SUPER_MAGIC};

    use super::*;

    #[test]
    fn memory_and_container_layers_do_not_last() {
        let name = |found| judge(found).map(|fleeting| fleeting.name);
        assert_eq!(name(TMPFS_MAGIC), Some("tmpfs"));
        assert_eq!(name(RAMFS_MAGIC), Some("ramfs"));
        assert_eq!(name(OVERLAYFS_SUPER_MAGIC), Some("overlay"));
    }

    #[test]
    fn disks_last() {
        for found in [EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, NFS_SUPER_MAGIC] {
            assert_eq!(judge(found), None);
        }
    }

    #[test]
    fn what_is_mounted_on_this_machine_is_told_apart() {
        assert_eq!(fleeting(Path::new("/proc")).unwrap(), None);
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
        let mut memory = mounts.lines().filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            Some((words.next()?, words.next()?))
        });
        if let Some((path, _)) = memory.find(|(_, kind)| *kind == "tmpfs") {
            assert_eq!(fleeting(Path::new(path)).unwrap().map(|found| found.name), Some("tmpfs"));
        }
    }
}
