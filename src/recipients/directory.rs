//! An LDAP directory (RFC 4511): one connection, shared by all lookups and
//! made anew when it has broken.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use ldap3::{
    Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Scope, SearchOptions,
    SearchResult,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::{sync::Mutex, time::timeout};

use super::{address_list::without_tag, prober::Found};
use crate::{
    config::{self, DirectoryBind, DirectoryTls},
    mail::Address,
};

pub(super) struct Directory {
    settings: config::Directory,
    tls: Option<Arc<ClientConfig>>,
    connection: Mutex<(Connection, Number)>,
}

/// Which connection it was, counted from the first.
type Number = u64;

enum Connection {
    Closed,
    Open(Ldap),
    /// It has just failed: those who come now need not wait for it to fail
    /// again.
    Resting {
        until: Instant,
        why: String,
    },
}

/// Why a directory could not be asked. Nothing of it is told to a client.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    #[error("the directory: {0}")]
    Ldap(#[from] LdapError),
    #[error("the directory refuses to be asked: {0}")]
    Refused(LdapResult),
    #[error("the directory gave no answer in time")]
    Timeout,
    #[error("{}: {cause}", path.display())]
    File { path: PathBuf, cause: String },
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    #[error("it has failed a moment ago: {0}")]
    Resting(String),
}

impl Directory {
    /// Opens nothing yet: a directory that is down must not keep mail from
    /// flowing to those who are known.
    pub(super) fn new(settings: config::Directory) -> Result<Self, DirectoryError> {
        let tls = match settings.is_encrypted() {
            true => Some(client_config(&settings)?),
            false => None,
        };
        Ok(Self { settings, tls, connection: Mutex::new((Connection::Closed, 0)) })
    }

    /// As written first, so that an entry of its own wins, then without a
    /// tag.
    pub(super) async fn find(&self, address: &Address) -> Found {
        let finding = async {
            if self.has(address).await? {
                return Ok(Found::Known);
            }
            match without_tag(address) {
                Some(user) if self.has(&user).await? => Ok(Found::Known),
                _ => Ok::<_, DirectoryError>(Found::Unknown),
            }
        };
        let found = match timeout(TIME_LIMIT, finding).await {
            Ok(found) => found,
            Err(_) => {
                // It may hang for ever: the next one starts afresh. Where the
                // lock is taken, somebody does already.
                if let Ok(mut guard) = self.connection.try_lock() {
                    guard.0 = Connection::Closed;
                }
                Err(DirectoryError::Timeout)
            }
        };
        found.unwrap_or_else(|error| Found::Unavailable(error.to_string()))
    }

    /// A connection that was kept may have been closed by the directory
    /// meanwhile, which is no failure: a second one is tried.
    async fn has(&self, address: &Address) -> Result<bool, DirectoryError> {
        let filter = self.settings.filter.of(address);
        let (ldap, number) = self.connection().await?;
        match self.search(ldap, &filter).await {
            Err(DirectoryError::Ldap(_)) => self.forget(number).await,
            answer => return answer,
        }
        let (ldap, number) = self.connection().await?;
        let answer = self.search(ldap, &filter).await;
        if matches!(answer, Err(DirectoryError::Ldap(_))) {
            self.forget(number).await;
        }
        answer
    }

    /// One entry is enough. References to other directories are not
    /// followed, as nobody has vouched for those.
    async fn search(&self, mut ldap: Ldap, filter: &str) -> Result<bool, DirectoryError> {
        let options = SearchOptions::new().sizelimit(1);
        ldap.with_search_options(options).with_timeout(TIME_LIMIT);
        let base = &self.settings.base;
        let SearchResult(entries, result) =
            ldap.search(base, Scope::Subtree, filter, [NO_ATTRIBUTES]).await?;
        match (result.rc, entries.is_empty()) {
            (SUCCESS | SIZE_LIMIT_EXCEEDED, false) => Ok(true),
            (SUCCESS, true) => Ok(false),
            // A base that does not exist is among these: it is a fault in
            // postern.toml, and says nothing of anybody.
            _ => Err(DirectoryError::Refused(result)),
        }
    }

    async fn connection(&self) -> Result<(Ldap, Number), DirectoryError> {
        let mut guard = self.connection.lock().await;
        let (connection, number) = &mut *guard;
        match connection {
            Connection::Open(ldap) => {
                if !ldap.is_closed() {
                    return Ok((ldap.clone(), *number));
                }
            }
            Connection::Resting { until, why } if Instant::now() < *until => {
                return Err(DirectoryError::Resting(why.clone()));
            }
            Connection::Closed | Connection::Resting { .. } => {}
        }
        let opened = match timeout(CONNECT_LIMIT, self.connect()).await {
            Ok(opened) => opened,
            Err(_) => Err(DirectoryError::Timeout),
        };
        match opened {
            Ok(ldap) => {
                *number += 1;
                *connection = Connection::Open(ldap.clone());
                Ok((ldap, *number))
            }
            Err(error) => {
                let (until, why) = (Instant::now() + REST, error.to_string());
                *connection = Connection::Resting { until, why };
                Err(error)
            }
        }
    }

