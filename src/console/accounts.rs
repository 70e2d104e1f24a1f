//! The accounts that the console knows, as their file has them now: a change
//! takes effect within a second, and ends the sessions of whom it is about.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;

use super::{
    kept::NotKept,
    used_codes::{CodeUseError, UsedCodes},
};
use crate::{
    config::{
        ConsoleAccount, ConsoleAccounts, PasswordDigest, SecondFactor, Verdict, read_by_others,
        read_file,
    },
    mail::{Actor, ActorDoor, KnownBy, Timestamp},
};

pub(super) struct Accounts {
    file: Option<PathBuf>,
    second_factor: SecondFactor,
    current: ArcSwap<ConsoleAccounts>,
    seen: Mutex<Option<Stamp>>,
    impostor: PasswordDigest,
    /// Passwords are digested beside the mail, not in its place.
    places: Semaphore,
    used: Arc<UsedCodes>,
}

/// What tells one state of the file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    length: u64,
    inode: u64,
}

/// What somebody says to sign in.
pub(super) struct Claim {
    pub(super) name: String,
    pub(super) password: String,
    pub(super) code: String,
}

/// Why a claim does not hold: for the audit trail, never for whoever made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Disproof {
    #[error("there is no such account")]
    UnknownName,
    #[error("the password is wrong")]
    Password,
    #[error("the second factor's code is wrong")]
    Code,
    #[error("the second factor's code was used before")]
    UsedCode,
    #[error("that the second factor's code is used could not be kept on disk")]
    NotKept,
    #[error("the account has no second factor, and needs one")]
    NoSecondFactor,
    #[error("the account is locked")]
    Locked,
    #[error("too many passwords are being checked")]
    Busy,
}

#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    #[error("{0}")]
    Unreadable(#[from] crate::config::ReadError),
    #[error("{0}: it has faults; `postern check` shows them")]
    Faults(PathBuf),
    #[error("{path}: others on this machine can read it (mode {mode:03o})")]
    ReadableByOthers { path: PathBuf, mode: u32 },
    #[error("the codes that were used: {0}")]
    UsedCodes(#[from] NotKept),
    #[error("passwords cannot be digested: {0}")]
    Digest(#[from] crate::config::PasswordError),
}

impl Accounts {
    /// Nobody has one where there is no file. The folder is the console's own.
    pub(super) fn open(
        file: Option<PathBuf>,
        second_factor: SecondFactor,
        folder: &Path,
    ) -> Result<Self, AccountsError> {
        let accounts = Self {
            file,
            second_factor,
            current: ArcSwap::default(),
            seen: Mutex::default(),
            impostor: PasswordDigest::of("nobody has this password")?,
            places: Semaphore::new(AT_ONCE),
            used: Arc::new(UsedCodes::open(folder, SystemTime::now().into())?),
        };
        accounts.refresh()?;
        Ok(accounts)
    }

    /// Reads the file again if it has changed: the names of accounts that are
    /// no longer what they were. After a fault all stay as they are.
    pub(super) fn refresh(&self) -> Result<Vec<String>, AccountsError> {
        let Some(path) = &self.file else { return Ok(Vec::new()) };
        let stamp = Stamp::of(path);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if stamp.is_some() && *seen == stamp {
            return Ok(Vec::new());
        }
        if let Some(mode) = read_by_others(path) {
            return Err(AccountsError::ReadableByOthers { path: path.clone(), mode });
        }
        let read = ConsoleAccounts::read(&read_file(path)?).0;
        let fresh = read.ok_or_else(|| AccountsError::Faults(path.clone()))?;
        *seen = stamp;
        let former = self.current.swap(Arc::new(fresh));
        let fresh = self.current.load();
        let changed = former.iter().filter(|account| fresh.get(&account.name) != Some(account));
        Ok(changed.map(|account| account.name.clone()).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.file.is_none()
    }

    /// The account of a name as it is now, if it is open.
    pub(super) fn actor(&self, name: &str) -> Option<Actor> {
        self.current.load().get(name).filter(|account| !account.is_locked()).map(actor)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.current.load().get(name).is_some()
    }

    /// Whose a certificate is.
    pub(super) fn certified(&self, subjects: &[String]) -> Option<Actor> {
        let accounts = self.current.load();
        let account = accounts.certified(subjects.iter().map(String::as_str))?;
        (!account.is_locked()).then(|| actor(account))
    }

    /// Who it is that claims to be somebody. All of it is looked at whatever
    /// is wrong, so that time tells nothing.
    pub(super) async fn prove(&self, claim: Claim, now: Timestamp) -> Result<Actor, Disproof> {
        let _place = self.places.acquire().await.map_err(|_| Disproof::Busy)?;
        let (accounts, impostor) = (self.current.load_full(), self.impostor.clone());
        let Claim { name, password, code } = claim;
        let proved = tokio::task::spawn_blocking(move || {
            let verdict = accounts.verify(&name, &password, &impostor);
            (accounts.get(&name).cloned(), verdict)
        });
        let (account, verdict) = proved.await.map_err(|_| Disproof::Busy)?;
        let account = account.ok_or(Disproof::UnknownName)?;
        if verdict == Verdict::Wrong {
            return Err(Disproof::Password);
        }
        if account.is_locked() {
            return Err(Disproof::Locked);
        }
        self.prove_code(&account, &code, now).await?;
        Ok(actor(&account))
    }

    async fn prove_code(
        &self,
        account: &ConsoleAccount,
        code: &str,
        now: Timestamp,
    ) -> Result<(), Disproof> {
        let Some(secret) = &account.second_factor else {
            return match self.second_factor {
                SecondFactor::Required => Err(Disproof::NoSecondFactor),
                SecondFactor::Optional => Ok(()),
            };
        };
        let step = secret.check(code, now).ok_or(Disproof::Code)?;
        let (used, known) = (Arc::clone(&self.used), self.current.load_full());
        let name = account.name.clone();
        let use_up = move || used.use_up(&name, step, |name| known.get(name).is_some());
        match tokio::task::spawn_blocking(use_up).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(CodeUseError::UsedBefore)) => Err(Disproof::UsedCode),
            Ok(Err(CodeUseError::NotKept(error))) => {
                tracing::error!(%error, "nobody can sign in with a code");
                Err(Disproof::NotKept)
            }
            Err(_) => Err(Disproof::Busy),
        }
    }
}

fn actor(account: &ConsoleAccount) -> Actor {
    Actor {
        name: account.name.clone(),
        door: ActorDoor::Console,
        known_by: KnownBy::Account,
        roles: account.roles.clone(),
        scope: account.scope.clone(),
    }
}

impl Stamp {
    fn of(path: &std::path::Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self {
            modified: metadata.modified().ok()?,
            length: metadata.len(),
            inode: metadata.ino(),
        })
    }
}

