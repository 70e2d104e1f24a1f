//! Keeping a running gateway current: policies, certificates and users, by order and
//! by the calendar. A new policy is compiled aside and swapped whole; one with
//! faults changes nothing.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use super::{
    accounts::Accounts,
    parts::{faults, load_policy},
    queue::now,
};
use crate::{
    config::Config,
    listen::{Certificates, Outlook, Renewal},
    mail::{Event, Observer},
    observe::Observatory,
    policy::Policy,
};

pub(super) struct Keeper {
    pub(super) config: Arc<Config>,
    pub(super) policy: Arc<ArcSwap<Policy>>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) observatory: Arc<Observatory>,
    /// Of every listener.
    pub(super) accounts: Vec<Arc<Accounts>>,
    /// By listener.
    pub(super) certificates: Vec<(String, Arc<Certificates>)>,
}

impl Keeper {
    pub(super) fn reload(&self) {
        self.reload_policy();
        self.reload_certificates();
        self.accounts.iter().for_each(|accounts| accounts.reload());
    }

    /// The same files can mean something else tomorrow: an exemption expires,
    /// a rule takes effect, a certificate has run out.
    pub(super) async fn follow_calendar(self: Arc<Self>, stop: CancellationToken) {
        let mut today = now().date();
        let following = async {
            loop {
                tokio::time::sleep(CALENDAR).await;
                if self.policy.load().turns_on().is_some_and(|day| day <= now().date()) {
                    self.reload_policy();
                }
                if now().date() != today {
                    today = now().date();
                    self.tell_certificates();
                }
            }
        };
        stop.run_until_cancelled(following).await;
    }

    fn reload_policy(&self) {
        match load_policy(&self.config) {
            Ok(policy) => {
                let version = policy.version().to_owned();
                self.policy.store(Arc::new(policy));
                self.observer.observe(Event::PolicyLoaded { version: &version });
            }
            Err(error) => {
                let text = faults(&error);
                self.observer.observe(Event::PolicyRefused { error: &text });
            }
        }
    }

    /// All of them or none: a half-renewed set is harder to find out about
    /// than an old one.
    fn reload_certificates(&self) {
        let renewals = self.certificates.iter().map(|(listener, certificates)| {
            certificates.renew().map_err(|error| (listener, error))
        });
        match renewals.collect::<Result<Vec<_>, _>>() {
            Ok(renewals) => renewals.into_iter().for_each(Renewal::take_effect),
            Err((listener, error)) => {
                tracing::error!(listener, %error, "certificates not reloaded; all before stay");
            }
        }
        self.tell_certificates();
    }

    /// As a metric, and as a warning in good time. Of two certificates with
    /// the same name, the metric has the one that expires first.
    pub(super) fn tell_certificates(&self) {
        let mut expiries = BTreeMap::new();
        for (listener, certificates) in &self.certificates {
            let mut summaries = certificates.summaries();
            summaries.sort_by_key(|summary| std::cmp::Reverse(summary.expires_at));
            for summary in summaries {
                let (file, name) = (summary.chain.display(), summary.name());
                if let Some(expiry) = summary.expires_at {
                    let seconds = i64::try_from(expiry.unix_milliseconds() / 1000);
                    let of = (listener.clone(), name.to_owned());
                    expiries.insert(of, seconds.unwrap_or(i64::MAX));
                }
                match summary.outlook(now()) {
                    Outlook::Good => {}
                    Outlook::ExpiresSoon(expiry) => {
                        tracing::warn!(listener, %file, name, %expiry, "a certificate expires soon");
                    }
                    Outlook::Expired(expiry) => {
                        tracing::error!(listener, %file, name, %expiry, "a certificate has expired");
                    }
                }
            }
        }
        self.observatory.metrics().set_certificate_expiries(expiries);
    }
}

const CALENDAR: Duration = Duration::from_secs(60);
