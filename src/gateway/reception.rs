//! Reception: what the gateway does with what sessions bring. A message is
//! authenticated, judged, made into copies and committed; the receipt of that
//! commit is the only way to a 250.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::{
    acceptance::acceptance,
    policies::Policies,
    processing::{Fate, Group, Judgement, Marking, Workshop, WorkshopError, judge},
    queue::{Entry, Queue, now},
    replies,
    reports::Reports,
};
use crate::{
    authenticate::{Authentication, Authenticator},
    config::Config,
    content::{Content, Document, Extract, Opened, ReadDocument},
    listen::Verdict,
    mail::{
        Acceptance, Address, Decided, Disposition, Event, Finding, Obligation, Observer,
        OpaqueReason, Origin, Passage, Protocol, QueueId, QueuedMessage, QueuedRecipient, Refusal,
        Requests, SubjectKey, Submission,
    },
    policy::Policy,
    reader::Pool,
    smtp::server::Refused,
    spool::{Batch, SpoolError},
    transform::{PassageKey, Signer, Trail},
};

/// From submissions to entries of the queue; shared by all listeners.
pub(super) struct Processor {
    pub(super) config: Arc<Config>,
    pub(super) policies: Arc<Policies>,
    pub(super) signer: Arc<Signer>,
    pub(super) passage_key: Arc<PassageKey>,
    /// Under which identifiers stand in the audit trail.
    pub(super) subject_key: Arc<SubjectKey>,
    pub(super) queue: Arc<Queue>,
    pub(super) reports: Reports,
    pub(super) observer: Arc<dyn Observer>,
}

/// Where a listener's messages come in.
pub(super) struct Intake {
    /// Absent where senders are not looked at.
    pub(super) authenticator: Option<Arc<Authenticator>>,
    pub(super) processor: Arc<Processor>,
    /// Places in the pool for messages that would keep an IO thread too long.
    pub(super) pool: Arc<Semaphore>,
    /// Who reads documents.
    pub(super) readers: Pool,
}

impl Intake {
    /// Takes a message over, or says why not.
    pub(super) async fn take(&self, submission: Submission) -> Verdict {
        let authentication = self.authentication(&submission).await;
        let prepared = match self.prepare(submission, authentication).await {
            Ok(prepared) => prepared,
            Err(refused) => return Verdict::Refused(refused),
        };
        let Prepared { acceptance, first, others, refused } = prepared;
        match self.processor.queue.accept(Batch::new(), first, others).await {
            Ok(receipt) => {
                self.processor.observer.observe(Event::Accepted(&acceptance));
                match refused.is_empty() {
                    true => Verdict::Accepted(receipt),
                    false => Verdict::AcceptedExcept(receipt, refused),
                }
            }
            Err(error) => Verdict::Refused(self.processor.not_committed(&error)),
        }
    }

    async fn authentication(&self, submission: &Submission) -> Option<Authentication> {
        let authenticator = self.authenticator.as_ref()?;
        let client = submission.origin.attributed();
        let helo = submission.origin.attributed_helo();
        let reverse_path = &submission.envelope.reverse_path;
        Some(authenticator.authenticate(client, helo, reverse_path, &submission.content).await)
    }

    /// Small messages in place, large ones in the pool, those with documents
    /// where they wait for their reader: nothing that takes long runs on an IO
    /// thread, and who reads slowly keeps nobody from the pool.
    async fn prepare(
        &self,
        submission: Submission,
        authentication: Option<Authentication>,
    ) -> Result<Prepared, Refused> {
        let raw = submission.content.clone();
        let is_small = raw.len() <= IN_PLACE;
        let read = match is_small {
            true => Read::of(raw),
            false => self.pooled(move || Ok(Read::of(raw))).await?,
        };
        let processor = Arc::clone(&self.processor);
        if read.opened.has_documents() {
            let mut reader = self.readers.reader().await.map_err(|_| unread())?;
            return elsewhere(move || {
                let Read { content, opened, took } = read;
                let started = Instant::now();
                let extract = opened.read(&mut reader);
                if reader.is_unavailable() {
                    return Err(unread());
                }
                let read = (content, &extract, took + started.elapsed());
                // With the reader's place goes the room for what was read.
                let prepared = processor.prepare(&submission, read, authentication.as_ref());
                drop(reader);
                prepared
            })
            .await;
        }
        let prepare = move || {
            let Read { content, opened, took } = read;
            let extract = opened.read(&mut Nobody);
            processor.prepare(&submission, (content, &extract, took), authentication.as_ref())
        };
        match is_small {
            true => prepare(),
            false => self.pooled(prepare).await,
        }
    }

