//! Stand-ins for the world: next hops that speak SMTP by our own `listen`
//! room, keep what they take in a spool of their own before they say 250, and
//! tell the watch.

use std::{
    net::SocketAddr,
    num::NonZeroU32,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::watch::{Arrived, Watch};
use crate::{
    cli::exit::Failure,
    config::{CertificateFiles, Limits, Listener, ListenerTls, SenderAuthentication},
    listen::{BoundListener, Capacity, Orders, Reception, ShutOut, Verdict},
    mail::{
        DelayNotice, Direction, Domain, EnhancedStatusCode, Envelope, Event, Observer, Origin,
        QueuedMessage, Recipient, Refusal, Reply, Submission, Timestamp,
    },
    smtp::server::{Credentials, Refused, ScramVerifier},
    spool::{Batch, Ephemeral, Settings, Spool, SpoolError},
};

/// A destination that is about to be one.
pub(super) struct StandIn<'a> {
    pub(super) host: Domain,
    pub(super) certificate: CertificateFiles,
    pub(super) spool: &'a Path,
}

impl StandIn<'_> {
    /// Listens until `stop`; says where.
    pub(super) async fn start(
        self,
        watch: &Arc<Watch>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<SocketAddr, Failure> {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = Listener {
            tls: ListenerTls::StartTls,
            certificate: Some(self.certificate),
            authenticate: SenderAuthentication::Off,
            ..Listener::new(self.host.to_string(), address, Direction::Inbound)
        };
        let limits = Limits::default();
        let bound = BoundListener::bind(&listener, &self.host, &limits)
            .await
            .map_err(Failure::unavailable)?;
        let settings =
            Settings { segment_size: SEGMENT, ephemeral: Ephemeral::Allow, ..Settings::default() };
        let spool = Spool::open(self.spool, settings, |_, _| {}).map_err(Failure::unavailable)?;
        let address = bound.address();
        let desk = Desk { host: self.host, spool: Arc::new(spool), watch: Arc::clone(watch) };
        tasks.spawn(bound.serve(Orders {
            capacity: Capacity::new(&limits),
            shut_out: ShutOut::new(&limits),
            reception: Arc::new(desk),
            observer: Arc::new(Silent),
            stop: stop.clone(),
            grace: GRACE,
        }));
        Ok(address)
    }
}

/// What a stand-in does with what is brought.
struct Desk {
    host: Domain,
    spool: Arc<Spool>,
    watch: Arc<Watch>,
}

impl Reception for Desk {
    /// Whatever is routed here is for somebody here.
    async fn sender(&self, _: &Origin, _: &Envelope) -> Result<(), Refused> {
        Ok(())
    }

    async fn recipient(&self, _: &Origin, _: &Envelope, _: &Recipient) -> Result<(), Refused> {
        Ok(())
    }

    fn verifier(&self, _: &Origin, _: &str) -> ScramVerifier {
        let iterations = NonZeroU32::MIN;
        ScramVerifier { iterations, salt: vec![], stored_key: vec![], server_key: vec![] }
    }

    async fn authenticate(&self, _: &Origin, _: &Credentials) -> Result<String, Refused> {
        Err(refused(Refusal::Authentication, 535, EnhancedStatusCode(5, 7, 8)))
    }

    async fn message(&self, submission: Submission) -> Verdict {
        let Submission { envelope, content, origin } = submission;
        let now = Timestamp::from(SystemTime::now());
        let message = QueuedMessage {
            id: self.spool.next_id(now),
            received_at: now,
            direction: Direction::Inbound,
            reverse_path: envelope.reverse_path.clone(),
            body: envelope.body,
            encoding: envelope.encoding,
            requests: envelope.requests.clone(),
            level: Default::default(),
            policy: String::new(),
            size: content.len() as u64,
            redirect: None,
            hold: None,
            custody: Default::default(),
            recourse: Default::default(),
            delay_notice: DelayNotice::Due,
            recipients: Vec::new(),
        };
        let acceptance = Batch::new().accept(&message, content.clone());
        match self.spool.commit(acceptance).await {
            Ok(receipt) => {
                let host = self.host.to_string();
                self.watch.arrived(Arrived { host, envelope, content, tls: origin.tls });
                self.let_go(&message).await;
                Verdict::Accepted(receipt)
            }
            Err(_) => Verdict::Refused(refused(Refusal::Spool, 451, EnhancedStatusCode(4, 3, 0))),
        }
    }
}

impl Desk {
    /// Read is read: the watch has it, and the spool must not grow.
    async fn let_go(&self, message: &QueuedMessage) {
        let removed: Result<(), SpoolError> =
            self.spool.record(Batch::new().remove(message.id)).await;
        // Nothing depends on it: the folder goes with the demo.
        _ = removed;
    }
}

fn refused(reason: Refusal, code: u16, status: EnhancedStatusCode) -> Refused {
    Refused { reason, reply: Reply::new(code, status, "not here") }
}

/// The world's own metrics are not ours.
struct Silent;

impl Observer for Silent {
    fn observe(&self, _: Event<'_>) {}
}

/// Whoever is still connected at the end has nothing more to say.
const GRACE: Duration = Duration::from_secs(1);
/// Octets: small, since the example messages are.
const SEGMENT: u64 = 1 << 20;
