//! The gateway as a service of its machine: the sockets it is handed or takes
//! while it may, what it gives up before the first session, and what the
//! service manager hears of it.
//!
//! In order, and before there is a second thread: [`Sockets`] are taken over
//! from systemd, or bound as root; the account is changed for good
//! ([`give_up_root`]); files and system calls that a gateway has no need of
//! are given up ([`confine`]). Then the gateway starts, and [`Manager`] tells
//! when it is ready, that it lives, and that it stops.

mod calls;
mod confine;
mod manager;
mod privileges;
mod sockets;

pub use confine::{ConfineError, Confined, Files, confine};
pub use manager::{Manager, ManagerError};
pub use privileges::{PrivilegeError, check_account, give_up_root, is_root};
pub use sockets::{SocketError, Sockets};