    async fn pooled<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        let place = Arc::clone(&self.pool).acquire_owned().await;
        elsewhere(move || {
            let _place = place;
            work()
        })
        .await
    }
}

/// On a thread that may be kept.
async fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refused> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        // It panicked: a fault of ours, so the sender keeps the message.
        Err(replies::refused(Refusal::Policy, 451, (4, 3, 0), "the message could not be judged"))
    })
}

/// Unknown is not safe: the sender keeps the message until it can be read.
fn unread() -> Refused {
    replies::refused(Refusal::Readers, 451, (4, 3, 2), "attachments cannot be read now")
}

/// A message taken apart, and how long that took.
struct Read {
    content: Content,
    opened: Opened,
    took: Duration,
}

impl Read {
    fn of(raw: Bytes) -> Self {
        let started = Instant::now();
        let content = Content::parse(raw);
        Self { opened: content.open(), content, took: started.elapsed() }
    }
}

/// Where there are no documents nobody reads any.
pub(super) struct Nobody;

impl ReadDocument for Nobody {
    fn read(&mut self, document: &Document) -> Extract {
        Extract::unread(document, OpaqueReason::Unreadable)
    }
}

/// A message that is to be taken: what the spool must hold before the 250.
struct Prepared {
    acceptance: Acceptance,
    first: Entry,
    others: Vec<Entry>,
    /// Recipients who are told so by a reply of their own.
    refused: Vec<(Address, Refused)>,
}

impl Processor {
    fn prepare(
        &self,
        submission: &Submission,
        (content, extract, reading): (Content, &Extract, Duration),
        authentication: Option<&Authentication>,
    ) -> Result<Prepared, Refused> {
        let started = Instant::now();
        // Asked once: all that follows is said by this one version.
        let deciding = self.policies.for_sender(&submission.envelope.reverse_path);
        let policy = &deciding.policy;
        let now = now();
        let judgement = judge(policy, submission, content, extract, authentication, now);
        let took = reading + started.elapsed();
        if judgement.content.received_count() > MAX_HOPS {
            return Err(replies::refused(
                Refusal::Loop,
                554,
                (5, 4, 6),
                "too many hops: a mail loop",
            ));
        }
        let trail = self.trail(submission, &judgement.content)?;
        let id = self.queue.next_id();
        deciding.count(&judgement.decisions);
        self.tell_decided(id, policy, submission, &judgement, took);
        let (fate, refused) = match submission.origin.protocol {
            Protocol::Lmtp => judgement.fate_of_each(),
            Protocol::Smtp | Protocol::Esmtp => (judgement.fate(), Vec::new()),
        };
        let groups = match fate {
            Fate::Refused { reason, reply } => return Err(Refused { reason, reply }),
            Fate::Taken(groups) => groups,
        };
        let workshop = Workshop {
            node: &self.config.node,
            policy,
            signer: &self.signer,
            now,
            id,
            submission,
            authentication,
            judgement: &judgement,
            marking: Some(Marking { key: &self.passage_key, trail }),
        };
        let mut entries = Vec::new();
        for group in &groups {
            let id = if entries.is_empty() { id } else { self.queue.next_id() };
            self.add_group(&mut entries, id, &workshop, group).map_err(|error| {
                tracing::error!(%id, %error, "a copy could not be made");
                replies::refused(
                    Refusal::Policy,
                    451,
                    (4, 3, 0),
                    "the message could not be prepared",
                )
            })?;
        }
        let acceptance = acceptance(id, workshop.now, submission, &judgement.content, &entries);
        let mut entries = entries.into_iter();
        let nobody = || replies::refused(Refusal::Syntax, 554, (5, 5, 1), "no valid recipients");
        let first = entries.next().ok_or_else(nobody)?;
        let refused = refused
            .into_iter()
            .map(|(recipient, reply)| (recipient, Refused { reason: Refusal::Policy, reply }))
            .collect();
        Ok(Prepared { acceptance, first, others: entries.collect(), refused })
    }

