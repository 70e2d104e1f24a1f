//! The board of partners, in the words of people.

use std::{sync::Arc, time::Duration};

use crate::{
    console::{Partner, PartnerDesk, PartnerLevel, PartnerState},
    deliver::{AddressPosture, Posture, Way},
    gateway::{
        partners::{Look, Partners},
        queue::now,
        readiness::Readiness,
    },
    mail::{Domain, Timestamp, TlsRequirement},
};

pub(in crate::gateway) struct PartnerOffice(pub(in crate::gateway) Arc<Partners>);

impl PartnerDesk for PartnerOffice {
    fn board(&self) -> Vec<Partner> {
        let now = now();
        let known = self.0.known();
        known.into_iter().map(|(domain, look)| partner(&domain, look.as_ref(), now)).collect()
    }
}

fn partner(domain: &Domain, look: Option<&Look>, now: Timestamp) -> Partner {
    let domain = domain.as_str().to_owned();
    let Some(Look { at, since, readiness }) = look else {
        return Partner {
            domain,
            state: PartnerState::Unknown,
            levels: Vec::new(),
            met: None,
            since: None,
            looked_at: None,
            certificate_expires: None,
            faults: Vec::new(),
        };
    };
    let levels = readiness.asked.iter().map(|(level, asked)| PartnerLevel {
        level: level.number(),
        asked: asked.name().to_owned(),
        could_go: readiness.up_to.is_some_and(|highest| *level <= highest),
    });
    Partner {
        domain,
        state: look.map_or(PartnerState::Unknown, Look::state),
        levels: levels.collect(),
        met: readiness.met.map(|met| met.name().to_owned()),
        since: Some(*since),
        looked_at: Some(*at),
        certificate_expires: expires(readiness),
        faults: faults(readiness, now),
    }
}

fn expires(readiness: &Readiness) -> Option<Timestamp> {
    let addresses = readiness.posture.iter().flat_map(Posture::addresses);
    addresses.filter_map(|address| address.evidence.leaf()?.expires).min()
}

/// What stands in the way of mail that it is cleared for, and a certificate
/// that soon will.
fn faults(readiness: &Readiness, now: Timestamp) -> Vec<String> {
    let mut faults = Vec::new();
    match &readiness.posture {
        None => faults.push("postern.toml has no route for it".to_owned()),
        Some(Posture { way: Way::None(why), .. }) => faults.push(printable(why)),
        Some(posture) if !readiness.is_ready() => {
            let asked = readiness.asked.iter().map(|(_, tls)| *tls).max().unwrap_or_default();
            for host in &posture.hosts {
                let lost = host.lost.iter().map(|why| format!("{}: {why}", host.host));
                let unmet = host.addresses.iter().filter_map(|address| unmet(address, asked));
                let unmet = unmet.map(|why| format!("{}: {why}", host.host));
                faults.extend(lost.chain(unmet).map(|fault| printable(&fault)));
            }
        }
        Some(_) => {}
    }
    if let Some(at) = expires(readiness).filter(|at| *at < now + SOON) {
        let words = match at.saturating_since(now).as_secs() / A_DAY {
            _ if at <= now => "its certificate has expired".to_owned(),
            0 => "its certificate expires today".to_owned(),
            1 => "its certificate expires tomorrow".to_owned(),
            days => format!("its certificate expires in {days} days"),
        };
        faults.push(words);
    }
    faults.dedup();
    faults.truncate(MOST);
    faults
}

/// Why it does not meet what is asked at most.
fn unmet(address: &AddressPosture, asked: TlsRequirement) -> Option<String> {
    let unmet = address.unmet.iter().rev().find(|(requirement, _)| *requirement <= asked);
    unmet.map(|(requirement, why)| match address.met {
        Some(_) => format!("TLS is not {requirement}: {why}"),
        // Nothing can be had there, with TLS or without.
        None => why.clone(),
    })
}

/// It may be a stranger's words.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

const A_DAY: u64 = 24 * 60 * 60;
const SOON: Duration = Duration::from_secs(21 * A_DAY);
const LONGEST: usize = 300;
/// Faults told of a domain.
const MOST: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        deliver::{HostPosture, PublishedSts, PublishedTlsa},
        mail::{
            DestinationClass, Evidence, Level, NextHop, Protection, SeenCertificate,
            TlsRequirement::{Encrypted, Verified},
        },
    };

    const NOW: Timestamp = Timestamp::from_unix_milliseconds(1_795_367_525_123);

    fn address(met: TlsRequirement, unmet: &str, days: u64) -> AddressPosture {
        let certificate = SeenCertificate {
            names: vec!["mx.x.example".to_owned()],
            issuer: "CN=x".to_owned(),
            fingerprint: String::new(),
            key_fingerprint: String::new(),
            expires: Some(NOW + Duration::from_secs(days * A_DAY + 60)),
        };
        AddressPosture {
            address: "192.0.2.1:25".parse().unwrap(),
            met: Some(met),
            unmet: vec![(TlsRequirement::Dane, "no TLSA".to_owned()), (Verified, unmet.to_owned())],
            greeting: None,
            offers_in_clear: Vec::new(),
            offers: Vec::new(),
            evidence: Evidence { chain: vec![certificate], ..Evidence::default() },
        }
    }

    fn look(met: TlsRequirement, up_to: Level, days: u64) -> Look {
        let host = HostPosture {
            host: "mx.x.example".to_owned(),
            tlsa: PublishedTlsa::NotAsked,
            lost: None,
            addresses: vec![address(met, "no such\r\nname", days)],
        };
        let readiness = Readiness {
            domain: "x.example".parse().unwrap(),
            class: DestinationClass::Approved,
            clearance: Level::CLINICAL,
            entry: None,
            protection: Protection::default(),
            route: Encrypted,
            asked: vec![(Level::PERSONAL, Encrypted), (Level::CLINICAL, Verified)],
            met: Some(met),
            up_to: Some(up_to),
            posture: Some(Posture {
                next_hop: NextHop::Mx,
                way: Way::Unsigned,
                mta_sts: PublishedSts::Absent,
                hosts: vec![host],
            }),
        };
        Look { at: NOW, since: NOW, readiness: Arc::new(readiness) }
    }

    #[test]
    fn a_partner_that_misses_what_a_level_asks_for_is_told_with_the_reason() {
        let domain: Domain = "x.example".parse().unwrap();
        let short = partner(&domain, Some(&look(Encrypted, Level::PERSONAL, 90)), NOW);
        assert_eq!(short.state, PartnerState::Partly);
        assert_eq!(short.levels.iter().map(|one| one.could_go).collect::<Vec<_>>(), [true, false]);
        assert_eq!(short.faults, ["mx.x.example: TLS is not verified: no suchname"]);
        let ready = partner(&domain, Some(&look(Verified, Level::CLINICAL, 90)), NOW);
        assert_eq!((ready.state, ready.faults.len()), (PartnerState::Ready, 0));
        assert_eq!(partner(&domain, None, NOW).state, PartnerState::Unknown);
    }

    #[test]
    fn a_certificate_that_ends_soon_is_told_before_it_does() {
        let domain: Domain = "x.example".parse().unwrap();
        let soon = partner(&domain, Some(&look(Verified, Level::CLINICAL, 5)), NOW);
        assert_eq!(soon.faults, ["its certificate expires in 5 days"]);
        assert_eq!(soon.certificate_expires, Some(NOW + Duration::from_secs(5 * A_DAY + 60)));
    }
}
