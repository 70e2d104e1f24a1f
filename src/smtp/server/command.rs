//! Command lines and what they mean (RFC 5321 section 4.1).
//!
//! smtp-proto knows the verbs. It is lenient where a server must not be, so
//! the line is checked before it and after it: no control characters, UTF-8
//! only where SMTPUTF8 has it (RFC 6531 section 3.4), and no argument where
//! none belongs. Paths and parameters are read by `path` and `parameters`.

use smtp_proto::{Error, Request};

use super::{
    complaint::Complaint,
    parameters::{MailParameters, Offers, RecipientParameters},
    path,
    xtext::BYTE_ORDER_MARK,
};
use crate::mail::{AddressEncoding, Domain, Protocol, Recipient, ReversePath};

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Hello {
        protocol: Protocol,
        name: String,
    },
    Mail(Mail),
    /// And how the line was written.
    Recipient(Recipient, AddressEncoding),
    Data,
    /// Octets that are not commands follow it.
    Chunk(Chunk),
    Reset,
    Noop,
    Quit,
    Verify,
    Help,
    StartTls,
    Authenticate {
        mechanism: String,
        initial_response: Option<String>,
    },
    XClient(String),
    XForward(String),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mail {
    pub(super) reverse_path: ReversePath,
    pub(super) parameters: MailParameters,
}

/// What BDAT says (RFC 3030 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) size: u64,
    pub(super) last: Last,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    No,
    Yes,
}

/// Reads one line, CRLF and all. `node` is where `<postmaster>` lives.
pub(super) fn parse(line: &[u8], node: &Domain, offers: Offers<'_>) -> Result<Command, Complaint> {
    if is_chunk(line) {
        return chunk(line);
    }
    let text = text(line)?;
    let (verb, argument) = match text.split_once(' ') {
        Some((verb, argument)) => (verb, argument.trim_end_matches(' ')),
        None => (text, ""),
    };
    if !verb.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return Err(if text.is_ascii() { Complaint::UnknownCommand } else { Complaint::NotAscii });
    }
    match verb.to_ascii_uppercase().as_str() {
        "MAIL" => return mail(argument, node, offers).map(Command::Mail),
        "RCPT" => return recipient(argument, node, offers),
        "VRFY" if !text.is_ascii() => return verify(argument),
        _ if !text.is_ascii() => return Err(Complaint::NotAscii),
        "AUTH" => return authenticate(argument),
        "XCLIENT" => return Ok(Command::XClient(argument.to_owned())),
        "XFORWARD" => return Ok(Command::XForward(argument.to_owned())),
        _ => {}
    }
    match Request::parse(&mut line.iter()).map_err(|error| complaint(&error))? {
        Request::Ehlo { .. } => hello(Protocol::Esmtp, argument),
        Request::Helo { .. } => hello(Protocol::Smtp, argument),
        Request::Lhlo { .. } => hello(Protocol::Lmtp, argument),
        Request::Data => alone(argument, "DATA", Command::Data),
        Request::Rset => alone(argument, "RSET", Command::Reset),
        Request::Quit => alone(argument, "QUIT", Command::Quit),
        Request::StartTls => alone(argument, "STARTTLS", Command::StartTls),
        Request::Noop { .. } => Ok(Command::Noop),
        Request::Help { .. } => Ok(Command::Help),
        Request::Vrfy { .. } => Ok(Command::Verify),
        Request::Mail { .. }
        | Request::Rcpt { .. }
        | Request::Bdat { .. }
        | Request::Auth { .. }
        | Request::Expn { .. }
        | Request::Etrn { .. }
        | Request::Atrn { .. }
        | Request::Burl { .. } => Err(Complaint::NotImplemented),
    }
}

/// The line as text without its CRLF: UTF-8, strictly, and no control
/// characters, those beyond ASCII among them.
fn text(line: &[u8]) -> Result<&str, Complaint> {
    let line = line.strip_suffix(b"\r\n").unwrap_or(line);
    let text = std::str::from_utf8(line).map_err(|_| Complaint::NotUtf8)?;
    let control = |character: char| character.is_control() || character == BYTE_ORDER_MARK;
    if text.contains(control) { Err(Complaint::ControlCharacter) } else { Ok(text) }
}

/// The same where only ASCII can stand.
pub(super) fn printable(line: &[u8]) -> Result<&str, Complaint> {
    text(line).and_then(|text| if text.is_ascii() { Ok(text) } else { Err(Complaint::NotAscii) })
}

fn encoding(text: &str) -> AddressEncoding {
    if text.is_ascii() { AddressEncoding::Ascii } else { AddressEncoding::Utf8 }
}

/// Whether an address so written needs what was not asked for.
pub(super) fn is_beyond(written: AddressEncoding, asked: AddressEncoding) -> bool {
    written == AddressEncoding::Utf8 && asked == AddressEncoding::Ascii
}

