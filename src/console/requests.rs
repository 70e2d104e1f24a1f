//! The page behind the link in a sender's notice. They have no account and
//! need none: the link shows that the notice was theirs, and the page says no
//! more than that did. Nothing that is written comes back on a page.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{DefaultBodyLimit, Path, State, rejection::FormRejection},
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;

use super::{
    Answer, Console, DeskError, FormErrors, Frame, RequestPage, Routes, door::Caller,
    moments::moment, page,
};
use crate::mail::RequestKind;

/// `/request/TOKEN`, open to the whole world.
pub(super) fn routes(routes: Routes) -> Routes {
    let methods = get(form).post(asked).layer(DefaultBodyLimit::max(MAX_FORM));
    routes.open("/request/{token}", methods)
}

#[derive(Template)]
#[template(path = "request.html")]
struct AskingPage {
    frame: Frame,
    errors: FormErrors,
    reference: String,
    received: String,
    /// How often more may be asked about it.
    left: usize,
}

/// What came of it.
#[derive(Template)]
#[template(path = "request_answer.html")]
struct AnswerPage {
    frame: Frame,
    title: &'static str,
    text: String,
}

#[derive(Deserialize)]
struct Request {
    kind: RequestKind,
    why: String,
}

async fn form(
    State(console): State<Arc<Console>>,
    Path(token): Path<String>,
    frame: Frame,
) -> Answer {
    match console.ports.requests.page(&token).await {
        Ok(about) => asking(frame, &about, FormErrors::default()),
        Err(error) => refused(frame, &error),
    }
}

async fn asked(
    State(console): State<Arc<Console>>,
    Path(token): Path<String>,
    caller: Caller,
    frame: Frame,
    form: Result<Form<Request>, FormRejection>,
) -> Answer {
    let desk = &console.ports.requests;
    let about = match desk.page(&token).await {
        Ok(about) => about,
        Err(error) => return refused(frame, &error),
    };
    let written = form.ok().filter(|Form(request)| !request.why.trim().is_empty());
    let Some(Form(Request { kind, why })) = written else {
        let mut errors = FormErrors::default();
        errors.add("why", "Choose one of the two, and say why");
        let asking = asking(frame, &about, errors)?;
        return Ok((StatusCode::BAD_REQUEST, asking).into_response());
    };
    match desk.ask(&token, kind, &why, caller.address).await {
        Ok(()) => {
            answer(frame, (StatusCode::OK, "Your request is with the officers", thanks(&about)))
        }
        Err(error) => refused(frame, &error),
    }
}

fn asking(frame: Frame, about: &RequestPage, errors: FormErrors) -> Answer {
    let RequestPage { reference, received_at, left } = *about;
    let (reference, received) = (reference.to_string(), moment(received_at));
    Ok(unlisted(page(&AskingPage { frame, errors, reference, received, left })?))
}

fn thanks(about: &RequestPage) -> String {
    format!(
        "The officers who decide about message {} have been told what you wrote. You will hear \
         from them, or your message will go on its way.",
        about.reference
    )
}

/// The same for a forged link and for a message that is no longer held.
fn refused(frame: Frame, error: &DeskError) -> Answer {
    let (status, text) = match error {
        DeskError::Unknown | DeskError::Denied => (
            StatusCode::NOT_FOUND,
            "There is nothing to ask here: the link is not whole, or the message has been decided \
             about.",
        ),
        DeskError::Refused(_) => (
            StatusCode::TOO_MANY_REQUESTS,
            "Enough has been asked just now. The officers have what was asked before.",
        ),
        DeskError::Failed(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "It could not be recorded. Please try again in a few minutes.",
        ),
    };
    answer(frame, (status, "Nothing was sent", text.to_owned()))
}

fn answer(frame: Frame, (status, title, text): (StatusCode, &'static str, String)) -> Answer {
    Ok((status, unlisted(page(&AnswerPage { frame, title, text })?)).into_response())
}

/// The link is a secret: no search engine keeps it.
fn unlisted(mut response: Response) -> Response {
    let robots = HeaderName::from_static("x-robots-tag");
    response.headers_mut().insert(robots, HeaderValue::from_static("noindex"));
    response
}

/// Octets: as many characters as the form takes, each escaped, and the choice.
const MAX_FORM: usize = 32 << 10;

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, sync::Mutex};

    use super::*;
    use crate::{
        console::{Pending, Ports, RequestDesk, testing::Fixture},
        mail::{QueueId, Timestamp},
    };

    /// Knows one message, and keeps what was asked about it.
    #[derive(Default)]
    struct Fake(Mutex<Vec<(RequestKind, String)>>);

    impl RequestDesk for Fake {
        fn page<'a>(&'a self, token: &'a str) -> Pending<'a, RequestPage> {
            Box::pin(async move {
                let received_at = Timestamp::from_unix_milliseconds(0);
                let page = RequestPage { reference: QueueId::at(1, 1), received_at, left: 5 };
                (token == "good").then_some(page).ok_or(DeskError::Unknown)
            })
        }

        fn ask<'a>(
            &'a self,
            _: &'a str,
            kind: RequestKind,
            why: &'a str,
            _: Option<IpAddr>,
        ) -> Pending<'a, ()> {
            self.0.lock().unwrap().push((kind, why.to_owned()));
            Box::pin(async { Ok(()) })
        }
    }

    fn house(desk: &Arc<Fake>) -> Fixture {
        Fixture::with(|ports| Ports { requests: Arc::clone(desk) as _, ..ports })
    }

    #[tokio::test]
    async fn whoever_has_the_link_asks_and_nothing_they_write_comes_back() {
        let desk = Arc::new(Fake::default());
        let house = house(&desk);
        let page = house.stranger().get("/request/good").await;
        assert!(page.status == 200 && page.body.contains("name=\"why\""), "{}", page.body);
        assert_eq!(page.header("referrer-policy"), "same-origin");
        assert_eq!(page.header("x-robots-tag"), "noindex");
        assert!(page.header("content-security-policy").contains("form-action 'self'"));
        let body = "kind=false-positive&why=%3Cscript%3Enobody+in+it";
        let thanks = house.stranger().post("/request/good", body).await;
        assert!(thanks.status == 200 && !thanks.body.contains("nobody in it"), "{}", thanks.body);
        let asked = desk.0.lock().unwrap().clone();
        assert_eq!(asked, [(RequestKind::FalsePositive, "<script>nobody in it".to_owned())]);
    }

    #[tokio::test]
    async fn without_the_link_or_a_reason_nothing_is_asked() {
        let desk = Arc::new(Fake::default());
        let house = house(&desk);
        let stranger = house.stranger();
        assert_eq!(stranger.get("/request/bad").await.status, 404);
        let long = format!("kind=release&why={}", "x".repeat(MAX_FORM));
        for (token, fields, status) in [
            ("bad", "kind=release&why=x", 404),
            ("good", "kind=release&why=+", 400),
            ("good", "kind=other&why=x", 400),
            ("good", &long, 400),
        ] {
            let answer = stranger.post(&format!("/request/{token}"), fields).await;
            assert_eq!(answer.status, status, "{fields:.40}");
        }
        assert!(desk.0.lock().unwrap().is_empty());
    }
}
