"""A small file system of a test's own, which can fill up and fail."""

import errno
import fcntl
import os
import struct
import subprocess


class FileSystem:
    """ext4 in a file, on a loop device. Needs root: there is no test of a full
    disk without a disk to fill."""

    def __init__(self, image, path, mebibytes):
        if os.geteuid() != 0:
            raise PermissionError("a file system can be mounted by root alone: run the tests as root")
        self.image, self.path = image, path
        path.mkdir(parents=True)
        with open(image, "wb") as sparse:
            sparse.truncate(mebibytes << 20)
        # Nothing is kept for root, which the gateway is here.
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", self.image], check=True)
        self.mounted = False

    def mount(self):
        subprocess.run(["mount", "-o", "loop", self.image, self.path], check=True)
        self.mounted = True
        return self

    def unmount(self):
        if self.mounted:
            subprocess.run(["umount", self.path], check=True)
            self.mounted = False

    def mount_again(self):
        """As after a failure: the journal is replayed, the rest checked."""
        self.unmount()
        subprocess.run(["e2fsck", "-fp", self.image], check=False, capture_output=True)
        return self.mount()

    def fill(self):
        """All that is left goes to a file that is no mail."""
        with open(self.path / "ballast", "wb", buffering=0) as ballast:
            for size in (1 << 20, 1 << 12):
                try:
                    while ballast.write(bytes(size)):
                        pass
                except OSError as full:
                    if full.errno != errno.ENOSPC:
                        raise

    def make_room(self):
        (self.path / "ballast").unlink()

    def turn_read_only(self):
        """As the kernel does it by itself after an error of the disk."""
        subprocess.run(["mount", "-o", "remount,abort", self.path], check=True)

    def cut_power(self):
        """EXT4_IOC_SHUTDOWN without a flush: what was not synced is gone, and
        from now on every call fails with EIO."""
        directory = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(directory, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(directory)

    def __enter__(self):
        return self.mount()

    def __exit__(self, *_):
        self.unmount()


# _IOR('X', 125, __u32)
SHUTDOWN = 2 << 30 | 4 << 16 | ord("X") << 8 | 125
NO_LOG_FLUSH = 2
