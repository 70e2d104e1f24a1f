//! What operators do to messages in the queue, and the socket they ask on.

use std::{io, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
};
use tokio_util::sync::CancellationToken;

use super::{
    control::{Answer, Request, Selection},
    queue::{Queue, now},
    reports::Reports,
};
use crate::{
    mail::{Event, Observer, QueueId, QueuedMessage, RecipientState},
    spool::{Batch, SpoolError},
};

pub(super) struct Operator {
    pub(super) queue: Arc<Queue>,
    pub(super) reports: Reports,
    pub(super) observer: Arc<dyn Observer>,
}

/// Takes the socket, mode 0600, in place of one that nobody answers on.
pub(super) fn bind(path: &Path) -> io::Result<UnixListener> {
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
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
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
        let by = match stream.peer_cred()?.uid() {
            0 => "root".to_owned(),
            uid => format!("uid {uid}"),
        };
        let mut line = String::new();
        BufReader::new((&mut stream).take(MAX_REQUEST)).read_line(&mut line).await?;
        let answer = match serde_json::from_str(&line) {
            Ok(request) => self.carry_out(request, &by).await,
            Err(error) => Answer::Refused { why: format!("the request cannot be read: {error}") },
        };
        let mut answer = serde_json::to_vec(&answer)?;
        answer.push(b'\n');
        stream.write_all(&answer).await
    }

    async fn carry_out(&self, request: Request, by: &str) -> Answer {
        let done = match request {
            Request::List { selection } => self.list(selection).await,
            Request::Show { id } => self.show(id).await,
            Request::Release { id, reason } => self.release(id, by, reason.as_deref()).await,
            Request::Reject { id, reason } => {
                self.give_back(id, by, reason.as_deref(), Ending::Reject).await
            }
            Request::Retry { id } => self.retry(id, by).await,
            Request::Bounce { id, reason } => {
                self.give_back(id, by, reason.as_deref(), Ending::Bounce).await
            }
        };
        done.unwrap_or_else(|error| {
            let text = error.to_string();
            self.observer.observe(Event::SpoolFailed { during: "record", error: &text });
            Answer::Refused { why: format!("the spool: {error}") }
        })
    }

    async fn list(&self, selection: Selection) -> Result<Answer, SpoolError> {
        let spool = Arc::clone(self.queue.spool());
        let read = move || {
            let mut messages = Vec::new();
            for id in spool.ids() {
                // Gone since the ids were read: delivered meanwhile.
                let Some(message) = spool.message(id)? else { continue };
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

    async fn show(&self, id: QueueId) -> Result<Answer, SpoolError> {
        Ok(match self.queue.spool().load(id).await? {
            Some((message, _)) => Answer::Messages { messages: vec![message] },
            None => unknown(id),
        })
    }

    async fn release(
        &self,
        id: QueueId,
        by: &str,
        reason: Option<&str>,
    ) -> Result<Answer, SpoolError> {
        let _lock = self.queue.lock(id).await;
        let Some((mut message, _)) = self.queue.spool().load(id).await? else {
            return Ok(unknown(id));
        };
        if message.hold.take().is_none() {
            return Ok(Answer::Refused { why: format!("{id} is not held") });
        }
        due_now(&mut message);
        self.queue.record(Batch::new().update(&message), Vec::new()).await?;
        self.queue.enrol(id, &message.summary());
        self.handled(id, "release", by, reason);
        Ok(Answer::Done { messages: 1 })
    }

    async fn retry(&self, id: Option<QueueId>, by: &str) -> Result<Answer, SpoolError> {
        let messages = match id {
            Some(id) if !self.queue.spool().contains(id) => return Ok(unknown(id)),
            Some(id) if let Some(moment) = self.queue.kept_until(id) => {
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
        self.queue.flush(id);
        Ok(Answer::Done { messages })
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
        let Some((message, content)) = self.queue.spool().load(id).await? else {
            return Ok(unknown(id));
        };
        if ending == Ending::Reject && !message.is_held() {
            return Ok(Answer::Refused { why: format!("{id} is not held") });
        }
        let words = reason.unwrap_or(ending.words());
        let notices = self.reports.rejected(&message, &content, words).into_iter().collect();
        self.queue.record(Batch::new().remove(id), notices).await?;
        self.queue.strike(id);
        self.handled(id, ending.name(), by, reason);
        Ok(Answer::Done { messages: 1 })
    }

    fn handled(&self, id: QueueId, action: &str, by: &str, reason: Option<&str>) {
        self.observer.observe(Event::Handled { id, action, by, reason });
    }
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
    Answer::Refused { why: format!("there is no message {id} in the spool") }
}

/// Octets of a request line; the longest has a reason of a page.
const MAX_REQUEST: u64 = 16 << 10;
const PAUSE: Duration = Duration::from_millis(100);
