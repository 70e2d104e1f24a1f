//! The driver: carries octets between one connection and its session, and
//! puts the session's questions to the gateway.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use tokio::{net::TcpStream, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    arrival::{self, Arrived},
    authentication,
    capacity::{ClientPlace, Memory, SessionPlace},
    listener::{Shared, too_many_sessions},
    reception::{Reception, Verdict},
    stream::Stream,
};
use crate::{
    mail::{EnhancedStatusCode, Event, Refusal, Reply, SessionEnd},
    smtp::server::{Action, Expected, Refused, Session, TlsUpgrade, Wait},
};

/// From the accepted connection to its end, events and all.
pub(super) async fn hold<R: Reception>(
    shared: Arc<Shared<R>>,
    tcp: TcpStream,
    peer: SocketAddr,
    place: SessionPlace,
    abandon: CancellationToken,
) {
    shared.observe(Event::SessionOpened { listener: &shared.door.settings.listener });
    let mut client = peer.ip().to_canonical();
    let reason = {
        // Pinned here, or it would take its room twice.
        let held = pin!(greet_and_converse(&shared, tcp, &mut client));
        abandon.run_until_cancelled(held).await.unwrap_or(SessionEnd::Stopping)
    };
    let listener = &shared.door.settings.listener;
    shared.observe(Event::SessionClosed { listener, client, reason });
    drop(place);
}

/// `client` becomes who it really is.
async fn greet_and_converse<R: Reception>(
    shared: &Shared<R>,
    tcp: TcpStream,
    client: &mut IpAddr,
) -> SessionEnd {
    let arrived = match Box::pin(arrival::welcome(shared, tcp, client)).await {
        Ok(arrived) => arrived,
        Err(end) => return end,
    };
    let Arrived { stream, peer, place } = arrived;
    let mut conversation = Conversation {
        shared,
        stream,
        session: Session::new(Arc::clone(&shared.door.settings), peer),
        input: BytesMut::new(),
        memory: None,
        client,
        place,
        stopping: Stopping::NotYet,
    };
    conversation.run().await
}

struct Conversation<'a, R> {
    shared: &'a Shared<R>,
    stream: Stream,
    session: Session,
    input: BytesMut,
    /// For the message that is coming in.
    memory: Option<Memory>,
    client: &'a mut IpAddr,
    place: Option<ClientPlace>,
    stopping: Stopping,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stopping {
    NotYet,
    /// The session knows.
    Told,
}

