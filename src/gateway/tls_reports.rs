//! TLS reports (RFC 8460): once a day has ended, each domain that asks for a
//! report gets one, by mail through our own queue or by HTTPS.
//!
//! Each of a report's destinations is served for itself: where the RFC has
//! one suffice, another does no harm. What an HTTPS receiver does not take is
//! tried again for a day (section 5.5).

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::{
    queue::{Entry, Queue, now},
    reception::Processor,
    tls_tally::{Due, TlsTally},
};
use crate::{
    config::{Config, TlsReporting},
    content::Content,
    deliver::{Deliverer, UploadError},
    mail::{
        Address, AddressEncoding, Body, DelayNotice, Direction, Domain, Event, Exemption, Level,
        Notify, Observer, Protection, QueuedMessage, QueuedRecipient, Recipient, Recourse,
        ReportResult, ReportWay, Requests, ReversePath, Timestamp, TlsRequirement,
    },
    report::tlsrpt::{Day, Destination, DomainTally, Range, Record, RecordError, TlsReport},
    spool::Batch,
    transform::{Edits, PassageKey, PassageMark, Signer, Trail, rewrite},
};

pub(super) struct TlsReports {
    settings: TlsReporting,
    config: Arc<Config>,
    tally: Arc<TlsTally>,
    deliverer: Deliverer,
    queue: Arc<Queue>,
    signer: Arc<Signer>,
    passage_key: Arc<PassageKey>,
    observer: Arc<dyn Observer>,
}