    async fn connect(&self) -> Result<Ldap, DirectoryError> {
        let config::Directory { url, start_tls, bind, .. } = &self.settings;
        let mut settings =
            LdapConnSettings::new().set_starttls(*start_tls == DirectoryTls::StartTls);
        if let Some(tls) = &self.tls {
            settings = settings.set_config(Arc::clone(tls));
        }
        let (driver, mut ldap) = LdapConnAsync::with_settings(settings, url.as_str()).await?;
        // Ends with the last handle, or with the connection.
        tokio::spawn(async move {
            if let Err(error) = driver.drive().await {
                tracing::debug!(%error, "the connection to the directory has ended");
            }
        });
        if let Some(DirectoryBind { dn, password_file }) = bind {
            let bound = ldap.simple_bind(dn, &password(password_file)?).await?;
            if bound.rc != SUCCESS {
                return Err(DirectoryError::Refused(bound));
            }
        }
        Ok(ldap)
    }

    /// Closes the connection of this number; another one may have been made
    /// since it broke.
    async fn forget(&self, broken: Number) {
        let mut guard = self.connection.lock().await;
        let (connection, number) = &mut *guard;
        if matches!(connection, Connection::Open(_)) && *number == broken {
            *connection = Connection::Closed;
        }
    }
}

/// What it needs of the disk: whom to trust, and the password.
pub(super) fn check(settings: &config::Directory) -> Result<(), DirectoryError> {
    if settings.is_encrypted() {
        client_config(settings)?;
    }
    match &settings.bind {
        Some(bind) => password(&bind.password_file).map(drop),
        None => Ok(()),
    }
}

fn client_config(settings: &config::Directory) -> Result<Arc<ClientConfig>, DirectoryError> {
    let mut roots = RootCertStore::empty();
    match &settings.trust_anchors {
        None => {
            let system = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(system.certs);
        }
        Some(path) => {
            let wrong = |cause: String| DirectoryError::File { path: path.clone(), cause };
            for anchor in
                CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?
            {
                let anchor = anchor.map_err(|error| wrong(error.to_string()))?;
                roots.add(anchor).map_err(|error| wrong(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(wrong("there is no certificate in it".to_owned()));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The first line. An empty password would make the bind an anonymous one
/// that looks like a success (RFC 4513 section 5.1.2).
fn password(path: &Path) -> Result<String, DirectoryError> {
    let wrong = |cause: String| DirectoryError::File { path: path.to_owned(), cause };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    match text.lines().next() {
        None | Some("") => Err(wrong("a password is expected in its first line".to_owned())),
        Some(password) => Ok(password.to_owned()),
    }
}

/// For one address, all attempts together.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// Less, so that it is known why nobody got an answer.
const CONNECT_LIMIT: Duration = Duration::from_secs(4);
const REST: Duration = Duration::from_secs(1);
/// RFC 4511 section 4.5.1.8.
const NO_ATTRIBUTES: &str = "1.1";
const SUCCESS: u32 = 0;
const SIZE_LIMIT_EXCEEDED: u32 = 4;

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::{DirectoryBind, Filter};

    fn directory(port: u16, password_file: &Path) -> Directory {
        Directory::new(config::Directory {
            url: format!("ldap://127.0.0.1:{port}").parse().unwrap(),
            start_tls: DirectoryTls::AsTheUrlSays,
            base: "dc=nhs".to_owned(),
            filter: Filter::default(),
            bind: Some(DirectoryBind {
                dn: "cn=gateway".to_owned(),
                password_file: password_file.to_owned(),
            }),
            trust_anchors: None,
        })
        .unwrap()
    }

    async fn why(directory: &Directory) -> String {
        match directory.find(&"ann@nhs.example".parse().unwrap()).await {
            Found::Unavailable(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn an_empty_password_is_not_sent() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        for (text, sent) in [("", false), ("\nsecret", false), ("secret\n", true)] {
            std::fs::write(file.path(), text).unwrap();
            assert_eq!(password(file.path()).is_ok(), sent, "{text:?}");
        }
        std::fs::write(file.path(), "").unwrap();
        let directory = directory(listener.local_addr().unwrap().port(), file.path());
        let why = why(&directory).await;
        assert!(why.contains("a password is expected"), "{why}");
    }

    #[tokio::test]
    async fn a_directory_that_hangs_holds_nobody_for_long() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "secret\n").unwrap();
        // Connections are taken by the kernel, and nobody ever reads.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let directory = directory(listener.local_addr().unwrap().port(), file.path());
        let (first, second) = tokio::join!(why(&directory), why(&directory));
        assert_eq!(first, DirectoryError::Timeout.to_string());
        assert!(second.contains("gave no answer in time"), "{second}");
        // Those who come at once after that do not wait at all.
        assert!(why(&directory).await.contains("a moment ago"));
    }
}
