//! What is looked up about those who send to us and those they send to: where
//! it was looked up, and what came of it. Closed sets, so that they can be
//! labels of metrics.

/// Where it is known which recipients exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LookupSource {
    File,
    Directory,
    NextHop,
}

/// What is known of a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LookupAnswer {
    Known,
    /// Known not long ago, and the source cannot be asked now.
    Stale,
    Unknown,
    Unavailable,
}

/// What one block list says of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlocklistAnswer {
    Listed,
    NotListed,
    /// No answer, or one that means that it will not give any.
    Failed,
}

/// Whether a message has been through here before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Passage {
    First,
    Again,
    /// It bears a mark that is not ours; this is told beside one of the
    /// others.
    Forged,
    /// Too often.
    Loop,
}

impl LookupSource {
    pub const fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::NextHop => "next_hop",
        }
    }
}

impl LookupAnswer {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Stale => "stale",
            Self::Unknown => "unknown",
            Self::Unavailable => "unavailable",
        }
    }
}

impl BlocklistAnswer {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::NotListed => "not_listed",
            Self::Failed => "failed",
        }
    }
}

impl Passage {
    pub const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Again => "again",
            Self::Forged => "forged",
            Self::Loop => "loop",
        }
    }
}
