//! Two officers for a change of policy: who counts as the second.
//!
//! What this proves: two different names were written, and where both came
//! over accounts of their own, two different accounts of the operating system.
//! What it does not: that a name is its writer's, where they share an account
//! (root, or the gateway's own). Give officers accounts of their own, let these
//! open the control socket, and say in the console's file of accounts whose they
//! are (`unix_user`): then a name is its writer's at both doors.

use std::os::unix::fs::MetadataExt;

use crate::mail::{Actor, By, KnownBy, Person};

/// Accounts that say nothing of who sits there: root's, and the gateway's own.
#[derive(Clone, Debug)]
pub(in crate::gateway) struct SharedAccounts(pub(super) Vec<u32>);

/// What is known of somebody who asks, beside the name they write.
#[derive(Clone, Debug, Default)]
pub(in crate::gateway) struct Signatory {
    pub(in crate::gateway) uid: Option<u32>,
    /// Theirs for certain: it stands for whatever they write.
    pub(in crate::gateway) account: Option<String>,
    pub(in crate::gateway) known_by: KnownBy,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSecond {
    #[error("say who you are: --officer NAME")]
    Nameless,
    #[error("`{0}` stands for this version already: another officer must approve it")]
    SameName(String),
    #[error(
        "the account uid {0} stands for this version already: another officer must approve it, \
         from an account of their own"
    )]
    SameAccount(u32),
    #[error(
        "whoever stands for this version already may be you: somebody can have an account here and \
         a name of the OpenID provider"
    )]
    PerhapsSame,
}

impl Signatory {
    pub(in crate::gateway) fn at_socket(uid: u32, who: &Actor) -> Self {
        let account = (who.known_by == KnownBy::Account).then(|| who.name.clone());
        Self { uid: Some(uid), account, known_by: who.known_by }
    }

    pub(in crate::gateway) fn in_console(who: &Actor) -> Self {
        Self { uid: None, account: Some(who.name.clone()), known_by: who.known_by }
    }

    #[cfg(test)]
    pub(super) fn user(uid: u32) -> Self {
        Self { uid: Some(uid), ..Self::default() }
    }

    pub(super) fn writing(&self, name: Option<String>) -> By {
        let Self { uid, account, known_by } = self.clone();
        By::Person(Person { name: account.or(name), uid, known_by })
    }
}

impl SharedAccounts {
    pub(in crate::gateway) fn of_this_machine() -> Self {
        // Whose process this is, as the kernel shows it.
        let own = std::fs::metadata("/proc/self").ok().map(|process| process.uid());
        Self(std::iter::once(ROOT).chain(own).collect())
    }

    pub(in crate::gateway) fn contains(&self, uid: u32) -> bool {
        self.0.contains(&uid)
    }

    /// Whether it is known, by name or by account, who that is.
    pub(super) fn is_known(&self, by: &By) -> bool {
        match by {
            By::Person(Person { name, uid, .. }) => {
                name.is_some() || uid.is_some_and(|uid| !self.contains(uid))
            }
            By::Gateway | By::Start | By::Signal => false,
        }
    }

    /// Whether this officer may stand beside those.
    pub(super) fn may_join(&self, officer: &By, others: &[By]) -> Result<(), NotSecond> {
        let By::Person(Person { name: Some(name), uid, known_by }) = officer else {
            return Err(NotSecond::Nameless);
        };
        for other in others {
            if other.name().is_some_and(|other| same_name(other, name)) {
                return Err(NotSecond::SameName(name.clone()));
            }
            let By::Person(other) = other else { continue };
            if may_be_one(*known_by, other.known_by) {
                return Err(NotSecond::PerhapsSame);
            }
            if let Some(uid) = uid.filter(|uid| other.uid == Some(*uid) && !self.contains(*uid)) {
                return Err(NotSecond::SameAccount(uid));
            }
        }
        Ok(())
    }
}

/// An account and a name of the provider: whose is whose, nobody has said.
fn may_be_one(one: KnownBy, other: KnownBy) -> bool {
    use KnownBy::{Account, Provider};
    matches!((one, other), (Account, Provider) | (Provider, Account))
}

/// `Anna  Ashe` is `anna ashe`.
fn same_name(one: &str, other: &str) -> bool {
    let words = |name: &str| name.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>();
    words(one) == words(other)
}

