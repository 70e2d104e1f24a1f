//! Two officers for a change of policy: who counts as the second.
//!
//! What this proves: two different names were written, and where both came
//! over accounts of their own, two different accounts of the operating system.
//! What it does not: that a name is its writer's, where they share an account
//! (root, or the gateway's own). Give officers accounts of their own, let these
//! open the control socket, and say in the console's file of accounts whose they
//! are (`unix_user`): then a name is its writer's at both doors.

use std::os::unix::fs::MetadataExt;

use crate::mail::{By, Person};

/// Accounts that say nothing of who sits there: root's, and the gateway's own.
#[derive(Clone, Debug)]
pub(in crate::gateway) struct SharedAccounts(pub(super) Vec<u32>);

/// What is known of somebody who asks, beside the name they write.
#[derive(Clone, Debug, Default)]
pub(in crate::gateway) struct Signatory {
    pub(in crate::gateway) uid: Option<u32>,
    /// Theirs for certain: it stands for whatever they write.
    pub(in crate::gateway) account: Option<String>,
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
}

impl Signatory {
    #[cfg(test)]
    pub(super) fn user(uid: u32) -> Self {
        Self { uid: Some(uid), account: None }
    }

    pub(super) fn writing(&self, name: Option<String>) -> By {
        By::Person(Person { name: self.account.clone().or(name), uid: self.uid })
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
            By::Person(Person { name, uid }) => {
                name.is_some() || uid.is_some_and(|uid| !self.contains(uid))
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
            if let Some(uid) = uid.filter(|uid| other.uid == Some(*uid) && !self.contains(*uid)) {
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

const ROOT: u32 = 0;

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
    fn whose_account_is_known_is_nobody_else_whatever_name_they_write() {
        let (uid, account) = (Some(1001), Some("anna.ashe".to_owned()));
        let anna = Signatory { uid, account };
        let signed_in = Signatory::default().writing(Some("anna.ashe".to_owned()));
        for name in [Some("Ben Birch".to_owned()), None] {
            let wrote = anna.writing(name);
            assert_eq!(wrote.name(), Some("anna.ashe"));
            assert!(SharedAccounts(vec![0]).may_join(&signed_in, &[wrote]).is_err());
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
