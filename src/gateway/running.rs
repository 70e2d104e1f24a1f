//! Starting a gateway, keeping it current, and stopping it in order.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    dispatch::Dispatcher,
    operator::{Operator, bind},
    queue::{Queue, now},
    reception::{Desk, Processor},
    reports::Reports,
};
use crate::{
    authenticate::{self, Authenticator},
    config::{Config, Listener, SenderAuthentication, Users, read_file, read_policies},
    deliver::{self, Deliverer},
    listen::{BoundListener, Capacity, Certificate, Orders},
    mail::{Event, Observer},
    observe::{self, Observatory, Probes, QueueState},
    policy::{Context, Policy, diagnostics::Diagnostics},
    schedule::{Limits, RetrySchedule, Schedule},
    spool::{self, Spool},
    transform::{Signer, SigningKey},
};

/// A gateway that takes mail. Dropping it does not stop it: call
/// [`Gateway::stop`].
pub struct Gateway {
    config: Arc<Config>,
    policy: Arc<ArcSwap<Policy>>,
    observer: Arc<dyn Observer>,
    certificates: Vec<(String, Arc<Certificate>)>,
    addresses: Vec<(String, SocketAddr)>,
    metrics: SocketAddr,
    /// Sessions; they end first.
    listening: Tasks,
    /// Deliveries, and what serves operators and Prometheus.
    serving: Tasks,
}

struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

/// Why a gateway did not start: what a person must mend.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the policies have faults")]
    Policy(Diagnostics),
    #[error("{what}: {cause}")]
    Part { what: &'static str, cause: String },
}

/// Reads and compiles the officers' folder for today.
pub fn load_policy(config: &Config) -> Result<Policy, StartError> {
    let sources =
        read_policies(&config.node.policies).map_err(|cause| part("the policies", cause))?;
    let context = Context { today: now().date(), local_domains: &config.node.local_domains };
    let (policy, diagnostics) = Policy::compile(&sources, &context);
    policy.ok_or(StartError::Policy(diagnostics))
}

impl Gateway {
    /// Opens the spool, binds every listener, and only then takes mail: what
    /// is wrong is known before the first session.
    pub async fn start(
        config: Config,
        observatory: Arc<Observatory>,
        watchers: Vec<Arc<dyn Observer>>,
    ) -> Result<Self, StartError> {
        let config = Arc::new(config);
        let policy = Arc::new(ArcSwap::from_pointee(load_policy(&config)?));
        let observer = observers(&observatory, watchers);
        let queue = Arc::new(open_queue(&config)?);
        let reports = Reports {
            config: Arc::clone(&config),
            policy: Arc::clone(&policy),
            queue: Arc::clone(&queue),
        };
        let processor = Arc::new(Processor {
            config: Arc::clone(&config),
            policy: Arc::clone(&policy),
            signer: Arc::new(signer(&config)?),
            queue: Arc::clone(&queue),
            reports: reports.clone(),
            observer: Arc::clone(&observer),
        });
        let authenticator = Arc::new(authenticator(&config)?);
        let listening = Tasks::new();
        let mut gateway = Self {
            config: Arc::clone(&config),
            policy,
            observer: Arc::clone(&observer),
            certificates: Vec::new(),
            addresses: Vec::new(),
            metrics: config.metrics,
            listening,
            serving: Tasks::new(),
        };
        gateway.serve_doors(&observatory, &queue, &reports).await?;
        gateway.listen(&processor, &authenticator).await?;
        gateway.dispatch(&queue, reports)?;
        observer.observe(Event::PolicyLoaded { version: gateway.policy.load().version() });
        gateway.tell_certificates(&observatory);
        Ok(gateway)
    }

    /// Where each listener really listens, by name.
    pub fn addresses(&self) -> &[(String, SocketAddr)] {
        &self.addresses
    }

