//! Next hops and name servers for the tests: real sockets on loopback, faults
//! by name.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use hickory_resolver::proto::{
    op::{Message, OpCode, ResponseCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, MX, TXT},
    },
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream, UdpSocket},
};
use tokio_rustls::TlsAcceptor;

use super::deliverer::Settings;
use crate::config::{Dnssec, ExchangeAddresses, StsDiscovery};

/// What is wrong with a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    NoStartTls,
    /// STARTTLS is answered with 454.
    RefusesTls,
    /// Octets that are no TLS come after the 220.
    Garbage,
    /// A reply in clear stands right behind the 220.
    Injects,
    /// The connection closes after the 220.
    ClosesAtTls,
    /// Speaks no version of TLS that is still in use: so says its alert.
    OldTls,
    /// 421 to EHLO.
    Busy,
    /// 554 as the greeting.
    Unwelcoming,
    /// Closes once content is complete, without a reply.
    ClosesAfterContent,
    /// Refuses content in its middle and closes.
    RefusesContent,
    /// Answers one message and then closes without a word.
    ClosesAfterReply,
}

/// Whose certificate a peer shows, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certificate {
    Good,
    WrongName,
    Expired,
    NotYetValid,
    OtherAuthority,
    SelfSigned,
}

/// One message as a peer took it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) encrypted: bool,
    /// On which connection, counted from 1.
    pub(super) connection: usize,
    pub(super) content: String,
}

/// Every command line a peer was told.
type Told = Arc<Mutex<Vec<String>>>;

pub(super) struct Peer {
    pub(super) address: SocketAddr,
    taken: Arc<Mutex<Vec<Taken>>>,
    told: Told,
}

/// What a server shows, and its SubjectPublicKeyInfo.
pub(super) struct Material {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) public: Vec<u8>,
}

/// Two authorities, of which the first is trusted.
pub(super) struct Authorities {
    trusted: Issuer<'static, KeyPair>,
    other: Issuer<'static, KeyPair>,
    pub(super) trust_anchors: PathBuf,
    _directory: tempfile::TempDir,
}

/// One who delivers to such peers.
pub(super) fn settings() -> Settings {
    let mut settings = Settings::new("gw.test.example".parse().unwrap());
    settings.exchange_addresses = ExchangeAddresses::Any;
    // The name servers of these tests have nothing signed.
    settings.dns.dnssec = Dnssec::Off;
    settings.mta_sts.discovery = StsDiscovery::Off;
    settings.deadline = Duration::from_secs(20);
    settings.timeouts.handshake = Duration::from_secs(5);
    settings
}

impl Authorities {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let trust_anchors = directory.path().join("ca.pem");
        let (pem, trusted) = authority("trusted");
        std::fs::write(&trust_anchors, pem).unwrap();
        let (_, other) = authority("other");
        Self { trusted, other, trust_anchors, _directory: directory }
    }

    pub(super) fn server(&self, certificate: Certificate) -> Arc<ServerConfig> {
        self.server_and_key(certificate).0
    }

    /// And its SubjectPublicKeyInfo, for who pins it.
    pub(super) fn server_and_key(&self, certificate: Certificate) -> (Arc<ServerConfig>, Vec<u8>) {
        self.bearing(MX_NAME, certificate)
    }

    /// One that bears this name.
    pub(super) fn server_of(&self, name: &str, certificate: Certificate) -> Arc<ServerConfig> {
        self.bearing(name, certificate).0
    }

    fn bearing(&self, name: &str, certificate: Certificate) -> (Arc<ServerConfig>, Vec<u8>) {
        let Material { chain, key, public } = self.material(name, certificate);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        (Arc::new(config), public)
    }

    pub(super) fn material(&self, name: &str, certificate: Certificate) -> Material {
        let name = if certificate == Certificate::WrongName { "mx.other.example" } else { name };
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = match certificate {
            Certificate::NotYetValid => rcgen::date_time_ymd(2080, 1, 1),
            _ => rcgen::date_time_ymd(2020, 1, 1),
        };
        params.not_after = match certificate {
            Certificate::Expired => rcgen::date_time_ymd(2021, 1, 1),
            _ => rcgen::date_time_ymd(2090, 1, 1),
        };
        let key = KeyPair::generate().unwrap();
        let signed = match certificate {
            Certificate::SelfSigned => params.self_signed(&key),
            Certificate::OtherAuthority => params.signed_by(&key, &self.other),
            _ => params.signed_by(&key, &self.trusted),
        };
        let public = rcgen::PublicKeyData::subject_public_key_info(&key);
        let chain = vec![CertificateDer::from(signed.unwrap().der().to_vec())];
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        Material { chain, key, public }
    }
}

fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (certificate.pem(), Issuer::new(params, key))
}

impl Peer {
    pub(super) async fn start(fault: Fault, tls: Option<Arc<ServerConfig>>) -> Self {
        Self::listen("127.0.0.1:0".parse().unwrap(), fault, tls).await
    }

    /// One that names these extensions too, once nothing is in clear that
    /// need not be.
    pub(super) async fn offering(
        extensions: &'static [&'static str],
        tls: Option<Arc<ServerConfig>>,
    ) -> Self {
        Self::serve("127.0.0.1:0".parse().unwrap(), Fault::None, tls, extensions).await
    }

    pub(super) async fn listen(
        address: SocketAddr,
        fault: Fault,
        tls: Option<Arc<ServerConfig>>,
    ) -> Self {
        Self::serve(address, fault, tls, &[]).await
    }

    async fn serve(
        address: SocketAddr,
        fault: Fault,
        tls: Option<Arc<ServerConfig>>,
        extensions: &'static [&'static str],
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let kept = taken.clone();
        let told = Told::default();
        let heard = told.clone();
        tokio::spawn(async move {
            for connection in 1.. {
                let (stream, _) = listener.accept().await.unwrap();
                let serve = Serve {
                    fault,
                    connection,
                    extensions,
                    taken: kept.clone(),
                    told: heard.clone(),
                };
                tokio::spawn(serve.greet(stream, tls.clone()));
            }
        });
        Self { address, taken, told }
    }

    pub(super) fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    /// The commands that begin so, each without its line end.
    pub(super) fn told(&self, verb: &str) -> Vec<String> {
        let told = self.told.lock().unwrap();
        told.iter().filter(|line| line.starts_with(verb)).cloned().collect()
    }
}

struct Serve {
    fault: Fault,
    connection: usize,
    extensions: &'static [&'static str],
    taken: Arc<Mutex<Vec<Taken>>>,
    told: Told,
}

/// What ended a session in clear.
enum End {
    Closed,
    StartTls,
}

impl Serve {
    async fn greet(self, mut stream: TcpStream, tls: Option<Arc<ServerConfig>>) {
        if self.fault == Fault::Unwelcoming {
            let _ = stream.write_all(b"554 5.7.1 not from you\r\n").await;
            return;
        }
        stream.write_all(b"220 mx ESMTP\r\n").await.unwrap();
        let offers = tls.is_some() && self.fault != Fault::NoStartTls;
        match self.session(&mut BufReader::new(&mut stream), offers, false).await {
            Ok(End::StartTls) => {}
            _ => return,
        }
        match self.fault {
            Fault::Garbage => {
                let _ = stream.write_all(b"220 go\r\n").await;
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                let _ = stream.write_all(b"this is no TLS at all\r\n").await;
            }
            Fault::Injects => {
                let _ = stream.write_all(b"220 go\r\n250 injected\r\n").await;
                let _ = stream.readable().await;
            }
            Fault::ClosesAtTls => {
                let _ = stream.write_all(b"220 go\r\n").await;
            }
            Fault::OldTls => {
                let _ = stream.write_all(b"220 go\r\n").await;
                let _ = stream.readable().await;
                // A fatal alert, protocol_version (RFC 5246 section 7.2).
                let _ = stream.write_all(&[21, 3, 1, 0, 2, 2, 70]).await;
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            _ => {
                stream.write_all(b"220 go\r\n").await.unwrap();
                let acceptor = TlsAcceptor::from(tls.unwrap());
                if let Ok(stream) = acceptor.accept(stream).await {
                    let _ = self.session(&mut BufReader::new(stream), false, true).await;
                }
            }
        }
    }

    async fn session(
        &self,
        stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>,
        offers: bool,
        encrypted: bool,
    ) -> std::io::Result<End> {
        let mut line = String::new();
        loop {
            line.clear();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(End::Closed);
            }
            self.told.lock().unwrap().push(line.trim_end().to_owned());
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            let greeting;
            let reply = match verb.as_str() {
                "EHLO" if self.fault == Fault::Busy => "421 4.3.2 busy\r\n",
                "EHLO" if offers => "250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n",
                "EHLO" | "LHLO" => {
                    let named = self.extensions.iter().map(|name| format!("250-{name}\r\n"));
                    greeting = format!("250-mx\r\n{}250 PIPELINING\r\n", named.collect::<String>());
                    &greeting
                }
                "STAR" if self.fault == Fault::RefusesTls => "454 4.7.0 not now\r\n",
                "STAR" => return Ok(End::StartTls),
                "RCPT" if line.contains("<nobody@") => "550 5.1.1 nobody here\r\n",
                "RCPT" if line.contains("<later@") => "450 4.2.1 later\r\n",
                "DATA" => {
                    stream.write_all(b"354 go\r\n").await?;
                    if !self.content(stream, encrypted).await? {
                        return Ok(End::Closed);
                    }
                    "250 2.0.0 taken\r\n"
                }
                "QUIT" => return Ok(End::Closed),
                _ => "250 ok\r\n",
            };
            stream.write_all(reply.as_bytes()).await?;
            stream.flush().await?;
            if verb == "DATA" && self.fault == Fault::ClosesAfterReply {
                return Ok(End::Closed);
            }
        }
    }

