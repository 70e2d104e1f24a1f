//! The paths of MAIL and RCPT (RFC 5321 section 4.1.2, RFC 6531 section 3.3).
//!
//! They are read here and not by smtp-proto, which gives the same for `<>` and
//! `<postmaster>` and takes quotes off without a trace.

use crate::mail::{Address, AddressError, Domain, ReversePath};

/// `TO:<path> parameters` as path and parameters. Old clients put spaces
/// before the path.
pub(super) fn split<'a>(argument: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let (start, rest) = argument.split_at_checked(keyword.len())?;
    if !start.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let rest = rest.trim_start_matches(' ').strip_prefix('<')?;
    let (path, parameters) = rest.split_at_checked(length(rest)?)?;
    let parameters = parameters.strip_prefix('>')?;
    (parameters.is_empty() || parameters.starts_with(' ')).then_some((path, parameters))
}

/// Up to the first `>` outside quotes.
fn length(text: &str) -> Option<usize> {
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

/// As a mailbox, and what a stranger may say in place of one.
pub(super) fn reverse(path: &str, node: &Domain) -> Result<ReversePath, AddressError> {
    mailbox(path, node).map(ReversePath::Mailbox).or_else(|_| path.parse())
}

/// Source routes are taken and ignored (RFC 5321 appendix C), and
/// `<postmaster>` needs no domain (section 4.1.1.3).
pub(super) fn mailbox(path: &str, node: &Domain) -> Result<Address, AddressError> {
    if path.eq_ignore_ascii_case("postmaster") {
        return Address::new("postmaster", node.clone());
    }
    let address = match path.strip_prefix('@') {
        Some(route) => route.split_once(':').map_or(path, |(_, address)| address),
        None => path,
    };
    address.parse()
}
