//! Who asks on the control socket: a user of the system, whom the kernel names,
//! and the account of the console that they have too.
//!
//! One person is one person at both doors. Whose user stands in the file of
//! accounts acts as that account, with its roles and its scope, and not at all
//! while it is locked. Any other user may do there what approvers do, for who
//! may open the socket is for the system to say; but whether they are somebody
//! who has an account, nobody has said. Root, the gateway's own user, and
//! everybody while the file cannot be read, may be anybody.

use std::path::PathBuf;

use nix::unistd::{Uid, User};

use super::policies::SharedAccounts;
use crate::{
    config::{Config, ConsoleAccount, ConsoleAccounts, read_file},
    mail::{Actor, ActorDoor, KnownBy, Role, Scope},
};

pub(super) struct People {
    /// The console's, if it has any.
    accounts: Option<PathBuf>,
    shared: SharedAccounts,
}

/// It is not known whose account, if anybody's, a user has.
struct Unclear(String);

impl People {
    pub(super) fn of(config: &Config) -> Self {
        let accounts = config.console.as_ref().and_then(|console| console.accounts.clone());
        Self { accounts, shared: SharedAccounts::of_this_machine() }
    }

    /// As the file of accounts has it now. Blocks on it, and on the system's
    /// directory of users.
    pub(super) fn at_socket(&self, uid: u32) -> Actor {
        if self.shared.contains(uid) {
            return without_account(uid, KnownBy::Nothing);
        }
        match self.account(uid) {
            Ok(Some(account)) => at_socket(account),
            Ok(None) => without_account(uid, KnownBy::UnixUser),
            Err(Unclear(why)) => {
                tracing::error!(uid, why, "nobody can tell whose account they have");
                without_account(uid, KnownBy::Nothing)
            }
        }
    }

    fn account(&self, uid: u32) -> Result<Option<ConsoleAccount>, Unclear> {
        let Some(path) = &self.accounts else { return Ok(None) };
        let file = read_file(path).map_err(|error| Unclear(error.to_string()))?;
        let faults = || Unclear(format!("{} has faults", path.display()));
        let accounts = ConsoleAccounts::read(&file).0.ok_or_else(faults)?;
        let user =
            User::from_uid(Uid::from_raw(uid)).map_err(|error| Unclear(error.to_string()))?;
        let number = uid.to_string();
        let names = |written: &str| {
            written == number || user.as_ref().is_some_and(|user| user.name == written)
        };
        let mut theirs =
            accounts.iter().filter(|account| account.unix_user.as_deref().is_some_and(names));
        match (theirs.next(), theirs.next()) {
            (Some(_), Some(_)) => Err(Unclear("two accounts name this user".to_owned())),
            (account, _) => Ok(account.cloned()),
        }
    }
}

fn at_socket(account: ConsoleAccount) -> Actor {
    let roles = if account.is_locked() { Vec::new() } else { account.roles };
    let (door, known_by) = (ActorDoor::Socket, KnownBy::Account);
    Actor { name: account.name, door, known_by, roles, scope: account.scope }
}

fn without_account(uid: u32, known_by: KnownBy) -> Actor {
    let name = match uid {
        0 => "root".to_owned(),
        uid => format!("uid {uid}"),
    };
    let (roles, scope) = (vec![Role::Approver], Scope::Everybody);
    Actor { name, door: ActorDoor::Socket, known_by, roles, scope }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::Permission;

    /// A user that no machine has, and no test runs as.
    const UID: u32 = 4_200_001;

    fn people(accounts: &str) -> (tempfile::TempDir, People) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accounts.toml");
        std::fs::write(&path, accounts).unwrap();
        (folder, People { accounts: Some(path), shared: SharedAccounts::of_this_machine() })
    }

    fn account(name: &str, more: &str) -> String {
        format!("[[account]]\nname = \"{name}\"\nroles = [\"officer\"]\n{more}")
    }

    #[test]
    fn whose_user_an_account_names_is_that_account_at_the_socket_too() {
        let (_folder, people) = people(&account("jane", "unix_user = \"4200001\"\n"));
        let jane = people.at_socket(UID);
        assert_eq!((jane.name.as_str(), jane.known_by), ("jane", KnownBy::Account));
        assert!(jane.may(Permission::Decide) && !jane.may(Permission::Approve), "as their roles");
        let other = people.at_socket(UID + 1);
        assert_eq!((other.name.as_str(), other.known_by), ("uid 4200002", KnownBy::UnixUser));
        assert!(other.may(Permission::Approve));
    }

    #[test]
    fn a_user_is_known_by_their_name_in_the_system() {
        let nobody = User::from_name("nobody").unwrap().unwrap();
        let (_folder, people) = people(&account("jane", "unix_user = \"nobody\"\n"));
        assert_eq!(people.at_socket(nobody.uid.as_raw()).name, "jane");
    }

    #[test]
    fn a_locked_account_is_locked_at_the_socket_too() {
        let (_folder, people) =
            people(&account("jane", "unix_user = \"4200001\"\nlocked = true\n"));
        assert!(!people.at_socket(UID).may(Permission::ViewHeld));
    }

    #[test]
    fn who_may_be_anybody_is_nobody_known() {
        let two = account("jane", "unix_user = \"4200001\"\n") + &account("joe", "");
        let (folder, people) = people(&two);
        assert_eq!(people.at_socket(0).known_by, KnownBy::Nothing, "root");
        let own = nix::unistd::geteuid().as_raw();
        assert_eq!(people.at_socket(own).known_by, KnownBy::Nothing, "the gateway's own");
        std::fs::write(folder.path().join("accounts.toml"), "a fault\n").unwrap();
        assert_eq!(people.at_socket(UID).known_by, KnownBy::Nothing, "a file with faults");
        drop(folder);
        assert_eq!(people.at_socket(UID).known_by, KnownBy::Nothing, "no file");
        let none = People { accounts: None, ..people };
        assert_eq!(none.at_socket(UID).known_by, KnownBy::UnixUser, "nobody has an account");
    }
}
