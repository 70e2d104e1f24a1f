//! The classifier: settings compiled once, messages classified by the
//! thousand. It has no state between messages and may be shared by threads.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    candidate::Candidate,
    classification::{Classification, Found, Why},
    compile::{self, Compiled},
    level::{Item, Place},
    lexicon::{Ending, Hit},
    normalise::Stream,
    settings::{Settings, SettingsError},
    yara,
};
use crate::{
    content::{Reading, ReadingKind},
    mail::{Finding, Kind, Level, Masked, Opaque, OpaqueReason},
};

pub struct Classifier(Compiled);

/// A message as `content` read it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Input<'a> {
    /// What a person could read, one reading a part or header field. The
    /// sender's and recipients' own fields are not among them.
    pub readings: &'a [Reading],
    /// Decoded parts, for the YARA rules.
    pub parts: &'a [Part<'a>],
    /// What could not be read.
    pub opaque: &'a [Opaque],
}

#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// As in [`Reading::part`].
    pub path: &'a str,
    pub content: &'a [u8],
}

impl Classifier {
    /// Compiles, and runs the detectors' own examples. All faults at once.
    pub fn new(settings: &Settings) -> Result<Self, Vec<SettingsError>> {
        compile::compile(settings).map(Self)
    }

    /// Never fails: what cannot be judged is in [`Classification::opaque`].
    /// Takes as long as the YARA rules take where there are any; the rest is
    /// linear in the text.
    pub fn classify(&self, input: &Input<'_>) -> Classification {
        let mut gathered = Gathered::new(&self.0, input.opaque);
        for (number, reading) in input.readings.iter().enumerate() {
            gathered.read(number, reading);
        }
        let raised = gathered.scan(input.parts);
        gathered.conclude(input.readings, raised)
    }

    /// What was weighed and is not sure enough, for whoever asks why something
    /// is not found. As long again as [`Self::classify`] without YARA rules.
    pub fn left_out(&self, readings: &[Reading]) -> Vec<Found> {
        let gathered = Gathered::new(&self.0, &[]);
        let mut left_out = Vec::new();
        for reading in readings {
            let stream = Stream::of(&reading.text);
            let words = self.0.lexicon.read(&stream.text);
            let terms = self.0.terms.counting(&stream.text, &words);
            let candidates =
                self.0.detectors.left_out(&stream.text, &words, &terms, self.0.test_range);
            let mut page = Page::new(reading, &stream);
            let found = candidates.iter().take(MOST_FINDINGS.saturating_sub(left_out.len()));
            left_out.extend(found.map(|it| gathered.found(&mut page, &Sighting::Candidate(it))));
        }
        left_out
    }
}

/// What is known of a message while it is read.
struct Gathered<'a> {
    compiled: &'a Compiled,
    findings: Vec<Found>,
    items: Vec<Item>,
    /// What stands over a text and counts as its beginning, by the path of
    /// what it stands over: subjects and names of files.
    over: Vec<(String, Item)>,
    /// Values of detectors, by kind and key.
    values: HashMap<(Kind, String), usize>,
    opaque: Vec<Opaque>,
    test_numbers: usize,
}

impl<'a> Gathered<'a> {
    fn new(compiled: &'a Compiled, opaque: &[Opaque]) -> Self {
        Self {
            compiled,
            findings: Vec::new(),
            items: Vec::new(),
            over: Vec::new(),
            values: HashMap::new(),
            opaque: opaque.to_vec(),
            test_numbers: 0,
        }
    }

    fn read(&mut self, number: usize, reading: &Reading) {
        let stream = Stream::of(&reading.text);
        let words = self.compiled.lexicon.read(&stream.text);
        let terms = self.compiled.terms.counting(&stream.text, &words);
        let (candidates, test_numbers) = self.compiled.detectors.findings(
            &stream.text,
            &words,
            &terms,
            self.compiled.test_range,
        );
        self.test_numbers += test_numbers;
        let room = MOST_ITEMS.saturating_sub(self.items.len());
        if words.is_cut_short || candidates.len() + terms.len() > room {
            self.opaque
                .push(Opaque { part: reading.part.clone(), reason: OpaqueReason::OverLimit });
        }
        let mut sightings: Vec<Sighting<'_>> = candidates
            .iter()
            .map(Sighting::Candidate)
            .chain(terms.iter().map(Sighting::Term))
            .collect();
        sightings.truncate(room);
        sightings.sort_by_key(Sighting::start);
        let mut page = Page::new(reading, &stream);
        let mut shown = BTreeSet::new();
        let stands_over = stands_over(reading);
        if stands_over.is_none() {
            self.begin(number, &reading.part);
        }
        for sighting in &sightings {
            let start = stream.reading(sighting.span()).start;
            let place = Place { reading: number, start };
            let item = Item { reading: number, start, place, ..self.item(sighting) };
            self.items.push(item);
            if let Some(path) = stands_over.filter(|_| self.over.len() < MOST_OVER) {
                self.over.push((path.to_owned(), item));
            }
            if shown.insert((item.kind, item.value)) && self.findings.len() < MOST_FINDINGS {
                self.findings.push(self.found(&mut page, sighting));
            }
        }
    }

