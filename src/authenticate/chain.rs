//! The fields of an ARC chain read by the letter (RFC 8617 section 4.1, RFC
//! 6376 section 3.2), before anything of it is verified: mail-auth takes tags
//! in capitals, twice, or with another algorithm, and a chain that two readers
//! read differently must not pass.

use std::collections::BTreeMap;

use mail_auth::{
    AuthenticatedMessage,
    arc::Signature,
    common::{crypto::HashAlgorithm, headers::Header},
    dkim::Canonicalization,
};

/// What is known of a chain without the DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chain {
    /// There is none, or it says itself that it has ended (`cv=fail`).
    None,
    Broken,
    /// Whether it passes is for its signatures to say.
    Whole,
}

/// Reads the chain, and has the message as the chain's makers meant it.
pub(super) fn read(message: &mut AuthenticatedMessage<'_>) -> Chain {
    let mut counts = [0_usize; 3];
    let mut chain = Chain::Whole;
    let mut unsigned = Vec::new();
    for &(name, value) in &message.headers {
        let kind = NAMES.iter().position(|known| name.trim_ascii().eq_ignore_ascii_case(known));
        let Some(kind) = kind else { continue };
        if let Some(count) = counts.get_mut(kind) {
            *count += 1;
        }
        let standing = match kind {
            SEAL => seal(value),
            MESSAGE_SIGNATURE => {
                let tags = tags(value);
                if tags.as_ref().is_some_and(covers_no_field) {
                    unsigned.push((name, value));
                }
                message_signature(tags.as_ref())
            }
            _ => Chain::Whole,
        };
        chain = worse(chain, standing);
    }
    if counts == [0; 3] {
        return Chain::None;
    }
    if chain == Chain::Whole
        && (counts.contains(&0) || counts.iter().any(|&count| count != counts[0]))
    {
        return Chain::Broken;
    }
    if chain == Chain::Whole {
        relax(message);
        unsigned.into_iter().for_each(|(name, value)| add_without_fields(message, name, value));
    }
    chain
}

fn worse(one: Chain, other: Chain) -> Chain {
    match (one, other) {
        (Chain::Broken, _) | (_, Chain::Broken) => Chain::Broken,
        (Chain::None, _) | (_, Chain::None) => Chain::None,
        _ => Chain::Whole,
    }
}

/// None is a chain that has ended.
fn seal(value: &[u8]) -> Chain {
    let Some(tags) = tags(value) else { return Chain::Broken };
    match ["i", "a", "b", "cv", "d", "s"].iter().all(|name| tags.contains_key(*name)) {
        true if !is_known_algorithm(&tags) => Chain::Broken,
        true if tags.get("cv").is_some_and(|cv| cv.eq_ignore_ascii_case("fail")) => Chain::None,
        true => Chain::Whole,
        false => Chain::Broken,
    }
}

fn message_signature(tags: Option<&Tags>) -> Chain {
    let Some(tags) = tags else { return Chain::Broken };
    let complete = ["i", "a", "b", "bh", "d", "h", "s"].iter().all(|name| tags.contains_key(*name));
    // Section 4.1.2: a seal is not signed.
    let covers_seal = tags.get("h").is_some_and(|names| {
        names.split(':').any(|name| name.trim().eq_ignore_ascii_case("ARC-Seal"))
    });
    match complete && !covers_seal && is_known_algorithm(tags) {
        true => Chain::Whole,
        false => Chain::Broken,
    }
}

fn is_known_algorithm(tags: &Tags) -> bool {
    tags.get("a").is_some_and(|named| ["rsa-sha256", "ed25519-sha256"].contains(&named.as_str()))
}

fn covers_no_field(tags: &Tags) -> bool {
    tags.get("h").is_some_and(String::is_empty)
}

type Tags = BTreeMap<String, String>;

/// A tag list: names once each, values without white space at their ends; a
/// semicolon may end it, and nothing else may be empty.
fn tags(value: &[u8]) -> Option<Tags> {
    let text = std::str::from_utf8(value).ok()?.trim_ascii();
    let text = text.strip_suffix(';').unwrap_or(text);
    let mut tags = Tags::new();
    for tag in text.split(';') {
        let (name, value) = tag.split_once('=')?;
        let name = name.trim_ascii();
        let of_name = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'_';
        let named = name.starts_with(|letter: char| letter.is_ascii_alphabetic());
        if !named || !name.bytes().all(of_name) {
            return None;
        }
        let value = value.trim_ascii().to_owned();
        tags.insert(name.to_owned(), value).is_none().then_some(())?;
    }
    Some(tags)
}

