//! The one pass: edits gathered as ranges, the result written once.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;

use super::{
    authserv_id::claims_authserv_id,
    banner,
    compose::compose,
    field::HeaderField,
    long_lines::{self, LongLines},
    plan::Plan,
    seal::{SealError, Sealing},
    sign::{Signer, SignerError},
    subject::{self, SubjectEdits, SubjectOutcome},
    tag_line,
};
use crate::{
    content::{Content, Field, Protected},
    mail::{Disclaimer, Domain, FieldNames},
};

/// What is to be done to one copy of a message.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    /// Set in front of the header, in this order: Received first.
    pub prepend: Vec<HeaderField>,
    pub remove: Vec<Removal>,
    /// Under every text.
    pub disclaimer: Option<Arc<Disclaimer>>,
    /// Above every text.
    pub banner: Option<Arc<Disclaimer>>,
    pub subject: SubjectEdits,
    pub long_lines: LongLines,
    /// What cannot be edited and is wrapped whole, to bear them beside.
    pub wrapped: Vec<Protected>,
}

/// Which of a message's own fields are taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// All fields of this name. The MIME fields stay, whatever is asked.
    Named(String),
    /// All that a rule takes out.
    Policy(FieldNames),
    /// Authentication-Results that claim to be ours (RFC 8601 section 5).
    AuthenticationResults { authserv_id: String },
}

/// One edit: what stands in the result instead of a range of the original.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub source: Range<usize>,
    pub inserted: Vec<u8>,
}

/// What became of the tag line, or of the banner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisclaimerOutcome {
    /// None was asked for.
    NotAsked,
    /// Paths of the parts that have it now.
    Appended { plain: Vec<String>, html: Vec<String> },
    /// In a part of its own: nothing but attachments is displayed, or an edit
    /// would not do for all who read it.
    PartAdded,
    /// In every reading, the tag line also where it is quoted from earlier in
    /// the thread.
    AlreadyThere,
    /// What must stay as it is stands whole in a new message, with that beside
    /// it.
    Wrapped(Protected),
    /// The text must stay as it is.
    Protected(Protected),
}

/// A message as it leaves, with room in front for its signatures.
#[derive(Clone, Debug)]
pub struct Rewritten {
    /// Free room, then the message.
    buffer: Vec<u8>,
    start: usize,
    /// Octets that no field is set in front of: they begin the message.
    head: usize,
    /// Octets of the fields set in front after the rewrite.
    signed: usize,
    pub changes: Vec<Change>,
    pub disclaimer: DisclaimerOutcome,
    pub banner: DisclaimerOutcome,
    pub subject: SubjectOutcome,
}

/// Makes the edits. Every octet outside the changes is the original's.
pub fn rewrite(content: &Content, edits: &Edits) -> Rewritten {
    let long = edits.long_lines == LongLines::Broken && long_lines::has_any(content.raw());
    if !long && (edits.banner.is_none() || edits.disclaimer.is_none()) {
        return rewrite_once(content, edits);
    }
    // These may change the same octets, so each is put into what the others
    // have made. Few messages need more than one.
    let broken = rewrite_once(content, &Edits { long_lines: edits.long_lines, ..Edits::default() });
    let above = broken.again(content, &Edits { disclaimer: None, ..edits.clone() });
    let (disclaimer, wrapped) = (edits.disclaimer.clone(), edits.wrapped.clone());
    let below = above.again(content, &Edits { disclaimer, wrapped, ..Edits::default() });
    Rewritten { banner: above.banner, subject: above.subject, ..below }
}

fn rewrite_once(content: &Content, edits: &Edits) -> Rewritten {
    let mut plan = Plan::new(content);
    if edits.long_lines == LongLines::Broken {
        long_lines::break_them(&mut plan);
    }
    prepend(&edits.prepend, &mut plan);
    remove(&edits.remove, &mut plan);
    let disclaimer = match &edits.disclaimer {
        Some(disclaimer) => tag_line::append(disclaimer, &edits.wrapped, &mut plan),
        None => DisclaimerOutcome::NotAsked,
    };
    let banner = match &edits.banner {
        Some(banner) => banner::set(banner, &edits.wrapped, &mut plan),
        None => DisclaimerOutcome::NotAsked,
    };
    let subject = subject::edit(&edits.subject, &mut plan);
    // A body that follows its header without an empty line gets one: behind
    // our fields, the next server might take it for header.
    if let Some(whole) = content.parts().first()
        && !whole.body.is_empty()
        && !plan.is_empty()
    {
        plan.separate(whole);
    }
    Rewritten { disclaimer, banner, subject, ..Rewritten::made(content, plan.finish()) }
}

