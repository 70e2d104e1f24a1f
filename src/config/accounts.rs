//! The file of the console's accounts. `postern account` writes it, the
//! console reads it, again whenever it has changed.
//!
//! ```toml
//! [[account]]
//! name = "jane.doe"
//! roles = ["officer"]
//! password = "$argon2id$v=19$m=19456,t=2,p=1$…"
//! second_factor = "…"                # base 32; whoever reads it makes codes
//! organisations = ["rxx"]            # whose mail; all where it is missing
//! certificates = ["jane.doe@…"]      # subjects that stand for this account
//! unix_user = "jane"                 # who they are on the control socket
//! locked = true
//! ```
//!
//! The second factor's secret cannot be a digest: it makes the codes. So the
//! file must be its owner's alone.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
};

use argon2::{Argon2, Params, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};

use super::{folder::read_file, meaning::Config, second_factor::TotpSecret, users::Verdict};
use crate::{
    mail::{Role, Scope},
    policy::{
        diagnostics::{Diagnostics, Severity, SourceFile},
        written::{Fault, Faults, Table, Value},
    },
};

/// Everybody who may sign in with an account of this file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsoleAccounts {
    known: HashMap<String, ConsoleAccount>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ConsoleAccount {
    pub name: String,
    pub roles: Vec<Role>,
    pub scope: Scope,
    /// None where they sign in by certificate only.
    pub password: Option<PasswordDigest>,
    pub second_factor: Option<TotpSecret>,
    /// Common names, DNS names or addresses of client certificates.
    pub certificates: Vec<String>,
    /// Their user of the system, by name or number, who is them on the control
    /// socket.
    pub unix_user: Option<String>,
    pub state: AccountState,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccountState {
    #[default]
    Open,
    Locked,
}

/// Argon2id, as a PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordDigest(PasswordHash);

#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("a password is {SHORTEST} characters or longer")]
    Short,
    #[error("a password is {LONGEST} octets or shorter")]
    Long,
    #[error("the password could not be digested: {0}")]
    Digest(argon2::password_hash::Error),
}

impl ConsoleAccounts {
    /// Every fault of the file; none of its accounts where there is one.
    pub fn read(file: &Arc<SourceFile>) -> (Option<Self>, Diagnostics) {
        let faults = Faults::new(file);
        let root = faults.parse();
        let table = Table::root(&root, &faults, "the file of accounts", &["account"]);
        let mut known: HashMap<String, ConsoleAccount> = HashMap::new();
        let mut users = HashSet::new();
        for table in table.tables("account", "an account", KEYS) {
            let Some(account) = account(&table) else { continue };
            refuse_shared(&table, account.unix_user.as_ref(), &mut users);
            if let Some(twice) = known.insert(account.name.clone(), account) {
                let fault =
                    Fault::new("account-twice", format!("`{}` stands here twice", twice.name));
                faults.error(fault.at(table.span()).help("take one of both out"));
            }
        }
        drop(root);
        let diagnostics = faults.into_diagnostics();
        ((!diagnostics.has_errors()).then_some(Self { known }), diagnostics)
    }

    pub fn get(&self, name: &str) -> Option<&ConsoleAccount> {
        self.known.get(name)
    }

    /// In the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &ConsoleAccount> {
        let mut all: Vec<_> = self.known.values().collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all.into_iter()
    }

    /// Whose a certificate is with any of these names in it.
    pub fn certified<'a>(
        &self,
        mut subjects: impl Iterator<Item = &'a str>,
    ) -> Option<&ConsoleAccount> {
        subjects.find_map(|subject| {
            self.known
                .values()
                .find(|account| account.certificates.iter().any(|own| own == subject))
        })
    }

    /// Whether the password is this account's. It costs the same for names
    /// that do not exist or have none. Takes some ten milliseconds and 19 MiB.
    pub fn verify(&self, name: &str, password: &str, impostor: &PasswordDigest) -> Verdict {
        let own = self.known.get(name).and_then(|account| account.password.as_ref());
        match (own.unwrap_or(impostor).verify(password), own) {
            (Verdict::Right, Some(_)) => Verdict::Right,
            _ => Verdict::Wrong,
        }
    }
}

