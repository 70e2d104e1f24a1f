//! What holds whatever message is rewritten, as a function that names the rule
//! that is broken: asked by the fuzz target in `tests/fuzz`, and by tests.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    Change, DisclaimerOutcome, Edits, HeaderField, LongLines, Removal, Rewritten, SubjectEdits,
    downgrade, rewrite,
};
use crate::{
    content::{Class, Content, Disposition, InPlace, Part, Protected, Reading, ReadingKind},
    mail::Disclaimer,
};

/// Reads and rewrites the octets with a tag line alone, in two alphabets, and
/// with everything that rules can ask for: nothing but the changes differs,
/// parts of others stay, the tag line is read, lines are fit to be sent, and
/// a second time adds nothing.
pub fn message(raw: &Bytes) -> Result<(), String> {
    let before = Content::parse(raw.clone());
    reads(&before)?;
    bears_all(&before)?;
    [ASCII, WIDE].into_iter().try_for_each(|plain| bears_tag_line(&before, plain))
}

/// What a tag line alone comes to.
pub fn with_tag_line(raw: &Bytes) -> Rewritten {
    rewrite(&Content::parse(raw.clone()), &tag_line(ASCII))
}

fn bears_tag_line(before: &Content, plain: &str) -> Result<(), String> {
    let edits = tag_line(plain);
    let done = rewrite(before, &edits);
    rest_is_identical(before.raw(), &done)?;
    lines_are_fit(before.raw(), &done)?;
    let outcome = done.disclaimer.clone();
    let after = Content::parse(done.into_bytes());
    untouched_parts_are_identical(before, &after, &outcome)?;
    if !is_displayed(&after, &outcome) {
        return Err(format!("not displayed after {outcome:?}"));
    }
    says_the_same_in_seven_bits(&after)?;
    match rewrite(&after, &edits).disclaimer {
        DisclaimerOutcome::AlreadyThere | DisclaimerOutcome::Protected(_) => Ok(()),
        other => Err(format!("first {outcome:?}, then {other:?}")),
    }
}

fn bears_all(before: &Content) -> Result<(), String> {
    let edits = all_edits();
    let done = rewrite(before, &edits);
    rest_is_identical(before.raw(), &done)?;
    lines_are_fit(before.raw(), &done)?;
    let outcomes = format!("{:?} {:?} {:?}", done.banner, done.disclaimer, done.subject);
    let once = done.into_bytes();
    let twice = rewrite(&Content::parse(once.clone()), &edits);
    if twice.message() == once {
        return Ok(());
    }
    let again = format!("{:?} {:?} {:?}", twice.banner, twice.disclaimer, twice.subject);
    Err(format!("all at once: first {outcomes}, then {again}: {:?}", twice.changes))
}

fn tag_line(plain: &str) -> Edits {
    Edits {
        prepend: HeaderField::new("X-Test", "1").into_iter().collect(),
        disclaimer: notice("<hr>\n", plain),
        ..Edits::default()
    }
}

/// Everything that rules can ask for, at once.
fn all_edits() -> Edits {
    Edits {
        remove: "X-*".parse().map(Removal::Policy).into_iter().collect(),
        disclaimer: notice("", ASCII),
        banner: notice("", ABOVE),
        subject: SubjectEdits {
            tags: vec!["[EXTERNAL]".to_owned()],
            stripped: vec!["[secure]".to_owned()],
        },
        wrapped: Protected::WRAPPABLE.to_vec(),
        long_lines: LongLines::Broken,
        ..Edits::default()
    }
}

fn notice(above: &str, plain: &str) -> Option<Arc<Disclaimer>> {
    let lines = plain.replace('\n', "<br>\n");
    let html = format!("{above}<div lang=\"en\"><p>{lines}</p></div>");
    Some(Arc::new(Disclaimer { name: "lab".to_owned(), plain: plain.to_owned(), html }))
}

/// Reading comes to an end, and every way back stays in the message.
fn reads(content: &Content) -> Result<(), String> {
    for reading in content.readings() {
        let mut last = 0;
        for at in (0..=reading.text.len()).step_by(7) {
            let source = reading.map.source(at);
            if source < last || source > content.raw().len() + 4 {
                return Err(format!("the way back from {at} of {} is {source}", reading.part));
            }
            last = source;
        }
    }
    content.extract(&mut InPlace::default());
    Ok(())
}

fn rest_is_identical(raw: &[u8], done: &Rewritten) -> Result<(), String> {
    let mut told = Vec::with_capacity(done.message().len());
    let mut reached = 0;
    for Change { source, inserted } in &done.changes {
        let kept = raw.get(reached..source.start).ok_or(format!("{source:?} goes back"))?;
        told.extend_from_slice(kept);
        told.extend_from_slice(inserted);
        reached = source.end;
    }
    told.extend_from_slice(raw.get(reached..).ok_or("a change behind the end")?);
    match told == done.message() {
        true => Ok(()),
        false => Err("something differs that is not among the changes".to_owned()),
    }
}

