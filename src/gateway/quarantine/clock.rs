//! The clock of the terms: what nobody has judged goes back to its sender when
//! its time is over, and officers hear in good time of what is late and of
//! what is about to go back: of all of it together, and not of each.

use std::{collections::BTreeSet, time::Duration};

use tokio_util::sync::CancellationToken;

use super::judging::Quarantine;
use crate::{
    gateway::{
        queue::{now, wait_for},
        reports::{addressees, tell_notices},
    },
    mail::{Event, HeldEntry, NoticeKind, QueueId, Timestamp},
    quarantine::Listing,
    report::PolicyNotice,
    spool::Batch,
};

/// Of what officers have heard; a start tells anew.
#[derive(Debug, Default)]
struct Told {
    overdue: Heard,
    expiring: Heard,
}

#[derive(Debug, Default)]
struct Heard {
    of: BTreeSet<QueueId>,
    at: Option<Timestamp>,
}

impl Quarantine {
    /// Runs until `stop`.
    pub(in crate::gateway) async fn keep_terms(self, stop: CancellationToken) {
        let ward = self.queue.lines().ward();
        let (reading, halted) = (self.clone(), stop.clone());
        let read = tokio::task::spawn_blocking(move || {
            let Self { queue, .. } = &reading;
            queue.lines().ward().read_all(queue.spool(), || halted.is_cancelled());
        });
        if let Err(panic) = read.await {
            tracing::error!(%panic, "what is held could not be listed");
        }
        let mut told = Told::default();
        let keeping = async {
            loop {
                let listing = ward.whole_listing().await;
                self.give_back_expired(&listing).await;
                self.tell(&listing, &mut told).await;
                let next = self.next_look(&listing, &told);
                wait_for(Some(next), ward.sooner_than(next)).await;
                // However much there is to do, mail goes first.
                tokio::time::sleep(REST).await;
            }
        };
        stop.run_until_cancelled(keeping).await;
    }

    async fn give_back_expired(&self, listing: &Listing) {
        let now = now();
        let over = |entry: &&HeldEntry| entry.expires_at.is_some_and(|moment| moment <= now);
        for entry in listing.iter().filter(over) {
            let (quarantine, id) = (self.clone(), entry.id);
            // A stop must not come between its commit and what follows.
            let expiring = async move { quarantine.expire(id).await };
            if let Err(panic) = tokio::spawn(expiring).await {
                tracing::error!(%id, %panic, "a held message could not be given back");
            }
        }
    }

    /// Somebody may have extended or judged it meanwhile.
    async fn expire(&self, id: QueueId) {
        let _lock = self.queue.lock(id).await;
        let terms = self.queue.lines().ward().terms();
        let message = match self.queue.spool().message(id) {
            Ok(Some(message)) => message,
            Ok(None) => return,
            Err(error) => return drop(self.failed(&error)),
        };
        let Some(over) = terms.expires_at(&message).filter(|&moment| moment <= now()) else {
            return;
        };
        let words = format!(
            "It was held, and nobody has released or refused it by {}, when its time was over. It \
             has not been sent, and is no longer kept here.",
            over.rfc5322()
        );
        if self.give_back(&message, &words).await.is_ok() {
            let (by, action) = ("postern", "expire");
            let reason = Some("nobody has judged it in time");
            self.observer.observe(Event::Handled { id, action, by, reason });
        }
    }

    async fn tell(&self, listing: &Listing, told: &mut Told) {
        let (now, ahead) = (now(), self.queue.lines().ward().terms().expiry_notice);
        let overdue = listing.iter().filter(|entry| entry.is_overdue(now));
        if let Some(late) = told.overdue.news(overdue, now) {
            self.tell_officers(&overdue_notice(&late, now)).await;
        }
        let soon = |entry: &&HeldEntry| {
            entry.expires_at.is_some_and(|moment| moment > now && moment <= now + ahead)
        };
        if let Some(soon) = told.expiring.news(listing.iter().filter(soon), now) {
            self.tell_officers(&expiring_notice(&soon, now)).await;
        }
    }

    async fn tell_officers(&self, notice: &PolicyNotice) {
        let notices = self.reports.to_officers(NoticeKind::HeldTerms, notice);
        let Some((about, _)) = notices.first().map(|(message, _)| (message.id, ())) else { return };
        let told = addressees(&notices);
        match self.queue.record(Batch::new(), notices).await {
            Ok(()) => tell_notices(self.observer.as_ref(), about, &told),
            Err(error) => drop(self.failed(&error)),
        }
    }