const ROOT: u32 = 0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{ActorDoor, Role, Scope};

    fn officer(name: &str, uid: u32) -> By {
        let name = (!name.is_empty()).then(|| name.to_owned());
        By::Person(Person { name, uid: Some(uid), known_by: KnownBy::UnixUser })
    }

    fn actor(name: &str, door: ActorDoor, known_by: KnownBy) -> Actor {
        let (roles, scope) = (vec![Role::Approver], Scope::Everybody);
        Actor { name: name.to_owned(), door, known_by, roles, scope }
    }

    fn in_console(name: &str, known_by: KnownBy) -> By {
        Signatory::in_console(&actor(name, ActorDoor::Console, known_by)).writing(None)
    }

    #[test]
    fn the_second_officer_is_another_by_name_and_by_account() {
        let accounts = SharedAccounts(vec![0, 900]);
        let anna = [officer("Anna Ashe", 1001)];
        for (second, allowed) in [
            (officer("Ben Birch", 1002), true),
            (officer("Ben Birch", 0), true),
            (officer("Ben Birch", 1001), false),
            (officer("anna  ashe ", 1002), false),
            (officer("", 1002), false),
            (By::Signal, false),
        ] {
            assert_eq!(accounts.may_join(&second, &anna).is_ok(), allowed, "{second}");
        }
    }

    #[test]
    fn in_the_console_the_second_officer_is_signed_in_as_another() {
        let accounts = SharedAccounts(vec![0]);
        let console = |name: &str| in_console(name, KnownBy::Account);
        assert!(accounts.is_known(&console("anna")));
        assert!(accounts.may_join(&console("Anna"), &[console("anna")]).is_err());
        assert!(accounts.may_join(&console("ben"), &[console("anna")]).is_ok());
        assert!(accounts.may_join(&console("anna"), &[officer("Anna", 1001)]).is_err());
        assert!(accounts.may_join(&officer("Ben", 1002), &[console("anna")]).is_ok());
    }

    #[test]
    fn whose_account_is_known_is_nobody_else_whatever_name_they_write() {
        let who = actor("anna.ashe", ActorDoor::Socket, KnownBy::Account);
        let anna = Signatory::at_socket(1001, &who);
        let signed_in = in_console("anna.ashe", KnownBy::Account);
        for name in [Some("Ben Birch".to_owned()), None] {
            let wrote = anna.writing(name);
            assert_eq!(wrote.name(), Some("anna.ashe"));
            assert!(SharedAccounts(vec![0]).may_join(&signed_in, &[wrote]).is_err());
        }
    }

    #[test]
    fn an_account_and_a_name_of_the_provider_may_be_one_person() {
        use KnownBy::{Account, Provider, UnixUser};
        let accounts = SharedAccounts(vec![0]);
        let at_socket = |name, known_by| {
            let who = actor(name, ActorDoor::Socket, known_by);
            Signatory::at_socket(1001, &who).writing(Some("Anna".to_owned()))
        };
        for (one, other, allowed) in [
            (in_console("anna", Account), in_console("openid:anna", Provider), false),
            (in_console("anna", Account), in_console("openid:ben", Provider), false),
            (at_socket("anna", Account), in_console("openid:anna", Provider), false),
            (in_console("openid:anna", Provider), in_console("openid:ben", Provider), true),
            (in_console("openid:anna", Provider), in_console("openid:anna", Provider), false),
            // Whoever has no account proposes where the files are.
            (at_socket("uid 1001", UnixUser), in_console("openid:ben", Provider), true),
        ] {
            for (second, first) in [(&one, &other), (&other, &one)] {
                let joins = accounts.may_join(second, std::slice::from_ref(first));
                assert_eq!(joins.is_ok(), allowed, "{second} beside {first}");
            }
        }
    }

    #[test]
    fn on_a_shared_account_only_names_can_differ() {
        let accounts = SharedAccounts(vec![0, 900]);
        for shared in [0, 900] {
            let anna = [officer("Anna", shared)];
            assert!(accounts.may_join(&officer("Ben", shared), &anna).is_ok());
            assert!(accounts.may_join(&officer("ANNA", shared), &anna).is_err());
        }
    }

    #[test]
    fn whoever_only_sent_a_signal_is_nobody_known() {
        let accounts = SharedAccounts(vec![0]);
        assert!(!accounts.is_known(&By::Signal) && !accounts.is_known(&officer("", 0)));
        // An account of one's own is known without a name.
        assert!(accounts.is_known(&officer("", 1001)) && accounts.is_known(&officer("Anna", 0)));
        let nameless = [officer("", 1001)];
        assert!(accounts.may_join(&officer("Ben", 1001), &nameless).is_err());
    }
}
