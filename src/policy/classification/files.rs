//! The files' own words, and what they mean.

use std::{ops::Range, sync::Arc};

use super::{
    fields::{Fields, Page, Written},
    settings_faults,
};
use crate::{
    classify::{
        Check, Classifier, Combination, Company, Context, Detector, Evidence, Example, Expectation,
        Fellows, Letters, Naming, Opener, Pattern, Position, QuietZone, Settings, Shape, Slips,
        SlipsIn, Stands, TermList, TestNumber, TestRange, YaraSource,
    },
    mail::{Kind, Level},
    policy::diagnostics::{Diagnostics, SourceFile},
};

/// The texts of `classification.toml`, `detectors/*.toml`, `terms/*.toml` and
/// `yara/*.yar`.
#[derive(Clone, Debug)]
pub struct ClassificationFiles {
    pub classification: Arc<SourceFile>,
    pub detectors: Vec<Arc<SourceFile>>,
    pub terms: Vec<Arc<SourceFile>>,
    pub yara: Vec<Arc<SourceFile>>,
}

/// Reads, compiles and runs the detectors' examples. Where a file cannot be
/// read as meant, what was read is still compiled, so that all faults of all
/// files are said at once.
///
/// `test_range` stands instead of what the file says, where it is given.
pub fn compile(
    files: &ClassificationFiles,
    test_range: Option<TestRange>,
) -> Result<Classifier, Diagnostics> {
    let (mut settings, mut faults) = read(files);
    settings.test_range = test_range.unwrap_or(settings.test_range);
    let compiled = Classifier::new(&settings);
    if let Err(errors) = &compiled {
        let sources = files.sources().cloned().collect::<Vec<_>>();
        // A table that could not be read leaves names without meaning behind.
        let only_read = |error: &&_| !faults.has_errors() || settings_faults::stands_alone(error);
        let drawn: Vec<_> = errors
            .iter()
            .filter(only_read)
            .filter_map(|error| settings_faults::diagnostic(error, &sources))
            .collect();
        drawn.into_iter().for_each(|diagnostic| faults.push(diagnostic));
    }
    match compiled {
        Ok(classifier) if !faults.has_errors() => Ok(classifier),
        _ => Err(faults),
    }
}

/// The settings as far as they can be read, and everything that cannot.
pub fn read(files: &ClassificationFiles) -> (Settings, Diagnostics) {
    let mut settings = Settings::default();
    let mut faults = Diagnostics::default();
    let mut page = |file: &Arc<SourceFile>, read: &mut dyn FnMut(&Fields<'_>)| {
        let page = Page::new(file);
        page.read(read);
        faults.extend(page.into_faults());
    };
    page(&files.classification, &mut |fields| classification(fields, &mut settings));
    for file in &files.detectors {
        page(file, &mut |fields| {
            settings.detectors.extend(fields.tables("detector").iter().filter_map(detector));
        });
    }
    for file in &files.terms {
        page(file, &mut |fields| {
            settings.lists.extend(fields.tables("list").iter().filter_map(list));
            settings.ordinary.extend(values(fields.strings("ordinary")));
        });
    }
    settings.yara = files
        .yara
        .iter()
        .map(|file| YaraSource { file: file.path.as_str().into(), text: file.text.clone() })
        .collect();
    (settings, faults)
}

impl ClassificationFiles {
    fn sources(&self) -> impl Iterator<Item = &Arc<SourceFile>> {
        std::iter::once(&self.classification)
            .chain(&self.detectors)
            .chain(&self.terms)
            .chain(&self.yara)
    }
}

fn classification(fields: &Fields<'_>, settings: &mut Settings) {
    let test_ranges = [("ignore", TestRange::Ignore), ("count", TestRange::Count)];
    settings.test_range = fields.choice("test_range", &test_ranges).unwrap_or_default();
    if let Some(points) = fields.integer("report_at", PERCENT).and_then(narrow) {
        settings.weighing.report_at = points;
    }
    if let Some(patients) = fields.integer("bulk", 2..1_000_000).and_then(narrow) {
        settings.weighing.bulk = patients;
    }
    settings.slips = fields.tables("slips").first().map(slips);
    settings.denials = values(fields.strings("denials"));
    settings.quiet = fields.tables("quiet").iter().filter_map(quiet).collect();
    let report_at = settings.weighing.report_at;
    settings.evidence =
        fields.tables("evidence").iter().filter_map(|table| evidence(table, report_at)).collect();
    settings.combinations = fields.tables("combination").iter().filter_map(combination).collect();
}