    /// When the next of them is late, or goes back.
    fn next_look(&self, listing: &Listing, told: &Told) -> Timestamp {
        let now = now();
        let late = listing.iter().filter(|entry| !told.overdue.of.contains(&entry.id));
        let due = late.map(|entry| entry.due_at);
        let over = listing.iter().filter_map(|entry| entry.expires_at);
        let next = due.chain(over).filter(|&moment| moment > now).min();
        next.map_or(now + LONGEST, |moment| moment.min(now + LONGEST))
    }
}

impl Heard {
    /// All of them, where there are any that officers have not heard of, and
    /// they have had rest since they last heard.
    fn news<'e>(
        &mut self,
        entries: impl Iterator<Item = &'e HeldEntry>,
        now: Timestamp,
    ) -> Option<Vec<&'e HeldEntry>> {
        let entries: Vec<_> = entries.collect();
        let ids: BTreeSet<QueueId> = entries.iter().map(|entry| entry.id).collect();
        let rested = self.at.is_none_or(|at| at + PERIOD <= now);
        if !rested || ids.is_subset(&self.of) {
            self.of.retain(|id| ids.contains(id));
            return None;
        }
        (self.of, self.at) = (ids, Some(now));
        Some(entries)
    }
}

fn overdue_notice(late: &[&HeldEntry], now: Timestamp) -> PolicyNotice {
    PolicyNotice {
        at: now,
        subject: format!("{} held messages have not been judged in time", late.len()),
        text: "Each of them is somebody's care delayed. They are held until you release or refuse \
               them."
            .to_owned(),
        details: details(late, |entry| format!("was due {}", entry.due_at)),
        commands: vec![(
            "postern quarantine list --state overdue".to_owned(),
            "all of them, the first due first",
        )],
    }
}

fn expiring_notice(soon: &[&HeldEntry], now: Timestamp) -> PolicyNotice {
    let when = |entry: &HeldEntry| entry.expires_at.map_or_else(String::new, |at| at.to_string());
    PolicyNotice {
        at: now,
        subject: format!("{} held messages will soon go back to their senders", soon.len()),
        text: "Nobody has released or refused them, and the time for which messages are held is \
               nearly over."
            .to_owned(),
        details: details(soon, |entry| format!("goes back {}", when(entry))),
        commands: vec![(
            "postern quarantine extend ID --for 7d --reason WHY".to_owned(),
            "keep it longer",
        )],
    }
}

/// How many of each level, and the first of them one by one.
fn details(
    entries: &[&HeldEntry],
    when: impl Fn(&HeldEntry) -> String,
) -> Vec<(&'static str, String)> {
    let mut levels: Vec<_> = entries.iter().map(|entry| entry.level).collect();
    levels.sort_unstable_by(|one, other| other.cmp(one));
    let counts: Vec<String> = levels
        .chunk_by(|one, other| one == other)
        .filter_map(|alike| Some(format!("{} of level {}", alike.len(), alike.first()?)))
        .collect();
    let first = entries
        .iter()
        .take(MOST_TOLD)
        .map(|entry| ("Message", format!("{}: level {}, {}", entry.id, entry.level, when(entry))));
    let more = entries.len().checked_sub(MOST_TOLD).filter(|&more| more > 0);
    let more = more.map(|more| ("", format!("and {more} more")));
    std::iter::once(("In all", counts.join(", "))).chain(first).chain(more).collect()
}

/// Looked at once a while also when nothing is due: clocks are set.
const LONGEST: Duration = Duration::from_secs(60);
const REST: Duration = Duration::from_secs(1);
/// Officers hear of the same no oftener.
const PERIOD: Duration = Duration::from_secs(60 * 60);
const MOST_TOLD: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{gateway::quarantine::tests::message, mail::Level, quarantine::Terms};

    fn entries(count: u64) -> Vec<HeldEntry> {
        let held = (0..count).map(|number| message(number, Level::CLINICAL));
        held.map(|held| Terms::default().entry(&held).unwrap()).collect()
    }

    #[test]
    fn officers_hear_of_all_that_is_late_together_and_then_rest() {
        let (mut heard, all) = (Heard::default(), entries(100));
        let now = all[0].due_at;
        assert_eq!(heard.news(all[..50].iter(), now).map(|late| late.len()), Some(50));
        assert!(heard.news(all.iter(), now + Duration::from_secs(60)).is_none());
        assert_eq!(heard.news(all.iter(), now + PERIOD).map(|late| late.len()), Some(100));
        assert!(heard.news(all.iter(), now + 2 * PERIOD).is_none(), "nothing new is late");
    }

    #[test]
    fn a_digest_counts_them_all_and_names_the_first() {
        let all = entries(12);
        let late: Vec<_> = all.iter().collect();
        let notice = overdue_notice(&late, all[0].due_at);
        assert_eq!(notice.details[0].1, "12 of level 3");
        assert_eq!(notice.details.len(), 12);
        assert_eq!(notice.details[11].1, "and 2 more");
    }
}
