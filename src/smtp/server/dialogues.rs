//! Runs `tests/smtp/*.dialogue`: whole sessions as text. Each is run in one
//! piece, an octet at a time, and cut in two at every octet, and must give
//! the same transcript every time.
//!
//! A file begins with settings (`size: 100`) up to an empty line. Then:
//!
//! | line | is |
//! | --- | --- |
//! | `# text` | a comment |
//! | `C: text` | a line from the client, CRLF added |
//! | `C! text` | octets from the client: `\r \n \0 \\ \xNN`, `\{600 x}` for 600 of them |
//! | `clock: 300` | seconds that pass |
//! | `tls` | the handshake, after STARTTLS |
//! | `stop` | the order to stop |
//! | `S: text` | a reply's line |
//! | `R: reason` | a refusal as it is counted |
//! | `N: number` | so many commands and messages had bare line ends in all |
//! | `A: envelope` | a message accepted, and its content in lines with `|` |
//! | `X: end` | the end of the session |
//!
//! With `POSTERN_BLESS=1` the files are written anew with what came out.
//! What the gateway would say goes by the local part of the (first) recipient;
//! see `Gateway`.

use std::{
    fmt::Write,
    fs,
    num::NonZeroU32,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::BytesMut;

use super::{
    Action, Credentials, Dialect, Forwarding, Limits, Nonce, Peer, Proof, Refused, Relaying, Sasl,
    ScramVerifier, Session, Settings, Standing, StartTls,
    transcript::{self, ADDRESS, unescape},
};
use crate::{
    mail::{
        Address, Direction, EnhancedStatusCode, QueueId, Refusal, Reply, Submission, Timestamp,
        TlsSession,
    },
    smtp::LineEnds,
    spool::Receipt,
};

#[test]
fn every_dialogue_runs_as_it_is_written_however_it_is_cut() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/smtp");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "dialogue"));
    assert!(files.len() > 20, "the dialogues are missing");
    for file in files {
        run_file(&file);
    }
}

fn run_file(file: &Path) {
    let text = fs::read_to_string(file).unwrap();
    let dialogue = Dialogue::parse(&text);
    let whole = dialogue.run(Cut::Nowhere);
    if std::env::var_os("POSTERN_BLESS").is_some() {
        fs::write(file, &whole).unwrap();
    } else {
        assert_eq!(whole, text, "{}", file.display());
    }
    assert_eq!(dialogue.run(Cut::Everywhere), whole, "{}, an octet at a time", file.display());
    // Very long ones are cut often enough.
    let length = dialogue.octets();
    for position in (1..length).step_by(1 + length / 3_000) {
        let cut = dialogue.run(Cut::At(position));
        assert_eq!(cut, whole, "{}, cut at {position}", file.display());
    }
}

#[derive(Clone, Copy)]
enum Cut {
    Nowhere,
    Everywhere,
    /// Counted over all the client sends.
    At(usize),
}

struct Dialogue<'a> {
    /// Everything up to the first empty line, and that.
    head: &'a str,
    steps: Vec<Step<'a>>,
}

/// Something done to the session, as written, or a comment.
struct Step<'a> {
    lines: Vec<&'a str>,
    what: What,
}

enum What {
    Client(Vec<u8>),
    Clock(Duration),
    Tls,
    Stop,
    /// There is none for the rest of the content.
    NoMemory,
    Comment,
}

