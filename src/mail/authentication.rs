//! What authentication says of a sender, in the words of RFC 8601 section 2.7.

use serde::{Deserialize, Serialize};

use super::domain::Domain;

/// The verdicts of `authenticate`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuthenticationFacts {
    /// Of the reverse-path, or of the name in EHLO where that is null.
    pub spf: String,
    /// Of the name in EHLO.
    pub spf_helo: String,
    /// The best of the signatures.
    pub dkim: String,
    pub dmarc: String,
    /// What the author's domain asks for where DMARC fails: `none`,
    /// `quarantine`, `reject`; `absent` where it publishes nothing.
    pub dmarc_policy: String,
    /// Whether what passed is of the author's own domain, whether or not it
    /// publishes a DMARC record.
    pub alignment: String,
    pub arc: String,
    /// Whether a trusted sealer of a chain that passes saw DMARC pass (RFC 8617
    /// section 7.2.1). Policy says who is trusted.
    pub trusted_arc: String,
    /// Of the client's address.
    pub iprev: String,
    /// The chain, its first seal first; empty unless it passes.
    pub seals: Vec<ChainSeal>,
}

/// One set of an ARC chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainSeal {
    /// Who sealed: `d=` of the ARC-Seal.
    pub sealer: Domain,
    /// What it says of DMARC for the author that the message has now.
    pub dmarc: Option<String>,
}

impl AuthenticationFacts {
    /// Whether somebody trusted saw DMARC pass, and the message has been in
    /// trusted hands since.
    pub fn trusted_arc(&self, trusts: impl Fn(&Domain) -> bool) -> &'static str {
        let since_then = self.seals.iter().rev().take_while(|seal| trusts(&seal.sealer));
        let saw_pass = |seal: &ChainSeal| seal.dmarc.as_deref() == Some("pass");
        if since_then.into_iter().any(saw_pass) { "pass" } else { "none" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusted(seals: &[(&str, Option<&str>)]) -> &'static str {
        let seal = |&(sealer, dmarc): &(&str, Option<&str>)| ChainSeal {
            sealer: sealer.parse().unwrap(),
            dmarc: dmarc.map(str::to_owned),
        };
        let facts = AuthenticationFacts {
            seals: seals.iter().map(seal).collect(),
            ..AuthenticationFacts::default()
        };
        facts.trusted_arc(|domain| domain.as_str().ends_with("trusted.example"))
    }

    #[test]
    fn a_pass_counts_only_if_all_hands_since_are_trusted() {
        let pass = Some("pass");
        assert_eq!(trusted(&[]), "none");
        assert_eq!(trusted(&[("trusted.example", pass)]), "pass");
        assert_eq!(trusted(&[("trusted.example", Some("fail"))]), "none");
        assert_eq!(trusted(&[("trusted.example", None)]), "none");
        assert_eq!(trusted(&[("list.example", pass)]), "none");
        // Whoever came before has shown nothing, and spoils nothing.
        assert_eq!(trusted(&[("list.example", None), ("trusted.example", pass)]), "pass");
        assert_eq!(trusted(&[("trusted.example", pass), ("list.example", None)]), "none");
        assert_eq!(trusted(&[("trusted.example", pass), ("a.trusted.example", None)]), "pass");
    }
}
