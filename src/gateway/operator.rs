//! What operators do to messages in the queue, and the socket they ask on.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

use super::{
    control::{Answer, LessTls, Request, Selection, SendReport},
    diversion::divert,
    losses::tell,
    people::People,
    policies::{GoingLive, PolicyRequest, Signatory},
    quarantine::{Progress, Quarantine, QuarantineAnswer, QuarantineRequest},
    queue::{Queue, now},
    reports::{Reports, addressees, tell_notices},
    tls_reports::TlsReports,
    trail::Trail,
};
use crate::{
    console::{Acted, Which},
    mail::{
        Actor, Deed, DeedKind, Domain, Event, Exemption, HeldAct, NextHop, Observer, Permission,
        QueueId, QueuedMessage, RecipientState,
    },
    observe::Excerpt,
    spool::{Batch, SpoolError},
};

pub(super) struct Operator {
    pub(super) queue: Arc<Queue>,
    pub(super) reports: Reports,
    pub(super) quarantine: Quarantine,
    pub(super) people: Arc<People>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) trail: Trail,
    pub(super) going_live: Arc<GoingLive>,
    /// None where `[tls_reports]` is not written.
    pub(super) tls_reports: Option<Arc<TlsReports>>,
}

impl Operator {
    pub(super) async fn serve(self: Arc<Self>, listener: UnixListener, stop: CancellationToken) {
        let accepting = async {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    // Out of descriptors, most likely: asking again at once
                    // would take a processor and mend nothing.
                    tokio::time::sleep(PAUSE).await;
                    continue;
                };
                let operator = Arc::clone(&self);
                tokio::spawn(async move {
                    // A caller that goes away half-way is no concern of ours.
                    let _ = operator.answer(stream).await;
                });
            }
        };
        stop.run_until_cancelled(accepting).await;
    }

    async fn answer(&self, mut stream: UnixStream) -> io::Result<()> {
        let uid = stream.peer_cred()?.uid();
        let people = Arc::clone(&self.people);
        let who = tokio::task::spawn_blocking(move || people.at_socket(uid)).await?;
        let mut line = String::new();
        BufReader::new((&mut stream).take(MAX_REQUEST)).read_line(&mut line).await?;
        let answer = match serde_json::from_str(&line) {
            Ok(request) if let Err(lacking) = request.is_allowed_to(&who) => {
                self.denied(&who, lacking)
            }
            Ok(Request::Policy(request)) => self.policy(request, uid, &who).await,
            Ok(Request::Quarantine(request)) => {
                self.judge_telling(request, &who, &mut stream).await
            }
            Ok(Request::Audit(request)) => {
                self.trail.answer(request, &who.name, &*self.observer).await
            }
            Ok(request) => self.carry_out(request, &who).await,
            Err(error) => Answer::Refused { why: format!("the request cannot be read: {error}") },
        };
        // What a person has done is on record before they hear that it is done.
        self.trail.settled().await;
        let mut answer = serde_json::to_vec(&answer)?;
        answer.push(b'\n');
        stream.write_all(&answer).await
    }

    /// That they tried is on record.
    fn denied(&self, who: &Actor, lacking: Permission) -> Answer {
        let (kind, by, words) = (DeedKind::Denied, who.name.as_str(), Some(lacking.name()));
        let deed = Deed { kind, by, door: who.door, address: None, about: None, words };
        self.observer.observe(Event::Done(deed));
        refused(format!("the roles of {} do not allow this", who.name))
    }

    /// Whoever goes away half-way hears no more of it, and it is done all the
    /// same.
    async fn judge_telling(
        &self,
        request: QuarantineRequest,
        who: &Actor,
        stream: &mut UnixStream,
    ) -> Answer {
        let telling = watch::Sender::default();
        let mut progress = telling.subscribe();
        let answering = self.quarantine.answer(request, who, telling);
        tokio::pin!(answering);
        loop {
            tokio::select! {
                answer = &mut answering => return Answer::Quarantine(answer),
                Ok(()) = progress.changed() => {
                    let Progress { judged, of } = *progress.borrow_and_update();
                    let told = Answer::Quarantine(QuarantineAnswer::Progress { judged, of });
                    if of > 1 && let Ok(mut line) = serde_json::to_vec(&told) {
                        line.push(b'\n');
                        let _ = stream.write_all(&line).await;
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }
    }

    async fn carry_out(&self, request: Request, who: &Actor) -> Answer {
        let by = who.name.as_str();
        let done = match request {
            Request::List { selection } => self.list(selection).await,
            Request::Show { id } => self.show(id),
            Request::Release { id, reason } => {
                let (recipients, exemption, false_positive) = (Vec::new(), None, false);
                let act = HeldAct::Release { recipients, exemption, false_positive };
                Ok(self.judge(id, who, &act, reason).await)
            }
            Request::Reject { id, reason } => {
                let reason = reason.or_else(|| Some(REJECTED.to_owned()));
                Ok(self.judge(id, who, &HeldAct::Reject, reason).await)
            }
            Request::Retry { id } => self.retry(id, by).await,
            Request::Exempt { id, tls, seconds, reason } => {
                self.exempt(id, tls, Duration::from_secs(seconds), Act { by, reason: &reason })
                    .await
            }
            Request::Redirect { id, to, reason } => {
                self.redirect(id, &to, Act { by, reason: &reason }).await
            }
            Request::Bounce { id, reason } => self.bounce(id, who, reason).await,
            Request::Trace { id } => self.trace(id).await,
            Request::TlsReport { domain, send } => Ok(self.tls_report(&domain, send).await),
            Request::Policy(_) | Request::Quarantine(_) | Request::Audit(_) => {
                Ok(refused("that is asked about by a person"))
            }
        };
        done.unwrap_or_else(|error| {
            tell(&*self.observer, &error);
            Answer::Refused { why: format!("the spool: {error}") }
        })
    }

    /// Building a policy takes long.
    async fn policy(&self, request: PolicyRequest, uid: u32, who: &Actor) -> Answer {
        let going_live = Arc::clone(&self.going_live);
        let signatory = Signatory::at_socket(uid, who);
        let asked = move || going_live.answer(request, &signatory, now());
        match tokio::task::spawn_blocking(asked).await {
            Ok(answer) => Answer::Policy(answer),
            Err(panic) => refused(format!("the policy could not be built: {panic}")),
        }
    }

    async fn list(&self, selection: Selection) -> Result<Answer, SpoolError> {
        let spool = Arc::clone(self.queue.spool());
        let read = move || {
            let mut messages = Vec::new();
            for id in spool.ids() {
                let message = match spool.message(id) {
                    Ok(Some(message)) => message,
                    // Gone since the ids were read: delivered meanwhile.
                    Ok(None) => continue,
                    // One that is lost hides no other; the log tells of it.
                    Err(error) if error.is_of_reading() => continue,
                    Err(error) => return Err(error),
                };
                let wanted = match selection {
                    Selection::All => true,
                    Selection::Active => !message.is_held(),
                    Selection::Held => message.is_held(),
                };
                if wanted {
                    messages.push(message);
                }
            }
            Ok(Answer::Messages { messages })
        };
        tokio::task::spawn_blocking(read).await.map_err(|_| SpoolError::Closed)?
    }

    fn show(&self, id: QueueId) -> Result<Answer, SpoolError> {
        Ok(match self.queue.spool().message(id)? {
            Some(message) => Answer::Messages { messages: vec![message] },
            None => unknown(id),
        })
    }

    async fn trace(&self, id: QueueId) -> Result<Answer, SpoolError> {
        let queued = self.queue.spool().message(id)?.map(Box::new);
        Ok(match self.trail.excerpt(id).await {
            Ok(Excerpt { lines, remarks }) => Answer::Trail { lines, remarks, queued },
            Err(why) => Answer::Refused { why },
        })
    }

    async fn tls_report(&self, domain: &Domain, send: SendReport) -> Answer {
        let Some(reports) = &self.tls_reports else {
            let why = "no TLS reports are made: postern.toml has no [tls_reports]".to_owned();
            return Answer::Refused { why };
        };
        let report = reports.today(domain);
        let sent = match send {
            SendReport::AtItsTime => Ok(Vec::new()),
            SendReport::Now => reports.send_today(domain).await,
        };
        match report.and_then(|report| Ok((report, sent?))) {
            Ok((report, sent)) => Answer::Report { report, sent },
            Err(unsent) => Answer::Refused { why: unsent.to_string() },
        }
    }

    /// What `postern quarantine` does too, for one message.
    async fn judge(
        &self,
        id: QueueId,
        who: &Actor,
        act: &HeldAct,
        reason: Option<String>,
    ) -> Answer {
        let which = Which::These(vec![id]);
        let reason = reason.unwrap_or_else(|| UNSAID.to_owned());
        match self.quarantine.act(who, &which, act, &reason, watch::Sender::default()).await {
            Ok(Acted { done: 1, .. }) => Answer::Done { messages: 1 },
            Ok(Acted { proposed: 1, .. }) => refused(format!(
                "it takes two people to let {id} go: you have proposed it, and another approves \
                 it with `postern quarantine approve {id}`"
            )),
            Ok(acted) => match acted.refused.first() {
                Some((_, why)) => refused(why.clone()),
                None => unknown(id),
            },
            Err(error) => refused(error.to_string()),
        }
    }

    async fn retry(&self, id: Option<QueueId>, by: &str) -> Result<Answer, SpoolError> {
        let messages = match id {
            Some(id) if !self.queue.spool().contains(id) => return Ok(unknown(id)),
            Some(id) if let Some(moment) = self.queue.lines().kept_until(id) => {
                let why =
                    format!("{id} waits for release: its sender wants it held until {moment}");
                return Ok(Answer::Refused { why });
            }
            Some(id) => {
                self.handled(id, "retry", by, None);
                1
            }
            None => self.queue.state().active,
        };
        self.queue.lines().flush(id);
        Ok(Answer::Done { messages })
    }

    /// Gives leave for this one message, until then.
    async fn exempt(
        &self,
        id: QueueId,
        tls: LessTls,
        time: Duration,
        act: Act<'_>,
    ) -> Result<Answer, SpoolError> {
        if time.is_zero() || time > LONGEST_EXEMPTION {
            return Ok(refused("an exemption is for a second at least and seven days at most"));
        }
        let exemption = Exemption {
            tls: tls.into(),
            by: act.by.to_owned(),
            reason: act.reason.trim().to_owned(),
            until: now() + time,
        };
        let exempt = |message: &mut QueuedMessage| {
            message.recourse.exemption = Some(exemption.clone());
            due_now(message);
        };
        self.change(id, act, exempt, |_| {
            self.observer.observe(Event::Exempted { id, exemption: &exemption });
        })
        .await
    }

    async fn redirect(
        &self,
        id: QueueId,
        to: &NextHop,
        act: Act<'_>,
    ) -> Result<Answer, SpoolError> {
        if !matches!(to, NextHop::Smtp { .. } | NextHop::Lmtp { .. }) {
            return Ok(refused("a message is redirected to a host: smtp://host:port"));
        }
        let told = |message: &QueuedMessage| {
            self.observer.observe(Event::Redirected {
                id,
                part_of: None,
                to,
                recipients: message.pending().count(),
                by: act.by,
                reason: act.reason.trim(),
            });
        };
        self.change(id, act, |message| divert(message, to, now()), told).await
    }

    /// Changes a waiting message under its lock and has it tried; who does so
    /// says why.
    async fn change(
        &self,
        id: QueueId,
        act: Act<'_>,
        change: impl FnOnce(&mut QueuedMessage),
        tell: impl FnOnce(&QueuedMessage),
    ) -> Result<Answer, SpoolError> {
        if act.reason.trim().is_empty() {
            return Ok(refused("say why: the reason stands in the audit trail"));
        }
        let _lock = self.queue.lock(id).await;
        let Some(mut message) = self.queue.spool().message(id)? else {
            return Ok(unknown(id));
        };
        if message.is_held() {
            return Ok(refused(format!("{id} is held: see `postern quarantine`")));
        }
        change(&mut message);
        self.queue.record(Batch::new().update(&message), Vec::new()).await?;
        let summary = message.summary();
        self.queue.lines().waits().note(id, &summary);
        self.queue.lines().reroute(id, &summary);
        self.queue.lines().flush(Some(id));
        tell(&message);
        Ok(Answer::Done { messages: 1 })
    }

    /// Takes a message out of the queue and returns it to its sender, in one
    /// commit; what is held, as whoever judges it.
    async fn bounce(
        &self,
        id: QueueId,
        who: &Actor,
        reason: Option<String>,
    ) -> Result<Answer, SpoolError> {
        let words = reason.clone().unwrap_or_else(|| BOUNCED.to_owned());
        if self.queue.spool().message(id)?.is_some_and(|message| message.is_held()) {
            return Ok(self.judge(id, who, &HeldAct::Reject, Some(words)).await);
        }
        let _lock = self.queue.lock(id).await;
        let Some((message, content)) = self.load_even_if_lost(id).await? else {
            return Ok(unknown(id));
        };
        let notices: Vec<_> =
            self.reports.rejected(&message, &content, &words).into_iter().collect();
        let told = addressees(&notices);
        self.queue.record(Batch::new().remove(id), notices).await?;
        self.queue.lines().strike(id);
        self.handled(id, "bounce", &who.name, reason.as_deref());
        tell_notices(self.observer.as_ref(), id, &told);
        Ok(Answer::Done { messages: 1 })
    }

    /// A message, and no content where that cannot be read: its sender can be
    /// told all the same.
    async fn load_even_if_lost(
        &self,
        id: QueueId,
    ) -> Result<Option<(QueuedMessage, Bytes)>, SpoolError> {
        match self.queue.spool().load(id).await {
            Err(error) if error.is_of_reading() => {
                tell(&*self.observer, &error);
                let message = self.queue.spool().message(id)?;
                Ok(message.map(|message| (message, Bytes::new())))
            }
            loaded => loaded,
        }
    }

    fn handled(&self, id: QueueId, action: &str, by: &str, reason: Option<&str>) {
        self.observer.observe(Event::Handled { id, action, by, reason });
    }
}

/// Who does something, and why.
#[derive(Clone, Copy)]
struct Act<'a> {
    by: &'a str,
    reason: &'a str,
}

fn due_now(message: &mut QueuedMessage) {
    for recipient in &mut message.recipients {
        if let RecipientState::Pending { next_attempt_at, .. } = &mut recipient.state {
            *next_attempt_at = now();
        }
    }
}

fn unknown(id: QueueId) -> Answer {
    refused(format!("there is no message {id} in the spool"))
}

fn refused(why: impl Into<String>) -> Answer {
    Answer::Refused { why: why.into() }
}

/// What the sender is told where nobody has given a reason.
const REJECTED: &str = "A security officer has decided that it may not be sent.";
const BOUNCED: &str = "An operator has given up on delivering it.";
/// What the audit trail has then.
const UNSAID: &str = "no reason was given";
/// Octets of a request line; the longest names a few thousand messages.
const MAX_REQUEST: u64 = 128 << 10;
/// A need that lasts longer is policy's to meet.
const LONGEST_EXEMPTION: Duration = Duration::from_secs(7 * 24 * 3600);
const PAUSE: Duration = Duration::from_millis(100);
