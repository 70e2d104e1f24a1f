//! Which held messages are meant, as options.

use clap::Args;
use serde::de::DeserializeOwned;

use crate::mail::{Direction, HeldFilter, HeldState, Kind, Level, Timestamp};

#[derive(Debug, Args)]
pub(super) struct FilterArguments {
    /// In sender, recipients, masked subject, rule or id
    #[arg(long)]
    text: Option<String>,
    /// Held by this rule
    #[arg(long)]
    rule: Option<String>,
    #[arg(long)]
    sender: Option<String>,
    #[arg(long)]
    recipient: Option<String>,
    /// An ODS code
    #[arg(long, value_name = "ODS")]
    organisation: Option<String>,
    /// inbound or outbound
    #[arg(long, value_parser = word::<Direction>)]
    direction: Option<Direction>,
    /// 0 to 4
    #[arg(long, value_parser = level)]
    level: Option<Level>,
    /// nhs_number, clinical_term, …
    #[arg(long, value_parser = word::<Kind>)]
    kind: Option<Kind>,
    /// Received from then on: 2026-11-23T12:00:00Z
    #[arg(long)]
    since: Option<Timestamp>,
    /// Received before then
    #[arg(long)]
    until: Option<Timestamp>,
    /// overdue, proposed, requested or legal-hold
    #[arg(long, value_parser = word::<HeldState>)]
    state: Option<HeldState>,
}

impl From<FilterArguments> for HeldFilter {
    fn from(arguments: FilterArguments) -> Self {
        let FilterArguments { text, rule, sender, recipient, organisation, .. } = arguments;
        let FilterArguments { direction, level, kind, since, until, state, .. } = arguments;
        Self {
            text,
            rule,
            sender,
            recipient,
            organisation,
            direction,
            level,
            kind,
            since,
            until,
            state,
        }
    }
}

/// One of a closed set, by the name that it has in JSON.
pub(super) fn word<T: DeserializeOwned>(written: &str) -> Result<T, String> {
    serde_json::from_value(written.into()).map_err(|error| error.to_string())
}

fn level(written: &str) -> Result<Level, String> {
    let number: Result<u8, _> = written.parse();
    let level = number.ok().and_then(|number| Level::try_from(number).ok());
    level.ok_or_else(|| format!("a level is a number from 0 to 4, found `{written}`"))
}
