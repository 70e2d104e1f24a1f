//! `[console.openid]`.

use std::collections::BTreeMap;

use super::fields::{Reader, optional};
use crate::{
    config::{ClaimPath, HttpsUrl, OpenId},
    mail::Role,
    policy::written::{Fault, Table, Value},
};

impl Reader<'_> {
    pub(super) fn openid(&self, console: &Table<'_>) -> Option<OpenId> {
        let table = console.value("openid")?.table("[console.openid]", OPENID)?;
        let issuer =
            table.required("issuer").and_then(|value| value.parsed::<HttpsUrl>("bad-issuer"));
        let client_id =
            table.required("client_id").and_then(|value| value.sentence().map(str::to_owned));
        let client_secret =
            optional(&table, "client_secret_file", None, |value| self.path(value).map(Some));
        let trust_anchors =
            optional(&table, "trust_anchors", None, |value| self.path(value).map(Some));
        let label = table.value("label").and_then(|value| value.sentence().map(str::to_owned));
        let organisations_claim =
            optional(&table, "organisations_claim", None, |value| claim_path(value).map(Some));
        let roles = table.required("roles").and_then(|value| roles(&value)).unwrap_or_default();
        refuse_boundless(&table, &roles, organisations_claim.as_ref());
        refuse_without_url(console, &table);
        let issuer = issuer?;
        Some(OpenId {
            client_id: client_id?,
            client_secret,
            label: label.unwrap_or_else(|| issuer.host().to_owned()),
            scopes: optional(&table, "scopes", vec![OpenId::SCOPE.to_owned()], scopes),
            name_claim: claim(&table, "name_claim", OpenId::NAME_CLAIM)?,
            roles_claim: claim(&table, "roles_claim", OpenId::ROLES_CLAIM)?,
            roles,
            organisations_claim,
            trust_anchors,
            issuer,
        })
    }
}

fn claim(table: &Table<'_>, key: &str, usual: &str) -> Option<ClaimPath> {
    match table.value(key) {
        Some(value) => claim_path(&value),
        None => ClaimPath::new(usual),
    }
}

fn claim_path(value: &Value<'_>) -> Option<ClaimPath> {
    ClaimPath::new(value.sentence()?)
        .or_else(|| value.expected("a claim, or the way to it (`realm_access.roles`)"))
}

/// RFC 6749 section 3.3 says what one is made of.
fn scopes(value: &Value<'_>) -> Option<Vec<String>> {
    value.list(|value| {
        let scope = value.sentence()?;
        let fits = |octet: u8| octet.is_ascii_graphic() && !b"\"\\".contains(&octet);
        match scope.bytes().all(fits) {
            true => Some(scope.to_owned()),
            false => value.expected("a scope: one word, as the provider has it"),
        }
    })
}

fn roles(value: &Value<'_>) -> Option<BTreeMap<String, Vec<Role>>> {
    let table = value.open_table("the table of roles")?;
    let known = Role::ALL.map(|role| (role.name(), role));
    let mut roles = BTreeMap::new();
    for value in table.values() {
        let given = value.list(|value| value.choice(&known)).unwrap_or_default();
        roles.insert(value.key().to_owned(), given);
    }
    if roles.is_empty() {
        let message = "no claim gives anybody a role, so nobody could sign in";
        let fault = Fault::new("openid-no-roles", message).at(value.span());
        table.faults().error(fault.help("roles = { \"a value of the claim\" = \"officer\" }"));
    }
    Some(roles)
}

/// A local administrator without organisations would see everybody's mail.
fn refuse_boundless(
    table: &Table<'_>,
    roles: &BTreeMap<String, Vec<Role>>,
    organisations: Option<&ClaimPath>,
) {
    let is_given = roles.values().flatten().any(|role| *role == Role::LocalAdministrator);
    if is_given && organisations.is_none() {
        let message = "a local administrator needs `organisations_claim`: whose mail is theirs";
        let fault = Fault::new("openid-organisations", message).at(table.span());
        table
            .faults()
            .error(fault.help("organisations_claim = \"the claim with their ODS codes\""));
    }
}

/// The provider leads browsers back to an address that it was told before.
fn refuse_without_url(console: &Table<'_>, table: &Table<'_>) {
    if console.value("url").is_none() {
        let message = "`[console.openid]` needs the console's `url`: browsers are led back to it";
        let fault = Fault::new("openid-no-url", message).at(table.span());
        table.faults().error(fault.help("url = \"https://console.example.nhs.uk\" in [console]"));
    }
}