/// Passwords that are checked at the same time, of 19 MiB each.
const AT_ONCE: usize = 2;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn write(path: &std::path::Path, text: &str) {
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn claim(code: &str) -> Claim {
        let [name, password] = ["jane", "correct horse"].map(str::to_owned);
        Claim { name, password, code: code.to_owned() }
    }

    #[tokio::test]
    async fn a_code_is_good_once_and_a_password_alone_is_not_enough() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accounts.toml");
        let digest = PasswordDigest::new("correct horse").unwrap();
        write(
            &path,
            &format!(
                "[[account]]\nname = \"jane\"\nroles = [\"officer\"]\npassword = \"{digest}\"\n\
                 second_factor = \"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\"\n"
            ),
        );
        let open =
            || Accounts::open(Some(path.clone()), SecondFactor::Required, folder.path()).unwrap();
        let accounts = open();
        let now = Timestamp::from_unix_milliseconds(59_000);
        let prove = |code: &'static str| accounts.prove(claim(code), now);
        assert_eq!(prove("").await.unwrap_err(), Disproof::Code);
        assert_eq!(prove("287082").await.unwrap().name, "jane");
        assert_eq!(prove("287082").await.unwrap_err(), Disproof::UsedCode);
        let restarted = open();
        let again = restarted.prove(claim("287082"), now).await;
        assert_eq!(again.unwrap_err(), Disproof::UsedCode, "nor after a restart");
        let wrong = Claim { password: "correct horsf".to_owned(), ..claim("287082") };
        assert_eq!(accounts.prove(wrong, now).await.unwrap_err(), Disproof::Password);
        let stranger = Claim { name: "joe".to_owned(), ..claim("287082") };
        assert_eq!(accounts.prove(stranger, now).await.unwrap_err(), Disproof::UnknownName);
    }

    #[tokio::test]
    async fn a_change_of_the_file_is_seen_and_one_with_faults_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accounts.toml");
        let digest = PasswordDigest::new("correct horse").unwrap();
        let account = |more: &str| {
            format!(
                "[[account]]\nname = \"jane\"\nroles = [\"officer\"]\npassword = \"{digest}\"\n{more}"
            )
        };
        write(&path, &account(""));
        let open = || Accounts::open(Some(path.clone()), SecondFactor::Required, folder.path());
        let accounts = open().unwrap();
        let now = Timestamp::from_unix_milliseconds(0);
        assert_eq!(accounts.prove(claim(""), now).await.unwrap_err(), Disproof::NoSecondFactor);
        assert_eq!(accounts.refresh().unwrap(), Vec::<String>::new());
        write(&path, &account("locked = true\n"));
        assert_eq!(accounts.refresh().unwrap(), ["jane"]);
        assert_eq!(accounts.prove(claim(""), now).await.unwrap_err(), Disproof::Locked);
        write(&path, "fault\n");
        assert!(accounts.refresh().is_err());
        assert!(accounts.has("jane"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let readable = open();
        assert!(matches!(readable, Err(AccountsError::ReadableByOthers { mode: 0o640, .. })));
    }
}
