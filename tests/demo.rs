//! The demo as anybody runs it: the program, over real sockets. It holds each
//! message against its expected fate itself; here that is believed only after
//! it has been seen to fail.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const POSTERN: &str = env!("CARGO_BIN_EXE_postern");

/// In a folder of its own: nothing may depend on where it is run, and nothing
/// may be left behind.
fn demo(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(POSTERN);
    command.arg("demo").args(arguments).current_dir(folder).env("TMPDIR", folder);
    command
}

/// A child that does not outlive a test that fails.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // One that has ended already is what was wanted.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn every_example_message_meets_its_fate_and_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let output = demo(folder.path(), &[]);
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{page}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "nothing is logged");
    for line in [
        "– by the rule “patient data only goes where it is cleared to go”",
        "certificate valid for mx.council.gov.test.example, vouched for by the officers",
        "WAITING for mx.prison.gov.test.example",
        "certificate refused: the certificate has expired",
        "added under the plain and the HTML reading",
        "This message was sent by an NHS or social care organisation.",
        "not added: the message is signed",
        "already there, so not added again",
        "told 550 5.7.1",
        "10 messages: 4 delivered, 1 waiting, 4 held, 1 refused",
        "nursing@hospital.test.example: “Your message is delayed”",
        "Every message met the fate it should",
    ] {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&page).contains(line), "missing: {line}\n{page}");
    }
    assert!(!page.contains('\x1b') && !page.contains("UNEXPECTED"), "{page}");
    let too_wide = page.lines().find(|line| line.chars().count() > 100);
    assert_eq!(too_wide, None);
    assert!(is_empty(folder.path()), "something was left behind");
}

#[test]
fn a_policy_that_lets_through_what_it_should_not_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let policies = folder.path().join("policies");
    let copied = Command::new("cp").arg("-r").arg(&shipped).arg(&policies).status().unwrap();
    assert!(copied.success());
    let rules = fs::read_to_string(policies.join("rules.toml")).unwrap();
    let loosened = rules.replace("{ kinds = [\"malware\"] }", "{ kinds = [\"bulk_patients\"] }");
    assert_ne!(rules, loosened, "the rule on malware is no longer as this test expects it");
    fs::write(policies.join("rules.toml"), loosened).unwrap();
    let output = demo(folder.path(), &["--policies", "policies"]);
    let page = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{page}");
    assert!(page.contains("UNEXPECTED  reject by “malware is refused” was expected"), "{page}");
    assert!(page.contains("2 of 10 messages did not go as expected"), "{page}");
}

#[test]
fn kept_it_serves_until_it_is_interrupted_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let child = command(folder.path(), &["--keep"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut child = Ended(child);
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let metrics = lines
        .by_ref()
        .map(Result::unwrap)
        .find_map(|line| Some(line.trim().strip_prefix("curl http://")?.to_owned()))
        .unwrap();
    let address = metrics.strip_suffix("/metrics").unwrap();
    let mut page = String::new();
    let mut connection = TcpStream::connect(address).unwrap();
    connection.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    connection.read_to_string(&mut page).unwrap();
    assert!(page.contains("postern_messages_accepted_total{direction=\"outbound\"} 9"), "{page}");
    let pid = Pid::from_raw(i32::try_from(child.0.id()).unwrap());
    kill(pid, Signal::SIGINT).unwrap();
    assert!(child.0.wait().unwrap().success());
    assert!(is_empty(folder.path()), "something was left behind");
}

#[test]
fn the_program_does_not_hold_the_antivirus_test_file() {
    let program = fs::read(POSTERN).unwrap();
    // In two halves, so that the tests do not hold it either.
    let [start, end] = [&b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-"[..], b"STANDARD-ANTIVIRUS-TEST"];
    let whole = [start, end].concat();
    assert_eq!(memchr::memmem::find(&program, &whole), None);
}
