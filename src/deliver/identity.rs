//! Who we are to a next hop: the password and the certificate of a route,
//! read when a connection is made, so that both can be changed under way.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use aws_lc_rs::rand;
use rustls::{
    client::ResolvesClientCert,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::{CertifiedKey, SingleCertAndKey},
};

use crate::{
    config::{CertificateFiles, Identity, Login},
    smtp::client::{Credentials, Failed, Password},
};

/// An identity as one connection shows it.
pub(super) struct Shown {
    /// In the session.
    pub(super) credentials: Vec<Credentials>,
    /// In the handshake, to a peer that asks.
    pub(super) certificate: Option<Arc<dyn ResolvesClientCert>>,
}

/// For the operator: the file, and never what stands in it.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub(super) struct Unreadable {
    pub(super) path: PathBuf,
    why: String,
}

impl From<Unreadable> for Failed {
    fn from(unreadable: Unreadable) -> Self {
        Self::CredentialsUnreadable(unreadable.to_string())
    }
}

/// Reads the route's files. Nobody is connected to with half an identity.
pub(super) fn read(identity: &Identity) -> Result<Shown, Unreadable> {
    let certificate = identity.certificate.as_ref().map(certificate).transpose()?;
    let by_certificate = certificate.iter().map(|_| Ok(Credentials::Certificate));
    let credentials = by_certificate.chain(identity.login.iter().map(login));
    Ok(Shown { credentials: credentials.collect::<Result<_, _>>()?, certificate })
}

fn login(login: &Login) -> Result<Credentials, Unreadable> {
    let path = &login.password_file;
    let unreadable = |why: &dyn std::fmt::Display| unreadable(path, why);
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(&error))?;
    let password = text.lines().next().unwrap_or_default();
    if password.is_empty() || password.chars().any(char::is_control) {
        return Err(unreadable(&"its first line is no password"));
    }
    let mut random = [0; 18];
    rand::fill(&mut random).map_err(|_| unreadable(&"no randomness"))?;
    let (user, password) = (login.username.clone(), Password::new(password));
    Ok(Credentials::Password { user, password, random })
}

fn certificate(files: &CertificateFiles) -> Result<Arc<dyn ResolvesClientCert>, Unreadable> {
    let CertificateFiles { chain, key } = files;
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>())
        .map_err(|error| unreadable(chain, &error))?;
    if certificates.is_empty() {
        return Err(unreadable(chain, &"there is no certificate in it"));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let certified = CertifiedKey::from_der(certificates, secret, &provider)
        .map_err(|error| unreadable(key, &error))?;
    Ok(Arc::new(SingleCertAndKey::from(certified)))
}

/// Tells the operator, whose it is to mend; mail waits meanwhile.
pub(super) fn complain(host: &str, failed: &Failed) {
    tracing::error!(host, %failed, "a next hop does not know us: mend its [[route]]");
}

fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> Unreadable {
    Unreadable { path: path.to_owned(), why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_password(text: &str) -> Result<Vec<Credentials>, Failed> {
        let folder = tempfile::tempdir().unwrap();
        let password_file = folder.path().join("password");
        std::fs::write(&password_file, text).unwrap();
        let login = Some(Login { username: "hospital".to_owned(), password_file });
        Ok(read(&Identity { login, certificate: None })?.credentials)
    }

    #[test]
    fn a_password_is_the_first_line_of_its_file() {
        for text in ["pencil", "pencil\n", "pencil\r\n", "pencil\nchanged in May\n"] {
            let read = with_password(text).unwrap();
            assert!(matches!(&read[..], [Credentials::Password { .. }]), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_password_is_refused_and_not_repeated() {
        for text in ["", "\n", "\npencil", "pen\tcil\n", "pen\0cil"] {
            let error = with_password(text).unwrap_err();
            assert!(error.is_authentication() && !error.is_tls());
            assert!(!error.to_string().contains("cil"), "{error}");
        }
    }
}
