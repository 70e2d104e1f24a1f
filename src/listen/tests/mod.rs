//! Listeners on loopback, with real sockets and real TLS; only what stands
//! behind the port, and who listens to events, is stood in for.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;

use super::{BoundListener, Capacity, Certificate, Orders, Reception, Verdict, conversation};
use crate::{
    config::{self, CertificateFiles, ListenerTls, ProxyProtocol},
    mail::{
        Address, Direction, EnhancedStatusCode, Event, Observer, Origin, QueueId, Refusal, Reply,
        ReversePath, Submission,
    },
    smtp::server::{Credentials, Refused},
    spool::Receipt,
};

#[tokio::test]
async fn a_message_is_handed_over_and_acknowledged() {
    let lab = Lab::start(|_, _| {}).await;
    let mut client = lab.connect().await;
    client.send_message("hello").await;
    client.say("QUIT", "221").await;
    lab.stop().await;
    let messages = lab.reception.messages.lock().unwrap();
    assert_eq!(messages.len(), 1);
    assert_eq!(&messages[0].content[..], b"hello\r\n");
    assert_eq!(lab.events(), ["opened", "closed 127.0.0.1 quit"]);
}

#[tokio::test]
async fn a_large_message_arrives_whole() {
    let lab = Lab::start(|_, _| {}).await;
    let mut client = lab.connect().await;
    let text = "all work and no play\r\n.dull\r\n".repeat(40_000);
    client.begin_message().await;
    client.write(text.replace("\r\n.", "\r\n..").as_bytes()).await;
    client.say(".", "250 2.0.0 queued").await;
    assert!(lab.reception.messages.lock().unwrap()[0].content == text.as_bytes());
}

#[tokio::test]
async fn starttls_secures_a_session() {
    let lab = Lab::start(|listener, _| listener.tls = ListenerTls::StartTls).await;
    let mut client = lab.connect().await;
    client.say("EHLO client.test.example", "STARTTLS").await;
    client.say("STARTTLS", "220").await;
    let mut client = Client::new(lab.handshake(client.into_inner()).await);
    client.say("EHLO client.test.example", "250").await;
    client.send_message("hello").await;
    client.say("QUIT", "221").await;
    lab.stop().await;
    let messages = lab.reception.messages.lock().unwrap();
    let tls = messages[0].origin.tls.clone().unwrap();
    assert_eq!(tls.version, "TLSv1.3");
    assert!(tls.cipher.starts_with("TLS_AES"), "{}", tls.cipher);
    assert_eq!(lab.events()[1], "secured TLSv1.3");
}

#[tokio::test]
async fn implicit_tls_comes_before_the_greeting_and_lets_users_in() {
    let lab = Lab::start(|listener, _| {
        listener.tls = ListenerTls::Implicit;
        listener.users = Some("users".into());
        listener.clients.clear();
    })
    .await;
    let tcp = TcpStream::connect(lab.address).await.unwrap();
    let mut client = Client::new(lab.handshake(tcp).await);
    client.expect("220 mx1.test.example").await;
    client.say("EHLO client.test.example", "AUTH PLAIN LOGIN").await;
    client.say("AUTH PLAIN AGxhYgB3cm9uZw==", "535").await;
    client.say("AUTH PLAIN AGxhYgBsYWI=", "235").await;
    client.send_message("hello").await;
    let messages = lab.reception.messages.lock().unwrap();
    assert_eq!(messages[0].origin.authenticated.as_deref(), Some("lab"));
}

#[tokio::test]
async fn a_certificate_is_renewed_without_dropping_a_session() {
    let lab = Lab::start(|listener, _| listener.tls = ListenerTls::Implicit).await;
    let mut before =
        Client::new(lab.handshake(TcpStream::connect(lab.address).await.unwrap()).await);
    before.expect("220").await;
    let first = before.certificate();
    write_certificate(lab.folder.path());
    lab.certificate.as_ref().unwrap().reload().unwrap();
    let tcp = TcpStream::connect(lab.address).await.unwrap();
    let mut after = Client::new(lab.handshake(tcp).await);
    after.expect("220").await;
    assert_ne!(first, after.certificate());
    before.say("NOOP", "250").await;
    std::fs::write(lab.folder.path().join("key.pem"), "no key").unwrap();
    assert!(lab.certificate.as_ref().unwrap().reload().is_err());
    lab.handshake(TcpStream::connect(lab.address).await.unwrap()).await;
}

