//! A listener's users: their passwords checked where it keeps no session
//! waiting, and their file read again on reload while sessions go on.

use std::{path::PathBuf, sync::Arc};

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;

use super::parts::{StartError, faults, users};
use crate::config::{DomainPattern, Impostors, Listener, Users, Verdict, Verifier};

pub(super) struct Accounts {
    listener: String,
    /// None where nobody can authenticate.
    file: Option<PathBuf>,
    users: ArcSwap<Users>,
    impostors: Arc<Impostors>,
    /// Passwords checked at the same time: no more than there are processors,
    /// and none of them in the place of a message.
    places: Arc<Semaphore>,
}

impl Accounts {
    pub(super) fn open(
        listener: &Listener,
        impostors: &Arc<Impostors>,
        places: &Arc<Semaphore>,
    ) -> Result<Self, StartError> {
        let read = listener.users.as_deref().map_or_else(|| Ok(Users::default()), users);
        Ok(Self {
            listener: listener.name.clone(),
            file: listener.users.clone(),
            users: ArcSwap::from_pointee(read?),
            impostors: Arc::clone(impostors),
            places: Arc::clone(places),
        })
    }

    /// Reads the file again. One with faults changes nothing.
    pub(super) fn reload(&self) {
        let Some(file) = &self.file else { return };
        match users(file) {
            Ok(users) => self.users.store(Arc::new(users)),
            Err(error) => {
                let (listener, error) = (&self.listener, faults(&error));
                tracing::error!(listener, error, "users not reloaded; those before stay");
            }
        }
    }

    /// Takes a few milliseconds of a processor, and a second at most. None
    /// where that could not be done.
    pub(super) async fn verify(&self, user: &str, password: &str) -> Option<Verdict> {
        let place = Arc::clone(&self.places).acquire_owned().await.ok()?;
        let (users, impostors) = (self.users.load_full(), Arc::clone(&self.impostors));
        let (user, password) = (user.to_owned(), password.to_owned());
        let verified = tokio::task::spawn_blocking(move || {
            let _place = place;
            users.verify(&user, &password, &impostors)
        });
        verified.await.ok()
    }

    pub(super) fn verifier(&self, user: &str) -> Verifier {
        self.users.load().verifier(user, &self.impostors)
    }

    pub(super) fn has(&self, user: &str) -> bool {
        self.users.load().get(user).is_some()
    }

    /// None where there is no such user. On a listener without users, whoever
    /// has a name has it from a peer that speaks for it (XCLIENT), and
    /// nothing of its own.
    pub(super) fn sender_domains(&self, user: &str) -> Option<Vec<DomainPattern>> {
        if self.file.is_none() {
            return Some(Vec::new());
        }
        self.users.load().get(user).map(|user| user.sender_domains.clone())
    }
}
