//! Domains that look like others: characters that cannot be told apart (UTS
//! 39), a hyphen for a dot, and our whole name in front of somebody else's.

use unicode_security::confusable_detection::skeleton;

use crate::mail::Domain;

/// Whether a domain that is none of `own`, nor below one, looks like one.
pub(super) fn looks_like(domain: &Domain, own: &[Domain]) -> bool {
    if own.iter().any(|own| domain == own || domain.is_below(own) || own.is_below(domain)) {
        return false;
    }
    own.iter().any(|own| {
        let front = domain.as_str().strip_prefix(own.as_str());
        front.is_some_and(|rest| rest.starts_with('.')) || is_confusable(domain, own)
    })
}

/// Of the whole domain, or of one it stands below.
fn is_confusable(domain: &Domain, own: &Domain) -> bool {
    let looks = look(own.as_str());
    let names = domain.ancestry().filter(|name| name.contains('.'));
    names.into_iter().any(|name| look(name) == looks)
}

/// What is left to the eye: one letter for all that look like it.
fn look(name: &str) -> String {
    let shown = idna::domain_to_unicode(name).0;
    // Capitals too: what is written `I` reads as `l`.
    let plain: String = skeleton(&shown).collect::<String>().to_lowercase();
    plain.chars().filter(|letter| !matches!(letter, '.' | '-')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deceives(domain: &str) -> bool {
        let own = ["mytrust.nhs.uk", "ward.example", "nhs.net"].map(|name| name.parse().unwrap());
        looks_like(&domain.parse().unwrap(), &own)
    }

    #[test]
    fn what_cannot_be_told_from_ours_is_a_lookalike() {
        for domain in [
            // Cyrillic dze and a.
            "mytru\u{455}t.nhs.uk",
            "w\u{430}rd.example",
            "mail.w\u{430}rd.example",
            "rnytrust.nhs.uk",
            "mytrust-nhs.uk",
            "mytrustnhs.uk",
            "mytrust.nhs.uk.evil.example",
        ] {
            assert!(deceives(domain), "{domain}");
        }
    }

    #[test]
    fn ours_and_what_is_merely_near_are_none() {
        for domain in [
            "mytrust.nhs.uk",
            "mail.mytrust.nhs.uk",
            "nhs.uk",
            "othertrust.nhs.uk",
            "mytrusts.nhs.uk",
            "ward2.example",
            "nhs.uk.example",
            "example",
        ] {
            assert!(!deceives(domain), "{domain}");
        }
    }
}
