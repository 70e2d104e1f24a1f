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
    ControlCharacter,
    StrayInCommand(Stray),
    StrayInContent(Stray),
    // Its grammar.
    UnknownCommand,
    NotImplemented,
    /// What the command should look like.
    Syntax(&'static str),
    Parameter(String),
    UnsupportedParameter(String),
    BadSender,
    BadRecipient,
    NotAsciiAddress,
    // Its place in the session.
    HelloFirst,
    MailFirst,
    NoRecipients,
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
    // Limits.
    TooLarge,
    TooManyRecipients,
    TooManyBadCommands,
    TooManyIdleCommands,
    TooManyAuthenticationFailures,
    CommandTimeout,
    ContentTimeout,
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
            | Self::ControlCharacter
            | Self::StrayInCommand(_) => (500, 5, 2),
            Self::StrayInContent(_) => (554, 6, 0),
            Self::UnknownCommand => (500, 5, 1),
            Self::NotImplemented | Self::TlsNotOffered | Self::SaslNotOffered => (502, 5, 1),
            Self::Syntax(_) | Self::Parameter(_) => (501, 5, 4),
            Self::UnsupportedParameter(_) => (555, 5, 4),
            Self::BadSender => (501, 1, 7),
            Self::BadRecipient => (501, 1, 3),
            Self::NotAsciiAddress => (553, 6, 7),
            Self::HelloFirst
            | Self::MailFirst
            | Self::TransactionOpen
            | Self::TlsAlready
            | Self::SaslAlready => (503, 5, 1),
            Self::NoRecipients => (554, 5, 1),
            Self::TlsFirst => (530, 7, 0),
            Self::SaslNeedsTls => (538, 7, 11),
            Self::SaslMechanism => (504, 5, 4),
            Self::SaslEncoding => (501, 5, 2),
            Self::SaslChannelBinding => (501, 5, 4),
            Self::SaslCancelled => (501, 7, 0),
            Self::SaslIdentity | Self::SaslWrong => (535, 7, 8),
            Self::RelayDenied => (550, 7, 1),
            Self::TooLarge => (552, 3, 4),
            Self::TooManyRecipients => (452, 5, 3),
            Self::TooManyBadCommands
            | Self::TooManyIdleCommands
            | Self::TooManyAuthenticationFailures => (421, 7, 0),
            Self::CommandTimeout | Self::ContentTimeout => (421, 4, 2),
            Self::Stopping => (421, 3, 2),
        }
    }

    fn reason(&self) -> Refusal {
        match self {
            Self::LineTooLong => Refusal::LineLength,
            Self::StrayInCommand(_) | Self::StrayInContent(_) => Refusal::Framing,
            Self::NotAscii
            | Self::ControlCharacter
            | Self::UnknownCommand
            | Self::NotImplemented
            | Self::Syntax(_)
            | Self::Parameter(_)
            | Self::UnsupportedParameter(_)
            | Self::BadSender
            | Self::BadRecipient
            | Self::NotAsciiAddress => Refusal::Syntax,
            Self::HelloFirst
            | Self::MailFirst
            | Self::NoRecipients
            | Self::TransactionOpen
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
            Self::RelayDenied => Refusal::RelayDenied,
            Self::TooLarge => Refusal::Size,
            Self::TooManyRecipients => Refusal::Recipients,
            Self::TooManyBadCommands => Refusal::BadCommands,
            Self::TooManyIdleCommands => Refusal::Commands,
            Self::TooManyAuthenticationFailures => Refusal::Authentication,
            Self::CommandTimeout | Self::ContentTimeout => Refusal::Deadline,
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
            Self::LineTooLong => "the line is too long",
            Self::NotAscii => "commands are ASCII",
            Self::ControlCharacter => "control character in a command",
            Self::UnknownCommand => "command not recognised",
            Self::NotImplemented => "command not implemented",
            Self::BadSender => "the sender's address is malformed",
            Self::BadRecipient => "the recipient's address is malformed",
            Self::NotAsciiAddress => "addresses beyond ASCII are not taken here",
            Self::HelloFirst => "EHLO or HELO first",
            Self::MailFirst => "MAIL first",
            Self::NoRecipients => "no valid recipients",
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
            Self::TooLarge => "the message is larger than SIZE permits",
            Self::TooManyRecipients => "too many recipients; send the rest separately",
            Self::TooManyBadCommands => "too many bad commands; closing",
            Self::TooManyIdleCommands => "too many commands without a message; closing",
            Self::TooManyAuthenticationFailures => "too many failures to authenticate; closing",
            Self::CommandTimeout => "waited too long for a command; closing",
            Self::ContentTimeout => "waited too long for content; closing",
            Self::Stopping => "the server is stopping; try again soon",
        };
        text.to_owned()
    }
}
