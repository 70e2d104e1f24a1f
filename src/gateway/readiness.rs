//! Whether a domain could take mail now, and mail of which levels: what policy
//! asks of the journey for each, against what its mail systems meet.
//!
//! No message is made for it: `decide` is asked about one of each level that
//! has nothing else to say for itself.

use serde::Serialize;

use super::parts::{StartError, part};
use crate::{
    config::Config,
    decide::decide,
    deliver::{self, Deliverer, Inquiry, Posture, RouteTls},
    mail::{
        Address, DestinationClass, Domain, Facts, Level, MessageFacts, NextHop, Protection,
        TlsRequirement,
    },
    policy::{Policy, plain_message},
};

/// What may be asked about, and with what.
pub struct Surveyor {
    config: Option<Config>,
    policy: Policy,
    deliverer: Deliverer,
}

/// The same of what somebody else keeps: a running gateway's own.
pub(super) struct Survey<'a> {
    pub(super) config: Option<&'a Config>,
    pub(super) policy: &'a Policy,
    pub(super) deliverer: &'a Deliverer,
}

#[derive(Clone, Debug, Serialize)]
pub struct Readiness {
    pub domain: Domain,
    pub class: DestinationClass,
    pub clearance: Level,
    /// The name of the entry in `domains.toml`.
    pub entry: Option<String>,
    pub protection: Protection,
    /// What the operator's route asks for on top.
    pub route: TlsRequirement,
    /// What each level up to the clearance asks of the journey.
    pub asked: Vec<(Level, TlsRequirement)>,
    pub met: Option<TlsRequirement>,
    /// The highest level whose mail could go now, and all below it.
    pub up_to: Option<Level>,
    /// None where `postern.toml` has no route for the domain.
    pub posture: Option<Posture>,
}

impl Readiness {
    /// Whether mail could go now at every level the domain is cleared for.
    pub fn is_ready(&self) -> bool {
        self.up_to == Some(self.clearance)
    }
}

impl Surveyor {
    /// As the gateway of this configuration would deliver; without one, by MX
    /// and as `name`.
    pub fn new(config: Option<Config>, name: Domain, policy: Policy) -> Result<Self, StartError> {
        let settings = match &config {
            Some(config) => deliver::Settings {
                // What a gateway keeps is its own to write.
                policy_folder: None,
                ..super::parts::delivery_settings(config)
            },
            None => deliver::Settings::new(name),
        };
        let deliverer = Deliverer::new(settings).map_err(|cause| part("delivery", cause))?;
        Ok(Self { config, policy, deliverer })
    }

    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Takes a minute at the most.
    pub async fn readiness(&self, domain: &Domain) -> Readiness {
        let Self { config, policy, deliverer } = self;
        Survey { config: config.as_ref(), policy, deliverer }.readiness(domain).await
    }
}

impl Survey<'_> {
    /// Takes a minute at the most.
    pub(super) async fn readiness(&self, domain: &Domain) -> Readiness {
        let destination = self.policy.destination(domain);
        let protection = destination.protection();
        let (next_hop, route) = self.way(domain);
        let posture = match next_hop {
            None => None,
            Some(next_hop) => {
                let (domain, protection) = (domain.clone(), protection.clone());
                let inquiry = Inquiry { domain, next_hop, protection, route: route.clone() };
                Some(self.deliverer.posture(&inquiry).await)
            }
        };
        let clearance = destination.clearance;
        let asked = self.asked(domain, clearance, route.tls);
        let met = posture.as_ref().and_then(Posture::met);
        Readiness {
            domain: domain.clone(),
            class: destination.class,
            clearance,
            entry: destination.entry.map(|entry| entry.name.to_string()),
            protection,
            route: route.tls,
            up_to: up_to(&asked, met),
            asked,
            met,
            posture,
        }
    }

    fn way(&self, domain: &Domain) -> (Option<NextHop>, RouteTls) {
        match self.config.map(|config| config.route(domain)) {
            None => (Some(NextHop::Mx), RouteTls::default()),
            Some(None) => (None, RouteTls::default()),
            Some(Some(route)) => (Some(route.next_hop.clone()), route.into()),
        }
    }

    fn asked(
        &self,
        domain: &Domain,
        clearance: Level,
        route: TlsRequirement,
    ) -> Vec<(Level, TlsRequirement)> {
        let Ok(recipient) = format!("postmaster@{domain}").parse::<Address>() else {
            return Vec::new();
        };
        let levels = Level::ALL.into_iter().filter(|level| *level <= clearance);
        let of = |level| {
            let message = plain(level);
            let facts = Facts { message: &message, recipient: &recipient };
            (level, decide(self.policy, facts).protection.tls.max(route))
        };
        levels.map(of).collect()
    }
}

fn up_to(asked: &[(Level, TlsRequirement)], met: Option<TlsRequirement>) -> Option<Level> {
    let goes = |tls: TlsRequirement| met.is_some_and(|met| tls <= met);
    asked.iter().take_while(|(_, tls)| goes(*tls)).last().map(|(level, _)| *level)
}

/// A message of a level, with nothing else to be said of it.
fn plain(level: Level) -> MessageFacts {
    MessageFacts { level, size: 0, ..plain_message() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_level_that_could_not_go_stops_those_above_it() {
        use TlsRequirement::{Encrypted, Opportunistic, Verified};
        let asked: Vec<_> = Level::ALL
            .into_iter()
            .zip([Encrypted, Encrypted, Encrypted, Verified, Verified])
            .collect();
        assert_eq!(up_to(&asked, None), None);
        assert_eq!(up_to(&asked, Some(Opportunistic)), None);
        assert_eq!(up_to(&asked, Some(Encrypted)), Some(Level::PERSONAL));
        assert_eq!(up_to(&asked, Some(Verified)), Some(Level::SPECIALLY_PROTECTED));
        assert_eq!(up_to(&asked, Some(TlsRequirement::Dane)), Some(Level::SPECIALLY_PROTECTED));
    }
}
