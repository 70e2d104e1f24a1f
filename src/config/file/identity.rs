//! What a `[[route]]` shows a smarthost: a user name and the file of its
//! password, a certificate and its key, or both.

use super::fields::Reader;
use crate::{
    config::{Identity, Login, Route},
    mail::{NextHop, TlsRequirement},
    policy::written::{Fault, Table, Value},
};

impl Reader<'_> {
    /// Both halves of each, or neither.
    pub(super) fn identity(&self, table: &Table<'_>) -> Identity {
        let named = |keys: [&str; 2]| keys.iter().any(|key| table.value(key).is_some());
        let certificate = named(["certificate", "key"]).then(|| self.pair(table)).flatten();
        let login = named(["username", "password_file"]).then(|| self.login(table)).flatten();
        Identity { login, certificate }
    }

    fn login(&self, table: &Table<'_>) -> Option<Login> {
        let username = table.required("username").and_then(|value| name(&value));
        let password_file = table.required("password_file").and_then(|value| self.path(&value));
        Some(Login { username: username?, password_file: password_file? })
    }
}

/// As SASL takes it: SASLprep (RFC 4013) prohibits control characters.
fn name(value: &Value<'_>) -> Option<String> {
    let written = value.sentence()?;
    match written.chars().any(char::is_control) {
        true => value.expected("a user name without control characters"),
        false => Some(written.to_owned()),
    }
}

/// What proves who we are is shown to nobody in clear, and to no host but one
/// that the operator has named.
pub(super) fn refuse_identity_in_clear(table: &Table<'_>, route: &Route) {
    if route.identity == Identity::default() {
        return;
    }
    let key = if route.identity.login.is_some() { "username" } else { "certificate" };
    let Some(value) = table.value(key) else { return };
    if route.tls < TlsRequirement::Encrypted {
        table.faults().error(
            value
                .fault(
                    "route-login-in-clear",
                    format!("`{key}` needs a route whose `tls` is `encrypted` or more"),
                )
                .label(format!("tls = \"{}\" may go in clear", route.tls))
                .help("write `tls = \"verified\"` with `tls_name`, so that only that host sees it"),
        );
    }
    if !matches!(route.next_hop, NextHop::Smtp { .. } | NextHop::Lmtp { .. }) {
        let message = format!("`{key}` needs a next hop that names a host, `smtp://host:port`");
        table.faults().error(
            Fault::new("route-login-next-hop", message)
                .at(value.span())
                .label(format!("`{}` is no host of yours", route.next_hop)),
        );
    }
}
