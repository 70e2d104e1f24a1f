//! Whole discoveries over real sockets: a name server, an HTTPS server, a
//! folder, and time as the test has it.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, SystemTime},
};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::Policies;
use crate::{
    config::{Dns, Dnssec, ExchangeAddresses, MtaSts, StsDiscovery, proving_resolver},
    deliver::{
        claims::{Sts, StsMode},
        peers::{Answer, Authorities, Certificate, changing_name_server},
    },
    mail::{Domain, Timestamp, TlsFault},
};

const POLICY: &str = "version: STSv1\nmode: enforce\nmx: mx.x.example\nmax_age: 864000\n";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A domain with all that it publishes, and one who asks.
struct World {
    names: Arc<Mutex<Vec<(&'static str, Answer)>>>,
    /// What the policy host answers, whole.
    answer: Arc<Mutex<Vec<u8>>>,
    asked: Arc<AtomicUsize>,
    servers: Vec<SocketAddr>,
    settings: MtaSts,
    addresses: ExchangeAddresses,
    folder: PathBuf,
    policies: Policies,
    now: Timestamp,
    _authorities: Authorities,
    _directory: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        Self::with(Certificate::Good).await
    }

    async fn with(certificate: Certificate) -> Self {
        let authorities = Authorities::new();
        let tls = authorities.server_of("mta-sts.x.example", certificate);
        let answer = Arc::new(Mutex::new(Vec::new()));
        let asked = Arc::new(AtomicUsize::new(0));
        let port = policy_host(tls, Arc::clone(&answer), Arc::clone(&asked)).await;
        let names = Arc::new(Mutex::new(Vec::new()));
        let directory = tempfile::tempdir().unwrap();
        let mut world = Self {
            servers: vec![changing_name_server(Arc::clone(&names)).await],
            names,
            answer,
            asked,
            settings: MtaSts {
                discovery: StsDiscovery::On,
                port,
                trust_anchors: Some(authorities.trust_anchors.clone()),
            },
            addresses: ExchangeAddresses::Any,
            folder: directory.path().join("mta-sts"),
            policies: policies(&[], &MtaSts::default(), ExchangeAddresses::Any, None),
            now: SystemTime::now().into(),
            _authorities: authorities,
            _directory: directory,
        };
        world.announce("v=STSv1; id=1;");
        world.publish(POLICY);
        world.restart();
        world
    }

    /// A new process that finds the old one's folder.
    fn restart(&mut self) {
        let folder = Some(self.folder.clone());
        self.policies = policies(&self.servers, &self.settings, self.addresses, folder);
    }

    fn announce(&self, record: &'static str) {
        self.name(Answer::Txt(record));
    }

    /// What is said of `_mta-sts.x.example`.
    fn name(&self, answer: Answer) {
        let host = ("mta-sts.x.example", Answer::A(vec![[127, 0, 0, 1]]));
        *self.names.lock().unwrap() = vec![("_mta-sts.x.example", answer), host];
        self.policies.fetcher.resolver.clear_cache();
    }

    fn publish(&self, policy: &str) {
        self.answer_with("200 OK", "Content-Type: text/plain; charset=utf-8", policy);
    }

    fn answer_with(&self, status: &str, fields: &str, body: &str) {
        let length = body.len();
        *self.answer.lock().unwrap() =
            format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{fields}\r\n\r\n{body}")
                .into_bytes();
    }

    async fn of(&self) -> Sts {
        self.policies.of_at(&"x.example".parse().unwrap(), self.now).await
    }

    async fn refresh(&self) {
        self.policies.refresh_due_at(self.now).await;
    }

    /// The mode and id of the policy there is.
    async fn policy(&self) -> (StsMode, String) {
        match self.of().await {
            Sts::Policy(policy) => (policy.mode, policy.id.clone()),
            other => panic!("no policy: {other:?}"),
        }
    }

