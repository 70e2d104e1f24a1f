//! What the officers have written, as meant: every list, weight and
//! combination the classifier goes by. Plain data; `policy::classification`
//! reads it out of files, [`super::Classifier::new`] compiles it.

use std::{ops::Range, sync::Arc};

use crate::mail::{Kind, Level};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    pub test_range: TestRange,
    pub weighing: Weighing,
    pub detectors: Vec<Detector>,
    pub lists: Vec<TermList>,
    /// Absent where a word counts as it is listed only.
    pub slips: Option<Slips>,
    /// Words that are no slip, however near they stand to a listed word.
    pub ordinary: Vec<String>,
    /// Words that deny the listed term after them: “no”, “denies”.
    pub denials: Vec<String>,
    pub quiet: Vec<QuietZone>,
    pub evidence: Vec<Evidence>,
    pub combinations: Vec<Combination>,
    pub yara: Vec<YaraSource>,
}

/// Where in the officers' files something was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: Arc<str>,
    /// Octets of the file.
    pub span: Range<usize>,
}

/// Whether NHS numbers of the 999 test range stand for a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TestRange {
    #[default]
    Ignore,
    Count,
}

/// What holds for all detectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weighing {
    /// A candidate is a finding from this confidence on (0 to 100).
    pub report_at: u8,
    /// So many distinct patients are bulk.
    pub bulk: usize,
}

impl Default for Weighing {
    fn default() -> Self {
        Self { report_at: 50, bulk: 25 }
    }
}

/// One way of finding one kind of thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Detector {
    pub name: String,
    pub kind: Kind,
    pub pattern: Pattern,
    pub check: Check,
    /// Where given, the pattern is tried only from the start of these words.
    pub starts_with: Vec<String>,
    /// Points before anything else is looked at.
    pub base: i32,
    pub shapes: Vec<Shape>,
    /// Points when other digits stand directly beside it.
    pub beside_digits: i32,
    pub context: Vec<Context>,
    pub company: Vec<Company>,
    pub fellows: Fellows,
    pub stands: Stands,
    pub named: Naming,
    pub beside_test_number: TestNumber,
    pub examples: Vec<Example>,
    pub place: Place,
}

/// A regular expression. Where it has a group named `value`, that is the value.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    pub text: String,
    pub place: Place,
}

/// What a candidate must pass, beyond its pattern. The arithmetic is ours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Check {
    #[default]
    None,
    /// NHS, CHI or H&C number by its range; the finding's kind follows.
    HealthServiceNumber,
    NationalInsuranceNumber,
    Postcode,
    Telephone,
    /// A date on which a living person can have been born.
    Date,
    SnomedCt,
    Icd10,
}

/// How the value is laid out: `000 000 0000`, where 0 stands for a digit and
/// A for a letter. The first that fits gives its points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    pub like: String,
    pub points: i32,
}

/// Words near a candidate that speak for or against it. Of all words on one
/// side only the nearest counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    pub words: Vec<String>,
    pub position: Position,
    /// Characters between the words and the value.
    pub within: usize,
    pub points: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    Before,
    After,
    /// In the heading of its column; where there is no table, never.
    Heading,
    /// On either side, whatever other words stand nearer; once a context.
    Near,
}

/// Other findings near a candidate, found sure on their own.
#[derive(Clone, Debug, PartialEq)]
pub struct Company {
    pub kinds: Vec<Kind>,
    /// What a listed term must weigh at least to be company.
    pub weight: u32,
    pub within: usize,
    pub points: i32,
}

/// What the other numbers of a text say of each. By chance few pass a check
/// digit, so numbers that all pass are what they look like, and one among many
/// that do not is one of those.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fellows {
    /// Points for each that no word speaks against, where two or more different
    /// ones stand and all pass.
    pub all_pass: i32,
    /// Points for each that no word speaks for, where as many fail.
    pub others_fail: i32,
    /// Points on top of `all_pass` where [`Fellows::many`] or more stand.
    pub many_pass: i32,
    pub many: usize,
}

