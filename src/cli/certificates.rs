//! What `postern check` says of the certificates that postern.toml names.

use std::{path::Path, sync::Arc};

use rustls::pki_types::{CertificateDer, pem::PemObject};

use crate::{
    config::{CertificateFiles, Config, ConsoleTls},
    listen::{CertificateSummary, Outlook, check_client_ca},
    mail::{Domain, Timestamp},
    policy::diagnostics::{Diagnostic, Diagnostics, Severity, SourceFile},
};

/// Each file once, however many listeners show it.
pub(super) fn faults(config: &Config, now: Timestamp) -> Diagnostics {
    let mut faults = Diagnostics::default();
    let mut seen: Vec<&CertificateFiles> = Vec::new();
    for listener in &config.listeners {
        if let (Some(path), Err(error)) = (&listener.client_ca, check_client_ca(listener)) {
            let help = "Without it the gateway does not start.";
            let message = error.to_string();
            faults.push(fault(path, Severity::Error, "client-ca-unusable", message, help));
        }
        for files in listener.certificate.iter().chain(&listener.sni) {
            if seen.contains(&files) {
                continue;
            }
            seen.push(files);
            let asked_for = match listener.certificate.as_ref() == Some(files) {
                true => Some(&config.node.name),
                false => None,
            };
            certificate(files, asked_for, now).into_iter().for_each(|fault| faults.push(fault));
        }
    }
    let openid = config.console.as_ref().and_then(|console| console.openid.as_ref());
    let anchors = openid.and_then(|openid| openid.trust_anchors.as_deref());
    faults.extend_one(anchors.and_then(|path| authorities(path, "openid-anchors-unusable")));
    if let Some(console) = &config.console
        && let ConsoleTls::Here { files, client_ca } = &console.tls
    {
        if !seen.contains(&files) {
            certificate(files, None, now).into_iter().for_each(|fault| faults.push(fault));
        }
        faults.extend_one(
            client_ca.as_deref().and_then(|path| authorities(path, "client-ca-unusable")),
        );
    }
    faults
}

/// What browsers' certificates, or a provider's, could not be told by.
fn authorities(path: &Path, code: &'static str) -> Option<Diagnostic> {
    let read = CertificateDer::pem_file_iter(path).map(|mut certificates| certificates.next());
    let message = match read {
        Ok(Some(Ok(_))) => return None,
        Ok(None) => format!("{}: there is no certificate in it", path.display()),
        Ok(Some(Err(error))) | Err(error) => format!("{}: {error}", path.display()),
    };
    let help = "Without it the gateway does not start.";
    Some(fault(path, Severity::Error, code, message, help))
}

/// `node` is given where clients that ask for no name are shown it.
fn certificate(files: &CertificateFiles, node: Option<&Domain>, now: Timestamp) -> Vec<Diagnostic> {
    let summary = match CertificateSummary::read(files) {
        Ok(summary) => summary,
        Err(error) => {
            let help = "Without it the gateway does not start.";
            let message = error.to_string();
            return vec![fault(
                &files.chain,
                Severity::Error,
                "certificate-unusable",
                message,
                help,
            )];
        }
    };
    let mut faults = Vec::new();
    let renew = "Put a renewed one in its place and send SIGHUP.";
    let mut add = |severity, code, message, help| {
        faults.push(fault(&files.chain, severity, code, message, help));
    };
    match summary.outlook(now) {
        Outlook::Good => {}
        Outlook::ExpiresSoon(expiry) => {
            let message = format!("the certificate expires soon, at {expiry}");
            add(Severity::Warning, "certificate-expires", message, renew);
        }
        Outlook::Expired(expiry) => {
            let message = format!("the certificate has expired, at {expiry}");
            add(Severity::Error, "certificate-expired", message, renew);
        }
    }
    if let Some(node) = node.filter(|node| !summary.is_for(node.as_str())) {
        let message = format!("the certificate is not for this node's name, {node}");
        let help = "Mail servers that verify what MX names lead to will not find it.";
        add(Severity::Warning, "certificate-name", message, help);
    }
    faults
}

fn fault(
    path: &Path,
    severity: Severity,
    code: &'static str,
    message: String,
    help: &str,
) -> Diagnostic {
    // PEM says nothing to a person: there is no text to underline.
    let file = SourceFile { path: path.display().to_string(), text: String::new() };
    Diagnostic {
        severity,
        code,
        message,
        file: Arc::new(file),
        span: None,
        label: String::new(),
        help: Some(help.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said on the first of January 2027 of a certificate for `name`
    /// that ends on a day of that year.
    fn said(name: &str, (month, day): (u8, u8)) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let files = CertificateFiles {
            chain: folder.path().join("chain.pem"),
            key: folder.path().join("key.pem"),
        };
        let key = rcgen::KeyPair::generate().unwrap();
        let mut made = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        made.not_after = rcgen::date_time_ymd(2027, month, day);
        std::fs::write(&files.chain, made.self_signed(&key).unwrap().pem()).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        let node = "mx1.test.example".parse().unwrap();
        let now = Timestamp::from_unix_milliseconds(1_798_761_600_000);
        certificate(&files, Some(&node), now).iter().map(|fault| fault.code.to_owned()).collect()
    }

    #[test]
    fn a_certificate_that_will_do_is_not_talked_about() {
        assert_eq!(said("mx1.test.example", (4, 1)), [""; 0]);
    }

    #[test]
    fn a_certificate_that_expires_is_a_warning_and_an_expired_one_an_error() {
        assert_eq!(said("mx1.test.example", (1, 20)), ["certificate-expires"]);
        assert_eq!(said("mx1.test.example", (1, 1)), ["certificate-expired"]);
    }

    #[test]
    fn a_certificate_for_another_name_is_a_warning() {
        assert_eq!(said("mail.test.example", (4, 1)), ["certificate-name"]);
        assert_eq!(said("*.test.example", (4, 1)), [""; 0]);
    }

    #[test]
    fn a_certificate_that_is_not_there_is_an_error_with_its_name() {
        let files = CertificateFiles { chain: "no/chain.pem".into(), key: "no/key.pem".into() };
        let faults = certificate(&files, None, Timestamp::default());
        assert_eq!(faults.len(), 1);
        assert!(faults[0].message.contains("no/chain.pem"), "{}", faults[0].message);
    }
}
