//! What a peer offers in its reply to EHLO or LHLO (RFC 5321 section
//! 4.1.1.1), and the limits it announces there (RFC 9422).

use smtp_proto::{
    AUTH_EXTERNAL, AUTH_LOGIN, AUTH_PLAIN, AUTH_SCRAM_SHA_256, EXT_8BIT_MIME, EXT_DELIVER_BY,
    EXT_DSN, EXT_MT_PRIORITY, EXT_PIPELINING, EXT_REQUIRE_TLS, EXT_SIZE, EXT_SMTP_UTF8,
    EXT_START_TLS, EhloResponse,
};

use super::{authentication::Mechanism, session::Channel};
use crate::mail::Promise;

/// What the peer offers that we use; nothing, of a peer that knows no EHLO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    offered: u32,
    mechanisms: u64,
    max_size: usize,
    shortest_by: u64,
    limits: Limits,
}

/// What one connection may carry, as the peer says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// RCPTMAX: recipients a transaction.
    pub recipients: Option<usize>,
    /// MAILMAX: transactions a connection.
    pub messages: Option<usize>,
}

impl Extensions {
    /// Of the lines of a reply, without their codes. Each stands for itself:
    /// one that cannot be read takes none of the others with it.
    pub(super) fn of<'a>(lines: impl Iterator<Item = &'a str>, channel: Channel) -> Self {
        let mut extensions = Self::default();
        for line in lines.skip(1) {
            extensions.add(line);
        }
        // RFC 8689 section 2: a promise made in clear is anybody's.
        if channel == Channel::Clear {
            extensions.offered &= !EXT_REQUIRE_TLS;
            // Nobody is shown a password there.
            extensions.mechanisms = 0;
        }
        extensions
    }

    fn add(&mut self, line: &str) {
        let (keyword, parameters) = line.split_once(' ').unwrap_or((line, ""));
        if keyword.eq_ignore_ascii_case("LIMITS") {
            self.limits.read(parameters);
            return;
        }
        let reply = format!("250-peer\r\n250 {line}\r\n");
        if let Ok(said) = EhloResponse::parse(&mut reply.as_bytes().iter()) {
            self.offered |= said.capabilities;
            self.mechanisms |= said.auth_mechanisms;
            self.max_size = self.max_size.max(said.size);
            self.shortest_by = self.shortest_by.max(said.deliver_by);
        }
    }

    pub fn smtp_utf8(&self) -> bool {
        self.has(EXT_SMTP_UTF8)
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// All of it, as EHLO has the words.
    pub fn offers(&self) -> Vec<String> {
        let named = NAMES.into_iter().filter(|(bit, _)| self.has(*bit));
        let mut offers: Vec<String> = named.map(|(_, name)| name.to_owned()).collect();
        if let Some(size) = self.max_size() {
            offers.push(format!("SIZE {size}"));
        }
        let mechanisms = Mechanism::ALL.into_iter().filter(|mechanism| self.mechanism(*mechanism));
        let mechanisms: Vec<&str> = mechanisms.map(Mechanism::name).collect();
        if !mechanisms.is_empty() {
            offers.push(format!("AUTH {}", mechanisms.join(" ")));
        }
        offers
    }

    pub(super) fn mechanism(&self, mechanism: Mechanism) -> bool {
        let bit = match mechanism {
            Mechanism::External => AUTH_EXTERNAL,
            Mechanism::ScramSha256 => AUTH_SCRAM_SHA_256,
            Mechanism::Plain => AUTH_PLAIN,
            Mechanism::Login => AUTH_LOGIN,
        };
        self.mechanisms & bit != 0
    }

    pub(super) fn dsn(&self) -> bool {
        self.has(EXT_DSN)
    }

    /// Whether the peer tells senders, from here on, what NOTIFY asks.
    pub(super) fn dsn_promise(&self) -> Promise {
        if self.dsn() { Promise::Made } else { Promise::Absent }
    }

    /// Whether it minds the time a message is to be delivered by.
    pub(super) fn deliver_by_promise(&self) -> Promise {
        if self.has(EXT_DELIVER_BY) { Promise::Made } else { Promise::Absent }
    }

    /// The shortest time, in seconds, in which it delivers or returns.
    pub(super) fn shortest_by(&self) -> i64 {
        i64::try_from(self.shortest_by).unwrap_or(i64::MAX).max(1)
    }

    pub(super) fn require_tls(&self) -> bool {
        self.has(EXT_REQUIRE_TLS)
    }

    /// Whether it protects the mail it relays as its senders ask (RFC 8689).
    pub fn require_tls_promise(&self) -> Promise {
        if self.require_tls() { Promise::Made } else { Promise::Absent }
    }

    pub(super) fn priority(&self) -> bool {
        self.has(EXT_MT_PRIORITY)
    }

    pub(super) fn eight_bit(&self) -> bool {
        self.has(EXT_8BIT_MIME)
    }

    pub(super) fn size(&self) -> bool {
        self.has(EXT_SIZE)
    }

    /// The largest message it takes, in octets, if it says.
    pub(super) fn max_size(&self) -> Option<usize> {
        Some(self.max_size).filter(|&size| size != 0)
    }

    pub(super) fn pipelining(&self) -> bool {
        self.has(EXT_PIPELINING)
    }

    pub(super) fn start_tls(&self) -> bool {
        self.has(EXT_START_TLS)
    }

    const fn has(&self, extension: u32) -> bool {
        self.offered & extension != 0
    }
}