impl Rewritten {
    pub(super) fn made(content: &Content, changes: Vec<Change>) -> Self {
        Self {
            buffer: written(content.raw(), &changes),
            start: HEAD_ROOM,
            head: header_top(content),
            signed: 0,
            changes,
            disclaimer: DisclaimerOutcome::NotAsked,
            banner: DisclaimerOutcome::NotAsked,
            subject: SubjectOutcome::NotAsked,
        }
    }

    /// More edits, in what has been made of `original`, told as one with them.
    fn again(&self, original: &Content, edits: &Edits) -> Self {
        let edits = Edits { long_lines: LongLines::Kept, ..edits.clone() };
        let middle = Content::parse(Bytes::copy_from_slice(self.message()));
        let after = rewrite_once(&middle, &edits);
        let changes = compose(&self.changes, &after.changes, original.raw().len());
        Self { changes, ..after }
    }

    pub fn message(&self) -> &[u8] {
        self.buffer.get(self.start..).unwrap_or_default()
    }

    /// Signs with every key of the domain, and sets the signatures in front.
    /// Says how many there were.
    pub fn sign(&mut self, signer: &Signer, domain: &Domain) -> Result<usize, SignerError> {
        let fields = signer.sign(domain, self.message())?;
        for field in &fields {
            self.prepend(field.as_str().as_bytes());
        }
        Ok(fields.len())
    }

    /// Whether anything of the message itself was changed, and not only fields
    /// set in front: signatures of others may not have outlived it.
    pub fn is_altered(&self) -> bool {
        let in_front = |change: &Change| change.source == (self.head..self.head);
        !self.changes.iter().all(in_front)
    }

    /// Seals the message as it is now. Says how many fields that took: none
    /// without a key, or where the chain has ended.
    pub fn seal(&mut self, signer: &Signer, sealing: &Sealing<'_>) -> Result<usize, SealError> {
        let Some(sealer) = signer.sealer() else { return Ok(0) };
        let fields = sealer.seal(self.message(), sealing)?;
        for field in &fields {
            self.prepend(field.as_str().as_bytes());
        }
        Ok(fields.len())
    }

    /// Without another copy of the message.
    pub fn into_bytes(self) -> Bytes {
        Bytes::from(self.buffer).slice(self.start..)
    }

    /// Where in the message its signatures stand.
    pub fn signatures(&self) -> Range<usize> {
        self.head..self.head + self.signed
    }

    /// Sets a field in front of all, for what is known only after the rest.
    fn prepend(&mut self, field: &[u8]) {
        self.signed += field.len();
        let top = self.start + self.head;
        let first = self.buffer.get(self.start..top).unwrap_or_default();
        let written = [first, field].concat();
        match self.start.checked_sub(field.len()) {
            Some(start) => {
                if let Some(room) = self.buffer.get_mut(start..top) {
                    room.copy_from_slice(&written);
                    self.start = start;
                }
            }
            None => {
                self.buffer.splice(..top, written);
                self.start = 0;
            }
        }
    }
}

fn prepend(fields: &[HeaderField], plan: &mut Plan<'_>) {
    let inserted: Vec<u8> = fields.iter().flat_map(|field| field.as_str().bytes()).collect();
    if !inserted.is_empty() {
        let at = header_top(plan.content());
        plan.header(at..at, inserted);
    }
}

/// After an mbox line, which would otherwise end the header early, and after
/// continuation lines of nothing, which would go on with a field of ours. Some
/// readers take `From :` (RFC 5322 section 4.5.2) for an mbox line.
fn header_top(content: &Content) -> usize {
    let first = content.fields().first().map(|field| field.whole.clone());
    match (content.raw().as_ref(), first) {
        ([b'F', b'r', b'o', b'm', b' ', ..], Some(Range { start: 0, end })) => end,
        ([b' ' | b'\t', ..] | [b'F', b'r', b'o', b'm', b' ', ..], Some(first)) => first.start,
        ([b' ' | b'\t', ..] | [b'F', b'r', b'o', b'm', b' ', ..], None) => {
            content.parts().first().map_or(0, |whole| whole.header.end)
        }
        _ => 0,
    }
}

