//! A reader that somebody else has taken over can open no file, no socket and
//! no spool: the kernel ends it. And each belt holds alone.

use std::{
    env, fs, io,
    net::{TcpListener, TcpStream},
    os::unix::net::UnixListener,
    process::Command,
};

use nix::{
    fcntl::{FcntlArg, fcntl},
    sys::resource::Resource,
};

use super::{actor, is_well, opaque, pool, settings, told};
use crate::{
    mail::{OpaqueReason, ReaderFault, ReaderOutcome},
    reader::confine::{Landlock, limit, restrict_files},
};

/// Ended by the kernel, and the next document is read.
fn is_forbidden(order: &str) {
    let (pool, outcomes) = pool(settings());
    let mut reader = pool.reader_now().unwrap();
    assert_eq!(told(&mut reader, order).opaque, opaque(OpaqueReason::Unreadable), "{order}");
    is_well(&mut reader);
    let failed = ReaderOutcome::Failed(ReaderFault::Forbidden);
    assert_eq!(outcomes.taken(), [failed, ReaderOutcome::Read], "{order}");
}

#[test]
fn a_reader_opens_no_file_and_no_spool() {
    let folder = tempfile::tempdir().unwrap();
    let segment = folder.path().join("spool").join("segment");
    fs::create_dir(folder.path().join("spool")).unwrap();
    fs::write(&segment, b"a message").unwrap();
    for act in ["read", "write", "remove", "list"] {
        is_forbidden(&format!("{act} {}", segment.display()));
    }
    is_forbidden(&format!("create {}", folder.path().join("new").display()));
    is_forbidden("read /proc/self/environ");
    assert_eq!(fs::read(&segment).unwrap(), b"a message");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_reader_opens_no_socket() {
    let folder = tempfile::tempdir().unwrap();
    let control = folder.path().join("control.sock");
    let _control = UnixListener::bind(&control).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    is_forbidden(&format!("connect {}", listener.local_addr().unwrap()));
    is_forbidden("listen 127.0.0.1:0");
    is_forbidden("datagram 127.0.0.1:0");
    is_forbidden(&format!("unix {}", control.display()));
}

#[test]
fn a_reader_starts_nothing_touches_nobody_and_loosens_nothing() {
    is_forbidden("run /bin/true");
    is_forbidden("thread");
    is_forbidden("kill");
    is_forbidden(&format!("signal {}", std::process::id()));
    is_forbidden("limits");
}

#[test]
fn a_reader_keeps_no_descriptor_that_it_was_born_with() {
    let file = fs::File::open("/proc/self/status").unwrap();
    // Such a number no reader has of its own, and it outlives an exec.
    let inherited = fcntl(&file, FcntlArg::F_DUPFD(500)).unwrap();
    let (pool, _) = pool(settings());
    let mut reader = pool.reader_now().unwrap();
    let mut close = |descriptor| told(&mut reader, &format!("close {descriptor}"));
    assert_eq!(close(inherited).readings[0].text, "was closed");
    assert_eq!(close(1).readings[0].text, "was open");
}

#[test]
fn a_reader_has_nothing_of_the_environment_of_the_gateway() {
    assert!(env::var_os("PATH").is_some());
    let (pool, _) = pool(settings());
    let told = told(&mut pool.reader_now().unwrap(), "environment");
    assert_eq!(told.readings[0].text, actor::ROLE);
}

/// Runs `belts` in a process of its own, which no test must be confined in.
fn belt(name: &str) {
    let test = format!("{}::belts", module_path!().trim_start_matches("postern::"));
    let mut alone = Command::new(env::current_exe().unwrap());
    let arguments = [&test, "--exact", "--nocapture", "--test-threads=1"];
    let output = alone.args(arguments).env(BELT, name).output().unwrap();
    assert!(output.status.success(), "{name}: {output:?}");
}

#[test]
fn landlock_alone_opens_no_file_and_no_connection() {
    belt("landlock");
}

#[test]
fn limits_alone_open_no_descriptor() {
    belt("descriptors");
}

/// No test of its own: what `belt` runs.
#[test]
fn belts() {
    let Ok(name) = env::var(BELT) else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let reach_out = || {
        let connected = TcpStream::connect(listener.local_addr().unwrap());
        [fs::read("/etc/passwd").map(drop), connected.map(drop)]
    };
    assert!(reach_out().iter().all(Result::is_ok));
    let refused = match name.as_str() {
        "landlock" => match restrict_files().unwrap() {
            // Kernels may be without it: then nothing is promised.
            Landlock::Absent => return,
            Landlock::Full | Landlock::Partial => io::ErrorKind::PermissionDenied,
        },
        _ => {
            limit(Resource::RLIMIT_NOFILE, 0).unwrap();
            io::Error::from_raw_os_error(libc::EMFILE).kind()
        }
    };
    for reached in reach_out() {
        assert_eq!(reached.unwrap_err().kind(), refused);
    }
}

const BELT: &str = "POSTERN_TEST_BELT";