impl<R: Reception> Conversation<'_, R> {
    async fn run(&mut self) -> SessionEnd {
        let ended = match self.place {
            Some(_) => self.converse().await,
            None => Box::pin(self.turn_away()).await,
        };
        ended.unwrap_or_else(|end| end)
    }

    async fn turn_away(&mut self) -> Result<SessionEnd, SessionEnd> {
        let refused = too_many_sessions(Refusal::ClientSessions);
        self.shared.refuse(*self.client, &refused);
        let mut line = Vec::new();
        refused.reply.write_to(&mut line);
        self.send(&line).await?;
        self.hang_up(SessionEnd::Refused).await;
        Ok(SessionEnd::Refused)
    }

    /// The session's loop; an error is a connection that has failed.
    async fn converse(&mut self) -> Result<SessionEnd, SessionEnd> {
        let shared = self.shared;
        loop {
            match self.session.next(&mut self.input, Instant::now()) {
                Action::Read(wait) => self.read(wait).await?,
                Action::Refused(refused) => self.shared.refuse(*self.client, &refused),
                // All that is rare and large is boxed: a session is idle for
                // most of its life, and must then be small.
                Action::Mail(question) => {
                    let asked =
                        || shared.orders.reception.sender(question.origin(), question.envelope());
                    let verdict = match shared.door.rates.message(*self.client) {
                        Ok(()) => Box::pin(asked()).await,
                        Err(refused) => Err(refused),
                    };
                    question.answer(verdict);
                }
                Action::Recipient(question) => {
                    let (origin, envelope) = (question.origin(), question.envelope());
                    let asked = || {
                        shared.orders.reception.recipient(origin, envelope, question.recipient())
                    };
                    let verdict = match shared.door.rates.recipient(*self.client) {
                        Ok(()) => Box::pin(asked()).await,
                        Err(refused) => Err(refused),
                    };
                    question.answer(verdict);
                }
                Action::Client(question) => {
                    // Given back first: it may be the same client again.
                    self.place = None;
                    let client = question.address();
                    let admitted = arrival::admit(self.shared, client);
                    question.answer(admitted.map(|place| {
                        *self.client = client;
                        self.place = Some(place);
                        self.shared.door.standing(client)
                    }));
                }
                Action::Verifier(question) => {
                    Box::pin(authentication::challenge(self.shared, question)).await;
                }
                Action::Authenticate(question) => {
                    Box::pin(authentication::decide(self.shared, question)).await;
                }
                Action::Content(question) => {
                    let room = first_room(question.declared_size());
                    match Box::pin(self.shared.orders.capacity.memory(room)).await {
                        Some(memory) => {
                            self.memory = Some(memory);
                            question.proceed();
                            self.input.reserve(room);
                        }
                        None => question.refuse(out_of_memory()),
                    }
                }
                Action::Message(message) => {
                    let _memory = self.memory.take();
                    let (submission, pending) = message.hand_over();
                    match Box::pin(shared.orders.reception.message(submission)).await {
                        Verdict::Accepted(receipt) => pending.accepted(receipt),
                        Verdict::AcceptedExcept(receipt, refused) => {
                            pending.accepted_except(receipt, &refused);
                        }
                        Verdict::Refused(refused) => pending.refused(refused),
                    }
                }
                Action::StartTls(upgrade) => {
                    let Self { stream, client, .. } = self;
                    Box::pin(start_tls(shared, stream, **client, upgrade)).await?;
                }
                Action::Close(end) => {
                    self.flush().await?;
                    Box::pin(self.hang_up(end)).await;
                    return Ok(end);
                }
            }
        }
    }

    /// Sends what there is to send and waits for more input, for the time to
    /// come, or for the order to stop.
    async fn read(&mut self, wait: Wait) -> Result<(), SessionEnd> {
        self.flush().await?;
        match wait.expected {
            Expected::Command if self.input.is_empty() => {
                // An idle session holds no buffer, and a message's memory is
                // the message's alone.
                self.input = BytesMut::new();
                if wait.held == 0 {
                    self.memory = None;
                }
            }
            Expected::Command => {}
            Expected::Content => self.make_room(wait.held),
        }
        let Self { stream, input, .. } = self;
        let reading = async {
            match wait.expected {
                Expected::Command => stream.read_some(input).await,
                Expected::Content => stream.read_bulk(input).await,
            }
        };
        tokio::select! {
            biased;
            read = tokio::time::timeout_at(wait.until.into(), reading) => match read {
                Ok(Ok(0) | Err(_)) => Err(SessionEnd::ClientClosed),
                // Out of time: the session says so itself.
                Ok(Ok(_)) | Err(_) => Ok(()),
            },
            () = self.shared.orders.stop.cancelled(), if self.stopping == Stopping::NotYet => {
                self.stopping = Stopping::Told;
                self.session.stop();
                Ok(())
            }
        }
    }

    /// Room for the next piece of content, as far as memory allows. Content
    /// that has been given up is dropped as it comes and needs no more. The
    /// session may hold octets of it, too.
    fn make_room(&mut self, held: usize) {
        let spare = self.input.capacity() - self.input.len();
        let kept = self.input.len() + held;
        let paid_for = self.memory.as_ref().is_none_or(|memory| memory.octets() >= kept);
        if spare >= LEAST_ROOM && paid_for {
            return;
        }
        if let Some(memory) = &mut self.memory {
            let most = self.shared.door.settings.limits.message.saturating_add(FIRST_ROOM);
            let wanted = (kept * 2).min(most).max(kept + FIRST_ROOM);
            if self.shared.orders.capacity.extend(memory, wanted).is_err() {
                self.memory = None;
                self.session.refuse_content(&mut self.input, out_of_memory());
            } else if held == 0 {
                self.input.reserve(wanted - kept);
            }
        }
        self.input.reserve(LEAST_ROOM);
    }

    async fn flush(&mut self) -> Result<(), SessionEnd> {
        let count = self.session.take_normalised();
        if count > 0 {
            let (listener, client) = (&self.shared.door.settings.listener, *self.client);
            self.shared.observe(Event::LineEndsNormalised { listener, client, count });
        }
        let output = self.session.take_output();
        self.send(&output).await
    }

    async fn send(&mut self, octets: &[u8]) -> Result<(), SessionEnd> {
        send(&mut self.stream, octets, self.shared).await
    }

    /// Ends the connection so that the last reply arrives: closing on a client
    /// that is still sending would reset it, and the reply with it.
    async fn hang_up(&mut self, end: SessionEnd) {
        let lingering = async {
            self.stream.shutdown().await?;
            if end != SessionEnd::Refused {
                return Ok(());
            }
            let mut left = self.shared.door.settings.limits.message;
            let mut scrap = BytesMut::new();
            loop {
                let read = self.stream.read_some(&mut scrap).await?;
                scrap.clear();
                left = left.saturating_sub(read);
                if read == 0 || left == 0 {
                    return Ok::<_, io::Error>(());
                }
            }
        };
        _ = timeout(LINGER, lingering).await;
    }
}

/// The handshake that the session has just agreed to.
async fn start_tls<R: Reception>(
    shared: &Shared<R>,
    stream: &mut Stream,
    client: IpAddr,
    mut upgrade: TlsUpgrade<'_>,
) -> Result<(), SessionEnd> {
    let ready = upgrade.take_output();
    send(stream, &ready, shared).await?;
    let tcp = stream.take_plain().ok_or(SessionEnd::Failed)?;
    let secured = arrival::secure(shared, tcp, client).await?;
    *stream = secured.stream;
    upgrade.established(secured.tls, secured.certified);
    Ok(())
}

async fn send<R>(stream: &mut Stream, octets: &[u8], shared: &Shared<R>) -> Result<(), SessionEnd> {
    if octets.is_empty() {
        return Ok(());
    }
    match timeout(shared.door.settings.timeouts.command, stream.write(octets)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(SessionEnd::ClientClosed),
        Err(_) => Err(SessionEnd::Timeout),
    }
}

/// To start with: what the client says it will need, as far as a word can be
/// believed.
fn first_room(declared_size: Option<usize>) -> usize {
    declared_size.map_or(FIRST_ROOM, |size| size.saturating_add(DOTS).clamp(FIRST_ROOM, MOST_ROOM))
}

fn out_of_memory() -> Refused {
    let text = "out of memory for messages just now; try again soon";
    Refused { reason: Refusal::Memory, reply: Reply::new(452, EnhancedStatusCode(4, 3, 1), text) }
}

const LINGER: Duration = Duration::from_secs(5);
/// One TLS record.
const FIRST_ROOM: usize = 16 << 10;
const MOST_ROOM: usize = 1 << 20;
const LEAST_ROOM: usize = 4 << 10;
/// Stuffed dots and the end, beyond a declared size.
const DOTS: usize = 4 << 10;
