//! The parameters of MAIL and RCPT (RFC 5321 section 4.1.1.11).
//!
//! Each only where its extension is offered, none twice, and only with values
//! its RFC has. smtp-proto reads some of them too, but takes
//! `NOTIFY=NEVER,SUCCESS`, xtext that ends within an escape, and numbers that
//! wrap: so they are read here.

use std::time::Duration;

use super::{complaint::Complaint, xtext};
use crate::mail::{
    AddressEncoding, Body, ByMode, ByTrace, DeliverBy, Notify, OriginalRecipient, Priority,
    Release, Requests, RequireTls, Returned, Timestamp,
};

/// What brings parameters of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extension {
    /// RFC 1870.
    Size,
    /// RFC 6152.
    EightBitMime,
    /// RFC 6531.
    SmtpUtf8,
    /// RFC 4954.
    Auth,
    /// RFC 3461.
    Dsn,
    /// RFC 8689.
    RequireTls,
    /// RFC 6710.
    MtPriority,
    /// RFC 2852.
    DeliverBy,
    /// RFC 4865.
    FutureRelease,
}

/// Whether an extension is offered in this session.
pub(super) type Offers<'a> = &'a dyn Fn(Extension) -> bool;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct MailParameters {
    pub(super) size: Option<usize>,
    pub(super) body: Body,
    pub(super) encoding: AddressEncoding,
    pub(super) requests: Requests,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RecipientParameters {
    pub(super) notify: Option<Notify>,
    pub(super) original: Option<OriginalRecipient>,
}

/// As it is written, its name in upper case.
struct Parameter<'a> {
    name: String,
    value: Option<&'a str>,
}

impl MailParameters {
    pub(super) fn read(written: &str, offers: Offers<'_>) -> Result<Self, Complaint> {
        let mut read = Self::default();
        for parameter in split(written)? {
            let extension = match parameter.name.as_str() {
                "SIZE" => Extension::Size,
                "BODY" => Extension::EightBitMime,
                "SMTPUTF8" => Extension::SmtpUtf8,
                "AUTH" => Extension::Auth,
                "RET" | "ENVID" => Extension::Dsn,
                "REQUIRETLS" => Extension::RequireTls,
                "MT-PRIORITY" => Extension::MtPriority,
                "BY" => Extension::DeliverBy,
                "HOLDFOR" | "HOLDUNTIL" => Extension::FutureRelease,
                _ => return Err(Complaint::UnsupportedParameter(parameter.name)),
            };
            if !offers(extension) {
                return Err(match extension {
                    Extension::RequireTls => Complaint::RequireTlsInClear,
                    _ => Complaint::UnsupportedParameter(parameter.name),
                });
            }
            read.take(&parameter).ok_or(Complaint::Parameter(parameter.name))?;
        }
        Ok(read)
    }

    fn take(&mut self, parameter: &Parameter<'_>) -> Option<()> {
        let Requests { returned, envelope_id, require_tls, priority, deliver_by, release } =
            &mut self.requests;
        match (parameter.name.as_str(), parameter.value) {
            ("SMTPUTF8", None) => self.encoding = AddressEncoding::Utf8,
            ("REQUIRETLS", None) => *require_tls = RequireTls::Yes,
            ("SIZE", Some(value)) => self.size = Some(number(value, 20)?),
            ("BODY", Some(value)) => self.body = body(value)?,
            // RFC 4954 section 5: taken from everybody, and nobody is believed.
            ("AUTH", Some(value)) => _ = xtext::decode(value)?,
            ("RET", Some(value)) => *returned = Some(returned_part(value)?),
            ("ENVID", Some(value)) => {
                let id = xtext::decode(value).filter(|_| value.len() <= MAX_ENVELOPE_ID)?;
                *envelope_id = Some(id.into());
            }
            ("MT-PRIORITY", Some(value)) => *priority = Some(read_priority(value)?),
            ("BY", Some(value)) => *deliver_by = Some(read_deliver_by(value)?),
            // One of both, not both.
            ("HOLDFOR" | "HOLDUNTIL", _) if release.is_some() => return None,
            ("HOLDFOR", Some(value)) => {
                let seconds = number(value, 9).filter(|seconds| *seconds > 0)?;
                *release = Some(Release::After(Duration::from_secs(seconds)));
            }
            ("HOLDUNTIL", Some(value)) => *release = Some(Release::At(date(value)?)),
            _ => return None,
        }
        Some(())
    }
}

impl RecipientParameters {
    pub(super) fn read(written: &str, offers: Offers<'_>) -> Result<Self, Complaint> {
        let mut read = Self::default();
        for parameter in split(written)? {
            if !offers(Extension::Dsn) || !matches!(parameter.name.as_str(), "NOTIFY" | "ORCPT") {
                return Err(Complaint::UnsupportedParameter(parameter.name));
            }
            read.take(&parameter).ok_or(Complaint::Parameter(parameter.name))?;
        }
        Ok(read)
    }

