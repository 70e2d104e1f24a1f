//! What failing to authenticate costs.

use std::time::{Duration, Instant};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::{Client, Lab};
use crate::config::{Limits, ListenerTls, ProxyProtocol};

async fn lab(change: impl FnOnce(&mut Limits)) -> Lab {
    let lab = Lab::start(|listener, limits| {
        listener.tls = ListenerTls::Implicit;
        listener.users = Some("users".into());
        limits.authentication_failures = 100;
        change(limits);
    });
    lab.await
}

async fn connect(lab: &Lab) -> Client<TlsStream<TcpStream>> {
    let mut client = Client::new(lab.handshake(lab.dial().await).await);
    client.expect("220").await;
    client.say("EHLO client.test.example", "250").await;
    client
}

fn plain(password: &str) -> String {
    format!("AUTH PLAIN {}", BASE64.encode(format!("\0lab\0{password}")))
}

#[tokio::test]
async fn a_failure_is_answered_late_and_keeps_nobody_else_waiting() {
    let lab = lab(|limits| limits.authentication_delay = Duration::from_millis(600)).await;
    let (mut guesser, mut other) = (connect(&lab).await, connect(&lab).await);
    let begun = Instant::now();
    let guessing = async {
        guesser.say(&plain("wrong"), "535 5.7.8").await;
        begun.elapsed()
    };
    let working = async {
        other.say(&plain("lab"), "235").await;
        begun.elapsed()
    };
    let (late, soon) = tokio::join!(guessing, working);
    assert!(late >= Duration::from_millis(600), "{late:?}");
    assert!(soon < Duration::from_millis(500), "{soon:?}");
}

#[tokio::test]
async fn a_client_that_guesses_is_shut_out_over_all_its_sessions() {
    let lab = lab(|limits| limits.shut_out_after = 3).await;
    let (mut one, mut two) = (connect(&lab).await, connect(&lab).await);
    one.say(&plain("first"), "535 5.7.8").await;
    two.say(&plain("second"), "535 5.7.8").await;
    // A success clears nothing: one good account must not buy more guesses.
    let mut three = connect(&lab).await;
    three.say(&plain("lab"), "235").await;
    one.say(&plain("third"), "535 5.7.8").await;
    two.say(&plain("lab"), "454 4.7.0").await;
    one.say("AUTH SCRAM-SHA-256 biwsbj1sYWIscj1hYmM=", "454 4.7.0").await;
    // Sessions go on, and those that have authenticated are not touched.
    one.say("NOOP", "250").await;
    three.send_message("hello").await;
    let refused = lab.events().iter().filter(|event| *event == "refused shut_out 454").count();
    assert_eq!(refused, 2);
    // Before TLS there is no way to say anything.
    assert_eq!(Client::new(lab.dial().await).rest().await, "");
    lab.settle().await;
    assert!(lab.events().contains(&"refused shut_out 421".to_owned()));
    assert_eq!(lab.shut_out.clients(Instant::now()), 1);
}

#[tokio::test]
async fn many_sessions_at_once_bring_no_more_guesses() {
    let lab = lab(|limits| limits.shut_out_after = 1).await;
    let (mut one, mut two) = (connect(&lab).await, connect(&lab).await);
    // Right, and looked at while the other session is shut out.
    let (right, wrong) = (plain("slow"), plain("wrong"));
    tokio::join!(one.say(&right, "454 4.7.0"), two.say(&wrong, "535 5.7.8"));
}

#[tokio::test]
async fn a_client_that_is_shut_out_is_told_so_before_it_is_greeted() {
    let lab = Lab::start(|listener, limits| {
        listener.proxy_protocol = ProxyProtocol::Required;
        limits.shut_out_after = 1;
    })
    .await;
    lab.shut_out.count("192.0.2.7".parse().unwrap(), Instant::now());
    for (client, greeting) in [("192.0.2.7", "421 4.7.0"), ("192.0.2.8", "220 mx1")] {
        let mut connection = Client::new(lab.dial().await);
        connection.write(format!("PROXY TCP4 {client} 127.0.0.1 40000 25\r\n").as_bytes()).await;
        connection.expect(greeting).await;
    }
}

#[tokio::test]
async fn every_claim_is_told_with_its_mechanism_and_what_came_of_it() {
    let lab = lab(|limits| limits.shut_out_after = 3).await;
    let mut client = connect(&lab).await;
    client.say(&plain("wrong"), "535").await;
    client.say("AUTH LOGIN bGFi", "334").await;
    client.say("d3Jvbmc=", "535").await;
    // The verifier of this lab is nobody's.
    client.say("AUTH SCRAM-SHA-256 biwsbj1sYWIscj1hYmM=", "334").await;
    client.say(&BASE64.encode("c=biws,r=abc,p=AAAA"), "535").await;
    client.say(&plain("lab"), "454").await;
    let told: Vec<_> =
        lab.events().into_iter().filter(|event| event.starts_with("authentication")).collect();
    assert_eq!(
        told,
        [
            "authentication PLAIN refused",
            "authentication LOGIN refused",
            "authentication SCRAM-SHA-256 refused",
            "authentication PLAIN shut_out",
        ]
    );
}
