//! What the console asks about the partners: the approved domains, and whether
//! each could take mail now.

use serde::Serialize;
use utoipa::ToSchema;

use crate::mail::Timestamp;

/// Answered from memory: whoever answers looks at the domains by and by.
pub trait PartnerDesk: Send + Sync + 'static {
    /// By name.
    fn board(&self) -> Vec<Partner>;
}

/// An approved domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Partner {
    pub domain: String,
    pub state: PartnerState,
    /// Each level that it is cleared for, lowest first.
    pub levels: Vec<PartnerLevel>,
    /// The strongest TLS that could be had at the last look.
    pub met: Option<String>,
    /// How long it has stood so, as far as is known.
    #[schema(value_type = Option<u64>)]
    pub since: Option<Timestamp>,
    #[schema(value_type = Option<u64>)]
    pub looked_at: Option<Timestamp>,
    /// Of the certificates seen, when the first expires.
    #[schema(value_type = Option<u64>)]
    pub certificate_expires: Option<Timestamp>,
    /// In plain words, what stands in the way; and what will soon.
    pub faults: Vec<String>,
}

/// Whether mail of a level could go there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PartnerLevel {
    pub level: u8,
    /// The TLS that policy asks for.
    pub asked: String,
    pub could_go: bool,
}

/// Worst first, as the board lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PartnerState {
    /// No mail could go.
    Unready,
    /// Mail of some levels that it is cleared for, and not of all.
    Partly,
    /// Nobody has looked yet.
    Unknown,
    Ready,
}

impl PartnerState {
    pub const ALL: [Self; 4] = [Self::Unready, Self::Partly, Self::Unknown, Self::Ready];

    /// A closed set, so that it can be a metric's label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unready => "unready",
            Self::Partly => "partly",
            Self::Unknown => "unknown",
            Self::Ready => "ready",
        }
    }
}
