//! The TXT record by which a domain asks for reports, at `_smtp._tls.` and
//! its name (RFC 8460 section 3).

use crate::mail::{Address, Domain};

/// Where a domain wants its reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// At least one.
    pub destinations: Vec<Destination>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    Mail(Address),
    Web(WebAddress),
}

/// An `https:` URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebAddress {
    pub host: Domain,
    pub port: u16,
    /// With the query.
    pub path: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Also where there are several: then none counts.
    #[error("the domain asks for no reports")]
    Absent,
    #[error("the record names no destination of a kind we know")]
    NoDestination,
}

impl Record {
    /// Of all TXT records at the name.
    pub fn read(texts: &[String]) -> Result<Self, RecordError> {
        let mut records = texts.iter().filter_map(|text| fields_of(text));
        let (Some(fields), None) = (records.next(), records.next()) else {
            return Err(RecordError::Absent);
        };
        let addresses = fields.split(';').filter_map(|field| {
            let (name, value) = field.split_once('=')?;
            (name.trim() == "rua").then(|| value.split(','))
        });
        let destinations: Vec<Destination> = addresses
            .flatten()
            .filter_map(|written| destination(written.trim()))
            .take(DESTINATIONS)
            .collect();
        match destinations.is_empty() {
            true => Err(RecordError::NoDestination),
            false => Ok(Self { destinations }),
        }
    }
}

/// What follows the version.
fn fields_of(text: &str) -> Option<&str> {
    let (version, fields) = text.split_once(';')?;
    let (name, value) = version.split_once('=')?;
    (name.trim() == "v" && value.trim() == "TLSRPTv1").then_some(fields)
}

fn destination(written: &str) -> Option<Destination> {
    let (scheme, rest) = written.split_once(':')?;
    match scheme.to_ascii_lowercase().as_str() {
        "mailto" => {
            let address = rest.split('?').next()?;
            decoded(address)?.parse().ok().map(Destination::Mail)
        }
        "https" => web_address(rest).map(Destination::Web),
        _ => None,
    }
}

fn web_address(rest: &str) -> Option<WebAddress> {
    let rest = rest.strip_prefix("//")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (authority, 443),
    };
    let path = path.split('#').next().unwrap_or_default();
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let plain = path.len() <= PATH && path.bytes().all(|octet| octet.is_ascii_graphic());
    plain.then_some(())?;
    Some(WebAddress { host: host.parse().ok()?, port, path })
}

/// Percent-encoding undone (RFC 3986 section 2.1).
fn decoded(written: &str) -> Option<String> {
    let mut pieces = written.split('%');
    let mut octets = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        octets.push(u8::from_str_radix(digits, 16).ok()?);
        octets.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(octets).ok()
}

/// A stranger's record must not have us write to hundreds.
const DESTINATIONS: usize = 5;
const PATH: usize = 1000;

impl std::fmt::Display for WebAddress {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.port {
            443 => write!(out, "https://{}{}", self.host, self.path),
            port => write!(out, "https://{}:{port}{}", self.host, self.path),
        }
    }
}

impl std::str::FromStr for WebAddress {
    type Err = RecordError;

    fn from_str(written: &str) -> Result<Self, RecordError> {
        match destination(written) {
            Some(Destination::Web(address)) => Ok(address),
            _ => Err(RecordError::NoDestination),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Result<Vec<String>, RecordError> {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let shown = |destination| match destination {
            Destination::Mail(address) => address.to_string(),
            Destination::Web(address) => address.to_string(),
        };
        Ok(Record::read(&texts)?.destinations.into_iter().map(shown).collect())
    }

    #[test]
    fn the_rfcs_own_records_are_read() {
        let mail = read(&["v=TLSRPTv1;rua=mailto:reports@example.com"]);
        assert_eq!(mail.unwrap(), ["reports@example.com"]);
        let web = read(&["v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt"]);
        assert_eq!(web.unwrap(), ["https://reporting.example.com/v1/tlsrpt"]);
        let both =
            read(&["x", "v=TLSRPTv1; ext=1; rua=mailto:a%2Bb@x.example,https://x.example:8443;"]);
        assert_eq!(both.unwrap(), ["a+b@x.example", "https://x.example:8443/"]);
    }

    #[test]
    fn no_record_several_or_a_foreign_one_ask_for_nothing() {
        for texts in [
            &[] as &[&str],
            &["v=TLSRPTv2;rua=mailto:a@x.example"],
            &["rua=mailto:a@x.example"],
            &["v=TLSRPTv1;rua=mailto:a@x.example", "v=TLSRPTv1;rua=mailto:b@x.example"],
        ] {
            assert_eq!(read(texts), Err(RecordError::Absent), "{texts:?}");
        }
        for wrong in
            ["http://x.example/", "https://[::1]/", "mailto:a", "https://x.example/a b", "ftp:x"]
        {
            let text = format!("v=TLSRPTv1;rua={wrong}");
            assert_eq!(read(&[&text]), Err(RecordError::NoDestination), "{wrong}");
        }
    }
}
