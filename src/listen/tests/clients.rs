//! Who the client is, and whether it may relay.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::{Client, Lab};
use crate::config::{Listener, Network, ProxyProtocol};

fn networks(written: &str) -> Vec<Network> {
    vec![written.parse().unwrap()]
}

fn proxied(listener: &mut Listener) {
    listener.proxy_protocol = ProxyProtocol::Required;
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
async fn only_listed_proxies_may_say_whom_they_bring() {
    let header = b"PROXY TCP4 192.0.2.7 127.0.0.1 40000 25\r\n";
    let lab = Lab::start(|listener, _| {
        proxied(listener);
        listener.proxies = networks("10.0.0.0/8");
    })
    .await;
    let mut stranger = Client::new(lab.dial().await);
    stranger.write(header).await;
    assert_eq!(stranger.rest().await, "");
    lab.settle().await;
    assert_eq!(lab.events(), ["opened", "closed 127.0.0.1 refused"]);

    let lab = Lab::start(|listener, _| {
        proxied(listener);
        listener.proxies = networks("127.0.0.0/8");
    })
    .await;
    let mut client = Client::new(lab.dial().await);
    client.write(header).await;
    client.expect("220").await;
}

#[tokio::test]
async fn a_connection_that_a_proxy_does_not_name_has_no_rights() {
    let lab = Lab::start(|listener, _| {
        proxied(listener);
        listener.xclient = networks("127.0.0.0/8");
    })
    .await;
    for header in ["PROXY UNKNOWN", "PROXY TCP4 127.0.0.1 127.0.0.1 40000 25"] {
        let mut client = Client::new(lab.dial().await);
        client.write(format!("{header}\r\n").as_bytes()).await;
        client.expect("220").await;
        let known = header.contains("TCP4");
        client.say("XCLIENT ADDR=10.0.0.7", if known { "220" } else { "550 5.7.0" }).await;
        client.say("EHLO balancer.test.example", "250").await;
        client.say("MAIL FROM:<a@nhs.test.example>", "250").await;
        client.say("RCPT TO:<b@gov.test.example>", "550 5.7.1").await;
    }
}

#[tokio::test]
async fn a_command_that_comes_with_the_proxys_header_is_the_clients() {
    for (delay, replies) in [(0, ["220", "250"]), (1, ["554 5.5.1", ""])] {
        let lab = Lab::start(|listener, _| {
            proxied(listener);
            listener.greeting_delay = Duration::from_millis(delay);
        })
        .await;
        let mut client = Client::new(lab.dial().await);
        client.write(b"PROXY TCP4 127.0.0.1 127.0.0.1 40000 25\r\nHELO client\r\n").await;
        client.expect(replies[0]).await;
        match replies[1] {
            "" => assert_eq!(client.rest().await, ""),
            reply => client.expect(reply).await,
        }
    }
}

#[tokio::test]
async fn a_client_that_talks_while_the_greeting_is_held_back_is_refused() {
    let delay = Duration::from_millis(300);
    let lab = Lab::start(|listener, _| listener.greeting_delay = delay).await;
    let mut early = Client::new(lab.dial().await);
    early.write(b"EHLO client.test.example\r\n").await;
    early.expect("554 5.5.1").await;
    assert_eq!(early.rest().await, "");
    assert!(lab.events().contains(&"refused early_talker 554".to_owned()));
    let began = Instant::now();
    let mut patient = lab.connect().await;
    assert!(began.elapsed() >= delay);
    patient.send_message("hello").await;
}

#[tokio::test]
async fn xclient_makes_it_the_session_of_another_client() {
    let lab = Lab::start(|listener, limits| {
        listener.xclient = networks("127.0.0.0/8");
        listener.clients = networks("10.0.0.0/8");
        limits.sessions_per_client = 1;
    })
    .await;
    let mut client = lab.connect().await;
    client.say("EHLO filter.test.example", "XCLIENT NAME ADDR").await;
    client.say("XCLIENT ADDR=10.0.0.7", "220").await;
    client.send_message("hello").await;
    // Its place has passed to that client, which has no second one.
    let mut second = lab.connect().await;
    second.say("XCLIENT ADDR=10.0.0.7", "421 4.7.0").await;
    drop(second);
    client.say("XCLIENT ADDR=10.0.0.7", "220").await;
    client.say("QUIT", "221").await;
    lab.stop().await;
    let origin = lab.reception.messages.lock().unwrap()[0].origin.clone();
    assert_eq!(origin.client.to_string(), "10.0.0.7");
    assert!(lab.events().contains(&"closed 10.0.0.7 quit".to_owned()));
}

#[tokio::test]
async fn a_listed_device_may_end_its_lines_as_it_does_and_is_counted() {
    let lab = Lab::start(|listener, _| listener.normalise_line_ends = networks("127.0.0.1")).await;
    let mut client = lab.connect().await;
    client.begin_message().await;
    client.say("one\ntwo\r\n.", "250 2.0.0 queued").await;
    assert_eq!(&lab.reception.messages.lock().unwrap()[0].content[..], b"one\r\ntwo\r\n");
    assert!(lab.events().contains(&"normalised 1".to_owned()), "{:?}", lab.events());
}