    fn take(&mut self, parameter: &Parameter<'_>) -> Option<()> {
        match parameter.name.as_str() {
            "NOTIFY" => self.notify = Some(notify(parameter.value?)?),
            _ => self.original = Some(original_recipient(parameter.value?)?),
        }
        Some(())
    }
}

/// `keyword[=value]`, parted by spaces, none twice.
fn split(written: &str) -> Result<Vec<Parameter<'_>>, Complaint> {
    let mut parameters: Vec<Parameter<'_>> = Vec::new();
    for parameter in written.split(' ').filter(|word| !word.is_empty()) {
        let (name, value) = match parameter.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (parameter, None),
        };
        if !is_keyword(name) {
            return Err(Complaint::Syntax("parameters of the form KEYWORD=value"));
        }
        let name = name.to_ascii_uppercase();
        if parameters.iter().any(|other| other.name == name) {
            return Err(Complaint::Parameter(name));
        }
        parameters.push(Parameter { name, value });
    }
    Ok(parameters)
}

/// One that can be repeated in a reply.
fn is_keyword(name: &str) -> bool {
    name.len() <= MAX_KEYWORD
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
}

fn number<N: std::str::FromStr>(value: &str, most_digits: usize) -> Option<N> {
    let digits = value.bytes().all(|octet| octet.is_ascii_digit());
    if digits && (1..=most_digits).contains(&value.len()) { value.parse().ok() } else { None }
}

fn body(value: &str) -> Option<Body> {
    match value {
        _ if value.eq_ignore_ascii_case("7BIT") => Some(Body::SevenBit),
        _ if value.eq_ignore_ascii_case("8BITMIME") => Some(Body::EightBitMime),
        _ => None,
    }
}

fn returned_part(value: &str) -> Option<Returned> {
    match value {
        _ if value.eq_ignore_ascii_case("FULL") => Some(Returned::Full),
        _ if value.eq_ignore_ascii_case("HDRS") => Some(Returned::Headers),
        _ => None,
    }
}

/// RFC 6710 section 4.1 has neither `+` nor leading noughts.
fn read_priority(value: &str) -> Option<Priority> {
    match value.as_bytes() {
        [b'0'..=b'9'] | [b'-', b'1'..=b'9'] => value.parse::<i8>().ok()?.try_into().ok(),
        _ => None,
    }
}

/// `by-time;by-mode[T]` (RFC 2852 section 4). What should be returned when it
/// is late cannot be late already.
fn read_deliver_by(value: &str) -> Option<DeliverBy> {
    let (time, mode) = value.split_once(';')?;
    let seconds: i64 = match time.strip_prefix('-') {
        Some(digits) => -number(digits, 9)?,
        None => number(time.strip_prefix('+').unwrap_or(time), 9)?,
    };
    let (mode, trace) = match mode.to_ascii_uppercase().as_str() {
        "N" => (ByMode::Notify, ByTrace::No),
        "NT" => (ByMode::Notify, ByTrace::Yes),
        "R" => (ByMode::Return, ByTrace::No),
        "RT" => (ByMode::Return, ByTrace::Yes),
        _ => return None,
    };
    (mode == ByMode::Notify || seconds > 0).then_some(DeliverBy { seconds, mode, trace })
}

/// The date-time of RFC 3339, and none of the other forms jiff takes.
fn date(value: &str) -> Option<Timestamp> {
    let usual = |octet: u8| octet.is_ascii_digit() || b"-:.+TtZz".contains(&octet);
    let at = |place: usize| value.as_bytes().get(place).copied();
    let parted = matches!(at(10)?, b'T' | b't') && at(16)? == b':';
    if !parted || !value.bytes().all(usual) {
        return None;
    }
    let moment: jiff::Timestamp = value.parse().ok()?;
    u64::try_from(moment.as_millisecond()).ok().map(Timestamp::from_unix_milliseconds)
}

fn notify(value: &str) -> Option<Notify> {
    let mut notify = Notify::NEVER;
    if value.eq_ignore_ascii_case("NEVER") {
        return Some(notify);
    }
    for word in value.split(',') {
        let wanted = match word.to_ascii_uppercase().as_str() {
            "SUCCESS" => &mut notify.success,
            "FAILURE" => &mut notify.failure,
            "DELAY" => &mut notify.delay,
            _ => return None,
        };
        if std::mem::replace(wanted, true) {
            return None;
        }
    }
    Some(notify)
}

