//! Sign-ins that were begun here and have yet to come back from the provider.
//! Each is good once, for a few minutes, in the browser that began it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::console::{
    door::is_same,
    guesses::Network,
    sessions::{NoRandomness, random_text},
};

#[derive(Debug, Default)]
pub(super) struct Pending {
    /// By their `state`.
    begun: Mutex<HashMap<String, SignIn>>,
}

/// What the provider is asked with, and the browser keeps.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) state: String,
    /// What the browser's cookie holds.
    pub(super) browser: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignIn {
    browser: String,
    pub(super) nonce: String,
    /// PKCE's (RFC 7636).
    pub(super) verifier: String,
    /// A path of ours.
    pub(super) next: String,
    network: Network,
    began: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CannotBegin {
    #[error("too many sign-ins have been begun")]
    TooMany,
    #[error("{0}")]
    NoRandomness(#[from] NoRandomness),
}

/// It was not begun here, not in this browser, too long ago, or is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an answer to no sign-in of this browser")]
pub(super) struct Stray;

impl Pending {
    /// Somebody's oldest goes where they have begun too many; nobody's does
    /// where all have.
    pub(super) fn begin(
        &self,
        next: &str,
        network: Network,
        now: Instant,
    ) -> Result<Begun, CannotBegin> {
        let [state, browser, nonce, verifier] =
            [random_text()?, random_text()?, random_text()?, random_text()?];
        let next = if next.len() > LONGEST_NEXT { "/" } else { next }.to_owned();
        let mut begun = self.begun();
        begun.retain(|_, sign_in| sign_in.is_alive(now));
        forget_oldest(&mut begun, network);
        if begun.len() >= OF_ALL {
            return Err(CannotBegin::TooMany);
        }
        let sign_in = SignIn {
            browser: browser.clone(),
            nonce: nonce.clone(),
            verifier: verifier.clone(),
            next,
            network,
            began: now,
        };
        begun.insert(state.clone(), sign_in);
        Ok(Begun { state, browser, nonce, verifier })
    }

    /// Takes it, whatever comes of it.
    pub(super) fn take(&self, state: &str, browser: &str, now: Instant) -> Result<SignIn, Stray> {
        let sign_in = self.begun().remove(state).ok_or(Stray)?;
        match sign_in.is_alive(now) && is_same(sign_in.browser.as_bytes(), browser.as_bytes()) {
            true => Ok(sign_in),
            false => Err(Stray),
        }
    }

    fn begun(&self) -> MutexGuard<'_, HashMap<String, SignIn>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SignIn {
    fn is_alive(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.began) < LIFETIME
    }
}

fn forget_oldest(begun: &mut HashMap<String, SignIn>, network: Network) {
    let own = |begun: &HashMap<String, SignIn>| {
        let own = begun.iter().filter(|(_, sign_in)| sign_in.network == network);
        own.map(|(state, sign_in)| (sign_in.began, state.clone())).collect::<Vec<_>>()
    };
    let mut own = own(begun);
    if own.len() >= OF_ONE {
        own.sort();
        if let Some((_, state)) = own.first() {
            begun.remove(state);
        }
    }
}

/// Long enough to look for a smartcard.
pub(super) const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// Of one network, behind which a hospital may sit.
const OF_ONE: usize = 200;
const OF_ALL: usize = 4_096;
/// Octets.
const LONGEST_NEXT: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::*;

    fn network(last: u8) -> Network {
        Network::of(Some([192, 0, 2, last].into()))
    }

    #[test]
    fn a_sign_in_ends_once_and_in_the_browser_that_began_it() {
        let (pending, now) = (Pending::default(), Instant::now());
        let begin = || pending.begin("/quarantine", network(1), now).unwrap();
        let begun = begin();
        let back = pending.take(&begun.state, &begun.browser, now).unwrap();
        assert_eq!((back.nonce, back.verifier), (begun.nonce, begun.verifier));
        assert_eq!(back.next, "/quarantine");
        assert_eq!(pending.take(&begun.state, &begun.browser, now), Err(Stray), "twice");
        let (one, other) = (begin(), begin());
        assert_eq!(pending.take(&one.state, &other.browser, now), Err(Stray), "another browser");
        assert_eq!(pending.take(&one.state, &one.browser, now), Err(Stray), "and then no more");
        assert_eq!(pending.take("made up", &other.browser, now), Err(Stray));
        assert_eq!(pending.take(&other.state, "", now), Err(Stray), "a browser without the cookie");
    }

    #[test]
    fn a_sign_in_that_takes_too_long_is_over() {
        let (pending, now) = (Pending::default(), Instant::now());
        let begin = || pending.begin("/", network(1), now).unwrap();
        let (quick, slow) = (begin(), begin());
        let almost = now + LIFETIME - Duration::from_secs(1);
        assert!(pending.take(&quick.state, &quick.browser, almost).is_ok());
        assert_eq!(pending.take(&slow.state, &slow.browser, now + LIFETIME), Err(Stray));
    }

    #[test]
    fn whoever_begins_many_loses_their_own_and_nobody_elses() {
        let (pending, now) = (Pending::default(), Instant::now());
        let other = pending.begin("/", network(1), now).unwrap();
        let first = pending.begin("/", network(2), now).unwrap();
        for later in 1..=OF_ONE as u64 {
            pending.begin("/", network(2), now + Duration::from_millis(later)).unwrap();
        }
        assert_eq!(pending.take(&first.state, &first.browser, now), Err(Stray));
        assert!(pending.take(&other.state, &other.browser, now).is_ok());
        assert_eq!(pending.begun().len(), OF_ONE);
    }

    #[test]
    fn nobody_can_have_more_remembered_than_there_is_room_for() {
        let (pending, now) = (Pending::default(), Instant::now());
        let many =
            (0..OF_ALL).map(|count| Network::of(Some([10, 0, (count / 100) as u8, 1].into())));
        for network in many {
            pending.begin("/", network, now).unwrap();
        }
        let refused = pending.begin("/", network(1), now).unwrap_err();
        assert_eq!(refused, CannotBegin::TooMany);
        assert!(pending.begin("/", network(1), now + LIFETIME).is_ok(), "those are over");
    }
}
