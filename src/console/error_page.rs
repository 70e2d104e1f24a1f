//! The page of a refusal.

use askama::Template;
use axum::{
    http::{Method, StatusCode},
    response::{Html, IntoResponse, Redirect, Response},
};

use super::{Console, Frame, Refusal, door::Visit, sign_in};

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: Frame,
    title: &'a str,
    message: String,
}

/// Whoever only has to sign in is led there, and back.
pub(super) fn of(console: &Console, visit: &Visit, refusal: &Refusal) -> Response {
    if *refusal == Refusal::SignInFirst && visit.method == Method::GET {
        return Redirect::to(&sign_in::path_back_to(&visit.target)).into_response();
    }
    let frame = Frame::new(console, visit.identity.as_ref(), &visit.path);
    let page = ErrorPage { frame, title: refusal.title(), message: refusal.to_string() };
    match page.render() {
        Ok(html) => (refusal.status(), Html(html)).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
