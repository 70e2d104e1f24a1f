//! The only wiring: joins the stages into a gateway, keeps it current, stops
//! it in order.
//!
//! What a session asks, `admission` answers: who it is with `accounts`, whom
//! it may send as with `entitlement`. A message comes in by `reception`, is
//! turned into decided copies by `processing`, waits in the `queue`, and leaves by `dispatch`, where
//! `settlement` says what an attempt has changed and `reports` writes to
//! whoever must know. `parts` makes the stages from postern.toml, `running`
//! starts and stops them, `keeper` keeps policy, certificates and users
//! current, `keys` are the spool's. Operators ask on the `control` socket and `operator` carries it
//! out.

mod accounts;
mod admission;
mod control;
mod dispatch;
mod entitlement;
mod keeper;
mod keys;
mod operator;
mod parts;
mod prober;
mod processing;
mod queue;
mod reception;
mod replies;
mod reports;
mod running;
mod settlement;
mod strangers;

pub use control::{Answer, ControlError, Request, Selection, ask};
pub use keys::{credentials_directory, spool_keys};
pub use parts::{StartError, load_policy, signer};
pub use processing::{
    Arriving, Fate, Group, Judgement, Marking, Treatment, Workshop, WorkshopError,
    classify_content, judge, message_facts,
};
pub use running::Gateway;