fn slips(fields: &Fields<'_>) -> Slips {
    let letters = fields.integer("letters", 5..40).and_then(narrow);
    let weight = fields.integer("weight", 0..1000).and_then(narrow);
    fields.finish();
    Slips { letters: letters.unwrap_or(USUAL_LETTERS), weight: weight.unwrap_or(1) }
}

fn quiet(fields: &Fields<'_>) -> Option<QuietZone> {
    let name = fields.needed_string("name");
    let opens = values(fields.strings("opens"));
    let openers = [("starts the line", Opener::StartsLine), ("fills the line", Opener::FillsLine)];
    let opener = fields.choice("opener", &openers).unwrap_or_default();
    let lines = fields.integer("lines", 0..1000).and_then(narrow).unwrap_or(0);
    fields.finish();
    Some(QuietZone { name: name?.value, opens, opener, lines })
}

fn evidence(fields: &Fields<'_>, report_at: u8) -> Option<Evidence> {
    let name = fields.needed_string("name");
    let evidence = Evidence {
        name: String::new(),
        kinds: fields.choices("kinds", &kinds()),
        from: values(fields.strings("from")),
        confidence: fields.integer("confidence", PERCENT).and_then(narrow).unwrap_or(report_at),
        distinct: fields.integer("distinct", 1..1_000_000).and_then(narrow).unwrap_or(1),
        weight: fields.integer("weight", 0..1_000_000).and_then(narrow).unwrap_or(0),
        place: fields.place(),
    };
    if evidence.kinds.is_empty() && evidence.from.is_empty() {
        fields.fault(
            "evidence-of-nothing",
            evidence.place.span.clone(),
            "this evidence asks for nothing",
            "say which findings count: kinds = [\"nhs_number\"], or from = [\"name of a list\"]",
        );
    }
    fields.finish();
    Some(Evidence { name: name?.value, ..evidence })
}

fn combination(fields: &Fields<'_>) -> Option<Combination> {
    let name = fields.needed_string("name");
    let level = fields.integer("level", 0..5).and_then(narrow::<u8>);
    let level = level.and_then(|level| Level::try_from(level).ok());
    if level.is_none() {
        fields.fault(
            "combination-without-level",
            fields.place().span,
            "this combination gives no level",
            "add a line: level = 3",
        );
    }
    let all = values(fields.strings("all"));
    if all.is_empty() {
        fields.fault(
            "combination-of-nothing",
            fields.place().span,
            "this combination asks for no evidence",
            "name the evidence: all = [\"a patient's number\", \"clinical content\"]",
        );
    }
    let within = fields.integer("within", 1..10_000_000).and_then(narrow);
    fields.finish();
    Some(Combination { name: name?.value, level: level?, all, within, place: fields.place() })
}

fn detector(fields: &Fields<'_>) -> Option<Detector> {
    let name = fields.needed_string("name");
    let kind = fields.needed_string("kind").and(fields.choice("kind", &kinds()));
    let pattern = fields.needed_string("pattern").map(|written| Pattern {
        text: written.value.trim().to_owned(),
        place: fields.page().place(written.span),
    });
    let shapes = fields.numbers("shapes", &POINTS).into_iter();
    let mut examples = examples(fields, "must_match", Expectation::Match);
    examples.extend(self::examples(fields, "must_not_match", Expectation::NoMatch));
    let detector = Detector {
        name: String::new(),
        kind: Kind::Yara,
        pattern: Pattern { text: String::new(), place: fields.place() },
        check: fields.choice("check", &CHECKS).unwrap_or_default(),
        starts_with: values(fields.strings("starts_with")),
        base: points(fields, "base"),
        shapes: shapes
            .filter_map(|(like, points)| Some(Shape { like, points: narrow(points)? }))
            .collect(),
        beside_digits: points(fields, "beside_digits"),
        context: fields.tables("context").iter().flat_map(context).collect(),
        company: fields.tables("company").iter().map(company).collect(),
        fellows: fields.tables("fellows").first().map(fellows).unwrap_or_default(),
        stands: fields.tables("stands").first().map(stands).unwrap_or_default(),
        named: fields.tables("named").first().map(naming).unwrap_or_default(),
        beside_test_number: fields
            .tables("test_number")
            .first()
            .map(test_number)
            .unwrap_or_default(),
        examples,
        place: fields.place(),
    };
    fields.finish();
    Some(Detector { name: name?.value, kind: kind?, pattern: pattern?, ..detector })
}

fn examples(fields: &Fields<'_>, key: &'static str, expectation: Expectation) -> Vec<Example> {
    let example = |written: Written<String>| Example {
        text: written.value,
        expectation,
        place: fields.page().place(written.span),
    };
    fields.strings(key).into_iter().map(example).collect()
}