impl PasswordDigest {
    pub fn new(password: &str) -> Result<Self, PasswordError> {
        if password.chars().count() < SHORTEST {
            return Err(PasswordError::Short);
        }
        if password.len() > LONGEST {
            return Err(PasswordError::Long);
        }
        Self::of(password)
    }

    /// However short: where the accounts are not worth guarding.
    pub fn of(password: &str) -> Result<Self, PasswordError> {
        let digest = Argon2::default().hash_password(password.as_bytes());
        digest.map(Self).map_err(PasswordError::Digest)
    }

    fn verify(&self, password: &str) -> Verdict {
        if password.len() > LONGEST {
            return Verdict::Wrong;
        }
        match Argon2::default().verify_password(password.as_bytes(), &self.0) {
            Ok(()) => Verdict::Right,
            Err(_) => Verdict::Wrong,
        }
    }
}

impl ConsoleAccount {
    pub fn is_locked(&self) -> bool {
        self.state == AccountState::Locked
    }
}

/// The faults of the console's file of accounts.
pub fn check_accounts(config: &Config) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    let Some(path) = config.console.as_ref().and_then(|console| console.accounts.as_ref()) else {
        return diagnostics;
    };
    let file = match read_file(path) {
        Ok(file) => file,
        Err(error) => {
            let file = SourceFile { path: path.display().to_string(), text: String::new() };
            let message = format!("the console has no accounts: {error}");
            let fault = Fault::new("accounts-unreadable", message)
                .help("`postern account add` makes the file");
            diagnostics.push(fault.of(&Arc::new(file), Severity::Error));
            return diagnostics;
        }
    };
    diagnostics.extend(ConsoleAccounts::read(&file).1);
    if let Some(mode) = read_by_others(path) {
        let message = format!("others on this machine can read the accounts (mode {mode:03o})");
        let fault = Fault::new("accounts-readable", message)
            .help("chmod 600: whoever reads a second factor's secret can make its codes");
        diagnostics.push(fault.of(&file, Severity::Error));
    }
    diagnostics
}

/// The mode of a file that its group or everybody can read.
pub fn read_by_others(path: &Path) -> Option<u32> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

fn account(table: &Table<'_>) -> Option<ConsoleAccount> {
    let name = table.required("name").and_then(|value| account_name(&value));
    let roles = table.required("roles").and_then(|value| {
        value.list(|value| value.choice(&Role::ALL.map(|role| (role.name(), role))))
    });
    let organisations = table.value("organisations").map(|value| value.list(organisation));
    let password = table.value("password").map(|value| value.parsed("bad-password-digest"));
    let second_factor = table.value("second_factor").map(|value| value.parsed("bad-second-factor"));
    let certificates = table
        .value("certificates")
        .map(|value| value.list(|value| value.sentence().map(str::to_owned)));
    let unix_user = table.value("unix_user").map(|value| unix_user(&value));
    let locked =
        table.value("locked").map(|value| value.either(AccountState::Locked, AccountState::Open));
    let roles: Vec<Role> = roles?;
    let scope = match organisations {
        Some(names) => Scope::Organisations(names?),
        None => Scope::Everybody,
    };
    refuse_boundless(table, &roles, &scope);
    Some(ConsoleAccount {
        name: name?,
        roles,
        scope,
        password: optional(password)?,
        second_factor: optional(second_factor)?,
        certificates: optional(certificates)?.unwrap_or_default(),
        unix_user: optional(unix_user)?,
        state: optional(locked)?.unwrap_or_default(),
    })
}