    /// What stands over a text counts in it too, as it is read.
    fn begin(&mut self, number: usize, part: &str) {
        let is_within = |path: &str| {
            let rest = part.strip_prefix(path);
            rest.is_some_and(|rest| {
                path.is_empty() || rest.is_empty() || rest.starts_with(['.', '/', ':'])
            })
        };
        let over = self.over.iter().filter(|(path, _)| is_within(path));
        self.items.extend(over.map(|(_, item)| Item { reading: number, start: 0, ..*item }));
    }

    fn item(&mut self, sighting: &Sighting<'_>) -> Item {
        match sighting {
            Sighting::Candidate(candidate) => {
                let next = FIRST_VALUE + self.values.len();
                let key = (candidate.kind, candidate.key.clone());
                Item {
                    source: candidate.detector,
                    value: *self.values.entry(key).or_insert(next),
                    confidence: candidate.confidence(),
                    ..apart(candidate.kind)
                }
            }
            Sighting::Term((kind, hit)) => Item {
                source: self.compiled.list_source(hit.role),
                value: hit.word,
                weight: self.compiled.weights.of(hit),
                ..apart(*kind)
            },
        }
    }

    fn found(&self, page: &mut Page<'_>, sighting: &Sighting<'_>) -> Found {
        let (detector, kind, confidence, why, weight) = match sighting {
            Sighting::Candidate(candidate) => (
                self.compiled.source_name(candidate.detector),
                candidate.kind,
                candidate.confidence(),
                candidate.why(&page.stream.text),
                None,
            ),
            Sighting::Term((kind, hit)) => {
                let list = self.compiled.source_name(self.compiled.list_source(hit.role));
                let why = match hit.ending {
                    Ending::Whole | Ending::Plural => format!("listed in “{list}”"),
                    Ending::Slip => format!("reads like a word listed in “{list}”"),
                };
                (list, *kind, CERTAIN, why, Some(self.compiled.weights.of(hit)))
            }
        };
        let range = page.stream.reading(sighting.span());
        let value = page.reading.text.get(range.clone()).unwrap_or_default().to_owned();
        Found {
            finding: Finding {
                detector: detector.to_owned(),
                kind,
                part: page.reading.part.clone(),
                line: page.line(range.start),
                masked: if kind.names_nobody() {
                    Masked::harmless(&value)
                } else {
                    Masked::of(&value)
                },
                confidence,
                why,
            },
            value,
            source: Some(page.reading.source(range)),
            weight,
            meant: self.meant(page, sighting),
        }
    }

    /// The listed word of which another is a slip.
    fn meant(&self, page: &Page<'_>, sighting: &Sighting<'_>) -> Option<String> {
        match sighting {
            Sighting::Term((_, hit)) if hit.ending == Ending::Slip => {
                self.compiled.lexicon.meant(page.stream.text.get(hit.span.clone())?)
            }
            _ => None,
        }
    }