    /// Whether there is to be a reply.
    async fn content(
        &self,
        stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>,
        encrypted: bool,
    ) -> std::io::Result<bool> {
        let mut content = String::new();
        let mut line = String::new();
        loop {
            line.clear();
            stream.read_line(&mut line).await?;
            if self.fault == Fault::RefusesContent {
                stream.write_all(b"552 5.3.4 too much\r\n").await?;
                stream.flush().await?;
                return Ok(false);
            }
            if line == ".\r\n" {
                break;
            }
            content.push_str(line.strip_prefix('.').unwrap_or(&line));
        }
        let taken = Taken { encrypted, connection: self.connection, content };
        self.taken.lock().unwrap().push(taken);
        Ok(self.fault != Fault::ClosesAfterContent)
    }
}

/// What a name server says of a name.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Mx(Vec<(u16, &'static str)>),
    A(Vec<[u8; 4]>),
    Txt(&'static str),
    NxDomain,
    ServFail,
    Silence,
}

/// Answers for the names it is given; others exist and have nothing.
pub(super) async fn name_server(zone: Vec<(&'static str, Answer)>) -> SocketAddr {
    changing_name_server(Arc::new(Mutex::new(zone))).await
}

/// One whose names may change while it serves.
pub(super) async fn changing_name_server(
    zone: Arc<Mutex<Vec<(&'static str, Answer)>>>,
) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        loop {
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            let query = Message::from_vec(&buffer[..length]).unwrap();
            let response = answer(&query, &zone.lock().unwrap());
            if let Some(response) = response {
                socket.send_to(&response.to_vec().unwrap(), from).await.unwrap();
            }
        }
    });
    address
}

fn answer(query: &Message, zone: &[(&'static str, Answer)]) -> Option<Message> {
    let question = &query.queries[0];
    let asked = question.name().to_lowercase().to_utf8();
    let mut response = Message::response(query.metadata.id, OpCode::Query);
    response.metadata.recursion_available = true;
    response.add_query(question.clone());
    for (name, answer) in zone.iter().filter(|(name, _)| *name == asked.trim_end_matches('.')) {
        let data: Vec<RData> = match (answer, question.query_type()) {
            (Answer::Silence, _) => return None,
            (Answer::NxDomain, _) => {
                response.metadata.response_code = ResponseCode::NXDomain;
                vec![]
            }
            (Answer::ServFail, _) => {
                response.metadata.response_code = ResponseCode::ServFail;
                vec![]
            }
            (Answer::Mx(records), RecordType::MX) => records
                .iter()
                .map(|(preference, host)| {
                    RData::MX(MX::new(*preference, Name::from_ascii(host).unwrap()))
                })
                .collect(),
            (Answer::A(addresses), RecordType::A) => {
                addresses.iter().map(|&[a, b, c, d]| RData::A(A::new(a, b, c, d))).collect()
            }
            (Answer::Txt(text), RecordType::TXT) => {
                vec![RData::TXT(TXT::new(vec![(*text).to_owned()]))]
            }
            _ => vec![],
        };
        let owner = Name::from_ascii(format!("{name}.")).unwrap();
        for data in data {
            response.add_answer(Record::from_rdata(owner.clone(), 60, data));
        }
    }
    Some(response)
}

pub(super) const MX_NAME: &str = "mx.gov.test.example";
