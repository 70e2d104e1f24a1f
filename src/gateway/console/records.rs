//! What was, for the console: the audit trail searched, verified and exported,
//! and the way of single messages. Files are read on threads of their own, a
//! few searches at a time, and no search is without an end.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::{
    console::{
        AuditDesk, DeskError, Entries, ExportFormat, MessageStory, Pending, TraceDesk, Verdict,
    },
    gateway::{
        operator::Operator,
        policies::Policies,
        queue::{Queue, now},
        trail::Trail,
    },
    mail::{Actor, Deed, DeedKind, Event, MessageFacts, Observer, QueueId, RecordedOutcome, Scope},
    observe::{self, Anchors, Excerpt, More, TrailLine, search_trail},
    policy::Policy,
    report::{
        story::{Line, Told, certify, rows, standing},
        trail::{Entry, Host, TrailFilter, cef, syslog},
    },
};

pub(in crate::gateway) struct Records {
    trail: Trail,
    policies: Arc<Policies>,
    queue: Arc<Queue>,
    observer: Arc<dyn Observer>,
    /// Reads at a time.
    places: Semaphore,
}

impl AuditDesk for Records {
    fn search<'a>(&'a self, who: &'a Actor, filter: &'a TrailFilter) -> Pending<'a, Entries> {
        Box::pin(async move {
            sees_all(who)?;
            self.tell(DeedKind::AuditSearched, who, &filter.words()).await;
            self.found(filter.clone(), |_| true).await
        })
    }

    fn verify<'a>(&'a self, who: &'a Actor) -> Pending<'a, Verdict> {
        Box::pin(async move {
            sees_all(who)?;
            self.tell(DeedKind::AuditVerified, who, "").await;
            let folder = self.trail.folder.clone();
            self.read(move || {
                let verified = observe::verify(&folder, &Anchors::default())
                    .map_err(|error| DeskError::Failed(error.to_string()))?;
                let faults = verified.faults.iter().take(Entries::MOST).map(ToString::to_string);
                Ok(Verdict {
                    is_intact: verified.is_intact(),
                    entries: verified.entries,
                    files: verified.files,
                    checkpoints: verified.checkpoints,
                    last: verified.last.map(|last| (last.seq, last.digest.to_string())),
                    faults: faults.collect(),
                })
            })
            .await
        })
    }

    fn export<'a>(
        &'a self,
        who: &'a Actor,
        filter: &'a TrailFilter,
        format: ExportFormat,
    ) -> Pending<'a, Bytes> {
        Box::pin(async move {
            sees_all(who)?;
            let words = format!("{}, {}", format.name(), filter.words());
            self.tell(DeedKind::AuditExported, who, &words).await;
            let host = Host::named(&self.trail.observatory.audit().settings().node);
            let (folder, filter) = (self.trail.folder.clone(), filter.clone());
            self.read(move || exported(&folder, &filter, format, &host)).await
        })
    }
}

impl TraceDesk for Records {
    fn find<'a>(&'a self, who: &'a Actor, filter: &'a TrailFilter) -> Pending<'a, Entries> {
        Box::pin(async move {
            let words = format!("trace: {}", filter.words());
            self.tell(DeedKind::AuditSearched, who, &words).await;
            let filter = TrailFilter { event: Some("decision".to_owned()), ..filter.clone() };
            let (policy, who) = (self.policies.live(), who.clone());
            self.found(filter, move |line| {
                who.scope == Scope::Everybody
                    || match Line::read(String::from_utf8_lossy(line).into_owned()).told {
                        Told::Decision(decision) => {
                            let of = organisations(&policy, &decision.facts, &decision.recipients);
                            who.sees(&of)
                        }
                        _ => false,
                    }
            })
            .await
        })
    }

    fn story<'a>(&'a self, who: &'a Actor, id: QueueId) -> Pending<'a, MessageStory> {
        Box::pin(async move {
            self.tell(DeedKind::AuditSearched, who, &format!("trace: id {id}")).await;
            let queued = self.queue.spool().message(id).ok().flatten();
            let Excerpt { lines, remarks } = {
                let place = self.places.acquire().await;
                let _place = place.map_err(|error| DeskError::Failed(error.to_string()))?;
                self.trail.excerpt(id).await.map_err(DeskError::Failed)?
            };
            let mut lines: Vec<Line> = lines.into_iter().map(Line::read).collect();
            lines.sort_by(|one, other| one.at.cmp(&other.at));
            if !self.may_see(who, &lines) {
                return Err(DeskError::Unknown);
            }
            let mut certificate = certify(id, &lines, queued.as_ref(), None, now());
            certificate.remarks.clone_from(&remarks);
            Ok(MessageStory {
                id: id.to_string(),
                rows: rows(id, &lines),
                now: standing(id, &lines, queued.as_ref()),
                certificate: certificate.page(),
                is_proof: certificate.is_proof(),
                remarks,
            })
        })
    }
}

