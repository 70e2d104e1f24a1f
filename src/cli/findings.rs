//! What was found in a message and why that makes its level, for people: part
//! by part, line by line, each finding with its reasons.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use super::page::{Ink, Page, piece};
use crate::{
    classify::{Classification, Found, Why},
    mail::{Kind, Level},
    policy::Policy,
};

/// Whether values are shown as they stand in the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Display {
    Masked,
    Revealed,
}

/// How many findings of one kind and part are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    FirstOfMany,
    All,
}

impl Display {
    pub(super) fn of(self, found: &Found) -> &str {
        match self {
            Self::Masked => found.finding.masked.as_str(),
            Self::Revealed => found.value.as_str(),
        }
    }

    /// A listed word, and what it reads like where it is a slip.
    fn of_listed(self, found: &Found) -> String {
        let value = self.of(found);
        match (self, &found.meant) {
            (_, None) => value.to_owned(),
            (Self::Masked, Some(_)) => format!("{value} (reads like a listed word)"),
            (Self::Revealed, Some(meant)) => format!("{value} (reads like “{meant}”)"),
        }
    }
}

/// The level, why it is that, and every finding.
pub(super) fn tell<W: Write>(
    page: &mut Page<W>,
    policy: &Policy,
    classification: &Classification,
    display: Display,
    extent: Extent,
) -> io::Result<()> {
    let level = classification.level;
    let words = format!("{level}, {}", policy.level_name(level));
    page.row("Level", &[piece(ink(level), words)])?;
    tell_why(page, level, &classification.why, extent)?;
    for opaque in &classification.opaque {
        let unread = format!("part {}: {}", opaque.part, opaque.reason);
        page.row("Not read", &[piece(Ink::Care, unread)])?;
    }
    tell_test_numbers(page, classification.test_numbers)?;
    let counts = |found: &&Found| extent == Extent::All || found.weight != Some(0);
    let findings: Vec<&Found> = classification.findings.iter().filter(counts).collect();
    if findings.is_empty() {
        return page.row("Found", &[piece(Ink::Quiet, "nothing that counts")]);
    }
    for part in findings.chunk_by(|one, next| one.finding.part == next.finding.part) {
        page.empty_line()?;
        tell_part(page, part, display, extent)?;
    }
    Ok(())
}

/// What was weighed and left out: why something is not found.
pub(super) fn tell_left_out<W: Write>(
    page: &mut Page<W>,
    left_out: &[Found],
    display: Display,
) -> io::Result<()> {
    let has_reasons = |found: &&Found| !found.finding.why.is_empty();
    let left_out: Vec<&Found> = left_out.iter().filter(has_reasons).collect();
    for part in left_out.chunk_by(|one, next| one.finding.part == next.finding.part) {
        let Some(first) = part.first() else { continue };
        page.empty_line()?;
        let title = format!("{}, weighed and left out", part_name(&first.finding.part));
        page.text(&[piece(Ink::Title, title)])?;
        for found in part {
            tell_finding(page, found, display)?;
        }
    }
    Ok(())
}

/// A finding for programs; unmasked where values are revealed.
pub(super) fn as_json(found: &Found, display: Display) -> serde_json::Value {
    let mut finding = serde_json::json!(found.finding);
    if let (Display::Revealed, Some(fields)) = (display, finding.as_object_mut()) {
        fields.insert("value".to_owned(), found.value.as_str().into());
        if let Some(meant) = &found.meant {
            fields.insert("meant".to_owned(), meant.as_str().into());
        }
    }
    finding
}

/// As bad as what holds it up.
pub(super) fn ink(level: Level) -> Ink {
    match level.number() {
        0 | 1 => Ink::Good,
        2 => Ink::Care,
        _ => Ink::Bad,
    }
}

/// The reasons for the level; those for lower ones only where all is asked for.
fn tell_why<W: Write>(
    page: &mut Page<W>,
    level: Level,
    whys: &[Why],
    extent: Extent,
) -> io::Result<()> {
    let (reasons, lower): (Vec<_>, Vec<_>) = whys.iter().partition(|why| why.level == level);
    let shown = if extent == Extent::All { reasons.len() } else { MOST_REASONS };
    let mut label = "Why";
    for why in reasons.iter().take(shown) {
        page.row(label, &[piece(Ink::Plain, why.reason())])?;
        label = "";
    }
    if let Some(more @ 1..) = reasons.len().checked_sub(shown) {
        let words = format!("and {more} more; see --all");
        page.row("", &[piece(Ink::Quiet, words)])?;
    }
    let mut label = "Also met";
    for why in lower.iter().filter(|_| extent == Extent::All) {
        page.row(label, &[piece(Ink::Quiet, why.to_string())])?;
        label = "";
    }
    Ok(())
}

