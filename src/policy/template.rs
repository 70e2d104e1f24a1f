//! Sentences with fields: `{recipient} is not cleared for level {level}`.
//!
//! The fields are a closed set; a misspelt one is found when the policy is
//! read, not when the first sender gets it in a refusal.

use std::fmt::Write as _;

use crate::mail::{Address, Level, ReversePath};

use super::{nearest::did_you_mean, written::Value};

/// A text, cut at its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field(Field),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Recipient,
    Sender,
    Level,
    LevelName,
    Clearance,
    Rule,
}

/// What the fields stand for, in one decision.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    pub recipient: &'a Address,
    pub sender: &'a ReversePath,
    pub level: Level,
    pub level_name: &'a str,
    pub clearance: Level,
    pub rule: &'a str,
}

impl Template {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn uses(&self, field: Field) -> bool {
        self.0.contains(&Piece::Field(field))
    }

    pub fn fill(&self, fields: &Fields<'_>) -> String {
        let mut filled = String::with_capacity(TYPICAL);
        for piece in &self.0 {
            // Writing to a String cannot fail.
            let _ = match piece {
                Piece::Text(text) => filled.write_str(text),
                Piece::Field(Field::Recipient) => write!(filled, "{}", fields.recipient),
                Piece::Field(Field::Sender) => match fields.sender {
                    ReversePath::Null => filled.write_str("<>"),
                    ReversePath::Mailbox(sender) => write!(filled, "{sender}"),
                },
                Piece::Field(Field::Level) => write!(filled, "{}", fields.level),
                Piece::Field(Field::LevelName) => filled.write_str(fields.level_name),
                Piece::Field(Field::Clearance) => write!(filled, "{}", fields.clearance),
                Piece::Field(Field::Rule) => filled.write_str(fields.rule),
            };
        }
        filled
    }

    /// From a value of a file, with only these fields.
    pub(super) fn read(value: &Value<'_>, allowed: &[(&'static str, Field)]) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut rest = value.sentence()?;
        while let Some((text, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else {
                return value.invalid("template-open", "a `{` has no `}` after it");
            };
            let Some((_, field)) = allowed.iter().find(|(known, _)| *known == name) else {
                return unknown_field(value, name, allowed);
            };
            pieces.push(Piece::Text(text.to_owned()));
            pieces.push(Piece::Field(*field));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        Some(Self(pieces))
    }
}

fn unknown_field(
    value: &Value<'_>,
    name: &str,
    allowed: &[(&'static str, Field)],
) -> Option<Template> {
    let names: Vec<&str> = allowed.iter().map(|(known, _)| *known).collect();
    let all = format!("there are {{{}}}", names.join("}, {"));
    value.faults().error(
        value
            .fault("template-field", format!("there is no field `{{{name}}}` here"))
            .label("has a field that is not known")
            .help(did_you_mean(name, &names).unwrap_or(all)),
    );
    None
}

const TYPICAL: usize = 160;

/// The fields of a reason, which the sender reads.
pub(super) const REASON_FIELDS: [(&str, Field); 6] = [
    ("recipient", Field::Recipient),
    ("sender", Field::Sender),
    ("level", Field::Level),
    ("level_name", Field::LevelName),
    ("clearance", Field::Clearance),
    ("rule", Field::Rule),
];

/// The fields of a header field: nothing that a stranger has written, so that
/// nothing can be injected by it.
pub(super) const HEADER_FIELDS: [(&str, Field); 4] = [
    ("level", Field::Level),
    ("level_name", Field::LevelName),
    ("clearance", Field::Clearance),
    ("rule", Field::Rule),
];
