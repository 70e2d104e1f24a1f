//! STARTTLS, implicit TLS, and certificates that change.

use tokio::net::TcpStream;

use super::{super::BoundListener, Client, Lab, settings, write_certificate};
use crate::config::ListenerTls;

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
