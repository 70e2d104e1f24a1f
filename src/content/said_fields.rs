//! Which header fields say anything to a person.

/// Whether a field says anything that counts: not who sent it to whom by
/// which way, which is not content, nor what machines tell each other.
pub(super) fn says_something(name: &str, is_message: bool) -> bool {
    let name = name.to_ascii_lowercase();
    let machine = MACHINE_FIELDS.binary_search(&name.as_str()).is_ok()
        || MACHINE_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    !machine && (is_message || name == "content-description" || !name.starts_with("content-"))
}

/// Sorted.
const MACHINE_FIELDS: [&str; 42] = [
    "accept-language",
    "authentication-results",
    "auto-submitted",
    "autocrypt",
    "bcc",
    "cc",
    "content-class",
    "content-disposition",
    "content-id",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-transfer-encoding",
    "content-type",
    "date",
    "delivered-to",
    "disposition-notification-to",
    "dkim-signature",
    "domainkey-signature",
    "errors-to",
    "feedback-id",
    "from",
    "importance",
    "in-reply-to",
    "lines",
    "message-id",
    "mime-version",
    "precedence",
    "priority",
    "received",
    "received-spf",
    "references",
    "reply-to",
    "return-path",
    "return-receipt-to",
    "sender",
    "status",
    "thread-index",
    "to",
    "user-agent",
    "xref",
];
const MACHINE_PREFIXES: [&str; 14] = [
    "arc-",
    "list-",
    "resent-",
    "x-envelope-",
    "x-forefront",
    "x-google-",
    "x-mailer",
    "x-mimeole",
    "x-ms-",
    "x-microsoft-",
    "x-original",
    "x-priority",
    "x-received",
    "x-spam-",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_fields_are_sorted() {
        assert!(MACHINE_FIELDS.is_sorted());
    }

    #[test]
    fn what_people_write_is_said_and_what_machines_write_is_not() {
        assert!(says_something("Subject", true) && says_something("X-Patient", true));
        assert!(!says_something("Received", true) && !says_something("ARC-Seal", true));
        assert!(!says_something("Content-Location", false));
    }
}
