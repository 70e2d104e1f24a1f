//! The only wiring: joins the stages into a gateway, keeps it current, stops
//! it in order.
//!
//! What a session asks, `admission` answers: who it is with `accounts`, whom
//! it may send as with `entitlement`. A message comes in by `reception`, is
//! turned into decided copies by `processing` on its `facts`, waits in the `queue`, in the
//! `lines` of its destinations, and leaves by `dispatch`, where `settlement`
//! says what an attempt has changed and `verdict` what it says of the
//! destination. `reports` writes the `news` to whoever must know, `alarms` says
//! how often; `deadlines` sees to what is not tried for now, and `losses` to
//! what the spool cannot give back, `downgrading` to next hops of seven bits. What waits for TLS is counted in `waits`
//! and may go another way by `diversion`.
//!
//! `parts` makes the stages from postern.toml, `running` starts and stops
//! them, `policies` is how a policy goes live, `keeper` keeps certificates and
//! users current, `names` what
//! other domains publish; `keys` are the spool's, `signing_keys` those of DKIM. Operators ask on the `control` socket and `operator`
//! carries it out; `trail` reads the audit trail for them and `readiness` says
//! whether a domain could take mail now, which `partners` keeps of those
//! approved. What is held is `quarantine`'s, and `view` looks at a message anew
//! for a person. `tls_tally` counts TLS sessions and `tls_reports` tells other
//! domains of them. `console` answers what pages ask; `overview` is what the
//! first one says, its charts from `history`.

mod acceptance;
mod accounts;
mod admission;
mod alarms;
mod chorus;
mod confinement; // what it needs of its machine
mod console;
mod control;
mod control_socket;
mod deadlines;
mod dispatch;
mod diversion;
mod doors; // every address it listens on
mod downgrading;
mod entitlement;
mod facts;
mod history;
mod keeper;
mod keys;
mod lines;
mod losses;
mod names;
mod news;
mod operator;
mod overview;
mod partners;
mod parts;
mod people; // who asks on the control socket
mod policies;
mod prober;
mod processing;
mod quarantine;
mod queue;
mod readiness;
mod reception;
mod replies;
mod reports;
mod running;
mod settlement;
mod signing_keys;
mod state; // how it does
mod strangers;
#[cfg(test)]
mod testing;
mod tls_reports;
mod tls_tally;
mod trail;
mod verdict;
mod view;
mod waits;

pub use confinement::{addresses, files, maildirs};
pub use control::{
    Answer, AuditAccess, AuditAnswer, AuditRequest, ControlError, LessTls, Request, Selection,
    SendReport, ask, ask_telling,
};
pub use control_socket::group_number;
pub use facts::{Arriving, classify, message_facts};
pub use keys::{credentials_directory, spool_keys};
pub use parts::{StartError, check_passage_key, load_policy, signer};
pub use policies::{
    CameTo, CanaryShown, NoMessage, Outcome, PolicyAnswer, PolicyRequest, PolicyStatus, Refused,
    Seen, SetAside, ShownFault, Version, VersionName, VersionNameError, Waiting, case_context,
    judge_case, with_crlf,
};
pub use processing::{Fate, Group, Judgement, Marking, Treatment, Workshop, WorkshopError, judge};
pub use quarantine::{QuarantineAnswer, QuarantineRequest};
pub use readiness::{Readiness, Surveyor};
pub use running::Gateway;
pub use signing_keys::{KeyStanding, NewKey, key_standings, new_signing_key, signing_key};
