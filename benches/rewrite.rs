//! What an edit costs beside one copy of the message, which it cannot do
//! without: the tag line into plain text, HTML and base64, and a large
//! attachment that is to stay as it is.

use std::{hint::black_box, sync::Arc};

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use postern::{
    content::Content,
    mail::Disclaimer,
    transform::{Edits, HeaderField, downgrade, rewrite},
};

fn rewriting(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rewrite");
    for (name, message) in messages() {
        let octets = message.len() as u64;
        group.throughput(Throughput::Bytes(octets));
        group.bench_with_input(BenchmarkId::new("copy", &name), &message, |bencher, message| {
            bencher.iter(|| black_box(message.to_vec()));
        });
        // As in the gateway, which has the tree and the texts from classifying.
        let content = Content::parse(message.clone());
        let _ = content.readings();
        let edits = edits();
        group.bench_with_input(BenchmarkId::new("edit", &name), &content, |bencher, content| {
            bencher.iter(|| black_box(rewrite(content, &edits)));
        });
        group.bench_with_input(
            BenchmarkId::new("parse and edit", &name),
            &message,
            |bencher, m| {
                bencher.iter(|| black_box(rewrite(&Content::parse(m.clone()), &edits)));
            },
        );
        group.bench_with_input(BenchmarkId::new("seven bits", &name), &content, |bencher, c| {
            bencher.iter(|| black_box(downgrade(c)));
        });
    }
    group.finish();
}

fn edits() -> Edits {
    let plain = include_str!("../policies/disclaimers/nhs.txt").to_owned();
    let html = include_str!("../policies/disclaimers/nhs.html").to_owned();
    let disclaimer = Disclaimer { name: "nhs".into(), plain, html };
    let received = "from client.example by gateway.example; Mon, 23 Nov 2026 12:00:00 +0000";
    Edits {
        prepend: HeaderField::new("Received", received).into_iter().collect(),
        disclaimer: Some(Arc::new(disclaimer)),
        ..Edits::default()
    }
}

fn messages() -> Vec<(String, Bytes)> {
    let line =
        "The clinic list for next week is on the shared drive; ring the desk with changes.\r\n";
    let text = |octets: usize| line.repeat(octets / line.len() + 1);
    let plain = |octets| format!("{HEAD}Content-Type: text/plain\r\n\r\n{}", text(octets));
    let html = |octets| {
        let rows = text(octets).replace("\r\n", "</p>\r\n<p>");
        format!("{HEAD}Content-Type: text/html\r\n\r\n<html><body><p>{rows}</p></body></html>\r\n")
    };
    let attached = |octets: usize| {
        let encoded = format!("{}\r\n", "QUJD".repeat(19)).repeat(octets / 78);
        format!(
            "{HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n\
             {line}--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{encoded}--b--\r\n"
        )
    };
    [
        ("plain text of 10 KB", plain(10 << 10)),
        ("HTML of 10 KB", html(10 << 10)),
        ("plain text of 1 MB", plain(1 << 20)),
        ("HTML of 1 MB", html(1 << 20)),
        ("attachment of 1 MB", attached(1 << 20)),
        ("attachment of 35 MB", attached(35 << 20)),
    ]
    .map(|(name, message)| (name.to_owned(), Bytes::from(message)))
    .into()
}

const HEAD: &str = "From: a@x.example\r\nTo: b@y.example\r\nSubject: Clinic list\r\n\
                    MIME-Version: 1.0\r\n";

criterion_group!(benches, rewriting);
criterion_main!(benches);
