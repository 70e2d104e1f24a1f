//! Which of our recipients exist, so that nothing is accepted only to be
//! bounced at a stranger whose address was forged.
//!
//! Owns the lookups: in a file (`address_file`), in an LDAP directory
//! (`directory`), or by asking the next hop through a port that the gateway
//! fills ([`Prober`]); and what is remembered of their answers (`answers`).
//! Refuses to guess: a source that cannot be asked gives neither yes nor no
//! (law 3), except that a yes of the last day still counts while it is down.
//! Stands at RCPT on inbound listeners. RFC 5321 sections 3.3 and 4.5.1,
//! RFC 4511, RFC 4515.

mod address_file;
mod address_list;
mod answers;
mod check;
mod directory;
mod lookup;
mod prober;

pub use address_list::AddressList;
pub use check::check;
pub use directory::DirectoryError;
pub use lookup::{Answer, Lookup, Recipients, RecipientsError};
pub use prober::{Found, Prober, Probing};
