//! What is wrong with the sources of recipients, as far as it can be said
//! without asking anybody: for `postern check`.

use std::{path::Path, sync::Arc};

use super::{address_list::AddressList, directory};
use crate::{
    config::{self, Config, RecipientSource, Source, read_file},
    mail::Domain,
    policy::diagnostics::{Diagnostic, Diagnostics, Severity, SourceFile},
};

/// The faults of files that the sources name, and of the sources together.
/// `postern_toml` is the file they are written in, for what stands nowhere
/// else.
pub fn check(config: &Config, postern_toml: &Arc<SourceFile>) -> Diagnostics {
    let mut faults = check_sources(&config.recipients, &config.node.local_domains, postern_toml);
    if let Some(domain) = config.asks_nobody() {
        let message = format!("the route of {domain} names no host that could be asked");
        faults.push(fault(postern_toml, Severity::Error, "recipients-nobody-to-ask", message));
    }
    faults
}

fn check_sources(
    sources: &[RecipientSource],
    local_domains: &[Domain],
    postern_toml: &Arc<SourceFile>,
) -> Diagnostics {
    let mut faults = Diagnostics::default();
    let mut seen: Vec<&Domain> = Vec::new();
    for RecipientSource { domains, source, .. } in sources {
        for domain in domains {
            if seen.contains(&domain) {
                let message = format!("{domain} stands in two sources of recipients");
                faults.push(fault(postern_toml, Severity::Error, "recipients-twice", message));
            }
            if !local_domains.contains(domain) {
                let message = format!("{domain} is no local domain: nobody is asked about it");
                faults.push(fault(
                    postern_toml,
                    Severity::Warning,
                    "recipients-not-local",
                    message,
                ));
            }
            seen.push(domain);
        }
        match source {
            Source::File(path) => faults.extend(list(path, postern_toml)),
            Source::Directory(settings) => faults.extend_one(directory(settings, postern_toml)),
            Source::NextHop => {}
        }
    }
    faults
}

fn list(path: &Path, postern_toml: &Arc<SourceFile>) -> Diagnostics {
    let mut faults = Diagnostics::default();
    match read_file(path) {
        Ok(file) => faults.extend(AddressList::read(&file).err().unwrap_or_default()),
        Err(error) => faults.push(unreadable(postern_toml, error.to_string())),
    }
    faults
}

fn directory(settings: &config::Directory, postern_toml: &Arc<SourceFile>) -> Option<Diagnostic> {
    let fault = directory::check(settings).err()?;
    Some(unreadable(postern_toml, fault.to_string()))
}

fn unreadable(file: &Arc<SourceFile>, message: String) -> Diagnostic {
    fault(file, Severity::Error, "recipients-unreadable", message)
}

fn fault(
    file: &Arc<SourceFile>,
    severity: Severity,
    code: &'static str,
    message: String,
) -> Diagnostic {
    let file = Arc::clone(file);
    Diagnostic { severity, code, message, file, span: None, label: String::new(), help: None }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn codes(sources: Vec<(&str, Source)>) -> Vec<&'static str> {
        let sources: Vec<_> = sources
            .into_iter()
            .map(|(domain, source)| RecipientSource {
                domains: vec![domain.parse().unwrap()],
                source,
                cache: Duration::from_secs(60),
                refusal_cache: Duration::from_secs(60),
            })
            .collect();
        let file = SourceFile { path: "postern.toml".into(), text: String::new() };
        let local = ["nhs.example".parse().unwrap()];
        let faults = check_sources(&sources, &local, &Arc::new(file));
        faults.iter().map(|fault| fault.code).collect()
    }

    #[test]
    fn what_is_right_has_no_fault() {
        assert!(codes(vec![("nhs.example", Source::NextHop)]).is_empty());
    }

    #[test]
    fn files_that_are_missing_and_domains_that_are_wrong_are_faults() {
        let missing = Source::File("/nonexistent/recipients".into());
        assert_eq!(codes(vec![("nhs.example", missing)]), ["recipients-unreadable"]);
        let twice = vec![("nhs.example", Source::NextHop), ("nhs.example", Source::NextHop)];
        assert_eq!(codes(twice), ["recipients-twice"]);
        assert_eq!(codes(vec![("x.example", Source::NextHop)]), ["recipients-not-local"]);
    }

    #[test]
    fn a_directory_whose_password_or_authority_is_missing_is_a_fault() {
        let directory = config::Directory {
            url: "ldaps://localhost".parse().unwrap(),
            start_tls: config::DirectoryTls::AsTheUrlSays,
            base: "dc=x".into(),
            filter: config::Filter::default(),
            bind: None,
            trust_anchors: Some("/nonexistent/ca.pem".into()),
        };
        let one = |directory| codes(vec![("nhs.example", Source::Directory(directory))]);
        assert_eq!(one(directory.clone()), ["recipients-unreadable"]);
        let password_file = "/nonexistent/password".into();
        let bind = Some(config::DirectoryBind { dn: "cn=x".into(), password_file });
        let password = config::Directory { bind, trust_anchors: None, ..directory.clone() };
        assert_eq!(one(password), ["recipients-unreadable"]);
        assert!(one(config::Directory { trust_anchors: None, ..directory }).is_empty());
    }
}
