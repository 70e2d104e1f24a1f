//! How often officers hear that mail for one domain waits for TLS: a large
//! partner's outage is one matter, not a thousand. The first few messages are
//! told one by one, then only how many more there are, once an hour.
//!
//! What is urgent is always told, and every sender hears of their own message
//! whatever the officers do. After a restart the count begins anew.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{
    mail::{Domain, Timestamp, Urgency},
    report::Company,
};

#[derive(Debug, Default)]
pub(super) struct Alarms(Mutex<HashMap<Domain, Alarm>>);

#[derive(Clone, Copy, Debug)]
struct Alarm {
    since: Timestamp,
    told: u32,
    untold: u32,
}

impl Alarms {
    /// What to tell of a message that has come to wait; nothing, where enough
    /// has been told for now.
    pub(super) fn tell(
        &self,
        domain: &Domain,
        urgency: Urgency,
        now: Timestamp,
    ) -> Option<Company> {
        let mut alarms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if alarms.len() >= DOMAINS {
            alarms.retain(|_, alarm| now < alarm.since + PERIOD || alarm.untold > 0);
        }
        let begun = Alarm { since: now, told: 0, untold: 0 };
        let alarm = alarms.entry(domain.clone()).or_insert(begun);
        let untold = alarm.untold;
        if now >= alarm.since + PERIOD {
            *alarm = begun;
        }
        if alarm.told >= ONE_BY_ONE && urgency == Urgency::Usual {
            alarm.untold = alarm.untold.saturating_add(1);
            return None;
        }
        alarm.told = alarm.told.saturating_add(1);
        alarm.untold = 0;
        let last = alarm.told == ONE_BY_ONE;
        Some(match untold {
            0 if last => Company::MoreUntil(alarm.since + PERIOD),
            0 => Company::Alone,
            others => Company::Others(others),
        })
    }
}

/// Messages for one domain that are told one by one in an hour.
const ONE_BY_ONE: u32 = 3;
const PERIOD: Duration = Duration::from_secs(60 * 60);
/// Domains of which something is remembered, before the quiet ones are
/// forgotten.
const DOMAINS: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn told(alarms: &Alarms, urgency: Urgency, seconds: u64) -> Option<Company> {
        let moment = Timestamp::from_unix_milliseconds(seconds * 1000);
        alarms.tell(&"x.example".parse().unwrap(), urgency, moment)
    }

    #[test]
    fn an_outage_is_told_of_a_few_times_an_hour_and_then_with_how_many_more() {
        let alarms = Alarms::default();
        let hour = Timestamp::from_unix_milliseconds(3_600_000);
        let first: Vec<_> = (0..1000).filter_map(|n| told(&alarms, Urgency::Usual, n)).collect();
        assert_eq!(first, [Company::Alone, Company::Alone, Company::MoreUntil(hour)]);
        assert_eq!(told(&alarms, Urgency::Usual, 3600), Some(Company::Others(997)));
        assert_eq!(told(&alarms, Urgency::Usual, 3601), Some(Company::Alone));
    }

    #[test]
    fn what_is_urgent_is_always_told() {
        let alarms = Alarms::default();
        let usual = (0..10).filter_map(|n| told(&alarms, Urgency::Usual, n)).count();
        let urgent = (10..20).filter_map(|n| told(&alarms, Urgency::Urgent, n)).count();
        assert_eq!((usual, urgent), (3, 10));
    }

    #[test]
    fn one_domains_outage_hides_no_others() {
        let alarms = Alarms::default();
        let now = Timestamp::from_unix_milliseconds(0);
        for number in 0..2000 {
            let domain = format!("d{number}.example").parse().unwrap();
            assert_eq!(alarms.tell(&domain, Urgency::Usual, now), Some(Company::Alone));
        }
    }
}
