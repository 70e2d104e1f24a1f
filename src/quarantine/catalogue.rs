//! The catalogue: what a list shows of every held message, in memory.
//!
//! At a start it knows ids alone, and is told of each what the spool says of
//! it beside the mail; whoever asks meanwhile waits (`gateway::quarantine`).
//! Of each message it holds one [`Listed`], whose texts are bounded, and no
//! content.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::mail::{HeldEntry, HeldFilter, HeldOrder, HeldPage, Level, Listed, QueueId, Timestamp};

#[derive(Debug, Default)]
pub struct Catalogue {
    entries: BTreeMap<QueueId, Arc<Listed>>,
    /// Held, and nothing more is known of them yet.
    unread: BTreeSet<QueueId>,
}

/// What is held, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldTally {
    /// By level, lowest first.
    pub messages: [usize; Level::ALL.len()],
    /// Of those, not judged in time.
    pub overdue: [usize; Level::ALL.len()],
    /// Since the first of them came.
    pub oldest: Duration,
    /// Messages whose senders have asked for them.
    pub requested: usize,
    /// Messages for which another person must agree.
    pub proposed: usize,
}

impl Catalogue {
    /// That a message is held.
    pub fn expect(&mut self, id: QueueId) {
        if !self.entries.contains_key(&id) {
            self.unread.insert(id);
        }
    }

    /// What is known of it from here on.
    pub fn put(&mut self, entry: HeldEntry) {
        self.unread.remove(&entry.id);
        self.entries.insert(entry.id, Arc::new(entry.into()));
    }

    /// What was read of it at a start; nothing that was told since is undone.
    pub fn put_read(&mut self, entry: HeldEntry) {
        if self.unread.contains(&entry.id) {
            self.put(entry);
        }
    }

    /// It is no longer held.
    pub fn forget(&mut self, id: QueueId) {
        self.unread.remove(&id);
        self.entries.remove(&id);
    }

    /// So many of those of whom nothing is known yet.
    pub fn unread(&self, most: usize) -> Vec<QueueId> {
        self.unread.iter().take(most).copied().collect()
    }

    pub fn is_complete(&self) -> bool {
        self.unread.is_empty()
    }

    pub fn len(&self) -> usize {
        self.entries.len() + self.unread.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn find(&self, id: QueueId) -> Option<&HeldEntry> {
        self.entries.get(&id).map(|listed| &listed.entry)
    }

    /// All of it as it stands, to be gone through while it changes.
    pub fn listing(&self) -> Listing {
        Listing(self.entries.values().cloned().collect())
    }
}

/// What was held at one moment, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Listing(Vec<Arc<Listed>>);

impl Listing {
    pub fn iter(&self) -> impl Iterator<Item = &HeldEntry> {
        self.0.iter().map(|listed| &listed.entry)
    }

    /// Those alone that somebody may see.
    #[must_use]
    pub fn seen_by(mut self, sees: impl Fn(&HeldEntry) -> bool) -> Self {
        self.0.retain(|listed| sees(&listed.entry));
        self
    }

    /// A piece of those that are meant.
    pub fn page(
        &self,
        filter: &HeldFilter,
        (order, offset, limit): (HeldOrder, usize, usize),
        now: Timestamp,
    ) -> HeldPage {
        let mut found: Vec<&HeldEntry> = self.matching(filter, now).collect();
        order.sort(&mut found);
        let entries = found.iter().skip(offset).take(limit).map(|entry| (*entry).clone());
        HeldPage { entries: entries.collect(), total: found.len() }
    }

    /// The ids of all that are meant.
    pub fn ids(&self, filter: &HeldFilter, now: Timestamp) -> Vec<QueueId> {
        self.matching(filter, now).map(|entry| entry.id).collect()
    }

    pub fn tally(&self, now: Timestamp) -> HeldTally {
        let mut tally = HeldTally::default();
        for entry in self.iter() {
            let level = usize::from(entry.level.number());
            let overdue = usize::from(entry.is_overdue(now));
            if let (Some(messages), Some(late)) =
                (tally.messages.get_mut(level), tally.overdue.get_mut(level))
            {
                *messages += 1;
                *late += overdue;
            }
            tally.oldest = tally.oldest.max(now.saturating_since(entry.received_at));
            tally.requested += usize::from(!entry.requests.is_empty());
            tally.proposed += usize::from(entry.proposal.is_some());
        }
        tally
    }

