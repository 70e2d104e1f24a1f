//! Command lines and what they mean (RFC 5321 section 4.1).
//!
//! smtp-proto knows the verbs and the values of parameters. It is lenient
//! where a server must not be, so the line is checked before it and after it:
//! no octets but printable ASCII, no argument where none belongs, no parameter
//! that was not offered or stands twice, and paths are read here, since
//! smtp-proto gives the same for `<>` and `<postmaster>` and takes quotes off
//! without a trace.

use smtp_proto::{Error, MAIL_BODY_8BITMIME, MAIL_BODY_BINARYMIME, MailFrom, Request};

use super::complaint::Complaint;
use crate::mail::{Address, AddressError, Body, Domain, Protocol, Recipient, ReversePath};

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Hello {
        protocol: Protocol,
        name: String,
    },
    Mail(Mail),
    Recipient(Recipient),
    Data,
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
    /// Octets that are not commands will follow this one.
    Chunk,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mail {
    pub(super) reverse_path: ReversePath,
    /// What SIZE said.
    pub(super) declared_size: Option<usize>,
    pub(super) body: Body,
}

/// Reads one line, CRLF and all. `node` is where `<postmaster>` lives.
pub(super) fn parse(line: &[u8], node: &Domain) -> Result<Command, Complaint> {
    let text = printable(line)?;
    let (verb, argument) = match text.split_once(' ') {
        Some((verb, argument)) => (verb, argument.trim_end()),
        None => (text, ""),
    };
    if !verb.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return Err(Complaint::UnknownCommand);
    }
    if verb.eq_ignore_ascii_case("AUTH") {
        return authenticate(argument);
    }
    if verb.eq_ignore_ascii_case("XCLIENT") {
        return Ok(Command::XClient(argument.to_owned()));
    }
    if verb.eq_ignore_ascii_case("XFORWARD") {
        return Ok(Command::XForward(argument.to_owned()));
    }
    match Request::parse(&mut line.iter()).map_err(complaint)? {
        Request::Ehlo { .. } => hello(Protocol::Esmtp, argument),
        Request::Helo { .. } => hello(Protocol::Smtp, argument),
        Request::Mail { from } => mail(argument, &from, node).map(Command::Mail),
        Request::Rcpt { .. } => recipient(argument, node),
        Request::Data => alone(argument, "DATA", Command::Data),
        Request::Rset => alone(argument, "RSET", Command::Reset),
        Request::Quit => alone(argument, "QUIT", Command::Quit),
        Request::StartTls => alone(argument, "STARTTLS", Command::StartTls),
        Request::Noop { .. } => Ok(Command::Noop),
        Request::Help { .. } => Ok(Command::Help),
        Request::Vrfy { .. } => Ok(Command::Verify),
        Request::Bdat { .. } => Ok(Command::Chunk),
        Request::Auth { .. }
        | Request::Lhlo { .. }
        | Request::Expn { .. }
        | Request::Etrn { .. }
        | Request::Atrn { .. }
        | Request::Burl { .. } => Err(Complaint::NotImplemented),
    }
}

/// The line as text without its CRLF.
pub(super) fn printable(line: &[u8]) -> Result<&str, Complaint> {
    let line = line.strip_suffix(b"\r\n").unwrap_or(line);
    if !line.is_ascii() {
        let is_path = |verb: &[u8]| {
            line.get(..verb.len()).is_some_and(|start| start.eq_ignore_ascii_case(verb))
        };
        return Err(match is_path(b"MAIL ") || is_path(b"RCPT ") {
            true => Complaint::NotAsciiAddress,
            false => Complaint::NotAscii,
        });
    }
    match std::str::from_utf8(line) {
        Ok(text) if !text.bytes().any(|octet| octet.is_ascii_control()) => Ok(text),
        _ => Err(Complaint::ControlCharacter),
    }
}

