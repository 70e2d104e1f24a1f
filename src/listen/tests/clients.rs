//! Who the client is, and whether it may relay.

use tokio::net::TcpStream;

use super::{Client, Lab};
use crate::config::ProxyProtocol;

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