/// One context for each position it is looked for in.
fn context(fields: &Fields<'_>) -> Vec<Context> {
    let words = values(fields.strings("words"));
    let within = fields.integer("within", 0..1000).and_then(narrow).unwrap_or(USUAL_REACH);
    let points = points(fields, "points");
    let mut positions = fields.choices("where", &POSITIONS);
    if positions.is_empty() {
        positions = vec![Position::Before, Position::Heading];
    }
    fields.finish();
    positions
        .into_iter()
        .map(|position| Context { words: words.clone(), position, within, points })
        .collect()
}

fn company(fields: &Fields<'_>) -> Company {
    let company = Company {
        kinds: fields.choices("kinds", &kinds()),
        weight: fields.integer("weight", 0..1000).and_then(narrow).unwrap_or(0),
        within: fields.integer("within", 0..100_000).and_then(narrow).unwrap_or(USUAL_REACH),
        points: points(fields, "points"),
    };
    fields.finish();
    company
}

fn fellows(fields: &Fields<'_>) -> Fellows {
    let fellows = Fellows {
        all_pass: points(fields, "all_pass"),
        others_fail: points(fields, "others_fail"),
        many_pass: points(fields, "many_pass"),
        many: fields.integer("many", 2..1_000_000).and_then(narrow).unwrap_or(USUAL_MANY),
    };
    fields.finish();
    fellows
}

fn stands(fields: &Fields<'_>) -> Stands {
    let stands = Stands {
        fills_text: points(fields, "fills_text"),
        fills_line: points(fields, "fills_line"),
        opens_text: points(fields, "opens_text"),
    };
    fields.finish();
    stands
}

fn naming(fields: &Fields<'_>) -> Naming {
    let naming =
        Naming { points: points(fields, "points"), unless: values(fields.strings("unless")) };
    fields.finish();
    naming
}

fn test_number(fields: &Fields<'_>) -> TestNumber {
    let test_number = TestNumber {
        within: fields.integer("within", 0..100_000).and_then(narrow).unwrap_or(USUAL_REACH),
        points: points(fields, "points"),
    };
    fields.finish();
    test_number
}

fn list(fields: &Fields<'_>) -> Option<TermList> {
    let name = fields.needed_string("name");
    let mut choices: Vec<(&str, Option<Kind>)> =
        kinds().into_iter().map(|(name, kind)| (name, Some(kind))).collect();
    choices.push(("none", None));
    let kind = fields.needed_string("kind").and(fields.choice("kind", &choices));
    let slips = [("count", SlipsIn::Count), ("ignore", SlipsIn::Ignore)];
    let letters = [("any case", Letters::AnyCase), ("as written", Letters::AsWritten)];
    let mut examples = examples(fields, "must_match", Expectation::Match);
    examples.extend(self::examples(fields, "must_not_match", Expectation::NoMatch));
    let list = TermList {
        name: String::new(),
        kind: None,
        weight: fields.integer("weight", 0..1000).and_then(narrow).unwrap_or(1),
        letters: fields.choice("letters", &letters).unwrap_or_default(),
        slips: fields.choice("slips", &slips).unwrap_or_default(),
        words: values(fields.strings("words")),
        examples,
        place: fields.place(),
    };
    fields.finish();
    Some(TermList { name: name?.value, kind: kind?, ..list })
}

fn points(fields: &Fields<'_>, key: &'static str) -> i32 {
    fields.integer(key, POINTS).and_then(narrow).unwrap_or(0)
}

