//! What verdicts mean for the author: whether what passed is of the author's
//! own domain, and what the seals of a chain say of it.

use mail_auth::{AuthenticatedMessage, DkimOutput, DkimResult, SpfResult};

use crate::mail::{ChainSeal, Domain};

/// The domain of the only author; none where there are several or none.
pub(super) fn author(message: &AuthenticatedMessage<'_>) -> Option<Domain> {
    match message.from.as_slice() {
        [only] => only.rsplit_once('@')?.1.parse().ok(),
        _ => None,
    }
}

/// Whether what passed is of the author's domain, or of one above or below it:
/// as DMARC's relaxed alignment (RFC 7489 section 3.1), but for a domain that
/// publishes no policy too, and without a list of public suffixes: under those
/// nobody signs who has no domain of his own.
pub(super) fn is_aligned(author: &Domain, spf: (SpfResult, &str), dkim: &[DkimOutput<'_>]) -> bool {
    let passes = |output: &&DkimOutput<'_>| *output.result() == DkimResult::Pass;
    let signers = dkim.iter().filter(passes).filter_map(DkimOutput::signature);
    let signed_as = signers.map(|signature| signature.d.as_str());
    let (result, sender) = spf;
    let sent_as = (result == SpfResult::Pass).then_some(sender);
    signed_as
        .chain(sent_as)
        .filter_map(|name| name.parse().ok())
        .any(|name: Domain| name == *author || name.is_below(author) || author.is_below(&name))
}

/// The sets of a chain that passes, the first first.
pub(super) fn seals(message: &AuthenticatedMessage<'_>, author: Option<&Domain>) -> Vec<ChainSeal> {
    let sets = message.as_headers.iter().zip(&message.aar_headers);
    sets.filter_map(|(seal, results)| {
        let sealer = seal.header.d.parse().ok()?;
        let value = String::from_utf8_lossy(results.value);
        Some(ChainSeal { sealer, dmarc: author.and_then(|author| dmarc_said(&value, author)) })
    })
    .collect()
}

/// What an ARC-Authentication-Results says of DMARC, for this author and no
/// other: a list may have put itself into From since.
fn dmarc_said(value: &str, author: &Domain) -> Option<String> {
    let plain = without_comments(value)?;
    let mut results = plain.split(';').map(str::split_whitespace).filter_map(|mut words| {
        let verdict = words.next()?.strip_prefix("dmarc=")?;
        let from = words.find_map(|word| word.strip_prefix("header.from="))?;
        Some((verdict.to_ascii_lowercase(), from.trim_matches('"').parse::<Domain>().ok()?))
    });
    // Of two that disagree none is believed.
    let (verdict, from) = results.next()?;
    (from == *author && results.next().is_none()).then_some(verdict)
}

/// None where comments do not end. Quoted strings go too: what is asked for
/// here needs none.
fn without_comments(value: &str) -> Option<String> {
    let (mut plain, mut depth, mut quoted) = (String::new(), 0_usize, false);
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if quoted || depth > 0 => _ = letters.next(),
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => {
                depth = depth.checked_sub(1)?;
                plain.push(' ');
            }
            _ if depth == 0 && !quoted => plain.push(letter),
            _ => {}
        }
    }
    (depth == 0 && !quoted).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(value: &str) -> Option<String> {
        dmarc_said(value, &"x.example".parse().unwrap())
    }

    #[test]
    fn a_result_of_dmarc_is_read_for_this_author_alone() {
        let pass = Some("pass".to_owned());
        assert_eq!(said("i=1; mx.t.example; dmarc=pass (p=REJECT) header.from=x.example"), pass);
        assert_eq!(
            said(
                "i=1; mx;\r\n\tdkim=pass header.i=@x.example;\r\n dmarc=PASS header.from=X.example"
            ),
            pass
        );
        for other in [
            "i=1; mx; dmarc=pass header.from=y.example",
            "i=1; mx; dmarc=pass",
            "i=1; mx; spf=pass (dmarc=pass header.from=x.example)",
            "i=1; mx; spf=pass reason=\"; dmarc=pass header.from=x.example\"",
            "i=1; mx; dmarc=pass header.from=x.example; dmarc=fail header.from=x.example",
            "i=1; mx; dmarc=pass header.from=x.example (",
            "i=1; mx; none",
        ] {
            assert_eq!(said(other), None, "{other}");
        }
        assert_eq!(said("i=1; mx; dmarc=fail header.from=x.example"), Some("fail".to_owned()));
    }

    #[test]
    fn a_sender_is_aligned_only_if_it_passed() {
        let author: Domain = "x.example".parse().unwrap();
        let sent = |result, sender| is_aligned(&author, (result, sender), &[]);
        assert!(sent(SpfResult::Pass, "x.example"));
        assert!(sent(SpfResult::Pass, "bounce.x.example"));
        assert!(!sent(SpfResult::SoftFail, "x.example"));
        assert!(!sent(SpfResult::Pass, "notx.example"));
        assert!(!sent(SpfResult::Pass, "mail.y.example"));
    }
}
