//! What can be asked of a sender's authentication, and which answers there are.

use crate::mail::AuthenticationFacts;

use super::condition::Truth;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mechanism {
    Spf,
    SpfHelo,
    Dkim,
    Dmarc,
    DmarcPolicy,
    Alignment,
    Arc,
    TrustedArc,
    Iprev,
}

impl Mechanism {
    pub const ALL: [(&str, Self); 9] = [
        ("spf", Self::Spf),
        ("spf_helo", Self::SpfHelo),
        ("dkim", Self::Dkim),
        ("dmarc", Self::Dmarc),
        ("dmarc_policy", Self::DmarcPolicy),
        ("alignment", Self::Alignment),
        ("arc", Self::Arc),
        ("trusted_arc", Self::TrustedArc),
        ("iprev", Self::Iprev),
    ];

    /// As policies write it.
    pub(super) fn key(self) -> &'static str {
        Self::ALL.iter().find(|(_, one)| *one == self).map_or("", |(name, _)| name)
    }

    /// Every word it can come to; the first where nothing is known of it.
    pub const fn words(self) -> &'static [&'static str] {
        match self {
            Self::DmarcPolicy => &["absent", "none", "quarantine", "reject", TEMPORARY_ERROR],
            Self::Alignment => &["none", "pass", TEMPORARY_ERROR],
            Self::TrustedArc => &["none", "pass"],
            _ => &VERDICTS,
        }
    }

    /// A temporary error is no verdict, unless it is the one asked for.
    pub(super) fn truth(
        self,
        authentication: Option<&AuthenticationFacts>,
        verdicts: &[String],
    ) -> Truth {
        let Some(facts) = authentication else { return Truth::Unknown };
        let verdict = self.verdict(facts);
        if verdicts.iter().any(|named| named == verdict) {
            Truth::True
        } else if verdict == TEMPORARY_ERROR {
            Truth::Unknown
        } else {
            Truth::False
        }
    }

    pub(super) fn verdict(self, facts: &AuthenticationFacts) -> &str {
        match self {
            Self::Spf => &facts.spf,
            Self::SpfHelo => &facts.spf_helo,
            Self::Dkim => &facts.dkim,
            Self::Dmarc => &facts.dmarc,
            Self::DmarcPolicy => &facts.dmarc_policy,
            Self::Alignment => &facts.alignment,
            Self::Arc => &facts.arc,
            Self::TrustedArc => &facts.trusted_arc,
            Self::Iprev => &facts.iprev,
        }
    }

    pub(super) fn set(self, facts: &mut AuthenticationFacts, verdict: &str) {
        let place = match self {
            Self::Spf => &mut facts.spf,
            Self::SpfHelo => &mut facts.spf_helo,
            Self::Dkim => &mut facts.dkim,
            Self::Dmarc => &mut facts.dmarc,
            Self::DmarcPolicy => &mut facts.dmarc_policy,
            Self::Alignment => &mut facts.alignment,
            Self::Arc => &mut facts.arc,
            Self::TrustedArc => &mut facts.trusted_arc,
            Self::Iprev => &mut facts.iprev,
        };
        verdict.clone_into(place);
    }
}

/// RFC 8601 section 2.7: the check could not be made, but may be later.
const TEMPORARY_ERROR: &str = "temperror";

/// The verdicts of RFC 8601 section 2.7 and RFC 8617.
const VERDICTS: [&str; 8] =
    ["none", "pass", "fail", "softfail", "neutral", "policy", TEMPORARY_ERROR, "permerror"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_worked_out_is_unknown() {
        let fail = ["fail".to_owned()];
        assert_eq!(Mechanism::Dmarc.truth(None, &fail), Truth::Unknown);
        let facts = |dmarc: &str| AuthenticationFacts {
            dmarc: dmarc.to_owned(),
            ..AuthenticationFacts::default()
        };
        assert_eq!(Mechanism::Dmarc.truth(Some(&facts("temperror")), &fail), Truth::Unknown);
        assert_eq!(Mechanism::Dmarc.truth(Some(&facts("fail")), &fail), Truth::True);
        assert_eq!(Mechanism::Dmarc.truth(Some(&facts("pass")), &fail), Truth::False);
        let asked_for = ["temperror".to_owned()];
        assert_eq!(Mechanism::Dmarc.truth(Some(&facts("temperror")), &asked_for), Truth::True);
    }

    #[test]
    fn each_mechanism_answers_for_itself() {
        for (name, mechanism) in Mechanism::ALL {
            let mut facts = AuthenticationFacts::default();
            mechanism.set(&mut facts, "pass");
            let asked = ["pass".to_owned()];
            for (other, asks) in Mechanism::ALL {
                let expected = if name == other { Truth::True } else { Truth::False };
                assert_eq!(asks.truth(Some(&facts), &asked), expected, "{name} {other}");
            }
        }
    }
}