/// A key that may be missing, but not wrong.
#[expect(clippy::option_option, reason = "the outer one says whether the key is written")]
fn optional<T>(written: Option<Option<T>>) -> Option<Option<T>> {
    match written {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}

/// A local administrator without organisations would see everybody's mail.
fn refuse_boundless(table: &Table<'_>, roles: &[Role], scope: &Scope) {
    if roles.contains(&Role::LocalAdministrator) && *scope == Scope::Everybody {
        let message = "a local administrator needs `organisations`: whose mail is theirs";
        let fault = Fault::new("administrator-of-all", message).at(table.span());
        table
            .faults()
            .error(fault.help("organisations = [\"rxx\"], or the role `officer` for all"));
    }
}

/// Two accounts with one user would be two people at one door and one at the
/// other.
fn refuse_shared(table: &Table<'_>, user: Option<&String>, users: &mut HashSet<String>) {
    let Some(user) = user.filter(|user| !users.insert((*user).clone())) else { return };
    let fault = Fault::new("unix-user-twice", format!("`{user}` is somebody else's user already"));
    table.faults().error(fault.at(table.span()).help("people have users of their own, or none"));
}

fn unix_user(value: &Value<'_>) -> Option<String> {
    let written = value.string()?;
    let fits = |octet: u8| octet.is_ascii_alphanumeric() || b"._-@+\\$".contains(&octet);
    let is_name = (1..=64).contains(&written.len()) && written.bytes().all(fits);
    match is_name && !["root", "0"].contains(&written) {
        true => Some(written.to_owned()),
        false => value.expected("a user of the system that is one person's alone, never root"),
    }
}

fn account_name(value: &Value<'_>) -> Option<String> {
    let written = value.string()?;
    match is_account_name(written) {
        true => Some(written.to_owned()),
        false => value.expected("a name of letters, digits and . _ - @ +, 64 at most"),
    }
}

/// Names stand in audit lines, pages and QR codes: nothing there may need care.
pub fn is_account_name(name: &str) -> bool {
    let fits = |octet: u8| octet.is_ascii_alphanumeric() || b"._-@+".contains(&octet);
    (1..=64).contains(&name.len()) && name.bytes().all(fits)
}

fn organisation(value: &Value<'_>) -> Option<String> {
    let written = value.sentence()?;
    Some(written.to_ascii_lowercase())
}

impl fmt::Debug for PasswordDigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("PasswordDigest(…)")
    }
}

impl fmt::Display for PasswordDigest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password stands here as its argon2id digest, as `postern account password` writes it")]
pub struct DigestError;

impl std::str::FromStr for PasswordDigest {
    type Err = DigestError;

    fn from_str(written: &str) -> Result<Self, DigestError> {
        let digest = PasswordHash::new(written).map_err(|_| DigestError)?;
        let parameters = Params::try_from(&digest).map_err(|_| DigestError)?;
        let bounded = MEMORY_KIB.contains(&parameters.m_cost())
            && PASSES.contains(&parameters.t_cost())
            && parameters.p_cost() <= LANES;
        let whole = digest.algorithm.as_str() == "argon2id"
            && digest.salt.is_some()
            && digest.hash.is_some();
        (bounded && whole).then_some(Self(digest)).ok_or(DigestError)
    }
}

