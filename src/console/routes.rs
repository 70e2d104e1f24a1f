//! Paths, and what one must be allowed to go there. A route without a
//! permission has to be said to be open: forgetting opens nothing.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::MethodRouter,
};
use utoipa::openapi::OpenApi;

use super::{Console, Identity, Refusal, api};
use crate::mail::Permission;

/// A part of the console: its pages, its API and the description of that.
pub(super) struct Routes {
    console: Arc<Console>,
    router: Router<Arc<Console>>,
    described: OpenApi,
}

impl Routes {
    pub(super) fn new(console: &Arc<Console>) -> Self {
        Self { console: Arc::clone(console), router: Router::new(), described: api::description() }
    }

    /// For whoever may do this.
    pub(super) fn guarded(
        self,
        path: &str,
        permission: Permission,
        methods: MethodRouter<Arc<Console>>,
    ) -> Self {
        let state = (Arc::clone(&self.console), permission);
        let guarded = methods.route_layer(from_fn_with_state(state, require));
        Self { router: self.router.route(path, guarded), ..self }
    }

    /// For everybody who is signed in.
    pub(super) fn signed_in(self, path: &str, methods: MethodRouter<Arc<Console>>) -> Self {
        let guarded = methods.route_layer(axum::middleware::from_fn(require_sign_in));
        Self { router: self.router.route(path, guarded), ..self }
    }

    /// For the whole world: whoever can reach the console.
    pub(super) fn open(self, path: &str, methods: MethodRouter<Arc<Console>>) -> Self {
        Self { router: self.router.route(path, methods), ..self }
    }

    /// What `#[derive(utoipa::OpenApi)]` has gathered of a part's API.
    pub(super) fn described<T: utoipa::OpenApi>(mut self) -> Self {
        self.described.merge(T::openapi());
        self
    }

    /// All that a part has; parts are listed in `Console::router`.
    pub(super) fn with(self, part: impl FnOnce(Self) -> Self) -> Self {
        part(self)
    }

    pub(super) fn into_parts(self) -> (Router<Arc<Console>>, OpenApi) {
        (self.router, self.described)
    }
}

async fn require(
    State((console, permission)): State<(Arc<Console>, Permission)>,
    identity: Option<axum::Extension<Identity>>,
    request: Request,
    next: Next,
) -> Response {
    match identity {
        None => Refusal::SignInFirst.into_response(),
        Some(identity) => match console.must(&identity, permission) {
            Ok(()) => next.run(request).await,
            Err(refusal) => refusal.into_response(),
        },
    }
}

async fn require_sign_in(
    identity: Option<axum::Extension<Identity>>,
    request: Request,
    next: Next,
) -> Response {
    match identity {
        None => Refusal::SignInFirst.into_response(),
        Some(_) => next.run(request).await,
    }
}
