//! The facts of a message, in sentences: what rules could look at.

use std::io::{self, Write};

use crate::{
    cli::page::{Ink, Page, piece},
    mail::{
        Arrival, AuthenticationFacts, MessageFacts, OpaqueReason, ReversePath, SecureTag, Spoof,
    },
};

/// How it came, and whose it is.
pub(super) fn tell_arrival<W: Write>(page: &mut Page<W>, facts: &MessageFacts) -> io::Result<()> {
    let sender = match &facts.reverse_path {
        ReversePath::Null => "nobody (the null path)".to_owned(),
        path => path.to_string(),
    };
    page.row("From", &[piece(Ink::Plain, format!("{sender}, {}", facts.direction))])?;
    let tls = match (facts.arrival, facts.tls_version) {
        (Arrival::Clear, _) => "in clear".to_owned(),
        (Arrival::Tls, Some(version)) => format!("under TLS {}", version.name()),
        (Arrival::Tls, None) => "under TLS".to_owned(),
    };
    page.row("Came", &[piece(Ink::Plain, format!("{tls}, {} octets", facts.size))])?;
    facts.authentication.as_ref().map_or(Ok(()), |found| tell_authentication(page, found))
}

fn tell_authentication<W: Write>(
    page: &mut Page<W>,
    found: &AuthenticationFacts,
) -> io::Result<()> {
    let verdicts = [
        ("SPF", &found.spf),
        ("SPF of HELO", &found.spf_helo),
        ("DKIM", &found.dkim),
        ("DMARC", &found.dmarc),
        ("its author's policy", &found.dmarc_policy),
        ("alignment", &found.alignment),
        ("ARC", &found.arc),
        ("ARC we trust", &found.trusted_arc),
        ("iprev", &found.iprev),
    ];
    let said = verdicts.into_iter().filter(|(_, verdict)| !verdict.is_empty());
    let said: Vec<String> = said.map(|(what, verdict)| format!("{what} {verdict}")).collect();
    page.row("Checked", &[piece(Ink::Plain, said.join(", "))])
}

/// What was found, in numbers.
pub(super) fn tell_kinds<W: Write>(page: &mut Page<W>, facts: &MessageFacts) -> io::Result<()> {
    let kinds: Vec<String> =
        facts.kinds.iter().map(|(kind, count)| format!("{count} of {kind}")).collect();
    if !kinds.is_empty() {
        page.row("Kinds", &[piece(Ink::Plain, kinds.join(", "))])?;
    }
    if let Some(marking) = &facts.marking {
        page.row("Marked", &[piece(Ink::Plain, marking.as_str())])?;
    }
    let mut reasons: Vec<OpaqueReason> = Vec::new();
    for reason in &facts.opaque {
        if !reasons.contains(reason) {
            reasons.push(*reason);
            page.row("Not read", &[piece(Ink::Care, reason.to_string())])?;
        }
    }
    Ok(())
}

/// What is in it beside what was found.
pub(super) fn tell_content<W: Write>(page: &mut Page<W>, facts: &MessageFacts) -> io::Result<()> {
    if facts.secure_tag == SecureTag::Present {
        page.row("Asked for", &[piece(Ink::Plain, "[secure], in the subject")])?;
    }
    if let Some(types) = facts.attachment_types.as_ref().filter(|types| !types.is_empty()) {
        let names: Vec<&str> = types.iter().map(|one| one.name()).collect();
        page.row("Attached", &[piece(Ink::Plain, names.join(", "))])?;
    }
    if let Some(seen) = facts.visible_recipients.filter(|seen| *seen > 1) {
        let words = format!("{seen} addresses that are not ours, to all who get it");
        page.row("Shown", &[piece(Ink::Plain, words)])?;
    }
    Ok(())
}

pub(super) fn tell_spoofs<W: Write>(page: &mut Page<W>, signs: &[Spoof]) -> io::Result<()> {
    if !signs.is_empty() {
        page.heading("", "Signs that it is not from whom it shows")?;
    }
    for sign in signs {
        page.row("", &[piece(Ink::Care, format!("{sign} ({})", sign.name()))])?;
    }
    Ok(())
}