    async fn fault(&self) -> (TlsFault, String) {
        match self.of().await {
            Sts::Unavailable { fault, why } => (fault, why),
            other => panic!("no fault: {other:?}"),
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(SeqCst)
    }
}

fn policies(
    servers: &[SocketAddr],
    settings: &MtaSts,
    addresses: ExchangeAddresses,
    folder: Option<PathBuf>,
) -> Policies {
    let dns = Dns { servers: servers.to_vec(), dnssec: Dnssec::Off, trust_anchors: None };
    Policies::new(proving_resolver(&dns).unwrap(), settings, addresses, folder).unwrap()
}

async fn policy_host(
    tls: Arc<ServerConfig>,
    answer: Arc<Mutex<Vec<u8>>>,
    asked: Arc<AtomicUsize>,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (acceptor, answer) = (TlsAcceptor::from(tls.clone()), answer.clone());
            let asked = asked.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut request = vec![0; 2048];
                let length = stream.read(&mut request).await.unwrap_or(0);
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                assert!(request.starts_with("GET /.well-known/mta-sts.txt HTTP/1.1\r\n"));
                assert!(request.contains(&format!("host: mta-sts.x.example:{port}\r\n")));
                asked.fetch_add(1, SeqCst);
                let answer = answer.lock().unwrap().clone();
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    port
}

#[tokio::test]
async fn a_policy_is_fetched_once_and_holds() {
    let mut world = World::new().await;
    let Sts::Policy(policy) = world.of().await else { panic!("no policy") };
    assert_eq!((policy.mode, policy.id.as_str()), (StsMode::Enforce, "1"));
    assert!(policy.covers(&"mx.x.example".parse().unwrap()));
    assert!(!policy.covers(&"mx.y.example".parse().unwrap()));
    world.now = world.now + 9 * DAY;
    world.policy().await;
    assert_eq!(world.asked(), 1);
}

#[tokio::test]
async fn a_domain_that_announces_none_has_none_and_nobody_is_asked() {
    let world = World::new().await;
    for record in ["v=spf1 -all", "v=STSv1; id=;"] {
        world.announce(record);
        assert!(matches!(world.of().await, Sts::Absent), "{record}");
    }
    world.name(Answer::NxDomain);
    assert!(matches!(world.of().await, Sts::Absent));
    assert_eq!(world.asked(), 0);
}

#[tokio::test]
async fn where_discovery_is_off_nobody_is_asked() {
    let mut world = World::new().await;
    world.settings.discovery = StsDiscovery::Off;
    world.restart();
    assert!(matches!(world.of().await, Sts::Absent));
    assert!(!world.folder.join("x.example.json").exists());
    assert_eq!(world.asked(), 0);
}

#[tokio::test]
async fn a_changed_id_is_honoured_at_once() {
    let world = World::new().await;
    world.policy().await;
    world.publish(&POLICY.replace("enforce", "testing"));
    assert_eq!(world.policy().await, (StsMode::Enforce, "1".to_owned()));
    world.announce("v=STSv1; id=2;");
    assert_eq!(world.policy().await, (StsMode::Testing, "2".to_owned()));
}

#[tokio::test]
async fn nobody_on_the_way_can_take_a_policy_away_before_it_expires() {
    let mut world = World::new().await;
    world.policy().await;
    for announced in [Answer::NxDomain, Answer::ServFail, Answer::Txt("v=spf1 -all")] {
        world.name(announced);
        assert_eq!(world.policy().await, (StsMode::Enforce, "1".to_owned()));
    }
    // Nor by announcing another that cannot be had.
    world.answer_with("500 Oops", "Content-Type: text/plain", "");
    world.announce("v=STSv1; id=3;");
    assert_eq!(world.policy().await, (StsMode::Enforce, "1".to_owned()));
    world.now = world.now + 10 * DAY;
    assert!(matches!(world.of().await, Sts::Unavailable { .. }));
    world.name(Answer::NxDomain);
    assert!(matches!(world.of().await, Sts::Absent));
}

#[tokio::test]
async fn a_restart_forgets_no_policy() {
    let mut world = World::new().await;
    world.policy().await;
    world.name(Answer::ServFail);
    world.now = world.now + 9 * DAY;
    world.restart();
    assert_eq!(world.policy().await, (StsMode::Enforce, "1".to_owned()));
    std::fs::write(world.folder.join("x.example.json"), "torn").unwrap();
    world.restart();
    assert!(matches!(world.of().await, Sts::Absent));
}

#[tokio::test]
async fn a_policy_is_fetched_again_before_it_expires() {
    let mut world = World::new().await;
    world.policy().await;
    world.refresh().await;
    assert_eq!(world.asked(), 1, "not before it is due");
    for _ in 0..20 {
        world.now = world.now + DAY;
        world.refresh().await;
    }
    assert_eq!(world.asked(), 21);
    assert_eq!(world.policy().await, (StsMode::Enforce, "1".to_owned()));
    // The host fails: what is kept holds on, for as long as it was given.
    world.answer_with("500 Oops", "Content-Type: text/plain", "");
    for _ in 0..9 {
        world.now = world.now + DAY;
        world.refresh().await;
        world.policy().await;
    }
    world.now = world.now + DAY;
    world.refresh().await;
    assert!(matches!(world.of().await, Sts::Unavailable { .. }));
    assert!(!world.folder.join("x.example.json").exists(), "it is forgotten");
}

#[tokio::test]
async fn a_domain_that_takes_its_record_back_is_let_go() {
    let mut world = World::new().await;
    world.policy().await;
    world.name(Answer::NxDomain);
    for _ in 0..10 {
        world.now = world.now + DAY;
        world.refresh().await;
    }
    assert_eq!(world.asked(), 1);
    assert!(matches!(world.of().await, Sts::Absent));
}

#[tokio::test]
async fn only_a_certificate_for_the_policy_host_is_believed() {
    for wrong in [
        Certificate::WrongName,
        Certificate::Expired,
        Certificate::OtherAuthority,
        Certificate::SelfSigned,
    ] {
        let world = World::with(wrong).await;
        let (fault, why) = world.fault().await;
        assert_eq!(fault, TlsFault::StsWebpkiInvalid, "{wrong:?}: {why}");
        assert_eq!(world.asked(), 0, "{wrong:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_policy_is_none() {
    use TlsFault::{StsPolicyFetchError, StsPolicyInvalid};
    let world = World::new().await;
    let text = "Content-Type: text/plain";
    let large = format!("{POLICY}x: {}\n", "x".repeat(64 << 10));
    let elsewhere = format!("{text}\r\nLocation: https://mta-sts.x.example/other");
    for (status, fields, body, expected) in [
        ("404 Not Found", text, POLICY, StsPolicyFetchError),
        ("301 Moved Permanently", elsewhere.as_str(), POLICY, StsPolicyFetchError),
        ("200 OK", "Content-Type: text/html", POLICY, StsPolicyFetchError),
        ("200 OK", "X-Nothing: said", POLICY, StsPolicyFetchError),
        ("200 OK", text, large.as_str(), StsPolicyFetchError),
        ("200 OK", text, "version: STSv2\n", StsPolicyInvalid),
    ] {
        world.policies.failed.invalidate_all();
        world.answer_with(status, fields, body);
        let (fault, why) = world.fault().await;
        assert_eq!(fault, expected, "{status} {fields}: {why}");
    }
    *world.answer.lock().unwrap() = b"no HTTP at all\r\n\r\n".to_vec();
    world.policies.failed.invalidate_all();
    assert_eq!(world.fault().await.0, StsPolicyFetchError);
}

#[tokio::test]
async fn a_host_that_fails_is_left_alone_for_a_while() {
    let mut world = World::new().await;
    world.answer_with("500 Oops", "Content-Type: text/plain", "");
    world.fault().await;
    world.publish(POLICY);
    world.fault().await;
    assert_eq!(world.asked(), 1);
    world.now = world.now + Duration::from_secs(5 * 60);
    world.policy().await;
    assert_eq!(world.asked(), 2);
}

#[tokio::test]
async fn all_who_ask_at_once_share_one_fetch() {
    let world = World::new().await;
    let domain: Domain = "x.example".parse().unwrap();
    let ask = || world.policies.of_at(&domain, world.now);
    let answers = tokio::join!(ask(), ask(), ask(), ask());
    for answer in [answers.0, answers.1, answers.2, answers.3] {
        assert!(matches!(answer, Sts::Policy(_)));
    }
    assert_eq!(world.asked(), 1);
}

#[tokio::test]
async fn a_strangers_policy_host_on_our_own_machine_is_not_spoken_to() {
    let mut world = World::new().await;
    world.addresses = ExchangeAddresses::Remote;
    world.restart();
    assert_eq!(world.fault().await.0, TlsFault::StsPolicyFetchError);
    assert_eq!(world.asked(), 0);
}

#[tokio::test]
async fn trust_anchors_that_cannot_be_used_are_known_at_start() {
    let world = World::new().await;
    for wrong in ["absent.pem", "empty.pem"] {
        let path = world.folder.with_file_name(wrong);
        if wrong.starts_with("empty") {
            std::fs::write(&path, "").unwrap();
        }
        let settings = MtaSts { trust_anchors: Some(path), ..world.settings.clone() };
        let resolver = world.policies.fetcher.resolver.clone();
        assert!(Policies::new(resolver, &settings, world.addresses, None).is_err(), "{wrong}");
    }
}