fn remove(removals: &[Removal], plan: &mut Plan<'_>) {
    let content = plan.content();
    for field in content.fields() {
        if removals.iter().any(|removal| removal.covers(content, field)) {
            plan.header(field.whole.clone(), Vec::new());
        }
    }
}

impl Removal {
    fn covers(&self, content: &Content, field: &Field) -> bool {
        let name = content.name(field);
        match self {
            Self::Named(named) => {
                let mime = name.to_ascii_lowercase().starts_with("content-")
                    || name.eq_ignore_ascii_case("MIME-Version");
                !mime && name.eq_ignore_ascii_case(named)
            }
            Self::Policy(names) => names.cover(&name),
            Self::AuthenticationResults { authserv_id } => {
                name.eq_ignore_ascii_case("Authentication-Results")
                    && claims_authserv_id(&content.value(field), authserv_id)
            }
        }
    }
}

/// The result, in one allocation.
fn written(raw: &[u8], changes: &[Change]) -> Vec<u8> {
    let inserted: usize = changes.iter().map(|change| change.inserted.len()).sum();
    let mut buffer = Vec::with_capacity(HEAD_ROOM + raw.len() + inserted);
    buffer.resize(HEAD_ROOM, 0);
    let mut reached = 0;
    for change in changes {
        buffer.extend_from_slice(raw.get(reached..change.source.start).unwrap_or_default());
        buffer.extend_from_slice(&change.inserted);
        reached = change.source.end;
    }
    buffer.extend_from_slice(raw.get(reached..).unwrap_or_default());
    buffer
}