fn kinds() -> [(&'static str, Kind); Kind::ALL.len()] {
    Kind::ALL.map(|kind| (kind.name(), kind))
}

fn values<T>(written: Vec<Written<T>>) -> Vec<T> {
    written.into_iter().map(|written| written.value).collect()
}

fn narrow<T: TryFrom<i64>>(number: i64) -> Option<T> {
    T::try_from(number).ok()
}

const PERCENT: Range<i64> = 0..101;
const POINTS: Range<i64> = -100..101;

/// What stands for a number that is not written: characters to look in,
/// numbers that are many, letters of a word that may be misspelt.
pub const USUAL_REACH: usize = 40;
pub const USUAL_MANY: usize = 10;
pub const USUAL_LETTERS: usize = 7;

const POSITIONS: [(&str, Position); 4] = [
    ("before", Position::Before),
    ("after", Position::After),
    ("heading", Position::Heading),
    ("near", Position::Near),
];

const CHECKS: [(&str, Check); 8] = [
    ("none", Check::None),
    ("health service number", Check::HealthServiceNumber),
    ("national insurance number", Check::NationalInsuranceNumber),
    ("postcode", Check::Postcode),
    ("telephone", Check::Telephone),
    ("date", Check::Date),
    ("snomed ct", Check::SnomedCt),
    ("icd-10", Check::Icd10),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> Arc<SourceFile> {
        Arc::new(SourceFile { path: path.to_owned(), text: text.to_owned() })
    }

    fn files(
        classification: &str,
        detectors: &str,
        terms: &str,
        yara: &str,
    ) -> ClassificationFiles {
        ClassificationFiles {
            classification: file("classification.toml", classification),
            detectors: vec![file("detectors/a.toml", detectors)],
            terms: vec![file("terms/a.toml", terms)],
            yara: vec![file("yara/a.yar", yara)],
        }
    }

    fn faults(files: &ClassificationFiles) -> Vec<String> {
        let faults = compile(files, None).err().expect("there are faults");
        faults
            .iter()
            .map(|fault| format!("{}:{} {}", fault.file.path, fault.line(), fault.code))
            .collect()
    }

    #[test]
    fn all_faults_of_all_files_are_said_at_once_and_where_they_stand() {
        let files = files(
            "report_at = 500\nbulks = 3\n[[combination]]\nname = \"x\"\nlevel = 3\nall = [\"nothing such\"]\n",
            "[[detector]]\nname = \"a\"\nkind = \"nhs_numbr\"\npattern = 'x'\n[[detector]]\nname = \"b\"\nkind = \"yara\"\npattern = '('\n",
            "[[list]]\nname = \"c\"\nkind = \"medication\"\nwords = 3\n",
            "rule a { condition: nothing_such }",
        );
        assert_eq!(
            faults(&files),
            [
                "classification.toml:1 number-out-of-range",
                "classification.toml:2 unknown-key",
                "detectors/a.toml:3 unknown-word",
                "terms/a.toml:4 wrong-type",
                "detectors/a.toml:8 detector-pattern",
                "yara/a.yar:1 yara-rule",
            ]
        );
    }

    #[test]
    fn evidence_that_does_not_exist_is_named() {
        let files = files(
            "[[combination]]\nname = \"x\"\nlevel = 3\nall = [\"nothing such\"]\n",
            "",
            "",
            "",
        );
        assert_eq!(faults(&files), ["classification.toml:1 combination-unknown-evidence"]);
    }

    #[test]
    fn slips_are_counted_where_officers_say_so() {
        let slips = "[[slips]]\nletters = 7\n";
        let list = |rest: &str| {
            format!(
                "[[list]]\nname = \"a\"\nkind = \"medication\"\nwords = [\"metformin\"]\nmust_match = [\"metfromin\"]\n{rest}"
            )
        };
        let missed = ["terms/a.toml:5 detector-missed-example"];
        assert!(compile(&files(slips, "", &list(""), ""), None).is_ok());
        assert_eq!(faults(&files("", "", &list(""), "")), missed);
        assert_eq!(faults(&files(slips, "", &list("slips = \"ignore\""), "")), missed);
        let ordinary = format!("ordinary = [\"metfromin\"]\n{}", list(""));
        assert_eq!(
            faults(&files(slips, "", &ordinary, "")),
            ["terms/a.toml:6 detector-missed-example"]
        );
        assert_eq!(
            faults(&files("[[slips]]\nletters = 3\nmany = 1\n", "", "", "")),
            ["classification.toml:2 number-out-of-range", "classification.toml:3 unknown-key"]
        );
    }

    #[test]
    fn a_slow_pattern_is_refused_and_the_quick_one_is_not() {
        let detector = |pattern: &str| {
            format!(
                "[[detector]]\nname = \"a\"\nkind = \"yara\"\nbase = 60\npattern = '{pattern}'\n"
            )
        };
        assert_eq!(
            faults(&files("", &detector(r"\bward [0-9]+"), "", "")),
            ["detectors/a.toml:5 detector-slow-pattern"]
        );
        assert!(compile(&files("", &detector(r"(?-u:\b)ward [0-9]+"), "", ""), None).is_ok());
        assert!(compile(&files("", &detector(r"a\\bc"), "", ""), None).is_ok());
    }

    #[test]
    fn a_detector_is_held_to_its_examples() {
        let detector = |example: &str| {
            format!(
                "[[detector]]\nname = \"ward\"\nkind = \"yara\"\nbase = 60\npattern = 'ward [0-9]+'\n{example}\n"
            )
        };
        assert!(
            compile(&files("", &detector("must_match = [\"on ward 7\"]"), "", ""), None).is_ok()
        );
        assert_eq!(
            faults(&files("", &detector("must_match = [\"ward\"]"), "", "")),
            ["detectors/a.toml:6 detector-missed-example"]
        );
        assert_eq!(
            faults(&files("", &detector("must_not_match = [\n\"ward 7\"]"), "", "")),
            ["detectors/a.toml:7 detector-false-example"]
        );
    }
}