impl<'a> Dialogue<'a> {
    fn parse(text: &'a str) -> Self {
        let head = text.find("\n\n").expect("an empty line after the settings") + 2;
        let (head, body) = text.split_at(head);
        let mut steps: Vec<Step<'a>> = Vec::new();
        for line in body.lines() {
            let what = match line.split_at_checked(2) {
                Some(("S:" | "R:" | "N:" | "A:" | "X:" | "| ", _)) => {
                    // Whatever comes after a reply is a step of its own.
                    steps.push(Step { lines: Vec::new(), what: What::Comment });
                    continue;
                }
                Some(("C:", rest)) => {
                    let line = rest.strip_prefix(' ').unwrap_or(rest);
                    What::Client([line.as_bytes(), b"\r\n"].concat())
                }
                Some(("C!", rest)) => {
                    What::Client(unescape(rest.strip_prefix(' ').unwrap_or(rest)))
                }
                _ if line == "tls" => What::Tls,
                _ if line == "stop" => What::Stop,
                _ if line == "memory is full" => What::NoMemory,
                _ => match line.strip_prefix("clock: ") {
                    Some(seconds) => What::Clock(Duration::from_secs(seconds.parse().unwrap())),
                    None => {
                        assert!(line.is_empty() || line.starts_with('#'), "what is {line:?}?");
                        What::Comment
                    }
                },
            };
            match (steps.last_mut(), &what) {
                (Some(Step { lines, what: What::Client(before) }), What::Client(more)) => {
                    before.extend_from_slice(more);
                    lines.push(line);
                }
                _ => steps.push(Step { lines: vec![line], what }),
            }
        }
        Self { head, steps }
    }

    fn octets(&self) -> usize {
        self.steps.iter().map(|step| step.what.octets().len()).sum()
    }

    /// The file as this run would have it.
    fn run(&self, cut: Cut) -> String {
        let mut run = Run::new(self.head);
        run.pump();
        let mut sent = 0;
        for step in &self.steps {
            for line in &step.lines {
                run.transcript.push_str(line);
                run.transcript.push('\n');
            }
            match &step.what {
                What::Client(octets) => run.receive(octets, cut, sent),
                What::Clock(duration) => run.now += *duration,
                What::Tls => run.handshaking = false,
                What::Stop => run.session.stop(),
                What::NoMemory => run.session.refuse_content(&mut run.input, full()),
                What::Comment => continue,
            }
            sent += step.what.octets().len();
            run.pump();
        }
        run.transcript
    }
}

impl What {
    fn octets(&self) -> &[u8] {
        match self {
            Self::Client(octets) => octets,
            _ => &[],
        }
    }
}

struct Run {
    session: Session,
    gateway: Gateway,
    input: BytesMut,
    now: Instant,
    /// What is sent in clear after STARTTLS goes to the handshake.
    handshaking: bool,
    over: bool,
    normalised: u64,
    transcript: String,
}

/// Stands in for everything behind the session.
struct Gateway {
    memory: bool,
    accepted: u16,
    /// Whom the certificate says the client is.
    certified: Option<String>,
}

impl Gateway {
    /// Those whose local part begins with `not-`.
    fn refuse_some(submission: &Submission) -> Vec<(Address, Refused)> {
        let refused = refused(Refusal::Policy, 550, (5, 7, 1), "policy");
        let mut recipients = submission.envelope.recipients.clone();
        recipients.retain(|recipient| recipient.address.local_part().starts_with("not-"));
        recipients.into_iter().map(|recipient| (recipient.address, refused.clone())).collect()
    }
}