    /// Where Prometheus really finds it, also when port 0 was asked for.
    pub fn metrics(&self) -> SocketAddr {
        self.metrics
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Reads policies and certificates anew. What has faults stays as it was.
    pub fn reload(&self) {
        match load_policy(&self.config) {
            Ok(policy) => {
                let version = policy.version().to_owned();
                self.policy.store(Arc::new(policy));
                self.observer.observe(Event::PolicyLoaded { version: &version });
            }
            Err(error) => {
                let text = match &error {
                    StartError::Policy(faults) => {
                        faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
                    }
                    other => other.to_string(),
                };
                self.observer.observe(Event::PolicyRefused { error: &text });
            }
        }
        for (listener, certificate) in &self.certificates {
            if let Err(error) = certificate.reload() {
                tracing::error!(listener, %error, "certificate not reloaded; the one before stays");
            }
        }
    }

    /// Stops accepting, lets transactions end, then deliveries; what is not
    /// delivered by then stays in the spool.
    pub async fn stop(self) {
        let grace = self.config.limits.stop_grace;
        self.listening.end(grace + ENDING).await;
        self.serving.end(grace).await;
    }

    /// The control socket and the page for Prometheus.
    async fn serve_doors(
        &mut self,
        observatory: &Arc<Observatory>,
        queue: &Arc<Queue>,
        reports: &Reports,
    ) -> Result<(), StartError> {
        let Config { node, metrics, .. } = &*self.config;
        let control = bind(&node.control_socket)
            .map_err(|cause| part("the control socket", at(&node.control_socket, cause)))?;
        let operator = Arc::new(Operator {
            queue: Arc::clone(queue),
            reports: reports.clone(),
            observer: Arc::clone(&self.observer),
        });
        self.serving.spawn(operator.serve(control, self.serving.stop.clone()));
        let unbound = |cause| part("the metrics address", format!("{metrics}: {cause}"));
        let page = TcpListener::bind(metrics).await.map_err(unbound)?;
        self.metrics = page.local_addr().map_err(unbound)?;
        let probes =
            Arc::new(Readiness { queue: Arc::clone(queue), stopping: self.listening.stop.clone() });
        let page = observe::serve(page, Arc::clone(observatory), probes, self.serving.stop.clone());
        self.serving.spawn(async move {
            if let Err(error) = page.await {
                tracing::error!(%error, "the metrics page has ended");
            }
        });
        Ok(())
    }

    async fn listen(
        &mut self,
        processor: &Arc<Processor>,
        authenticator: &Arc<Authenticator>,
    ) -> Result<(), StartError> {
        let Config { node, limits, listeners, .. } = &*self.config;
        let capacity = Capacity::new(limits);
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let pool = Arc::new(Semaphore::new(processors));
        for listener in listeners {
            let bound = BoundListener::bind(listener, &node.name, limits)
                .await
                .map_err(|cause| part("a listener", cause))?;
            self.addresses.push((listener.name.clone(), bound.address()));
            if let Some(certificate) = bound.certificate() {
                self.certificates.push((listener.name.clone(), certificate));
            }
            let authenticates = listener.authenticate == SenderAuthentication::On;
            let desk = Desk {
                users: Arc::new(users(listener)?),
                authenticator: authenticates.then(|| Arc::clone(authenticator)),
                processor: Arc::clone(processor),
                pool: Arc::clone(&pool),
            };
            let orders = Orders {
                capacity: Arc::clone(&capacity),
                reception: Arc::new(desk),
                observer: Arc::clone(&self.observer),
                stop: self.listening.stop.clone(),
                grace: limits.stop_grace,
            };
            self.listening.spawn(bound.serve(orders));
        }
        Ok(())
    }

    fn dispatch(&self, queue: &Arc<Queue>, reports: Reports) -> Result<(), StartError> {
        let settings = deliver::Settings {
            dns_servers: self.config.dns.servers.clone(),
            ..deliver::Settings::new(self.config.node.name.clone())
        };
        let dispatcher = Arc::new(Dispatcher {
            config: Arc::clone(&self.config),
            queue: Arc::clone(queue),
            deliverer: Deliverer::new(settings).map_err(|cause| part("delivery", cause))?,
            retry: retry_schedule(&self.config)?,
            reports,
            observer: Arc::clone(&self.observer),
        });
        let Tasks { tracker, stop } = &self.serving;
        self.serving.spawn(dispatcher.run(tracker.clone(), stop.clone()));
        Ok(())
    }

    fn tell_certificates(&self, observatory: &Observatory) {
        for (listener, certificate) in &self.certificates {
            let Some(expiry) = certificate.expires_at() else { continue };
            let seconds = i64::try_from(expiry.unix_milliseconds() / 1000).unwrap_or(i64::MAX);
            observatory.metrics().set_certificate_expiry(listener, seconds);
            if expiry < now() + CERTIFICATE_WARNING {
                tracing::warn!(listener, %expiry, "the certificate expires soon");
            }
        }
    }
}

impl Tasks {
    fn new() -> Self {
        Self { tracker: TaskTracker::new(), stop: CancellationToken::new() }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(task);
    }

