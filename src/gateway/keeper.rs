//! Keeping a running gateway current: policies and certificates, by order and
//! by the calendar. A new policy is compiled aside and swapped whole; one with
//! faults changes nothing.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use super::{
    parts::{StartError, load_policy},
    queue::now,
};
use crate::{
    config::Config,
    listen::Certificate,
    mail::{Event, Observer},
    observe::Observatory,
    policy::Policy,
};

pub(super) struct Keeper {
    pub(super) config: Arc<Config>,
    pub(super) policy: Arc<ArcSwap<Policy>>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) observatory: Arc<Observatory>,
    /// By listener.
    pub(super) certificates: Vec<(String, Arc<Certificate>)>,
}

impl Keeper {
    pub(super) fn reload(&self) {
        self.reload_policy();
        for (listener, certificate) in &self.certificates {
            if let Err(error) = certificate.reload() {
                tracing::error!(listener, %error, "certificate not reloaded; the one before stays");
            }
        }
        self.tell_certificates();
    }

    /// The same files can mean something else tomorrow: an exemption expires,
    /// a rule takes effect.
    pub(super) async fn follow_calendar(self: Arc<Self>, stop: CancellationToken) {
        let following = async {
            loop {
                tokio::time::sleep(CALENDAR).await;
                if self.policy.load().turns_on().is_some_and(|day| day <= now().date()) {
                    self.reload_policy();
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

    /// As a metric, and as a warning in good time.
    pub(super) fn tell_certificates(&self) {
        for (listener, certificate) in &self.certificates {
            let Some(expiry) = certificate.expires_at() else { continue };
            let seconds = i64::try_from(expiry.unix_milliseconds() / 1000).unwrap_or(i64::MAX);
            self.observatory.metrics().set_certificate_expiry(listener, seconds);
            if expiry < now() + CERTIFICATE_WARNING {
                tracing::warn!(listener, %expiry, "the certificate expires soon");
            }
        }
    }
}

/// A line a fault.
fn faults(error: &StartError) -> String {
    match error {
        StartError::Policy(faults) => {
            faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        }
        other => other.to_string(),
    }
}

const CALENDAR: Duration = Duration::from_secs(60);
const CERTIFICATE_WARNING: Duration = Duration::from_secs(21 * 86_400);
