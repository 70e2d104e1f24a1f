//! One act on many messages: those that were ticked, or all that a filter
//! means. What it comes to is shown before it is done.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect},
};

use super::{
    order::{self, Order, permission},
    wanted::Wanted,
};
use crate::{
    console::{
        Acted, Answer, Console, DeskError, Flash, FormErrors, Frame, HeldQuery, Identity, Refusal,
        Which, fields::Fields, page,
    },
    mail::{HeldFilter, HeldOrder, Level, QueueId, Timestamp},
};

#[derive(Template)]
#[template(path = "quarantine_bulk.html")]
struct BulkPage {
    frame: Frame,
    errors: FormErrors,
    selection: Selection,
    summary: Summary,
    fields: Chosen,
}

/// What was written, for the form to show again.
struct Chosen {
    act: String,
    reason: String,
    until: String,
    to: String,
    false_positive: bool,
}

/// Which messages are meant, as the form carries it on.
struct Selection {
    ids: Vec<QueueId>,
    /// Of the list, where all of it is meant.
    query: String,
    /// Nothing that came in after the page was shown is meant.
    before: Option<Timestamp>,
}

/// How many messages there are, by rule and by level.
#[derive(Debug, Default, PartialEq, Eq)]
struct Summary {
    total: usize,
    rules: Vec<(String, usize)>,
    levels: Vec<(Level, usize)>,
    /// Of these nobody knows more: they are no longer held, or not to be seen.
    gone: usize,
}

#[derive(Template)]
#[template(path = "quarantine_done.html")]
struct DonePage {
    frame: Frame,
    title: String,
    acted: Acted,
}

pub(super) async fn confirm(
    State(console): State<Arc<Console>>,
    identity: Identity,
    frame: Frame,
    fields: Fields,
) -> Answer {
    let selection = Selection::of(&fields, SystemTime::now().into())?;
    if selection.is_empty() {
        let words = "No message was ticked, so there is nothing to do.";
        console.leave(&identity, Flash::Notice(words.to_owned()));
        return Ok(Redirect::to(&selection.list()).into_response());
    }
    let summary = selection.summary(&console, &identity).await?;
    let errors = FormErrors::default();
    page(&BulkPage { frame, errors, selection, summary, fields: Chosen::of(&fields) })
}

pub(super) async fn act(
    State(console): State<Arc<Console>>,
    identity: Identity,
    frame: Frame,
    fields: Fields,
) -> Answer {
    let now = SystemTime::now().into();
    let selection = Selection::of(&fields, now)?;
    let order = match Order::read(&fields, &[], now) {
        Ok(order) => order,
        Err(errors) => {
            let summary = selection.summary(&console, &identity).await?;
            let fields = Chosen::of(&fields);
            return page(&BulkPage { frame, errors, selection, summary, fields });
        }
    };
    console.must(&identity, permission(&order.act))?;
    let which = selection.which()?;
    let Order { act, reason } = order;
    let acted = console.ports.quarantine.act(&identity.actor, &which, &act, &reason).await?;
    page(&DonePage { frame, title: title(&acted, order::done(&act)), acted })
}

fn title(acted: &Acted, done: &str) -> String {
    match acted {
        Acted { done: 0, proposed: 0, .. } => "Nothing was done".to_owned(),
        Acted { done: 0, .. } => "Proposed, and waiting for approval".to_owned(),
        _ => done.to_owned(),
    }
}

impl Selection {
    fn of(fields: &Fields, now: Timestamp) -> Result<Self, Refusal> {
        let ids: Result<Vec<QueueId>, _> =
            fields.all("id").take(MOST_IDS).map(str::parse).collect();
        let ids =
            ids.map_err(|_| Refusal::Unfit("One of the messages has no such id.".to_owned()))?;
        let before = match fields.one("before") {
            "" => now,
            written => written.parse().map_err(|_| {
                Refusal::Unfit("The moment of the selection cannot be read.".to_owned())
            })?,
        };
        let is_all = fields.one("which") == "all";
        Ok(Self {
            ids: if is_all { Vec::new() } else { ids },
            query: fields.one("query").to_owned(),
            before: is_all.then_some(before),
        })
    }

    fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.before.is_none()
    }

    /// Where it was made.
    fn list(&self) -> String {
        match Wanted::of(&Fields::of_query(&self.query)).query().as_str() {
            "" => "/quarantine".to_owned(),
            query => format!("/quarantine?{query}"),
        }
    }

    fn filter(&self, before: Timestamp) -> Result<HeldFilter, Refusal> {
        let wanted = Wanted::of(&Fields::of_query(&self.query));
        let unfit = |_| Refusal::Unfit("The list's filter cannot be read.".to_owned());
        let filter = wanted.filter().map_err(unfit)?;
        let until = filter.until.map_or(before, |until| until.min(before));
        Ok(HeldFilter { until: Some(until), ..filter })
    }

    fn which(&self) -> Result<Which, Refusal> {
        match self.before {
            Some(before) => Ok(Which::All(self.filter(before)?)),
            None => Ok(Which::These(self.ids.clone())),
        }
    }

    async fn summary(&self, console: &Console, identity: &Identity) -> Result<Summary, Refusal> {
        match self.before {
            Some(before) => Summary::of_all(self.filter(before)?, console, identity).await,
            None => Summary::of_these(&self.ids, console, identity).await,
        }
    }
}

impl Summary {
    async fn of_these(
        ids: &[QueueId],
        console: &Console,
        identity: &Identity,
    ) -> Result<Self, Refusal> {
        let mut counted = Counted::default();
        let mut gone = 0;
        for id in ids {
            match console.ports.quarantine.message(&identity.actor, *id).await {
                Ok(message) => counted.add(&message.entry.rule, message.entry.level),
                Err(DeskError::Unknown) => gone += 1,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self { gone, ..counted.summary() })
    }

    async fn of_all(
        filter: HeldFilter,
        console: &Console,
        identity: &Identity,
    ) -> Result<Self, Refusal> {
        let mut counted = Counted::default();
        let (order, limit) = (HeldOrder::Oldest, HeldQuery::LONGEST);
        let mut query = HeldQuery { filter, order, offset: 0, limit };
        loop {
            let found = console.ports.quarantine.list(&identity.actor, &query).await?;
            for entry in &found.entries {
                counted.add(&entry.rule, entry.level);
            }
            query.offset += found.entries.len();
            if found.entries.is_empty() || query.offset >= found.total {
                return Ok(counted.summary());
            }
        }
    }
}

#[derive(Default)]
struct Counted {
    rules: BTreeMap<String, usize>,
    levels: BTreeMap<Level, usize>,
}

impl Counted {
    fn add(&mut self, rule: &str, level: Level) {
        *self.rules.entry(rule.to_owned()).or_default() += 1;
        *self.levels.entry(level).or_default() += 1;
    }

    fn summary(self) -> Summary {
        let mut rules: Vec<_> = self.rules.into_iter().collect();
        rules.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        Summary {
            total: self.levels.values().sum(),
            rules,
            levels: self.levels.into_iter().rev().collect(),
            gone: 0,
        }
    }
}

impl Chosen {
    fn of(fields: &Fields) -> Self {
        let one = |name| fields.one(name).to_owned();
        Self {
            act: one("act"),
            reason: one("reason"),
            until: one("until"),
            to: one("to"),
            false_positive: fields.has("false_positive"),
        }
    }
}

/// Ticked on one page.
const MOST_IDS: usize = 500;
