//! What is wrong with the files that deliveries read, as far as it can be said
//! without a connection: for `postern check`. Each is read as for a delivery.

use std::{fmt::Display, path::Path, sync::Arc};

use super::{identity, tls};
use crate::{
    config::{Config, Identity, Place, Route},
    https::{AnchorsError, Client},
    policy::{
        diagnostics::{Diagnostics, Severity, SourceFile},
        written::Fault,
    },
};

/// The faults of the files that `[[route]]`, `[dns]`, `[mta_sts]` and
/// `[tls_reports]` name. `postern_toml` is the file they are written in.
pub fn check(config: &Config, postern_toml: &Arc<SourceFile>) -> Diagnostics {
    let mut found = Found { file: postern_toml, faults: Diagnostics::default() };
    for (nth, route) in config.routes.iter().enumerate() {
        found.credentials(Place::Element("route", nth), route);
        if let Some(Err(why)) = route.trust_anchors.as_deref().map(tls::read) {
            let help = format!("mail for {} that asks for a verified host waits", route.domain);
            found.anchors(Place::Element("route", nth), Severity::Error, &why, &help);
        }
    }
    let starts_not = "without them the gateway does not start";
    if let Err(why) = config.dns.check_trust_anchors() {
        found.anchors(Place::Section("dns"), Severity::Error, &why, starts_not);
    }
    if let Some(why) = refused(config.mta_sts.trust_anchors.as_deref()) {
        found.anchors(Place::Section("mta_sts"), Severity::Error, &why, starts_not);
    }
    let reports = config.tls_reports.as_ref().and_then(|reports| reports.trust_anchors.as_deref());
    if let Some(why) = refused(reports) {
        let help = "no report goes to those who take them by HTTPS";
        found.anchors(Place::Section("tls_reports"), Severity::Warning, &why, help);
    }
    found.faults
}

/// By whatever speaks HTTPS; the system's anchors are there, or are told of by
/// the first connection.
fn refused(anchors: Option<&Path>) -> Option<AnchorsError> {
    anchors.and_then(|path| Client::trusting(Some(path)).err())
}

/// What has been found so far, in postern.toml.
struct Found<'a> {
    file: &'a Arc<SourceFile>,
    faults: Diagnostics,
}

