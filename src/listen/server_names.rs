//! Which certificate a client is shown (RFC 6066 section 3): the one that has
//! the name it asks for. Most mail servers ask for none; they are shown the
//! listener's own, as are those that ask for a name nobody has, since mail
//! that goes encrypted to a wrong name is better than mail that does not go.

use std::sync::Arc;

use rustls::{
    SignatureScheme,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

/// The certificates to choose from, the listener's own first.
#[derive(Debug, Default)]
pub(super) struct Choice(Vec<Named>);

#[derive(Debug)]
struct Named {
    names: Vec<String>,
    key: Arc<CertifiedKey>,
}

/// How well a certificate fits a name: the better, the larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Wildcard,
    Exact,
}

impl Choice {
    /// `names` are those the certificate is for, in lower case.
    pub(super) fn add(&mut self, names: Vec<String>, key: Arc<CertifiedKey>) {
        self.0.push(Named { names, key });
    }

    fn choose(
        &self,
        asked: Option<&str>,
        schemes: &[SignatureScheme],
    ) -> Option<&Arc<CertifiedKey>> {
        let own = self.0.first()?;
        let asked = asked.map(str::to_ascii_lowercase);
        let for_name = asked.and_then(|name| self.best(&name, schemes));
        // Where the listener has its name with another kind of key as well,
        // a client that cannot do with the first may do with that one.
        let for_own = || own.names.first().and_then(|name| self.best(name, schemes));
        for_name.or_else(for_own).or(Some(&own.key))
    }

    /// Of two that fit equally well, the one that stands first.
    fn best(&self, name: &str, schemes: &[SignatureScheme]) -> Option<&Arc<CertifiedKey>> {
        let usable = |named: &&Named| named.key.key.choose_scheme(schemes).is_some();
        let fits = self.0.iter().filter(usable).filter_map(|named| Some((named.fit(name)?, named)));
        fits.rev().max_by_key(|(fit, _)| *fit).map(|(_, named)| &named.key)
    }
}

impl Named {
    fn fit(&self, name: &str) -> Option<Fit> {
        if self.names.iter().any(|own| own == name) {
            return Some(Fit::Exact);
        }
        self.names.iter().any(|pattern| covers(pattern, name)).then_some(Fit::Wildcard)
    }
}

impl ResolvesServerCert for Choice {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name(), hello.signature_schemes()).cloned()
    }
}

/// `*` stands for the whole of one label, the first (RFC 6125 section 6.4.3).
pub(super) fn covers(pattern: &str, name: &str) -> bool {
    if pattern.eq_ignore_ascii_case(name) {
        return true;
    }
    match (pattern.split_once('.'), name.split_once('.')) {
        (Some(("*", parent)), Some((label, rest))) => {
            !label.is_empty() && parent.eq_ignore_ascii_case(rest)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rustls::{crypto::aws_lc_rs, pki_types::PrivateKeyDer};

    use super::*;

    fn named(names: &[&str], key: &rcgen::KeyPair) -> (Vec<String>, Arc<CertifiedKey>) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::CertificateParams::new(names.clone()).unwrap().self_signed(key).unwrap();
        let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = aws_lc_rs::default_provider();
        let key = CertifiedKey::from_der(vec![made.der().clone()], private, &provider).unwrap();
        (names, Arc::new(key))
    }

    fn choice(certificates: &[&[&str]]) -> Choice {
        let mut choice = Choice::default();
        for names in certificates {
            let (names, key) = named(names, &rcgen::KeyPair::generate().unwrap());
            choice.add(names, key);
        }
        choice
    }

    /// The place of the certificate that is chosen.
    fn chosen(choice: &Choice, asked: Option<&str>) -> usize {
        let schemes = [SignatureScheme::ECDSA_NISTP256_SHA256];
        let key = choice.choose(asked, &schemes).unwrap();
        choice.0.iter().position(|named| Arc::ptr_eq(&named.key, key)).unwrap()
    }

    #[test]
    fn a_wildcard_covers_one_label_and_only_as_the_first() {
        assert!(covers("mx.test.example", "MX.test.example"));
        assert!(covers("*.test.example", "mx1.test.example"));
        for (pattern, name) in [
            ("*.test.example", "test.example"),
            ("*.test.example", "a.b.test.example"),
            ("*.test.example", ".test.example"),
            ("m*.test.example", "mx1.test.example"),
            ("mx1.*.example", "mx1.test.example"),
            ("*", "example"),
            ("", "example"),
        ] {
            assert!(!covers(pattern, name), "{pattern} covers {name}");
        }
    }

    #[test]
    fn a_client_is_shown_the_certificate_with_the_name_it_asks_for() {
        let choice = choice(&[
            &["mx1.test.example"],
            &["*.trust.test.example", "trust.test.example"],
            &["smtp.trust.test.example"],
        ]);
        assert_eq!(chosen(&choice, Some("mx1.test.example")), 0);
        assert_eq!(chosen(&choice, Some("mail.Trust.test.example")), 1);
        assert_eq!(chosen(&choice, Some("trust.test.example")), 1);
        assert_eq!(chosen(&choice, Some("smtp.trust.test.example")), 2, "exact before wildcard");
    }

    #[test]
    fn a_client_that_asks_for_no_name_or_an_unknown_one_is_shown_the_listeners_own() {
        let choice = choice(&[&["mx1.test.example"], &["trust.test.example"]]);
        assert_eq!(chosen(&choice, None), 0);
        assert_eq!(chosen(&choice, Some("stranger.test.example")), 0);
    }

    #[test]
    fn of_two_kinds_of_key_for_a_name_a_client_is_shown_the_one_it_can_check() {
        let mut choice = choice(&[&["mx1.test.example"], &["trust.test.example"]]);
        let kind = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let (names, key) = named(&["mx1.test.example"], &kind);
        choice.add(names, Arc::clone(&key));
        let schemes = [SignatureScheme::ED25519];
        for asked in [None, Some("mx1.test.example"), Some("trust.test.example")] {
            let chosen = choice.choose(asked, &schemes).unwrap();
            assert!(Arc::ptr_eq(chosen, &key), "{asked:?}");
        }
    }
}
