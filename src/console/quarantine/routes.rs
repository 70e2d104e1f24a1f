//! The paths of quarantine, and the permission each needs.

use axum::routing::{get, post};

use super::{api, bulk, list, message, saved};
use crate::{
    console::Routes,
    mail::Permission::{Decide, Export, Reveal, ViewHeld},
};

pub(in crate::console) fn routes(routes: Routes) -> Routes {
    routes
        .guarded("/quarantine", ViewHeld, get(list::list))
        .guarded("/quarantine/bulk", Decide, post(bulk::confirm))
        .guarded("/quarantine/bulk/act", Decide, post(bulk::act))
        .guarded("/quarantine/{id}", ViewHeld, get(message::message))
        .guarded("/quarantine/{id}/rendering", ViewHeld, get(message::rendering))
        .guarded("/quarantine/{id}/reveal", Reveal, post(message::reveal))
        .guarded("/quarantine/{id}/act", ViewHeld, post(message::act))
        .guarded("/quarantine/{id}/export", Export, post(message::export))
        .with(saved::routes)
        .with(api::routes)
}
