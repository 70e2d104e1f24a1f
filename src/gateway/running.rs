//! Starting a gateway and stopping it in order.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    net::{TcpListener, UnixListener},
    runtime::Handle,
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    accounts::Accounts,
    admission::Desk,
    chorus::chorus,
    dispatch::Dispatcher,
    history::History,
    keeper::Keeper,
    names::Names,
    operator::{self, Operator},
    parts::{
        StartError, at, authenticator, deliverer, open_queue, part, passage_key, readers,
        retry_schedule, signer, strangers, tls_tally,
    },
    policies::{GoingLive, Officers, PolicyClock},
    prober::NextHops,
    queue::{Queue, now},
    reception::{Intake, Processor},
    reports::Reports,
    signing_keys,
    strangers::Strangers,
    tls_reports::TlsReports,
    trail::Trail,
};
use crate::{
    config::{self, Config, ConsoleTls, Impostors, SenderAuthentication},
    console::{Console, Ports},
    listen::{BoundListener, Capacity, Certificates, Orders, ShutOut},
    mail::Observer,
    observe::{
        self, ContentMemory, Door, Observatory, PolicyState, Probes, QueueState, SpoolState,
        TlsWaits,
    },
    reader::Pool,
};

/// A gateway that takes mail. Dropping it does not stop it: call
/// [`Gateway::stop`].
pub struct Gateway {
    config: Arc<Config>,
    keeper: Arc<Keeper>,
    policy: Arc<PolicyClock>,
    addresses: Vec<(String, SocketAddr)>,
    metrics: SocketAddr,
    console: Option<SocketAddr>,
    history: Arc<History>,
    readers: Pool,
    /// Sessions; they end first.
    listening: Tasks,
    /// Deliveries, and what serves operators and Prometheus.
    serving: Tasks,
}

/// Every door of the gateway, taken before any is opened.
struct Doors {
    listeners: Vec<(Desk, BoundListener)>,
    control: UnixListener,
    metrics: TcpListener,
    console: Option<TcpListener>,
}

struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Gateway {
    /// Opens the spool, takes every door, and only then opens them: what is
    /// wrong is known before the first session. `watchers` see every event
    /// that the observatory sees.
    pub async fn start(
        config: Config,
        observatory: Arc<Observatory>,
        watchers: Vec<Arc<dyn Observer>>,
    ) -> Result<Self, StartError> {
        let config = Arc::new(config);
        let tally = tls_tally(&config)?;
        let history = Arc::new(History::default());
        let own = [Arc::clone(&observatory) as _, Arc::clone(&history) as _];
        let observer =
            chorus(own.into_iter().chain(tally.clone().map(|tally| tally as _)).chain(watchers));
        let queue = Arc::new(open_queue(&config)?);
        let going_live = Arc::new(GoingLive::begin(&config, Arc::clone(&observer), now())?);
        let policies = going_live.policies();
        let passage_key = Arc::new(passage_key(&config.node.passage_key)?);
        let signer = Arc::new(signer(&config)?);
        let reports = Reports {
            alarms: Arc::default(),
            config: Arc::clone(&config),
            policies: Arc::clone(&policies),
            queue: Arc::clone(&queue),
            passage_key: Arc::clone(&passage_key),
            signer: Arc::clone(&signer),
            observer: Arc::clone(&observer),
        };
        let processor = Arc::new(Processor {
            config: Arc::clone(&config),
            policies: Arc::clone(&policies),
            signer,
            passage_key,
            queue: Arc::clone(&queue),
            reports: reports.clone(),
            observer: Arc::clone(&observer),
        });
        let deliverer = deliverer(&config)?;
        let next_hops = Arc::new(NextHops {
            config: Arc::clone(&config),
            policies: Arc::clone(&policies),
            deliverer: deliverer.clone(),
        });
        let dispatcher = Dispatcher {
            config: Arc::clone(&config),
            queue: Arc::clone(&queue),
            deliverer,
            retry: retry_schedule(&config)?,
            reports: reports.clone(),
            observer: Arc::clone(&observer),
        };
        let officers = Officers { reports: reports.clone(), runtime: Handle::current() };
        going_live.has_begun(officers);
        let operator = Operator {
            queue,
            reports,
            going_live: Arc::clone(&going_live),
            observer: Arc::clone(&observer),
            trail: Trail::of(&observatory, &config.node.data_dir),
            tls_reports: tally.zip(config.tls_reports.clone()).map(|(tally, settings)| {
                Arc::new(TlsReports::new(settings, tally, &processor, &next_hops.deliverer))
            }),
        };
        let strangers = Arc::new(strangers(&next_hops, &observer)?);
        let readers = readers(&config, &observer)?;
        let doors = Doors::take(&config, &processor, strangers, next_hops, &readers).await?;
        let keeper = Keeper {
            observer,
            observatory,
            accounts: doors.accounts(),
            certificates: doors.certificates(),
        };
        let gateway = Self {
            config,
            keeper: Arc::new(keeper),
            policy: Arc::new(PolicyClock::new(going_live)),
            addresses: doors.addresses(),
            metrics: address(&doors.metrics)?,
            console: doors.console.as_ref().map(address).transpose()?,
            history,
            readers,
            listening: Tasks::new(),
            serving: Tasks::new(),
        };
        gateway.open(doors, dispatcher, operator)?;
        Ok(gateway)
    }

    /// Where each listener really listens, by name.
    pub fn addresses(&self) -> &[(String, SocketAddr)] {
        &self.addresses
    }

    /// Where Prometheus finds it.
    pub fn metrics(&self) -> SocketAddr {
        self.metrics
    }

    /// Where browsers find the console, if there is one.
    pub fn console(&self) -> Option<SocketAddr> {
        self.console
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Reads policies and certificates anew. What has faults stays as it was;
    /// a policy is built beside the mail, and may come later.
    pub fn reload(&self) {
        self.policy.reload();
        self.keeper.reload();
    }

    /// Stops accepting, lets transactions end, then deliveries; what is not
    /// delivered by then stays in the spool.
    pub async fn stop(self) {
        let grace = self.config.limits.stop_grace;
        self.listening.end(grace + ENDING).await;
        self.serving.end(grace).await;
    }

    /// What serves officers, where postern.toml has a console.
    fn officers(&self, ports: Ports) -> Result<Option<Arc<Console>>, StartError> {
        let Some((settings, listening)) = self.config.console.as_ref().zip(self.console) else {
            return Ok(None);
        };
        let node = self.config.node.name.to_string();
        let console = Console::new(settings, listening, node, ports);
        Ok(Some(Arc::new(console.map_err(|cause| part("[console]", cause))?)))
    }

    fn open(
        &self,
        doors: Doors,
        dispatcher: Dispatcher,
        operator: Operator,
    ) -> Result<(), StartError> {
        let Doors { listeners, control, metrics, console } = doors;
        let Self { keeper, listening, serving, .. } = self;
        let queue = Arc::clone(&operator.queue);
        let shut_out = ShutOut::new(&self.config.limits);
        let capacity = Capacity::new(&self.config.limits);
        let state = Arc::new(State {
            node: self.config.node.name.to_string(),
            policy: Arc::clone(&self.policy.going_live),
            queue,
            keeper: Arc::clone(keeper),
            history: Arc::clone(&self.history),
            shut_out: Arc::clone(&shut_out),
            capacity: Arc::clone(&capacity),
            memory_limit: self.config.limits.memory,
            readers: self.readers.clone(),
            stopping: listening.stop.clone(),
        });
        let ports =
            Ports { observer: Arc::clone(&keeper.observer), overview: Arc::clone(&state) as _ };
        let officers = self.officers(ports)?;
        let observatory = Arc::clone(&keeper.observatory);
        let page =
            observe::serve(metrics, observatory, Arc::clone(&state) as _, serving.stop.clone());
        serving.spawn(page_served("metrics", page));
        if let Some((socket, console)) = console.zip(officers) {
            let tls = self.config.console.as_ref().map(|console| console.tls.clone());
            let tls = tls.unwrap_or(ConsoleTls::Loopback);
            serving.spawn(console.serve(socket, tls, serving.stop.clone()));
        }
        if let Some(reports) = &operator.tls_reports {
            serving.spawn(Arc::clone(reports).run(serving.stop.clone()));
        }
        serving.spawn(Arc::new(operator).serve(control, serving.stop.clone()));
        serving.spawn(Arc::clone(&self.policy).follow(serving.stop.clone()));
        serving.spawn(Arc::clone(keeper).follow_calendar(serving.stop.clone()));
        let names =
            Names { config: Arc::clone(&self.config), deliverer: dispatcher.deliverer.clone() };
        serving.spawn(names.follow(serving.stop.clone()));
        let (config, observatory) = (Arc::clone(&self.config), Arc::clone(&keeper.observatory));
        serving.spawn(signing_keys::follow(config, observatory, serving.stop.clone()));
        let dispatcher = Arc::new(dispatcher);
        let keeping =
            Arc::clone(&dispatcher).keep_deadlines(serving.tracker.clone(), serving.stop.clone());
        serving.spawn(keeping);
        serving.spawn(dispatcher.run(serving.tracker.clone(), serving.stop.clone()));
        for (desk, listener) in listeners {
            let orders = Orders {
                capacity: Arc::clone(&capacity),
                shut_out: Arc::clone(&shut_out),
                reception: Arc::new(desk),
                observer: Arc::clone(&keeper.observer),
                stop: listening.stop.clone(),
                grace: self.config.limits.stop_grace,
            };
            listening.spawn(listener.serve(orders));
        }
        keeper.tell_certificates();
        Ok(())
    }
}

impl Doors {
    async fn take(
        config: &Config,
        processor: &Arc<Processor>,
        strangers: Arc<Strangers>,
        next_hops: Arc<NextHops>,
        readers: &Pool,
    ) -> Result<Self, StartError> {
        let Config { node, metrics, limits, .. } = config;
        let control = operator::bind(&node.control_socket, node.control_group.as_deref())
            .map_err(|cause| part("the control socket", at(&node.control_socket, cause)))?;
        let metrics = TcpListener::bind(metrics)
            .await
            .map_err(|cause| part("the metrics address", format!("{metrics}: {cause}")))?;
        let console = match &config.console {
            None => None,
            Some(config::Console { address, .. }) => {
                Some(TcpListener::bind(address).await.map_err(|cause| {
                    part("the console's address", format!("{address}: {cause}"))
                })?)
            }
        };
        let authenticator = Arc::new(authenticator(config)?);
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let pool = Arc::new(Semaphore::new(processors));
        let passwords = Arc::new(Semaphore::new(processors));
        let impostors = Impostors::new().map_err(|cause| part("authentication", cause))?;
        let impostors = Arc::new(impostors);
        let mut listeners = Vec::new();
        for listener in &config.listeners {
            let bound = BoundListener::bind(listener, &node.name, limits)
                .await
                .map_err(|cause| part("a listener", cause))?;
            let authenticates = listener.authenticate == SenderAuthentication::On;
            let desk = Desk {
                listener: listener.name.clone(),
                accounts: Arc::new(Accounts::open(listener, &impostors, &passwords)?),
                certified: listener.certified.clone(),
                strangers: Arc::clone(&strangers),
                next_hops: Arc::clone(&next_hops),
                intake: Intake {
                    authenticator: authenticates.then(|| Arc::clone(&authenticator)),
                    processor: Arc::clone(processor),
                    pool: Arc::clone(&pool),
                    readers: readers.clone(),
                },
            };
            listeners.push((desk, bound));
        }
        Ok(Self { listeners, control, metrics, console })
    }

    fn addresses(&self) -> Vec<(String, SocketAddr)> {
        self.listeners
            .iter()
            .map(|(desk, bound)| (desk.listener.clone(), bound.address()))
            .collect()
    }

    fn accounts(&self) -> Vec<Arc<Accounts>> {
        self.listeners.iter().map(|(desk, _)| Arc::clone(&desk.accounts)).collect()
    }

    fn certificates(&self) -> Vec<(String, Arc<Certificates>)> {
        let certificates = |(desk, bound): &(Desk, BoundListener)| {
            Some((desk.listener.clone(), bound.certificates()?))
        };
        self.listeners.iter().filter_map(certificates).collect()
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

/// Where it really listens.
fn address(socket: &TcpListener) -> Result<SocketAddr, StartError> {
    socket.local_addr().map_err(|cause| part("an address", cause))
}

async fn page_served(name: &str, page: impl Future<Output = std::io::Result<()>>) {
    if let Err(error) = page.await {
        tracing::error!(name, %error, "a page has ended");
    }
}

/// What `/readyz`, `/metrics` and the console ask.
pub(super) struct State {
    pub(super) node: String,
    pub(super) policy: Arc<GoingLive>,
    pub(super) queue: Arc<Queue>,
    pub(super) keeper: Arc<Keeper>,
    pub(super) history: Arc<History>,
    shut_out: Arc<ShutOut>,
    capacity: Arc<Capacity>,
    memory_limit: usize,
    readers: Pool,
    stopping: CancellationToken,
}

impl Probes for State {
    fn queue(&self) -> QueueState {
        self.queue.state()
    }

    fn spool(&self) -> SpoolState {
        self.queue.spool_state()
    }

    fn tls_waits(&self) -> TlsWaits {
        let policy = self.policy.policies().live();
        self.queue.lines().waits().state(|domain| policy.destination(domain).class, now())
    }

    fn clients_shut_out(&self) -> usize {
        self.shut_out.clients(Instant::now())
    }

    fn reader_processes(&self) -> usize {
        self.readers.processes()
    }

    fn content_memory(&self) -> ContentMemory {
        ContentMemory { used: self.capacity.memory_used(), limit: self.memory_limit }
    }

    fn policy(&self) -> PolicyState {
        self.policy.metrics()
    }

    fn unready(&self) -> Option<String> {
        if self.stopping.is_cancelled() {
            return Some("stopping".to_owned());
        }
        let why = match self.spool().door {
            Door::Full => "the spool is full: new mail is refused",
            Door::Failing => "the spool's disk fails: new mail is refused while it does",
            Door::Open => return None,
        };
        Some(why.to_owned())
    }
}

/// What listeners need beyond the grace they give their sessions.
const ENDING: Duration = Duration::from_secs(2);