fn complaint(error: &Error) -> Complaint {
    match error {
        Error::SyntaxError { syntax } => Complaint::Syntax(syntax),
        _ => Complaint::UnknownCommand,
    }
}

fn alone(argument: &str, usage: &'static str, command: Command) -> Result<Command, Complaint> {
    if argument.is_empty() { Ok(command) } else { Err(Complaint::Syntax(usage)) }
}

/// A domain or an address literal. It is not compared with anything, but it
/// goes into the Received field, so it must not bring syntax of its own.
fn hello(protocol: Protocol, name: &str) -> Result<Command, Complaint> {
    let harmless =
        |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-' | b'_' | b':');
    let inner = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    if inner.is_empty() || inner.len() > MAX_HELLO || !inner.bytes().all(harmless) {
        return Err(Complaint::Syntax(match protocol {
            Protocol::Esmtp => "EHLO domain",
            Protocol::Smtp => "HELO domain",
            Protocol::Lmtp => "LHLO domain",
        }));
    }
    Ok(Command::Hello { protocol, name: name.to_owned() })
}

fn authenticate(argument: &str) -> Result<Command, Complaint> {
    let mut words = argument.split(' ');
    let (name, initial_response) = (words.next().unwrap_or_default(), words.next());
    if name.is_empty() || words.next().is_some() {
        return Err(Complaint::Syntax("AUTH mechanism [initial-response]"));
    }
    Ok(Command::Authenticate {
        mechanism: name.to_owned(),
        initial_response: initial_response.map(str::to_owned),
    })
}

fn mail(argument: &str, node: &Domain, offers: Offers<'_>) -> Result<Mail, Complaint> {
    let (path, parameters) = path::split(argument, "FROM:")
        .ok_or(Complaint::Syntax("MAIL FROM:<reverse-path> [parameters]"))?;
    let parameters = MailParameters::read(parameters, offers)?;
    if is_beyond(encoding(path), parameters.encoding) {
        return Err(Complaint::SenderBeyondAscii);
    }
    let reverse_path = match path {
        "" => ReversePath::Null,
        _ => path::reverse(path, node).map_err(|_| Complaint::BadSender)?,
    };
    Ok(Mail { reverse_path, parameters })
}

fn recipient(argument: &str, node: &Domain, offers: Offers<'_>) -> Result<Command, Complaint> {
    let (path, parameters) = path::split(argument, "TO:")
        .ok_or(Complaint::Syntax("RCPT TO:<forward-path> [parameters]"))?;
    let RecipientParameters { notify, original } = RecipientParameters::read(parameters, offers)?;
    let address = path::mailbox(path, node).map_err(|_| Complaint::BadRecipient)?;
    Ok(Command::Recipient(Recipient { address, notify, original }, encoding(argument)))
}

/// RFC 6531 section 3.7.4.2: what is asked about may be beyond ASCII where
/// the client says so.
fn verify(argument: &str) -> Result<Command, Complaint> {
    match argument.rsplit_once(' ') {
        Some((_, parameter)) if parameter.eq_ignore_ascii_case("SMTPUTF8") => Ok(Command::Verify),
        _ => Err(Complaint::RecipientBeyondAscii),
    }
}

/// Whether octets follow that are no commands, however the rest of the line
/// is written.
fn is_chunk(line: &[u8]) -> bool {
    line.split_at_checked(CHUNK.len()).is_some_and(|(verb, rest)| {
        verb.eq_ignore_ascii_case(CHUNK) && !rest.first().is_some_and(u8::is_ascii_alphanumeric)
    })
}

/// `BDAT chunk-size [LAST]`. Nothing is forgiven: of how many octets another
/// server would take it for is where a smuggled command would hide.
fn chunk(line: &[u8]) -> Result<Command, Complaint> {
    let text = printable(line).map_err(|_| Complaint::BadChunk)?;
    let mut words = text.split(' ').skip(1);
    let digits = words.next().filter(|word| word.bytes().all(|octet| octet.is_ascii_digit()));
    let size = digits.and_then(|digits| digits.parse().ok()).filter(|size| *size <= MAX_CHUNK);
    let last = match (words.next(), words.next()) {
        (None, None) => Some(Last::No),
        (Some(word), None) if word.eq_ignore_ascii_case("LAST") => Some(Last::Yes),
        _ => None,
    };
    match (size, last) {
        (Some(size), Some(last)) => Ok(Command::Chunk(Chunk { size, last })),
        _ => Err(Complaint::BadChunk),
    }
}

pub(super) const CHUNK: &[u8; 4] = b"BDAT";
const MAX_CHUNK: u64 = 1 << 63;
const MAX_HELLO: usize = 255;
