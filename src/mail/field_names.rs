//! Names of header fields that a rule takes out: `X-Mailer`, `X-Internal-*`.

use std::str::FromStr;

/// One name, or all that begin alike. Never one that others route, sign, trace
/// or end loops by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldNames {
    /// In lower case.
    start: String,
    extent: Extent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Whole,
    AndWhatFollows,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldNamesError {
    #[error("expected a field name such as `X-Mailer`, or `X-Internal-*`, found `{0}`")]
    Malformed(String),
    #[error(
        "`{name}` covers `{kept}`, which a rule cannot take out: mail is delivered, traced, signed or kept out of loops by it"
    )]
    Kept { name: String, kept: &'static str },
}

impl FieldNames {
    pub fn cover(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let named = match self.extent {
            Extent::Whole => name == self.start,
            Extent::AndWhatFollows => name.starts_with(&self.start),
        };
        named && !is_kept(&name)
    }
}

impl FromStr for FieldNames {
    type Err = FieldNamesError;

    fn from_str(written: &str) -> Result<Self, FieldNamesError> {
        let (start, extent) = match written.strip_suffix('*') {
            Some(start) => (start, Extent::AndWhatFollows),
            None => (written, Extent::Whole),
        };
        let of_name = |octet: u8| octet.is_ascii_graphic() && octet != b':' && octet != b'*';
        if start.is_empty() || start.len() > LONGEST || !start.bytes().all(of_name) {
            return Err(FieldNamesError::Malformed(written.to_owned()));
        }
        let start = start.to_ascii_lowercase();
        let kept = |kept: &&&str| match extent {
            Extent::Whole => start == **kept,
            // All of `X-*` may be asked for: what is kept of it stays.
            Extent::AndWhatFollows => kept.starts_with(&start) && !kept.starts_with("x-"),
        };
        let family = KEPT_FAMILIES.iter().find(|family| start.starts_with(**family));
        match KEPT.iter().chain(&KEPT_FAMILIES).find(kept).or(family) {
            Some(kept) => Err(FieldNamesError::Kept { name: written.to_owned(), kept }),
            None => Ok(Self { start, extent }),
        }
    }
}

impl std::fmt::Display for FieldNames {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.start)?;
        match self.extent {
            Extent::Whole => Ok(()),
            Extent::AndWhatFollows => out.write_str("*"),
        }
    }
}

fn is_kept(name: &str) -> bool {
    KEPT.contains(&name) || KEPT_FAMILIES.iter().any(|family| name.starts_with(family))
}

/// Fields of which a message has one (RFC 5322 section 3.6), and those that
/// others trace, sign, or know a loop and an automatic message by.
const KEPT: [&str; 20] = [
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "subject",
    "return-path",
    "mime-version",
    "dkim-signature",
    "authentication-results",
    "auto-submitted",
    "delivered-to",
    "precedence",
    "x-loop",
    "x-auto-response-suppress",
];

const KEPT_FAMILIES: [&str; 8] = [
    "content-",
    "received",
    "arc-",
    "resent-",
    "list-",
    "domainkey-",
    "x-ms-exchange-",
    "x-ms-journal-",
];

const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_or_all_that_begin_alike_are_taken_out() {
        let one: FieldNames = "X-Mailer".parse().unwrap();
        assert!(one.cover("x-MAILER") && !one.cover("X-Mailer-Version"));
        let all: FieldNames = "X-Internal-*".parse().unwrap();
        assert!(all.cover("X-Internal-Host") && !all.cover("X-Internals") && !all.cover("X-A"));
        assert_eq!(all.to_string(), "x-internal-*");
    }

    #[test]
    fn what_is_kept_is_kept_whatever_is_asked() {
        let all: FieldNames = "X-*".parse().unwrap();
        for kept in ["X-MS-Exchange-Organization-SCL", "x-loop", "X-MS-Journal-Report", "To"] {
            assert!(!all.cover(kept), "{kept}");
        }
        for refused in [
            "From",
            "Content-Type",
            "content-*",
            "Received",
            "Received-*",
            "ARC-Seal",
            "arc-s*",
            "D*",
            "DKIM-Signature",
            "L*",
            "List-Id",
            "X-MS-Exchange-*",
            "x-ms-exchange-x*",
            "X-Loop",
            "Auto-Submitted",
            "MIME-*",
            "Delivered-To",
        ] {
            let error = refused.parse::<FieldNames>().unwrap_err();
            assert!(matches!(error, FieldNamesError::Kept { .. }), "{refused}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for wrong in ["", "*", "X Y", "X:", "X-*-Y", "**", "X-\u{e9}", &"x".repeat(65)] {
            let error = wrong.parse::<FieldNames>().unwrap_err();
            assert!(matches!(error, FieldNamesError::Malformed(_)), "{wrong}");
        }
    }
}
