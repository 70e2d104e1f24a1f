//! The reader of these tests: this binary, run again for one of its tests. It
//! is confined as any reader is, and does as the document says.

use std::{
    env,
    fs::{self, File, OpenOptions},
    hint::black_box,
    io,
    net::{TcpListener, TcpStream, UdpSocket},
    os::{fd::AsFd, unix::net::UnixStream},
    process::Command,
    thread,
    time::Duration,
};

use bytes::Bytes;
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, close, getppid, write},
};

use crate::{
    content::{Document, Extract, File as Found, Limits, OffsetMap, Reading, ReadingKind},
    reader::{
        Confined, Confinement, Program, Terms,
        attend::{Hello, attend_with},
        frame::send_head,
    },
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Does what documents say.
    Obedient,
    /// Says hello and hears nothing after.
    Deaf,
    /// Says that it cannot be confined.
    Loose,
}

pub(super) fn program(role: Role) -> Program {
    let name = format!("{}::plays", module_path!().trim_start_matches("postern::"));
    // What the pool adds is for `postern reader`: here they are names of no test.
    let arguments = [&name, "--exact", "--nocapture", "--test-threads=1", "--"];
    Program {
        path: env::current_exe().unwrap(),
        arguments: arguments.map(Into::into).into(),
        environment: vec![(ROLE.into(), format!("{role:?}").into())],
    }
}

/// No test: the part of the reader, when another test starts it for that.
#[test]
fn plays() {
    let Ok(role) = env::var(ROLE) else { return };
    let terms = Terms {
        memory: 256 << 20,
        processor_time: Duration::from_secs(100),
        confinement: Confinement::Required,
    };
    match role.as_str() {
        "Obedient" => attend_with(&terms, obey).unwrap(),
        "Deaf" => {
            say(&Hello::Confined(Confined::default()));
            thread::sleep(Duration::from_secs(1_000));
        }
        _ => say(&Hello::Unconfined("the kernel says no".to_owned())),
    }
}

fn say(hello: &Hello) {
    let mut head = Vec::new();
    send_head(&mut head, hello).unwrap();
    babble(&head);
}

/// On the socket, past the protocol.
fn babble(octets: &[u8]) {
    write(io::stdin().as_fd(), octets).unwrap();
}

fn obey(document: &Document, limits: Limits) -> Extract {
    let order = String::from_utf8_lossy(&document.octets).into_owned();
    let (act, rest) = order.split_once(' ').unwrap_or((&order, ""));
    match act {
        "close" => {
            let closed = close(rest.parse::<i32>().unwrap());
            return text(&document.path, if closed.is_ok() { "was open" } else { "was closed" });
        }
        "environment" => {
            let names = env::vars_os().map(|(name, _)| name.into_string().unwrap());
            return text(&document.path, &names.collect::<Vec<_>>().join(" "));
        }
        "who" => return text(&document.path, &std::process::id().to_string()),
        "elsewhere" => return text("1", "this is of another part"),
        "nowhere" => return text("", "this is of no part"),
        "twice" => babble(b"\0\0\0\x28{\"readings\":[],\"opaque\":[],\"files\":[]}"),
        "garbage" => babble(b"HTTP/1.1 200 OK\r\n\r\n"),
        "flood" => loop {
            babble(&[0; 4096]);
        },
        "trickle" => trickle(),
        "much" => return much(document, limits),
        "files" => return files(document),
        "echo" => {}
        _ => fall(act, rest),
    }
    text(&document.path, &order)
}

/// What a document could make of a reader.
fn fall(act: &str, rest: &str) {
    match act {
        "abort" => std::process::abort(),
        "panic" => panic!("Jo Bloggs, 999 000 0018"),
        "exit" => std::process::exit(0),
        "recurse" => _ = black_box(recurse(1)),
        "allocate" => allocate(),
        "spin" => loop {
            std::hint::spin_loop();
        },
        _ => reach_out(act, rest),
    }
}

/// What none of them may.
fn reach_out(act: &str, rest: &str) {
    match act {
        "read" => drop(File::open(rest)),
        "write" => drop(OpenOptions::new().write(true).open(rest)),
        "create" => drop(File::create(rest)),
        "remove" => drop(fs::remove_file(rest)),
        "list" => drop(fs::read_dir(rest)),
        "connect" => drop(TcpStream::connect(rest)),
        "listen" => drop(TcpListener::bind(rest)),
        "datagram" => drop(UdpSocket::bind(rest)),
        "unix" => drop(UnixStream::connect(rest)),
        "run" => drop(Command::new(rest).status()),
        "thread" => drop(thread::Builder::new().spawn(|| ())),
        "kill" => drop(kill(getppid(), None::<Signal>)),
        "signal" => drop(kill(Pid::from_raw(rest.parse().unwrap()), None::<Signal>)),
        "limits" => {
            use nix::sys::resource::{Resource, setrlimit};
            _ = setrlimit(Resource::RLIMIT_CPU, 1, 1);
        }
        other => panic!("no such act: {other}"),
    }
}

fn allocate() {
    let mut all: Vec<Vec<u8>> = Vec::new();
    loop {
        all.push(vec![1; 1 << 20]);
        black_box(&all);
    }
}

#[expect(unconditional_recursion, reason = "it is asked to")]
fn recurse(depth: u64) -> u64 {
    black_box(recurse(black_box(depth) + 1)) + 1
}

/// Octets of an answer that never ends, each in time.
fn trickle() {
    babble(&[0, 1, 0, 0]);
    loop {
        (0..10_000_000).for_each(|n| _ = black_box(n));
        babble(b" ");
    }
}

fn text(part: &str, text: &str) -> Extract {
    let (part, text) = (part.to_owned(), text.to_owned());
    let map = OffsetMap::at(0);
    let readings = vec![Reading { part, kind: ReadingKind::Extracted, text, map }];
    Extract { readings, ..Extract::default() }
}

/// All that the limits allow, and then some.
fn much(document: &Document, limits: Limits) -> Extract {
    let text_octets = usize::try_from(limits.text).unwrap();
    let mut extract = text(&document.path, &"x".repeat(text_octets));
    extract.readings.extend(text(&document.path, "y").readings);
    extract
}

fn files(document: &Document) -> Extract {
    let file = |n: u32| Found {
        path: format!("{}/{n}", document.path),
        octets: Bytes::from(n.to_be_bytes().to_vec()),
    };
    Extract { files: (1..=3).map(file).collect(), ..Extract::default() }
}

pub(super) const ROLE: &str = "POSTERN_TEST_READER";
