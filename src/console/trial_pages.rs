//! Trying a message: what would become of it, and how it would leave.

use std::sync::Arc;

use askama::Template;
use axum::{
    Json,
    extract::{Multipart, State},
    routing::{get, post},
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Answer, Console, ContentSecurity, FormErrors, Frame, Identity, LineSign, Refusal, Routes,
    Trial, Tried, page,
};
use crate::mail::{Address, Direction, Permission::Try, ReversePath};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .guarded("/try", Try, get(form).post(tried))
        .guarded("/api/try", Try, post(api_try))
        .described::<TrialApi>()
}

#[derive(Template)]
#[template(path = "try.html")]
struct TryPage {
    frame: Frame,
    errors: FormErrors,
    written: Written,
    directions: Vec<(String, String)>,
    tried: Option<Tried>,
}

/// The form as it was sent.
#[derive(Default)]
struct Written {
    from: String,
    to: String,
    direction: String,
    message: String,
    file: Option<Bytes>,
}

async fn form(frame: Frame) -> Answer {
    shown(frame, FormErrors::default(), Written::default(), None)
}

async fn tried(
    State(console): State<Arc<Console>>,
    identity: Identity,
    frame: Frame,
    sent: Multipart,
) -> Answer {
    let written = Written::read(sent).await?;
    let mut errors = FormErrors::default();
    let Some(trial) = written.trial(&mut errors) else {
        return shown(frame, errors, written, None);
    };
    let tried = console.ports.trials.try_message(&identity.actor, trial).await?;
    shown(frame, errors, written, Some(tried))
}

fn shown(frame: Frame, errors: FormErrors, written: Written, tried: Option<Tried>) -> Answer {
    let directions = [("outbound", "Out of our mailboxes"), ("inbound", "From outside")];
    let directions = directions.map(|(name, words)| (name.to_owned(), words.to_owned())).to_vec();
    let response = page(&TryPage { frame, errors, written, directions, tried })?;
    Ok(ContentSecurity::PageWithMessages.on(response))
}

impl Written {
    async fn read(mut sent: Multipart) -> Result<Self, Refusal> {
        let mut written = Self::default();
        let unread = |_| Refusal::Unfit("The form could not be read.".to_owned());
        while let Some(field) = sent.next_field().await.map_err(unread)? {
            let name = field.name().unwrap_or_default().to_owned();
            let octets = field.bytes().await.map_err(|_| Refusal::TooLarge)?;
            let text = || String::from_utf8_lossy(&octets).trim().to_owned();
            match name.as_str() {
                "from" => written.from = text(),
                "to" => written.to = text(),
                "direction" => written.direction = text(),
                "message" => written.message = String::from_utf8_lossy(&octets).into_owned(),
                "file" if !octets.is_empty() => written.file = Some(octets),
                _ => {}
            }
        }
        Ok(written)
    }

    fn trial(&self, errors: &mut FormErrors) -> Option<Trial> {
        let reverse_path: Option<ReversePath> = self.from.parse().ok();
        if reverse_path.is_none() {
            errors.add("from", "Write the sender's address; leave it empty for a report");
        }
        let (recipients, wrong) = recipients(&self.to);
        if recipients.is_empty() || !wrong.is_empty() {
            let words = match wrong.first() {
                None => "Write at least one recipient's address".to_owned(),
                Some(wrong) => format!("{wrong} is no address"),
            };
            errors.add("to", words);
        }
        if recipients.len() > MOST_RECIPIENTS {
            errors.add("to", format!("Write {MOST_RECIPIENTS} recipients at the most"));
        }
        let content = self.file.clone().unwrap_or_else(|| self.message.clone().into());
        if content.trim_ascii().is_empty() {
            errors.add("message", "Paste a message, or choose its file");
        }
        if content.len() > LARGEST {
            errors.add("message", "That message is larger than can be tried here");
        }
        let direction = direction(&self.direction);
        let trial = Trial { content, reverse_path: reverse_path?, recipients, direction };
        errors.is_empty().then_some(trial)
    }
}

fn recipients(written: &str) -> (Vec<Address>, Vec<String>) {
    let (mut recipients, mut wrong) = (Vec::new(), Vec::new());
    let words = written.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'));
    for word in words.filter(|word| !word.is_empty()) {
        match word.parse() {
            Ok(address) => recipients.push(address),
            Err(_) => wrong.push(word.to_owned()),
        }
    }
    (recipients, wrong)
}

fn direction(name: &str) -> Direction {
    if name == "inbound" { Direction::Inbound } else { Direction::Outbound }
}

impl LineSign {
    const fn mark(self) -> &'static str {
        match self {
            Self::Kept => " ",
            Self::Added => "+",
            Self::Removed => "-",
            Self::Skipped => "…",
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Skipped => "skipped",
        }
    }

    /// Said aloud: a colour and a sign say nothing there.
    const fn word(self) -> &'static str {
        match self {
            Self::Added => "added: ",
            Self::Removed => "removed: ",
            Self::Kept | Self::Skipped => "",
        }
    }
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(api_try), components(schemas(TryRequest, TryAnswer)))]
struct TrialApi;

/// A message, and how it would come in.
#[derive(Deserialize, ToSchema)]
struct TryRequest {
    /// With its header.
    #[schema(min_length = 1)]
    message: String,
    #[serde(default)]
    from: String,
    #[schema(min_items = 1, max_items = 100)]
    to: Vec<String>,
    /// outbound or inbound
    #[serde(default)]
    direction: String,
}

#[derive(Serialize, ToSchema)]
struct TryAnswer {
    policy: String,
    level: u8,
    why: Vec<String>,
    #[schema(value_type = Vec<Object>)]
    findings: Vec<crate::mail::Finding>,
    /// One for each recipient: what becomes of the copy, and by which rule.
    #[schema(value_type = Vec<Object>)]
    outcomes: Vec<crate::mail::RecordedOutcome>,
    /// What the sender's server would be told, if nothing is taken.
    refused: Option<String>,
}

#[utoipa::path(
    post,
    path = "/api/try",
    summary = "What would become of a message; nothing is sent or kept",
    request_body = TryRequest,
    responses((status = 200, body = TryAnswer)),
)]
async fn api_try(
    State(console): State<Arc<Console>>,
    identity: Identity,
    Json(asked): Json<TryRequest>,
) -> Result<Json<TryAnswer>, Refusal> {
    let written = Written {
        from: asked.from,
        to: asked.to.join(" "),
        direction: asked.direction,
        message: asked.message,
        file: None,
    };
    let mut errors = FormErrors::default();
    let Some(trial) = written.trial(&mut errors) else {
        return Err(errors.refusal(". "));
    };
    let tried = console.ports.trials.try_message(&identity.actor, trial).await?;
    Ok(Json(TryAnswer {
        policy: tried.policy,
        level: tried.level.number(),
        why: tried.why,
        findings: tried.findings,
        outcomes: tried.outcomes,
        refused: tried.refused,
    }))
}

const MOST_RECIPIENTS: usize = 100;
/// Octets.
const LARGEST: usize = 30 << 20;
