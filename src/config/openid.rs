//! `[console.openid]`: who vouches for people instead of a password here, and
//! what of their claims gives them which role (OpenID Connect Core 1.0).

use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr, sync::Arc};

use hyper::Uri;

use super::{accounts::read_by_others, meaning::Config};
use crate::{
    mail::Role,
    policy::{
        diagnostics::{Diagnostic, Diagnostics, Severity, SourceFile},
        written::Fault,
    },
};

/// A provider, and how we are registered with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenId {
    /// As it calls itself, letter by letter.
    pub issuer: HttpsUrl,
    pub client_id: String,
    /// None for a public client, which PKCE alone protects.
    pub client_secret: Option<PathBuf>,
    /// What people call it: "Sign in with …".
    pub label: String,
    /// Beside `openid`.
    pub scopes: Vec<String>,
    /// A claim that nobody shares with another, and nobody can change of their
    /// own.
    pub name_claim: ClaimPath,
    pub roles_claim: ClaimPath,
    /// What a value of that claim makes of somebody; every other value gives
    /// nothing.
    pub roles: BTreeMap<String, Vec<Role>>,
    /// Whose mail a local administrator sees, as ODS codes.
    pub organisations_claim: Option<ClaimPath>,
    /// PEM; the provider is certified by these and no others. None for the
    /// system's.
    pub trust_anchors: Option<PathBuf>,
}

/// Where a claim stands: its name, or the way to it through objects and lists
/// (`realm_access.roles`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(String);

/// `https://login.example/tenant/v2.0`, without user and fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpsUrl {
    written: String,
    host: String,
    port: u16,
    target: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpsUrlError {
    #[error("the address of a provider starts with https://")]
    Scheme,
    #[error("the address of a provider is https://, a host and perhaps a port and a path")]
    Shape,
}

impl OpenId {
    /// What is asked for where the file says nothing: `preferred_username` is
    /// one of its claims.
    pub const SCOPE: &'static str = "profile";
    pub const NAME_CLAIM: &'static str = "preferred_username";
    pub const ROLES_CLAIM: &'static str = "roles";
}

impl ClaimPath {
    /// None for one that is blank or has a blank between two dots.
    pub fn new(written: &str) -> Option<Self> {
        let is_blank = written.split('.').any(|step| step.trim().is_empty());
        (!is_blank).then(|| Self(written.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl HttpsUrl {
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// A name, or an address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path and query.
    pub fn target(&self) -> &str {
        &self.target
    }
}

impl fmt::Display for HttpsUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.written)
    }
}

impl FromStr for HttpsUrl {
    type Err = HttpsUrlError;

    fn from_str(written: &str) -> Result<Self, HttpsUrlError> {
        if !written.starts_with("https://") {
            return Err(HttpsUrlError::Scheme);
        }
        let url: Uri = written.parse().map_err(|_| HttpsUrlError::Shape)?;
        let authority = url.authority().ok_or(HttpsUrlError::Shape)?;
        if authority.as_str().contains('@') || written.contains('#') {
            return Err(HttpsUrlError::Shape);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(HttpsUrlError::Shape);
        }
        Ok(Self {
            written: written.to_owned(),
            host: host.to_owned(),
            port: url.port_u16().unwrap_or(443),
            target: url.path_and_query().map_or("/", |target| target.as_str()).to_owned(),
        })
    }
}

/// What is wrong with the file of our secret.
pub fn check_openid(config: &Config) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    let settings = config.console.as_ref().and_then(|console| console.openid.as_ref());
    if let Some(path) = settings.and_then(|settings| settings.client_secret.as_ref()) {
        diagnostics.extend_one(secret_fault(path));
    }
    diagnostics
}

fn secret_fault(path: &std::path::Path) -> Option<Diagnostic> {
    let fault = match std::fs::read_to_string(path) {
        Err(error) => {
            let message = format!("the provider's secret cannot be read: {error}");
            Fault::new("openid-secret-unreadable", message)
        }
        Ok(secret) if secret.trim().is_empty() => {
            Fault::new("openid-secret-unreadable", "there is no secret in it")
        }
        Ok(_) => {
            let mode = read_by_others(path)?;
            let message = format!("others on this machine can read the secret (mode {mode:03o})");
            Fault::new("openid-secret-readable", message)
        }
    };
    let file = SourceFile { path: path.display().to_string(), text: String::new() };
    let help = "the secret that the provider gave for `client_id`, alone in a file, chmod 600";
    Some(fault.help(help).of(&Arc::new(file), Severity::Error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_found_at_https_and_nowhere_else() {
        let url: HttpsUrl = "https://login.example:8443/tenant/v2.0?a=b".parse().unwrap();
        assert_eq!((url.host(), url.port()), ("login.example", 8443));
        assert_eq!(url.target(), "/tenant/v2.0?a=b");
        let url: HttpsUrl = "https://[::1]".parse().unwrap();
        assert_eq!((url.host(), url.port(), url.target()), ("::1", 443, "/"));
        for wrong in [
            "http://login.example",
            "login.example",
            "https://",
            "https://u:p@login.example",
            "https://login.example/#a",
            "https://a b",
        ] {
            assert!(wrong.parse::<HttpsUrl>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_way_to_a_claim_has_no_blank_steps() {
        assert_eq!(ClaimPath::new("realm_access.roles").unwrap().as_str(), "realm_access.roles");
        for wrong in ["", " ", "a..b", ".a", "a."] {
            assert_eq!(ClaimPath::new(wrong), None, "{wrong:?}");
        }
    }
}
