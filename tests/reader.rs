//! Readers as they are: the program, run as the gateway runs it.

use std::{
    fs,
    io::{Read, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use postern::{
    content::{Content, Document, Extract, InPlace, Limits, ReadDocument},
    reader::{Confinement, Pool, Program, Settings},
};

const POSTERN: &str = env!("CARGO_BIN_EXE_postern");

fn settings() -> Settings {
    let program = Program { path: POSTERN.into(), ..Program::default() };
    let long = Duration::from_secs(60);
    Settings {
        program,
        patience: long,
        deadline: long,
        message_deadline: long,
        ..Settings::default()
    }
}

fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

/// One of each format that is told by its first octets, whole and damaged.
fn documents() -> Vec<Document> {
    let text = "Seen in clinic on 3 March.\n".repeat(400);
    let whole = [
        gzip(text.as_bytes()),
        gzip(&gzip(b"in each other")),
        gzip(b""),
        b"%PDF-1.4\n%%EOF\n".to_vec(),
        b"{\\rtf1 text}".to_vec(),
        b"PK\x05\x06".iter().copied().chain([0; 18]).collect(),
        b"MZ\x90\0".to_vec(),
    ];
    let starts = [
        "%PDF-1.7\n",
        "%!PS",
        "PK\x03\x04",
        "PK\x07\x08",
        "Rar!\x1a\x07",
        "MSCF",
        "BZh9",
        "{\\rtf1",
        "MZ",
        "no document at all",
    ];
    let damaged = starts.map(|start| [start.as_bytes(), &[0xa5; 700]].concat());
    let binary = [
        &b"7z\xbc\xaf\x27\x1c"[..],
        b"\x1f\x8b\x08\0",
        b"\xfd7zXZ\0",
        b"\x28\xb5\x2f\xfd",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        b"\x78\x9f\x3e\x22",
    ];
    let binary = binary.map(|start| [start, &[0x5a; 3_000]].concat());
    let all = whole.into_iter().chain(damaged).chain(binary);
    all.map(|octets| Document { path: "2".to_owned(), octets: octets.into() }).collect()
}

#[test]
fn a_document_is_read_in_a_process_as_it_is_in_place() {
    let pool = Pool::new(settings(), None);
    let mut reader = pool.reader_now().unwrap();
    for document in documents() {
        let in_place = InPlace(Limits::default()).read(&document);
        assert_eq!(reader.read(&document), in_place, "{:?}", document.octets.get(..8));
    }
    assert_eq!(pool.processes(), 1, "one process has read them all");
}

#[test]
fn a_large_document_is_read_in_a_process_as_it_is_in_place() {
    let noise: Vec<u8> =
        (0..30_u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let document = Document { path: "2".to_owned(), octets: gzip(&noise).into() };
    let pool = Pool::new(settings(), None);
    let mut reader = pool.reader_now().unwrap();
    assert_eq!(reader.read(&document), InPlace(Limits::default()).read(&document));
}

#[test]
fn a_message_with_documents_says_so_wherever_they_stand() {
    let parse = |raw: &str| Content::parse(Bytes::copy_from_slice(raw.as_bytes()));
    assert!(parse("\r\n%PDF-1.4\r\n").may_hold_documents());
    let within = "Content-Type: message/rfc822\r\n\r\nContent-Type: text/plain\r\n\r\n%PDF-1.4\r\n";
    assert!(parse(within).may_hold_documents());
    let none = parse("Subject: %PDF-1.4\r\n\r\nhello\r\n");
    assert!(!none.may_hold_documents());
    struct Nobody;
    impl ReadDocument for Nobody {
        fn read(&mut self, document: &Document) -> Extract {
            panic!("asked for part {}", document.path)
        }
    }
    none.extract(&mut Nobody);
}

/// `postern reader` by itself, with its socket, once it has said hello.
struct Alone {
    child: Child,
    socket: UnixStream,
    hello: String,
}

impl Alone {
    fn start(program: &Program) -> Self {
        let (mut socket, theirs) = UnixStream::pair().unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let child = Command::new(&program.path)
            .args(&program.arguments)
            .args(["--memory=1000000", "--processor-seconds=77", "--confinement=required"])
            .envs(program.environment.clone())
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut length = [0; 4];
        socket.read_exact(&mut length).unwrap();
        let mut hello = vec![0; u32::from_be_bytes(length) as usize];
        socket.read_exact(&mut hello).unwrap();
        Self { child, socket, hello: String::from_utf8(hello).unwrap() }
    }

    fn proc_file(&self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.child.id())).unwrap()
    }
}

#[test]
fn a_reader_is_confined_before_it_is_asked_anything() {
    let mut alone = Alone::start(&settings().program);
    assert!(alone.hello.starts_with("{\"Confined\":{\"seccomp\":true,"), "{}", alone.hello);
    let status = alone.proc_file("status");
    let is = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned()
    };
    assert_eq!([is("Seccomp:"), is("NoNewPrivs:"), is("Threads:")], ["2", "1", "1"]);
    let limits = alone.proc_file("limits");
    for (name, most) in [
        ("Max open files", "0"),
        ("Max file size", "0"),
        ("Max core file size", "0"),
        ("Max processes", "0"),
        ("Max cpu time", "77"),
    ] {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        let values = line.strip_prefix(name).unwrap().split_whitespace();
        let values: Vec<_> = values.take(2).collect();
        assert_eq!(values, [most, most], "{name}");
    }
    assert!(!limits.lines().any(|l| l.starts_with("Max address space") && l.contains("unlimited")));
    assert_eq!(alone.proc_file("oom_score_adj").trim(), "1000");
    alone.socket.shutdown(std::net::Shutdown::Both).unwrap();
    assert!(alone.child.wait().unwrap().success(), "it ends well when nobody needs it");
}

#[test]
fn a_confinement_nobody_knows_is_refused() {
    for (argument, is_known) in [("required", true), ("best-effort", true), ("none", false)] {
        assert_eq!(argument.parse::<Confinement>().is_ok(), is_known, "{argument}");
    }
}

#[test]
fn help_does_not_show_readers() {
    let help = Command::new(POSTERN).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("classify") && !help.contains("reader"), "{help}");
}
