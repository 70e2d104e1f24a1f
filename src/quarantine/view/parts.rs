//! What there is to show of a message: the fields that people read, and each
//! part, file and place in a file with all its texts.

use std::collections::{BTreeMap, HashMap};

use super::{
    Judged, PartView, Sight, Span,
    secrets::{Care, Secrets},
};
use crate::{
    content::{Content, Reading, ReadingKind},
    mail::{Opaque, OpaqueReason},
};

pub(super) struct Parts {
    pub(super) header: Vec<(String, Vec<Span>)>,
    pub(super) parts: Vec<PartView>,
}

/// A part that is being put together.
#[derive(Default)]
struct Draft<'a> {
    file_name: Option<&'a str>,
    media_type: String,
    size: u64,
    /// Fields of a message within.
    fields: Vec<(&'a str, &'a str)>,
    texts: Vec<&'a str>,
    unread: Option<OpaqueReason>,
}

impl Parts {
    pub(super) fn of(message: Judged<'_>, secrets: &Secrets) -> Self {
        let mut header = addressed(message.content, secrets);
        let mut drafts: BTreeMap<Place<'_>, Draft<'_>> = BTreeMap::new();
        sized(message, &mut drafts);
        for reading in &message.extract.readings {
            match field_of(reading) {
                Some(("", name)) if header.len() < MOST_FIELDS => {
                    header.push((secrets.line(name, Care::Usual), field(secrets, &reading.text)));
                }
                Some(("", _)) => {}
                Some((path, name)) => {
                    drafts.entry(Place(path)).or_default().fields.push((name, &reading.text));
                }
                None => drafts.entry(Place(&reading.part)).or_default().read(reading),
            }
        }
        for Opaque { part, reason } in &message.classification.opaque {
            drafts.entry(Place(part)).or_default().unread(*reason);
        }
        drafts.retain(|_, draft| !draft.is_empty());
        Self { header, parts: shown(drafts, secrets) }
    }
}

/// Who writes to whom and when, which the classifier does not look at.
fn addressed(content: &Content, secrets: &Secrets) -> Vec<(String, Vec<Span>)> {
    let mut header = Vec::new();
    for name in ["From", "Sender", "Reply-To", "To", "Cc", "Date"] {
        let care = if name == "Date" { Care::None } else { Care::Usual };
        for found in content.fields_named(name).take(MOST_OF_A_NAME) {
            let text = secrets.text(&content.readable(found), LONGEST_FIELD, care);
            header.push((name.to_owned(), text.spans));
        }
    }
    header
}

fn field(secrets: &Secrets, text: &str) -> Vec<Span> {
    secrets.text(text, LONGEST_FIELD, Care::Usual).spans
}

/// The files there are, and what their senders call them.
fn sized<'a>(message: Judged<'a>, drafts: &mut BTreeMap<Place<'a>, Draft<'a>>) {
    let parts = message.content.parts().iter();
    let types: HashMap<&str, _> = parts.map(|part| (part.path.as_str(), &part.media)).collect();
    for file in &message.extract.files {
        let draft = drafts.entry(Place(&file.path)).or_default();
        draft.size = file.octets.len() as u64;
        if let Some(media) = types.get(file.path.as_str()) {
            draft.media_type = format!("{}/{}", media.kind, media.subtype);
        }
    }
}

/// The path of the message in whose header a reading stands, and its field.
fn field_of(reading: &Reading) -> Option<(&str, &str)> {
    match reading.part.rsplit_once(":header:") {
        None => Some(("", reading.part.strip_prefix("header:")?)),
        found => found,
    }
}

impl<'a> Draft<'a> {
    fn read(&mut self, reading: &'a Reading) {
        match reading.kind {
            // A name that an archive has twice counts twice.
            ReadingKind::Header if self.file_name.is_none() => self.file_name = Some(&reading.text),
            _ => self.texts.push(&reading.text),
        }
    }

    /// Encrypted says more than damaged; over a limit, nothing is certain.
    fn unread(&mut self, reason: OpaqueReason) {
        match self.unread {
            Some(OpaqueReason::OverLimit) => {}
            Some(_) if reason != OpaqueReason::OverLimit => {}
            _ => self.unread = Some(reason),
        }
    }

    fn is_empty(&self) -> bool {
        let says_nothing = self.texts.is_empty() && self.fields.is_empty();
        says_nothing && self.size == 0 && self.unread.is_none() && self.file_name.is_none()
    }
}

