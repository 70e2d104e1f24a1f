//! Keeping a running gateway current: certificates and users, by order and by
//! the calendar. What has faults changes nothing. Policies have a way of their
//! own (`policies`).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{accounts::Accounts, queue::now};
use crate::{
    listen::{Certificates, Outlook, Renewal},
    mail::Observer,
    observe::Observatory,
};

pub(super) struct Keeper {
    pub(super) observer: Arc<dyn Observer>,
    pub(super) observatory: Arc<Observatory>,
    /// Of every listener.
    pub(super) accounts: Vec<Arc<Accounts>>,
    /// By listener.
    pub(super) certificates: Vec<(String, Arc<Certificates>)>,
}

impl Keeper {
    pub(super) fn reload(&self) {
        self.reload_certificates();
        self.accounts.iter().for_each(|accounts| accounts.reload());
        self.observatory.audit().reopen();
    }

    /// A certificate may have run out by tomorrow.
    pub(super) async fn follow_calendar(self: Arc<Self>, stop: CancellationToken) {
        let mut today = now().date();
        let following = async {
            loop {
                tokio::time::sleep(CALENDAR).await;
                if now().date() != today {
                    today = now().date();
                    self.tell_certificates();
                }
            }
        };
        stop.run_until_cancelled(following).await;
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
