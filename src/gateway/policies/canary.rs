//! A new version decides for a share of senders first. Sans-IO: who is asked
//! for, what was counted and what time it is come in; whether it goes on,
//! takes over or is returned from comes out.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::version::Version;
use crate::{
    config::Canary,
    mail::{ReversePath, Timestamp},
    observe::Decided,
};

/// One canary, from its beginning on: what a restart goes on with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Trial {
    pub(super) version: Version,
    pub(super) began: Timestamp,
    /// As they were when it began: a file edited meanwhile changes no trial.
    pub(super) terms: Canary,
    #[serde(default)]
    pub(super) counted: Counted,
}

/// Messages, by the version that has decided them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counted {
    pub(super) messages: u64,
    pub(super) stopped: u64,
    pub(super) others: u64,
    pub(super) others_stopped: u64,
}

/// What is to become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    GoesOn,
    /// Its time is up and it has kept to its band.
    TakesOver,
    /// Its hold rate has left the band.
    Returns,
}

impl Trial {
    pub(super) fn begin(version: Version, terms: Canary, now: Timestamp) -> Self {
        Self { version, began: now, terms, counted: Counted::default() }
    }

    /// Whether it decides for this sender: always the same answer of one
    /// trial, and another choice of senders in the next. The null path is a
    /// sender like any other.
    pub(super) fn decides_for(&self, sender: &ReversePath) -> bool {
        let address = sender.to_string().to_lowercase();
        let salted = [self.version.as_str().as_bytes(), address.as_bytes()].concat();
        let digest = digest(&SHA256, &salted);
        let mut drawn = [0; size_of::<u64>()];
        drawn.iter_mut().zip(digest.as_ref()).for_each(|(octet, of)| *octet = *of);
        self.terms.share.takes(u64::from_be_bytes(drawn))
    }

    /// A few messages show nothing, whatever became of them: until there are
    /// enough it goes on, also past its time.
    pub(super) fn verdict(&self, now: Timestamp) -> Verdict {
        let Counted { messages, stopped, .. } = self.counted;
        if messages < self.terms.least_messages {
            return Verdict::GoesOn;
        }
        if !self.terms.hold_rate.holds(stopped, messages) {
            return Verdict::Returns;
        }
        match self.left(now).is_zero() {
            true => Verdict::TakesOver,
            false => Verdict::GoesOn,
        }
    }

    pub(super) fn left(&self, now: Timestamp) -> Duration {
        self.terms.lasts.saturating_sub(now.saturating_since(self.began))
    }

    /// For officers: `12 of 230 messages held or rejected (5.2%), band 1%..8%;
    /// of the version before 60 of 2100 (2.9%)`.
    pub(super) fn tell(&self) -> String {
        let Counted { messages, stopped, others, others_stopped } = self.counted;
        format!(
            "{stopped} of {messages} messages held or rejected ({}), band {}; of the version \
             before {others_stopped} of {others} ({})",
            rate(stopped, messages),
            self.terms.hold_rate,
            rate(others_stopped, others),
        )
    }
}

impl Counted {
    pub(super) fn its_own(self) -> Decided {
        Decided { messages: self.messages, stopped: self.stopped }
    }

    pub(super) fn of_the_rest(self) -> Decided {
        Decided { messages: self.others, stopped: self.others_stopped }
    }
}

fn rate(part: u64, of: u64) -> String {
    match of {
        0 => "none yet".to_owned(),
        _ => format!("{:.1}%", part as f64 * 100.0 / of as f64),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::Sources;

    fn trial(share: &str) -> Trial {
        let terms = Canary {
            share: share.parse().unwrap(),
            lasts: Duration::from_secs(3600),
            least_messages: 100,
            hold_rate: "1%..8%".parse().unwrap(),
        };
        let version = Version::of(&Sources::new("policies"));
        Trial::begin(version, terms, Timestamp::from_unix_milliseconds(1_000))
    }

    fn counted(messages: u64, stopped: u64) -> Counted {
        Counted { messages, stopped, ..Counted::default() }
    }

    fn after(seconds: u64) -> Timestamp {
        Timestamp::from_unix_milliseconds(1_000 + seconds * 1_000)
    }

    #[test]
    fn a_few_messages_decide_nothing_however_bad_they_are() {
        let mut trial = trial("10%");
        for messages in [0, 3, 99] {
            trial.counted = counted(messages, messages);
            for seconds in [0, 3_600, 1_000_000] {
                assert_eq!(trial.verdict(after(seconds)), Verdict::GoesOn, "{messages}");
            }
        }
        trial.counted = counted(100, 100);
        assert_eq!(trial.verdict(after(0)), Verdict::Returns);
    }

    #[test]
    fn a_hold_rate_below_the_band_is_as_wrong_as_one_above_it() {
        let mut trial = trial("10%");
        for (stopped, verdict) in [
            (0, Verdict::Returns),
            (10, Verdict::GoesOn),
            (80, Verdict::GoesOn),
            (81, Verdict::Returns),
        ] {
            trial.counted = counted(1_000, stopped);
            assert_eq!(trial.verdict(after(3_599)), verdict, "{stopped} of 1000");
        }
    }

    #[test]
    fn it_takes_over_when_its_time_is_up_and_not_before() {
        let mut trial = trial("10%");
        trial.counted = counted(1_000, 50);
        assert_eq!(trial.verdict(after(3_599)), Verdict::GoesOn);
        assert_eq!(trial.verdict(after(3_600)), Verdict::TakesOver);
        assert_eq!(trial.left(after(3_599)), Duration::from_secs(1));
        // A clock set back ends nothing early.
        assert_eq!(trial.verdict(Timestamp::from_unix_milliseconds(0)), Verdict::GoesOn);
    }

    #[test]
    fn a_trial_that_is_written_and_read_again_is_the_same() {
        let mut trial = trial("12.5%");
        trial.counted = counted(7, 1);
        let written = serde_json::to_string(&trial).unwrap();
        assert_eq!(serde_json::from_str::<Trial>(&written).unwrap(), trial);
    }

    proptest! {
        #[test]
        fn a_sender_is_decided_for_by_one_version_alone(
            local in "[a-zA-Z0-9.]{1,20}x", domain in "[a-z]{1,12}\\.example"
        ) {
            let trial = trial("10%");
            let Ok(sender) = format!("{local}@{domain}").parse::<ReversePath>() else {
                return Ok(());
            };
            let upper = format!("{}@{domain}", local.to_uppercase()).parse().unwrap();
            let decides = trial.decides_for(&sender);
            prop_assert_eq!(decides, trial.decides_for(&sender));
            prop_assert_eq!(decides, trial.decides_for(&upper), "by its letters' case");
            let read: Trial = serde_json::from_str(&serde_json::to_string(&trial).unwrap()).unwrap();
            prop_assert_eq!(decides, read.decides_for(&sender), "after a restart");
        }
    }

    #[test]
    fn the_share_of_senders_is_what_was_asked_for() {
        for (share, expected) in [("1%", 0.01), ("10%", 0.1), ("50%", 0.5), ("100%", 1.0)] {
            let trial = trial(share);
            let senders = 20_000;
            let chosen = (0..senders)
                .filter(|number| {
                    let sender = format!("person{number}@trust{}.example", number % 7);
                    trial.decides_for(&sender.parse().unwrap())
                })
                .count();
            let found = chosen as f64 / f64::from(senders);
            // Four standard deviations of a fair draw.
            let slack = 4.0 * (expected * (1.0 - expected) / f64::from(senders)).sqrt();
            assert!((found - expected).abs() <= slack, "{share}: {found}");
        }
    }
}
