//! How fast one client may bring messages, and recipients.
//!
//! A client that has been quiet may bring a burst of the whole count; after
//! that, one more each time its share of the period has gone by (GCRA). Clients
//! are forgotten once they are as good as new, and the longest quiet first
//! where there are too many to remember: one that is forgotten starts with a
//! burst, which is no more than a stranger has.

use std::{net::IpAddr, sync::Arc, time::Duration};

use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
};
use moka::{policy::EvictionPolicy, sync::Cache};

use super::capacity::one_client;
use crate::{
    config::{self, Rate},
    mail::{EnhancedStatusCode, Refusal, Reply},
    smtp::server::Refused,
};

/// A listener's.
#[derive(Debug)]
pub(super) struct Rates {
    messages: Option<Clients>,
    recipients: Option<Clients>,
}

#[derive(Debug)]
struct Clients {
    quota: Quota,
    clock: DefaultClock,
    limiters: Cache<IpAddr, Arc<DefaultDirectRateLimiter>>,
}

impl Rates {
    pub(super) fn new(listener: &config::Listener) -> Self {
        Self {
            messages: listener.messages_per_client.and_then(Clients::new),
            recipients: listener.recipients_per_client.and_then(Clients::new),
        }
    }

    /// One more message.
    pub(super) fn message(&self, client: IpAddr) -> Result<(), Refused> {
        check(self.messages.as_ref(), client, "messages")
    }

    /// One more recipient.
    pub(super) fn recipient(&self, client: IpAddr) -> Result<(), Refused> {
        check(self.recipients.as_ref(), client, "recipients")
    }
}

impl Clients {
    fn new(rate: Rate) -> Option<Self> {
        let share = rate.per.checked_div(rate.count.get())?;
        Some(Self {
            quota: Quota::with_period(share)?.allow_burst(rate.count),
            clock: DefaultClock::default(),
            limiters: Cache::builder()
                .max_capacity(MOST_CLIENTS)
                // The usual policy would not remember newcomers when it is
                // full, and an attacker can see to it that it is.
                .eviction_policy(EvictionPolicy::lru())
                .time_to_idle(rate.per)
                .build(),
        })
    }

    /// How long until there is room for one more, where there is none.
    fn take(&self, client: IpAddr) -> Result<(), Duration> {
        let limiter = self
            .limiters
            .get_with(one_client(client), || Arc::new(RateLimiter::direct(self.quota)));
        limiter.check().map_err(|over| over.wait_time_from(self.clock.now()))
    }
}

fn check(clients: Option<&Clients>, client: IpAddr, what: &str) -> Result<(), Refused> {
    let Some(clients) = clients else { return Ok(()) };
    clients.take(client).map_err(|wait| {
        let seconds = wait.as_secs() + 1;
        let text = format!("too many {what}; try again in {seconds} seconds");
        Refused { reason: Refusal::Rate, reply: Reply::new(450, EnhancedStatusCode(4, 7, 1), text) }
    })
}

const MOST_CLIENTS: u64 = 50_000;

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn clients(count: u32, per: Duration) -> Clients {
        Clients::new(Rate { count: NonZeroU32::new(count).unwrap(), per }).unwrap()
    }

    #[test]
    fn a_client_may_bring_its_count_at_once_and_then_a_share_at_a_time() {
        let clients = clients(2, Duration::from_millis(400));
        let client = "192.0.2.7".parse().unwrap();
        assert!(clients.take(client).is_ok() && clients.take(client).is_ok());
        let wait = clients.take(client).unwrap_err();
        assert!(wait <= Duration::from_millis(200), "{wait:?}");
        std::thread::sleep(Duration::from_millis(220));
        assert!(clients.take(client).is_ok());
        assert!(clients.take(client).is_err());
    }

    #[test]
    fn one_client_does_not_use_up_anothers_rate_and_a_network_of_ipv6_is_one() {
        let clients = clients(1, Duration::from_secs(3_600));
        let take = |client: &str| clients.take(client.parse().unwrap()).is_ok();
        assert!(take("192.0.2.7") && take("192.0.2.8") && take("2001:db8::1"));
        assert!(!take("192.0.2.7") && !take("::ffff:192.0.2.7") && !take("2001:db8::2"));
        assert!(take("2001:db8:0:1::1"));
    }

    #[test]
    fn the_reply_says_when_to_try_again() {
        let clients = clients(1, Duration::from_secs(60));
        let client = "192.0.2.7".parse().unwrap();
        assert_eq!(check(Some(&clients), client, "messages"), Ok(()));
        let refused = check(Some(&clients), client, "messages").unwrap_err();
        let reply = "450 4.7.1 too many messages; try again in 60 seconds";
        assert_eq!((refused.reason, refused.reply.to_string().as_str()), (Refusal::Rate, reply));
        assert_eq!(check(None, client, "messages"), Ok(()));
    }

    #[test]
    fn no_more_clients_are_remembered_than_there_is_room_for() {
        let clients = clients(1, Duration::from_secs(3_600));
        for client in 0..60_000_u32 {
            assert!(clients.take(IpAddr::V4(client.into())).is_ok());
        }
        clients.limiters.run_pending_tasks();
        assert!(clients.limiters.entry_count() <= MOST_CLIENTS);
        let last = IpAddr::V4(59_999_u32.into());
        assert!(clients.take(last).is_err(), "a newcomer was not remembered");
    }
}
