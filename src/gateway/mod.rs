//! The only wiring: joins the stages into a gateway, starts it, stops it in
//! order. A message comes in by `reception`, is turned into decided copies by
//! `processing`, and leaves by `dispatch`; `control` is the door for
//! operators.

mod control;

pub use control::{Answer, ControlError, Request, Selection, ask};
