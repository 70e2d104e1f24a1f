//! The mark that a message bears once it has been through here, so that a
//! loop ends and a server beyond can tell what it need not send to us.
//!
//! `Postern-Passage: v=1; node=…; way=outbound; id=…; count=N; mac=…`, with
//! `other=N` before the code where it has come the other way too. The code is
//! an HMAC-SHA256 under the secret that the nodes share, over these values and
//! over what makes the message this one: its From, Date and Message-ID. A
//! genuine mark moved to another message is worth nothing there. Whatever
//! marks a message brings are taken out of it; only ours goes on.

use aws_lc_rs::{
    digest::{self, Digest},
    hmac,
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::field::HeaderField;
use crate::{
    content::Content,
    mail::{Direction, Domain, QueueId},
};

/// The secret of the nodes.
pub struct PassageKey(hmac::Key);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the secret that marks messages has at least 32 octets, found {0}")]
pub struct PassageKeyError(usize);

/// How often a message has been through, as its marks prove.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// In the direction it is going now.
    pub same: u32,
    /// In the other one: a forwarded message goes out and comes in again.
    pub other: u32,
    /// How many marks are not ours, or not of this message.
    pub forged: usize,
}

/// What a mark says.
#[derive(Clone, Copy, Debug)]
pub struct PassageMark<'a> {
    pub node: &'a Domain,
    pub way: Direction,
    pub id: QueueId,
    /// What the message has behind it, this passage not among it.
    pub trail: Trail,
}

impl PassageKey {
    /// As many as the code has.
    pub const OCTETS: usize = digest::SHA256_OUTPUT_LEN;

    pub fn new(secret: &[u8]) -> Result<Self, PassageKeyError> {
        if secret.len() < Self::OCTETS {
            return Err(PassageKeyError(secret.len()));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// Reads the marks of a message that goes `way`. Of several genuine ones
    /// the largest count: a copy of an older one takes nothing back.
    pub fn trail(&self, content: &Content, way: Direction) -> Trail {
        let mut trail = Trail::default();
        let mut identity = None;
        for (index, field) in content.fields_named(PASSAGE).enumerate() {
            let identity = identity.get_or_insert_with(|| identity_of(content));
            let value = content.value(field);
            match Mark::read(&value) {
                Some(mark) if index < MOST && self.is_genuine(&mark, identity) => {
                    let (same, other) = match mark.way == way {
                        true => (mark.count, mark.other),
                        false => (mark.other, mark.count),
                    };
                    trail.same = trail.same.max(same);
                    trail.other = trail.other.max(other);
                }
                _ => trail.forged += 1,
            }
        }
        trail
    }

    /// The field for a message that goes on.
    pub fn field(&self, content: &Content, mark: &PassageMark<'_>) -> HeaderField {
        let PassageMark { node, way, id, trail } = mark;
        let count = trail.same.saturating_add(1);
        let other = match trail.other {
            0 => String::new(),
            other => format!("; other={other}"),
        };
        let values = format!("v=1; node={node}; way={way}; id={id}; count={count}{other}");
        let code = hmac::sign(&self.0, &signed(&values, &identity_of(content)));
        let code = BASE64.encode(code.as_ref());
        HeaderField::made(format!("{PASSAGE}: {values};\r\n\tmac={code}\r\n"))
    }

    fn is_genuine(&self, mark: &Mark<'_>, identity: &Digest) -> bool {
        hmac::verify(&self.0, &signed(mark.values, identity), &mark.code).is_ok()
    }
}

/// A mark as it is read; not yet known to be genuine.
struct Mark<'v> {
    /// Everything before the code.
    values: &'v str,
    way: Direction,
    count: u32,
    other: u32,
    code: Vec<u8>,
}

impl<'v> Mark<'v> {
    fn read(value: &'v str) -> Option<Self> {
        let (values, code) = value.rsplit_once(';')?;
        let code = BASE64.decode(code.trim().strip_prefix("mac=")?).ok()?;
        let mut parts = values.split(';').map(str::trim);
        let mut take = |name: &str| parts.next()?.strip_prefix(name)?.strip_prefix('=');
        let ("1", _, way, _, count) =
            (take("v")?, take("node")?, take("way")?, take("id")?, take("count")?)
        else {
            return None;
        };
        let other = take("other").map_or(Some(0), |other| other.parse().ok());
        let way = match way {
            "inbound" => Direction::Inbound,
            "outbound" => Direction::Outbound,
            _ => return None,
        };
        Some(Self { values, way, count: count.parse().ok()?, other: other?, code })
    }
}

/// What the code is made of. Blanks are left out: a server on the way may
/// fold the field anew.
fn signed(values: &str, identity: &Digest) -> Vec<u8> {
    let mut signed = b"Postern-Passage\n".to_vec();
    signed.extend(values.bytes().filter(|octet| !octet.is_ascii_whitespace()));
    signed.push(b'\n');
    signed.extend_from_slice(identity.as_ref());
    signed
}

/// What makes a message this one and no other. Each value is unfolded, its
/// blanks made one space each; it can hold no line end, so none can be taken
/// for two.
fn identity_of(content: &Content) -> Digest {
    let mut context = digest::Context::new(&digest::SHA256);
    for name in ["From", "Date", "Message-ID"] {
        for field in content.fields_named(name) {
            let value = content.value(field);
            let words: Vec<&str> = value.split_ascii_whitespace().collect();
            context.update(format!("{name}:{}\n", words.join(" ")).as_bytes());
        }
    }
    context.finish()
}

/// The name of the field.
pub const PASSAGE: &str = "Postern-Passage";
/// How many marks are checked: a genuine message bears one.
const MOST: usize = 8;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const MESSAGE: &str = "From: Ann <ann@nhs.example>\r\nTo: bob@x.example\r\n\
        Date: Mon, 05 Jan 2026 09:00:00 +0000\r\nMessage-ID: <1@nhs.example>\r\n\
        Subject: rota\r\n\r\nhello\r\n";

