//! The orderly stop.

use std::time::Duration;

use tokio::net::TcpStream;

use super::Lab;

#[tokio::test]
async fn an_orderly_stop_lets_transactions_end_and_idle_sessions_go() {
    let lab = Lab::start(|_, _| {}).await;
    let (mut idle, mut busy) = (lab.connect().await, lab.connect().await);
    busy.begin_message().await;
    lab.stop.cancel();
    idle.expect("421 4.3.2").await;
    busy.say("hello\r\n.", "250 2.0.0 queued").await;
    busy.expect("421 4.3.2").await;
    lab.stop().await;
    assert!(TcpStream::connect(lab.address).await.is_err());
}

#[tokio::test]
async fn the_grace_of_a_stop_is_kept_to() {
    let lab = Lab::start(|_, limits| limits.stop_grace = Duration::from_millis(50)).await;
    let mut busy = lab.connect().await;
    busy.begin_message().await;
    lab.stop().await;
    assert_eq!(lab.events().last().unwrap(), "closed 127.0.0.1 stopping");
    assert_eq!(busy.rest().await, "");
}
