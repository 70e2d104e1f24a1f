//! The console: what officers and operators see in a browser.
//!
//! For now the overview, counts and states only, and the page by which senders
//! of held messages ask. There is no sign-in, so nothing on the overview may
//! name a message, an address or a person; those come with sign-in and roles. Served from this process, with no outside
//! resources and no scripts.

mod desk; // what it asks of the gateway
mod overview;
mod requests; // senders' requests, without sign-in

pub use desk::{
    Acted, DeskError, HeldMessage, HeldQuery, Pending, QuarantineDesk, RequestDesk, RequestPage,
    Which,
};
pub use overview::{Overview, OverviewSource, PolicyOverview, serve};
