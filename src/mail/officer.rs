//! Who acts on mail or looks at it, and what they may: the roles of the
//! console, and whoever has the control socket.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Somebody who has shown who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Stands in the audit trail: an account's name, or `uid 1000`.
    pub name: String,
    pub door: ActorDoor,
    pub known_by: KnownBy,
    pub roles: Vec<Role>,
    /// Whose mail they may see.
    pub scope: Scope,
}

/// Where they came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActorDoor {
    Console,
    /// The control socket: the system's permissions guard it.
    Socket,
}

/// What tells somebody from everybody else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KnownBy {
    /// Their account of the console, whichever door they take.
    Account,
    /// Their user of the system. They may have an account too: which, nobody
    /// has said.
    UnixUser,
    /// What a provider of OpenID Connect says of them. They may have an account
    /// here too.
    Provider,
    /// Nothing: several people can be root.
    #[default]
    Nothing,
}

/// Whose messages somebody may see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    Everybody,
    /// Those of organisations, by the names of their policy files.
    Organisations(Vec<String>),
}

/// What somebody is to the gateway: a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Finds and judges what is held.
    Officer,
    /// An officer who also approves what others propose.
    Approver,
    /// An officer for the mail of some organisations.
    LocalAdministrator,
    /// Reads what was done, masked.
    Auditor,
    /// Sees that mail flows.
    Operator,
}

/// What a role may: a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Permission {
    /// See held messages, masked.
    ViewHeld,
    /// See them as they are; each time is on record.
    Reveal,
    /// Release, reject, redirect, extend, or propose to.
    Decide,
    /// Carry out what another has proposed.
    Approve,
    /// Take a copy out of the gateway.
    Export,
    /// Keep a message whatever its term says.
    LegalHold,
    Trace,
    ViewPolicy,
    ApprovePolicy,
    /// Ask what would become of a message.
    Try,
    ViewPartners,
    ReadAudit,
    ViewOverview,
    /// Keep mail flowing, at the control socket: try what waits again, let it
    /// go with less or another way, or return it; have the policy read anew, or
    /// go back to one before.
    Operate,
}

impl Role {
    pub const ALL: [Self; 5] =
        [Self::Officer, Self::Approver, Self::LocalAdministrator, Self::Auditor, Self::Operator];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Officer => "officer",
            Self::Approver => "approver",
            Self::LocalAdministrator => "local-administrator",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    pub const fn permissions(self) -> &'static [Permission] {
        use Permission::*;
        match self {
            Self::Officer => &[
                ViewHeld,
                Reveal,
                Decide,
                Export,
                LegalHold,
                Trace,
                ViewPolicy,
                Try,
                ViewPartners,
                ViewOverview,
                Operate,
            ],
            Self::Approver => &[
                ViewHeld,
                Reveal,
                Decide,
                Approve,
                Export,
                LegalHold,
                Trace,
                ViewPolicy,
                ApprovePolicy,
                Try,
                ViewPartners,
                ReadAudit,
                ViewOverview,
                Operate,
            ],
            Self::LocalAdministrator => {
                &[ViewHeld, Reveal, Decide, Trace, Try, ViewPartners, ViewOverview]
            }
            Self::Auditor => &[ViewHeld, Trace, ViewPolicy, ViewPartners, ReadAudit, ViewOverview],
            Self::Operator => &[Trace, ViewPolicy, Try, ViewPartners, ViewOverview, Operate],
        }
    }
}

impl Permission {
    /// As the audit trail has it where somebody lacks it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ViewHeld => "view held messages",
            Self::Reveal => "reveal held messages",
            Self::Decide => "decide on held messages",
            Self::Approve => "approve what others propose",
            Self::Export => "export held messages",
            Self::LegalHold => "set a legal hold",
            Self::Trace => "trace messages",
            Self::ViewPolicy => "view the policy",
            Self::ApprovePolicy => "approve a policy",
            Self::Try => "try a message",
            Self::ViewPartners => "view partners",
            Self::ReadAudit => "read the audit trail",
            Self::ViewOverview => "view the overview",
            Self::Operate => "operate the gateway",
        }
    }
}

impl Actor {
    pub fn may(&self, permission: Permission) -> bool {
        self.roles.iter().any(|role| role.permissions().contains(&permission))
    }

    /// Whether this is certainly another person than one of that name. Accounts
    /// are told from accounts, and users of the system from each other; but an
    /// account and a user may be the same person at two doors.
    pub fn is_other_than(&self, name: &str, known_by: KnownBy) -> bool {
        self.known_by == known_by && known_by != KnownBy::Nothing && self.name != name
    }

    /// Whether they may see mail of any of these organisations; mail of none
    /// is seen only by who sees all.
    pub fn sees(&self, organisations: &[String]) -> bool {
        match &self.scope {
            Scope::Everybody => true,
            // Codes are written in either case.
            Scope::Organisations(own) => organisations
                .iter()
                .any(|theirs| own.iter().any(|own| own.eq_ignore_ascii_case(theirs))),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(role: Role, scope: Scope) -> Actor {
        let (door, known_by) = (ActorDoor::Console, KnownBy::Account);
        Actor { name: "x".to_owned(), door, known_by, roles: vec![role], scope }
    }

    #[test]
    fn an_auditor_and_an_operator_never_reveal_or_decide() {
        for role in [Role::Auditor, Role::Operator] {
            let actor = actor(role, Scope::Everybody);
            for never in [Permission::Reveal, Permission::Decide, Permission::Approve] {
                assert!(!actor.may(never), "{role} may {never:?}");
            }
        }
    }

    #[test]
    fn two_are_two_only_where_something_tells_them_apart() {
        use KnownBy::{Account, Nothing, Provider, UnixUser};
        for (one, other, are_two) in [
            (("ann", Account), ("bob", Account), true),
            (("ann", Account), ("ann", Account), false),
            (("uid 1001", UnixUser), ("uid 1002", UnixUser), true),
            (("uid 1001", UnixUser), ("uid 1001", UnixUser), false),
            (("ann", Account), ("uid 1001", UnixUser), false),
            (("uid 1001", UnixUser), ("ann", Account), false),
            (("openid:ann", Provider), ("openid:bob", Provider), true),
            (("openid:ann", Provider), ("openid:ann", Provider), false),
            (("openid:ann", Provider), ("ann", Account), false),
            (("root", Nothing), ("ann", Account), false),
            (("ann", Account), ("root", Nothing), false),
            (("root", Nothing), ("gateway", Nothing), false),
        ] {
            let (name, known_by) = (one.0.to_owned(), one.1);
            let one = Actor { name, known_by, ..actor(Role::Approver, Scope::Everybody) };
            assert_eq!(one.is_other_than(other.0, other.1), are_two, "{one:?} {other:?}");
        }
    }

    #[test]
    fn who_has_a_scope_sees_no_mail_of_others_and_none_of_nobody() {
        let local = actor(Role::LocalAdministrator, Scope::Organisations(vec!["rxx".to_owned()]));
        assert!(local.sees(&["ABC".to_owned(), "RXX".to_owned()]), "in either case");
        assert!(!local.sees(&["abc".to_owned()]) && !local.sees(&[]));
        assert!(actor(Role::Officer, Scope::Everybody).sees(&[]));
    }
}