/// `addr-type;address`, the address in xtext, or as RFC 6533 has it where the
/// type is `utf-8`.
fn original_recipient(value: &str) -> Option<OriginalRecipient> {
    let (address_type, address) = value.split_once(';')?;
    if value.len() > MAX_ORIGINAL_RECIPIENT || !is_keyword(address_type) {
        return None;
    }
    let address_type = address_type.to_ascii_lowercase();
    let address = match address_type.as_str() {
        "utf-8" => xtext::decode_unicode(address)?,
        _ => xtext::decode(address)?,
    };
    Some(OriginalRecipient { address_type: address_type.into(), address: address.into() })
}

const MAX_KEYWORD: usize = 40;
/// RFC 3461 section 4.4, as it is written.
const MAX_ENVELOPE_ID: usize = 100;
/// RFC 3461 section 4.2, as it is written.
const MAX_ORIGINAL_RECIPIENT: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(written: &str) -> Option<MailParameters> {
        MailParameters::read(written, &|_| true).ok()
    }

    fn recipient(written: &str) -> Option<RecipientParameters> {
        RecipientParameters::read(written, &|_| true).ok()
    }

    #[test]
    fn values_at_their_limits_are_taken() {
        for right in [
            "SIZE=18446744073709551615",
            "MT-PRIORITY=-9",
            "MT-PRIORITY=9",
            "MT-PRIORITY=0",
            "BY=999999999;R",
            "BY=-999999999;NT",
            "BY=+1;rt",
            "BY=0;N",
            "HOLDFOR=999999999",
            "HOLDUNTIL=2027-01-15T08:00:00Z",
            "holduntil=2027-01-15t08:00:00.5+01:00",
            "AUTH=<>",
            "AUTH=a+40b.example",
        ] {
            assert!(mail(right).is_some(), "{right}");
        }
        assert!(mail(&format!("ENVID={}", "x".repeat(100))).is_some());
        assert!(recipient(&format!("ORCPT=rfc822;{}", "x".repeat(493))).is_some());
    }

    #[test]
    fn values_that_no_rfc_has_are_refused() {
        for wrong in [
            "SIZE=18446744073709551616",
            "SIZE=+1",
            "SIZE=",
            "SIZE",
            "SMTPUTF8=",
            "SMTPUTF8=1",
            "REQUIRETLS=1",
            "MT-PRIORITY=10",
            "MT-PRIORITY=-0",
            "MT-PRIORITY=+1",
            "MT-PRIORITY=05",
            "MT-PRIORITY=",
            "BY=0;R",
            "BY=-1;R",
            "BY=1",
            "BY=1;X",
            "BY=;N",
            "BY=1;T",
            "BY=--1;N",
            "BY=+-1;N",
            "BY=1000000000;N",
            "HOLDFOR=0",
            "HOLDFOR=-1",
            "HOLDFOR=1000000000",
            "HOLDFOR=1 HOLDUNTIL=2027-01-15T08:00:00Z",
            "HOLDUNTIL=2027-01-15",
            "HOLDUNTIL=2027-01-15T08:00:00",
            "HOLDUNTIL=2027-13-15T08:00:00Z",
            "HOLDUNTIL=20270115T080000Z",
            "HOLDUNTIL=2027-01-15T08:00Z",
            "HOLDUNTIL=tomorrow",
            "RET=NONE",
            "ENVID=",
            "ENVID=a=b",
            "ENVID=+0A",
            "AUTH=",
            "AUTH=+4",
            "X_Y=1",
            "=1",
        ] {
            assert!(mail(wrong).is_none(), "{wrong}");
        }
        assert!(mail(&format!("ENVID={}", "x".repeat(101))).is_none());
        assert!(recipient(&format!("ORCPT=rfc822;{}", "x".repeat(494))).is_none());
    }

    #[test]
    fn notify_is_never_alone_or_a_set() {
        let both = Notify { success: true, failure: false, delay: true };
        assert_eq!(recipient("NOTIFY=delay,Success").unwrap().notify, Some(both));
        assert_eq!(recipient("NOTIFY=NEVER").unwrap().notify, Some(Notify::NEVER));
        for wrong in ["NEVER,SUCCESS", "SUCCESS,SUCCESS", "SUCCESS,", "", "ALWAYS"] {
            assert!(recipient(&format!("NOTIFY={wrong}")).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn original_recipients_are_decoded() {
        let original = |written: &str| {
            recipient(&format!("ORCPT={written}"))?.original.map(|original| original.address)
        };
        assert_eq!(original("rfc822;a+2Bb@x.example").as_deref(), Some("a+b@x.example"));
        assert_eq!(original(r"UTF-8;gr\x{E5}@x.example").as_deref(), Some("grå@x.example"));
        for wrong in ["a@x.example", ";a", "rfc822;", "rf c;a", "rfc822;gr\u{e5}", r"utf-8;\x{A}"] {
            assert_eq!(original(wrong), None, "{wrong}");
        }
    }
}