impl Run {
    fn new(head: &str) -> Self {
        let node = "mx1.test.example".parse().unwrap();
        let mut settings = Settings {
            limits: Limits { message: 1_000, ..Limits::default() },
            ..Settings::new(node, "test", Direction::Outbound)
        };
        let connected = Timestamp::from_unix_milliseconds(1_800_000_000_000);
        let mut peer = Peer { connected, relaying: Relaying::Permitted, ..Peer::at(ADDRESS) };
        let mut input = BytesMut::new();
        let mut gateway = Gateway { memory: true, accepted: 0, certified: None };
        for line in head.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.split_once(": ").expect("a setting") {
                ("direction", "inbound") => settings.direction = Direction::Inbound,
                ("clients", "strangers") => peer.relaying = Relaying::Denied,
                ("tls", "offered") => settings.start_tls = StartTls::Offered,
                ("tls", "required") => settings.start_tls = StartTls::Required,
                ("tls", "implicit") => peer.tls = Some(tls_session()),
                ("certified", name) => gateway.certified = Some(name.to_owned()),
                ("users", "some") => settings.sasl = Sasl::UnderTls,
                ("dialect", "lmtp") => settings.dialect = Dialect::Lmtp,
                ("future-release", seconds) => {
                    settings.future_release = Some(Duration::from_secs(seconds.parse().unwrap()));
                }
                ("messages", most) => settings.limits.messages = most.parse().unwrap(),
                ("commands", most) => settings.limits.commands = most.parse().unwrap(),
                ("content-line", most) => settings.limits.content_line = most.parse().unwrap(),
                ("size", size) => settings.limits.message = size.parse().unwrap(),
                ("recipients", most) => settings.limits.recipients = most.parse().unwrap(),
                ("bad-commands", most) => settings.limits.bad_commands = most.parse().unwrap(),
                ("idle-commands", most) => settings.limits.idle_commands = most.parse().unwrap(),
                ("greeting", seconds) => {
                    settings.timeouts.greeting = Duration::from_secs(seconds.parse().unwrap());
                }
                ("line-ends", "normalised") => peer.line_ends = LineEnds::Normalised,
                ("forwarding", "attributes") => peer.forwarding = Forwarding::Attributes,
                ("forwarding", "sessions") => peer.forwarding = Forwarding::Sessions,
                ("talks", "early") => input.extend_from_slice(b"EHLO client.test.example\r\n"),
                ("memory", "none") => gateway.memory = false,
                (name, value) => panic!("no setting {name}: {value}"),
            }
        }
        if peer.tls.is_some() {
            peer.certified.clone_from(&gateway.certified);
        }
        Self {
            session: Session::new(Arc::new(settings), peer),
            gateway,
            input,
            now: Instant::now(),
            handshaking: false,
            over: false,
            normalised: 0,
            transcript: head.to_owned(),
        }
    }

    fn receive(&mut self, octets: &[u8], cut: Cut, sent: usize) {
        let pieces: Vec<&[u8]> = match cut {
            Cut::Everywhere => octets.chunks(1).collect(),
            Cut::At(position) if (sent + 1..sent + octets.len()).contains(&position) => {
                let (before, after) = octets.split_at(position - sent);
                vec![before, after]
            }
            Cut::Nowhere | Cut::At(_) => vec![octets],
        };
        for piece in pieces {
            if !self.handshaking && !self.over {
                self.input.extend_from_slice(piece);
                self.pump();
            }
        }
    }

    /// The driver's loop, as `listen` has it.
    fn pump(&mut self) {
        while !self.over {
            match self.session.next(&mut self.input, self.now) {
                Action::Read(wait) => {
                    assert!(wait.until > self.now, "a wait that is over already");
                    self.flush();
                    return;
                }
                Action::Refused(refused) => {
                    self.flush();
                    writeln!(self.transcript, "R: {}", refused.reason.name()).unwrap();
                }
                Action::Mail(question) => question.answer(Ok(())),
                Action::Recipient(question) => {
                    let verdict = match question.recipient().address.local_part() {
                        "unknown" => Err(refused(Refusal::RelayDenied, 550, (5, 1, 1), "nobody")),
                        "later" => Err(refused(Refusal::Policy, 451, (4, 3, 0), "not now")),
                        _ => Ok(()),
                    };
                    question.answer(verdict);
                }
                Action::Client(question) => {
                    let verdict = standing(&question.address().to_string());
                    question.answer(verdict);
                }
                Action::Verifier(question) => match question.user() {
                    "later" => question.refuse(refused(Refusal::ShutOut, 454, (4, 7, 0), "later")),
                    user => {
                        let verifier = verifier(user);
                        question.answer(verifier, &Nonce::for_tests(SERVER_NONCE));
                    }
                },
                Action::Authenticate(question) => {
                    let verdict = verdict(question.credentials());
                    question.answer(verdict);
                }
                Action::Content(question) => match self.gateway.memory {
                    true => question.proceed(),
                    false => question.refuse(full()),
                },
                Action::Message(message) => {
                    let (submission, pending) = message.hand_over();
                    match submission.envelope.recipients[0].address.local_part() {
                        "refused" => {
                            pending.refused(refused(Refusal::Policy, 550, (5, 7, 1), "policy"));
                        }
                        "diskless" => {
                            pending.refused(refused(Refusal::Spool, 451, (4, 3, 0), "spool"));
                        }
                        "forgotten" => drop(pending),
                        _ => {
                            self.gateway.accepted += 1;
                            let id = QueueId::at(1_800_000_000_000, self.gateway.accepted);
                            let except = Gateway::refuse_some(&submission);
                            pending.accepted_except(Receipt::for_tests(id), &except);
                            self.flush();
                            transcript::show(&submission, &mut self.transcript);
                        }
                    }
                }
                Action::StartTls(upgrade) => {
                    upgrade.established(tls_session(), self.gateway.certified.clone());
                    self.handshaking = true;
                }
                Action::Close(end) => {
                    self.flush();
                    if self.normalised > 0 {
                        writeln!(self.transcript, "N: {}", self.normalised).unwrap();
                    }
                    writeln!(self.transcript, "X: {}", end.name()).unwrap();
                    self.over = true;
                }
            }
        }
    }

    fn flush(&mut self) {
        self.normalised += self.session.take_normalised();
        for line in String::from_utf8(self.session.take_output()).unwrap().lines() {
            writeln!(self.transcript, "S: {line}").unwrap();
        }
    }
}

