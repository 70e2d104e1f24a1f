//! The console: where officers and operators work, in a browser or by its API.
//! Served from this process; nothing is fetched from elsewhere.
//!
//! A request goes through the [`door`]: is it for us, who asks, does it come
//! from a page of ours. Then through the guard of its route ([`Routes`]), and
//! only then to a handler. Handlers ask the gateway through [`Ports`] and show
//! what it answers; they decide nothing.
//!
//! # To add a page
//!
//! 1. A template in `templates/`, which `{% extends "base.html" %}` and takes
//!    its fields and lists from `pieces.html`; a struct with the field
//!    `frame: Frame` and whatever else it shows.
//! 2. A handler of a few lines, and its route with the permission it needs:
//!
//!    ```ignore
//!    pub(super) fn routes(routes: Routes) -> Routes {
//!        routes
//!            .guarded("/partners", Permission::ViewPartners, get(partners))
//!            .guarded("/api/partners", Permission::ViewPartners, get(api_partners))
//!            .described::<PartnersApi>()
//!    }
//!
//!    #[derive(Template)]
//!    #[template(path = "partners.html")]
//!    struct PartnersPage {
//!        frame: Frame,
//!        board: Vec<Partner>,
//!    }
//!
//!    async fn partners(State(console): State<Arc<Console>>, frame: Frame) -> Answer {
//!        page(&PartnersPage { frame, board: console.ports.partners.board().await? })
//!    }
//!    ```
//!
//! 3. `.with(partners::routes)` in `Console::router`, a line in `NAVIGATION`
//!    (`frame.rs`) and, for what it asks, a field in [`Ports`].
//!
//! A handler takes `Identity` to know who asks (`identity.actor`), and
//! `console.must(&identity, permission)?` where one part of it needs more than
//! its route does. Forms are `method="post"` and start with
//! `{% call pieces::csrf(frame) %}{% endcall %}`: the door checks the token, no
//! handler has to. What has been done is said on the next page: `console.leave(
//! &identity, Flash::Done(…))`, then `Redirect::to(…)`. Whatever cannot be
//! answered is a [`Refusal`]. A page with a frame is sent through
//! `ContentSecurity::PageWithFrame.on(…)`, what the frame shows through
//! `ContentSecurity::Framed.on(…)`; one that frames messages which stand in it,
//! through `ContentSecurity::PageWithMessages.on(…)`. For the whole world (a sender who follows a
//! link): `routes.open(…)`.
//!
//! An API route is described with `#[utoipa::path(…)]`, gathered in a
//! `#[derive(utoipa::OpenApi)]` struct; refusals are described for all of them
//! at once. Tests take `Console` from `testing`.

mod accounts; // those in the file, and what proves that one is theirs
mod api; // JSON for programs, and its description
mod assets; // stylesheet and script
mod audit;
mod chart;
mod cookies;
mod desk; // what it asks of the gateway about held messages
mod door; // what every request goes through
mod error_page;
mod fields; // what forms and addresses bring
mod frame; // what stands around every page
mod guesses; // lock-out
mod headers; // what browsers may do with an answer
mod identity; // who asks
mod kept; // what outlives a restart
mod moments; // times and sizes in words
mod openid; // sign-in by a provider elsewhere
mod overview;
mod page;
mod partner_desk; // what it asks about the partners
mod partners;
mod policy_desk; // what it asks of the gateway about its policy
mod policy_pages;
mod quarantine;
mod records; // what it asks about what was
mod refusal;
mod requests; // senders' requests, without sign-in
mod routes; // paths, and the permission each needs
mod search_form; // searches as people fill them in
mod server; // connections
mod sessions;
mod sign_in;
mod site; // all of it together
mod tls;
mod trial_desk; // and about a message that is tried
mod trial_pages;
mod used_codes;
mod trace;

#[cfg(test)]
mod quiet;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use accounts::AccountsError;
pub use api::Problem;
pub use chart::FlowStep;
pub use desk::{
    Acted, DeskError, HeldMessage, HeldQuery, Pending, QuarantineDesk, RequestDesk, RequestPage,
    Which,
};
pub use frame::{Flash, Frame, NavigationItem, Who};
pub use headers::ContentSecurity;
pub use identity::Identity;
pub use overview::{
    CertificateDue, HeldLevel, HeldOverview, Overview, OverviewSource, PolicyOverview, TlsWaiting,
};
pub use page::{Answer, FormErrors, Pagination, page};
pub use partner_desk::{Partner, PartnerDesk, PartnerLevel, PartnerState};
pub use policy_desk::{
    ChangeExample, PolicyChange, PolicyComparison, PolicyDesk, PolicyFault, PolicyFile,
    PolicyProof, PolicyReplay, PolicyStanding, PolicyStepShown, PolicyTurn, PolicyVerdict,
    RefusedPolicy, ReplayedChange, WaitingPolicy,
};
pub use records::{AuditDesk, Entries, ExportFormat, MessageStory, TraceDesk, Verdict};
pub use refusal::Refusal;
pub use site::{Console, ConsoleError, Ports};
pub use tls::TlsError;
pub use trial_desk::{DifferentLine, LineSign, Trial, TrialDesk, Tried, TriedCopy};

use routes::Routes;
