//! From root to an account that owns nothing but its data.

use std::ffi::CString;

use nix::unistd::{ROOT, User, geteuid, initgroups, setgid, setuid};

#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    #[error("[node] user: this machine has no account `{0}`")]
    Unknown(String),
    #[error("[node] user: `{0}` is root: name another")]
    Root(String),
    #[error("the account cannot be changed: {0}")]
    Failed(#[from] nix::Error),
    #[error("root could be had back")]
    Kept,
}

pub fn is_root() -> bool {
    geteuid().is_root()
}

/// For good: all three ids, and the groups that /etc/group gives it. There
/// must be one thread only.
pub fn give_up_root(account: &str) -> Result<(), PrivilegeError> {
    let user = user(account)?;
    let name = CString::new(account).map_err(|_| PrivilegeError::Unknown(account.to_owned()))?;
    initgroups(&name, user.gid)?;
    setgid(user.gid)?;
    setuid(user.uid)?;
    // What cannot be tried cannot be trusted.
    match setuid(ROOT) {
        Ok(()) => Err(PrivilegeError::Kept),
        Err(_) => Ok(()),
    }
}

/// Whether root could become this account.
pub fn check_account(account: &str) -> Result<(), PrivilegeError> {
    user(account).map(drop)
}

fn user(account: &str) -> Result<User, PrivilegeError> {
    let unknown = || PrivilegeError::Unknown(account.to_owned());
    let user = User::from_name(account)?.ok_or_else(unknown)?;
    match user.uid.is_root() {
        true => Err(PrivilegeError::Root(account.to_owned())),
        false => Ok(user),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_is_none_or_is_root_is_refused() {
        assert!(matches!(give_up_root("no such account"), Err(PrivilegeError::Unknown(_))));
        assert!(matches!(give_up_root("root"), Err(PrivilegeError::Root(_))));
    }
}