fn shown(drafts: BTreeMap<Place<'_>, Draft<'_>>, secrets: &Secrets) -> Vec<PartView> {
    let left = drafts.len().saturating_sub(MOST_PARTS);
    let mut room = LONGEST_MESSAGE;
    let mut parts: Vec<PartView> = drafts
        .into_iter()
        .take(MOST_PARTS)
        .map(|(Place(path), draft)| part(path, &draft, secrets, &mut room))
        .collect();
    if left > 0 {
        parts.push(PartView {
            path: String::new(),
            file_name: None,
            media_type: String::new(),
            size: 0,
            text: Vec::new(),
            remark: Some(format!("{left} more parts are not shown.")),
        });
    }
    parts
}

fn part(path: &str, draft: &Draft<'_>, secrets: &Secrets, room: &mut usize) -> PartView {
    let uncertain = draft.unread == Some(OpaqueReason::OverLimit) || !secrets.are_complete();
    let withheld = secrets.sight() == Sight::Masked && uncertain;
    let (mut text, mut is_whole) = (Vec::new(), true);
    if !withheld {
        is_whole = write(draft, secrets, room, &mut text);
    }
    let remarks = [
        draft.unread.map(|reason| unread(reason).to_owned()),
        withheld.then(|| "Its text is not shown: it holds more than can be masked.".to_owned()),
        (!is_whole).then(|| "There is more, which is not shown here.".to_owned()),
    ];
    let remarks: Vec<String> = remarks.into_iter().flatten().collect();
    PartView {
        path: secrets.line(path, Care::None),
        file_name: draft.file_name.map(|name| secrets.line(name, Care::Usual)),
        media_type: secrets.line(&draft.media_type, Care::Usual),
        size: draft.size,
        text,
        remark: (!remarks.is_empty()).then(|| remarks.join(" ")),
    }
}

/// All that the part says, as far as there is room; says whether there was.
fn write(draft: &Draft<'_>, secrets: &Secrets, room: &mut usize, out: &mut Vec<Span>) -> bool {
    let plain = |text: String| Span { text, mark: None };
    let mut left = LONGEST_PART.min(*room);
    let before = left;
    let mut is_whole = true;
    for (name, value) in &draft.fields {
        is_whole &= left > 0;
        let text = secrets.text(value, LONGEST_FIELD.min(left), Care::Usual);
        left = left.saturating_sub(value.len() + name.len());
        out.push(plain(format!("{}: ", secrets.line(name, Care::Usual))));
        out.extend(text.spans);
        out.push(plain("\n".to_owned()));
    }
    for text in &draft.texts {
        if !out.is_empty() {
            out.push(plain("\n".to_owned()));
        }
        let shown = secrets.text(text, left, Care::Usual);
        is_whole &= shown.is_whole;
        left = left.saturating_sub(text.len());
        out.extend(shown.spans);
        if left == 0 {
            break;
        }
    }
    *room = room.saturating_sub(before - left);
    is_whole
}

fn unread(reason: OpaqueReason) -> &'static str {
    match reason {
        OpaqueReason::Encrypted => "It is encrypted: nobody but its recipient can read it.",
        OpaqueReason::Unreadable => "Nothing here can read it.",
        OpaqueReason::Damaged => "It is damaged, or not what it is called.",
        OpaqueReason::OverLimit => "It is over a limit, so not all of it was read.",
        OpaqueReason::Picture => "It is a picture, which may be one of text.",
    }
}

/// A path in the order of a message: `1.2` before `1.10`.
#[derive(PartialEq, Eq)]
struct Place<'a>(&'a str);

impl Place<'_> {
    fn pieces(&self) -> impl Iterator<Item = (u64, &str)> {
        self.0.split(['.', '/', ':']).map(|piece| match piece.parse() {
            Ok(number) => (number, ""),
            Err(_) => (0, piece),
        })
    }
}

impl Ord for Place<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.pieces().cmp(other.pieces()).then_with(|| self.0.cmp(other.0))
    }
}

impl PartialOrd for Place<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Octets of text that a person can be asked to read.
const LONGEST_PART: usize = 64 << 10;
const LONGEST_MESSAGE: usize = 512 << 10;
const LONGEST_FIELD: usize = 4_000;
const MOST_PARTS: usize = 100;
const MOST_FIELDS: usize = 60;
const MOST_OF_A_NAME: usize = 4;
