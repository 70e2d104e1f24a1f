//! Listing and searching what is held: ten thousand and a hundred thousand
//! messages.
//!
//! `cargo bench --bench quarantine`

#![expect(clippy::unwrap_used, reason = "a benchmark may fall over")]

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use postern::{
    mail::{
        Direction, HeldEntry, HeldFilter, HeldOrder, Kind, Level, QueueId, ReversePath, Timestamp,
    },
    quarantine::Catalogue,
};

fn catalogue(count: u64) -> Catalogue {
    let mut catalogue = Catalogue::default();
    for number in 0..count {
        catalogue.put(entry(number));
    }
    catalogue
}

fn entry(number: u64) -> HeldEntry {
    let received_at = NOON + Duration::from_secs(number);
    HeldEntry {
        id: QueueId::at(received_at.unix_milliseconds(), 0),
        received_at,
        direction: Direction::Outbound,
        sender: ReversePath::Mailbox(
            format!("ward{}@nhs.test.example", number % 97).parse().unwrap(),
        ),
        recipients: vec![
            format!("practice{number}@partner{}.example", number % 31).parse().unwrap(),
        ],
        subject: format!("Discharge summary •••• ••••••{number:02}, for the practice of Monday"),
        size: 40_000,
        level: u8::try_from(number % 5).unwrap().try_into().unwrap(),
        rule: format!("rule {} of the nation", number % 7),
        kinds: vec![Kind::NhsNumber, Kind::ClinicalTerm],
        organisations: vec!["RXX".to_owned()],
        due_at: received_at + Duration::from_secs(4 * 3600 - number % 1000),
        expires_at: Some(received_at + Duration::from_secs(30 * 24 * 3600)),
        legal_hold: false,
        proposal: None,
        requests: Vec::new(),
    }
}

fn listing(criterion: &mut Criterion) {
    for count in [10_000, 100_000] {
        let catalogue = catalogue(count);
        let mut group = criterion.benchmark_group(format!("quarantine/{count}"));
        group.sample_size(20);
        let all = HeldFilter::default();
        let searched = HeldFilter { text: Some("Practice99".to_owned()), ..HeldFilter::default() };
        let narrow = HeldFilter {
            rule: Some("rule 3 of the nation".to_owned()),
            level: Some(Level::CLINICAL),
            ..HeldFilter::default()
        };
        for (what, filter) in [("list", &all), ("search", &searched), ("filter", &narrow)] {
            group.bench_function(what, |bencher| {
                bencher.iter(|| {
                    let seen = catalogue.listing().seen_by(|entry| !entry.organisations.is_empty());
                    black_box(seen.page(filter, (HeldOrder::Due, 0, 50), NOON))
                });
            });
        }
        group.bench_function("tally", |bencher| {
            bencher.iter(|| black_box(catalogue.listing().tally(NOON)));
        });
        group.finish();
    }
}

const NOON: Timestamp = Timestamp::from_unix_milliseconds(1_795_348_800_000);

criterion_group!(benches, listing);
criterion_main!(benches);
