//! What officers are written of their policy: that a version waits for one of
//! them, that a canary was ended, that a start has fallen back.

use tokio::runtime::Handle;

use super::{build::Built, control::Refused, record::Named};
use crate::{
    gateway::{
        queue::now,
        reports::{Reports, addressees, tell_notices},
    },
    mail::By,
    report::PolicyNotice,
    spool::Batch,
};

pub(super) enum News<'a> {
    Waiting {
        named: Named<'a>,
        by: &'a By,
    },
    /// A canary has left its band.
    Returned {
        from: &'a Built,
        to: &'a Built,
        why: &'a str,
    },
    StartedWithout {
        refused: &'a Refused,
        live: &'a Built,
    },
}

/// Where news go; must not block for long.
pub(super) trait TellOfficers: Send + Sync {
    fn tell(&self, news: &News<'_>);
}

/// By mail, as other notices.
pub(in crate::gateway) struct Officers {
    pub(in crate::gateway) reports: Reports,
    pub(in crate::gateway) runtime: Handle,
}

impl TellOfficers for Officers {
    fn tell(&self, news: &News<'_>) {
        let notices = self.reports.policy(&news.notice());
        let Some((about, _)) = notices.first().map(|(message, _)| (message.id, ())) else {
            tracing::warn!("policy.toml names no officers who could be told of their policy");
            return;
        };
        let (queue, observer) = (self.reports.queue.clone(), self.reports.observer.clone());
        self.runtime.spawn(async move {
            let told = addressees(&notices);
            match queue.record(Batch::new(), notices).await {
                Ok(()) => tell_notices(observer.as_ref(), about, &told),
                Err(error) => tracing::error!(%error, "officers could not be told of their policy"),
            }
        });
    }
}

impl News<'_> {
    fn notice(&self) -> PolicyNotice {
        match self {
            Self::Waiting { named, by } => {
                let (whole, short) = (named.version, named.version.short());
                PolicyNotice {
                    subject: format!("Policy {short} waits for a second officer"),
                    text: format!(
                        "A changed policy has passed its checks, its cases and its proofs. It was \
                         proposed by {by}, and decides nothing until another officer approves it."
                    ),
                    details: details(*named),
                    commands: vec![
                        (format!("postern policy show {short} --to DIR"), "its files, to compare"),
                        (format!("postern policy approve {whole} --officer NAME"), ""),
                        (format!("postern policy refuse {short} --officer NAME --reason WHY"), ""),
                    ],
                    at: now(),
                }
            }
            Self::Returned { from, to, why } => PolicyNotice {
                subject: format!("Policy {} was returned from", from.version.short()),
                text: format!(
                    "A new version of the policy was tried on a share of senders, and its hold \
                     rate has left the band: {why}. The version before, {}, decides for everybody \
                     again. The files in the policy folder are still those of the new one: they \
                     do not go live again before they are changed.",
                    to.version.short()
                ),
                details: details(from.named()),
                commands: vec![
                    ("postern policy status".to_owned(), "how it stands now"),
                    ("postern policy history".to_owned(), "what was done, and why"),
                ],
                at: now(),
            },
            Self::StartedWithout { refused, live } => PolicyNotice {
                subject: "The gateway has started without the policy in its folder".to_owned(),
                text: format!(
                    "The gateway has started, and the files in the policy folder were refused: \
                     {}. Version {}, kept from before, decides.",
                    refused.headline,
                    live.version.short()
                ),
                details: details(live.named()),
                commands: vec![("postern policy status".to_owned(), "every fault")],
                at: now(),
            },
        }
    }
}

fn details(named: Named<'_>) -> Vec<(&'static str, String)> {
    let commit = named.commit.map(|commit| ("Commit", commit.to_owned()));
    std::iter::once(("Version", named.version.to_string())).chain(commit).collect()
}
