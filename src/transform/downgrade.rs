//! A message in seven bits, for a next hop that carries no more (RFC 6152
//! section 3): parts beyond ASCII in quoted-printable or base64, header fields
//! in encoded words. What each part says stays the same.
//!
//! What another has signed or encrypted as it stands is not touched, and comes
//! to nothing here: it cannot go that way.

use std::ops::Range;

use super::{
    ascii_field::in_ascii,
    encode::{self, LineBreaks},
    plan::Plan,
    rewrite::Rewritten,
    splice,
};
use crate::content::{Class, Content, Field, Multipart, Part, TransferEncoding};

/// The message in ASCII throughout, without the signatures that we have set in
/// front of it and that do not hold any more; none where that cannot be.
pub fn downgrade(content: &Content) -> Option<Rewritten> {
    let mut plan = Plan::new(content);
    for field in own_seals(content) {
        plan.header(field.whole.clone(), Vec::new());
    }
    for part in content.parts() {
        encode_fields(part, &mut plan)?;
        encode_body(part, &mut plan)?;
    }
    let rewritten = Rewritten::made(content, plan.finish());
    rewritten.message().is_ascii().then_some(rewritten)
}

/// Our signatures, and our set of ARC: they stand above the Received field with
/// which the message was taken in.
fn own_seals(content: &Content) -> impl Iterator<Item = &Field> {
    let is_received = |field: &&Field| content.name(field).eq_ignore_ascii_case("Received");
    let above = content.fields().iter().take_while(move |field| !is_received(field));
    above.filter(|field| {
        let name = content.name(field).to_ascii_lowercase();
        name == "dkim-signature" || name.starts_with("arc-")
    })
}

fn encode_fields(part: &Part, plan: &mut Plan<'_>) -> Option<()> {
    let content = plan.content();
    for field in &part.fields {
        let value = content.raw().get(field.value.clone())?;
        if !value.is_ascii() {
            refuse_sealed(part, content)?;
            plan.header(field.value.clone(), in_ascii(&content.name(field), value)?);
        }
    }
    Some(())
}

fn encode_body(part: &Part, plan: &mut Plan<'_>) -> Option<()> {
    let content = plan.content();
    let body = content.raw().get(part.body.clone())?;
    if body.is_ascii() {
        return Some(());
    }
    // Without its empty line, some programs take a body for header.
    if part.separator.is_empty() || part.flaw.is_some() {
        return None;
    }
    refuse_sealed(part, content)?;
    match (&part.class, part.children.is_empty()) {
        (Class::Multipart(_) | Class::Message, false) => encode_surroundings(part, plan),
        (Class::Multipart(_) | Class::Message, true) => return None,
        // RFC 2046 section 5.2: no encoding is allowed there.
        _ if part.media.kind == "message" => return None,
        _ => encode_leaf(part, plan)?,
    }
    Some(())
}

/// Signed or encrypted parts, and what is in them.
fn refuse_sealed(part: &Part, content: &Content) -> Option<()> {
    let is_sealed = |part: &Part| {
        matches!(part.class, Class::Multipart(Multipart::Signed | Multipart::Encrypted))
    };
    // A whole message's own header is no part of what is signed in it.
    let within = content.ancestors(part.id).any(is_sealed);
    (!within && (part.parent.is_none() || !is_sealed(part))).then_some(())
}

fn encode_leaf(part: &Part, plan: &mut Plan<'_>) -> Option<()> {
    let content = plan.content();
    let octets = content.decoded(part.id);
    let is_text = part.media.kind == "text" || matches!(part.class, Class::Plain | Class::Html);
    let is_quoted = match part.encoding {
        TransferEncoding::Uuencode | TransferEncoding::Unknown => return None,
        TransferEncoding::Base64 => false,
        TransferEncoding::QuotedPrintable => true,
        _ => is_text,
    };
    let mut body = match is_quoted {
        true => encode::quoted_printable(&octets, LineBreaks::Kept),
        false => encode::base64_lines(&octets, 0),
    };
    if part.encoding.is_identity() {
        say_encoding(part, if is_quoted { "quoted-printable" } else { "base64" }, plan);
    }
    if splice::ends_at_delimiter(part, content) && !body.ends_with(b"\n") {
        // A line break that is not there is none of the text.
        let soft: &[u8] = if is_quoted { b"=\r\n" } else { b"\r\n" };
        body.extend_from_slice(soft);
    }
    plan.body(part, part.body.clone(), body);
    Some(())
}

/// What no program shows, before the first delimiter and after the last: its
/// letters are not worth keeping.
fn encode_surroundings(part: &Part, plan: &mut Plan<'_>) {
    if matches!(part.encoding, TransferEncoding::EightBit | TransferEncoding::Binary) {
        say_encoding(part, "7bit", plan);
    }
    let Some(delimiters) = &part.delimiters else { return };
    mask(part, part.body.start..delimiters.first, plan);
    if let Some(close) = &delimiters.close {
        mask(part, close.end..part.body.end.max(close.end), plan);
    }
}

fn mask(part: &Part, range: Range<usize>, plan: &mut Plan<'_>) {
    let octets = plan.content().raw().get(range.clone()).unwrap_or_default();
    if !octets.is_ascii() {
        let masked = octets.iter().map(|octet| if octet.is_ascii() { *octet } else { b'?' });
        plan.body(part, range, masked.collect::<Vec<_>>());
    }
}

