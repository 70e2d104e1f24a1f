//! What MAIL and RCPT carry of what a sender has asked for: DSN (RFC 3461,
//! RFC 6533), REQUIRETLS (RFC 8689), MT-PRIORITY (RFC 6710) and BY (RFC 2852).
//!
//! What stands in a value was written by a stranger: as xtext it can neither
//! end its parameter nor begin another.

use std::fmt::Write as _;

use super::extensions::Extensions;
use crate::mail::{
    ByMode, ByTrace, DeliverBy, EnhancedStatusCode, Failure, FailureReason, Notify,
    OriginalRecipient, Promise, Recipient, Reply, Requests, RequireTls, Returned,
};

/// Whether a transaction speaks UTF-8: where MAIL says SMTPUTF8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    Ascii,
    Utf8,
}

/// The parameters of MAIL for this peer, or why it may not have the message.
pub(super) fn of_mail(requests: &Requests, peer: &Extensions) -> Result<String, Failure> {
    let mut parameters = String::new();
    if requests.require_tls == RequireTls::Yes {
        if !peer.require_tls() {
            return Err(no_require_tls());
        }
        parameters.push_str(" REQUIRETLS");
    }
    if peer.dsn() {
        match requests.returned {
            Some(Returned::Full) => parameters.push_str(" RET=FULL"),
            Some(Returned::Headers) => parameters.push_str(" RET=HDRS"),
            None => {}
        }
        if let Some(id) = &requests.envelope_id {
            parameters.push_str(&format!(" ENVID={}", xtext(id)));
        }
    }
    if let Some(priority) = requests.priority.filter(|_| peer.priority()) {
        parameters.push_str(&format!(" MT-PRIORITY={}", priority.value()));
    }
    if let Some(by) = requests.deliver_by {
        parameters.push_str(&deliver_by(by, peer)?);
    }
    Ok(parameters)
}

/// The parameters of one RCPT.
pub(super) fn of_recipient(recipient: &Recipient, speech: Speech, peer: &Extensions) -> String {
    let mut parameters = String::new();
    if !peer.dsn() {
        return parameters;
    }
    if let Some(notify) = recipient.notify {
        parameters.push_str(&format!(" NOTIFY={}", notify_value(notify)));
    }
    if let Some(original) = &recipient.original {
        parameters.push_str(&format!(" ORCPT={}", original_recipient(original, speech)));
    }
    parameters
}

/// RFC 2852 section 4.1: a message that must be returned in time goes to
/// nobody who would not do so; one whose sender only wants to be told goes on.
fn deliver_by(by: DeliverBy, peer: &Extensions) -> Result<String, Failure> {
    let promised = peer.deliver_by_promise() == Promise::Made;
    if by.mode == ByMode::Return && (!promised || by.seconds < peer.shortest_by()) {
        return Err(not_in_time());
    }
    if !promised {
        return Ok(String::new());
    }
    let seconds = by.seconds.clamp(-LONGEST_BY, LONGEST_BY);
    let mode = if by.mode == ByMode::Return { "R" } else { "N" };
    let trace = if by.trace == ByTrace::Yes { "T" } else { "" };
    Ok(format!(" BY={seconds};{mode}{trace}"))
}

fn notify_value(notify: Notify) -> String {
    let kinds = [("SUCCESS", notify.success), ("FAILURE", notify.failure), ("DELAY", notify.delay)];
    let wanted: Vec<&str> =
        kinds.into_iter().filter_map(|(name, wanted)| wanted.then_some(name)).collect();
    if wanted.is_empty() { "NEVER".to_owned() } else { wanted.join(",") }
}

fn original_recipient(original: &OriginalRecipient, speech: Speech) -> String {
    let OriginalRecipient { address_type, address } = original;
    // An atom by RFC 3461 section 4.2; anything else is not repeated.
    let kind: String =
        address_type.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
    let written = if kind.eq_ignore_ascii_case("utf-8") {
        utf8_address(address, speech)
    } else {
        xtext(address)
    };
    format!("{kind};{written}")
}

/// RFC 3461 section 4.
fn xtext(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_graphic() && !matches!(octet, b'+' | b'=') {
            encoded.push(char::from(octet));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "+{octet:02X}");
        }
    }
    encoded
}

/// RFC 6533 section 3: as it is where the transaction speaks UTF-8, else every
/// character beyond ASCII by its number.
fn utf8_address(address: &str, speech: Speech) -> String {
    let mut encoded = String::with_capacity(address.len());
    for character in address.chars() {
        let plain = character.is_ascii_graphic() && !matches!(character, '+' | '=' | '\\');
        let spoken = speech == Speech::Utf8 && !character.is_ascii() && !character.is_control();
        if plain || spoken {
            encoded.push(character);
        } else {
            let _ = write!(encoded, "\\x{{{:X}}}", u32::from(character));
        }
    }
    encoded
}

fn no_require_tls() -> Failure {
    let text = "REQUIRETLS was asked for and the next hop does not offer it under TLS";
    Failure {
        reason: FailureReason::Extension,
        reply: Reply::new(550, EnhancedStatusCode(5, 7, 30), text),
    }
}

fn not_in_time() -> Failure {
    let text = "the next hop does not promise delivery by the time asked for";
    Failure {
        reason: FailureReason::Extension,
        reply: Reply::new(554, EnhancedStatusCode(5, 4, 7), text),
    }
}

/// RFC 2852 section 4: nine digits.
const LONGEST_BY: i64 = 999_999_999;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn xtext_keeps_what_is_plain_and_spells_out_the_rest() {
        assert_eq!(xtext("QQ314159"), "QQ314159");
        assert_eq!(xtext("a+b=c d\r\n\u{e9}"), "a+2Bb+3Dc+20d+0D+0A+C3+A9");
    }

    #[test]
    fn a_utf8_address_is_spelled_out_where_utf8_is_not_spoken() {
        assert_eq!(utf8_address("\u{e9}=a@x.example", Speech::Ascii), "\\x{E9}\\x{3D}a@x.example");
        assert_eq!(utf8_address("\u{e9}=a@x.example", Speech::Utf8), "\u{e9}\\x{3D}a@x.example");
    }

    #[test]
    fn no_notice_at_all_is_never() {
        assert_eq!(notify_value(Notify::NEVER), "NEVER");
        assert_eq!(
            notify_value(Notify { success: true, ..Notify::USUAL }),
            "SUCCESS,FAILURE,DELAY"
        );
    }

    proptest! {
        #[test]
        fn no_value_can_end_its_parameter_or_its_command(text in any::<String>()) {
            let original = OriginalRecipient {
                address_type: text.as_str().into(),
                address: text.as_str().into(),
            };
            let utf8 = OriginalRecipient { address_type: "utf-8".into(), ..original.clone() };
            for written in [
                xtext(&text),
                original_recipient(&original, Speech::Utf8),
                original_recipient(&utf8, Speech::Ascii),
                original_recipient(&utf8, Speech::Utf8),
            ] {
                prop_assert!(
                    !written.contains(|c: char| c.is_ascii_control() || c == ' ' || c == '='),
                    "{written:?}"
                );
            }
        }
    }
}
