//! Classify: what is in the text a person could read, and how sensitive that
//! makes the message.
//!
//! Takes the readings and decoded parts that `content` drew out of a message;
//! gives findings and a level, which the policy then judges. It holds no list
//! and no weight of its own: which words, patterns, weights and combinations
//! count is in [`Settings`], which officers write (`policies/classification.toml`,
//! `detectors/`, `terms/`, `yara/`). What it does own is the mechanism, and the
//! arithmetic that words cannot express: check digits, ranges, dates.
//!
//! The way of a reading through the room: `normalise` folds it into one stream,
//! `lexicon` finds every listed word in one pass, `terms` counts vocabulary, `seek`
//! finds candidates where `digits`, `needs` and `ceiling` say that some can be,
//! `weigh` weighs their surroundings, `level` looks for the combinations. `yara` reads the decoded parts beside it.

mod candidate;
mod ceiling;
mod classification;
mod classifier;
mod compile;
mod dates;
mod detect;
mod digits;
mod level;
mod lexicon;
mod naming;
mod needs;
mod normalise;
mod numbers;
mod reach;
mod search;
mod seek;
mod settings;
mod slips;
mod surroundings;
mod table;
mod terms;
mod vocabulary;
mod weigh;
mod weights;
mod yara;

pub use classification::{Classification, Found, Why};
pub use classifier::{Classifier, Input, Part};
pub(crate) use normalise::Stream; // text as detectors read it, for whoever must find what they found
pub use settings::{
    Check, Combination, Company, Context, Detector, Evidence, Example, Expectation, Fault, Fellows,
    Letters, Naming, Opener, Pattern, Place, Position, QuietZone, Settings, SettingsError, Shape,
    Slips, SlipsIn, Stands, TermList, TestNumber, TestRange, Weighing, YaraSource,
};
