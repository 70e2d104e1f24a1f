//! Two officers for a change of policy: who counts as the second.
//!
//! What this proves: two different names were written, and where both came
//! over accounts of their own, two different accounts of the operating system.
//! What it does not: that a name is its writer's, where they share an account
//! (root, or the gateway's own). Give officers accounts of their own, and let
//! these open the control socket.

use crate::mail::{By, Person};

/// Accounts that say nothing of who sits there: root's, and the gateway's own.
#[derive(Clone, Debug)]
pub(super) struct SharedAccounts(pub(super) Vec<u32>);

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
}

impl SharedAccounts {
    /// Whether it is known, by name or by account, who that is.
    pub(super) fn is_known(&self, by: &By) -> bool {
        match by {
            By::Person(Person { name, uid }) => {
                name.is_some() || uid.is_some_and(|uid| !self.0.contains(&uid))
            }
            By::Gateway | By::Start | By::Signal => false,
        }
    }

    /// Whether this officer may stand beside those.
    pub(super) fn may_join(&self, officer: &By, others: &[By]) -> Result<(), NotSecond> {
        let By::Person(Person { name: Some(name), uid }) = officer else {
            return Err(NotSecond::Nameless);
        };
        for other in others {
            if other.name().is_some_and(|other| same_name(other, name)) {
                return Err(NotSecond::SameName(name.clone()));
            }
            let By::Person(other) = other else { continue };
            if let Some(uid) = uid.filter(|uid| other.uid == Some(*uid) && !self.0.contains(uid)) {
                return Err(NotSecond::SameAccount(uid));
            }
        }
        Ok(())
    }
}

/// `Anna  Ashe` is `anna ashe`.
fn same_name(one: &str, other: &str) -> bool {
    let words = |name: &str| name.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>();
    words(one) == words(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn officer(name: &str, uid: u32) -> By {
        let name = (!name.is_empty()).then(|| name.to_owned());
        By::Person(Person { name, uid: Some(uid) })
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
        let console = |name: &str| By::Person(Person { name: Some(name.to_owned()), uid: None });
        assert!(accounts.is_known(&console("anna")));
        assert!(accounts.may_join(&console("Anna"), &[console("anna")]).is_err());
        assert!(accounts.may_join(&console("ben"), &[console("anna")]).is_ok());
        assert!(accounts.may_join(&console("anna"), &[officer("Anna", 1001)]).is_err());
        assert!(accounts.may_join(&officer("Ben", 1002), &[console("anna")]).is_ok());
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
