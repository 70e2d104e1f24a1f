//! Notices to officers about their own policy.

use std::fmt::Write as _;

use bytes::Bytes;

use super::writing::{Automatic, Heading, Writing, wrapped};
use crate::mail::{Address, Domain, Timestamp};

/// What has happened to a version, in words.
#[derive(Clone, Debug)]
pub struct PolicyNotice {
    pub at: Timestamp,
    pub subject: String,
    pub text: String,
    /// Names and values.
    pub details: Vec<(&'static str, String)>,
    /// What can be done on the gateway, and what comes of it.
    pub commands: Vec<(String, &'static str)>,
}

/// To those who answer for the policy. `token` makes its Message-ID ours
/// alone.
pub fn tell_officers_of_policy(
    notice: &PolicyNotice,
    node: &Domain,
    token: &str,
    to: &Address,
) -> Bytes {
    let mut text = wrapped(&notice.text, "");
    text.push('\n');
    for (name, value) in &notice.details {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name:<10}{value}");
    }
    if !notice.commands.is_empty() {
        text.push_str("\nWhat you can do, on the gateway\n\n");
    }
    for (command, effect) in &notice.commands {
        let _ = writeln!(text, "  {command}");
        if !effect.is_empty() {
            let _ = writeln!(text, "      {effect}");
        }
    }
    let mut writing = Writing::begin(&Heading {
        node,
        token: format!("{token}.policy.{}", notice.at.unix_milliseconds()),
        at: notice.at,
        to,
        subject: notice.subject.clone(),
        about: None,
        automatic: Automatic::Generated,
    });
    writing.text(&text);
    writing.finish()
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::*;

    #[test]
    fn officers_read_what_happened_the_version_and_the_commands() {
        let notice = PolicyNotice {
            at: Timestamp::from_unix_milliseconds(1_795_367_525_123),
            subject: "Policy 0123456789ab was returned from".to_owned(),
            text: "Its hold rate has left the band.".to_owned(),
            details: vec![("Version", "0123456789ab".to_owned())],
            commands: vec![("postern policy status".to_owned(), "how it stands now")],
        };
        let (node, to) = ("gw.test.example".parse().unwrap(), "ig@nhs.example".parse().unwrap());
        let written = tell_officers_of_policy(&notice, &node, "token", &to);
        let message = MessageParser::new().parse(&written[..]).unwrap();
        assert_eq!(message.subject(), Some("Policy 0123456789ab was returned from"));
        let text = message.body_text(0).unwrap();
        for part in ["left the band", "  Version   0123456789ab", "  postern policy status"] {
            assert!(text.contains(part), "{part:?} is missing in {text}");
        }
        assert!(String::from_utf8_lossy(&written).contains("Auto-Submitted: auto-generated\r\n"));
    }
}
