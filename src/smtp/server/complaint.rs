//! Every refusal a session makes on its own account, in one place: its reply
//! (RFC 5321 section 4.2, RFC 3463) and the reason it is counted under.

use crate::{
    mail::{EnhancedStatusCode, Refusal, Reply},
    smtp::Stray,
};

/// A refusal: why, for metrics, and what the peer is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub reason: Refusal,
    pub reply: Reply,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Complaint {
    // The line itself.
    LineTooLong,
    NotAscii,
    NotUtf8,
    ControlCharacter,
    StrayInCommand(Stray),
    StrayInContent(Stray),
    /// Octets of a line, at most.
    ContentLineTooLong(usize),
    // Its grammar.
    UnknownCommand,
    NotImplemented,
    /// What the command should look like.
    Syntax(&'static str),
    Parameter(String),
    UnsupportedParameter(String),
    BadSender,
    BadRecipient,
    /// A path in UTF-8, and SMTPUTF8 was not asked for.
    SenderBeyondAscii,
    RecipientBeyondAscii,
    /// BDAT, and how many octets follow it cannot be known.
    BadChunk,
    // Its place in the session.
    HelloFirst,
    LhloFirst,
    MailFirst,
    NoRecipients,
    RecipientFirst,
    ChunksBegun,
    TransactionOpen,
    TlsFirst,
    TlsAlready,
    TlsNotOffered,
    // SASL.
    SaslNotOffered,
    SaslNeedsTls,
    SaslAlready,
    SaslMechanism,
    SaslEncoding,
    SaslCancelled,
    SaslChannelBinding,
    /// Acting for somebody else.
    SaslIdentity,
    SaslWrong,
    // What it asks for.
    RelayDenied,
    /// XCLIENT or XFORWARD, from a peer that is not believed.
    NotForwarder,
    RequireTlsInClear,
    /// BY=…;R
    TooSoon,
    HoldDenied,
    HeldTooLong,
    ReleaseIsPast,
    // Limits.
    EarlyTalker,
    TooLarge,
    TooManyRecipients,
    TooManyMessages,
    TooManyCommands,
    TooManyBadCommands,
    TooManyIdleCommands,
    TooManyAuthenticationFailures,
    CommandTimeout,
    ContentTimeout,
    MessageDeadline,
    Stopping,
}

impl Complaint {
    pub(super) fn refused(&self) -> Refused {
        let (code, subject, detail) = self.codes();
        let class = if code < 500 { 4 } else { 5 };
        let enhanced = EnhancedStatusCode(class, subject, detail);
        Refused { reason: self.reason(), reply: Reply::new(code, enhanced, self.text()) }
    }

    /// The basic code, and subject and detail of the enhanced one.
    fn codes(&self) -> (u16, u16, u16) {
        match self {
            Self::LineTooLong
            | Self::NotAscii
            | Self::NotUtf8
            | Self::ControlCharacter
            | Self::StrayInCommand(_) => (500, 5, 2),
            Self::StrayInContent(_) | Self::ContentLineTooLong(_) => (554, 6, 0),
            Self::UnknownCommand => (500, 5, 1),
            Self::NotImplemented | Self::TlsNotOffered | Self::SaslNotOffered => (502, 5, 1),
            Self::Syntax(_)
            | Self::Parameter(_)
            | Self::BadChunk
            | Self::HeldTooLong
            | Self::ReleaseIsPast => (501, 5, 4),
            Self::TooSoon => (455, 5, 4),
            Self::UnsupportedParameter(_) => (555, 5, 4),
            Self::BadSender => (501, 1, 7),
            Self::BadRecipient => (501, 1, 3),
            // RFC 6531 section 3.5.
            Self::SenderBeyondAscii => (550, 6, 7),
            Self::RecipientBeyondAscii => (553, 6, 7),
            Self::HelloFirst
            | Self::LhloFirst
            | Self::MailFirst
            | Self::RecipientFirst
            | Self::ChunksBegun
            | Self::TransactionOpen
            | Self::TlsAlready
            | Self::SaslAlready => (503, 5, 1),
            Self::NoRecipients => (554, 5, 1),
            Self::TlsFirst => (530, 7, 0),
            Self::RequireTlsInClear => (530, 7, 10),
            Self::SaslNeedsTls => (538, 7, 11),
            Self::SaslMechanism => (504, 5, 4),
            Self::SaslEncoding => (501, 5, 2),
            Self::SaslChannelBinding => (501, 5, 4),
            Self::SaslCancelled => (501, 7, 0),
            Self::SaslIdentity | Self::SaslWrong => (535, 7, 8),
            Self::RelayDenied | Self::HoldDenied => (550, 7, 1),
            Self::NotForwarder => (550, 7, 0),
            Self::EarlyTalker => (554, 5, 1),
            Self::TooLarge => (552, 3, 4),
            Self::TooManyRecipients => (452, 5, 3),
            Self::TooManyMessages
            | Self::TooManyCommands
            | Self::TooManyBadCommands
            | Self::TooManyIdleCommands
            | Self::TooManyAuthenticationFailures => (421, 7, 0),
            Self::CommandTimeout | Self::ContentTimeout | Self::MessageDeadline => (421, 4, 2),
            Self::Stopping => (421, 3, 2),
        }
    }

    fn reason(&self) -> Refusal {
        match self {
            Self::LineTooLong | Self::ContentLineTooLong(_) => Refusal::LineLength,
            Self::StrayInCommand(_) | Self::StrayInContent(_) => Refusal::Framing,
            Self::NotAscii
            | Self::NotUtf8
            | Self::ControlCharacter
            | Self::UnknownCommand
            | Self::NotImplemented
            | Self::Syntax(_)
            | Self::Parameter(_)
            | Self::UnsupportedParameter(_)
            | Self::BadSender
            | Self::BadRecipient
            | Self::SenderBeyondAscii
            | Self::RecipientBeyondAscii
            | Self::BadChunk
            | Self::TooSoon
            | Self::HeldTooLong
            | Self::ReleaseIsPast => Refusal::Syntax,
            Self::HelloFirst
            | Self::LhloFirst
            | Self::MailFirst
            | Self::NoRecipients
            | Self::RecipientFirst
            | Self::ChunksBegun
            | Self::TransactionOpen
            | Self::RequireTlsInClear
            | Self::TlsFirst
            | Self::TlsAlready
            | Self::TlsNotOffered => Refusal::Sequence,
            Self::SaslNotOffered
            | Self::SaslNeedsTls
            | Self::SaslAlready
            | Self::SaslMechanism
            | Self::SaslEncoding
            | Self::SaslCancelled
            | Self::SaslChannelBinding
            | Self::SaslIdentity
            | Self::SaslWrong => Refusal::Authentication,
            Self::RelayDenied | Self::NotForwarder | Self::HoldDenied => Refusal::RelayDenied,
            Self::EarlyTalker => Refusal::EarlyTalker,
            Self::TooLarge => Refusal::Size,
            Self::TooManyRecipients => Refusal::Recipients,
            Self::TooManyMessages => Refusal::Messages,
            Self::TooManyBadCommands => Refusal::BadCommands,
            Self::TooManyCommands | Self::TooManyIdleCommands => Refusal::Commands,
            Self::TooManyAuthenticationFailures => Refusal::Authentication,
            Self::CommandTimeout | Self::ContentTimeout | Self::MessageDeadline => {
                Refusal::Deadline
            }
            Self::Stopping => Refusal::Stopping,
        }
    }

    fn text(&self) -> String {
        let text = match self {
            Self::Syntax(usage) => return format!("expected: {usage}"),
            Self::Parameter(name) => return format!("the value of {name} is not one it can have"),
            Self::UnsupportedParameter(name) => return format!("{name} is not offered here"),
            Self::StrayInCommand(stray) => {
                return format!("{} in a command is refused; closing", stray.name());
            }
            Self::StrayInContent(stray) => {
                return format!("{} in message content is refused; closing", stray.name());
            }
            Self::ContentLineTooLong(most) => {
                return format!("a line of the message has more than {most} octets");
            }
            Self::LineTooLong => "the line is too long",
            Self::NotAscii => "only addresses can be beyond ASCII",
            Self::NotUtf8 => "the line is not UTF-8",
            Self::ControlCharacter => "control character in a command",
            Self::UnknownCommand => "command not recognised",
            Self::NotImplemented => "command not implemented",
            Self::BadSender => "the sender's address is malformed",
            Self::BadRecipient => "the recipient's address is malformed",
            Self::SenderBeyondAscii => "a sender beyond ASCII needs SMTPUTF8",
            Self::RecipientBeyondAscii => "a recipient beyond ASCII needs SMTPUTF8",
            Self::BadChunk => "expected: BDAT chunk-size [LAST]; closing",
            Self::HelloFirst => "EHLO or HELO first",
            Self::LhloFirst => "LHLO first",
            Self::MailFirst => "MAIL first",
            Self::NoRecipients => "no valid recipients",
            Self::RecipientFirst => "RCPT first: there is no valid recipient",
            Self::ChunksBegun => "content has begun with BDAT",
            Self::TransactionOpen => "a mail transaction is open",
            Self::TlsFirst => "STARTTLS first",
            Self::TlsAlready => "TLS is in use",
            Self::TlsNotOffered => "STARTTLS is not offered here",
            Self::SaslNotOffered => "AUTH is not offered here",
            Self::SaslNeedsTls => "STARTTLS first: passwords are not taken in clear",
            Self::SaslAlready => "already authenticated",
            Self::SaslMechanism => "the mechanism is not offered here",
            Self::SaslEncoding => "the response cannot be decoded",
            Self::SaslCancelled => "authentication cancelled",
            Self::SaslChannelBinding => "channel binding is not offered here",
            Self::SaslIdentity => "nobody may act for another here",
            Self::SaslWrong => "authentication failed",
            Self::RelayDenied => "relaying denied",
            Self::NotForwarder => "you may not speak for others here",
            Self::EarlyTalker => "you must wait for the greeting; closing",
            Self::RequireTlsInClear => "REQUIRETLS is for sessions under TLS",
            Self::TooSoon => "BY asks for less time than delivery may take",
            Self::HoldDenied => "messages are held back for clients that may relay only",
            Self::HeldTooLong => "the message would be held back for longer than is offered",
            Self::ReleaseIsPast => "HOLDUNTIL has passed",
            Self::TooLarge => "the message is larger than SIZE permits",
            Self::TooManyRecipients => "too many recipients; send the rest separately",
            Self::TooManyMessages => "too many messages in one session; connect again",
            Self::TooManyCommands => "too many commands in one session; closing",
            Self::TooManyBadCommands => "too many bad commands; closing",
            Self::TooManyIdleCommands => "too many commands without a message; closing",
            Self::TooManyAuthenticationFailures => "too many failures to authenticate; closing",
            Self::CommandTimeout => "waited too long for a command; closing",
            Self::ContentTimeout => "waited too long for content; closing",
            Self::MessageDeadline => "the message has taken too long; closing",
            Self::Stopping => "the server is stopping; try again soon",
        };
        text.to_owned()
    }
}
