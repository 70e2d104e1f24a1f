//! Listeners on loopback, with real sockets and real TLS; only what stands
//! behind the port, and who listens to events, is stood in for.

mod authentication;
mod certified;
mod clients;
mod limits;
mod messages;
mod stop;
mod tls;

use std::{
    net::SocketAddr,
    num::NonZeroU32,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedCipherSuite,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;

use super::{BoundListener, Capacity, Certificates, Orders, Reception, ShutOut, Verdict};
use crate::{
    config::{self, CertificateFiles},
    mail::{
        Direction, EnhancedStatusCode, Envelope, Event, Observer, Origin, QueueId, Recipient,
        Refusal, Reply, Submission,
    },
    smtp::server::{Credentials, Refused, ScramVerifier},
    spool::Receipt,
};

/// A listener that serves, and what it has served.
struct Lab {
    address: SocketAddr,
    certificates: Option<Arc<Certificates>>,
    capacity: Arc<Capacity>,
    reception: Arc<Desk>,
    shut_out: Arc<ShutOut>,
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

    /// Under TLS, with a second certificate for what is below
    /// `trust.test.example`.
    async fn start_with_trust() -> Self {
        Self::start(|listener, _| {
            let folder = listener.certificate.as_ref().unwrap().chain.parent().unwrap().to_owned();
            let files =
                CertificateFiles { chain: folder.join("trust.pem"), key: folder.join("trust.key") };
            write_certificate_for("*.trust.test.example", &files);
            listener.tls = config::ListenerTls::Implicit;
            listener.sni = vec![files];
        })
        .await
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
        let (address, certificates) = (bound.address(), bound.certificates());
        let shut_out = ShutOut::new(&limits);
        let capacity = Capacity::new(&limits);
        let serving = tokio::spawn(bound.serve(Orders {
            capacity: Arc::clone(&capacity),
            shut_out: Arc::clone(&shut_out),
            reception: Arc::clone(&reception),
            observer: Arc::<Recorder>::clone(&observer),
            stop: stop.clone(),
            grace: limits.stop_grace,
        }));
        let serving = Mutex::new(Some(serving));
        Self {
            capacity,
            address,
            certificates,
            reception,
            shut_out,
            observer,
            stop,
            serving,
            folder,
        }
    }

    async fn connect(&self) -> Client<TcpStream> {
        let mut client = Client::new(TcpStream::connect(self.address).await.unwrap());
        client.expect("220 mx1.test.example ESMTP").await;
        client
    }

    async fn dial(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn handshake(&self, tcp: TcpStream) -> TlsStream<TcpStream> {
        let client = Arc::new(self.tls_client(aws_lc_rs::ALL_CIPHER_SUITES));
        let name = "mx1.test.example".try_into().unwrap();
        TlsConnector::from(client).connect(name, tcp).await.unwrap()
    }

    async fn try_handshake(
        &self,
        name: &'static str,
        suites: &[SupportedCipherSuite],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let client = TlsConnector::from(Arc::new(self.tls_client(suites)));
        client.connect(name.try_into().unwrap(), self.dial().await).await
    }

    /// The certificate that a client which asks for `name` is shown.
    async fn shown(&self, name: &'static str) -> Vec<u8> {
        let stream = self.try_handshake(name, aws_lc_rs::ALL_CIPHER_SUITES).await.unwrap();
        Client::new(stream).certificate()
    }

    /// One that looks at the chain and not at the name in it.
    fn tls_client(&self, suites: &[SupportedCipherSuite]) -> ClientConfig {
        let provider =
            CryptoProvider { cipher_suites: suites.to_vec(), ..aws_lc_rs::default_provider() };
        let builder = ClientConfig::builder_with_provider(Arc::new(provider));
        let versions: Vec<_> = [&TLS13, &TLS12]
            .into_iter()
            .filter(|version| suites.iter().any(|suite| suite.version() == *version))
            .collect();
        builder
            .with_protocol_versions(&versions)
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate))
            .with_no_client_auth()
    }

    fn certificates(&self) -> &Certificates {
        self.certificates.as_ref().unwrap()
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
    async fn sender(&self, _: &Origin, _: &Envelope) -> Result<(), Refused> {
        Ok(())
    }

    async fn recipient(&self, _: &Origin, _: &Envelope, _: &Recipient) -> Result<(), Refused> {
        Ok(())
    }

    fn verifier(&self, _: &Origin, _: &str) -> ScramVerifier {
        let iterations = NonZeroU32::MIN;
        ScramVerifier { iterations, salt: vec![0; 16], stored_key: vec![], server_key: vec![] }
    }

    async fn authenticate(&self, _: &Origin, claim: &Credentials) -> Result<String, Refused> {
        match claim {
            Credentials::Password { user, password } if password.reveal() == "lab" => {
                Ok(user.clone())
            }
            Credentials::Password { user, password } if password.reveal() == "slow" => {
                tokio::time::sleep(Duration::from_millis(300)).await;
                Ok(user.clone())
            }
            Credentials::Certificate { name } => Ok(name.clone()),
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
            Event::Authentication { mechanism, result, .. } => {
                format!("authentication {mechanism} {}", result.name())
            }
            Event::LineEndsNormalised { count, .. } => format!("normalised {count}"),
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
        let reply = self.reply().await;
        assert!(reply.contains(wanted), "{reply:?} instead of {wanted}");
    }

    async fn reply(&mut self) -> String {
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
        reply
    }

    async fn ask(&mut self, line: &str) -> String {
        self.write(format!("{line}\r\n").as_bytes()).await;
        self.reply().await
    }

    async fn say(&mut self, line: &str, wanted: &str) {
        self.write(format!("{line}\r\n").as_bytes()).await;
        self.expect(wanted).await;
    }

    async fn begin_envelope(&mut self) {
        self.say("EHLO client.test.example", "250").await;
        self.say("MAIL FROM:<a@nhs.test.example>", "250").await;
        self.say("RCPT TO:<b@gov.test.example>", "250").await;
    }

    async fn begin_message(&mut self) {
        self.begin_envelope().await;
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
    let address = "127.0.0.1:0".parse().unwrap();
    let listener = config::Listener {
        certificate: Some(CertificateFiles {
            chain: folder.join("chain.pem"),
            key: folder.join("key.pem"),
        }),
        clients: vec!["127.0.0.0/8".parse().unwrap()],
        max_message_size: 10 << 20,
        ..config::Listener::new("test".to_owned(), address, Direction::Outbound)
    };
    let limits = config::Limits {
        sessions: 10,
        sessions_per_client: 10,
        recipients: 10,
        memory: 50 << 20,
        authentication_delay: Duration::from_millis(10),
        stop_grace: Duration::from_secs(5),
        ..config::Limits::default()
    };
    (listener, limits)
}

fn write_certificate(folder: &Path) {
    let files = CertificateFiles { chain: folder.join("chain.pem"), key: folder.join("key.pem") };
    write_certificate_for("mx1.test.example", &files);
}

fn write_certificate_for(name: &str, files: &CertificateFiles) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    std::fs::write(&files.chain, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
}

/// What the certificate says is looked at by the tests themselves.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