#[tokio::test]
async fn a_listener_without_its_certificate_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let (mut listener, limits) = settings(folder.path());
    listener.tls = ListenerTls::StartTls;
    let node = "mx1.test.example".parse().unwrap();
    assert!(BoundListener::bind(&listener, &node, &limits).await.is_err());
    listener.certificate = None;
    assert!(BoundListener::bind(&listener, &node, &limits).await.is_err());
}

#[tokio::test]
async fn the_client_is_who_the_proxy_says() {
    let lab = Lab::start(|listener, _| {
        listener.proxy_protocol = ProxyProtocol::Required;
        listener.clients = vec!["192.0.2.0/24".parse().unwrap()];
    })
    .await;
    let mut client = Client::new(TcpStream::connect(lab.address).await.unwrap());
    client.write(b"PROXY TCP4 192.0.2.7 127.0.0.1 40000 25\r\n").await;
    client.expect("220").await;
    client.send_message("hello").await;
    client.say("QUIT", "221").await;
    let mut stranger = Client::new(TcpStream::connect(lab.address).await.unwrap());
    stranger.write(b"EHLO stranger.test.example\r\n").await;
    assert_eq!(stranger.rest().await, "");
    lab.stop().await;
    let client = lab.reception.messages.lock().unwrap()[0].origin.client;
    assert_eq!(client.to_string(), "192.0.2.7");
    assert!(lab.events().contains(&"closed 192.0.2.7 quit".to_owned()));
    assert!(lab.events().contains(&"closed 127.0.0.1 refused".to_owned()));
}

#[tokio::test]
async fn strangers_may_not_relay() {
    let lab =
        Lab::start(|listener, _| listener.clients = vec!["10.0.0.0/8".parse().unwrap()]).await;
    let mut client = lab.connect().await;
    client.say("EHLO client.test.example", "250").await;
    client.say("MAIL FROM:<a@nhs.test.example>", "250").await;
    client.say("RCPT TO:<b@gov.test.example>", "550 5.7.1").await;
    assert_eq!(lab.events(), ["opened", "refused relay_denied 550"]);
}

#[tokio::test]
async fn sessions_over_the_limit_are_told_so() {
    let lab = Lab::start(|_, limits| limits.sessions = 1).await;
    let mut first = lab.connect().await;
    let mut second = Client::new(TcpStream::connect(lab.address).await.unwrap());
    second.expect("421 4.7.0").await;
    first.say("QUIT", "221").await;
    assert_eq!(first.rest().await, "");
    lab.settle().await;
    lab.connect().await;
}

#[tokio::test]
async fn sessions_of_one_client_over_the_limit_are_told_so() {
    let lab = Lab::start(|_, limits| limits.sessions_per_client = 1).await;
    let _first = lab.connect().await;
    let mut second = Client::new(TcpStream::connect(lab.address).await.unwrap());
    second.expect("421 4.7.0").await;
    assert_eq!(second.rest().await, "");
    assert!(lab.events().contains(&"refused limit 421".to_owned()));
}

#[tokio::test]
async fn a_message_there_is_no_memory_for_is_refused_and_the_session_goes_on() {
    let lab = Lab::start(|_, limits| limits.memory = 200 << 10).await;
    let mut client = lab.connect().await;
    client.begin_message().await;
    client.write("x".repeat(998).as_bytes()).await;
    client.write(format!("\r\n{}", "x".repeat(400_000)).as_bytes()).await;
    client.say("\r\n.", "452 4.3.1").await;
    client.say("RSET", "250").await;
    client.say("MAIL FROM:<a@nhs.test.example>", "250").await;
    client.say("RCPT TO:<b@gov.test.example>", "250").await;
    client.say("DATA", "354").await;
    client.say("small\r\n.", "250").await;
}