impl Records {
    pub(in crate::gateway) fn new(operator: &Operator) -> Self {
        Self {
            trail: Trail::of(&operator.trail.observatory),
            policies: operator.going_live.policies(),
            queue: Arc::clone(&operator.queue),
            observer: Arc::clone(&operator.observer),
            places: Semaphore::new(READS),
        }
    }

    /// Who sees some organisations' mail sees a message by the decision about
    /// it; where there is none, nobody knows whose it is.
    fn may_see(&self, who: &Actor, lines: &[Line]) -> bool {
        if who.scope == Scope::Everybody {
            return !lines.is_empty();
        }
        let policy = self.policies.live();
        lines.iter().any(|line| match &line.told {
            Told::Decision(decision) => {
                who.sees(&organisations(&policy, &decision.facts, &decision.recipients))
            }
            _ => false,
        })
    }

    /// On record before they see anything.
    async fn tell(&self, kind: DeedKind, who: &Actor, words: &str) {
        let words = (!words.is_empty()).then_some(words);
        let (by, door) = (who.name.as_str(), who.door);
        let deed = Deed { kind, by, door, address: None, about: None, words };
        self.observer.observe(Event::Done(deed));
        self.trail.settled().await;
    }

    /// Nothing that reads files runs on an IO thread, and few do at once.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, DeskError> + Send + 'static,
    ) -> Result<T, DeskError> {
        let failed = |error: &dyn std::fmt::Display| DeskError::Failed(error.to_string());
        let _place = self.places.acquire().await.map_err(|error| failed(&error))?;
        tokio::task::spawn_blocking(work).await.map_err(|error| failed(&error))?
    }

    async fn found(
        &self,
        filter: TrailFilter,
        may_see: impl Fn(&[u8]) -> bool + Send + 'static,
    ) -> Result<Entries, DeskError> {
        let folder = self.trail.folder.clone();
        self.read(move || {
            let (mut newest, mut found, mut lines) = (VecDeque::<Entry>::new(), 0, 0);
            let mut each = |read: TrailLine<'_>| {
                lines += 1;
                if lines > MOST_LINES {
                    return More::Unwanted;
                }
                let line = read.octets();
                if let Some((entry, _)) = filter.matched(line).filter(|_| may_see(line)) {
                    found += 1;
                    if newest.len() == Entries::MOST {
                        newest.pop_front();
                    }
                    newest.push_back(entry);
                }
                More::Wanted
            };
            let mut remarks = search_trail(&folder, filter.since, &mut each)
                .map_err(|error| DeskError::Failed(error.to_string()))?;
            if lines > MOST_LINES {
                let words = format!(
                    "the search ended after {MOST_LINES} lines, and what is newer was not \
                     searched: begin it later"
                );
                remarks.push(words);
            }
            Ok(Entries { entries: newest.into_iter().rev().collect(), found, remarks })
        })
        .await
    }
}

/// The trail tells of everybody's mail.
fn sees_all(who: &Actor) -> Result<(), DeskError> {
    if who.scope == Scope::Everybody { Ok(()) } else { Err(DeskError::Denied) }
}

/// From whom it is and for whom, by the codes of those with a file.
fn organisations(
    policy: &Policy,
    facts: &MessageFacts,
    recipients: &[RecordedOutcome],
) -> Vec<String> {
    let of = |ods: &str| ods.to_owned();
    let sender = policy.organisation(facts).map(|organisation| of(&organisation.ods));
    let recipients = recipients.iter().filter_map(|outcome| {
        policy.organisation_at(outcome.recipient.domain()).map(|organisation| of(&organisation.ods))
    });
    sender.into_iter().chain(recipients).collect()
}

fn exported(
    folder: &std::path::Path,
    filter: &TrailFilter,
    format: ExportFormat,
    host: &Host,
) -> Result<Bytes, DeskError> {
    let mut out = Vec::new();
    let mut each = |read: TrailLine<'_>| {
        let line = read.octets();
        if let Some((entry, value)) = filter.matched(line) {
            match format {
                ExportFormat::Json => out.extend_from_slice(line),
                ExportFormat::Cef => out.extend(cef(&entry, &value).into_bytes()),
                ExportFormat::Syslog => out.extend(syslog(&entry, &value, host).into_bytes()),
            }
            out.push(b'\n');
        }
        if out.len() > MOST_OCTETS { More::Unwanted } else { More::Wanted }
    };
    search_trail(folder, filter.since, &mut each)
        .map_err(|error| DeskError::Failed(error.to_string()))?;
    match out.len() > MOST_OCTETS {
        true => Err(DeskError::Refused(format!(
            "that is more than {} MiB: take less time at once, or use `postern audit export`",
            MOST_OCTETS >> 20
        ))),
        false => Ok(out.into()),
    }
}

/// Searches and verifications at once.
const READS: usize = 2;
/// What one search may read.
const MOST_LINES: usize = 2_000_000;
/// What one export may give.
const MOST_OCTETS: usize = 32 << 20;

#[cfg(test)]
mod tests;
