//! postern.toml, for operators: what was written (`file`), and what it means
//! (`meaning`). Everything past this room works with meanings: sizes in
//! octets, durations, parsed addresses, paths made whole. Here too: the file
//! of SASL users, and reading the officers' folder from disk.

mod directory;
mod file;
mod folder;
mod key_file;
mod meaning;
mod network;
mod quantity;
mod resolver;
mod users;
mod verifier;

pub use directory::{DirectoryUrl, DirectoryUrlError, Filter, FilterError};
pub use folder::{ReadError, read_file, read_policies};
pub use key_file::KeyFile;
pub use meaning::{
    Blocklist, CertificateFiles, Certified, CertifiedBy, Config, Directory, DirectoryBind,
    DirectoryTls, Dns, DomainPattern, Ephemeral, ExchangeAddresses, Limits, Listener,
    ListenerProtocol, ListenerTls, Node, ProxyProtocol, Rate, RecipientSource, Retry, Route,
    SenderAuthentication, Sending, SigningKey, Source, Spool,
};
pub use network::{Network, NetworkError};
pub use resolver::resolver;
pub use users::{NoRandomness, User, Users, Verdict, check_users, is_user_name, user_named_on};
pub use verifier::{Impostors, Verifier};
