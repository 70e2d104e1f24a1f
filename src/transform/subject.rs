//! Tags in the Subject: put in front once, or taken out wherever they stand.
//!
//! What a person reads is looked at; of the octets only the tag's are touched.
//! Of a tag within encoded words (RFC 2047), those words alone are written
//! anew, each in its own charset.

use std::ops::Range;

use super::{plan::Plan, words};
use crate::content::{Content, Field, Protected};

/// What is done to the Subject. Tags are printable ASCII.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubjectEdits {
    pub tags: Vec<String>,
    pub stripped: Vec<String>,
}

/// What became of the Subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectOutcome {
    NotAsked,
    Changed,
    /// It has the tags, and none that it should not have.
    AlreadySo,
    /// Evidence, or for machines: the Subject stays as it is.
    Protected(Protected),
}

pub(super) fn edit(edits: &SubjectEdits, plan: &mut Plan<'_>) -> SubjectOutcome {
    let content = plan.content();
    if edits.tags.is_empty() && edits.stripped.is_empty() {
        return SubjectOutcome::NotAsked;
    }
    // A Subject is no part of what is signed or sealed in the body.
    if let Some(reason) = content.protected().filter(|reason| {
        matches!(reason, Protected::Journal | Protected::Report | Protected::IllFormed)
    }) {
        return SubjectOutcome::Protected(reason);
    }
    let changes: Vec<_> = content
        .fields_named("Subject")
        .filter_map(|field| changed(content, field, edits))
        .collect();
    let none = !content.has_field("Subject");
    let mut outcome = SubjectOutcome::AlreadySo;
    for (range, value) in changes {
        plan.header(range, value);
        outcome = SubjectOutcome::Changed;
    }
    if let Some(whole) = content.parts().first().filter(|_| none && !edits.tags.is_empty()) {
        plan.new_fields(whole, &format!("Subject: {}\r\n", in_front(edits.tags.iter())));
        outcome = SubjectOutcome::Changed;
    }
    outcome
}

/// The first of several tags stands first.
fn in_front<'t>(tags: impl Iterator<Item = &'t String>) -> String {
    tags.map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// The octets of a Subject that change, and what they become.
fn changed(
    content: &Content,
    field: &Field,
    edits: &SubjectEdits,
) -> Option<(Range<usize>, Vec<u8>)> {
    let was = content.raw().get(field.value.clone())?;
    let subject = content.readable(field);
    let mut value = was.to_vec();
    for tag in &edits.stripped {
        value = words::without(&value, tag);
    }
    let missing = in_front(edits.tags.iter().filter(|tag| !is_tagged(&subject, tag)));
    if !missing.is_empty() {
        let name = field.name.len() + 1;
        value = [tag_before(&missing, &value, name).as_bytes(), &value].concat();
    }
    smallest_change(was, &value).map(|(range, inserted)| {
        (field.value.start + range.start..field.value.start + range.end, inserted)
    })
}

/// The tag with the white space that parts it from the value, folded if the
/// line would be too long with both.
fn tag_before(tag: &str, value: &[u8], name: usize) -> String {
    let line = value.split(|octet| *octet == b'\n').next().unwrap_or_default().trim_ascii_end();
    let blank = value.first().is_some_and(|first| first.is_ascii_whitespace());
    let separator = match (value.trim_ascii().is_empty(), blank) {
        (true, _) => "",
        (_, false) => " ",
        (_, true) if line.is_empty() => "",
        _ if name + 1 + tag.len() + line.len() > FOLD_AT => "\r\n",
        _ => "",
    };
    format!(" {tag}{separator}")
}

/// Whether the tag stands in front of what the Subject says: also behind what
/// replies set before it, in any language, and behind other tags.
fn is_tagged(subject: &str, tag: &str) -> bool {
    let mut rest = subject.trim_start();
    loop {
        if rest.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag)) {
            return true;
        }
        match after_prefix(rest) {
            Some(after) => rest = after.trim_start(),
            None => return false,
        }
    }
}

