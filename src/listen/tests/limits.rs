//! What is over a limit is told so, and costs nobody else.

use std::{
    future::{Future, poll_fn},
    num::NonZeroU32,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use tokio::{net::TcpStream, sync::Barrier};

use super::{super::conversation, Client, Desk, Lab};
use crate::config::Rate;

#[tokio::test]
async fn sessions_over_the_limit_are_told_so() {
    let lab = Lab::start(|_, limits| limits.sessions = 1).await;
    let mut first = lab.connect().await;
    let mut second = Client::new(TcpStream::connect(lab.address).await.unwrap());
    second.expect("421 4.7.0").await;
    assert!(lab.events().contains(&"refused sessions 421".to_owned()));
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
    client.write("all work and no play\r\n".repeat(20_000).as_bytes()).await;
    client.say(".", "452 4.3.1").await;
    client.say("RSET", "250").await;
    client.say("MAIL FROM:<a@nhs.test.example>", "250").await;
    client.say("RCPT TO:<b@gov.test.example>", "250").await;
    client.say("DATA", "354").await;
    client.say("small\r\n.", "250").await;
}

#[tokio::test]
async fn messages_of_one_client_come_at_its_rate() {
    let lab = Lab::start(|listener, _| listener.messages_per_client = Some(rate(2))).await;
    let mut client = lab.connect().await;
    client.send_message("one").await;
    let mut second = lab.connect().await;
    second.send_message("two").await;
    for client in [&mut client, &mut second] {
        let refusal = "450 4.7.1 too many messages; try again in";
        client.say("MAIL FROM:<a@nhs.test.example>", refusal).await;
        client.say("RCPT TO:<b@gov.test.example>", "503").await;
    }
    assert!(lab.events().contains(&"refused rate 450".to_owned()));
    assert_eq!(lab.reception.messages.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn recipients_over_the_rate_are_refused_one_by_one() {
    let lab = Lab::start(|listener, _| listener.recipients_per_client = Some(rate(2))).await;
    let mut client = lab.connect().await;
    client.say("EHLO client.test.example", "250").await;
    client.say("MAIL FROM:<a@nhs.test.example>", "250").await;
    for (recipient, reply) in [("b", "250"), ("c", "250"), ("d", "450 4.7.1"), ("e", "450 4.7.1")] {
        client.say(&format!("RCPT TO:<{recipient}@gov.test.example>"), reply).await;
    }
    client.say("DATA", "354").await;
    client.say("hello\r\n.", "250").await;
    assert_eq!(lab.reception.messages.lock().unwrap()[0].envelope.recipients.len(), 2);
    let refused = lab.events().iter().filter(|event| *event == "refused rate 450").count();
    assert_eq!(refused, 2);
}

/// So many an hour.
fn rate(count: u32) -> Rate {
    Rate { count: NonZeroU32::new(count).unwrap(), per: Duration::from_secs(3_600) }
}

/// Eight times what there is memory for, all at once: some are told to come
/// again, and no octet more is granted than there is.
#[tokio::test]
async fn a_flood_of_large_messages_is_taken_as_far_as_there_is_memory() {
    const MEMORY: usize = 4 << 20;
    let lab = Lab::start(|_, limits| {
        limits.memory = MEMORY;
        (limits.sessions, limits.sessions_per_client) = (100, 100);
    })
    .await;
    let lab = &lab;
    let line = format!("{}\r\n", "x".repeat(1_022));
    // So that they stand there together, however fast each of them is.
    let (all_have_begun, half_is_there) = (Barrier::new(32), Barrier::new(32));
    let bring = async || {
        let mut client = lab.connect().await;
        client.begin_message().await;
        for half in [&all_have_begun, &half_is_there] {
            half.wait().await;
            for _ in 0..32 {
                client.write(line.repeat(16).as_bytes()).await;
                assert!(lab.capacity.memory_used() <= MEMORY);
            }
            memory_is_still(lab).await;
        }
        client.write(b".\r\n").await;
        client.reply().await
    };
    let replies = futures_of(32, bring).await;
    let accepted = replies.iter().filter(|reply| reply.starts_with("250 ")).count();
    let refused = replies.iter().filter(|reply| reply.starts_with("452 4.3.1 ")).count();
    assert_eq!(accepted + refused, 32, "{replies:?}");
    assert!(accepted > 0 && refused > 0, "{accepted} were accepted, {refused} refused");
    let messages = lab.reception.messages.lock().unwrap();
    assert_eq!(messages.len(), accepted);
    assert!(messages.iter().all(|message| message.content.len() == 1 << 20));
    drop(messages);
    assert_eq!(lab.capacity.memory_used(), 0, "memory that nobody holds is not given back");
}

/// What has been sent has been read, and has its memory or none.
async fn memory_is_still(lab: &Lab) {
    let (mut used, mut looked) = (lab.capacity.memory_used(), 0);
    while looked < 10 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let now = lab.capacity.memory_used();
        looked = if now == used { looked + 1 } else { 0 };
        used = now;
    }
}

/// All at once, on this thread.
async fn futures_of<F: Future>(count: usize, make: impl Fn() -> F) -> Vec<F::Output> {
    let mut waiting: Vec<_> = (0..count).map(|_| Box::pin(make())).collect();
    let mut done = Vec::new();
    poll_fn(|context| {
        waiting.retain_mut(|future| match future.as_mut().poll(context) {
            Poll::Ready(output) => {
                done.push(output);
                false
            }
            Poll::Pending => true,
        });
        if waiting.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done
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