    fn matching(&self, filter: &HeldFilter, now: Timestamp) -> impl Iterator<Item = &HeldEntry> {
        let search = filter.search();
        let matching = self.0.iter().filter(move |listed| search.matches(listed, now));
        matching.map(|listed| &listed.entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quarantine::{
        Terms,
        samples::{NOON, held},
    };

    fn entry(number: u64, level: Level) -> HeldEntry {
        Terms::default().entry(&held(number, level)).unwrap()
    }

    fn catalogue(levels: &[Level]) -> Catalogue {
        let mut catalogue = Catalogue::default();
        let numbered = (0..).zip(levels);
        numbered.for_each(|(number, level)| catalogue.put(entry(number, *level)));
        catalogue
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_page_is_a_piece_of_what_is_meant_and_tells_how_much_that_is() {
        let levels = [Level::CLINICAL, Level::SPECIALLY_PROTECTED, Level::CLINICAL];
        let listing = catalogue(&levels).listing();
        let piece = |filter: &HeldFilter, piece| listing.page(filter, piece, NOON);
        let all = piece(&HeldFilter::default(), (HeldOrder::Due, 0, 2));
        assert_eq!((all.total, all.entries.len()), (3, 2));
        assert_eq!(all.entries[0].level, Level::SPECIALLY_PROTECTED);
        let filter = HeldFilter { level: Some(Level::CLINICAL), ..HeldFilter::default() };
        let later = piece(&filter, (HeldOrder::Newest, 1, 9));
        assert_eq!((later.total, later.entries.len()), (2, 1));
        assert_eq!(later.entries[0].received_at, NOON);
    }

    #[test]
    fn a_text_is_looked_for_whatever_its_case_in_all_that_a_list_shows() {
        let one = HeldEntry { subject: "Brief an ÄRZTE".to_owned(), ..entry(1, Level::CLINICAL) };
        let (id, rule) = (one.id.to_string(), one.rule.to_uppercase());
        let mut catalogue = Catalogue::default();
        catalogue.put(one);
        catalogue.put(HeldEntry { rule: "another".to_owned(), ..entry(2, Level::CLINICAL) });
        let listing = catalogue.listing();
        let count = |filter: &HeldFilter| listing.ids(filter, NOON).len();
        let text =
            |text: &str| count(&HeldFilter { text: Some(text.into()), ..HeldFilter::default() });
        assert_eq!([" ärzte ", &id, &rule, "nowhere"].map(text), [1, 1, 1, 0]);
        assert_eq!(["DR@nhs", "B@Y.example"].map(text), [2, 2]);
        let sender =
            |sender: &str| HeldFilter { sender: Some(sender.into()), ..HeldFilter::default() };
        assert_eq!(["DR@NHS", "b@y"].map(|one| count(&sender(one))), [2, 0]);
        let recipient =
            |to: &str| HeldFilter { recipient: Some(to.into()), ..HeldFilter::default() };
        assert_eq!(["DR@NHS", "b@y"].map(|one| count(&recipient(one))), [0, 2]);
    }

    #[test]
    fn an_organisations_mail_is_found_however_its_code_is_written() {
        let of = |number, ods: &str| HeldEntry {
            organisations: vec![ods.to_owned()],
            ..entry(number, Level::CLINICAL)
        };
        let mut catalogue = Catalogue::default();
        for entry in [of(1, "RXX"), of(2, "ABC"), of(3, "rxx")] {
            catalogue.put(entry);
        }
        let filter = HeldFilter { organisation: Some("rxx".to_owned()), ..HeldFilter::default() };
        assert_eq!(catalogue.listing().ids(&filter, NOON).len(), 2);
    }

    #[test]
    fn what_somebody_may_not_see_is_not_even_counted() {
        let catalogue = catalogue(&[Level::CLINICAL, Level::SPECIALLY_PROTECTED]);
        let seen = catalogue.listing().seen_by(|entry| entry.level == Level::CLINICAL);
        let filter = HeldFilter::default();
        assert_eq!(seen.page(&filter, (HeldOrder::Due, 0, 9), NOON).total, 1);
        assert_eq!(seen.ids(&filter, NOON).len(), 1);
    }

    #[test]
    fn what_is_read_late_undoes_nothing_that_was_told_meanwhile() {
        let mut catalogue = Catalogue::default();
        let read = entry(1, Level::CLINICAL);
        catalogue.expect(read.id);
        assert!(!catalogue.is_complete() && catalogue.len() == 1);
        catalogue.put(HeldEntry { legal_hold: true, ..read.clone() });
        catalogue.put_read(read.clone());
        assert!(catalogue.find(read.id).unwrap().legal_hold && catalogue.is_complete());
        catalogue.forget(read.id);
        catalogue.put_read(read);
        assert!(catalogue.is_empty());
    }

    #[test]
    fn the_numbers_say_what_is_late_and_how_late_the_first_is() {
        let catalogue = catalogue(&[Level::CLINICAL, Level::SPECIALLY_PROTECTED]);
        let tally = catalogue.listing().tally(NOON + 2 * HOUR);
        assert_eq!((tally.messages, tally.overdue), ([0, 0, 0, 1, 1], [0, 0, 0, 0, 1]));
        assert_eq!(tally.oldest, 2 * HOUR);
    }
}
