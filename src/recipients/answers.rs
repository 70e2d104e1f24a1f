//! What sources have said, remembered for as long as an operator allows, and
//! asked once however many sessions want to know.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use moka::sync::Cache;
use tokio::sync::Mutex;

use super::{lookup::Answer, prober::Found};
use crate::mail::Address;

/// The answers of one source; bounded, the least wanted go first.
pub(super) struct Answers {
    entries: Cache<Address, Arc<Mutex<Remembered>>>,
    known_for: Duration,
    unknown_for: Duration,
}

/// Of one address. Whoever asks holds the lock: the others wait for the
/// answer instead of asking too. One who goes away lets the next one ask.
#[derive(Default)]
struct Remembered {
    /// The latest answer, and until when it need not be asked again.
    latest: Option<(Found, Instant)>,
    /// Since when it is known; forgotten once it is said to be unknown.
    known_at: Option<Instant>,
}

impl Answers {
    pub(super) fn new(known_for: Duration, unknown_for: Duration) -> Self {
        let entries = Cache::builder()
            .max_capacity(MOST)
            // Asking keeps an entry: one that is in use has its yes at hand
            // when the source goes down.
            .time_to_idle(known_for.saturating_add(STALE_FOR))
            .build();
        Self { entries, known_for, unknown_for }
    }

    /// What is known of `address` at `now`; `ask` is run only where that is
    /// nothing.
    pub(super) async fn answer(
        &self,
        address: &Address,
        now: Instant,
        ask: impl Future<Output = Found>,
    ) -> Answer {
        let entry = self.entries.get_with_by_ref(address, Arc::default);
        let mut remembered = entry.lock().await;
        let found = match &remembered.latest {
            Some((found, until)) if now < *until => found.clone(),
            _ => {
                let found = ask.await;
                self.remember(&mut remembered, found.clone(), now);
                found
            }
        };
        match found {
            Found::Known => Answer::Known,
            Found::Unknown => Answer::Unknown,
            Found::Unavailable(why) if self.is_usable(remembered.known_at, now) => {
                Answer::Stale(why)
            }
            Found::Unavailable(why) => Answer::Unavailable(why),
        }
    }

    fn remember(&self, remembered: &mut Remembered, found: Found, now: Instant) {
        let keep = match found {
            Found::Known => {
                remembered.known_at = Some(now);
                self.known_for
            }
            Found::Unknown => {
                remembered.known_at = None;
                self.unknown_for
            }
            // Long enough for those who wait behind this one: they would
            // otherwise each wait for the source to fail, one after another.
            Found::Unavailable(_) => FAILURE_FOR,
        };
        remembered.latest = Some((found, now + keep));
    }

    /// Whether a yes may stand in while the source is down.
    fn is_usable(&self, known_at: Option<Instant>, now: Instant) -> bool {
        let lasts = self.known_for.saturating_add(STALE_FOR);
        known_at.is_some_and(|known_at| now.saturating_duration_since(known_at) < lasts)
    }
}

/// How many addresses are remembered, each in about 300 octets.
const MOST: u64 = 100_000;
const FAILURE_FOR: Duration = Duration::from_secs(2);
/// How long past its time a yes is better than turning mail away: a mailbox
/// seldom goes within a day, and a directory is mended within one.
const STALE_FOR: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn answers() -> Answers {
        Answers::new(Duration::from_secs(600), Duration::from_secs(60))
    }

    fn ann() -> Address {
        "ann@nhs.example".parse().unwrap()
    }

    fn down() -> Found {
        Found::Unavailable("down".to_owned())
    }

    /// Answers at so many seconds, and whether the source was asked.
    async fn at(answers: &Answers, start: Instant, seconds: u64, found: Found) -> (Answer, bool) {
        let asked = AtomicUsize::new(0);
        let ask = async {
            asked.fetch_add(1, Ordering::Relaxed);
            found
        };
        let answer = answers.answer(&ann(), start + Duration::from_secs(seconds), ask).await;
        (answer, asked.load(Ordering::Relaxed) == 1)
    }

    #[tokio::test]
    async fn a_yes_and_a_no_are_remembered_each_for_its_time() {
        let (answers, start) = (answers(), Instant::now());
        assert_eq!(at(&answers, start, 0, Found::Unknown).await, (Answer::Unknown, true));
        assert_eq!(at(&answers, start, 59, Found::Known).await, (Answer::Unknown, false));
        assert_eq!(at(&answers, start, 60, Found::Known).await, (Answer::Known, true));
        assert_eq!(at(&answers, start, 659, Found::Unknown).await, (Answer::Known, false));
        assert_eq!(at(&answers, start, 660, Found::Unknown).await, (Answer::Unknown, true));
    }

    #[tokio::test]
    async fn an_old_yes_stands_in_for_a_day_while_the_source_is_down() {
        let (answers, start) = (answers(), Instant::now());
        let stale = Answer::Stale("down".to_owned());
        at(&answers, start, 0, Found::Known).await;
        assert_eq!(at(&answers, start, 600, down()).await, (stale.clone(), true));
        assert_eq!(at(&answers, start, 601, Found::Known).await, (stale.clone(), false));
        assert_eq!(at(&answers, start, 600 + 86_399, down()).await, (stale, true));
        let too_old = at(&answers, start, 600 + 86_402, down()).await;
        assert_eq!(too_old, (Answer::Unavailable("down".to_owned()), true));
    }

    #[tokio::test]
    async fn a_no_takes_an_older_yes_away() {
        let (answers, start) = (answers(), Instant::now());
        at(&answers, start, 0, Found::Known).await;
        at(&answers, start, 600, Found::Unknown).await;
        let answer = at(&answers, start, 660, down()).await.0;
        assert_eq!(answer, Answer::Unavailable("down".to_owned()));
    }

    #[tokio::test]
    async fn a_failure_alone_is_no_answer() {
        let (answers, start) = (answers(), Instant::now());
        let failed = at(&answers, start, 0, down()).await.0;
        assert_eq!(failed, Answer::Unavailable("down".to_owned()));
        assert_eq!(at(&answers, start, 2, Found::Known).await, (Answer::Known, true));
    }

    #[tokio::test]
    async fn many_who_want_to_know_ask_once() {
        let (answers, asked) = (Arc::new(answers()), Arc::new(AtomicUsize::new(0)));
        let ask = |found: Found| {
            let (answers, asked) = (Arc::clone(&answers), Arc::clone(&asked));
            tokio::spawn(async move {
                let asking = async {
                    asked.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    found
                };
                answers.answer(&ann(), Instant::now(), asking).await
            })
        };
        let sessions: Vec<_> = (0..50).map(|_| ask(down())).collect();
        for session in sessions {
            assert_eq!(session.await.unwrap(), Answer::Unavailable("down".to_owned()));
        }
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn who_goes_away_while_asking_leaves_the_question_to_the_next() {
        let (answers, ann) = (answers(), ann());
        let never = answers.answer(&ann, Instant::now(), std::future::pending());
        assert!(tokio::time::timeout(Duration::from_millis(20), never).await.is_err());
        let (answer, asked) = at(&answers, Instant::now(), 0, Found::Known).await;
        assert_eq!((answer, asked), (Answer::Known, true));
    }
}
