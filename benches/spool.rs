//! Durable messages a second: every commit is on disk before it is answered.
//! One producer shows the latency of a sync, 64 show group commit.
//!
//! `cargo bench --bench spool -- million` measures a start with a million
//! queued messages instead.
//!
//! The spool lies in `target/`, for `/tmp` may be memory.
#![expect(clippy::unwrap_used, reason = "a benchmark that fails shall stop")]

#[path = "spool/million.rs"]
mod million;

use std::{
    io::Write,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use postern::{
    mail::{
        Address, AddressEncoding, Body, DelayNotice, Direction, Level, Protection, QueueId,
        QueuedMessage, QueuedRecipient, Requests, Timestamp,
    },
    spool::{Batch, Ephemeral, KeyFile, Keys, Settings, Spool},
};
use tokio::runtime::Runtime;

fn message(id: QueueId, size: usize) -> QueuedMessage {
    let received_at = Timestamp::from_unix_milliseconds(id.unix_milliseconds());
    let address: Address = "someone@gov.test.example".parse().unwrap();
    QueuedMessage {
        id,
        received_at,
        direction: Direction::Outbound,
        reverse_path: "ward.nine@nhs.test.example".parse().unwrap(),
        body: Body::default(),
        encoding: AddressEncoding::default(),
        requests: Requests::default(),
        level: Level::default(),
        policy: "1f3a5c7e".to_owned(),
        size: size as u64,
        redirect: None,
        hold: None,
        custody: Default::default(),
        recourse: Default::default(),
        delay_notice: DelayNotice::Due,
        recipients: vec![QueuedRecipient::new(address, Protection::default(), received_at)],
    }
}

/// Commits `messages` in all, `producers` at a time; how long it took. Each
/// producer removes its message before the last, as deliveries would, so that
/// the disk does not fill.
fn commit(
    runtime: &Runtime,
    spool: &Arc<Spool>,
    content: &Bytes,
    producers: u64,
    messages: u64,
) -> Duration {
    let started = Instant::now();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..producers)
            .map(|producer| {
                let share = messages / producers + u64::from(producer < messages % producers);
                let (spool, content) = (Arc::clone(spool), content.clone());
                tokio::spawn(async move {
                    let mut last = None;
                    for _ in 0..share {
                        let id = spool.next_id(Timestamp::from_unix_milliseconds(1));
                        let batch =
                            Batch::new().accept(&message(id, content.len()), content.clone());
                        let batch = match last.replace(id) {
                            Some(last) => batch.remove(last),
                            None => batch,
                        };
                        let _receipt = spool.commit(batch).await.unwrap();
                    }
                    if let Some(last) = last {
                        spool.record(Batch::new().remove(last)).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    started.elapsed()
}

fn commits(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut group = criterion.benchmark_group("spool");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    let sizes = [("8 KB", 8 * 1024), ("64 KB", 64 * 1024)];
    let plain = sizes.map(|(name, size)| (name.to_owned(), size, Keys::default()));
    let sealed = sizes.map(|(name, size)| (format!("{name} sealed"), size, new_keys()));
    for (name, size, keys) in plain.into_iter().chain(sealed) {
        let content = Bytes::from(vec![b'x'; size]);
        for producers in [1, 64] {
            let directory = tempfile::tempdir_in(target).unwrap();
            // Each batch removes the one before, which makes it bookkeeping:
            // it is the commit that is measured, not what bookkeeping waits.
            let settings = Settings {
                bookkeeping_waits: Duration::ZERO,
                ephemeral: Ephemeral::Allow,
                keys: keys.clone(),
                ..Settings::default()
            };
            let spool = Arc::new(Spool::open(directory.path(), settings, |_, _| {}).unwrap());
            group.throughput(Throughput::Elements(1));
            group.bench_function(
                BenchmarkId::new(&name, format!("{producers} producers")),
                |bench| {
                    bench.iter_custom(|messages| {
                        commit(&runtime, &spool, &content, producers, messages)
                    });
                },
            );
        }
    }
    group.finish();
}

fn new_keys() -> Keys {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(postern::spool::new_key().unwrap().0.as_bytes()).unwrap();
    Keys::read(Some(&KeyFile::File(file.path().to_owned())), &[]).unwrap()
}

criterion_group!(benches, commits);

/// As in the gateway itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != "million");
    if arguments.next().is_some() {
        return million::measure(arguments);
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
