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

use std::{cell::LazyCell, fs, hint::black_box, path::Path, sync::Arc, time::Duration};

use criterion::{
    BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};
use postern::{
    classify::{Classification, Classifier, Input, Part},
    content::{Content, InPlace, OffsetMap, Reading, ReadingKind},
    policy::{
        classification::{ClassificationFiles, compile},
        diagnostics::{Rendering, SourceFile},
    },
};

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn classify(criterion: &mut Criterion) {
    let classifier = shipped();
    let mut group = criterion.benchmark_group("classify");
    for (name, octets, sample) in [
        ("letters without end", 10 << 10, LETTER),
        ("letters without end", 1 << 20, LETTER),
        ("prose", 10 << 10, PROSE),
        ("prose", 1 << 20, PROSE),
        ("prose beyond ASCII", 10 << 10, PROSE_BEYOND_ASCII),
        ("table", 10 << 10, TABLE),
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
    let text = letter_and_prose();
    let readings = [reading(&text, text.len())];
    let input = Input { readings: &readings, ..Input::default() };
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("a letter and what it answers, 10 KiB", |bencher| {
        bencher.iter(|| classifier.classify(black_box(&input)));
    });
    group.finish();
}

/// The time an octet takes stays the same, from a small message to the largest
/// that the shipped policy takes.
fn growth(criterion: &mut Criterion) {
    let classifier = shipped();
    let mut group = criterion.benchmark_group("growth");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.warm_up_time(Duration::from_millis(1)).measurement_time(Duration::from_millis(1));
    for (name, sample) in GROWING {
        for octets in [1 << 20, 35 << 20] {
            // Made only where it is asked for.
            let message = LazyCell::new(|| bytes::Bytes::from(sample(octets)));
            group.throughput(Throughput::Bytes(octets as u64));
            group.bench_function(BenchmarkId::new(name, octets), |bencher| {
                let message = &*message;
                bencher.iter(|| {
                    let (classification, read) = whole(&classifier, black_box(message));
                    assert!(read > octets / 16, "{name}: its text is read");
                    classification
                });
            });
        }
    }
    group.finish();
}

type Sample = fn(usize) -> Vec<u8>;
const GROWING: [(&str, Sample); 6] = [
    ("prose and letters", |octets| samples::message_of_text("text/plain", &samples::mixed(octets))),
    ("table", |octets| samples::message_of_text("text/csv", &samples::table(octets))),
    ("log", |octets| samples::message_of_text("text/plain", &samples::log(octets))),
    ("HTML", |octets| {
        samples::message_of_text("text/html", &samples::html(&samples::mixed(octets)))
    }),
    ("docx", |octets| attached(WORD, samples::docx(&samples::mixed(octets)))),
    // Around eight octets of words stand some sixty of a sheet's marks.
    ("xlsx", |octets| attached(EXCEL, samples::xlsx(&samples::mixed(octets / 8)))),
];

fn attached(media: &str, file: zip::result::ZipResult<Vec<u8>>) -> Vec<u8> {
    samples::message(media, &file.expect("an archive can be written"))
}

/// A message from its octets to its level; how much text was read.
fn whole(classifier: &Classifier, message: &bytes::Bytes) -> (Classification, usize) {
    let content = Content::parse(message.clone());
    let extract = content.extract(&mut InPlace::default());
    let read = extract.readings.iter().map(|reading| reading.text.len()).sum();
    let readings = &extract.readings;
    let input = Input { readings, opaque: &extract.opaque, ..Input::default() };
    (classifier.classify(&input), read)
}

/// The same text in each type of part, from the message's octets to its level.
fn parts(criterion: &mut Criterion) {
    let classifier = shipped();
    let text = samples::mixed(256 << 10);
    let docx = samples::docx(&text).expect("an archive can be written");
    let xlsx = samples::xlsx(&text).expect("an archive can be written");
    let mut group = criterion.benchmark_group("part");
    group.sample_size(20).throughput(Throughput::Bytes(text.len() as u64));
    for (name, media, octets) in [
        ("text", "text/plain; charset=utf-8", text.clone().into_bytes()),
        ("HTML", "text/html; charset=utf-8", samples::html(&text).into_bytes()),
        ("docx", WORD, docx),
        ("xlsx", EXCEL, xlsx),
        ("PDF", "application/pdf", samples::pdf(&text)),
        ("HL7", "application/hl7-v2", samples::hl7(&text).into_bytes()),
        ("table", "text/csv; charset=utf-8", samples::table(text.len()).into_bytes()),
    ] {
        let message = bytes::Bytes::from(samples::message(media, &octets));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let (classification, read) = whole(&classifier, black_box(&message));
                assert!(read > text.len() / 2, "{name}: its text is read");
                classification
            });
        });
    }
    group.finish();
}

/// A letter of 10 KiB and its one part, with the rules and without.
fn yara(criterion: &mut Criterion) {
    let text = letter_and_prose();
    let readings = [reading(&text, text.len())];
    let parts = [Part { path: "1", content: text.as_bytes() }];
    let mut group = criterion.benchmark_group("yara");
    group.throughput(Throughput::Bytes(text.len() as u64));
    for (name, rules) in
        [("with the shipped rules", Rules::Shipped), ("without rules", Rules::None)]
    {
        let classifier = compiled(rules);
        let input = Input { readings: &readings, parts: &parts, ..Input::default() };
        group.bench_function(name, |bencher| {
            bencher.iter(|| classifier.classify(black_box(&input)));
        });
    }
    group.finish();
}

fn compiling(criterion: &mut Criterion) {
    criterion.benchmark_group("policy").sample_size(10).bench_function("compile", |bencher| {
        bencher.iter(shipped);
    });
}

#[derive(Clone, Copy, PartialEq)]
enum Rules {
    Shipped,
    None,
}

fn shipped() -> Classifier {
    compiled(Rules::Shipped)
}

fn compiled(rules: Rules) -> Classifier {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let files = ClassificationFiles {
        classification: source(&policies.join("classification.toml")),
        detectors: sources(&policies.join("detectors")),
        terms: sources(&policies.join("terms")),
        yara: match rules {
            Rules::Shipped => sources(&policies.join("yara")),
            Rules::None => Vec::new(),
        },
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

fn letter_and_prose() -> String {
    let prose = PROSE.repeat((10_240 - LETTER.len()) / PROSE.len());
    LETTER.to_owned() + &prose
}

fn reading(sample: &str, octets: usize) -> Reading {
    let mut map = OffsetMap::default();
    map.push(0, 0);
    let text = sample.repeat(octets.div_ceil(sample.len()));
    Reading { part: "1".to_owned(), kind: ReadingKind::Plain, text, map }
}

criterion_group!(benches, classify, growth, parts, yara, compiling);
criterion_main!(benches);

const WORD: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const EXCEL: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

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
