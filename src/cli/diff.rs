//! `postern diff`: what another policy changes, for whom, in words.

use std::{io::Write, path::PathBuf};

use clap::Args;
use serde_json::json;

use super::{
    classify::COLUMNS,
    exit::Failure,
    files,
    page::{Ink, Page, piece},
};
use crate::{
    decide::decide,
    mail::{Decision, Timestamp},
    policy::{Context, Differences, Example, Policy, Sentence, Turn, differences},
};

#[derive(Debug, Args)]
pub struct DiffArguments {
    /// The policy folder as it is
    old: PathBuf,
    /// The policy folder as it would be
    new: PathBuf,
    /// A line of JSON a difference
    #[arg(long)]
    json: bool,
}

/// Leaves with 0 if nothing differs, 1 if anything does, as `diff` itself.
pub fn diff(arguments: &DiffArguments, now: Timestamp) -> Result<(), Failure> {
    let context = Context { today: now.date(), local_domains: &[], test_range: None };
    let (old_sources, new_sources) =
        (files::sources(&arguments.old)?, files::sources(&arguments.new)?);
    let read = |sources| {
        let (policy, diagnostics) = Policy::compile(sources, &context);
        let policy = policy.ok_or_else(|| {
            files::show(&diagnostics);
            Failure::bad_data(files::faults(&diagnostics))
        });
        policy.map(Policy::with_one_local_domain)
    };
    let (old, new) = (read(&old_sources)?, read(&new_sources)?);
    let told = differences((&old, &old_sources), (&new, &new_sources), decide);
    let differences = told.ok_or_else(|| Failure::bad_data("the policies cannot be compared"))?;
    match arguments.json {
        true => show_json(&mut std::io::stdout().lock(), &differences)?,
        false => show(&mut Page::standard_output().within(COLUMNS), &differences)?,
    }
    if !differences.complete {
        return Err(Failure::bad_data(
            "there is more in these policies than can be reasoned of: this is not all that differs",
        ));
    }
    match differences.is_empty() {
        true => Ok(()),
        false => Err(Failure::silent(1)),
    }
}

fn show<W: Write>(page: &mut Page<W>, differences: &Differences<'_>) -> std::io::Result<()> {
    for (turn, title) in
        [(Turn::Tightening, "Tighter"), (Turn::Loosening, "Looser"), (Turn::Other, "Otherwise")]
    {
        let mut sentences =
            differences.sentences.iter().filter(|sentence| sentence.turn == turn).peekable();
        if sentences.peek().is_some() {
            page.heading("", title)?;
        }
        for (place, sentence) in sentences.enumerate() {
            if place > 0 {
                page.empty_line()?;
            }
            show_sentence(page, sentence)?;
        }
    }
    if !differences.outside.is_empty() {
        page.heading("", "Also")?;
    }
    for line in &differences.outside {
        page.row("", &[piece(Ink::Plain, line.as_str())])?;
    }
    if differences.is_empty() {
        page.text(&[piece(Ink::Good, "Nothing differs: every message is decided as before.")])?;
    }
    Ok(())
}

fn show_sentence<W: Write>(page: &mut Page<W>, sentence: &Sentence) -> std::io::Result<()> {
    page.row("Whose", &[piece(Ink::Strong, format!("{}.", sentence.scope))])?;
    for change in &sentence.changes {
        page.row("What", &[piece(Ink::Plain, format!("{change}."))])?;
    }
    if let Some(Example { picture, before, after, .. }) = &sentence.example {
        page.row("Such as", &[piece(Ink::Quiet, picture.as_str())])?;
        page.row("Before", &[piece(Ink::Quiet, brief(before))])?;
        page.row("Now", &[piece(Ink::Quiet, brief(after))])?;
    }
    Ok(())
}

fn brief(decision: &Decision) -> String {
    let by = decision.decided_by.as_ref().map(|rule| format!(", by `{}`", rule.rule));
    let tls = decision.protection.tls;
    format!("{}, TLS {tls}{}", decision.disposition, by.unwrap_or_default())
}

fn show_json(out: &mut impl Write, differences: &Differences<'_>) -> std::io::Result<()> {
    for sentence in &differences.sentences {
        let example = sentence.example.as_ref().map(|example| {
            json!({
                "picture": example.picture,
                "facts": example.message,
                "recipient": example.recipient,
                "before": outcome(&example.before),
                "after": outcome(&example.after),
            })
        });
        let line = json!({
            "turn": sentence.turn.name(),
            "scope": sentence.scope,
            "changes": sentence.changes,
            "example": example,
        });
        writeln!(out, "{line}")?;
    }
    for line in &differences.outside {
        writeln!(out, "{}", json!({ "turn": Turn::Other.name(), "outside": line }))?;
    }
    Ok(())
}

fn outcome(decision: &Decision) -> serde_json::Value {
    json!({
        "disposition": decision.disposition,
        "tls": decision.protection.tls,
        "redirect": decision.redirect,
        "decided_by": decision.decided_by,
        "tell": decision.tell,
    })
}
