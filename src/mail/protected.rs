//! Mail whose text is not ours to edit.

/// Why a message's text must stay as it is (law 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protected {
    /// multipart/signed, S/MIME or PGP: an edit breaks the signature.
    Signed,
    Encrypted,
    /// The message is a meeting request, or the like.
    Calendar,
    /// DSN, MDN and other machine-readable reports (RFC 6522).
    Report,
    /// Sent by no person (RFC 3834).
    Automatic,
    /// A copy made for a journal: evidence.
    Journal,
    /// Under rights management.
    Rights,
    /// The structure is broken, or too large to follow.
    IllFormed,
}

impl Protected {
    /// What may be wrapped whole in a new message: all but what cannot be
    /// followed.
    pub const WRAPPABLE: [Self; 7] = [
        Self::Signed,
        Self::Encrypted,
        Self::Calendar,
        Self::Report,
        Self::Automatic,
        Self::Journal,
        Self::Rights,
    ];

    /// What people have sealed. The rest is for machines, which may not look
    /// for it within another message.
    pub const SEALED: [Self; 2] = [Self::Signed, Self::Encrypted];

    /// Whether it is wrapped, where policy wraps these.
    pub fn is_wrapped(self, wrapped: &[Self]) -> bool {
        self != Self::IllFormed && wrapped.contains(&self)
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::Encrypted => "encrypted",
            Self::Calendar => "calendar",
            Self::Report => "report",
            Self::Automatic => "automatic",
            Self::Journal => "journal",
            Self::Rights => "rights",
            Self::IllFormed => "ill-formed",
        }
    }
}
