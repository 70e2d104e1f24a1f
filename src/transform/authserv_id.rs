//! Whose results an Authentication-Results field says that it has (RFC 8601
//! section 2.2): `authserv-id [version]`, with comments anywhere.

/// Whether it says so of `own`, or so that some reader might take it for that:
/// what is taken out wrongly was badly written, what is left in wrongly is
/// believed.
pub(super) fn claims_authserv_id(value: &str, own: &str) -> bool {
    match first_word(value) {
        Some(claimed) => claimed.trim_end_matches('.').eq_ignore_ascii_case(own),
        None => true,
    }
}

/// The first word that is no comment, without its quotes; none where a comment
/// or the quotes do not end.
fn first_word(value: &str) -> Option<String> {
    let mut letters = value.chars().peekable();
    let (mut word, mut depth, mut quoted) = (String::new(), 0_usize, false);
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if quoted || depth > 0 => {
                let escaped = letters.next()?;
                if quoted {
                    word.push(escaped);
                }
            }
            '(' if !quoted && (depth > 0 || word.is_empty()) => depth += 1,
            ')' if depth > 0 => depth -= 1,
            _ if depth > 0 => {}
            '"' => quoted = !quoted,
            // Folding is no part of what is quoted.
            '\r' | '\n' => {}
            _ if quoted => word.push(letter),
            _ if letter.is_whitespace() && word.is_empty() => {}
            _ if letter.is_whitespace() || ENDS.contains(letter) => break,
            _ => word.push(letter),
        }
    }
    (depth == 0 && !quoted).then_some(word)
}

/// What ends a word; the slash parted the version in the drafts of RFC 5451.
const ENDS: &str = ";(=/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_to_be_us_is_seen_however_it_is_written() {
        for claim in [
            "gw.test.example; spf=pass",
            " GW.Test.Example 1; spf=pass",
            "gw.test.example.; spf=pass",
            "gw.test.example/1; spf=pass",
            "\"gw.test.example\" ; spf=pass",
            "\"gw\\.test.example\"; spf=pass",
            "(a (b) \\( \\) c) gw.test.example (d); spf=pass",
            "(a)(b)\r\n\tgw.test.example; spf=pass",
            "\r\n gw.test.example\r\n ; spf=pass",
            "gw.test.example",
            // Where it ends nobody can say.
            "(gw.test.example; spf=pass",
            "\"gw.test.example; spf=pass",
        ] {
            assert!(claims_authserv_id(claim, "gw.test.example"), "{claim:?}");
        }
    }

    #[test]
    fn what_others_say_of_themselves_stays() {
        for other in [
            "mx.other.example; spf=pass",
            "gw.test.example.other; spf=pass",
            "(gw.test.example) mx.other.example; spf=pass",
            "sub.gw.test.example; spf=pass",
            "",
        ] {
            assert!(!claims_authserv_id(other, "gw.test.example"), "{other:?}");
        }
    }
}
