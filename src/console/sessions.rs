//! Who is signed in. A session is 32 random octets in a cookie, of which we
//! keep only the digest, in memory: it ends with the process, and neither a
//! core dump nor a log can be used to be somebody.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use aws_lc_rs::{digest, rand};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::Flash;
use crate::mail::Actor;

/// Everybody's.
#[derive(Debug)]
pub(super) struct Sessions {
    idle: Duration,
    absolute: Duration,
    open: Mutex<HashMap<SessionKey, Session>>,
}

/// The digest of a session's secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SessionKey([u8; 32]);

/// What the cookie holds; shown once.
#[derive(Debug)]
pub(super) struct SessionSecret(String);

#[derive(Clone, Debug)]
struct Session {
    actor: Actor,
    csrf: String,
    began: Instant,
    seen: Instant,
    flash: Option<Flash>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random numbers")]
pub(super) struct NoRandomness;

/// Who has caused a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    Person,
    /// A page that looks again by itself: it keeps no session open.
    Clock,
}

/// What a session's cookie stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignedIn {
    pub(super) actor: Actor,
    pub(super) csrf: String,
}

impl Sessions {
    pub(super) fn new(idle: Duration, absolute: Duration) -> Self {
        Self { idle, absolute, open: Mutex::default() }
    }

    /// A session of its own for each sign-in: what was in a cookie before is
    /// never taken over.
    pub(super) fn begin(&self, actor: Actor, now: Instant) -> Result<SessionSecret, NoRandomness> {
        let secret = SessionSecret(random_text()?);
        let session = Session { actor, csrf: random_text()?, began: now, seen: now, flash: None };
        let mut open = self.open();
        open.retain(|_, session| self.is_alive(session, now));
        make_room(&mut open, &session.actor.name);
        open.insert(secret.key(), session);
        Ok(secret)
    }

    /// Who it is; an expired one is nobody's.
    pub(super) fn resume(
        &self,
        key: SessionKey,
        activity: Activity,
        now: Instant,
    ) -> Option<SignedIn> {
        let mut open = self.open();
        let session = open.get_mut(&key)?;
        if !self.is_alive(session, now) {
            open.remove(&key);
            return None;
        }
        if activity == Activity::Person {
            session.seen = now;
        }
        Some(SignedIn { actor: session.actor.clone(), csrf: session.csrf.clone() })
    }

    pub(super) fn end(&self, key: SessionKey) {
        self.open().remove(&key);
    }

    /// All of somebody's; how many there were.
    pub(super) fn end_all(&self, name: &str) -> usize {
        let mut open = self.open();
        let before = open.len();
        open.retain(|_, session| session.actor.name != name);
        before - open.len()
    }

    /// Told on the next page that is shown.
    pub(super) fn leave(&self, key: SessionKey, flash: Flash) {
        if let Some(session) = self.open().get_mut(&key) {
            session.flash = Some(flash);
        }
    }

    pub(super) fn take_flash(&self, key: SessionKey) -> Option<Flash> {
        self.open().get_mut(&key)?.flash.take()
    }

    fn is_alive(&self, session: &Session, now: Instant) -> bool {
        now.saturating_duration_since(session.seen) < self.idle
            && now.saturating_duration_since(session.began) < self.absolute
    }

    fn open(&self) -> MutexGuard<'_, HashMap<SessionKey, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionSecret {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    fn key(&self) -> SessionKey {
        SessionKey::of(&self.0)
    }
}

impl SessionKey {
    /// Of what a cookie holds, whatever that is.
    pub(super) fn of(secret: &str) -> Self {
        let mut key = [0; 32];
        for (octet, digested) in
            key.iter_mut().zip(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref())
        {
            *octet = *digested;
        }
        Self(key)
    }
}

/// 256 bits, as text that a cookie and a form can hold.
pub(super) fn random_text() -> Result<String, NoRandomness> {
    let mut octets = [0; 32];
    rand::fill(&mut octets).map_err(|_| NoRandomness)?;
    Ok(URL_SAFE_NO_PAD.encode(octets))
}

/// The longest unused of theirs goes where somebody has too many, or of all.
fn make_room(open: &mut HashMap<SessionKey, Session>, name: &str) {
    let own = |session: &Session| session.actor.name == name;
    let oldest = |open: &HashMap<SessionKey, Session>, whose: &dyn Fn(&Session) -> bool| {
        let theirs = open.iter().filter(|(_, session)| whose(session));
        theirs.min_by_key(|(_, session)| session.seen).map(|(key, _)| *key)
    };
    let surplus = match open.values().filter(|session| own(session)).count() {
        count if count >= OF_ONE => oldest(open, &own),
        _ if open.len() >= OF_ALL => oldest(open, &|_| true),
        _ => None,
    };
    if let Some(surplus) = surplus {
        open.remove(&surplus);
    }
}

