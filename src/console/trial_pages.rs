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

#[cfg(test)]
mod tests {
    use axum::http::{Request, header};

    use super::*;
    use crate::{
        console::{Pending, Ports, TrialDesk, TriedCopy, testing::Fixture},
        mail::{Actor, Level, Role},
        quarantine::{MessageView, Sight},
    };

    /// A message whose renderings would leave their frames if they could.
    struct Desk;

    fn view(html: &str) -> MessageView {
        let (sight, header, parts) = (Sight::Revealed, Vec::new(), Vec::new());
        MessageView { sight, header, parts, rendering: Some(html.to_owned()) }
    }

    impl TrialDesk for Desk {
        fn try_message<'a>(&'a self, _: &'a Actor, trial: Trial) -> Pending<'a, Tried> {
            let copy = TriedCopy {
                recipients: trial.recipients,
                disposition: "relay".to_owned(),
                view: view("<p>with its tag line</p>"),
                difference: Vec::new(),
            };
            let tried = Tried {
                policy: "abc".to_owned(),
                level: Level::CLINICAL,
                level_name: "clinical".to_owned(),
                why: Vec::new(),
                findings: Vec::new(),
                opaque: Vec::new(),
                outcomes: Vec::new(),
                refused: None,
                view: view("<p title='\"'>as \"it\" came</p></iframe><script>alert(1)</script>"),
                copies: vec![copy],
            };
            Box::pin(async { Ok(tried) })
        }
    }

    #[tokio::test]
    async fn a_message_is_laid_out_beside_what_would_leave_in_frames_that_can_do_nothing() {
        let fixture = Fixture::with(|ports| Ports { trials: Arc::new(Desk), ..ports });
        let officer = fixture.browser(&[Role::Officer]);
        let field = |name: &str, value: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let form = [
            field("csrf", &officer.csrf),
            field("from", "dr@nhs.test.example"),
            field("to", "a@x.example"),
            field("message", "Subject: x\r\n\r\nhello"),
            "--b--\r\n".to_owned(),
        ];
        let request: Request<axum::body::Body> = officer
            .request("POST", "/try")
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
            .body(form.concat().into())
            .unwrap();
        let shown = officer.send(request).await;
        assert_eq!(shown.status, 200, "{}", shown.body);
        let frames = shown.body.matches("<iframe class=\"rendering\" sandbox=\"\" srcdoc=\"");
        assert_eq!(frames.count(), 2, "as it came, and as it would leave");
        assert!(shown.body.contains("&#60;p&#62;with its tag line&#60;/p&#62;"));
        assert!(!shown.body.contains("<script>alert") && !shown.body.contains("\"it\""));
        let policy = shown.header("content-security-policy");
        assert!(policy.contains("sha256-") && policy.contains("default-src 'none'"), "{policy}");
    }
}