#[tokio::test]
async fn a_refusal_of_framing_reaches_a_client_that_is_still_sending() {
    let lab = Lab::start(|_, _| {}).await;
    let mut client = lab.connect().await;
    client.begin_message().await;
    client.write(b"bare\n").await;
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        client.write("more\r\n".repeat(10_000).as_bytes()).await;
    }
    client.expect("554 5.6.0 bare LF").await;
    assert_eq!(client.rest().await, "");
    assert!(lab.reception.messages.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_client_that_says_nothing_is_told_to_go() {
    let lab = Lab::start_with(|bound| {
        let settings = Arc::get_mut(&mut bound.door.settings).unwrap();
        settings.timeouts.command = Duration::from_millis(50);
    })
    .await;
    let mut client = lab.connect().await;
    client.expect("421 4.4.2").await;
    assert_eq!(client.rest().await, "");
    lab.settle().await;
    assert_eq!(lab.events().last().unwrap(), "closed 127.0.0.1 timeout");
}

#[tokio::test]
async fn an_orderly_stop_lets_transactions_end_and_idle_sessions_go() {
    let lab = Lab::start(|_, _| {}).await;
    let (mut idle, mut busy) = (lab.connect().await, lab.connect().await);
    busy.begin_message().await;
    lab.stop.cancel();
    idle.expect("421 4.3.2").await;
    busy.say("hello\r\n.", "250 2.0.0 queued").await;
    busy.expect("421 4.3.2").await;
    lab.stop().await;
    assert!(TcpStream::connect(lab.address).await.is_err());
}

#[tokio::test]
async fn the_grace_of_a_stop_is_kept_to() {
    let lab = Lab::start(|_, limits| limits.stop_grace = Duration::from_millis(50)).await;
    let mut busy = lab.connect().await;
    busy.begin_message().await;
    lab.stop().await;
    assert_eq!(lab.events().last().unwrap(), "closed 127.0.0.1 stopping");
    assert_eq!(busy.rest().await, "");
}

#[test]
fn an_idle_session_is_small() {
    fn future<A, B, C, D, E, F>(_: impl Fn(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }
    let octets = future(conversation::hold::<Desk>);
    assert!(octets <= 1_600, "{octets} octets");
}

/// A listener that serves, and what it has served.
struct Lab {
    address: SocketAddr,
    certificate: Option<Arc<Certificate>>,
    reception: Arc<Desk>,
    observer: Arc<Recorder>,
    stop: CancellationToken,
    serving: Mutex<Option<JoinHandle<()>>>,
    folder: tempfile::TempDir,
}

#[derive(Default)]
struct Desk {
    messages: Mutex<Vec<Submission>>,
}

#[derive(Default)]
struct Recorder(Mutex<Vec<String>>);

impl Lab {
    async fn start(change: impl FnOnce(&mut config::Listener, &mut config::Limits)) -> Self {
        Self::start_changed(change, |_| {}).await
    }

    async fn start_with(change: impl FnOnce(&mut BoundListener)) -> Self {
        Self::start_changed(|_, _| {}, change).await
    }

    async fn start_changed(
        change: impl FnOnce(&mut config::Listener, &mut config::Limits),
        change_bound: impl FnOnce(&mut BoundListener),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_certificate(folder.path());
        let (mut listener, mut limits) = settings(folder.path());
        change(&mut listener, &mut limits);
        let node = "mx1.test.example".parse().unwrap();
        let mut bound = BoundListener::bind(&listener, &node, &limits).await.unwrap();
        change_bound(&mut bound);
        let (reception, observer) = (Arc::new(Desk::default()), Arc::new(Recorder::default()));
        let stop = CancellationToken::new();
        let (address, certificate) = (bound.address(), bound.certificate());
        let serving = tokio::spawn(bound.serve(Orders {
            capacity: Capacity::new(&limits),
            reception: Arc::clone(&reception),
            observer: Arc::<Recorder>::clone(&observer),
            stop: stop.clone(),
            grace: limits.stop_grace,
        }));
        let serving = Mutex::new(Some(serving));
        Self { address, certificate, reception, observer, stop, serving, folder }
    }

    async fn connect(&self) -> Client<TcpStream> {
        let mut client = Client::new(TcpStream::connect(self.address).await.unwrap());
        client.expect("220 mx1.test.example ESMTP").await;
        client
    }

    async fn handshake(&self, tcp: TcpStream) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        let pem = std::fs::read(self.folder.path().join("chain.pem")).unwrap();
        roots.add(CertificateDer::from_pem_slice(&pem).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = "mx1.test.example".try_into().unwrap();
        TlsConnector::from(Arc::new(client)).connect(name, tcp).await.unwrap()
    }

    /// Orders the stop and waits for its end.
    async fn stop(&self) {
        self.stop.cancel();
        let serving = self.serving.lock().unwrap().take().unwrap();
        tokio::time::timeout(Duration::from_secs(5), serving).await.expect("it stops").unwrap();
    }

    /// Waits until the session that is ending has ended.
    async fn settle(&self) {
        for _ in 0..500 {
            if self.events().last().is_some_and(|event| event.starts_with("closed")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no session has ended: {:?}", self.events());
    }

    fn events(&self) -> Vec<String> {
        self.observer.0.lock().unwrap().clone()
    }
}

impl Reception for Desk {
    async fn recipient(&self, _: &Origin, _: &ReversePath, _: &Address) -> Result<(), Refused> {
        Ok(())
    }

    async fn authenticate(&self, _: &Origin, claim: &Credentials) -> Result<String, Refused> {
        match claim.password.reveal() {
            "lab" => Ok(claim.user.clone()),
            _ => Err(Refused {
                reason: Refusal::Authentication,
                reply: Reply::new(535, EnhancedStatusCode(5, 7, 8), "wrong"),
            }),
        }
    }

    async fn message(&self, submission: Submission) -> Verdict {
        self.messages.lock().unwrap().push(submission);
        Verdict::Accepted(Receipt::for_tests(QueueId::at(1, 1)))
    }
}

impl Observer for Recorder {
    fn observe(&self, event: Event<'_>) {
        let line = match event {
            Event::SessionOpened { .. } => "opened".to_owned(),
            Event::SessionClosed { client, reason, .. } => {
                format!("closed {client} {}", reason.name())
            }
            Event::SessionSecured { tls, .. } => format!("secured {}", tls.version),
            Event::Refused { reason, reply, .. } => {
                format!("refused {} {}", reason.name(), reply.code)
            }
            other => format!("{other:?}"),
        };
        self.0.lock().unwrap().push(line);
    }
}

struct Client<S>(BufStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    fn new(stream: S) -> Self {
        Self(BufStream::new(stream))
    }

    fn into_inner(self) -> S {
        self.0.into_inner()
    }

    async fn write(&mut self, octets: &[u8]) {
        self.0.write_all(octets).await.unwrap();
        self.0.flush().await.unwrap();
    }

    /// Reads one reply, all its lines, and looks for something in it.
    async fn expect(&mut self, wanted: &str) {
        let mut reply = String::new();
        let reading = async {
            loop {
                let start = reply.len();
                self.0.read_line(&mut reply).await.unwrap();
                if reply.get(start + 3..start + 4) != Some("-") {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(5), reading).await.expect("a reply");
        assert!(reply.contains(wanted), "{reply:?} instead of {wanted}");
    }

    async fn say(&mut self, line: &str, wanted: &str) {
        self.write(format!("{line}\r\n").as_bytes()).await;
        self.expect(wanted).await;
    }

    async fn begin_message(&mut self) {
        self.say("EHLO client.test.example", "250").await;
        self.say("MAIL FROM:<a@nhs.test.example>", "250").await;
        self.say("RCPT TO:<b@gov.test.example>", "250").await;
        self.say("DATA", "354").await;
    }

    async fn send_message(&mut self, line: &str) {
        self.begin_message().await;
        self.say(&format!("{line}\r\n."), "250 2.0.0 queued as").await;
    }

    /// What comes until the end of the connection.
    async fn rest(&mut self) -> String {
        let mut rest = String::new();
        let reading = self.0.read_to_string(&mut rest);
        // A reset is an end too.
        _ = tokio::time::timeout(Duration::from_secs(5), reading).await.expect("an end");
        rest
    }
}

impl Client<TlsStream<TcpStream>> {
    fn certificate(&self) -> Vec<u8> {
        self.0.get_ref().get_ref().1.peer_certificates().unwrap()[0].to_vec()
    }
}

fn settings(folder: &Path) -> (config::Listener, config::Limits) {
    let listener = config::Listener {
        name: "test".to_owned(),
        address: "127.0.0.1:0".parse().unwrap(),
        direction: Direction::Outbound,
        tls: ListenerTls::None,
        certificate: Some(CertificateFiles {
            chain: folder.join("chain.pem"),
            key: folder.join("key.pem"),
        }),
        clients: vec!["127.0.0.0/8".parse().unwrap()],
        max_message_size: 10 << 20,
        proxy_protocol: ProxyProtocol::Off,
        users: None,
        authenticate: config::SenderAuthentication::Off,
    };
    let limits = config::Limits {
        sessions: 10,
        sessions_per_client: 10,
        recipients: 10,
        memory: 50 << 20,
        deliveries: 1,
        deliveries_per_destination: 1,
        stop_grace: Duration::from_secs(5),
    };
    (listener, limits)
}

fn write_certificate(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(vec!["mx1.test.example".to_owned()]).unwrap();
    std::fs::write(folder.join("chain.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}