const NAMES: [(u32, &str); 8] = [
    (EXT_START_TLS, "STARTTLS"),
    (EXT_REQUIRE_TLS, "REQUIRETLS"),
    (EXT_SMTP_UTF8, "SMTPUTF8"),
    (EXT_8BIT_MIME, "8BITMIME"),
    (EXT_PIPELINING, "PIPELINING"),
    (EXT_DSN, "DSN"),
    (EXT_DELIVER_BY, "DELIVERBY"),
    (EXT_MT_PRIORITY, "MT-PRIORITY"),
];

impl Limits {
    /// `RCPTMAX=20 MAILMAX=5`; limits of other names are not ours to keep
    /// (RCPTDOMAINMAX is: a transaction of ours has one domain).
    fn read(&mut self, parameters: &str) {
        for parameter in parameters.split_ascii_whitespace() {
            let Some((name, value)) = parameter.split_once('=') else { continue };
            let value = value.parse().ok().filter(|&value: &usize| value > 0);
            match name.to_ascii_uppercase().as_str() {
                "RCPTMAX" => self.recipients = value,
                "MAILMAX" => self.messages = value,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn extensions(lines: &[&str], channel: Channel) -> Extensions {
        Extensions::of(lines.iter().copied(), channel)
    }

    #[test]
    fn limits_are_read_and_nonsense_among_them_is_passed_over() {
        let limits = |line| extensions(&["mx", line], Channel::Clear).limits();
        let both = Limits { recipients: Some(20), messages: Some(5) };
        assert_eq!(limits("LIMITS RCPTMAX=20 MAILMAX=5 RCPTDOMAINMAX=1"), both);
        assert_eq!(limits("limits x mailmax=5 =3 rcptmax=20"), both);
        assert_eq!(limits("LIMITS RCPTMAX=0 MAILMAX=many"), Limits::default());
        assert_eq!(limits("LIMITS"), Limits::default());
    }

    #[test]
    fn a_line_that_cannot_be_read_takes_none_of_the_others_with_it() {
        let lines = ["mx", "PIPELINING", "DELIVERBY soon", "SIZE x", "X-NEW", "", "DSN"];
        let read = extensions(&lines, Channel::Clear);
        assert!(read.pipelining() && read.dsn());
    }

    #[test]
    fn what_is_offered_is_known_with_its_parameters() {
        let lines =
            ["mx", "size 1000", "DELIVERBY 240", "MT-PRIORITY MIXER", "SMTPUTF8", "8BITMIME"];
        let read = extensions(&lines, Channel::Clear);
        assert_eq!((read.max_size(), read.shortest_by()), (Some(1000), 240));
        assert!(read.priority() && read.smtp_utf8() && read.eight_bit());
        assert_eq!(read.deliver_by_promise(), Promise::Made);
        assert_eq!(read.dsn_promise(), Promise::Absent);
    }

    #[test]
    fn require_tls_offered_in_clear_is_not_believed() {
        let lines = ["mx", "REQUIRETLS"];
        assert!(extensions(&lines, Channel::Encrypted).require_tls());
        assert!(!extensions(&lines, Channel::Clear).require_tls());
    }

    proptest! {
        #[test]
        fn no_greeting_is_too_strange_to_read(lines in prop::collection::vec(
            prop_oneof![
                any::<String>(),
                "(SIZE|DELIVERBY|FUTURERELEASE|MT-PRIORITY|AUTH|LIMITS|NO-SOLICITING)[ =]?\\PC{0,30}",
                "(SIZE|DELIVERBY|FUTURERELEASE|LIMITS RCPTMAX=) ?[0-9]{1,40}( [0-9T:Z-]{0,30})?",
            ],
            0..6,
        )) {
            let lines = lines.iter().map(String::as_str);
            let read = Extensions::of(lines, Channel::Encrypted);
            prop_assert!(read.limits().recipients != Some(0) && read.shortest_by() > 0);
        }
    }
}
