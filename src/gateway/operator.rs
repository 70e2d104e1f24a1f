//! What operators do to messages in the queue, and the socket they ask on.

use std::{io, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
};
use tokio_util::sync::CancellationToken;

use super::{
    control::{Answer, LessTls, Request, Selection, SendReport},
    diversion::divert,
    losses::tell,
    policies::{GoingLive, PolicyRequest},
    queue::{Queue, now},
    reports::{Reports, addressees, tell_notices},
    tls_reports::TlsReports,
    trail::Trail,
};
use crate::{
    mail::{
        Domain, Event, Exemption, NextHop, Observer, QueueId, QueuedMessage, RecipientState,
        TlsRequirement,
    },
    observe::Excerpt,
    spool::{Batch, SpoolError},
};

pub(super) struct Operator {
    pub(super) queue: Arc<Queue>,
    pub(super) reports: Reports,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) trail: Trail,
    pub(super) going_live: Arc<GoingLive>,
    /// None where `[tls_reports]` is not written.
    pub(super) tls_reports: Option<Arc<TlsReports>>,
}

/// Takes the socket in place of one that nobody answers on: mode 0600, or 0660
/// where a group may use it.
pub(super) fn bind(path: &Path, group: Option<&str>) -> io::Result<UnixListener> {
    let group = group.map(group_number).transpose()?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another gateway answers there"));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    let mode = match group {
        None => 0o600,
        Some(_) => {
            std::os::unix::fs::chown(path, None, group)?;
            0o660
        }
    };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(listener)
}

/// `NAME:PASSWORD:NUMBER:MEMBERS` a line (group(5)).
fn group_number(name: &str) -> io::Result<u32> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let groups = std::fs::read_to_string("/etc/group")?;
    let number = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        fields.next().filter(|its| *its == name)?;
        fields.nth(1)?.parse().ok()
    });
    let unknown = || format!("control_group: /etc/group has no group `{name}`");
    number.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, unknown()))
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
        let by = match uid {
            0 => "root".to_owned(),
            uid => format!("uid {uid}"),
        };
        let mut line = String::new();
        BufReader::new((&mut stream).take(MAX_REQUEST)).read_line(&mut line).await?;
        let answer = match serde_json::from_str(&line) {
            Ok(Request::Policy(request)) => self.policy(request, uid).await,
            Ok(request) => self.carry_out(request, &by).await,
            Err(error) => Answer::Refused { why: format!("the request cannot be read: {error}") },
        };
        // What a person has done is on record before they hear that it is done.
        self.trail.settled().await;
        let mut answer = serde_json::to_vec(&answer)?;
        answer.push(b'\n');
        stream.write_all(&answer).await
    }

    async fn carry_out(&self, request: Request, by: &str) -> Answer {
        let done = match request {
            Request::List { selection } => self.list(selection).await,
            Request::Show { id } => self.show(id),
            Request::Release { id, reason } => self.release(id, by, reason.as_deref()).await,
            Request::Reject { id, reason } => {
                self.give_back(id, by, reason.as_deref(), Ending::Reject).await
            }
            Request::Retry { id } => self.retry(id, by).await,
            Request::Exempt { id, tls, seconds, reason } => {
                self.exempt(id, tls, Duration::from_secs(seconds), Act { by, reason: &reason })
                    .await
            }
            Request::Redirect { id, to, reason } => {
                self.redirect(id, &to, Act { by, reason: &reason }).await
            }
            Request::Bounce { id, reason } => {
                self.give_back(id, by, reason.as_deref(), Ending::Bounce).await
            }
            Request::Trace { id } => self.trace(id).await,
            Request::TlsReport { domain, send } => Ok(self.tls_report(&domain, send).await),
            Request::Policy(_) => Ok(refused("a policy is asked about by a person")),
        };
        done.unwrap_or_else(|error| {
            tell(&*self.observer, &error);
            Answer::Refused { why: format!("the spool: {error}") }
        })
    }

    /// Building a policy takes long.
    async fn policy(&self, request: PolicyRequest, uid: u32) -> Answer {
        let going_live = Arc::clone(&self.going_live);
        let asked = move || going_live.answer(request, Some(uid), now());
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

    async fn release(
        &self,
        id: QueueId,
        by: &str,
        reason: Option<&str>,
    ) -> Result<Answer, SpoolError> {
        let _lock = self.queue.lock(id).await;
        // Its content as well: whoever lets it go hears if there is none left.
        let Some((mut message, _)) = self.queue.spool().load(id).await? else {
            return Ok(unknown(id));
        };
        if message.hold.take().is_none() {
            return Ok(Answer::Refused { why: format!("{id} is not held") });
        }
        due_now(&mut message);
        self.queue.record(Batch::new().update(&message), Vec::new()).await?;
        self.queue.lines().enrol(id, &message.summary());
        self.handled(id, "release", by, reason);
        Ok(Answer::Done { messages: 1 })
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
        let tls = match tls {
            LessTls::Encrypted => TlsRequirement::Encrypted,
            LessTls::Opportunistic => TlsRequirement::Opportunistic,
        };
        let exemption = Exemption {
            tls,
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
    /// commit.
    async fn give_back(
        &self,
        id: QueueId,
        by: &str,
        reason: Option<&str>,
        ending: Ending,
    ) -> Result<Answer, SpoolError> {
        let _lock = self.queue.lock(id).await;
        let Some((message, content)) = self.load_even_if_lost(id).await? else {
            return Ok(unknown(id));
        };
        if ending == Ending::Reject && !message.is_held() {
            return Ok(Answer::Refused { why: format!("{id} is not held") });
        }
        let words = reason.unwrap_or(ending.words());
        let notices: Vec<_> =
            self.reports.rejected(&message, &content, words).into_iter().collect();
        let told = addressees(&notices);
        self.queue.record(Batch::new().remove(id), notices).await?;
        self.queue.lines().strike(id);
        self.handled(id, ending.name(), by, reason);
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

/// How a message leaves the queue undelivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// An officer refuses a held message.
    Reject,
    /// An operator gives up on any.
    Bounce,
}

impl Ending {
    const fn name(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Bounce => "bounce",
        }
    }

    /// What the sender is told where nobody has given a reason.
    const fn words(self) -> &'static str {
        match self {
            Self::Reject => "A security officer has decided that it may not be sent.",
            Self::Bounce => "An operator has given up on delivering it.",
        }
    }
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

/// Octets of a request line; the longest has a reason of a page.
const MAX_REQUEST: u64 = 16 << 10;
/// A need that lasts longer is policy's to meet.
const LONGEST_EXEMPTION: Duration = Duration::from_secs(7 * 24 * 3600);
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_socket_is_ours_alone_unless_a_group_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.sock");
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let _socket = bind(&path, None).unwrap();
        assert_eq!(mode(), 0o600);
        let own = std::os::unix::fs::MetadataExt::gid(&std::fs::metadata(&path).unwrap());
        std::fs::remove_file(&path).unwrap();
        let _socket = bind(&path, Some(&own.to_string())).unwrap();
        assert_eq!(mode(), 0o660);
        std::fs::remove_file(&path).unwrap();
        let error = bind(&path, Some("no such group")).unwrap_err();
        assert!(error.to_string().contains("no group `no such group`"), "{error}");
        assert!(!path.exists());
        assert_eq!(group_number("root").unwrap(), 0);
    }
}