fn complaint(error: Error) -> Complaint {
    match error {
        Error::SyntaxError { syntax } => Complaint::Syntax(syntax),
        Error::InvalidSenderAddress => Complaint::BadSender,
        Error::InvalidRecipientAddress => Complaint::BadRecipient,
        Error::InvalidParameter { param } => Complaint::Parameter(param.to_owned()),
        // Offered, but written without its value.
        Error::UnsupportedParameter { param } if MAIL_PARAMETERS.contains(&param.as_str()) => {
            Complaint::Parameter(param)
        }
        Error::UnsupportedParameter { param } => Complaint::UnsupportedParameter(keyword(&param)),
        Error::UnknownCommand
        | Error::NeedsMoreData { .. }
        | Error::ResponseTooLong
        | Error::InvalidResponse { .. } => Complaint::UnknownCommand,
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

fn mail<T>(argument: &str, from: &MailFrom<T>, node: &Domain) -> Result<Mail, Complaint> {
    let (path, parameters) =
        split_path(argument, "FROM:").ok_or(Complaint::Syntax("MAIL FROM:<reverse-path>"))?;
    let reverse_path = match path {
        "" => ReversePath::Null,
        _ => ReversePath::Mailbox(mailbox(path, node).map_err(|_| Complaint::BadSender)?),
    };
    let size = check_parameters(parameters, MAIL_PARAMETERS)?;
    if from.flags & MAIL_BODY_BINARYMIME != 0 {
        return Err(Complaint::Parameter("BODY".to_owned()));
    }
    let body = match from.flags & MAIL_BODY_8BITMIME {
        0 => Body::SevenBit,
        _ => Body::EightBitMime,
    };
    Ok(Mail { reverse_path, declared_size: size.map(|_| from.size), body })
}

fn recipient(argument: &str, node: &Domain) -> Result<Command, Complaint> {
    let (path, parameters) =
        split_path(argument, "TO:").ok_or(Complaint::Syntax("RCPT TO:<forward-path>"))?;
    check_parameters(parameters, &[])?;
    let address = mailbox(path, node).map_err(|_| Complaint::BadRecipient)?;
    Ok(Command::Recipient(address.into()))
}

/// `TO:<path> parameters` as path and parameters. Old clients put spaces
/// before the path.
fn split_path<'a>(argument: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let (start, rest) = argument.split_at_checked(keyword.len())?;
    if !start.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let rest = rest.trim_start().strip_prefix('<')?;
    let (path, parameters) = rest.split_at_checked(path_length(rest)?)?;
    let parameters = parameters.strip_prefix('>')?;
    (parameters.is_empty() || parameters.starts_with(' ')).then_some((path, parameters))
}

/// Up to the first `>` outside quotes.
fn path_length(text: &str) -> Option<usize> {
    let mut quoted = false;
    let mut octets = text.bytes().enumerate();
    while let Some((position, octet)) = octets.next() {
        match octet {
            b'\\' if quoted => _ = octets.next(),
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some(position),
            _ => {}
        }
    }
    None
}

/// Source routes are taken and ignored (RFC 5321 appendix C), and
/// `<postmaster>` needs no domain (section 4.1.1.3).
fn mailbox(path: &str, node: &Domain) -> Result<Address, AddressError> {
    if path.eq_ignore_ascii_case("postmaster") {
        return Address::new("postmaster", node.clone());
    }
    let address = match path.strip_prefix('@') {
        Some(route) => route.split_once(':').map_or(path, |(_, address)| address),
        None => path,
    };
    address.parse()
}

/// Refuses what was not offered and what stands twice; gives back SIZE as it
/// is written.
fn check_parameters<'a>(
    parameters: &'a str,
    offered: &[&str],
) -> Result<Option<&'a str>, Complaint> {
    let mut seen = Vec::new();
    let mut size = None;
    for parameter in parameters.split_ascii_whitespace() {
        let (name, value) = match parameter.split_once('=') {
            Some((name, value)) => (name.to_ascii_uppercase(), value),
            None => (parameter.to_ascii_uppercase(), ""),
        };
        if !offered.contains(&name.as_str()) {
            return Err(Complaint::UnsupportedParameter(keyword(&name)));
        }
        if seen.contains(&name) || value.is_empty() {
            return Err(Complaint::Parameter(name));
        }
        if name == "SIZE" {
            // Beyond 19 digits smtp-proto starts counting again.
            let exact = value.len() < 20 && value.bytes().all(|octet| octet.is_ascii_digit());
            size = Some(exact.then_some(value).ok_or(Complaint::Parameter("SIZE".to_owned()))?);
        }
        seen.push(name);
    }
    Ok(size)
}

/// A parameter's name, fit to be repeated in a reply.
fn keyword(parameter: &str) -> String {
    let name = parameter.split('=').next().unwrap_or_default();
    let harmless = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '-';
    let shown: String = name.chars().filter(harmless).take(MAX_KEYWORD_SHOWN).collect();
    if shown.is_empty() { "the parameter".to_owned() } else { shown }
}

/// RFC 4954 section 5 has AUTH taken from everybody; nobody is believed.
const MAIL_PARAMETERS: &[&str] = &["SIZE", "BODY", "AUTH"];
const MAX_HELLO: usize = 255;
const MAX_KEYWORD_SHOWN: usize = 20;
