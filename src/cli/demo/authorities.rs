//! Certificates and keys for one run: an authority that the demo trusts,
//! certificates by it, one that has expired, one that nobody vouches for, and
//! the keys that sign mail.

use std::{
    fmt::Display,
    fs,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ED25519, PKCS_RSA_SHA256, date_time_ymd,
};

use crate::{cli::exit::Failure, config::CertificateFiles};

/// The authority of the demo, and the folder everything is written to.
pub(super) struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate, PEM.
    pub(super) trust_anchors: PathBuf,
}

/// What a stand-in shows whoever connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// By the authority, and in date.
    Good,
    /// By the authority, and past its end.
    Expired,
    /// By nobody but itself, as much of the internet has it.
    SelfSigned,
}

impl Authority {
    pub(super) fn new(folder: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(folder)?;
        let mut params = CertificateParams::new(Vec::<String>::new()).map_err(unmade)?;
        params.distinguished_name.push(DnType::CommonName, "Postern demo authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(unmade)?;
        let certificate = params.self_signed(&key).map_err(unmade)?;
        let trust_anchors = folder.join("ca.pem");
        fs::write(&trust_anchors, certificate.pem())?;
        Ok(Self { folder: folder.to_owned(), issuer: Issuer::new(params, key), trust_anchors })
    }

    /// A certificate and its key for one host.
    pub(super) fn certificate(
        &self,
        host: &str,
        standing: Standing,
    ) -> Result<CertificateFiles, Failure> {
        let mut params = CertificateParams::new(vec![host.to_owned()]).map_err(unmade)?;
        params.distinguished_name.push(DnType::CommonName, host);
        params.not_before = date_time_ymd(2024, 1, 1);
        params.not_after = match standing {
            Standing::Expired => date_time_ymd(2025, 1, 31),
            Standing::Good | Standing::SelfSigned => date_time_ymd(2090, 1, 1),
        };
        let key = KeyPair::generate().map_err(unmade)?;
        let certificate = match standing {
            Standing::SelfSigned => params.self_signed(&key),
            Standing::Good | Standing::Expired => params.signed_by(&key, &self.issuer),
        };
        let files = CertificateFiles {
            chain: self.folder.join(format!("{host}.pem")),
            key: self.folder.join(format!("{host}.key")),
        };
        fs::write(&files.chain, certificate.map_err(unmade)?.pem())?;
        fs::write(&files.key, key.serialize_pem())?;
        Ok(files)
    }

    /// Keys for DKIM, each with its selector: RSA, which everybody can check,
    /// and Ed25519.
    pub(super) fn signing_keys(&self) -> Result<Vec<(&'static str, PathBuf)>, Failure> {
        let algorithms = [("demo-rsa", &PKCS_RSA_SHA256), ("demo-ed25519", &PKCS_ED25519)];
        algorithms
            .into_iter()
            .map(|(selector, algorithm)| {
                let path = self.folder.join(format!("{selector}.pem"));
                let key = KeyPair::generate_for(algorithm).map_err(unmade)?;
                fs::write(&path, key.serialize_pem())?;
                Ok((selector, path))
            })
            .collect()
    }
}

fn unmade(error: impl Display) -> Failure {
    Failure::unavailable(format!("a certificate or key could not be made: {error}"))
}
