//! What a provider's claims make of somebody: a name, roles, and whose mail
//! they may see. A claim that is missing, or says what nobody here knows,
//! gives nothing.

use serde_json::{Map, Value};

use crate::{
    config::{ClaimPath, OpenId},
    mail::{Actor, ActorDoor, KnownBy, Role, Scope},
};

pub(super) type Claims = Map<String, Value>;

/// Why somebody whom the provider knows is nobody here: for the audit trail,
/// without a word of the claims themselves.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoAccess {
    #[error("the claim `{0}` is missing, or cannot be a name here")]
    Name(ClaimPath),
    #[error("no value of the claim `{0}` gives a role here")]
    Role(ClaimPath),
    #[error("a local administrator of no organisation")]
    Organisation,
}

/// How somebody of the provider's is called here.
pub(super) fn name(claims: &Claims, settings: &OpenId) -> Result<String, NoAccess> {
    match texts(claims, &settings.name_claim).as_slice() {
        [name] if is_name(name) => Ok(format!("{PREFIX}{name}")),
        _ => Err(NoAccess::Name(settings.name_claim.clone())),
    }
}

pub(super) fn actor(claims: &Claims, settings: &OpenId) -> Result<Actor, NoAccess> {
    let name = name(claims, settings)?;
    let given = texts(claims, &settings.roles_claim);
    let given = given.into_iter().filter_map(|value| settings.roles.get(value)).flatten();
    let mut roles: Vec<Role> = given.copied().collect();
    roles.sort_unstable();
    roles.dedup();
    if roles.is_empty() {
        return Err(NoAccess::Role(settings.roles_claim.clone()));
    }
    let scope = match roles.contains(&Role::LocalAdministrator) {
        true => Scope::Organisations(organisations(claims, settings)?),
        false => Scope::Everybody,
    };
    Ok(Actor { name, door: ActorDoor::Console, known_by: KnownBy::Provider, roles, scope })
}

/// Whether the claims say all that is asked of them.
pub(super) fn are_complete(claims: &Claims, settings: &OpenId) -> bool {
    let asked = [Some(&settings.name_claim), Some(&settings.roles_claim)];
    let asked = asked.into_iter().chain([settings.organisations_claim.as_ref()]).flatten();
    asked.into_iter().all(|path| !texts(claims, path).is_empty())
}

/// Whose name was given by a provider: no account's name has a colon.
pub(in crate::console) fn is_openid_name(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Names stand in audit lines and pages. A provider's subjects have a few more
/// signs than our own accounts' names.
pub(super) fn is_name(name: &str) -> bool {
    let fits = |octet: u8| octet.is_ascii_alphanumeric() || b"._-@+|:/#~=".contains(&octet);
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(fits)
}

fn organisations(claims: &Claims, settings: &OpenId) -> Result<Vec<String>, NoAccess> {
    let path = settings.organisations_claim.as_ref().ok_or(NoAccess::Organisation)?;
    let is_code = |code: &&str| {
        (1..=LONGEST_CODE).contains(&code.len())
            && code.bytes().all(|octet| octet.is_ascii_alphanumeric())
    };
    let codes = texts(claims, path).into_iter().filter(is_code);
    let mut codes: Vec<_> = codes.map(str::to_ascii_lowercase).collect();
    codes.sort_unstable();
    codes.dedup();
    match codes.is_empty() {
        true => Err(NoAccess::Organisation),
        false => Ok(codes),
    }
}

/// The texts that a way leads to.
fn texts<'c>(claims: &'c Claims, path: &ClaimPath) -> Vec<&'c str> {
    let mut found = Vec::new();
    follow_in(claims, path.as_str(), &mut found);
    found
}

fn follow<'c>(value: &'c Value, path: Option<&str>, found: &mut Vec<&'c str>) {
    match (value, path) {
        (Value::String(text), None) if found.len() < MOST_VALUES => found.push(text),
        (Value::Array(values), path) => values.iter().for_each(|value| follow(value, path, found)),
        (Value::Object(object), Some(path)) => follow_in(object, path, found),
        _ => {}
    }
}