fn verdict(credentials: &Credentials) -> Result<String, Refused> {
    let identity = match credentials {
        Credentials::Password { user, password } => {
            (user == "lab" && password.reveal() == "lab").then_some(user)
        }
        Credentials::Scram { user, proof: Proof::Right } => Some(user),
        // Not what a gateway should say, and it must not matter.
        Credentials::Scram { user, proof: Proof::Wrong } => (user == "fooled").then_some(user),
        Credentials::Certificate { name } => Some(name),
    };
    let wrong = || refused(Refusal::Authentication, 535, (5, 7, 8), "wrong");
    identity.cloned().ok_or_else(wrong)
}

/// RFC 7677 section 3, whoever asks.
fn verifier(user: &str) -> ScramVerifier {
    let decode = |text: &str| BASE64.decode(text).unwrap();
    let salt = match user {
        "user" | "fooled" => "W22ZaJ0SNY7soEsUEjb6gQ==",
        _ => "AAAAAAAAAAAAAAAAAAAAAA==",
    };
    ScramVerifier {
        iterations: NonZeroU32::new(4096).unwrap(),
        salt: decode(salt),
        stored_key: decode("WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="),
        server_key: decode("wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="),
    }
}

fn standing(address: &str) -> Result<Standing, Refused> {
    let (relaying, line_ends) = match address {
        "192.0.2.66" => return Err(refused(Refusal::ClientSessions, 421, (4, 7, 0), "too many")),
        "192.0.2.7" | "10.0.0.7" => (Relaying::Permitted, LineEnds::Strict),
        "10.0.0.8" => (Relaying::Permitted, LineEnds::Normalised),
        _ => (Relaying::Denied, LineEnds::Strict),
    };
    Ok(Standing { relaying, line_ends })
}

fn refused(reason: Refusal, code: u16, enhanced: (u8, u16, u16), text: &str) -> Refused {
    let (class, subject, detail) = enhanced;
    let enhanced = EnhancedStatusCode(class, subject, detail);
    Refused { reason, reply: Reply::new(code, enhanced, text) }
}

fn full() -> Refused {
    refused(Refusal::Memory, 452, (4, 3, 1), "full")
}

fn tls_session() -> TlsSession {
    TlsSession { version: "TLSv1.3".to_owned(), cipher: "TLS_AES_256_GCM_SHA384".to_owned() }
}

const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
