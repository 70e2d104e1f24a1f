//! What is over a limit is told so, and costs nobody else.

use std::{sync::Arc, time::Duration};

use tokio::net::TcpStream;

use super::{super::conversation, Client, Desk, Lab};

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
    assert!(lab.events().contains(&"refused client_sessions 421".to_owned()));
}

#[tokio::test]
async fn a_message_there_is_no_memory_for_is_refused_and_the_session_goes_on() {
    let lab = Lab::start(|_, limits| limits.memory = 200 << 10).await;
    let mut client = lab.connect().await;
    client.begin_message().await;
    let line = format!("{}\r\n", "x".repeat(998));
    client.write(line.repeat(400).as_bytes()).await;
    client.say(".", "452 4.3.1").await;
    client.say("RSET", "250").await;
    client.say("MAIL FROM:<a@nhs.test.example>", "250").await;
    client.say("RCPT TO:<b@gov.test.example>", "250").await;
    client.say("DATA", "354").await;
    client.say("small\r\n.", "250").await;
}

#[tokio::test]
async fn chunks_that_are_kept_are_paid_for() {
    let lab = Lab::start(|_, limits| limits.memory = 300 << 10).await;
    let mut client = lab.connect().await;
    client.begin_envelope().await;
    let chunk = "all work and no play\r\n".repeat(3_000);
    let command = format!("BDAT {}\r\n{chunk}", chunk.len());
    let mut taken = 0;
    loop {
        client.write(command.as_bytes()).await;
        let reply = client.reply().await;
        if reply.starts_with("452 4.3.1") {
            break;
        }
        assert!(reply.starts_with("250 2.0.0 66000 octets"), "{reply:?}");
        taken += 1;
    }
    assert!((1..=4).contains(&taken), "{taken} chunks of 64 KiB in 300 KiB");
    // What they took has been given back.
    client.say("MAIL FROM:<a@nhs.test.example>", "250").await;
    client.say("RCPT TO:<b@gov.test.example>", "250").await;
    client.write(command.as_bytes()).await;
    client.expect("250 2.0.0 66000 octets").await;
    client.say("BDAT 0 LAST", "250 2.0.0 queued").await;
    assert!(lab.reception.messages.lock().unwrap()[0].content == chunk.as_bytes());
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

#[test]
fn an_idle_session_is_small() {
    fn future<A, B, C, D, E, F>(_: impl Fn(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }
    let octets = future(conversation::hold::<Desk>);
    assert!(octets <= 1_600, "{octets} octets");
}