    fn content(raw: &str) -> Content {
        Content::parse(Bytes::copy_from_slice(raw.as_bytes()))
    }

    fn key() -> PassageKey {
        PassageKey::new(&[7; 32]).unwrap()
    }

    fn marked(way: Direction, trail: Trail) -> String {
        let node: Domain = "gw.test.example".parse().unwrap();
        let mark = PassageMark { node: &node, way, id: QueueId::from_bits(1), trail };
        key().field(&content(MESSAGE), &mark).as_str().to_owned()
    }

    fn outbound(raw: &str) -> Trail {
        key().trail(&content(raw), Direction::Outbound)
    }

    const NOTHING: Trail = Trail { same: 0, other: 0, forged: 0 };
    const FORGED: Trail = Trail { forged: 1, ..NOTHING };

    #[test]
    fn a_mark_is_written_as_told() {
        let field = marked(Direction::Outbound, NOTHING);
        let start =
            "Postern-Passage: v=1; node=gw.test.example; way=outbound; id=0000000000001; count=1;";
        assert!(field.starts_with(start), "{field}");
        assert!(field.contains("\r\n\tmac=") && field.ends_with("=\r\n"), "{field}");
    }

    #[test]
    fn each_passage_is_counted_in_its_own_direction() {
        let once = marked(Direction::Outbound, NOTHING) + MESSAGE;
        assert_eq!(outbound(MESSAGE), NOTHING);
        assert_eq!(outbound(&once), Trail { same: 1, ..NOTHING });
        let back = key().trail(&content(&once), Direction::Inbound);
        assert_eq!(back, Trail { other: 1, ..NOTHING });
        let inbound = marked(Direction::Inbound, back) + MESSAGE;
        assert!(inbound.contains("way=inbound; id=0000000000001; count=1; other=1;"));
        assert_eq!(outbound(&inbound), Trail { same: 1, other: 1, forged: 0 });
        let again = marked(Direction::Outbound, Trail { same: 2, ..NOTHING }) + MESSAGE;
        assert_eq!(outbound(&again), Trail { same: 3, ..NOTHING });
    }

