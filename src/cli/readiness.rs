//! How the readiness of a domain is told: line by line, or a row of a table.

use std::io::{self, Write};

use super::page::{Ink, Page, Piece, piece};
use crate::{
    deliver::{AddressPosture, HostPosture, Posture, PublishedSts, PublishedTlsa, Way},
    gateway::Readiness,
    mail::{
        CertificateVerdict, DestinationClass, Level, SeenCertificate, Timestamp, TlsRequirement,
        Voucher,
    },
    policy::{DomainPattern, Policy},
};

/// Everything that is known of one domain.
pub(super) fn whole<W: Write>(
    page: &mut Page<W>,
    found: &Readiness,
    policy: &Policy,
    now: Timestamp,
) -> io::Result<()> {
    page.heading("", found.domain.as_str())?;
    entry(page, found, policy)?;
    match &found.posture {
        None => page.row("Route", &[piece(Ink::Bad, "postern.toml has none for this domain")])?,
        Some(posture) => {
            way(page, posture)?;
            for seen in &posture.hosts {
                page.empty_line()?;
                host(page, seen, strongest(found), now)?;
            }
        }
    }
    page.empty_line()?;
    let [ink, other] = if found.is_ready() { [Ink::Good; 2] } else { [Ink::Bad, Ink::Care] };
    let goes = match found.up_to {
        Some(level) => {
            let ink = if found.is_ready() { ink } else { other };
            let name = policy.level_name(level);
            piece(ink, format!("mail up to level {level} ({name}) could go now"))
        }
        None => piece(ink, "no mail could go now"),
    };
    page.row("Conclusion", &[goes, piece(Ink::Quiet, conclusion(found))])
}

/// What policy and the operator ask for.
fn entry<W: Write>(page: &mut Page<W>, found: &Readiness, policy: &Policy) -> io::Result<()> {
    let name = policy.level_name(found.clearance);
    let cleared = format!("cleared to level {} ({name})", found.clearance);
    let standing = match (&found.entry, found.class) {
        (Some(entry), DestinationClass::Approved) => format!("approved by the entry `{entry}`"),
        (Some(entry), DestinationClass::Internet) => {
            format!("retired by the entry `{entry}`: the open internet")
        }
        (_, DestinationClass::Local) => "ours: a local domain".to_owned(),
        (None, _) => "no entry: the open internet".to_owned(),
    };
    page.row("Policy", &[piece(Ink::Plain, format!("{standing}, {cleared}"))])?;
    page.row("TLS asked", &[piece(Ink::Plain, asked(&found.asked))])?;
    let names: Vec<String> = found.protection.mx_names.iter().map(ToString::to_string).collect();
    if !names.is_empty() {
        page.row("MX names", &[piece(Ink::Plain, names.join(", "))])?;
    }
    if let Some(vouchers) = &found.protection.vouched_by {
        page.row("Vouched by", &[piece(Ink::Plain, names_of(vouchers))])?;
    }
    Ok(())
}

/// By ranges of levels: most are alike.
fn asked(by_level: &[(Level, TlsRequirement)]) -> String {
    let range = |alike: &[(Level, TlsRequirement)]| match alike {
        [(level, tls)] => Some(format!("{tls} at level {level}")),
        [(first, tls), .., (last, _)] => Some(format!("{tls} at levels {first} to {last}")),
        [] => None,
    };
    let ranges = by_level.chunk_by(|(_, one), (_, other)| one == other).filter_map(range);
    ranges.collect::<Vec<_>>().join(", ")
}

/// How its hosts are found, and what the domain publishes of them.
fn way<W: Write>(page: &mut Page<W>, posture: &Posture) -> io::Result<()> {
    let said = match &posture.way {
        Way::Signed => piece(Ink::Good, "by MX, signed: DNSSEC vouches for the names"),
        Way::Unsigned => piece(Ink::Plain, "by MX, not signed: DNS alone vouches for no name"),
        Way::Route => piece(Ink::Plain, format!("{}, by a route", posture.next_hop)),
        Way::Folder => piece(Ink::Plain, format!("{}, on this machine", posture.next_hop)),
        Way::None(why) => piece(Ink::Bad, why),
    };
    page.row("Way there", &[said])?;
    if !matches!(posture.way, Way::Signed | Way::Unsigned) {
        return Ok(());
    }
    match &posture.mta_sts {
        PublishedSts::Absent => page.row("MTA-STS", &[piece(Ink::Quiet, "none")]),
        PublishedSts::Policy(lines) => page.row("MTA-STS", &[piece(Ink::Plain, lines.join("; "))]),
        PublishedSts::Unavailable(why) => page.row("MTA-STS", &[piece(Ink::Care, why)]),
    }
}

