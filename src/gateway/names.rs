//! What is looked after for delivery: that names can be proved, and that what
//! domains publish of their TLS does not lapse.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{config::Config, deliver::Deliverer, mail::NextHop};

pub(super) struct Names {
    pub(super) config: Arc<Config>,
    pub(super) deliverer: Deliverer,
}

impl Names {
    pub(super) async fn follow(self, stop: CancellationToken) {
        let forever = async {
            if needs_names(&self.config) {
                self.tell_unproved().await;
            }
            loop {
                tokio::time::sleep(BETWEEN).await;
                self.deliverer.refresh_policies().await;
            }
        };
        stop.run_until_cancelled(forever).await;
    }

    /// A name server without DNSSEC data would keep all mail waiting: who can
    /// mend that must hear of it before the first message does.
    async fn tell_unproved(&self) {
        if let Err(why) = self.deliverer.proves_names().await {
            tracing::error!(
                why,
                "the names of next hops cannot be proved: mail to them waits until the name \
                 servers in [dns] pass on DNSSEC data; `dnssec = \"off\"` there does without proof"
            );
        }
    }
}

/// Whether any next hop is found by its name.
fn needs_names(config: &Config) -> bool {
    config.routes.iter().any(|route| match &route.next_hop {
        NextHop::Mx => true,
        NextHop::Smtp { host, .. } | NextHop::Lmtp { host, .. } => {
            host.parse::<std::net::IpAddr>().is_err()
        }
        NextHop::Maildir(_) => false,
    })
}

/// Between two looks at what will expire.
const BETWEEN: Duration = Duration::from_secs(60);
