//! Full disks, broken disks, and waiters who leave.
