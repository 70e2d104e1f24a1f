//! How a directory is named, and asked: its URL, and the search filter, an
//! operator's template in which the address of a stranger is put (RFC 4515,
//! RFC 4516).

use std::{fmt, net::IpAddr, str::FromStr};

use crate::mail::Address;

/// `ldap://host[:port]` or `ldaps://host[:port]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryUrl {
    written: String,
    scheme: Scheme,
    /// Without the brackets of an IPv6 address.
    host: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Ldap,
    Ldaps,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no directory: `ldap://host[:port]` or `ldaps://host[:port]` is expected")]
pub struct DirectoryUrlError(String);

/// A filter with `{address}` in it, such as
/// `(|(mail={address})(proxyAddresses=smtp:{address}))`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    #[error("the filter `{0}` does not say where the address stands: `{PLACE}` is expected in it")]
    NoPlace(String),
    #[error("`{0}` is not a search filter (RFC 4515), such as `(mail={PLACE})`")]
    Malformed(String),
}

impl DirectoryUrl {
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// TLS from the first octet.
    pub fn is_ldaps(&self) -> bool {
        self.scheme == Scheme::Ldaps
    }

    /// On this machine: nobody listens in between.
    pub fn is_local(&self) -> bool {
        let loopback = |host: IpAddr| host.is_loopback();
        self.host == "localhost" || self.host.parse().is_ok_and(loopback)
    }
}

impl FromStr for DirectoryUrl {
    type Err = DirectoryUrlError;

    fn from_str(written: &str) -> Result<Self, DirectoryUrlError> {
        let wrong = || DirectoryUrlError(written.to_owned());
        let (scheme, place) = written.split_once("://").ok_or_else(wrong)?;
        let scheme = match scheme {
            "ldap" => Scheme::Ldap,
            "ldaps" => Scheme::Ldaps,
            _ => return Err(wrong()),
        };
        let place = place.strip_suffix('/').unwrap_or(place);
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => {
                (host, port.strip_prefix(':').or(port.is_empty().then_some("389")))
            }
            None => place
                .split_once(':')
                .map_or((place, Some("389")), |(host, port)| (host, Some(port))),
        };
        let of_host = |octet: u8| octet.is_ascii_alphanumeric() || b".-_:".contains(&octet);
        let port = port.and_then(|port| port.parse::<u16>().ok()).filter(|&port| port > 0);
        if host.is_empty() || !host.bytes().all(of_host) || port.is_none() {
            return Err(wrong());
        }
        Ok(Self { written: written.to_owned(), scheme, host: host.to_owned() })
    }
}

impl Filter {
    /// The filter that finds this address and no other. What a stranger wrote
    /// is escaped: in `*@x.example` the star is a star, and a parenthesis
    /// ends nothing.
    pub fn of(&self, address: &Address) -> String {
        let address = address.to_string();
        self.0.replace(PLACE, &ldap3::ldap_escape(address.as_str()))
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(written: &str) -> Result<Self, FilterError> {
        if !written.contains(PLACE) {
            return Err(FilterError::NoPlace(written.to_owned()));
        }
        match ldap3::parse_filter(written.replace(PLACE, "a@x.example")) {
            Ok(_) => Ok(Self(written.to_owned())),
            Err(()) => Err(FilterError::Malformed(written.to_owned())),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// As most directories hold mailboxes, Active Directory's aliases among them.
impl Default for Filter {
    fn default() -> Self {
        Self("(|(mail={address})(proxyAddresses=smtp:{address}))".to_owned())
    }
}

const PLACE: &str = "{address}";

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(written: &str, address: &str) -> String {
        let filter: Filter = written.parse().unwrap();
        let (local_part, domain) = address.rsplit_once('@').unwrap();
        filter.of(&Address::new(local_part, domain.parse().unwrap()).unwrap())
    }

    #[test]
    fn a_directory_is_named_by_scheme_host_and_port() {
        for (written, ldaps, local) in [
            ("ldap://localhost", false, true),
            ("ldap://127.0.0.1:3389/", false, true),
            ("ldaps://[::1]:636", true, true),
            ("ldaps://dc1.trust.nhs.uk", true, false),
        ] {
            let url: DirectoryUrl = written.parse().unwrap();
            assert_eq!((url.is_ldaps(), url.is_local()), (ldaps, local), "{written}");
        }
        for wrong in [
            "ldap://",
            "ldap://:389",
            "ldap:///",
            "ldapi://x",
            "ldap:x",
            "x",
            "ldap://x:0",
            "ldap://x:y",
            "ldap://a@x",
            "ldap://x/dc=x",
            "ldap://x?y",
            "ldap://[::1",
            "ldap://[::1]x",
            "ldap://x y",
        ] {
            assert!(wrong.parse::<DirectoryUrl>().is_err(), "{wrong:?} was accepted");
        }
    }

    #[test]
    fn the_address_stands_wherever_the_template_has_its_place() {
        assert_eq!(
            filter(&Filter::default().to_string(), "ann@x.example"),
            "(|(mail=ann@x.example)(proxyAddresses=smtp:ann@x.example))"
        );
    }

    #[test]
    fn nothing_in_an_address_changes_what_the_filter_asks() {
        assert_eq!(filter("(mail={address})", "*@x.example"), "(mail=\\2a@x.example)");
        // A local part that has to be quoted stands there as it is written.
        assert_eq!(
            filter("(mail={address})", "a)(uid=*@x.example"),
            "(mail=\"a\\29\\28uid=\\2a\"@x.example)"
        );
        assert_eq!(
            filter("(mail={address})", "a\\2a@x.example"),
            "(mail=\"a\\5c\\5c2a\"@x.example)"
        );
    }

    #[test]
    fn every_filter_made_of_an_address_is_one_filter() {
        for local_part in ["*", "a)(b=c", "(", "\\", "a*b", "{address}", "é", "a\"b"] {
            let made = filter(
                "(&(mail={address})(objectClass=person))",
                &format!("{local_part}@x.example"),
            );
            assert!(ldap3::parse_filter(&made).is_ok(), "{made}");
            // The template's own parentheses and no others.
            assert_eq!(made.matches('(').count(), 3, "{made}");
            assert_eq!(made.matches('*').count(), 0, "{made}");
        }
    }

    #[test]
    fn a_filter_that_no_address_can_change_or_that_is_none_is_refused() {
        assert!(matches!("(mail=*)".parse::<Filter>(), Err(FilterError::NoPlace(_))));
        assert!(matches!("(mail={address}".parse::<Filter>(), Err(FilterError::Malformed(_))));
        assert!(matches!("mail={address})".parse::<Filter>(), Err(FilterError::Malformed(_))));
    }
}