    /// Runs the YARA rules; gives the level they ask for, and which did.
    fn scan(&mut self, parts: &[Part<'_>]) -> Vec<Why> {
        let Some(yara) = &self.compiled.yara else { return Vec::new() };
        let mut raised = Vec::new();
        for part in parts {
            let Ok(matches) = yara.scan(part.content) else {
                let reason = OpaqueReason::OverLimit;
                self.opaque.push(Opaque { part: part.path.to_owned(), reason });
                continue;
            };
            for rule in matches {
                let next = FIRST_VALUE + self.values.len();
                let value = *self.values.entry((rule.kind, rule.rule.clone())).or_insert(next);
                self.items.push(Item { value, ..apart(rule.kind) });
                if let Some(level) = rule.level {
                    let name = format!("rule “{}” matched in part {}", rule.rule, part.path);
                    raised.push(Why { level, name, place: None });
                }
                self.findings.push(found_by_rule(part, rule));
            }
        }
        raised
    }

    fn conclude(mut self, readings: &[Reading], raised: Vec<Why>) -> Classification {
        let patients = self.patients();
        if patients >= self.compiled.bulk {
            self.items.push(apart(Kind::BulkPatients));
            self.findings.push(bulk(patients));
        }
        let mut whys = raised;
        for met in self.compiled.combinations.met(&self.items) {
            let place = readings
                .get(met.at.place.reading)
                .map(|reading| (reading.part.clone(), reading.line(met.at.place.start)));
            whys.push(Why { level: met.level, name: met.name.to_owned(), place });
        }
        whys.sort_by_key(|why| std::cmp::Reverse(why.level));
        Classification {
            level: whys.first().map_or(Level::NOTHING_PERSONAL, |why| why.level),
            kinds: self.kinds(),
            patients,
            marking: self
                .findings
                .iter()
                .find(|found| found.finding.kind == Kind::ProtectiveMarking)
                .map(|found| found.value.clone()),
            findings: self.findings,
            opaque: self.opaque,
            why: whys,
            test_numbers: self.test_numbers,
        }
    }

    /// Distinct values of each kind.
    fn kinds(&self) -> BTreeMap<Kind, usize> {
        let distinct: BTreeSet<_> = self.items.iter().map(|item| (item.kind, item.value)).collect();
        let mut kinds = BTreeMap::new();
        for (kind, _) in distinct {
            *kinds.entry(kind).or_insert(0) += 1;
        }
        kinds
    }

    /// Patients told apart by the kind of number that tells most.
    fn patients(&self) -> usize {
        let kinds = self.kinds();
        let count = |group: &[Kind]| group.iter().filter_map(|kind| kinds.get(kind)).sum();
        PATIENT_NUMBERS.iter().map(|group| count(group)).max().unwrap_or(0)
    }
}

/// A candidate or a term, on the way to a finding.
enum Sighting<'a> {
    Candidate(&'a Candidate),
    Term(&'a (Kind, Hit)),
}

impl Sighting<'_> {
    fn span(&self) -> std::ops::Range<usize> {
        match self {
            Self::Candidate(candidate) => candidate.span.clone(),
            Self::Term((_, hit)) => hit.span.clone(),
        }
    }

    fn start(&self) -> usize {
        self.span().start
    }
}

/// A reading with its stream, and how far its lines are counted.
struct Page<'a> {
    reading: &'a Reading,
    stream: &'a Stream<'a>,
    counted: (usize, usize),
}

impl<'a> Page<'a> {
    fn new(reading: &'a Reading, stream: &'a Stream<'a>) -> Self {
        Self { reading, stream, counted: (0, 1) }
    }

    /// The line of an octet of the reading; asked for in rising order.
    fn line(&mut self, at: usize) -> usize {
        let (from, line) = self.counted;
        let between = self.reading.text.as_bytes().get(from..at).unwrap_or_default();
        self.counted = (at.max(from), line + memchr::memchr_iter(b'\n', between).count());
        self.counted.1
    }
}

/// The path of what a reading stands over: of a message, its subject; of a
/// file, its name.
fn stands_over(reading: &Reading) -> Option<&str> {
    match reading.part.strip_suffix("header:Subject") {
        Some(path) => Some(path.trim_end_matches(':')),
        None => (reading.kind == ReadingKind::Header && !reading.part.contains("header:"))
            .then_some(&reading.part),
    }
}

/// An item that stands in no reading and near nothing.
fn apart(kind: Kind) -> Item {
    Item {
        reading: usize::MAX,
        start: 0,
        place: Place { reading: usize::MAX, start: 0 },
        source: usize::MAX,
        kind,
        value: 0,
        confidence: CERTAIN,
        weight: 1,
    }
}

fn found_by_rule(part: &Part<'_>, rule: yara::Match) -> Found {
    Found {
        finding: Finding {
            detector: format!("yara:{}", rule.rule),
            kind: rule.kind,
            part: part.path.to_owned(),
            line: 1,
            masked: Masked::harmless(&rule.rule),
            confidence: CERTAIN,
            why: rule.description,
        },
        value: rule.rule,
        source: None,
        weight: None,
        meant: None,
    }
}

fn bulk(patients: usize) -> Found {
    let value = format!("{patients} patients");
    Found {
        finding: Finding {
            detector: "bulk".to_owned(),
            kind: Kind::BulkPatients,
            part: "message".to_owned(),
            line: 1,
            masked: Masked::harmless(&value),
            confidence: CERTAIN,
            why: "so many different patients' numbers in one message".to_owned(),
        },
        value,
        source: None,
        weight: None,
        meant: None,
    }
}

/// Kinds of number of which a patient has one: values of one group are added,
/// groups are not, since one patient can have a number in each.
const PATIENT_NUMBERS: [&[Kind]; 2] =
    [&[Kind::NhsNumber, Kind::ChiNumber, Kind::HcNumber], &[Kind::HospitalNumber]];

const CERTAIN: u8 = 100;
/// Apart from the numbers of the lexicon's words.
const FIRST_VALUE: usize = usize::MAX / 2;
/// What is shown and kept; the level is worked out from all items.
const MOST_FINDINGS: usize = Classification::MOST_FINDINGS;
/// Of a subject or a file's name.
const MOST_OVER: usize = 100;
const MOST_ITEMS: usize = 1_000_000;
