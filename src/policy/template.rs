//! Sentences with fields: `{recipient} is not cleared for level {level}`.
//!
//! The fields are a closed set; a misspelt one is found when the policy is
//! read, not when the first sender gets it in a refusal.

use std::{borrow::Cow, fmt, ops::Range};

use crate::mail::{Address, Level, ReversePath};

use super::{
    nearest::did_you_mean,
    written::{Fault, Value},
};

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
    /// Whose mail it is.
    Organisation,
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
    /// The sender's.
    pub organisation: &'a str,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TemplateError {
    /// A `{` has no `}`, at that octet.
    Open(usize),
    Unknown {
        name: String,
        place: Range<usize>,
        help: String,
    },
}

impl Template {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn uses(&self, field: Field) -> bool {
        self.0.contains(&Piece::Field(field))
    }

    pub fn fill(&self, fields: &Fields<'_>) -> String {
        self.fill_with(|field| fields.value(field))
    }

    pub fn fill_with<'v>(&self, value: impl Fn(Field) -> Cow<'v, str>) -> String {
        let mut filled = String::with_capacity(TYPICAL);
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Field(field) => filled.push_str(&value(*field)),
            }
        }
        filled
    }

    /// What it always says, if it has no fields.
    pub(super) fn constant(&self) -> Option<String> {
        let texts = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Field(_) => None,
        });
        texts.collect()
    }

    /// From a value of a file, with only these fields.
    pub(super) fn read(value: &Value<'_>, allowed: &[(&'static str, Field)]) -> Option<Self> {
        let mut faulty = false;
        let template = Self::parse(value.sentence()?, allowed, |error| {
            faulty = true;
            let label = match error {
                TemplateError::Open(_) => "here",
                TemplateError::Unknown { .. } => "has a field that is not known",
            };
            value.faults().error(error.fault().at(value.span()).label(label));
        });
        template.filter(|_| !faulty)
    }

    /// From a text; every fault of it is told.
    pub(super) fn parse(
        text: &str,
        allowed: &[(&'static str, Field)],
        mut tell: impl FnMut(TemplateError),
    ) -> Option<Self> {
        let (mut pieces, mut rest, mut sound) = (Vec::new(), text, true);
        while let Some((before, after)) = rest.split_once('{') {
            let start = text.len() - after.len() - 1;
            let Some((name, after)) = after.split_once('}') else {
                tell(TemplateError::Open(start));
                return None;
            };
            match allowed.iter().find(|(known, _)| *known == name) {
                Some((_, field)) => {
                    pieces.extend([Piece::Text(before.to_owned()), Piece::Field(*field)]);
                }
                None => {
                    sound = false;
                    tell(TemplateError::unknown(name, start, allowed));
                }
            }
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        sound.then_some(Self(pieces))
    }
}

/// As it is written.
impl fmt::Display for Template {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.write_str(text)?,
                Piece::Field(field) => {
                    let known = REASON_FIELDS.iter().find(|(_, known)| known == field);
                    write!(out, "{{{}}}", known.map_or("", |(name, _)| name))?;
                }
            }
        }
        Ok(())
    }
}

impl Fields<'_> {
    fn value(&self, field: Field) -> Cow<'_, str> {
        match field {
            Field::Recipient => self.recipient.to_string().into(),
            Field::Sender => match self.sender {
                ReversePath::Null => "<>".into(),
                sender => sender.to_string().into(),
            },
            Field::Level => self.level.to_string().into(),
            Field::LevelName => self.level_name.into(),
            Field::Clearance => self.clearance.to_string().into(),
            Field::Rule => self.rule.into(),
            Field::Organisation => self.organisation.into(),
        }
    }
}

impl TemplateError {
    fn unknown(name: &str, start: usize, allowed: &[(&'static str, Field)]) -> Self {
        let names: Vec<&str> = allowed.iter().map(|(known, _)| *known).collect();
        let all = format!("there are {{{}}}", names.join("}, {"));
        Self::Unknown {
            name: name.to_owned(),
            place: start..start + name.len() + 2,
            help: did_you_mean(name, &names).unwrap_or(all),
        }
    }

    /// The octets of the text that are at fault.
    pub(super) fn place(&self) -> Range<usize> {
        match self {
            Self::Open(start) => *start..*start + 1,
            Self::Unknown { place, .. } => place.clone(),
        }
    }

    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Open(_) => "opens a field",
            Self::Unknown { .. } => "not a field",
        }
    }

    pub(super) fn fault(&self) -> Fault {
        match self {
            Self::Open(_) => Fault::new("template-open", "a `{` has no `}` after it"),
            Self::Unknown { name, help, .. } => {
                Fault::new("template-field", format!("there is no field `{{{name}}}` here"))
                    .help(help.clone())
            }
        }
    }
}

const TYPICAL: usize = 160;

/// The fields of a reason, which the sender reads.
pub(super) const REASON_FIELDS: [(&str, Field); 7] = [
    ("recipient", Field::Recipient),
    ("sender", Field::Sender),
    ("level", Field::Level),
    ("level_name", Field::LevelName),
    ("clearance", Field::Clearance),
    ("rule", Field::Rule),
    ("organisation", Field::Organisation),
];

/// The fields of a tag line, which says the same to everybody.
pub(super) const TAG_LINE_FIELDS: [(&str, Field); 2] =
    [("organisation", Field::Organisation), ("level_name", Field::LevelName)];

/// The fields of a header field: nothing that a stranger has written, so that
/// nothing can be injected by it.
pub(super) const HEADER_FIELDS: [(&str, Field); 4] = [
    ("level", Field::Level),
    ("level_name", Field::LevelName),
    ("clearance", Field::Clearance),
    ("rule", Field::Rule),
];
