//! What the console is answered: each port of its has its module here, beside
//! the quarantine's. `policy` tells of versions, with what `replay` finds they
//! would have decided, and `trial` what would become of a message; `records` reads the audit trail, and `partners` tells how the
//! approved domains stand.

mod difference;
mod partners;
mod policy;
mod ports;
mod records;
mod replay;
mod trial;

pub(super) use partners::PartnerOffice;
pub(super) use policy::PolicyOffice;
pub(super) use ports::ports;
pub(super) use records::Records;
pub(super) use trial::TrialOffice;