fn lines_are_fit(raw: &[u8], done: &Rewritten) -> Result<(), String> {
    let longest = |octets: &[u8]| octets.split(|&o| o == b'\n').map(<[u8]>::len).max().unwrap_or(0);
    if longest(done.message()) > longest(raw).max(999) + 4 {
        return Err(format!("a line of {}", longest(done.message())));
    }
    // What was ill-formed before may have been moved as it stood.
    if has_bare(raw) {
        return Ok(());
    }
    // UTF-16 without a transfer encoding has CR and LF of its own.
    let unfit = |change: &&Change| has_bare(&change.inserted) && !change.inserted.contains(&0);
    match done.changes.iter().find(unfit) {
        None => Ok(()),
        Some(change) => Err(format!("a bare CR or LF in {}", change.inserted.escape_ascii())),
    }
}

/// Whether a CR or an LF stands alone.
fn has_bare(octets: &[u8]) -> bool {
    let mut before = 0;
    let ends = octets.iter().copied().chain([0]);
    ends.into_iter().any(|octet| {
        let last = std::mem::replace(&mut before, octet);
        (last == b'\r') != (octet == b'\n')
    })
}

/// Parts that are not displayed text keep every octet of their content.
fn untouched_parts_are_identical(
    before: &Content,
    after: &Content,
    outcome: &DisclaimerOutcome,
) -> Result<(), String> {
    let (was, is) = (untouched(before), untouched(after));
    if was == is { Ok(()) } else { Err(format!("{outcome:?}: {was:?} became {is:?}")) }
}

fn untouched(content: &Content) -> Vec<(&str, Bytes)> {
    let leaf = |part: &&Part| part.children.is_empty() && !is_text_body(part);
    let body = |part: &Part| {
        let body = content.raw().slice(part.body.clone());
        // The last line end of a multipart without parts is nobody's, also of
        // one within a message that is not read in place.
        match part.is_multipart() || part.media.kind == "message" {
            true => body.slice(..body.trim_ascii_end().len()),
            false => body,
        }
    };
    let leaves = content.parts().iter().filter(leaf);
    leaves.map(|part| (part.media.subtype.as_str(), body(part))).collect()
}

fn is_text_body(part: &Part) -> bool {
    matches!(part.class, Class::Plain | Class::Html) && part.disposition != Disposition::Attachment
}

fn is_displayed(after: &Content, outcome: &DisclaimerOutcome) -> bool {
    let readings = after.readings();
    let said: Vec<&Reading> = readings.iter().filter(|reading| says(&reading.text)).collect();
    match outcome {
        DisclaimerOutcome::Protected(_) | DisclaimerOutcome::NotAsked => true,
        // A branch of an alternative is displayed though it has a file's name.
        DisclaimerOutcome::Appended { plain, html } => {
            plain.iter().chain(html).all(|path| said.iter().any(|reading| reading.part == *path))
        }
        _ => said
            .iter()
            .any(|reading| matches!(reading.kind, ReadingKind::Plain | ReadingKind::Html)),
    }
}

/// Wherever lines were broken, and whatever was put between the words.
fn says(text: &str) -> bool {
    let letters = text.chars().filter(|letter| letter.is_alphanumeric());
    letters.collect::<String>().to_lowercase().contains("posterntagline")
}

fn says_the_same_in_seven_bits(content: &Content) -> Result<(), String> {
    let Some(light) = downgrade(content) else { return Ok(()) };
    let light = Content::parse(light.into_bytes());
    if !light.raw().is_ascii() {
        return Err("not in seven bits".to_owned());
    }
    let (was, is) = (decoded(content), decoded(&light));
    if was == is { Ok(()) } else { Err(format!("{was:?} is in seven bits {is:?}")) }
}

fn decoded(content: &Content) -> Vec<(&str, Bytes)> {
    let leaves = content.parts().iter().filter(|part| part.children.is_empty());
    leaves.map(|part| (part.path.as_str(), content.decoded(part.id))).collect()
}

const ASCII: &str = "This message is from the Example Hospitals Trust (postern tag line). It may hold\n\
                     confidential information. If it is not for you, tell the sender and delete it.\n\
                     Do not copy or disclose it to anybody else.";
const WIDE: &str = "Daw\u{2019}r neges hon o Ymddiriedolaeth Esiampl (postern tag line) \u{2013} gall fod yn\n\
                    gyfrinachol. Os nad i chi y mae, rhowch w\u{175}bod i\u{2019}r anfonwr a\u{2019}i dileu.";
const ABOVE: &str = "Daw\u{2019}r neges hon o\u{2019}r tu allan: cymerwch ofal.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smtp::invariants::kept;

    #[test]
    fn every_message_that_was_kept_keeps_the_rules() {
        for octets in kept("message") {
            if let Err(why) = message(&Bytes::from(octets.clone())) {
                panic!("{why}\n---\n{}", octets.escape_ascii());
            }
        }
    }

    #[test]
    fn a_cr_or_lf_alone_is_told_from_a_line_end() {
        for sound in ["", "a", "a\r\nb\r\n", "\r\n\r\n"] {
            assert!(!has_bare(sound.as_bytes()), "{sound:?}");
        }
        for bare in ["\r", "\n", "a\nb", "\r\r\n", "\r\n\n", "a\r"] {
            assert!(has_bare(bare.as_bytes()), "{bare:?}");
        }
    }
}
