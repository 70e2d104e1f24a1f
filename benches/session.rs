//! How fast a session takes octets in: commands, and the framing of content.

#![expect(clippy::expect_used, reason = "a benchmark's own constants")]

use std::{hint::black_box, sync::Arc, time::Instant};

use bytes::BytesMut;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use postern::{
    mail::{Direction, EnhancedStatusCode, Refusal, Reply},
    smtp::{
        ContentLimits, ContentReader, Progress,
        server::{Action, Peer, Refused, Relaying, Session, Settings},
    },
};

fn content_framing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("content framing");
    for (name, line) in [
        ("lines of text", format!("{}\r\n", "word ".repeat(15))),
        ("base64", format!("{}\r\n", "QUJD".repeat(19))),
        ("a dot on every line", format!("..{}\r\n", "word ".repeat(15))),
    ] {
        let mut wire = line.repeat((1 << 20) / line.len()).into_bytes();
        wire.extend_from_slice(b".\r\n");
        group.throughput(Throughput::Bytes(wire.len() as u64));
        group.bench_function(format!("{name}, 1 MiB in pieces of 16 KiB"), |bencher| {
            bencher.iter_batched(
                || BytesMut::with_capacity(wire.len()),
                |mut input| {
                    let mut reader =
                        ContentReader::new(ContentLimits { message: usize::MAX, line: usize::MAX });
                    let mut progress = Progress::Incomplete;
                    for piece in wire.chunks(16 << 10) {
                        input.extend_from_slice(piece);
                        progress = reader.receive(&mut input);
                    }
                    assert!(matches!(progress, Progress::Complete(_)));
                    progress
                },
                criterion::BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// A session of ten messages of 4 KB, one transaction a read as a pipelining
/// client sends it. They are refused at the end: a 250 takes a spool.
fn sessions(criterion: &mut Criterion) {
    let transaction = b"MAIL FROM:<rota@nhs.test.example> SIZE=4096 BODY=8BITMIME\r\n\
        RCPT TO:<a@gov.test.example>\r\nRCPT TO:<b@gov.test.example>\r\nDATA\r\n";
    let mut content = format!("{}\r\n", "word ".repeat(15)).repeat(53).into_bytes();
    content.extend_from_slice(b".\r\n");
    let settings = Arc::new(settings());
    let octets = 10 * (transaction.len() + content.len());
    let mut group = criterion.benchmark_group("session");
    group.throughput(Throughput::Bytes(octets as u64));
    group.bench_function("ten messages of 4 KB", |bencher| {
        bencher.iter(|| {
            let address = "192.0.2.7".parse().expect("an address");
            let peer = Peer { relaying: Relaying::Permitted, ..Peer::at(address) };
            let mut session = Session::new(Arc::clone(&settings), peer);
            let mut input = BytesMut::new();
            drive(&mut session, &mut input);
            input.extend_from_slice(b"EHLO client.test.example\r\n");
            drive(&mut session, &mut input);
            for _ in 0..10 {
                for piece in [&transaction[..], &content] {
                    input.extend_from_slice(piece);
                    black_box(drive(&mut session, &mut input));
                }
            }
        });
    });
    group.finish();
}

fn drive(session: &mut Session, input: &mut BytesMut) -> Vec<u8> {
    loop {
        match session.next(input, Instant::now()) {
            Action::Read(_) | Action::Close(_) => return session.take_output(),
            Action::Mail(question) => question.answer(Ok(())),
            Action::Recipient(question) => question.answer(Ok(())),
            Action::Content(question) => question.proceed(),
            Action::Message(message) => {
                let (submission, pending) = message.hand_over();
                black_box(submission);
                pending.refused(Refused {
                    reason: Refusal::Spool,
                    reply: Reply::new(451, EnhancedStatusCode(4, 3, 0), "there is no spool here"),
                });
            }
            Action::Refused(_) => {}
            Action::Verifier(question) => drop(question),
            Action::Client(_) | Action::Authenticate(_) | Action::StartTls(_) => {}
        }
    }
}

fn settings() -> Settings {
    let node = "mx1.test.example".parse().expect("a domain");
    Settings::new(node, "bench", Direction::Outbound)
}

criterion_group!(benches, content_framing, sessions);
criterion_main!(benches);