    #[test]
    fn no_value_of_a_mark_can_be_changed() {
        let field = marked(Direction::Outbound, Trail { same: 1, other: 1, forged: 0 });
        for (from, to) in [
            ("v=1", "v=2"),
            ("gw.test", "gx.test"),
            ("way=outbound", "way=inbound"),
            ("id=0000000000001", "id=0000000000002"),
            ("count=2", "count=1"),
            ("count=2", "count=02"),
            ("other=1", "other=0"),
            ("; other=1", ""),
            ("; other=1", "; other=1; other=1"),
            ("mac=", "mac=A"),
            ("mac=", "mac"),
            ("count=2; ", ""),
        ] {
            let changed = field.replacen(from, to, 1);
            assert_ne!(changed, field);
            assert_eq!(outbound(&(changed.clone() + MESSAGE)), FORGED, "{changed}");
        }
        for junk in ["", "v=1", ";", "mac=", "; mac=", "v=1; mac=AAAA"] {
            assert_eq!(
                outbound(&format!("Postern-Passage: {junk}\r\n{MESSAGE}")),
                FORGED,
                "{junk}"
            );
        }
    }

    #[test]
    fn no_octet_of_the_code_can_be_changed() {
        let field = marked(Direction::Outbound, NOTHING);
        let at = field.find("mac=").unwrap() + 4;
        for index in at..field.len() - 2 {
            let mut changed = field.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(outbound(&(changed + MESSAGE)), FORGED);
        }
    }

    #[test]
    fn a_mark_moved_to_another_message_is_worth_nothing() {
        let field = marked(Direction::Outbound, NOTHING);
        for (from, to) in [
            ("Ann", "Eve"),
            ("09:00:00", "09:00:01"),
            ("<1@nhs", "<2@nhs"),
            ("Message-ID: <1@nhs.example>\r\n", ""),
            ("Subject", "From: eve@x.example\r\nSubject"),
        ] {
            assert_eq!(outbound(&(field.clone() + &MESSAGE.replace(from, to))), FORGED, "{to}");
        }
        // What may change on the way: who it is to, and its text.
        for (from, to) in [("bob", "carl"), ("hello", "goodbye"), ("rota", "[external] rota")] {
            let trail = outbound(&(field.clone() + &MESSAGE.replace(from, to)));
            assert_eq!(trail, Trail { same: 1, ..NOTHING });
        }
    }

    #[test]
    fn another_secret_makes_other_marks() {
        let field = marked(Direction::Outbound, NOTHING) + MESSAGE;
        let other = PassageKey::new(&[8; 32]).unwrap();
        assert_eq!(other.trail(&content(&field), Direction::Outbound), FORGED);
        assert_eq!(PassageKey::new(&[7; 31]).err(), Some(PassageKeyError(31)));
    }

    #[test]
    fn a_field_folded_anew_is_still_genuine() {
        let folded = marked(Direction::Outbound, NOTHING).replace("; ", ";\r\n  ");
        let message = MESSAGE.replace("From: Ann <", "From:  Ann\r\n\t<");
        assert_eq!(outbound(&(folded + &message)), Trail { same: 1, ..NOTHING });
    }

    #[test]
    fn an_older_mark_beside_the_newer_takes_nothing_back() {
        let newer = marked(Direction::Outbound, Trail { same: 2, ..NOTHING });
        let older = marked(Direction::Outbound, NOTHING);
        for both in [format!("{older}{newer}"), format!("{newer}{older}")] {
            assert_eq!(outbound(&(both + MESSAGE)), Trail { same: 3, ..NOTHING });
        }
        // And a heap of them costs no more than a few.
        let heap = format!("{}{newer}", "Postern-Passage: x\r\n".repeat(100));
        assert_eq!(outbound(&(heap + MESSAGE)), Trail { forged: 101, ..NOTHING });
    }
}
