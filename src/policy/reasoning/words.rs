//! Conditions by the keys under which officers write them.

use super::super::condition::Condition;

pub(in crate::policy) const fn key(condition: &Condition) -> &'static str {
    match condition {
        Condition::Direction(_) => "direction",
        Condition::Level(_) => "level",
        Condition::Clearance(_) => "level_above_clearance",
        Condition::Destination(_) => "destination",
        Condition::Retired(_) => "retired",
        Condition::RecipientDomain(_) => "recipient_domain",
        Condition::Recipient(_) => "recipient",
        Condition::SenderDomain(_) => "sender_domain",
        Condition::Sender(_) => "sender",
        Condition::Kinds(_) | Condition::KindCount(..) => "kinds",
        Condition::Marking(_) => "marking",
        Condition::SecureTag(_) => "secure_tag",
        Condition::Opaque(_) => "opaque",
        Condition::Size(_) => "size",
        Condition::Authentication(..) => "authentication",
        Condition::Spoof(_) => "spoof",
        Condition::Arrival(_) => "arrival",
        Condition::TlsVersion(_) => "tls_version",
        Condition::AttachmentTypes(_) => "attachment_types",
        Condition::VisibleRecipients(_) => "visible_recipients",
        Condition::Time(_) => "time",
        Condition::Organisation(_) => "organisation",
        Condition::DestinationClearance(_) => "clearance",
    }
}
