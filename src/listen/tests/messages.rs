//! Messages through the port, and what the client hears of them.

use std::time::Duration;

use super::Lab;

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
async fn a_large_message_in_chunks_arrives_whole() {
    let lab = Lab::start(|_, _| {}).await;
    let mut client = lab.connect().await;
    let text = "all work and no play\r\n.dull\r\n".repeat(40_000);
    client.begin_envelope().await;
    let mut wire = Vec::new();
    for chunk in text.as_bytes().chunks(300_001) {
        wire.extend_from_slice(format!("BDAT {}\r\n", chunk.len()).as_bytes());
        wire.extend_from_slice(chunk);
    }
    wire.extend_from_slice(b"BDAT 0 LAST\r\n");
    client.write(&wire).await;
    for _ in text.as_bytes().chunks(300_001) {
        client.expect("octets received").await;
    }
    client.expect("250 2.0.0 queued").await;
    assert!(lab.reception.messages.lock().unwrap()[0].content == text.as_bytes());
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