/// Points for where a value stands, marks and the number of a list apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stands {
    /// There is nothing else in the text: a subject, a file's name.
    pub fills_text: i32,
    /// There is nothing else on its line.
    pub fills_line: i32,
    /// It is what a text of one line begins with.
    pub opens_text: i32,
}

/// The word directly before a number says what it is the number of: “ticket 12”,
/// “leaflet 12”. Nobody can list them all, so those are listed that do not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Naming {
    pub points: i32,
    /// Words that name nothing, and words for patients. Listed terms and
    /// people's names never count.
    pub unless: Vec<String>,
}

/// A number of the test range makes what stands beside it a test patient's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TestNumber {
    pub within: usize,
    pub points: i32,
}

/// A text that the detector or list must, or must not, find something in.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    pub text: String,
    pub expectation: Expectation,
    pub place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    Match,
    NoMatch,
}

/// A vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub struct TermList {
    pub name: String,
    /// Absent for phrases in which other lists' terms do not count.
    pub kind: Option<Kind>,
    /// How much one distinct term of it adds to an evidence's weight.
    pub weight: u32,
    pub letters: Letters,
    pub slips: SlipsIn,
    pub words: Vec<String>,
    pub examples: Vec<Example>,
    pub place: Place,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Letters {
    #[default]
    AnyCase,
    /// As written, for abbreviations that are also words.
    AsWritten,
}

/// Words one slip of the pen away from a listed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slips {
    /// Letters a listed word has at least. Its slip has one less, or more.
    pub letters: usize,
    /// What a slip weighs at most; never more than the word itself.
    pub weight: u32,
}

/// Whether slips of a list's words count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlipsIn {
    #[default]
    Count,
    Ignore,
}

/// Lines in which vocabulary does not count: signature blocks, disclaimers.
#[derive(Clone, Debug, PartialEq)]
pub struct QuietZone {
    pub name: String,
    /// Words at the start of a line that open it.
    pub opens: Vec<String>,
    pub opener: Opener,
    /// Lines with text in them before it ends by itself.
    pub lines: usize,
}

/// What else may stand on the line that opens a quiet zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Opener {
    /// Anything: the first words of a disclaimer.
    #[default]
    StartsLine,
    /// A name at most: “Thanks, Jane” is a close, “thanks for seeing her” not.
    FillsLine,
}

/// Something a combination can ask for, by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    pub name: String,
    /// Findings of these kinds count…
    pub kinds: Vec<Kind>,
    /// …and findings of these detectors or lists.
    pub from: Vec<String>,
    pub confidence: u8,
    /// So many distinct values.
    pub distinct: usize,
    /// So much weight of distinct values together.
    pub weight: u32,
    pub place: Place,
}

/// Evidence that, together, makes a message sensitive.
#[derive(Clone, Debug, PartialEq)]
pub struct Combination {
    pub name: String,
    pub level: Level,
    pub all: Vec<String>,
    /// Characters of one reading in which all must stand; absent, anywhere in
    /// the message.
    pub within: Option<usize>,
    pub place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YaraSource {
    pub file: Arc<str>,
    pub text: String,
}

/// Something in the settings that cannot be compiled or does not do what its
/// author says it does.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{fault}")]
pub struct SettingsError {
    pub place: Place,
    pub fault: Fault,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    #[error("this pattern is not a regular expression")]
    Pattern(String),
    #[error("this pattern is too large")]
    LargePattern,
    #[error("this pattern would be slow on any text beyond ASCII: it has a Unicode {0}")]
    SlowPattern(&'static str),
    #[error("this pattern matches where there is nothing")]
    EmptyMatch,
    #[error("“{name}” finds nothing here")]
    MissedExample { name: String },
    #[error("“{name}” finds “{found}” here")]
    FalseExample { name: String, found: String },
    #[error("there is no evidence called “{0}”")]
    UnknownEvidence(String),
    #[error("there is no detector or list called “{0}”")]
    UnknownSource(String),
    #[error("two {what} are called “{name}”")]
    Twice { what: &'static str, name: String },
    #[error("{0}")]
    Yara(String),
}
