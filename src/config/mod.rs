//! postern.toml, for operators: what was written (`file`), and what it means
//! (`meaning`). Everything past this room works with meanings: sizes in
//! octets, durations, parsed addresses, paths made whole. Here too: the file
//! of SASL users, reading the officers' folder from disk, and the `place` of what
//! turns out to be wrong later.

mod audit;
mod accounts;
mod console;
mod cryptography;
mod directory;
mod file;
mod folder;
mod git;
mod going_live;
mod identity;
mod meaning;
mod mta_sts;
mod network;
mod node;
mod openid;
mod place;
mod quantity;
mod quarantine;
mod reader;
mod resolver;
mod second_factor;
mod signing;
mod spool;
mod users;
mod verifier;

pub use accounts::{
    AccountState, ConsoleAccount, ConsoleAccounts, DigestError, PasswordDigest, PasswordError,
    check_accounts, is_account_name, read_by_others,
};
pub use audit::AuditTrail;
pub use console::{
    Console, ConsoleTls, ConsoleUrl, ConsoleUrlError, LockOut, SecondFactor, SessionLimits,
};
pub use cryptography::cryptography;
pub use directory::{DirectoryUrl, DirectoryUrlError, Filter, FilterError};
pub use folder::{ReadError, certificates_folder, read_file, read_policies};
pub use going_live::{Approval, Band, Canary, GoingLive, Percent, ShareError};
pub use identity::{Identity, Login};
pub use meaning::{
    Blocklist, CertificateFiles, Certified, CertifiedBy, Config, Directory, DirectoryBind,
    DirectoryTls, DomainPattern, ExchangeAddresses, Limits, Listener, ListenerProtocol,
    ListenerTls, ProxyProtocol, Rate, RecipientSource, Retry, Route, SOCKET_OF_CONSOLE,
    SOCKET_OF_METRICS, SenderAuthentication, Sending, Source, TlsReporting,
};
pub use mta_sts::{MtaSts, StsDiscovery};
pub use network::{Network, NetworkError};
pub use node::{Confinement, Node};
pub use openid::{ClaimPath, HttpsUrl, HttpsUrlError, OpenId, check_openid};
pub use place::Place;
pub use quantity::{QuantityError, Size, Span};
pub use quarantine::{PublicUrl, PublicUrlError, Quarantine};
pub use reader::{Reader, ReaderConfinement};
pub use resolver::{Dns, Dnssec, ResolverError, proving_resolver, resolver};
pub use second_factor::{TotpSecret, TotpSecretError, TotpStep};
pub use signing::{KeyState, SigningKey};
pub use spool::{Ephemeral, KeyFile, Spool};
pub use users::{NoRandomness, User, Users, Verdict, check_users, is_user_name, user_named_on};
pub use verifier::{Impostors, Verifier};
