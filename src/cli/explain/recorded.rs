//! A message that was decided: what the audit trail has of it, and what the
//! present policies would say.

use std::{io::Write, path::PathBuf};

use serde_json::json;

use super::{decision, facts};
use crate::{
    cli::{
        classify::COLUMNS,
        exit::Failure,
        files, folder,
        page::{Ink, Page, piece},
        story::Story,
    },
    decide::decide,
    mail::{Domain, Finding, QueueId, RecordedDecision, RecordedOutcome, Timestamp},
    policy::{NotAsked, Policy, ask_again},
    report::story::{Decision, Told},
};

/// Which policies are the present ones.
pub(super) struct Present {
    /// As they were named, if they were.
    pub(super) policies: Option<PathBuf>,
    pub(super) local_domains: Vec<Domain>,
    pub(super) now: Timestamp,
}

/// What they say, for each recipient in the order of the record.
struct Again {
    policy: Policy,
    folder: PathBuf,
    outcomes: Vec<Result<RecordedOutcome, NotAsked>>,
}

pub(super) fn explain(
    id: QueueId,
    story: &Story,
    present: &Present,
    json: bool,
) -> Result<(), Failure> {
    let decided = story.lines.iter().find_map(|line| match &line.told {
        Told::Decision(decision) => Some((decision.as_ref(), line.at.as_str())),
        _ => None,
    });
    let (decision, at) = decided.ok_or_else(|| {
        let why = "it is a notice of ours, or its lines are gone";
        Failure::no_input(format!("the audit trail has no decision about {id}: {why}"))
    })?;
    let again = present.ask(decision)?;
    if json {
        writeln!(std::io::stdout(), "{}", as_json(decision, at, again.as_ref()))?;
        return Ok(());
    }
    let mut page = Page::standard_output().within(COLUMNS);
    let policy = again.as_ref().map(|again| &again.policy);
    tell_message(&mut page, policy, decision, at)?;
    for outcome in &decision.recipients {
        decision::tell(&mut page, policy, outcome)?;
    }
    for remark in &story.remarks {
        page.row("Missing", &[piece(Ink::Care, remark.as_str())])?;
    }
    again.map_or(Ok(()), |again| tell_again(&mut page, decision, &again))?;
    Ok(())
}

impl Present {
    /// Nothing where no policies were named and there are none here.
    fn ask(&self, decision: &Decision) -> Result<Option<Again>, Failure> {
        let folder = match &self.policies {
            Some(folder) => folder.clone(),
            None => match folder::present() {
                Some(folder) => folder,
                None => return Ok(None),
            },
        };
        let policy = files::policy(&folder, &self.local_domains, self.now)?;
        let mut recorded = RecordedDecision {
            id: decision.id,
            policy: decision.policy.clone(),
            facts: decision.facts.clone(),
            recipients: decision.recipients.clone(),
        };
        let outcomes = ask_again(&policy, decide, &mut recorded);
        Ok(Some(Again { policy, folder, outcomes }))
    }
}

fn tell_message<W: Write>(
    page: &mut Page<W>,
    policy: Option<&Policy>,
    decision: &Decision,
    at: &str,
) -> std::io::Result<()> {
    page.row("Message", &[piece(Ink::Strong, decision.id.to_string())])?;
    let words = format!("{at}, by the policies of version {}", decision.policy);
    page.row("Decided", &[piece(Ink::Plain, words)])?;
    facts::tell_arrival(page, &decision.facts)?;
    let level = decision.facts.level;
    let name = policy.map(|policy| format!(", {}", policy.level_name(level)));
    page.row("Level", &[piece(Ink::Strong, format!("{level}{}", name.unwrap_or_default()))])?;
    facts::tell_kinds(page, &decision.facts)?;
    facts::tell_content(page, &decision.facts)?;
    for Finding { kind, part, line, masked, confidence, why, .. } in &decision.findings {
        let words = format!("{masked}, {kind} in {part} line {line}, {confidence} % sure: {why}");
        page.row("Found", &[piece(Ink::Plain, words)])?;
    }
    facts::tell_spoofs(page, &decision.facts.spoof)
}

fn tell_again<W: Write>(
    page: &mut Page<W>,
    decision: &Decision,
    again: &Again,
) -> std::io::Result<()> {
    let Again { policy, folder, outcomes } = again;
    page.heading("", &format!("Under {}, version {}", folder.display(), policy.version()))?;
    if policy.version() == decision.policy {
        page.row("", &[piece(Ink::Plain, "These are the policies that decided.")])?;
    }
    let mut differing = Vec::new();
    for (before, after) in decision.recipients.iter().zip(outcomes) {
        let recipient = &before.recipient;
        match after {
            Err(why) => {
                let words = format!("{recipient} could not be asked about again: {why}");
                page.row("", &[piece(Ink::Care, words)])?;
            }
            Ok(after) if is_same(before, after) => {
                let words = format!("{recipient}: the same, {}", after.disposition);
                page.row("", &[piece(Ink::Plain, words)])?;
            }
            Ok(after) => {
                let words = format!("{recipient}: {} instead of {}", short(after), short(before));
                page.row("", &[piece(Ink::Care, words)])?;
                differing.push(after);
            }
        }
    }
    differing.into_iter().try_for_each(|after| decision::tell(page, Some(policy), after))
}

/// In what was recorded of both.
fn is_same(before: &RecordedOutcome, after: &RecordedOutcome) -> bool {
    let added = before.adds.is_none() || before.adds == after.adds;
    let journey =
        !after.goes_on() || (before.tls == after.tls && before.redirect == after.redirect);
    before.disposition == after.disposition && before.rule == after.rule && journey && added
}

fn short(outcome: &RecordedOutcome) -> String {
    let by = outcome.rule.as_ref().map(|rule| format!(" by “{rule}”")).unwrap_or_default();
    format!("{}{by} with TLS {}", outcome.disposition, outcome.tls)
}

fn as_json(decision: &Decision, at: &str, again: Option<&Again>) -> serde_json::Value {
    let now = again.map(|again| {
        let recipients = decision.recipients.iter().zip(&again.outcomes);
        let recipients: Vec<_> = recipients
            .map(|(before, after)| match after {
                Ok(after) => json!({ "outcome": after, "same": is_same(before, after) }),
                Err(why) => json!({ "recipient": before.recipient, "not_asked": why.to_string() }),
            })
            .collect();
        json!({ "policy": again.policy.version(), "recipients": recipients })
    });
    json!({
        "id": decision.id,
        "at": at,
        "policy": decision.policy,
        "facts": decision.facts,
        "findings": decision.findings,
        "recipients": decision.recipients,
        "now": now,
    })
}