    /// Tells all to end and waits for them, for so long.
    async fn end(self, patience: Duration) {
        self.stop.cancel();
        self.tracker.close();
        if tokio::time::timeout(patience, self.tracker.wait()).await.is_err() {
            tracing::warn!(left = self.tracker.len(), "tasks did not end in time and are left");
        }
    }
}

/// What `/readyz` asks.
struct Readiness {
    queue: Arc<Queue>,
    stopping: CancellationToken,
}

impl Probes for Readiness {
    fn queue(&self) -> QueueState {
        self.queue.state()
    }

    fn unready(&self) -> Option<String> {
        if self.stopping.is_cancelled() {
            return Some("stopping".to_owned());
        }
        let full = self.queue.spool().stats().full;
        full.then(|| "the spool is full: new mail is refused".to_owned())
    }
}

/// Several observers as one: the observatory, and whoever watches beside it.
struct Chorus(Vec<Arc<dyn Observer>>);

impl Observer for Chorus {
    fn observe(&self, event: Event<'_>) {
        self.0.iter().for_each(|observer| observer.observe(event));
    }
}

fn observers(
    observatory: &Arc<Observatory>,
    watchers: Vec<Arc<dyn Observer>>,
) -> Arc<dyn Observer> {
    let first: Arc<dyn Observer> = Arc::clone(observatory) as _;
    if watchers.is_empty() {
        return first;
    }
    Arc::new(Chorus(std::iter::once(first).chain(watchers).collect()))
}

/// Opens the spool and schedules what waits in it.
fn open_queue(config: &Config) -> Result<Queue, StartError> {
    let limits = Limits {
        total: config.limits.deliveries,
        per_destination: config.limits.deliveries_per_destination,
    };
    let mut recovered = Vec::new();
    let spool =
        Spool::open(&config.node.data_dir.join("spool"), spool::Settings::default(), |message| {
            recovered.push(message)
        })
        .map_err(|cause| part("the spool", cause))?;
    for damage in spool.damage() {
        tracing::error!(?damage, "a part of the spool is damaged and was passed over");
    }
    let queue = Queue::new(spool, Schedule::new(limits));
    tracing::info!(messages = recovered.len(), "spool opened");
    recovered.iter().for_each(|message| queue.enrol(message));
    Ok(queue)
}

fn retry_schedule(config: &Config) -> Result<RetrySchedule, StartError> {
    let retry = &config.retry;
    RetrySchedule::new(retry.delays.clone(), retry.expiry, retry.delay_notice)
        .map_err(|cause| part("[retry]", cause))
}

fn authenticator(config: &Config) -> Result<Authenticator, StartError> {
    let settings = authenticate::Settings {
        servers: config.dns.servers.clone(),
        authserv_id: config.node.name.clone(),
        time_limit: authenticate::Settings::TIME_LIMIT,
    };
    Authenticator::new(settings).map_err(|cause| part("sender authentication", cause))
}

/// Signs with the keys that postern.toml names.
pub fn signer(config: &Config) -> Result<Signer, StartError> {
    let keys = config.signing.iter().map(|key| {
        let pem = read_file(&key.key).map_err(|cause| part("a signing key", cause))?;
        SigningKey::from_pem(key.domain.clone(), key.selector.as_str(), pem.text.as_bytes())
            .map_err(|cause| part("a signing key", at(&key.key, cause)))
    });
    Ok(Signer::new(keys.collect::<Result<Vec<_>, _>>()?))
}

fn users(listener: &Listener) -> Result<Users, StartError> {
    let Some(path) = &listener.users else { return Ok(Users::default()) };
    let file = read_file(path).map_err(|cause| part("the users of a listener", cause))?;
    file.text.parse().map_err(|cause| part("the users of a listener", at(path, cause)))
}

fn part(what: &'static str, cause: impl std::fmt::Display) -> StartError {
    StartError::Part { what, cause: cause.to_string() }
}

fn at(path: &Path, cause: impl std::fmt::Display) -> String {
    format!("{}: {cause}", path.display())
}

/// What listeners need beyond the grace they give their sessions.
const ENDING: Duration = Duration::from_secs(2);
const CERTIFICATE_WARNING: Duration = Duration::from_secs(21 * 86_400);
