//! What comes of handing a document to a reader: closed sets, so that they can
//! be metrics' labels.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReaderOutcome {
    /// All of it.
    Read,
    /// Something in it could not be read.
    Opaque,
    /// Nothing: the reader has failed.
    Failed(ReaderFault),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReaderFault {
    /// It could not be started, or not be confined.
    Start,
    /// It took too long.
    Deadline,
    /// It wanted more memory than it may have.
    Memory,
    /// It died of the document.
    Crashed,
    /// It tried what no reader may: the document may have taken it over.
    Forbidden,
    /// Somebody, or a kernel without memory, has killed it.
    Killed,
    /// It answered what no answer is.
    Answer,
}

impl ReaderOutcome {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Opaque => "opaque",
            Self::Failed(_) => "failed",
        }
    }
}

impl ReaderFault {
    pub const ALL: [Self; 7] = [
        Self::Start,
        Self::Deadline,
        Self::Memory,
        Self::Crashed,
        Self::Forbidden,
        Self::Killed,
        Self::Answer,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Crashed => "crashed",
            Self::Forbidden => "forbidden",
            Self::Killed => "killed",
            Self::Answer => "answer",
        }
    }
}