/// What follows `Re:`, `AW:`, `Re[2]:`, `转发：` or `[list]`.
fn after_prefix(subject: &str) -> Option<&str> {
    if let Some(tag) = subject.strip_prefix('[') {
        return tag.split_once(']').map(|(_, after)| after);
    }
    let (prefix, after) = subject.split_once([':', '：'])?;
    let (word, count) = prefix.split_at(prefix.find(['[', '(', '^']).unwrap_or(prefix.len()));
    let letters = word.trim_end().chars().count();
    let is_word = (1..=LONGEST_PREFIX).contains(&letters)
        && word.trim_end().chars().all(|c| c.is_alphabetic() || c == '-' || c == '.');
    let is_count = count.chars().all(|c| c.is_ascii_digit() || "[]()^ ".contains(c));
    (is_word && is_count).then_some(after)
}

/// The least that turns one into the other.
fn smallest_change(was: &[u8], becomes: &[u8]) -> Option<(Range<usize>, Vec<u8>)> {
    if was == becomes {
        return None;
    }
    let shorter = was.len().min(becomes.len());
    let same = |(one, other): &(&u8, &u8)| one == other;
    let start = was.iter().zip(becomes).take_while(same).count();
    let end = was.iter().rev().zip(becomes.iter().rev()).take(shorter - start).take_while(same);
    let end = end.count();
    let inserted = becomes.get(start..becomes.len() - end)?.to_vec();
    Some((start..was.len() - end, inserted))
}

