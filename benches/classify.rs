//! Classification with the shipped policy: what a small message costs, how the
//! cost grows, and what parts of each type cost from the message's octets to
//! its level. YARA apart.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot begin has nothing to measure"
)]

#[path = "classify/samples.rs"]
mod samples;

use std::{fs, hint::black_box, path::Path, sync::Arc};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use postern::{
    classify::{Classifier, Input, Part},
    content::{Content, InPlace, OffsetMap, Reading, ReadingKind},
    policy::{
        classification::{ClassificationFiles, compile},
        diagnostics::{Rendering, SourceFile},
    },
};

fn classify(criterion: &mut Criterion) {
    let classifier = shipped();
    let mut group = criterion.benchmark_group("classify");
    for (name, octets, sample) in [
        ("letters without end", 10 << 10, LETTER),
        ("letters without end", 1 << 20, LETTER),
        ("prose", 10 << 10, PROSE),
        ("prose", 1 << 20, PROSE),
        ("prose beyond ASCII", 10 << 10, PROSE_BEYOND_ASCII),
        ("table", 1 << 20, TABLE),
    ] {
        let reading = reading(sample, octets);
        group.throughput(Throughput::Bytes(reading.text.len() as u64));
        let readings = [reading];
        let input = Input { readings: &readings, ..Input::default() };
        group.bench_function(BenchmarkId::new(name, octets), |bencher| {
            bencher.iter(|| classifier.classify(black_box(&input)));
        });
    }
    let mut text = LETTER.to_owned();
    text.push_str(&PROSE.repeat((10_240 - LETTER.len()) / PROSE.len()));
    let readings = [reading(&text, text.len())];
    let input = Input { readings: &readings, ..Input::default() };
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("a letter and what it answers, 10 KiB", |bencher| {
        bencher.iter(|| classifier.classify(black_box(&input)));
    });
    group.finish();
}

/// The time an octet takes stays the same.
fn growth(criterion: &mut Criterion) {
    let classifier = shipped();
    let mut group = criterion.benchmark_group("growth");
    group.sample_size(10);
    for octets in [10 << 10, 1 << 20, 10 << 20, 35 << 20] {
        let readings = [reading(&samples::mixed(octets), octets)];
        let input = Input { readings: &readings, ..Input::default() };
        group.throughput(Throughput::Bytes(octets as u64));
        group.bench_function(BenchmarkId::new("prose and letters", octets), |bencher| {
            bencher.iter(|| classifier.classify(black_box(&input)));
        });
    }
    group.finish();
}

/// The same text in each type of part, from the message's octets to its level.
fn parts(criterion: &mut Criterion) {
    let classifier = shipped();
    let text = samples::mixed(256 << 10);
    let office = "application/vnd.openxmlformats-officedocument";
    let docx = samples::docx(&text).expect("an archive can be written");
    let xlsx = samples::xlsx(&text).expect("an archive can be written");
    let mut group = criterion.benchmark_group("part");
    group.sample_size(20).throughput(Throughput::Bytes(text.len() as u64));
    for (name, media, octets) in [
        ("text", "text/plain; charset=utf-8", text.clone().into_bytes()),
        ("HTML", "text/html; charset=utf-8", samples::html(&text).into_bytes()),
        ("docx", &format!("{office}.wordprocessingml.document"), docx),
        ("xlsx", &format!("{office}.spreadsheetml.sheet"), xlsx),
        ("PDF", "application/pdf", samples::pdf(&text)),
        ("HL7", "application/hl7-v2", samples::hl7(&text).into_bytes()),
        ("table", "text/csv; charset=utf-8", samples::table(text.len()).into_bytes()),
    ] {
        let message = bytes::Bytes::from(samples::message(media, &octets));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let content = Content::parse(black_box(message.clone()));
                let extract = content.extract(&mut InPlace::default());
                let read: usize = extract.readings.iter().map(|reading| reading.text.len()).sum();
                assert!(read > text.len() / 2, "{name}: its text is read");
                let readings = &extract.readings;
                classifier.classify(&Input {
                    readings,
                    opaque: &extract.opaque,
                    ..Input::default()
                })
            });
        });
    }
    group.finish();
}

fn yara(criterion: &mut Criterion) {
    let classifier = shipped();
    let content = LETTER.repeat(10_240 / LETTER.len());
    let parts = [Part { path: "1", content: content.as_bytes() }];
    let input = Input { parts: &parts, ..Input::default() };
    let mut group = criterion.benchmark_group("yara");
    group.throughput(Throughput::Bytes(content.len() as u64));
    group.bench_function("10 KiB", |bencher| {
        bencher.iter(|| classifier.classify(black_box(&input)));
    });
    group.finish();
}

fn compiling(criterion: &mut Criterion) {
    criterion.benchmark_group("policy").sample_size(10).bench_function("compile", |bencher| {
        bencher.iter(shipped);
    });
}

fn shipped() -> Classifier {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let files = ClassificationFiles {
        classification: source(&policies.join("classification.toml")),
        detectors: sources(&policies.join("detectors")),
        terms: sources(&policies.join("terms")),
        yara: sources(&policies.join("yara")),
    };
    compile(&files, None).unwrap_or_else(|faults| panic!("{}", faults.render(Rendering::Plain)))
}

fn sources(folder: &Path) -> Vec<Arc<SourceFile>> {
    let entries = fs::read_dir(folder).expect("the shipped policy is there");
    let mut paths: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().map(|path| source(path)).collect()
}

fn source(path: &Path) -> Arc<SourceFile> {
    let text = fs::read_to_string(path).expect("a policy file is text");
    Arc::new(SourceFile { path: path.display().to_string(), text })
}

fn reading(sample: &str, octets: usize) -> Reading {
    let mut map = OffsetMap::default();
    map.push(0, 0);
    let text = sample.repeat(octets.div_ceil(sample.len()));
    Reading { part: "1".to_owned(), kind: ReadingKind::Plain, text, map }
}

criterion_group!(benches, classify, growth, parts, yara, compiling);
criterion_main!(benches);

const LETTER: &str = "Dear Dr Example,\r\n\r\nRe: Mrs Jane Example, DOB 04/03/1961, NHS no: 999 000 0018\r\n\
1 High Street, Exampleton. Tel 01632 960018\r\n\r\nThank you for referring this lady with shortness of breath \
and ankle swelling. She has a history of atrial fibrillation, type 2 diabetes and hypertension. On \
examination her blood pressure was 142/86 mmHg and there were crackles at both bases. I have started \
furosemide 40 mg once daily, continued apixaban and asked for an echocardiogram on 12/05/2025.\r\n\r\n";

const PROSE: &str = "The steering group met on Tuesday to look at the plan for the new car park. The builders \
expect to be done by the end of May, a fortnight later than agreed, and have put the delay down to the \
weather. Finance asked for a breakdown of the 12,400 pounds spent on fencing since January.\r\n\r\n";

const PROSE_BEYOND_ASCII: &str = "The café on the ground floor – next to the lifts – will re-open on 3 March. \
“We’re glad to be back”, says the manager, Zoë. Prices start at £2.40 and nothing costs more than £6.\r\n\r\n";

const TABLE: &str =
    "4493017,2025-02-11 09:14:02,ward 7,4,118.20,delivered,0113 496 0018,LS2 7EB\r\n";