const OPENID: &[&str] = &[
    "issuer",
    "client_id",
    "client_secret_file",
    "label",
    "scopes",
    "name_claim",
    "roles_claim",
    "roles",
    "organisations_claim",
    "trust_anchors",
];

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{config::Config, policy::diagnostics::SourceFile};

    fn read(lines: &str) -> Result<OpenId, Vec<String>> {
        let text = format!(
            "[node]\nname = \"mx1.example.nhs.uk\"\ndata_dir = \"/d\"\npolicies = \"/p\"\n\
             [[listener]]\nname = \"a\"\naddress = \"127.0.0.1:2525\"\ndirection = \"outbound\"\n\
             tls = \"none\"\n[[route]]\ndomain = \"*\"\nnext_hop = \"mx\"\n\
             [console]\nurl = \"http://127.0.0.1:8464\"\n[console.openid]\n{lines}"
        );
        let path = "/etc/postern/postern.toml".to_owned();
        let (config, faults) = Config::read(&Arc::new(SourceFile { path, text }));
        match config {
            Some(config) => Ok(config.console.unwrap().openid.unwrap()),
            None => Err(faults.iter().map(ToString::to_string).collect()),
        }
    }

    const LEAST: &str = "issuer = \"https://login.example\"\nclient_id = \"postern\"\n";

    #[test]
    fn little_must_be_said_of_a_provider() {
        let openid = read(&format!("{LEAST}roles = {{ officers = \"officer\" }}\n")).unwrap();
        assert_eq!(openid.label, "login.example");
        assert_eq!(openid.scopes, ["profile"]);
        assert_eq!(openid.name_claim.as_str(), "preferred_username");
        assert_eq!(openid.roles_claim.as_str(), "roles");
        assert_eq!(openid.roles["officers"], [Role::Officer]);
        assert_eq!((openid.client_secret, openid.trust_anchors), (None, None));
    }

    #[test]
    fn all_of_it_can_be_said_and_paths_count_from_the_file() {
        let openid = read(&format!(
            "{LEAST}client_secret_file = \"secret\"\nlabel = \"NHS login\"\nscopes = [\"a\", \"b\"]\n\
             name_claim = \"sub\"\nroles_claim = \"realm_access.roles\"\n\
             organisations_claim = \"ods\"\ntrust_anchors = \"ca.pem\"\n\
             [console.openid.roles]\n\"Trust admins\" = [\"local-administrator\", \"auditor\"]\n"
        ))
        .unwrap();
        assert_eq!(openid.client_secret.unwrap().to_str(), Some("/etc/postern/secret"));
        assert_eq!(openid.trust_anchors.unwrap().to_str(), Some("/etc/postern/ca.pem"));
        assert_eq!(openid.scopes, ["a", "b"]);
        assert_eq!(openid.organisations_claim.unwrap().as_str(), "ods");
        assert_eq!(openid.roles["Trust admins"], [Role::LocalAdministrator, Role::Auditor]);
    }

    #[test]
    fn every_fault_is_told_with_its_line() {
        for (lines, code) in [
            (
                "issuer = \"http://login.example\"\nclient_id = \"p\"\nroles = { a = \"officer\" }",
                "bad-issuer",
            ),
            (&format!("{LEAST}roles = {{}}"), "openid-no-roles"),
            (&format!("{LEAST}roles = {{ a = \"chief\" }}"), "unknown-value"),
            (&format!("{LEAST}roles = {{ a = \"local-administrator\" }}"), "openid-organisations"),
            (&format!("{LEAST}roles = {{ a = \"officer\" }}\nscopes = \"a b\""), "wrong-type"),
            (&format!("{LEAST}roles = {{ a = \"officer\" }}\nname_claim = \"a..b\""), "wrong-type"),
            (&format!("{LEAST}roles = {{ a = \"officer\" }}\nsecret = \"x\""), "unknown-key"),
            (LEAST, "missing-key"),
        ] {
            let faults = read(lines).unwrap_err();
            assert_eq!(faults.len(), 1, "{lines}: {faults:?}");
            assert!(faults[0].contains(&format!("[{code}]")), "{lines}: {faults:?}");
        }
    }
}