/// Room for the signatures of a few keys: one of RSA 2048 takes 900 octets.
const HEAD_ROOM: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(raw: &str, edits: &Edits) -> String {
        let content = Content::parse(Bytes::copy_from_slice(raw.as_bytes()));
        String::from_utf8(rewrite(&content, edits).into_bytes().to_vec()).unwrap()
    }

    fn prepending(name: &str, value: &str) -> Edits {
        Edits { prepend: vec![HeaderField::new(name, value).unwrap()], ..Edits::default() }
    }

    #[test]
    fn fields_are_set_in_front_and_the_rest_is_identical() {
        let raw = "Subject:  a\r\n\tb\r\n\r\nhello\r\n";
        assert_eq!(rewritten(raw, &prepending("X-A", "1")), format!("X-A: 1\r\n{raw}"));
    }

    #[test]
    fn an_mbox_line_stays_in_front() {
        let raw = "From a Mon\r\nSubject: a\r\n\r\nx\r\n";
        let expected = "From a Mon\r\nX-A: 1\r\nSubject: a\r\n\r\nx\r\n";
        assert_eq!(rewritten(raw, &prepending("X-A", "1")), expected);
        let alone = "From a Mon\r\nno field\r\n";
        let expected = "From a Mon\r\nX-A: 1\r\n\r\nno field\r\n";
        assert_eq!(rewritten(alone, &prepending("X-A", "1")), expected);
        let like_one = "From : a@x.example\r\nSubject: a\r\n\r\nx\r\n";
        let expected = "From : a@x.example\r\nX-A: 1\r\nSubject: a\r\n\r\nx\r\n";
        assert_eq!(rewritten(like_one, &prepending("X-A", "1")), expected);
    }

    #[test]
    fn a_line_that_goes_on_with_nothing_does_not_go_on_with_a_field_of_ours() {
        let raw = "  \r\n x: y\r\nSubject: a\r\n\r\nx\r\n";
        let expected = "  \r\n x: y\r\nX-A: 1\r\nSubject: a\r\n\r\nx\r\n";
        assert_eq!(rewritten(raw, &prepending("X-A", "1")), expected);
    }

    #[test]
    fn a_signature_comes_after_an_mbox_line() {
        let content = Content::parse(Bytes::from_static(b"From a Mon\r\nA: b\r\n\r\nx\r\n"));
        let mut rewritten = rewrite(&content, &Edits::default());
        rewritten.prepend(b"C: d\r\n");
        rewritten.prepend(&[b'x'; HEAD_ROOM]);
        let message = rewritten.into_bytes();
        assert!(message.starts_with(b"From a Mon\r\nxxx"), "{message:?}");
        assert!(message.ends_with(b"xxC: d\r\nA: b\r\n\r\nx\r\n"), "{message:?}");
    }

    #[test]
    fn what_is_set_in_front_alters_nothing_and_all_else_does() {
        let altered = |raw: &'static str, edits: &Edits| {
            rewrite(&Content::parse(Bytes::from_static(raw.as_bytes())), edits).is_altered()
        };
        let plain = "Subject: a\r\nX-A: 0\r\n\r\nhello\r\n";
        assert!(!altered(plain, &Edits::default()));
        assert!(!altered(plain, &prepending("X-A", "1")));
        assert!(!altered("From a Mon\r\nSubject: a\r\n\r\nx\r\n", &prepending("X-A", "1")));
        let removal = Removal::Named("X-A".into());
        assert!(altered(plain, &Edits { remove: vec![removal], ..prepending("X-A", "1") }));
    }

    #[test]
    fn signatures_are_found_where_they_were_set() {
        for top in ["", "From a Mon\r\n"] {
            let raw = Bytes::from(format!("{top}A: b\r\n\r\nx\r\n"));
            let mut rewritten = rewrite(&Content::parse(raw), &Edits::default());
            rewritten.prepend(b"C: d\r\n");
            rewritten.prepend(b"E: f\r\n");
            let at = rewritten.signatures();
            assert_eq!(rewritten.message().get(at), Some(&b"E: f\r\nC: d\r\n"[..]));
        }
    }

    #[test]
    fn a_body_without_its_empty_line_stays_body() {
        assert_eq!(rewritten("hello\r\n", &prepending("X-A", "1")), "X-A: 1\r\n\r\nhello\r\n");
        let raw = "Subject: a\r\nhello there\r\n";
        let expected = "X-A: 1\r\nSubject: a\r\n\r\nhello there\r\n";
        assert_eq!(rewritten(raw, &prepending("X-A", "1")), expected);
        let almost = "Subject: a\r\nX-\u{e9}: a field to some\r\n\r\nhello\r\n";
        assert_eq!(rewritten(almost, &prepending("X-A", "1")), format!("X-A: 1\r\n{almost}"));
        assert_eq!(
            rewritten("Subject: a\r\n", &prepending("X-A", "1")),
            "X-A: 1\r\nSubject: a\r\n"
        );
    }

    #[test]
    fn forged_fields_are_taken_out_and_others_stay() {
        let raw = "Authentication-Results: (c) gw.test.example; spf=pass\r\n\
                   Authentication-Results: other.example; spf=pass\r\n\
                   postern-LEVEL:\r\n 0\r\nContent-Type: text/plain\r\n\r\nx\r\n";
        let edits = Edits {
            remove: vec![
                Removal::Named("Postern-Level".into()),
                Removal::Named("Content-Type".into()),
                Removal::AuthenticationResults { authserv_id: "GW.test.example".into() },
            ],
            ..Edits::default()
        };
        let expected = "Authentication-Results: other.example; spf=pass\r\n\
                        Content-Type: text/plain\r\n\r\nx\r\n";
        assert_eq!(rewritten(raw, &edits), expected);
    }

    #[test]
    fn what_a_rule_takes_out_is_taken_out_wherever_it_stands_but_never_what_mail_needs() {
        let raw = "X-Internal-Host: a\r\n b\r\nReceived: x\r\nx-internal-b: c\r\n\
                   X-MS-Exchange-A: d\r\nX-Last: e\r\n\r\nX-Internal-C: body\r\n";
        let taken = |names: &str| {
            let remove = vec![Removal::Policy(names.parse().unwrap())];
            rewritten(raw, &Edits { remove, ..Edits::default() })
        };
        let expected =
            "Received: x\r\nX-MS-Exchange-A: d\r\nX-Last: e\r\n\r\nX-Internal-C: body\r\n";
        assert_eq!(taken("X-Internal-*"), expected);
        let expected = "Received: x\r\nX-MS-Exchange-A: d\r\n\r\nX-Internal-C: body\r\n";
        assert_eq!(taken("X-*"), expected);
    }

    #[test]
    fn more_than_the_room_in_front_still_fits() {
        let content = Content::parse(Bytes::from_static(b"A: b\r\n\r\nx\r\n"));
        let mut rewritten = rewrite(&content, &Edits::default());
        rewritten.prepend(&[b'x'; HEAD_ROOM]);
        rewritten.prepend(b"y");
        assert_eq!(rewritten.message().len(), 11 + HEAD_ROOM + 1);
        assert!(rewritten.into_bytes().starts_with(b"yxx"));
    }
}