/// In ARC what does not say how it was canonicalized was so relaxed, unlike in
/// DKIM.
fn relax(message: &mut AuthenticatedMessage<'_>) {
    let mut relaxed = false;
    for field in &mut message.ams_headers {
        if tags(field.value).is_some_and(|tags| !tags.contains_key("c")) {
            field.header.ch = Canonicalization::Relaxed;
            field.header.cb = Canonicalization::Relaxed;
            relaxed = true;
        }
    }
    if relaxed {
        hash_relaxed(message);
    }
}

/// A signature of the body alone, which mail-auth takes for none.
fn add_without_fields<'m>(message: &mut AuthenticatedMessage<'m>, name: &'m [u8], value: &'m [u8]) {
    let text = String::from_utf8_lossy(value);
    let named = text.split(';').map(|tag| match tag.trim_ascii() {
        "h=" => "h=from",
        other => other,
    });
    let Ok(mut signature) = Signature::parse(named.collect::<Vec<_>>().join("; ").as_bytes())
    else {
        return;
    };
    signature.h.clear();
    message.ams_headers.push(Header::new(name, value, signature));
    message.ams_headers.sort_by_key(|field| field.header.i);
    message.as_headers.sort_by_key(|field| field.header.i);
    message.aar_headers.sort_by_key(|field| field.header.i);
    message.has_arc_errors = message.ams_headers.len() != message.as_headers.len()
        || message.aar_headers.len() != message.as_headers.len();
    hash_relaxed(message);
}

fn hash_relaxed(message: &mut AuthenticatedMessage<'_>) {
    let body = message.raw_message.get(message.body_offset as usize..).unwrap_or_default();
    let algorithm = HashAlgorithm::Sha256;
    let hash = algorithm.hash(Canonicalization::Relaxed.canonical_body(body, 0));
    let hash = hash.as_ref().to_vec();
    message.body_hashes.push((Canonicalization::Relaxed, algorithm, 0, hash));
}

const NAMES: [&[u8]; 3] = [b"ARC-Seal", b"ARC-Message-Signature", b"ARC-Authentication-Results"];
const SEAL: usize = 0;
const MESSAGE_SIGNATURE: usize = 1;

#[cfg(test)]
mod tests {
    use super::*;

    const SEALED: &str = "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=x.example; s=s; t=1; b=AAAA\r\n";
    const SIGNED: &str = "ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; \
                          d=x.example; s=s; h=from:to; bh=AAAA; b=AAAA;\r\n";
    const RESULTS: &str = "ARC-Authentication-Results: i=1; mx.x.example; none\r\n";

    fn chain(fields: &str) -> Chain {
        let message = format!("{fields}From: a@x.example\r\n\r\nhello\r\n");
        read(&mut AuthenticatedMessage::parse(message.as_bytes()).unwrap())
    }

    fn with_seal(was: &str, becomes: &str) -> Chain {
        chain(&format!("{}{SIGNED}{RESULTS}", SEALED.replace(was, becomes)))
    }

    fn with_signature(was: &str, becomes: &str) -> Chain {
        chain(&format!("{SEALED}{}{RESULTS}", SIGNED.replace(was, becomes)))
    }

    #[test]
    fn a_chain_is_whole_only_by_the_letter() {
        assert_eq!(chain(""), Chain::None);
        assert_eq!(with_seal("", ""), Chain::Whole);
        assert_eq!(with_seal("cv=none", "cv=fail"), Chain::None);
        assert_eq!(with_signature("c=relaxed/relaxed; ", ""), Chain::Whole);
        assert_eq!(with_signature("h=from:to", "h="), Chain::Whole);
        for (was, becomes) in [
            ("s=s;", "S=s;"),
            ("s=s;", "s=s; s=s;"),
            ("s=s;", "s=s;;"),
            ("s=s;", "s=s; _=;"),
            ("a=rsa-sha256", "a=rsa-sha1"),
            ("a=rsa-sha256; ", ""),
        ] {
            assert_eq!(with_seal(was, becomes), Chain::Broken, "seal: {becomes}");
            assert_eq!(with_signature(was, becomes), Chain::Broken, "signature: {becomes}");
        }
        assert_eq!(with_signature("from:to", "from : arc-seal"), Chain::Broken);
        assert_eq!(chain(&format!("{SEALED}{RESULTS}")), Chain::Broken);
        assert_eq!(chain(&format!("{SEALED}{SIGNED}")), Chain::Broken);
        assert_eq!(chain(RESULTS), Chain::Broken);
    }
}