const KEYS: &[&str] = &[
    "name",
    "roles",
    "organisations",
    "password",
    "second_factor",
    "certificates",
    "unix_user",
    "locked",
];
/// In characters; a second factor stands beside it (NIST SP 800-63B).
const SHORTEST: usize = 10;
/// In octets: nobody shall have us digest a book.
const LONGEST: usize = 512;
/// What is too weak to be a digest, and what would take a gateway's memory.
const MEMORY_KIB: std::ops::RangeInclusive<u32> = 7_168..=262_144;
const PASSES: std::ops::RangeInclusive<u32> = 1..=16;
const LANES: u32 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ConsoleAccounts, Vec<String>> {
        let file = SourceFile { path: "accounts.toml".to_owned(), text: text.to_owned() };
        let (accounts, faults) = ConsoleAccounts::read(&Arc::new(file));
        let shown = |fault: &crate::policy::diagnostics::Diagnostic| {
            format!("{}: {}", fault.line(), fault.code)
        };
        accounts.ok_or_else(|| faults.iter().map(shown).collect())
    }

    #[test]
    fn only_the_right_password_of_a_known_account_passes() {
        let (digest, impostor) =
            (PasswordDigest::new("correct horse").unwrap(), PasswordDigest::of("x").unwrap());
        let accounts = read(&format!(
            "[[account]]\nname = \"jane\"\nroles = [\"officer\"]\npassword = \"{digest}\"\n\
             [[account]]\nname = \"card\"\nroles = [\"auditor\"]\ncertificates = [\"card 7\"]\n"
        ))
        .unwrap();
        assert_eq!(accounts.verify("jane", "correct horse", &impostor), Verdict::Right);
        assert_eq!(accounts.verify("jane", "correct horsf", &impostor), Verdict::Wrong);
        assert_eq!(accounts.verify("nobody", "x", &impostor), Verdict::Wrong);
        assert_eq!(accounts.verify("card", "x", &impostor), Verdict::Wrong, "it has none");
        let certified = accounts.certified(["other", "card 7"].into_iter()).unwrap();
        assert_eq!(certified.name, "card");
        assert!(accounts.certified(["jane"].into_iter()).is_none(), "a name is no subject");
    }

    #[test]
    fn an_administrator_sees_the_mail_of_named_organisations_only() {
        let local = "[[account]]\nname = \"a\"\nroles = [\"local-administrator\"]\n";
        assert_eq!(read(local).unwrap_err(), ["1: administrator-of-all"]);
        let accounts = read(&format!("{local}organisations = [\"RXX\"]\n")).unwrap();
        let scope = Scope::Organisations(vec!["rxx".to_owned()]);
        assert_eq!(accounts.get("a").unwrap().scope, scope);
        let faults = read(&format!("{local}organisations = []\n")).unwrap_err();
        assert_eq!(faults, ["4: wrong-type"], "none is not all");
    }

    #[test]
    fn a_user_of_the_system_is_one_account_s_alone_and_never_root() {
        let account = |name: &str, user: &str| {
            format!(
                "[[account]]\nname = \"{name}\"\nroles = [\"officer\"]\nunix_user = \"{user}\"\n"
            )
        };
        let both = |one, other| read(&(account("a", one) + &account("b", other)));
        let accounts = both("ann", "1002").unwrap();
        assert_eq!(accounts.get("b").unwrap().unix_user.as_deref(), Some("1002"));
        assert_eq!(both("ann", "ann").unwrap_err(), ["5: unix-user-twice"]);
        for nobody in ["root", "0", "", "a b"] {
            assert_eq!(read(&account("a", nobody)).unwrap_err(), ["4: wrong-type"], "{nobody}");
        }
    }

    #[test]
    fn every_fault_is_shown_with_its_line() {
        let text = "[[account]]\nname = \"a b\"\nroles = [\"boss\"]\npassword = \"secret\"\n\
                    second_factor = \"short\"\nlocked = \"yes\"\n\
                    [[account]]\nname = \"c\"\nroles = [\"officer\"]\n\
                    [[account]]\nname = \"c\"\nroles = [\"officer\"]\n";
        assert_eq!(
            read(text).unwrap_err(),
            [
                "2: wrong-type",
                "3: unknown-value",
                "4: bad-password-digest",
                "5: bad-second-factor",
                "6: wrong-type",
                "10: account-twice"
            ]
        );
    }

    #[test]
    fn a_digest_that_would_take_the_gateways_memory_is_none() {
        let good = PasswordDigest::of("x").unwrap().to_string();
        assert!(good.parse::<PasswordDigest>().is_ok());
        for bad in ["m=1048576", "m=8"] {
            let bad = good.replace("m=19456", bad);
            assert!(bad.parse::<PasswordDigest>().is_err(), "{bad}");
        }
        assert!(good.replace("argon2id", "argon2i").parse::<PasswordDigest>().is_err());
        assert!(PasswordDigest::new("too short").is_err());
    }
}