fn host<W: Write>(
    page: &mut Page<W>,
    seen: &HostPosture,
    asked: TlsRequirement,
    now: Timestamp,
) -> io::Result<()> {
    page.row("Host", &[piece(Ink::Strong, &seen.host)])?;
    match &seen.tlsa {
        PublishedTlsa::NotAsked => {}
        PublishedTlsa::Absent => page.row("TLSA", &[piece(Ink::Quiet, "none")])?,
        PublishedTlsa::Records(records) => {
            for record in records {
                page.row("TLSA", &[piece(Ink::Plain, record)])?;
            }
        }
        PublishedTlsa::Unavailable(why) => page.row("TLSA", &[piece(Ink::Bad, why)])?,
    }
    if let Some(why) = &seen.lost {
        page.row("Address", &[piece(Ink::Bad, why)])?;
    }
    seen.addresses.iter().try_for_each(|one| address(page, one, asked, now))
}

fn address<W: Write>(
    page: &mut Page<W>,
    seen: &AddressPosture,
    asked: TlsRequirement,
    now: Timestamp,
) -> io::Result<()> {
    page.row("Address", &[piece(Ink::Plain, seen.address.to_string())])?;
    if let Some(greeting) = &seen.greeting {
        page.row("Greeting", &[piece(Ink::Plain, printable(greeting))])?;
    }
    for (label, offers) in [("In clear", &seen.offers_in_clear), ("Under TLS", &seen.offers)] {
        if !offers.is_empty() {
            page.row(label, &[piece(Ink::Plain, offers.join(", "))])?;
        }
    }
    match (&seen.evidence.tls, &seen.evidence.fallback, seen.met) {
        (Some(tls), ..) => {
            page.row("TLS", &[piece(Ink::Plain, format!("{}, {}", tls.version, tls.cipher))])?;
        }
        (None, Some(why), _) => page.row("TLS", &[piece(Ink::Bad, format!("none: {why}"))])?,
        (None, None, Some(_)) => page.row("TLS", &[piece(Ink::Bad, "none: not offered")])?,
        (None, None, None) => {}
    }
    for (index, certificate) in seen.evidence.chain.iter().enumerate() {
        let label = if index == 0 { "Certificate" } else { "" };
        page.row(label, &shown(certificate, now))?;
    }
    verdict(page, seen)?;
    for (requirement, why) in &seen.unmet {
        // What nobody asks for is no fault.
        let ink = if *requirement <= asked { Ink::Care } else { Ink::Quiet };
        page.topic("Not met", requirement.name(), &[piece(ink, why)])?;
    }
    match seen.met {
        Some(met) => page.row("Meets", &[piece(Ink::Strong, met.name())]),
        None => page.row("Meets", &[piece(Ink::Bad, "nothing that could be asked for")]),
    }
}

fn shown(certificate: &SeenCertificate, now: Timestamp) -> [Piece; 3] {
    let names = piece(Ink::Plain, format!("{},", certificate.names.join(", ")));
    let issued = format!("issued by {}, sha256:{}", certificate.issuer, certificate.fingerprint);
    [
        names,
        piece(expiry_ink(certificate, now), format!("{},", expiry(certificate, now))),
        piece(Ink::Quiet, issued),
    ]
}

fn verdict<W: Write>(page: &mut Page<W>, seen: &AddressPosture) -> io::Result<()> {
    let said = match &seen.evidence.certificate {
        CertificateVerdict::Absent => return Ok(()),
        CertificateVerdict::Unchecked => piece(Ink::Care, "unchecked: there is no name to check"),
        CertificateVerdict::Valid { name } => piece(Ink::Good, format!("valid for {name}")),
        CertificateVerdict::Dane { record } => piece(Ink::Good, format!("matches TLSA {record}")),
        CertificateVerdict::Pinned => piece(Ink::Good, "bears a pinned key"),
        CertificateVerdict::Invalid(why) => piece(Ink::Bad, why),
    };
    let vouchers = match &seen.evidence.vouched_by[..] {
        [] => "(nobody vouches for the host)".to_owned(),
        vouchers => format!("(the host is vouched for by {})", names_of(vouchers)),
    };
    page.row("Verdict", &[said, piece(Ink::Quiet, vouchers)])
}

fn conclusion(found: &Readiness) -> String {
    let met = found.met.map_or("nothing", |met| met.name());
    if found.is_ready() {
        return format!("(met: {met})");
    }
    format!("(level {} asks for {}; met: {met})", found.clearance, strongest(found))
}

/// What is asked at most.
fn strongest(found: &Readiness) -> TlsRequirement {
    let asked = found.asked.iter().map(|(_, tls)| *tls);
    asked.max().unwrap_or(found.protection.tls)
}

