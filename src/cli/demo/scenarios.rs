//! The example messages: who writes what to whom, and what must become of it.

use crate::{content::Protected, mail::FailureReason};

/// One message with its expected fate.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) title: &'static str,
    /// As short as a column of the summary.
    pub(super) name: &'static str,
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    /// Lines end with LF; what stands in braces is filled in.
    pub(super) message: &'static str,
    pub(super) level: u8,
    pub(super) fate: Fate,
}

/// What must become of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Delivered {
        journey: Journey,
        tag_line: TagLine,
    },
    /// Taken, and still waiting for protection it cannot have.
    Waiting {
        reason: FailureReason,
    },
    Held {
        rule: &'static str,
    },
    Refused {
        rule: &'static str,
    },
}

/// How a delivery must have been protected, at the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Journey {
    /// TLS, whosever certificate it was.
    Encrypted,
    /// TLS, the certificate valid, and its name vouched for.
    Verified,
}

/// What must have become of the tag line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TagLine {
    /// Under every reading, once.
    Added,
    /// Once, where the sender had quoted it.
    AlreadyThere,
    /// The text arrives as it was sent, octet for octet.
    Untouched(Protected),
}

pub(super) const SCENARIOS: [Scenario; 10] = [
    Scenario {
        title: "A rota, to a private address",
        name: "rota",
        from: "ward7@hospital.test.example",
        to: "jo@webmail.test.example",
        message: include_str!("messages/rota.eml"),
        level: 0,
        fate: Fate::Delivered { journey: Journey::Encrypted, tag_line: TagLine::Added },
    },
    Scenario {
        title: "A discharge summary, to the council's social care team",
        name: "discharge summary, council",
        from: "a.okoye@hospital.test.example",
        to: "adult.care@council.gov.test.example",
        message: include_str!("messages/discharge-summary.eml"),
        level: 3,
        fate: Fate::Delivered { journey: Journey::Verified, tag_line: TagLine::Added },
    },
    Scenario {
        title: "The same discharge summary, to a webmail address",
        name: "discharge summary, webmail",
        from: "a.okoye@hospital.test.example",
        to: "family@webmail.test.example",
        message: include_str!("messages/discharge-summary.eml"),
        level: 3,
        fate: Fate::Held { rule: "patient data only goes where it is cleared to go" },
    },
    Scenario {
        title: "A referral, to an approved domain whose certificate has expired",
        name: "referral, broken TLS",
        from: "nursing@hospital.test.example",
        to: "healthcare@prison.gov.test.example",
        message: include_str!("messages/referral.eml"),
        level: 3,
        fate: Fate::Waiting { reason: FailureReason::Tls },
    },
    Scenario {
        title: "A message with [secure] in its subject",
        name: "[secure]",
        from: "pharmacy@hospital.test.example",
        to: "r.example@webmail.test.example",
        message: include_str!("messages/secure.eml"),
        level: 3,
        fate: Fate::Held { rule: "[secure] does not go to the open internet" },
    },
    Scenario {
        title: "A list of thirty patients, to an address that is cleared for it",
        name: "list of patients",
        from: "screening@hospital.test.example",
        to: "public.health@council.gov.test.example",
        message: include_str!("messages/bulk-list.eml"),
        level: 4,
        fate: Fate::Held { rule: "a list of patients waits for an officer" },
    },
    Scenario {
        title: "A signed message",
        name: "signed",
        from: "finance@hospital.test.example",
        to: "orders@webmail.test.example",
        message: include_str!("messages/signed.eml"),
        level: 0,
        fate: Fate::Delivered {
            journey: Journey::Encrypted,
            tag_line: TagLine::Untouched(Protected::Signed),
        },
    },
    Scenario {
        title: "A reply that quotes the tag line",
        name: "reply",
        from: "transport@hospital.test.example",
        to: "drivers@webmail.test.example",
        message: include_str!("messages/reply.eml"),
        level: 0,
        fate: Fate::Delivered { journey: Journey::Encrypted, tag_line: TagLine::AlreadyThere },
    },
    Scenario {
        title: "An encrypted message, which nobody can look into",
        name: "encrypted",
        from: "research@hospital.test.example",
        to: "somebody@webmail.test.example",
        message: include_str!("messages/encrypted.eml"),
        level: 0,
        fate: Fate::Held { rule: "what cannot be read does not go to the open internet" },
    },
    Scenario {
        title: "The antivirus test file, as an attachment",
        name: "antivirus test file",
        from: "reception@hospital.test.example",
        to: "practice@council.gov.test.example",
        message: include_str!("messages/malware.eml"),
        level: 0,
        fate: Fate::Refused { rule: "malware is refused" },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_their_column_and_addresses_are_addresses() {
        for scenario in &SCENARIOS {
            assert!(scenario.name.chars().count() <= 26, "{}", scenario.name);
            for address in [scenario.from, scenario.to] {
                assert!(address.parse::<crate::mail::Address>().is_ok(), "{address}");
            }
        }
    }
}