const FOLD_AT: usize = 78;
/// `Antwort` and `Tr.` are among them.
const LONGEST_PREFIX: usize = 8;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::transform::{Edits, rewrite};

    fn edited(raw: &str, tags: &[&str], stripped: &[&str]) -> String {
        let of = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let subject = SubjectEdits { tags: of(tags), stripped: of(stripped) };
        let edits = Edits { subject, ..Edits::default() };
        let once = rewrite(&Content::parse(Bytes::copy_from_slice(raw.as_bytes())), &edits);
        let once = once.into_bytes();
        let twice = rewrite(&Content::parse(once.clone()), &edits).into_bytes();
        assert_eq!(once, twice, "doing it twice");
        String::from_utf8(once.to_vec()).unwrap()
    }

    fn tagged(value: &str) -> String {
        let after =
            edited(&format!("A: b\r\nSubject:{value}\r\nC: d\r\n\r\nx\r\n"), &["[EXTERNAL]"], &[]);
        let after = after.strip_prefix("A: b\r\nSubject:").unwrap();
        after.strip_suffix("\r\nC: d\r\n\r\nx\r\n").unwrap().to_owned()
    }

    #[test]
    fn the_tag_stands_in_front_and_the_words_stay_as_they_are() {
        assert_eq!(tagged(" hello"), " [EXTERNAL] hello");
        assert_eq!(tagged("hello"), " [EXTERNAL] hello");
        assert_eq!(tagged(" Re: caf\u{e9}"), " [EXTERNAL] Re: caf\u{e9}");
        assert_eq!(tagged(" =?utf-8?q?caf=C3=A9?="), " [EXTERNAL] =?utf-8?q?caf=C3=A9?=");
        assert_eq!(tagged("\r\n hello"), " [EXTERNAL]\r\n hello");
        assert_eq!(tagged(" "), " [EXTERNAL] ");
        assert_eq!(tagged(""), " [EXTERNAL]");
    }

    #[test]
    fn a_line_that_grows_too_long_is_folded_after_the_tag() {
        let long = "word ".repeat(13);
        assert_eq!(tagged(&format!(" {long}x")), format!(" [EXTERNAL]\r\n {long}x"));
        assert!(!tagged(&format!(" {}x", "word ".repeat(8))).contains('\r'));
    }

    #[test]
    fn a_message_without_a_subject_gets_one_and_each_of_several_is_tagged() {
        let after = edited("A: b\r\n\r\nx\r\n", &["[EXTERNAL]"], &[]);
        assert_eq!(after, "A: b\r\nSubject: [EXTERNAL]\r\n\r\nx\r\n");
        let after = edited("Subject: a\r\nSubject: b\r\n\r\nx\r\n", &["[E]", "[F]"], &[]);
        assert_eq!(after, "Subject: [E] [F] a\r\nSubject: [E] [F] b\r\n\r\nx\r\n");
    }

    #[test]
    fn a_tag_is_known_behind_what_replies_set_before_it() {
        for value in [
            " [External] hello",
            " Re: [EXTERNAL] hello",
            " RE: AW: Fwd: WG: [EXTERNAL] hello",
            " Re[2]: [EXTERNAL] hello",
            " [list] SV: [EXTERNAL]",
            " \u{8f6c}\u{53d1}\u{ff1a}[EXTERNAL] hello",
            " =?utf-8?q?Re:_=5BEXTERNAL=5D_caf=C3=A9?=",
        ] {
            assert_eq!(tagged(value), value);
        }
        for value in [" hello [EXTERNAL]", " Minutes of the day: [EXTERNAL]", " [EXTERNA] x"] {
            assert_eq!(tagged(value), format!(" [EXTERNAL]{value}"));
        }
    }

    fn stripped(value: &str) -> String {
        let after = edited(&format!("Subject:{value}\r\nC: d\r\n\r\nx\r\n"), &[], &["[secure]"]);
        let after = after.strip_prefix("Subject:").unwrap();
        after.strip_suffix("\r\nC: d\r\n\r\nx\r\n").unwrap().to_owned()
    }

    #[test]
    fn a_tag_is_taken_out_wherever_it_stands() {
        assert_eq!(stripped(" [secure] hello"), " hello");
        assert_eq!(stripped(" Re: [SeCure] hello"), " Re: hello");
        assert_eq!(stripped(" hello [secure]"), " hello");
        assert_eq!(stripped(" [secure] a [secure] b"), " a b");
        assert_eq!(stripped(" a[secure]b"), " ab");
        assert_eq!(stripped(" [secure]\r\n hello"), " \r\n hello");
        assert_eq!(stripped(" hello\r\n [secure]"), " hello");
        assert_eq!(stripped(" hello\r\n [secure]\r\n you"), " hello\r\n you");
        assert_eq!(stripped(" hello\r\n [secure] you"), " hello\r\n you");
        assert_eq!(stripped(" hello"), " hello");
    }

    #[test]
    fn of_encoded_words_only_those_with_the_tag_are_written_anew() {
        assert_eq!(
            stripped(" =?utf-8?Q?caf=C3=A9_[secure]_x?= =?iso-8859-1?q?caf=E9?="),
            " =?utf-8?Q?caf=C3=A9_x?= =?iso-8859-1?q?caf=E9?="
        );
        assert_eq!(stripped(" =?iso-8859-1?q?=5Bsecure=5D_caf=E9?="), " =?iso-8859-1?q?caf=E9?=");
        assert_eq!(stripped(" =?utf-8?B?W3NlY3VyZV0gY2Fmw6k=?="), " =?utf-8?B?Y2Fmw6k=?=");
        let cut = " =?utf-8?q?caf=C3=A9_=5Bsec?=\r\n =?utf-8?q?ure=5D?=\r\n =?utf-8?q?_=C3=A9?=";
        assert_eq!(stripped(cut), " =?utf-8?q?caf=C3=A9_?=\r\n =?utf-8?q?=C3=A9?=");
        assert_eq!(stripped(" =?utf-8?q?=5Bsecure=5D?= hello"), " hello");
        assert_eq!(
            stripped(" =?x-nobody?q?=5Bsecure=5D_=E9?="),
            " =?x-nobody?q?=5Bsecure=5D_=E9?="
        );
    }

    #[test]
    fn a_subject_that_is_evidence_or_for_machines_stays() {
        for raw in [
            "X-MS-Journal-Report:\r\nSubject: a\r\n\r\nx\r\n",
            "Content-Type: message/delivery-status\r\nSubject: a\r\n\r\nx\r\n",
        ] {
            assert_eq!(edited(raw, &["[EXTERNAL]"], &["a"]), raw);
        }
        let signed = "Subject: a\r\n\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n";
        assert!(edited(signed, &["[EXTERNAL]"], &[]).starts_with("Subject: [EXTERNAL] a\r\n"));
    }
}
