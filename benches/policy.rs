//! What a large policy costs: ten thousand domains, two hundred organisations,
//! five hundred rules, as `policy/large.rs` writes them, the same every time.
//!
//! `decide` is what a message pays, a recipient each; the others are what an
//! officer waits for.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measurement that cannot be set up has nothing to say"
)]

#[path = "policy/large.rs"]
mod large;

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use postern::{
    decide::decide,
    mail::Facts,
    policy::{ProofOutcome, differences, prove},
};

fn deciding(criterion: &mut Criterion) {
    let policy = large::policy(&large::sources(large::Change::None));
    assert_eq!(policy.rules().len(), large::RULES);
    let copies = large::copies();
    let mut next = copies.iter().cycle();
    criterion.bench_function("policy/decide", |bencher| {
        bencher.iter(|| {
            let (message, recipient) = next.next().expect("copies go round");
            black_box(decide(&policy, Facts { message, recipient }))
        });
    });
}

fn reasoning(criterion: &mut Criterion) {
    let (before, after) =
        (large::sources(large::Change::None), large::sources(large::Change::Some));
    let (old, new) = (large::policy(&before), large::policy(&after));
    let mut group = criterion.benchmark_group("policy");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    group.bench_function("check", |bencher| bencher.iter(|| large::check(&before)));
    group.bench_function("prove", |bencher| {
        bencher.iter(|| {
            let proofs = prove(&old, decide);
            let shown = |outcome: &ProofOutcome| !matches!(outcome, ProofOutcome::NotShown);
            assert!(proofs.iter().all(|proof| shown(&proof.outcome)));
        });
    });
    group.bench_function("diff", |bencher| {
        bencher.iter(|| {
            let told = differences((&old, &before), (&new, &after), decide).expect("a diff");
            assert!(told.complete && !told.sentences.is_empty());
        });
    });
    group.finish();
}

criterion_group!(benches, deciding, reasoning);
criterion_main!(benches);
