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
    confinement::{CONSOLE, METRICS, addresses},
    dispatch::Dispatcher,
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
    config::{Config, Impostors, SenderAuthentication},
    console::{self, Overview, OverviewSource},
    listen::{BoundListener, Capacity, Certificates, Orders, ShutOut},
    mail::{Event, Observer},
    observe::{
        self, ContentMemory, Door, Observatory, PolicyState, Probes, QueueState, SpoolState,
        TlsWaits,
    },
    reader::Pool,
    service::Sockets,
};

/// A gateway that takes mail. Dropping it does not stop it: call
/// [`Gateway::stop`].
pub struct Gateway {
    config: Arc<Config>,
    keeper: Arc<Keeper>,
    policy: Arc<PolicyClock>,
    queue: Arc<Queue>,
    addresses: Vec<(String, SocketAddr)>,
    metrics: SocketAddr,
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
        Self::start_on(Sockets::default(), config, observatory, watchers).await
    }

    /// The same, on sockets that are there already; it binds the others.
    pub async fn start_on(
        sockets: Sockets,
        config: Config,
        observatory: Arc<Observatory>,
        watchers: Vec<Arc<dyn Observer>>,
    ) -> Result<Self, StartError> {
        let config = Arc::new(config);
        let tally = tls_tally(&config)?;
        let watchers = watchers.into_iter().chain(tally.clone().map(|tally| tally as _)).collect();
        let observer = observers(&observatory, watchers);
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
        let doors =
            Doors::take(sockets, &config, &processor, strangers, next_hops, &readers).await?;
        let keeper = Keeper {
            observer,
            observatory,
            accounts: doors.accounts(),
            certificates: doors.certificates(),
        };
        let metrics = doors.metrics.local_addr().map_err(|cause| part("metrics", cause))?;
        let gateway = Self {
            config,
            keeper: Arc::new(keeper),
            policy: Arc::new(PolicyClock::new(going_live)),
            queue: Arc::clone(&operator.queue),
            addresses: doors.addresses(),
            metrics,
            readers,
            listening: Tasks::new(),
            serving: Tasks::new(),
        };
        gateway.open(doors, dispatcher, operator);
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

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How it does, in a line for `systemctl status`.
    pub fn standing(&self) -> String {
        let QueueState { active, held, oldest, .. } = self.queue.state();
        format!("{active} messages wait, the oldest for {} s; {held} held", oldest.as_secs())
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

    fn open(&self, doors: Doors, dispatcher: Dispatcher, operator: Operator) {
        let Doors { listeners, control, metrics, console } = doors;
        let Self { keeper, listening, serving, .. } = self;
        // Before the first scrape.
        keeper.tell_certificates();
        let queue = Arc::clone(&operator.queue);
        let shut_out = ShutOut::new(&self.config.limits);
        let capacity = Capacity::new(&self.config.limits);
        let state = Arc::new(State {
            node: self.config.node.name.to_string(),
            policy: Arc::clone(&self.policy.going_live),
            queue,
            shut_out: Arc::clone(&shut_out),
            capacity: Arc::clone(&capacity),
            memory_limit: self.config.limits.memory,
            readers: self.readers.clone(),
            stopping: listening.stop.clone(),
        });
        let observatory = Arc::clone(&keeper.observatory);
        let page =
            observe::serve(metrics, observatory, Arc::clone(&state) as _, serving.stop.clone());
        serving.spawn(page_served("metrics", page));
        if let Some(console) = console {
            let page = console::serve(console, state, serving.stop.clone());
            serving.spawn(page_served("console", page));
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
    }
}

impl Doors {
    async fn take(
        mut sockets: Sockets,
        config: &Config,
        processor: &Arc<Processor>,
        strangers: Arc<Strangers>,
        next_hops: Arc<NextHops>,
        readers: &Pool,
    ) -> Result<Self, StartError> {
        let Config { node, limits, .. } = config;
        let control = operator::bind(&node.control_socket, node.control_group.as_deref())
            .map_err(|cause| part("the control socket", at(&node.control_socket, cause)))?;
        for (name, address) in addresses(config) {
            sockets.bind(name, address).map_err(|cause| part("an address", cause))?;
        }
        let mut socket = |name: &str| -> Result<Option<TcpListener>, StartError> {
            let taken = sockets.take(name).map(TcpListener::from_std).transpose();
            taken.map_err(|cause| part("a socket", format!("{name}: {cause}")))
        };
        let console = socket(CONSOLE)?;
        let metrics = socket(METRICS)?.ok_or_else(|| part("a socket", "metrics: there is none"))?;
        let authenticator = Arc::new(authenticator(config)?);
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let pool = Arc::new(Semaphore::new(processors));
        let passwords = Arc::new(Semaphore::new(processors));
        let impostors = Impostors::new().map_err(|cause| part("authentication", cause))?;
        let impostors = Arc::new(impostors);
        let mut listeners = Vec::new();
        for listener in &config.listeners {
            let bound = match socket(&listener.name)? {
                Some(socket) => BoundListener::on(socket, listener, &node.name, limits),
                None => BoundListener::bind(listener, &node.name, limits).await,
            };
            let bound = bound.map_err(|cause| part("a listener", cause))?;
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
        for name in sockets.names() {
            tracing::warn!(name, "a socket is handed down that no listener has the name of");
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

async fn page_served(name: &str, page: impl Future<Output = std::io::Result<()>>) {
    if let Err(error) = page.await {
        tracing::error!(name, %error, "a page has ended");
    }
}

/// What `/readyz`, `/metrics` and the console ask.
struct State {
    node: String,
    policy: Arc<GoingLive>,
    queue: Arc<Queue>,
    shut_out: Arc<ShutOut>,
    capacity: Arc<Capacity>,
    memory_limit: usize,
    readers: Pool,
    stopping: CancellationToken,
}

impl OverviewSource for State {
    fn overview(&self) -> Overview {
        let queue = self.queue.state();
        Overview {
            node: self.node.clone(),
            policy: self.policy.overview(),
            waiting: queue.active,
            held: queue.held,
            oldest: queue.oldest,
            unready: self.unready(),
        }
    }
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

/// What listeners need beyond the grace they give their sessions.
const ENDING: Duration = Duration::from_secs(2);
