//! Entitlement: which sender domains a client may use. Who has authenticated,
//! or shown a certificate, sends from its own domains only, in the
//! reverse-path and in From: a stolen password is mostly used to be somebody
//! else. Mail servers that may relay for where they stand carry everybody's
//! mail and are not limited.

use super::{admission::Desk, replies::refused};
use crate::{
    config::DomainPattern,
    content::author_domains,
    mail::{Domain, Envelope, Origin, Refusal, Submission},
    smtp::server::Refused,
};

/// What one client may send from.
#[derive(Debug)]
enum Entitlement {
    Unlimited,
    /// The node's local domains.
    Local,
    Only(Vec<DomainPattern>),
    /// It is known no longer: taken out since its session began.
    Nothing,
}

impl Desk {
    /// The reverse-path. The null one is everybody's: reports have it.
    pub(super) fn sender_entitled(
        &self,
        origin: &Origin,
        envelope: &Envelope,
    ) -> Result<(), Refused> {
        match envelope.reverse_path.domain() {
            Some(domain) => self.may_send_from(&self.entitlement(origin), domain),
            None => Ok(()),
        }
    }

    /// Every address in From.
    pub(super) fn authors_entitled(&self, submission: &Submission) -> Result<(), Refused> {
        let entitlement = self.entitlement(&submission.origin);
        if matches!(entitlement, Entitlement::Unlimited) {
            return Ok(());
        }
        let domains = author_domains(&submission.content)
            .map_err(|unclear| not_entitled(&format!("{unclear}: who sends it must be clear")))?;
        domains.iter().try_for_each(|domain| self.may_send_from(&entitlement, domain))
    }

    fn entitlement(&self, origin: &Origin) -> Entitlement {
        let system = origin.certified.as_deref();
        // EXTERNAL gives the system's own name.
        let user = origin.authenticated.as_deref().filter(|user| Some(*user) != system);
        let domains = match (user, system) {
            (Some(user), _) => self.accounts.sender_domains(user),
            (None, Some(system)) => {
                let known = self.certified.iter().find(|known| known.name == system);
                known.map(|known| known.sender_domains.clone())
            }
            (None, None) => return Entitlement::Unlimited,
        };
        Entitlement::from(domains)
    }

    fn may_send_from(&self, entitlement: &Entitlement, domain: &Domain) -> Result<(), Refused> {
        if entitlement.covers(domain, &self.intake.processor.config.node.local_domains) {
            return Ok(());
        }
        Err(not_entitled(&format!("{domain} is not a domain that this client may send from")))
    }
}

impl Entitlement {
    fn covers(&self, domain: &Domain, local_domains: &[Domain]) -> bool {
        match self {
            Self::Unlimited => true,
            Self::Local => local_domains.contains(domain),
            Self::Only(patterns) => patterns.iter().any(|pattern| pattern.matches(domain)),
            Self::Nothing => false,
        }
    }
}

/// Of a client that is known by name; none where the name is known no longer.
impl From<Option<Vec<DomainPattern>>> for Entitlement {
    fn from(domains: Option<Vec<DomainPattern>>) -> Self {
        match domains {
            None => Self::Nothing,
            Some(domains) if domains.is_empty() => Self::Local,
            Some(domains) => Self::Only(domains),
        }
    }
}

fn not_entitled(text: &str) -> Refused {
    refused(Refusal::Entitlement, 550, (5, 7, 1), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those of these domains that a client may send from.
    fn covered(domains: Option<&[&str]>) -> Vec<&'static str> {
        let patterns =
            domains.map(|domains| domains.iter().map(|domain| domain.parse().unwrap()).collect());
        let entitlement = Entitlement::from(patterns);
        let local = ["nhs.example".parse().unwrap()];
        let tried = ["nhs.example", "ward.nhs.example", "lab.example", "a.lab.example"];
        let allowed = |domain: &&str| entitlement.covers(&domain.parse().unwrap(), &local);
        tried.into_iter().filter(allowed).collect()
    }

    #[test]
    fn a_client_may_send_from_its_own_domains_and_no_others() {
        assert_eq!(covered(Some(&["lab.example"])), ["lab.example"]);
        assert_eq!(covered(Some(&[".lab.example"])), ["a.lab.example"]);
        assert_eq!(covered(Some(&["lab.example", ".nhs.example"])).len(), 2);
        assert_eq!(covered(Some(&["*"])).len(), 4);
    }

    #[test]
    fn a_client_without_domains_of_its_own_has_the_local_ones() {
        assert_eq!(covered(Some(&[])), ["nhs.example"]);
    }

    #[test]
    fn a_client_that_is_known_no_longer_may_send_from_nowhere() {
        assert!(covered(None).is_empty());
    }
}
