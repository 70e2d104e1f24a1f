//! The system calls a reader needs: to read and write what it has open, to
//! have memory, to end. Whatever else it asks for ends it.
//!
//! Nothing here can name a file, make a descriptor, start a program or a
//! process, touch another process, or make memory executable.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp,
    SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

/// For the process that asks.
pub(super) fn filter() -> Result<BpfProgram, BackendError> {
    let architecture: TargetArch = std::env::consts::ARCH.try_into()?;
    let mut rules: BTreeMap<_, _> = HARMLESS.iter().map(|&call| (call, Vec::new())).collect();
    let executable = u64::from(libc::PROT_EXEC.unsigned_abs());
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.insert(call, vec![where_argument(2, SeccompCmpOp::MaskedEq(executable), 0)?]);
    }
    // What `abort` does to itself.
    let own = u64::from(std::process::id());
    rules.insert(libc::SYS_tgkill, vec![where_argument(0, SeccompCmpOp::Eq, own)?]);
    // A debug build looks whether a descriptor is open before it closes it.
    let asks = u64::from(libc::F_GETFD.unsigned_abs());
    rules.insert(libc::SYS_fcntl, vec![where_argument(1, SeccompCmpOp::Eq, asks)?]);
    // The allocator names its memory.
    let name = u64::from(libc::PR_SET_VMA.unsigned_abs());
    rules.insert(libc::SYS_prctl, vec![where_argument(0, SeccompCmpOp::Eq, name)?]);
    let (otherwise, allowed) = (SeccompAction::KillProcess, SeccompAction::Allow);
    SeccompFilter::new(rules, otherwise, allowed, architecture)?.try_into()
}

fn where_argument(index: u8, is: SeccompCmpOp, value: u64) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(index, Dword, is, value)?])
}

const HARMLESS: [libc::c_long; 28] = [
    // What is open already.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_close,
    // Memory.
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    // Time, chance, whose turn it is.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_futex,
    libc::SYS_getcpu,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_membarrier,
    // Its own signals and its end.
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_restart_syscall,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    libc::SYS_exit,
    libc::SYS_exit_group,
];