/// Why a report did not go out now.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsent {
    #[error("no sessions to {0} have been counted today")]
    NothingCounted(Domain),
    #[error("who wants reports of it could not be looked up: {0}")]
    Lookup(#[from] UploadError),
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl TlsReports {
    pub(super) fn new(
        settings: TlsReporting,
        tally: Arc<TlsTally>,
        processor: &Processor,
        deliverer: &Deliverer,
    ) -> Self {
        Self {
            settings,
            config: Arc::clone(&processor.config),
            tally,
            deliverer: deliverer.clone(),
            queue: Arc::clone(&processor.queue),
            signer: Arc::clone(&processor.signer),
            passage_key: Arc::clone(&processor.passage_key),
            observer: Arc::clone(&processor.observer),
        }
    }

    /// Runs until `stop`, and leaves what there is on disk.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        // All gateways of the world have the same midnight (section 4.1).
        let delay = Duration::from_secs(fastrand::u64(0..SPREAD));
        let reporting = async {
            loop {
                tokio::time::sleep(TICK).await;
                self.report_ended_days(delay).await;
                self.upload_due().await;
                self.save().await;
            }
        };
        stop.run_until_cancelled(reporting).await;
        self.save().await;
    }

    async fn save(&self) {
        let tally = Arc::clone(&self.tally);
        let saved = tokio::task::spawn_blocking(move || tally.save()).await;
        if let Ok(Err(error)) = saved {
            tracing::error!(%error, "TLS counts were not saved");
        }
    }

    async fn report_ended_days(&self, delay: Duration) {
        let ended = self.tally.state().tally.ended(Day::of(now()));
        for day in ended.into_iter().filter(|day| day.end() + delay <= now()) {
            let domains = self.tally.state().tally.domains(day);
            for domain in domains {
                let sent = self.send(&domain, day, Range::of(day)).await;
                let too_late = day.end() + delay + PATIENCE <= now();
                // A name server that fails may do better in a minute; counts
                // that nobody could be asked about go in the end.
                if !matches!(sent, Err(Unsent::Lookup(_))) || too_late {
                    self.tally.change(|state| state.tally.remove(day, &domain));
                }
            }
        }
    }

    /// What has been counted today, as it would be sent now.
    pub(super) fn today(&self, domain: &Domain) -> Result<String, Unsent> {
        let (day, range) = so_far();
        let counted = self.tally.state().tally.of(day, domain).cloned();
        let counted = counted.ok_or_else(|| Unsent::NothingCounted(domain.clone()))?;
        Ok(self.report(domain, range, &counted).json())
    }

    /// Sends it, and counts from nothing again; gives the destinations.
    pub(super) async fn send_today(&self, domain: &Domain) -> Result<Vec<String>, Unsent> {
        let (day, range) = so_far();
        let sent = self.send(domain, day, range).await?;
        self.tally.change(|state| state.tally.remove(day, domain));
        self.upload_due().await;
        Ok(sent)
    }

    async fn send(&self, domain: &Domain, day: Day, range: Range) -> Result<Vec<String>, Unsent> {
        let counted = self.tally.state().tally.of(day, domain).cloned();
        let counted = counted.ok_or_else(|| Unsent::NothingCounted(domain.clone()))?;
        let name = format!("_smtp._tls.{domain}").parse().map_err(|_| RecordError::Absent)?;
        let record = Record::read(&self.deliverer.texts(&name).await?)?;
        let report = self.report(domain, range, &counted);
        let mut sent = Vec::new();
        for destination in record.destinations {
            match destination {
                Destination::Mail(to) => {
                    self.mail(&report, &to).await;
                    sent.push(format!("mailto:{to}"));
                }
                Destination::Web(to) => {
                    let (to, report, first) = (to.to_string(), report.json(), now());
                    sent.push(to.clone());
                    let due = Due { domain: domain.clone(), to, report, first, next: first };
                    self.tally.change(|state| state.due.push(due));
                }
            }
        }
        Ok(sent)
    }

    fn report<'a>(
        &'a self,
        domain: &'a Domain,
        range: Range,
        tally: &'a DomainTally,
    ) -> TlsReport<'a> {
        let TlsReporting { organisation, contact, from, .. } = &self.settings;
        TlsReport { organisation, contact, submitter: from.domain(), domain, range, tally }
    }

    async fn mail(&self, report: &TlsReport<'_>, to: &Address) {
        let now = now();
        let content = report.mail(&self.settings.from, to, now);
        let sent = match self.entry(to, content, now) {
            Ok(entry) => {
                let recorded = self.queue.record(Batch::new(), vec![entry]).await;
                recorded.map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        self.tell(report.domain, ReportWay::Mail, sent, GIVEN_UP);
    }

    /// Opportunistic TLS, whatever the domain publishes: what keeps mail from
    /// it must not keep the news of that (section 5.3.1). Nobody is told of a
    /// failure. Not with BY to end it after a day: hosts without that extension
    /// would never get it.
    fn entry(
        &self,
        to: &Address,
        content: Bytes,
        now: Timestamp,
    ) -> Result<Entry, crate::transform::SignerError> {
        let TlsReporting { from, .. } = &self.settings;
        let id = self.queue.next_id();
        let content = Content::parse(content);
        let (node, way) = (&self.config.node.name, Direction::Outbound);
        let mark = PassageMark { node, way, id, trail: Trail::default() };
        let prepend = vec![self.passage_key.field(&content, &mark)];
        let mut rewritten = rewrite(&content, &Edits { prepend, ..Edits::default() });
        rewritten.sign(&self.signer, from.domain())?;
        let content = rewritten.into_bytes();
        let recipient =
            Recipient { address: to.clone(), notify: Some(Notify::NEVER), original: None };
        // A report of failures must not fail for the same cause (RFC 8460
        // section 3).
        let exemption = Exemption {
            tls: TlsRequirement::Opportunistic,
            by: "postern".to_owned(),
            reason: "TLS reports go whatever the TLS".to_owned(),
            until: now + PATIENCE,
        };
        let recourse = Recourse { exemption: Some(exemption), ..Recourse::default() };
        let message = QueuedMessage {
            id,
            received_at: now,
            direction: way,
            reverse_path: ReversePath::Mailbox(from.clone()),
            body: Body::SevenBit,
            encoding: AddressEncoding::Ascii,
            requests: Requests::default(),
            level: Level::default(),
            policy: String::new(),
            size: content.len() as u64,
            redirect: None,
            hold: None,
            custody: Default::default(),
            recourse,
            delay_notice: DelayNotice::Sent,
            recipients: vec![QueuedRecipient::new(recipient, Protection::default(), now)],
        };
        Ok((message, content))
    }

    async fn upload_due(&self) {
        let due: Vec<Due> = {
            let state = self.tally.state();
            state.due.iter().filter(|due| due.next <= now()).cloned().collect()
        };
        for one in due {
            let uploaded = self.upload(&one).await;
            let over = one.first + PATIENCE <= now();
            let sent = uploaded.as_ref().map_err(ToString::to_string);
            let failed = if over { GIVEN_UP } else { ReportResult::Failed };
            self.tell(&one.domain, ReportWay::Https, sent.copied(), failed);
            self.tally.change(|state| {
                let is_this = |due: &Due| due.to == one.to && due.report == one.report;
                match uploaded.is_ok() || over {
                    true => state.due.retain(|due| !is_this(due)),
                    false => {
                        let waiting = state.due.iter_mut().filter(|due| is_this(due));
                        waiting.for_each(|due| due.next = now() + AGAIN);
                    }
                }
            });
        }
    }

    async fn upload(&self, due: &Due) -> Result<(), UploadError> {
        let Ok(to) = due.to.parse() else { return Ok(()) };
        let report = crate::report::tlsrpt::gzipped(&due.report);
        self.deliverer.upload(&to, report, self.settings.trust_anchors.as_deref()).await
    }

    fn tell(
        &self,
        domain: &Domain,
        way: ReportWay,
        sent: Result<(), String>,
        otherwise: ReportResult,
    ) {
        let result = if sent.is_ok() { ReportResult::Sent } else { otherwise };
        let cause = sent.err();
        let cause = cause.as_deref();
        self.observer.observe(Event::TlsReported { domain, way, result, cause });
    }
}

/// Today, from midnight until now.
fn so_far() -> (Day, Range) {
    let day = Day::of(now());
    (day, Range { start: day.start(), end: now() })
}

const GIVEN_UP: ReportResult = ReportResult::GivenUp;
const TICK: Duration = Duration::from_secs(60);
/// Seconds over which reports are spread after midnight.
const SPREAD: u64 = 4 * 60 * 60;
const AGAIN: Duration = Duration::from_secs(30 * 60);
/// How long a report is tried.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);
