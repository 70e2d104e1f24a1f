//! The page behind the link in a sender's notice. They have no account and
//! need none: the link shows that the notice was theirs, and the page says no
//! more than that did. Nothing that is written comes back on a page.

use std::sync::Arc;

use axum::{
    Form, Router,
    extract::{DefaultBodyLimit, Path, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;

use super::{DeskError, RequestDesk, RequestPage, door::Caller};
use crate::mail::RequestKind;

type Desk = Arc<dyn RequestDesk>;

/// `/request/TOKEN`, open to the whole world.
pub(super) fn requests<S: Clone + Send + Sync + 'static>(desk: Desk) -> Router<S> {
    Router::new()
        .route("/request/{token}", get(form).post(asked))
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .with_state(desk)
}

#[derive(Deserialize)]
struct Request {
    kind: RequestKind,
    why: String,
}

async fn form(State(desk): State<Desk>, Path(token): Path<String>) -> Response {
    match desk.page(&token).await {
        Ok(page) => answer(StatusCode::OK, TITLE, &asking(&page, None)),
        Err(error) => refused(&error),
    }
}

async fn asked(
    State(desk): State<Desk>,
    Path(token): Path<String>,
    caller: Caller,
    form: Result<Form<Request>, axum::extract::rejection::FormRejection>,
) -> Response {
    let page = match desk.page(&token).await {
        Ok(page) => page,
        Err(error) => return refused(&error),
    };
    let written = form.ok().filter(|Form(request)| !request.why.trim().is_empty());
    let Some(Form(Request { kind, why })) = written else {
        let body = asking(&page, Some("Choose one of the two, and say why."));
        return answer(StatusCode::BAD_REQUEST, TITLE, &body);
    };
    match desk.ask(&token, kind, &why, caller.address).await {
        Ok(()) => answer(StatusCode::OK, "Your request is with the officers", &thanks(&page)),
        Err(error) => refused(&error),
    }
}

fn asking(page: &RequestPage, error: Option<&str>) -> String {
    let RequestPage { reference, received_at, left } = page;
    let about = format!(
        "<p>Your message, reference <b>{reference}</b>, was received on {} and is held.</p>",
        received_at.rfc5322()
    );
    if *left == 0 {
        return format!("{about}<p>Enough has been asked about it: the officers have it.</p>");
    }
    let error = error.map_or_else(String::new, |error| {
        format!("<p role=\"alert\" class=\"error\" id=\"error\"><b>Error:</b> {error}</p>")
    });
    format!(
        "{about}{error}<form method=\"post\">\
         <fieldset><legend>What should the officers know?</legend>\
         <div><input type=\"radio\" name=\"kind\" value=\"release\" id=\"release\" required> \
         <label for=\"release\">It must go, and this is why</label></div>\
         <div><input type=\"radio\" name=\"kind\" value=\"false-positive\" id=\"false\"> \
         <label for=\"false\">It was held by mistake, and this is why</label></div></fieldset>\
         <p><label for=\"why\">Why</label><br>\
         <span id=\"hint\">Up to {MOST} characters. Write no patient details.</span></p>\
         <textarea id=\"why\" name=\"why\" rows=\"6\" maxlength=\"{MOST}\" required \
         aria-describedby=\"hint\"></textarea>\
         <p><button type=\"submit\">Send to the officers</button></p></form>"
    )
}

fn thanks(page: &RequestPage) -> String {
    format!(
        "<p>The officers who decide about message <b>{}</b> have been told what you wrote. You \
         will hear from them, or your message will go on its way.</p>",
        page.reference
    )
}

/// The same for a forged link and for a message that is no longer held.
fn refused(error: &DeskError) -> Response {
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
    answer(status, "Nothing was sent", &format!("<p>{text}</p>"))
}

/// `title` and `body` are ours alone.
fn answer(status: StatusCode, title: &str, body: &str) -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_FRAME_OPTIONS, "DENY"),
        // The link is a secret; without any referrer browsers would send the
        // form from `Origin: null`.
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let page = format!(
        "<!doctype html>\n<html lang=\"en-GB\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><title>{title}</title>\
         <style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1>{body}</main></body></html>\n"
    );
    (status, headers, Html(page)).into_response()
}

const TITLE: &str = "Ask about a held message";
/// Characters of what a sender writes.
const MOST: usize = 1000;
/// Octets: as many characters, each escaped, and the choice.
const MAX_FORM: usize = 32 << 10;
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
const STYLE: &str = "body{font:1.125rem/1.5 sans-serif;margin:2rem auto;max-width:40rem;\
    padding:0 1rem;color:#212b32;background:#fff}fieldset{border:0;padding:0}\
    legend,label[for=why]{font-weight:bold}#hint{color:#4c6272}\
    textarea{font:inherit;width:100%;box-sizing:border-box;border:2px solid #4c6272}\
    button{font:inherit;font-weight:bold;padding:.5rem 1rem;color:#fff;background:#007f3b;\
    border:0}:focus{outline:4px solid #ffeb3b;outline-offset:2px;box-shadow:0 0 0 6px #212b32}\
    .error{border:4px solid #d5281b;padding:.5rem 1rem}";

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, sync::Mutex};

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::{
        console::Pending,
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

    async fn exchange(desk: &Arc<Fake>, request: String) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(
            axum::serve(listener, requests::<()>(Arc::clone(desk) as _)).into_future(),
        );
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        served.abort();
        answer
    }

    fn get_of(token: &str) -> String {
        format!("GET /request/{token} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    }

    fn post(token: &str, body: &str) -> String {
        format!(
            "POST /request/{token} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}",
            body.len()
        )
    }

    #[tokio::test]
    async fn whoever_has_the_link_asks_and_nothing_they_write_comes_back() {
        let desk = Arc::new(Fake::default());
        let page = exchange(&desk, get_of("good")).await;
        assert!(page.starts_with("HTTP/1.1 200") && page.contains("name=\"why\""), "{page}");
        assert!(
            page.contains("form-action 'self'") && page.contains("referrer-policy: same-origin")
        );
        let body = "kind=false-positive&why=%3Cscript%3Enobody+in+it";
        let thanks = exchange(&desk, post("good", body)).await;
        assert!(thanks.starts_with("HTTP/1.1 200") && !thanks.contains("script"), "{thanks}");
        let asked = desk.0.lock().unwrap().clone();
        assert_eq!(asked, [(RequestKind::FalsePositive, "<script>nobody in it".to_owned())]);
    }

    #[tokio::test]
    async fn without_the_link_or_a_reason_nothing_is_asked() {
        let desk = Arc::new(Fake::default());
        let long = format!("kind=release&why={}", "x".repeat(MAX_FORM));
        for (request, status) in [
            (get_of("bad"), "404"),
            (post("bad", "kind=release&why=x"), "404"),
            (post("good", "kind=release&why=+"), "400"),
            (post("good", "kind=other&why=x"), "400"),
            (post("good", &long), "400"),
        ] {
            let answer = exchange(&desk, request).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        }
        assert!(desk.0.lock().unwrap().is_empty());
    }
}