/// A row a domain.
pub(super) fn table<W: Write>(
    page: &mut Page<W>,
    found: &[Readiness],
    passed_over: &[DomainPattern],
    now: Timestamp,
) -> io::Result<()> {
    let head = ["DOMAIN", "CLEARED TO", "ASKED", "MET", "MAIL UP TO", "CERTIFICATE"];
    let rows: Vec<Vec<Piece>> = found.iter().map(|one| row(one, now)).collect();
    page.table(&head, &rows)?;
    for wildcard in passed_over {
        let note = format!("{wildcard} is a wildcard: name the domains below it to look at them");
        page.text(&[piece(Ink::Quiet, note)])?;
    }
    let ready = found.iter().filter(|one| one.is_ready()).count();
    page.text(&[piece(
        Ink::Strong,
        format!("{ready} of {} could take mail at their clearance now", found.len()),
    )])
}

fn row(found: &Readiness, now: Timestamp) -> Vec<Piece> {
    let asked = found.asked.last().map_or("-", |(_, tls)| tls.name());
    let up_to = found.up_to.map_or_else(|| "none".to_owned(), |level| level.to_string());
    let ink = match (found.is_ready(), found.up_to) {
        (true, _) => Ink::Good,
        (false, Some(_)) => Ink::Care,
        (false, None) => Ink::Bad,
    };
    let certificate = soonest(found).map_or_else(
        || piece(Ink::Quiet, "none seen"),
        |certificate| piece(expiry_ink(certificate, now), expiry(certificate, now)),
    );
    vec![
        piece(Ink::Plain, found.domain.as_str()),
        piece(Ink::Plain, found.clearance.to_string()),
        piece(Ink::Plain, asked),
        piece(Ink::Plain, found.met.map_or("nothing", |met| met.name())),
        piece(ink, up_to),
        certificate,
    ]
}

/// The host's certificate that expires first.
fn soonest(found: &Readiness) -> Option<&SeenCertificate> {
    let posture = found.posture.as_ref()?;
    let leaves = posture.addresses().filter_map(|address| address.evidence.leaf());
    leaves.min_by_key(|certificate| certificate.expires)
}