/// Who tries an invented letter must see why its number is not there.
fn tell_test_numbers<W: Write>(page: &mut Page<W>, count: usize) -> io::Result<()> {
    let numbers = match count {
        0 => return Ok(()),
        1 => "1 number of the 999 test range counts".to_owned(),
        _ => format!("{count} numbers of the 999 test range count"),
    };
    let words = format!("{numbers} for nobody; with --test-range count they do");
    page.row("Ignored", &[piece(Ink::Quiet, words)])
}

fn tell_part<W: Write>(
    page: &mut Page<W>,
    part: &[&Found],
    display: Display,
    extent: Extent,
) -> io::Result<()> {
    let Some(first) = part.first() else { return Ok(()) };
    page.text(&[piece(Ink::Title, part_name(&first.finding.part))])?;
    let mut shown: BTreeMap<Kind, usize> = BTreeMap::new();
    for found in part.iter().filter(|found| found.weight.is_none()) {
        let count = shown.entry(found.finding.kind).or_insert(0);
        *count += 1;
        if *count <= MOST_OF_A_KIND || extent == Extent::All {
            tell_finding(page, found, display)?;
        }
    }
    let left = shown.iter().filter(|(_, count)| **count > MOST_OF_A_KIND);
    let more: Vec<String> = left
        .map(|(kind, count)| format!("{} × {}", count - MOST_OF_A_KIND, kind.words()))
        .collect();
    if !more.is_empty() && extent == Extent::FirstOfMany {
        let words = format!("{}; see --all", more.join(", "));
        page.row("and more", &[piece(Ink::Quiet, words)])?;
    }
    tell_vocabulary(page, part, display)
}

fn tell_finding<W: Write>(page: &mut Page<W>, found: &Found, display: Display) -> io::Result<()> {
    let finding = &found.finding;
    let line = format!("line {}", finding.line);
    // The space within is no place to break, and keeps values in one column.
    let confidence = format!("{:\u{a0}>3}\u{a0}%\u{a0}", finding.confidence);
    let value = display.of(found).split_whitespace().collect::<Vec<_>>().join("\u{a0}");
    let pieces = [piece(Ink::Quiet, confidence), piece(Ink::Strong, value)];
    page.topic(&line, finding.kind.words(), &pieces)?;
    let named = match finding.kind {
        Kind::BulkPatients | Kind::Yara | Kind::Malware => String::new(),
        _ if finding.detector == finding.kind.words() => String::new(),
        _ => format!("{}: ", finding.detector),
    };
    page.topic("", "", &[piece(Ink::Quiet, format!("{named}{}", finding.why))])
}

/// Listed words have no reasons but their list and what it weighs, and are told
/// a list a line, in the order they stand.
fn tell_vocabulary<W: Write>(
    page: &mut Page<W>,
    part: &[&Found],
    display: Display,
) -> io::Result<()> {
    let mut lists: Vec<(&str, u32, Vec<&Found>)> = Vec::new();
    for found in part {
        let Some(weight) = found.weight else { continue };
        let list = found.finding.detector.as_str();
        match lists.iter_mut().find(|(name, ..)| *name == list) {
            Some((.., words)) => words.push(found),
            None => lists.push((list, weight, vec![found])),
        }
    }
    for (list, weight, words) in lists {
        let lines: BTreeSet<usize> = words.iter().map(|found| found.finding.line).collect();
        let label = match (lines.first(), lines.last()) {
            (Some(first), Some(last)) if first < last => format!("line {first}–{last}"),
            (Some(line), _) => format!("line {line}"),
            _ => String::new(),
        };
        let words: Vec<String> = words.iter().map(|found| display.of_listed(found)).collect();
        let named = piece(Ink::Quiet, format!("{list} (weight {weight}):"));
        page.row(&label, &[named, piece(Ink::Strong, words.join(", "))])?;
    }
    Ok(())
}

fn part_name(part: &str) -> String {
    match part.split_once("header:") {
        Some(("", field)) => field.to_owned(),
        Some((path, field)) => format!("{field} of part {}", path.trim_end_matches(':')),
        None if part == "message" => "Message".to_owned(),
        None => format!("Part {part}"),
    }
}

const MOST_OF_A_KIND: usize = 3;
const MOST_REASONS: usize = 3;

#[cfg(test)]
mod tests;
