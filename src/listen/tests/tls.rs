//! STARTTLS, implicit TLS, and certificates that change.

use std::sync::Arc;

use rustls::{HandshakeKind, crypto::aws_lc_rs};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{
    super::{BoundListener, CertificateSummary, Outlook},
    Client, Lab, settings, write_certificate,
};
use crate::{
    config::ListenerTls,
    mail::{Ciphers, Timestamp},
};

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
async fn certificates_are_renewed_without_dropping_a_session() {
    let lab = Lab::start(|listener, _| listener.tls = ListenerTls::Implicit).await;
    let mut before = Client::new(lab.handshake(lab.dial().await).await);
    before.expect("220").await;
    let first = before.certificate();
    write_certificate(lab.folder.path());
    lab.certificates().renew().unwrap().take_effect();
    let mut after = Client::new(lab.handshake(lab.dial().await).await);
    after.expect("220").await;
    assert_ne!(first, after.certificate());
    before.say("NOOP", "250").await;
}

#[tokio::test]
async fn one_certificate_that_cannot_be_read_keeps_all_that_are_in_use() {
    let lab = Lab::start_with_trust().await;
    let shown = |name| lab.shown(name);
    let (own, trust) = (shown("mx1.test.example").await, shown("a.trust.test.example").await);
    assert_ne!(own, trust);
    write_certificate(lab.folder.path());
    std::fs::write(lab.folder.path().join("trust.key"), "no key").unwrap();
    let error = lab.certificates().renew().unwrap_err().to_string();
    assert!(error.contains("trust.key"), "{error}");
    assert_eq!(shown("mx1.test.example").await, own, "half of them were renewed");
    assert_eq!(shown("a.trust.test.example").await, trust);
}

#[tokio::test]
async fn a_key_of_another_certificate_is_found_out() {
    let lab = Lab::start_with_trust().await;
    std::fs::copy(lab.folder.path().join("key.pem"), lab.folder.path().join("trust.key")).unwrap();
    let error = lab.certificates().renew().unwrap_err().to_string();
    assert!(error.contains("trust.key") && error.contains("together"), "{error}");
}

#[tokio::test]
async fn a_client_is_shown_the_certificate_it_asks_for_by_name() {
    let lab = Lab::start_with_trust().await;
    let own = lab.shown("mx1.test.example").await;
    assert_eq!(lab.shown("stranger.test.example").await, own);
    assert_ne!(lab.shown("a.trust.test.example").await, own);
    assert_eq!(lab.shown("a.b.trust.test.example").await, own, "a wildcard is one label");
    let names: Vec<_> = lab.certificates().summaries().iter().map(|s| s.names.clone()).collect();
    assert_eq!(names, [["mx1.test.example"], ["*.trust.test.example"]]);
}

#[tokio::test]
async fn the_ncscs_list_has_aes_gcm_alone_and_its_own_order() {
    let lab = Lab::start(|listener, _| {
        listener.tls = ListenerTls::Implicit;
        listener.ciphers = Ciphers::Ncsc;
    })
    .await;
    use aws_lc_rs::cipher_suite::{
        TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS13_AES_128_GCM_SHA256,
        TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256,
    };
    let order =
        [TLS13_CHACHA20_POLY1305_SHA256, TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384];
    let stream = lab.try_handshake("mx1.test.example", &order).await.unwrap();
    let agreed = stream.get_ref().1.negotiated_cipher_suite().unwrap().suite();
    assert_eq!(agreed, TLS13_AES_256_GCM_SHA384.suite());
    for suite in [TLS13_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256] {
        assert!(lab.try_handshake("mx1.test.example", &[suite]).await.is_err(), "{suite:?}");
    }
}

#[tokio::test]
async fn mozillas_list_leaves_the_choice_to_the_client() {
    let lab = Lab::start(|listener, _| listener.tls = ListenerTls::Implicit).await;
    for suite in aws_lc_rs::ALL_CIPHER_SUITES {
        let stream = lab.try_handshake("mx1.test.example", &[*suite]).await;
        let wants_rsa = format!("{suite:?}").contains("ECDHE_RSA");
        assert_eq!(stream.is_err(), wants_rsa, "{suite:?} with an ECDSA certificate");
    }
    let mut reversed = aws_lc_rs::ALL_CIPHER_SUITES.to_vec();
    reversed.reverse();
    let first = reversed.iter().find(|suite| suite.tls13().is_some()).unwrap().suite();
    let stream = lab.try_handshake("mx1.test.example", &reversed).await.unwrap();
    assert_eq!(stream.get_ref().1.negotiated_cipher_suite().unwrap().suite(), first);
}

#[tokio::test]
async fn nothing_is_kept_for_a_session_to_be_resumed() {
    let lab = Lab::start(|listener, _| listener.tls = ListenerTls::Implicit).await;
    let client = Arc::new(lab.tls_client(aws_lc_rs::ALL_CIPHER_SUITES));
    for _ in 0..3 {
        let name = "mx1.test.example".try_into().unwrap();
        let connector = TlsConnector::from(Arc::clone(&client));
        let stream = connector.connect(name, lab.dial().await).await.unwrap();
        let mut stream = Client::new(stream);
        stream.expect("220").await;
        stream.say("QUIT", "221").await;
        let (_, connection) = stream.0.get_ref().get_ref();
        assert_eq!(connection.handshake_kind(), Some(HandshakeKind::Full));
        assert_eq!(connection.tls13_tickets_received(), 0);
    }
}

#[test]
fn a_certificate_is_told_of_in_good_time() {
    let expiry = Timestamp::from_unix_milliseconds(1_800_000_000_000);
    let summary = CertificateSummary {
        chain: "certs/mx1.pem".into(),
        names: Vec::new(),
        expires_at: Some(expiry),
    };
    let before = |days: u64| {
        Timestamp::from_unix_milliseconds(expiry.unix_milliseconds() - days * 86_400_000)
    };
    assert_eq!(summary.outlook(before(22)), Outlook::Good);
    assert_eq!(summary.outlook(before(21)), Outlook::ExpiresSoon(expiry));
    assert_eq!(summary.outlook(expiry), Outlook::Expired(expiry));
    assert_eq!(summary.name(), "mx1.pem", "a certificate without names");
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
