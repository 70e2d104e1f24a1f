//! What the console's first page says of the gateway.

use super::{queue::now, state::State};
use crate::{
    console::{CertificateDue, HeldLevel, HeldOverview, Overview, OverviewSource, TlsWaiting},
    listen::{CertificateSummary, Outlook},
    mail::{Actor, DestinationClass, Level, Timestamp},
    observe::Probes,
};

impl OverviewSource for State {
    fn overview(&self, who: &Actor) -> Overview {
        let queue = self.queue.state();
        Overview {
            node: self.node.clone(),
            policy: self.policy.overview(),
            waiting: queue.active,
            held: self.held_for(who),
            oldest: queue.oldest,
            unready: self.unready(),
            tls_waiting: self.tls_waits().messages.map(tls_waiting).to_vec(),
            certificates: self.certificates_due(now()),
            flow: self.history.flow(),
        }
    }
}

impl State {
    /// Of the mail of others somebody is not even told how much is held.
    fn held_for(&self, who: &Actor) -> HeldOverview {
        let policy = self.policy.policies().live();
        let listing = self.queue.lines().ward().listing();
        let tally = listing.seen_by(|entry| who.sees(&entry.organisations)).tally(now());
        let counts = tally.messages.into_iter().zip(tally.overdue);
        let levels = Level::ALL.into_iter().zip(counts).map(|(level, (messages, overdue))| {
            HeldLevel { level, name: policy.level_name(level).to_owned(), messages, overdue }
        });
        HeldOverview {
            levels: levels.collect(),
            oldest: tally.oldest,
            proposed: tally.proposed,
            requested: tally.requested,
        }
    }

    /// The first to end comes first.
    fn certificates_due(&self, now: Timestamp) -> Vec<CertificateDue> {
        let all = self.keeper.certificates.iter().flat_map(|(listener, certificates)| {
            let summaries = certificates.summaries();
            summaries.into_iter().filter_map(move |summary| due(listener, &summary, now))
        });
        let mut due: Vec<_> = all.collect();
        due.sort_by_key(|certificate| certificate.ends);
        due
    }
}

fn due(listener: &str, summary: &CertificateSummary, now: Timestamp) -> Option<CertificateDue> {
    let ends = match summary.outlook(now) {
        Outlook::Good => return None,
        Outlook::ExpiresSoon(ends) | Outlook::Expired(ends) => ends,
    };
    let (listener, name) = (listener.to_owned(), summary.name().to_owned());
    Some(CertificateDue { listener, name, ends })
}

fn tls_waiting((class, messages): (DestinationClass, usize)) -> TlsWaiting {
    let destinations = match class {
        DestinationClass::Local => "Our own mailboxes",
        DestinationClass::Approved => "Approved domains",
        DestinationClass::Internet => "The internet",
    };
    TlsWaiting { destinations, messages }
}