/// A claim's own name may have dots (`https://example.com/roles`): the longest
/// name that is there is the one that is meant.
fn follow_in<'c>(object: &'c Claims, path: &str, found: &mut Vec<&'c str>) {
    if let Some(value) = object.get(path) {
        return follow(value, None, found);
    }
    let steps = path.rmatch_indices('.').filter_map(|(dot, _)| path.split_at_checked(dot));
    for (name, rest) in steps {
        if let Some(value) = object.get(name) {
            return follow(value, rest.strip_prefix('.'), found);
        }
    }
}

const PREFIX: &str = "openid:";
const LONGEST_NAME: usize = 128;
const LONGEST_CODE: usize = 16;
/// Directories put people into hundreds of groups.
const MOST_VALUES: usize = 1_000;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::console::openid::tests::settings;

    fn claims(value: &Value) -> Claims {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_role_is_given_by_a_value_that_is_known_and_by_no_other() {
        let settings = settings();
        let jane = |roles: Value| {
            actor(
                &claims(&json!({ "preferred_username": "jane@nhs.example", "roles": roles })),
                &settings,
            )
        };
        let officer = jane(json!(["everybody", "officers"])).unwrap();
        assert_eq!(
            (officer.name.as_str(), officer.roles),
            ("openid:jane@nhs.example", vec![Role::Officer])
        );
        assert_eq!(officer.scope, Scope::Everybody);
        assert_eq!(jane(json!("officers")).unwrap().roles, [Role::Officer]);
        let both = jane(json!(["approvers", "officers", "officers"])).unwrap();
        assert_eq!(both.roles, [Role::Officer, Role::Approver]);
        for none in [
            json!([]),
            json!("everybody"),
            json!("Officers"),
            json!("officers approvers"),
            json!({ "officers": true }),
            json!(7),
            Value::Null,
        ] {
            assert_eq!(
                jane(none.clone()),
                Err(NoAccess::Role(settings.roles_claim.clone())),
                "{none}"
            );
        }
    }

    #[test]
    fn a_local_administrator_sees_the_mail_of_those_organisations_that_a_claim_names() {
        let settings = settings();
        let local = |roles: Value, ods: Value| {
            let claims = json!({ "preferred_username": "joe", "roles": roles, "ods": ods });
            actor(&super::tests::claims(&claims), &settings).map(|actor| actor.scope)
        };
        let own = Ok(Scope::Organisations(vec!["abc".to_owned(), "rxx".to_owned()]));
        assert_eq!(local(json!("trust"), json!(["RXX", "abc", "../x", ""])), own);
        assert_eq!(local(json!(["trust", "officers"]), json!(["RXX", "ABC"])), own, "the narrower");
        for none in [json!([]), json!("../x"), Value::Null] {
            assert_eq!(local(json!("trust"), none), Err(NoAccess::Organisation));
        }
    }

    #[test]
    fn nobody_is_let_in_without_a_name_or_by_one_that_needs_care() {
        let settings = settings();
        for wrong in [
            json!(null),
            json!(""),
            json!("a b"),
            json!("a\nb"),
            json!("é"),
            json!(["a", "b"]),
            json!(7),
            json!("x".repeat(129)),
        ] {
            let claims =
                claims(&json!({ "preferred_username": wrong, "sub": "1", "roles": "officers" }));
            assert_eq!(
                actor(&claims, &settings),
                Err(NoAccess::Name(settings.name_claim.clone())),
                "{wrong}"
            );
        }
        assert!(is_openid_name("openid:jane") && !is_openid_name("jane"));
        assert!(
            !crate::config::is_account_name("openid:jane"),
            "nobody of the file has such a name"
        );
    }

    #[test]
    fn a_way_leads_through_objects_and_lists_and_names_may_have_dots() {
        let claims = claims(&json!({
            "realm_access": { "roles": ["a", "b"] },
            "nrbac": [{ "role": "c", "other": 1 }, { "role": "d" }],
            "https://example.com/roles": "e",
            "https://example": { "com/roles": "never" },
        }));
        let found = |path: &str| texts(&claims, &ClaimPath::new(path).unwrap());
        assert_eq!(found("realm_access.roles"), ["a", "b"]);
        assert_eq!(found("nrbac.role"), ["c", "d"]);
        assert_eq!(found("https://example.com/roles"), ["e"]);
        for nowhere in ["realm_access", "roles", "realm_access.roles.a", "nrbac.other"] {
            assert_eq!(found(nowhere), [""; 0], "{nowhere}");
        }
    }
}
