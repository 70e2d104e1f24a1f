//! The signing keys of postern.toml: what each is, and whether the DNS lets
//! others verify what it signs.

use std::{sync::Arc, time::Duration};

use rcgen::{KeyPair, PKCS_ED25519, PKCS_RSA_SHA256, RsaKeySize};
use tokio_util::sync::CancellationToken;

use super::parts::{StartError, at, part};
use crate::{
    authenticate::{Publication, Publications},
    config::{self, Config, KeyState, read_file},
    observe::Observatory,
    transform::SigningKey,
};

/// Which kind of key is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewKey {
    /// Of 2048 bits: what every verifier knows, in a record that DNS carries.
    Rsa,
    /// RFC 8463: beside an RSA key, for not everybody knows it.
    Ed25519,
}

/// One key as it stands.
pub struct KeyStanding {
    pub key: config::SigningKey,
    /// Why not, where it cannot be read.
    pub read: Result<SigningKey, String>,
    /// None where it could not be read.
    pub publication: Option<Publication>,
}

/// Reads a key from where postern.toml says that it is.
pub fn signing_key(key: &config::SigningKey) -> Result<SigningKey, StartError> {
    let pem = read_file(&key.key).map_err(|cause| part("a signing key", cause))?;
    SigningKey::from_pem(key.domain.clone(), key.selector.as_str(), pem.text.as_bytes())
        .map_err(|cause| part("a signing key", at(&key.key, cause)))
}

/// A new private key, PKCS#8 in PEM.
pub fn new_signing_key(kind: NewKey) -> Result<String, rcgen::Error> {
    let pair = match kind {
        NewKey::Rsa => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
        NewKey::Ed25519 => KeyPair::generate_for(&PKCS_ED25519),
    };
    pair.map(|pair| pair.serialize_pem())
}

/// All keys, in the order of the file, as the DNS has them now.
pub async fn key_standings(config: &Config) -> Result<Vec<KeyStanding>, StartError> {
    let publications =
        Publications::new(&config.dns.servers).map_err(|cause| part("the resolver", cause))?;
    let mut standings = Vec::new();
    for key in &config.signing {
        let read = signing_key(key).map_err(|error| error.to_string());
        let publication = match &read {
            Ok(read) => Some(publications.of(&read.record_name(), read.record()).await),
            Err(_) => None,
        };
        standings.push(KeyStanding { key: key.clone(), read, publication });
    }
    Ok(standings)
}

impl KeyStanding {
    /// What a person has to see to, if anything.
    pub fn fault(&self) -> Option<String> {
        let name = self.key.record_name();
        match (self.key.state, &self.publication) {
            // Who retires a key may destroy it.
            (KeyState::Retired, _) => None,
            (_, None) => self.read.as_ref().err().cloned(),
            (_, Some(Publication::Published)) => None,
            (KeyState::Waiting, Some(Publication::Absent)) => None,
            (KeyState::Waiting, Some(wrong)) => Some(format!("{name}: {wrong}")),
            (KeyState::Active, Some(wrong @ Publication::Unknown(_))) => {
                Some(format!("{name}: {wrong}"))
            }
            (KeyState::Active, Some(wrong)) => {
                Some(format!("{name}: {wrong}, so what this key signs does not verify"))
            }
        }
    }
}

/// Looks after the records for as long as the gateway runs: somebody may take
/// one out, and mail would fail DMARC elsewhere before anybody here knew.
pub(super) async fn follow(
    config: Arc<Config>,
    observatory: Arc<Observatory>,
    stop: CancellationToken,
) {
    if config.signing.is_empty() {
        return;
    }
    let forever = async {
        loop {
            match key_standings(&config).await {
                Ok(standings) => tell(&standings, &observatory),
                Err(error) => tracing::error!(%error, "signing keys cannot be looked up"),
            }
            tokio::time::sleep(BETWEEN).await;
        }
    };
    stop.run_until_cancelled(forever).await;
}

fn tell(standings: &[KeyStanding], observatory: &Observatory) {
    for fault in standings.iter().filter_map(KeyStanding::fault) {
        tracing::warn!(fault, "a signing key is not as it should be: see postern keys list");
    }
    let labels = standings.iter().filter_map(|standing| {
        let publication = standing.publication.as_ref()?;
        Some((standing.key.state.name(), publication.name()))
    });
    observatory.metrics().set_signing_keys(labels);
}

/// Between two looks at the DNS.
const BETWEEN: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::KeyAlgorithm;

    fn standing(state: KeyState, publication: Publication) -> KeyStanding {
        let key = config::SigningKey {
            domain: "x.example".parse().unwrap(),
            selector: "s".parse().unwrap(),
            key: "s.key".into(),
            state,
        };
        let pem = new_signing_key(NewKey::Ed25519).unwrap();
        let read = SigningKey::from_pem(key.domain.clone(), "s", pem.as_bytes());
        KeyStanding { key, read: Ok(read.unwrap()), publication: Some(publication) }
    }

    #[test]
    fn an_active_key_must_be_published_and_a_waiting_one_must_not_be_another() {
        let fault = |state, publication| standing(state, publication).fault().is_some();
        assert!(!fault(KeyState::Active, Publication::Published));
        for wrong in [
            Publication::Absent,
            Publication::Differs,
            Publication::Revoked,
            Publication::Unknown("timed out".into()),
        ] {
            assert!(fault(KeyState::Active, wrong));
        }
        assert!(!fault(KeyState::Waiting, Publication::Absent));
        assert!(fault(KeyState::Waiting, Publication::Differs));
        assert!(!fault(KeyState::Retired, Publication::Absent));
    }

    #[test]
    fn both_kinds_of_new_key_are_what_the_signer_takes() {
        let read = |kind| {
            let pem = new_signing_key(kind).unwrap();
            SigningKey::from_pem("x.example".parse().unwrap(), "s", pem.as_bytes()).unwrap()
        };
        assert_eq!(read(NewKey::Rsa).algorithm(), KeyAlgorithm::Rsa { bits: 2048 });
        assert_eq!(read(NewKey::Ed25519).algorithm(), KeyAlgorithm::Ed25519);
    }
}