impl Found<'_> {
    /// The certificate and the login apart, so that both are told of.
    fn credentials(&mut self, place: Place<'_>, route: &Route) {
        let Identity { login, certificate } = &route.identity;
        let by_login = Identity { login: login.clone(), certificate: None };
        let by_certificate = Identity { login: None, certificate: certificate.clone() };
        for identity in [by_certificate, by_login] {
            let Err(unreadable) = identity::read(&identity) else { continue };
            let key = match &identity.certificate {
                Some(files) if files.key == unreadable.path => "key",
                Some(_) => "certificate",
                None => "password_file",
            };
            let help = format!("mail for {} waits until the file is mended", route.domain);
            let message = format!("the next hop would not know us: {unreadable}");
            self.add(
                place,
                key,
                Severity::Error,
                Fault::new("route-credentials-unusable", message).help(help),
            );
        }
    }

    fn anchors(&mut self, place: Place<'_>, severity: Severity, why: &dyn Display, help: &str) {
        let message = format!("nobody could be trusted by this: {why}");
        let fault = Fault::new("trust-anchors-unusable", message).help(help);
        self.add(place, "trust_anchors", severity, fault);
    }

    fn add(&mut self, place: Place<'_>, key: &str, severity: Severity, fault: Fault) {
        let fault = fault.label("cannot be used");
        let fault = match place.of(self.file, key) {
            Some(span) => fault.at(span),
            None => fault,
        };
        self.faults.push(fault.of(self.file, severity));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const LEAST: &str = "[node]\nname = \"mx1.example\"\ndata_dir = \"d\"\npolicies = \"p\"\n\
                         [[listener]]\nname = \"a\"\naddress = \"127.0.0.1:0\"\n\
                         direction = \"outbound\"\ntls = \"none\"\n\
                         [[route]]\ndomain = \"*\"\nnext_hop = \"mx\"\n";
    const SMARTHOST: &str = "[[route]]\ndomain = \"x.example\"\ntls = \"encrypted\"\n\
                             next_hop = \"smtp://mail.provider.example:587\"\n";

    /// Files that a postern.toml names.
    struct Files(tempfile::TempDir);

    impl Files {
        fn with(files: &[(&str, &str)]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            for (name, text) in files {
                fs::write(folder.path().join(name), text).unwrap();
            }
            Self(folder)
        }

        /// What is said of a postern.toml beside them: the severity, the code
        /// and the text that is underlined.
        fn told(&self, lines: &str) -> Vec<(Severity, &'static str, String)> {
            let text = format!("{LEAST}{lines}");
            let path = self.0.path().join("postern.toml").display().to_string();
            let file = Arc::new(SourceFile { path, text });
            let (config, faults) = Config::read(&file);
            let config = config.unwrap_or_else(|| panic!("{faults:?}"));
            let underlined = |one: &crate::policy::diagnostics::Diagnostic| {
                file.text.get(one.span.clone().unwrap()).unwrap().trim_matches('"').to_owned()
            };
            let told = check(&config, &file);
            told.iter().map(|one| (one.severity, one.code, underlined(one))).collect()
        }
    }

    /// A certificate, its key, and the key of another.
    fn made() -> [String; 3] {
        let pair = || rcgen::KeyPair::generate().unwrap();
        let (key, other) = (pair(), pair());
        let certificate = rcgen::CertificateParams::new(vec!["mx1.example".to_owned()]).unwrap();
        let certificate = certificate.self_signed(&key).unwrap();
        [certificate.pem(), key.serialize_pem(), other.serialize_pem()]
    }

    fn error(code: &'static str, underlined: &str) -> (Severity, &'static str, String) {
        (Severity::Error, code, underlined.to_owned())
    }

    #[test]
    fn a_route_whose_password_or_certificate_cannot_be_used_is_told_of() {
        let [certificate, key, other] = made();
        let files = Files::with(&[
            ("c.pem", &certificate),
            ("c.key", &key),
            ("other.key", &other),
            ("password", "wisteria\n"),
            ("blank", "\n"),
        ]);
        let told = |written: [&str; 3]| {
            let [certificate, key, password] = written;
            files.told(&format!(
                "{SMARTHOST}certificate = \"{certificate}\"\nkey = \"{key}\"\n\
                 username = \"hospital\"\npassword_file = \"{password}\"\n"
            ))
        };
        let unusable = |file| error("route-credentials-unusable", file);
        assert_eq!(told(["c.pem", "c.key", "password"]), []);
        assert_eq!(told(["no.pem", "c.key", "password"]), [unusable("no.pem")]);
        assert_eq!(told(["c.pem", "no.key", "password"]), [unusable("no.key")]);
        assert_eq!(told(["c.pem", "other.key", "password"]), [unusable("other.key")]);
        assert_eq!(told(["c.pem", "c.key", "blank"]), [unusable("blank")]);
        assert_eq!(told(["blank", "c.key", "no"]), [unusable("blank"), unusable("no")]);
    }

    #[test]
    fn anchors_by_which_nobody_could_be_trusted_are_told_of() {
        let [certificate, key, _] = made();
        let files = Files::with(&[("ca.pem", &certificate), ("c.key", &key), ("empty", "")]);
        let unusable = |file| error("trust-anchors-unusable", file);
        for table in [SMARTHOST, "[mta_sts]\n", "[dns]\n"] {
            for file in ["no.pem", "c.key", "empty"] {
                let told = files.told(&format!("{table}trust_anchors = \"{file}\"\n"));
                assert_eq!(told, [unusable(file)], "{table}");
            }
        }
        for table in [SMARTHOST, "[mta_sts]\n"] {
            assert_eq!(files.told(&format!("{table}trust_anchors = \"ca.pem\"\n")), []);
        }
    }

    #[test]
    fn anchors_of_reports_hold_up_no_mail() {
        let reports = "[[signing.key]]\ndomain = \"x.example\"\nselector = \"s\"\nfile = \"s.key\"\n\
                       [tls_reports]\norganisation = \"X\"\ncontact = \"a@x.example\"\n\
                       from = \"a@x.example\"\ntrust_anchors = \"no.pem\"\n";
        let expected = (Severity::Warning, "trust-anchors-unusable", "no.pem".to_owned());
        assert_eq!(Files::with(&[]).told(reports), [expected]);
    }
}