fn say_encoding(part: &Part, encoding: &str, plan: &mut Plan<'_>) {
    let content = plan.content();
    let name = "Content-Transfer-Encoding";
    match part.fields.iter().find(|field| content.name(field).eq_ignore_ascii_case(name)) {
        Some(field) => plan.header(field.value.clone(), format!(" {encoding}")),
        None => plan.new_fields(part, &format!("{name}: {encoding}\r\n")),
    }
    if part.parent.is_none() && !content.has_field("MIME-Version") {
        plan.new_fields(part, "MIME-Version: 1.0\r\n");
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn downgraded(raw: &[u8]) -> Option<Content> {
        let rewritten = downgrade(&Content::parse(Bytes::copy_from_slice(raw)))?;
        Some(Content::parse(rewritten.into_bytes()))
    }

    /// What each part says, in the order of the parts.
    fn said(content: &Content) -> Vec<Bytes> {
        let leaves = content.parts().iter().filter(|part| part.children.is_empty());
        leaves.map(|part| content.decoded(part.id)).collect()
    }

    const MIXED: &str = "ARC-Seal: i=1; d=ours.example; b=x\r\nDKIM-Signature: v=1; d=ours.example; b=x\r\n\
        Received: from a by b\r\nDKIM-Signature: v=1; d=theirs.example; b=y\r\n\
        Subject: Gr\u{fc}\u{df}e\r\nContent-Type: multipart/mixed; boundary=b\r\n\
        Content-Transfer-Encoding: 8bit\r\n\r\npr\u{e9}amble\r\n--b\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
        \u{a3}5 = cheap\r\n--b\r\n\
        Content-Type: application/octet-stream; name=\"\u{e9}.bin\"\r\n\r\n\u{e9}\u{e9}\r\n--b\r\n\
        Content-Type: message/rfc822\r\n\r\nSubject: innen\r\n\r\nf\u{fc}r\r\n--b\r\n\
        Content-Type: text/plain\r\n\r\nall ASCII\r\n--b--\r\n\u{e9}pilogue\r\n";

    #[test]
    fn every_part_says_what_it_said_in_seven_bits() {
        let before = Content::parse(Bytes::from_static(MIXED.as_bytes()));
        let after = downgraded(MIXED.as_bytes()).unwrap();
        assert!(after.raw().is_ascii());
        assert_eq!(said(&after), said(&before));
        let paths = |content: &Content| -> Vec<String> {
            content.parts().iter().map(|part| part.path.clone()).collect()
        };
        assert_eq!(paths(&after), paths(&before));
        let subject = after.fields_named("Subject").next().unwrap();
        assert_eq!(after.readable(subject).trim(), "Gr\u{fc}\u{df}e");
        let file = after.parts().iter().find_map(|part| part.file_name.clone());
        assert_eq!(file.as_deref(), Some("\u{e9}.bin"));
        assert!(memchr::memmem::find(after.raw(), b"8bit").is_none());
        assert!(memchr::memmem::find(after.raw(), b"\r\n\r\nall ASCII\r\n").is_some());
    }

    #[test]
    fn our_signature_is_taken_off_and_theirs_stays() {
        let after = downgraded(MIXED.as_bytes()).unwrap();
        let signed: Vec<_> = after.fields_named("DKIM-Signature").map(|f| after.value(f)).collect();
        assert_eq!(signed.len(), 1);
        assert!(signed[0].contains("theirs.example"));
        assert!(!after.has_field("ARC-Seal"));
    }

    #[test]
    fn what_is_sealed_does_not_go_that_way() {
        let signed = "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\n\
                      f\u{fc}r\r\n--s\r\nContent-Type: application/pkcs7-signature\r\n\r\nx\r\n--s--\r\n";
        assert!(downgraded(signed.as_bytes()).is_none());
        let within = format!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{signed}\r\n--b--\r\n"
        );
        assert!(downgraded(within.as_bytes()).is_none());
        // Whose seal is in order, and the header is not under it.
        let ascii = format!("Subject: \u{e9}\r\n{}", signed.replace('\u{fc}', "u"));
        assert!(downgraded(ascii.as_bytes()).is_some());
    }

    #[test]
    fn what_cannot_be_encoded_is_not_guessed_at() {
        for raw in [
            "Content-Type: message/delivery-status\r\n\r\nAction: \u{e9}\r\n",
            "Content-Type: multipart/mixed; boundary=b\r\n\r\nno parts, \u{e9}\r\n",
            "Content-Transfer-Encoding: x-own\r\n\r\n\u{e9}\r\n",
            "To: \u{e9}@x.example\r\n\r\nx\r\n",
            "X-\u{e9}: a name\r\n\r\nx\r\n",
        ] {
            assert!(downgraded(raw.as_bytes()).is_none(), "{raw}");
        }
    }

    #[test]
    fn octets_that_an_encoding_should_not_have_are_encoded() {
        let raw = b"Content-Transfer-Encoding: quoted-printable\r\n\r\nf\xfcr=20you\r\n";
        let after = downgraded(raw).unwrap();
        assert_eq!(said(&after), [Bytes::from_static(b"f\xfcr you\r\n")]);
    }
}
