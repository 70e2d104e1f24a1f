//! The only wiring: joins the stages into a gateway, keeps it current, stops
//! it in order.
//!
//! A message comes in by `reception`, is turned into decided copies by
//! `processing`, waits in the `queue`, and leaves by `dispatch`, where
//! `settlement` says what an attempt has changed and `reports` writes to
//! whoever must know. Operators ask on the `control` socket and `operator`
//! carries it out.

mod control;
mod dispatch;
mod operator;
mod processing;
mod queue;
mod reception;
mod reports;
mod running;
mod settlement;

pub use control::{Answer, ControlError, Request, Selection, ask};
pub use processing::{
    Fate, Group, Judgement, Treatment, Workshop, WorkshopError, classify_content, judge,
};
pub use running::{Gateway, StartError, load_policy, signer};