/// Browsers and devices that one person is signed in with.
const OF_ONE: usize = 20;
const OF_ALL: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{ActorDoor, KnownBy, Scope};

    fn actor(name: &str) -> Actor {
        let (door, scope) = (ActorDoor::Console, Scope::Everybody);
        let (known_by, roles) = (KnownBy::Account, Vec::new());
        Actor { name: name.to_owned(), door, known_by, roles, scope }
    }

    fn sessions() -> (Sessions, Instant) {
        (Sessions::new(Duration::from_secs(600), Duration::from_secs(3_600)), Instant::now())
    }

    fn resumed(sessions: &Sessions, key: SessionKey, now: Instant) -> Option<SignedIn> {
        sessions.resume(key, Activity::Person, now)
    }

    #[test]
    fn a_session_ends_when_it_is_idle_and_however_busy_it_is() {
        let (sessions, start) = sessions();
        let minute = |minutes: u64| start + Duration::from_secs(minutes * 60);
        let idle = sessions.begin(actor("idle"), start).unwrap().key();
        let busy = sessions.begin(actor("busy"), start).unwrap().key();
        for minutes in (0..60).step_by(5) {
            assert!(resumed(&sessions, busy, minute(minutes)).is_some(), "{minutes}");
        }
        assert_eq!(resumed(&sessions, idle, minute(10)), None);
        assert_eq!(resumed(&sessions, idle, minute(0)), None, "what has ended stays so");
        assert_eq!(resumed(&sessions, busy, minute(60)), None);
    }

    #[test]
    fn a_page_that_looks_again_by_itself_keeps_nobody_signed_in() {
        let (sessions, start) = sessions();
        let minute = |minutes: u64| start + Duration::from_secs(minutes * 60);
        let key = sessions.begin(actor("away"), start).unwrap().key();
        assert!(sessions.resume(key, Activity::Clock, minute(9)).is_some());
        assert_eq!(sessions.resume(key, Activity::Clock, minute(10)), None);
    }

    #[test]
    fn every_sign_in_has_secrets_of_its_own_and_an_unknown_one_is_nobody() {
        let (sessions, now) = sessions();
        let one = sessions.begin(actor("one"), now).unwrap();
        let two = sessions.begin(actor("one"), now).unwrap();
        assert_ne!(one.as_str(), two.as_str());
        let csrf = |secret: &SessionSecret| resumed(&sessions, secret.key(), now).unwrap().csrf;
        assert_ne!(csrf(&one), csrf(&two));
        assert_eq!(one.as_str().len(), 43, "256 bits");
        assert_eq!(resumed(&sessions, SessionKey::of("made up"), now), None);
        assert_eq!(sessions.end_all("one"), 2);
        assert_eq!(resumed(&sessions, one.key(), now), None);
    }

    #[test]
    fn all_together_have_no_more_sessions_than_there_is_room_for() {
        let (sessions, now) = sessions();
        let first = sessions.begin(actor("first"), now).unwrap().key();
        let second = sessions.begin(actor("second"), now).unwrap().key();
        // Whoever has been away longest goes, not whoever came first.
        assert!(resumed(&sessions, first, now + Duration::from_secs(2)).is_some());
        let later = now + Duration::from_secs(1);
        for number in 2..=OF_ALL {
            sessions.begin(actor(&number.to_string()), later).unwrap();
        }
        assert_eq!(sessions.open().len(), OF_ALL);
        assert_eq!(resumed(&sessions, second, later), None);
        assert!(resumed(&sessions, first, later).is_some());
    }

    #[test]
    fn what_has_expired_is_not_kept_in_memory() {
        let (sessions, start) = sessions();
        sessions.begin(actor("gone"), start).unwrap();
        sessions.begin(actor("here"), start + Duration::from_secs(600)).unwrap();
        assert_eq!(sessions.open().len(), 1);
    }

    #[test]
    fn a_session_that_is_ended_is_nobodys_and_others_go_on() {
        let (sessions, now) = sessions();
        let [ended, other] = [(); 2].map(|()| sessions.begin(actor("one"), now).unwrap().key());
        sessions.end(ended);
        assert_eq!(resumed(&sessions, ended, now), None);
        assert!(resumed(&sessions, other, now).is_some());
    }

    #[test]
    fn nobody_has_more_sessions_than_a_person_can_use() {
        let (sessions, now) = sessions();
        let first = sessions.begin(actor("one"), now).unwrap().key();
        let other = sessions.begin(actor("other"), now).unwrap().key();
        for later in 1..=OF_ONE {
            let now = now + Duration::from_secs(later as u64);
            sessions.begin(actor("one"), now).unwrap();
        }
        assert_eq!(resumed(&sessions, first, now), None);
        assert!(resumed(&sessions, other, now).is_some());
        assert_eq!(sessions.open().len(), OF_ONE + 1);
    }
}