    /// How often the message has been through; too often is a loop that its
    /// Received fields would end only after a hundred rounds.
    fn trail(&self, submission: &Submission, content: &Content) -> Result<Trail, Refused> {
        if !content.header_is_read() {
            // What could not be read could not be taken out either.
            return Err(replies::refused(Refusal::Size, 554, (5, 6, 0), "too many header fields"));
        }
        let trail = self.passage_key.trail(content, submission.origin.direction);
        let loops = usize::try_from(trail.same).is_ok_and(|n| n >= self.config.limits.passages);
        let passage = match trail.same {
            _ if loops => Passage::Loop,
            0 => Passage::First,
            _ => Passage::Again,
        };
        if trail.forged > 0 {
            self.tell_passed(submission, Passage::Forged);
        }
        self.tell_passed(submission, passage);
        if loops {
            let text = format!("a mail loop: passages through here before this: {}", trail.same);
            return Err(replies::refused(Refusal::Loop, 554, (5, 4, 6), &text));
        }
        Ok(trail)
    }

    fn tell_passed(&self, submission: &Submission, passage: Passage) {
        let Origin { listener, client, .. } = &submission.origin;
        self.observer.observe(Event::Passed { listener, client: *client, passage });
    }

    /// A group's copy, the copies policy wants of it, and the notices it
    /// leads to. For rejected recipients the sender gets a DSN, since the
    /// others have been taken.
    fn add_group(
        &self,
        entries: &mut Vec<Entry>,
        id: QueueId,
        workshop: &Workshop<'_>,
        group: &Group,
    ) -> Result<(), WorkshopError> {
        let copy = workshop.copy(id, group)?.into_bytes();
        let mut message = workshop.entry(id, group, copy.len());
        if group.treatment.disposition == Disposition::Reject {
            let reason = group.treatment.stopped_by.as_ref().map(|rule| rule.reason.as_str());
            entries.extend(self.reports.rejected(&message, &copy, reason.unwrap_or_default()));
            return Ok(());
        }
        let notices = self.reports.held(workshop.policy, &message, &copy);
        let archived = self.archived(workshop, &message, group);
        for archived in archived {
            entries.push((archived, copy.clone()));
        }
        let content = match message.is_held() {
            true => with_original(&mut message, &copy, workshop.judgement.content.raw()),
            false => copy,
        };
        entries.push((message, content));
        entries.extend(notices);
        Ok(())
    }

    /// Copies for the archives that rules name, as these recipients get it.
    fn archived(
        &self,
        workshop: &Workshop<'_>,
        message: &QueuedMessage,
        group: &Group,
    ) -> Vec<QueuedMessage> {
        let copies = group.treatment.obligations.iter().filter_map(|obligation| match obligation {
            Obligation::Copy(archive) => Some(archive),
            _ => None,
        });
        copies
            .map(|archive| QueuedMessage {
                id: self.queue.next_id(),
                hold: None,
                custody: Default::default(),
                recourse: Default::default(),
                redirect: None,
                // How fast and when it goes, and what is told of it, was asked
                // for the sender's own recipients.
                requests: Requests {
                    require_tls: message.requests.require_tls,
                    ..Requests::default()
                },
                recipients: vec![QueuedRecipient::new(
                    archive.clone(),
                    workshop.policy.destination(archive.domain()).protection(),
                    message.received_at,
                )],
                ..message.clone()
            })
            .collect()
    }

    fn tell_decided(
        &self,
        id: QueueId,
        policy: &Policy,
        submission: &Submission,
        judgement: &Judgement,
        took: Duration,
    ) {
        let findings: Vec<Finding> = judgement.findings().cloned().collect();
        let found = judgement.classification.findings.iter();
        let subjects: Vec<_> =
            found.map(|found| self.subject_key.hash(found.finding.kind, &found.value)).collect();
        self.observer.observe(Event::Decided(Decided {
            id,
            listener: &submission.origin.listener,
            client: submission.origin.client,
            forwarded: submission.origin.forwarded.as_deref(),
            facts: &judgement.facts,
            findings: &findings,
            subjects: &subjects,
            policy: policy.version(),
            commit: policy.commit(),
            decisions: &judgement.decisions,
            took,
        }));
    }

    /// Nothing was promised: the sender's own server keeps the message.
    fn not_committed(&self, error: &SpoolError) -> Refused {
        let text = error.to_string();
        self.observer.observe(Event::SpoolFailed { during: "accept", error: &text });
        replies::not_committed(error)
    }
}

/// What a person has to judge is what the client sent: it stands in the spool
/// behind the copy that may leave.
fn with_original(message: &mut QueuedMessage, copy: &Bytes, original: &[u8]) -> Bytes {
    message.custody.copy_ends = Some(copy.len() as u64);
    [copy, original].concat().into()
}

/// Octets up to which judging takes less than handing over to the pool.
const IN_PLACE: usize = 64 << 10;
/// RFC 5321 section 6.3 asks for at least 100.
const MAX_HOPS: usize = 100;