fn expiry(certificate: &SeenCertificate, now: Timestamp) -> String {
    let Some(expires) = certificate.expires else { return "no date".to_owned() };
    let days = |from: Timestamp, to: Timestamp| match to.saturating_since(from).as_secs() / DAY {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    match expires > now {
        true => format!("expires {} ({})", expires.date(), days(now, expires)),
        false => format!("expired {} ({} ago)", expires.date(), days(expires, now)),
    }
}

fn expiry_ink(certificate: &SeenCertificate, now: Timestamp) -> Ink {
    match certificate.expires {
        Some(expires) if expires <= now => Ink::Bad,
        Some(expires) if expires.saturating_since(now).as_secs() / DAY < SOON => Ink::Care,
        _ => Ink::Plain,
    }
}

fn names_of(vouchers: &[Voucher]) -> String {
    let names: Vec<&str> = vouchers.iter().map(|voucher| voucher.name()).collect();
    names.join(", ")
}

/// A stranger's words.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

const DAY: u64 = 24 * 60 * 60;
/// Days.
const SOON: u64 = 21;
const LONGEST: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cli::page::Look,
        mail::{Evidence, MxName, NextHop, Protection, TlsSession},
    };

    /// The 1st of January 2027.
    const NOW: Timestamp = Timestamp::from_unix_milliseconds(1_798_761_600_000);

    fn policy() -> Policy {
        let sources = crate::config::read_policies("policies".as_ref()).unwrap();
        let today = NOW.date();
        let context = crate::policy::Context { today, local_domains: &[], test_range: None };
        Policy::compile(&sources, &context).0.unwrap()
    }

    fn certificate(expires: u64) -> SeenCertificate {
        SeenCertificate {
            names: vec!["mx.partner.example".to_owned()],
            issuer: "CN=An authority".to_owned(),
            fingerprint: "ab".repeat(32),
            key_fingerprint: "cd".repeat(32),
            expires: Some(Timestamp::from_unix_milliseconds(
                NOW.unix_milliseconds() + expires * DAY * 1000,
            )),
        }
    }

    /// An exchange whose certificate is all that it should be.
    fn good() -> AddressPosture {
        AddressPosture {
            address: "192.0.2.1:25".parse().unwrap(),
            met: Some(TlsRequirement::Dane),
            unmet: Vec::new(),
            greeting: Some("220 mx.partner.example ESMTP \u{1b}[31m".to_owned()),
            offers_in_clear: vec!["STARTTLS".to_owned(), "SIZE 50000000".to_owned()],
            offers: vec!["REQUIRETLS".to_owned(), "SMTPUTF8".to_owned()],
            evidence: Evidence {
                tls: Some(TlsSession {
                    version: "TLSv1.3".to_owned(),
                    cipher: "TLS_AES_256_GCM_SHA384".to_owned(),
                }),
                certificate: CertificateVerdict::Dane { record: "3 1 1".to_owned() },
                chain: vec![certificate(90)],
                vouched_by: vec![Voucher::Officers, Voucher::Dnssec],
                ..Evidence::default()
            },
        }
    }

    /// One that has let its certificate expire.
    fn expired() -> AddressPosture {
        let why = "the TLS handshake failed: the certificate has expired".to_owned();
        let seen = good();
        AddressPosture {
            met: Some(TlsRequirement::Encrypted),
            unmet: vec![
                (TlsRequirement::Dane, "DANE is required, and there is none".to_owned()),
                (TlsRequirement::Verified, why),
            ],
            evidence: Evidence {
                certificate: CertificateVerdict::Invalid("the certificate has expired".to_owned()),
                chain: vec![SeenCertificate { expires: Some(NOW), ..certificate(0) }],
                vouched_by: Vec::new(),
                ..seen.evidence
            },
            ..seen
        }
    }

    fn partner(address: AddressPosture, tlsa: PublishedTlsa, way: Way) -> Readiness {
        let met = address.met;
        let host = "mx.partner.example".to_owned();
        let hosts = vec![HostPosture { host, tlsa, lost: None, addresses: vec![address] }];
        let sts = ["version: STSv1", "mode: enforce", "mx: *.partner.example", "max_age: 604800"];
        let mta_sts = PublishedSts::Policy(sts.map(str::to_owned).to_vec());
        let verified = met >= Some(TlsRequirement::Verified);
        let asked = |level| match level > Level::PERSONAL {
            true => (level, TlsRequirement::Verified),
            false => (level, TlsRequirement::Encrypted),
        };
        Readiness {
            domain: "partner.example".parse().unwrap(),
            class: DestinationClass::Approved,
            clearance: Level::SPECIALLY_PROTECTED,
            entry: Some("*.example".to_owned()),
            protection: Protection {
                mx_names: vec!["mx.partner.example".parse::<MxName>().unwrap()],
                vouched_by: Some(vec![Voucher::MtaSts, Voucher::Dnssec]),
                ..Protection::default()
            },
            route: TlsRequirement::Opportunistic,
            asked: Level::ALL.map(asked).to_vec(),
            met,
            up_to: Some(if verified { Level::SPECIALLY_PROTECTED } else { Level::PERSONAL }),
            posture: Some(Posture { next_hop: NextHop::Mx, way, mta_sts, hosts }),
        }
    }

    fn ready() -> Readiness {
        let records = PublishedTlsa::Records(vec![format!("3 1 1 {}", "cd".repeat(32))]);
        partner(good(), records, Way::Signed)
    }

    fn half_ready() -> Readiness {
        partner(expired(), PublishedTlsa::Absent, Way::Unsigned)
    }

    /// A domain whose name cannot be looked up.
    fn lost() -> Readiness {
        let why = "lost.example could not be looked up: SERVFAIL".to_owned();
        let posture = Posture {
            next_hop: NextHop::Mx,
            way: Way::None(why),
            mta_sts: PublishedSts::Absent,
            hosts: Vec::new(),
        };
        let posture = Some(posture);
        let domain = "lost.example".parse().unwrap();
        Readiness { domain, met: None, up_to: None, posture, ..half_ready() }
    }

    fn written(look: Look, write: impl Fn(&mut Page<&mut Vec<u8>>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut Page::new(&mut out, 100, look)).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn told(found: &Readiness) -> String {
        let policy = policy();
        written(Look::Plain, |page| whole(page, found, &policy, NOW))
    }

    #[test]
    fn a_partner_that_is_ready() {
        insta::assert_snapshot!(told(&ready()));
    }

    #[test]
    fn a_partner_that_is_ready_for_some_mail() {
        insta::assert_snapshot!(told(&half_ready()));
    }

    #[test]
    fn a_partner_that_cannot_be_found() {
        insta::assert_snapshot!(told(&lost()));
    }

    #[test]
    fn all_partners_in_a_table() {
        let found = [ready(), half_ready(), lost()];
        let wildcards = ["*.gov.example".parse().unwrap()];
        insta::assert_snapshot!(written(Look::Plain, |page| table(page, &found, &wildcards, NOW)));
    }

    #[test]
    fn a_strangers_greeting_draws_nothing_on_the_terminal() {
        let policy = policy();
        let drawn = written(Look::Drawn, |page| whole(page, &ready(), &policy, NOW));
        assert!(!drawn.contains('\u{1b}'), "{drawn}");
    }
}
