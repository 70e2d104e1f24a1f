//! Starting a gateway and stopping it in order.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{net::TcpListener, runtime::Handle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    chorus::chorus,
    console::ports,
    dispatch::Dispatcher,
    doors::Doors,
    history::History,
    keeper::Keeper,
    names::Names,
    operator::Operator,
    partners::Partners,
    parts::{
        StartError, deliverer, open_queue, part, passage_key, readers, request_key, retry_schedule,
        signer, strangers, subject_key, tls_tally,
    },
    people::People,
    policies::{GoingLive, Officers, Policies, PolicyClock},
    prober::NextHops,
    quarantine::Quarantine,
    queue::{Queue, now},
    reception::Processor,
    reports::Reports,
    signing_keys,
    state::State,
    tls_reports::TlsReports,
    trail::{Trail, verify_daily},
};
use crate::{
    config::{Config, ConsoleTls},
    console::{Console, Ports},
    listen::{Capacity, Orders, ShutOut},
    mail::Observer,
    observe::{self, Observatory, QueueState},
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
    console: Option<SocketAddr>,
    history: Arc<History>,
    readers: Pool,
    /// Sessions; they end first.
    listening: Tasks,
    /// Deliveries, and what serves operators and Prometheus.
    serving: Tasks,
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
        let history = Arc::new(History::default());
        let own = [Arc::clone(&observatory) as _, Arc::clone(&history) as _];
        let observer =
            chorus(own.into_iter().chain(tally.clone().map(|tally| tally as _)).chain(watchers));
        let queue = Arc::new(open_queue(&config)?);
        let going_live = Arc::new(GoingLive::begin(&config, Arc::clone(&observer), now())?);
        let policies = going_live.policies();
        let reports = reports(&config, &policies, &queue, &observer)?;
        let processor = Arc::new(Processor {
            config: Arc::clone(&config),
            policies: Arc::clone(&policies),
            signer: Arc::clone(&reports.signer),
            passage_key: Arc::clone(&reports.passage_key),
            subject_key: Arc::new(subject_key(&config)?),
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
        going_live.has_begun(Officers { reports: reports.clone(), runtime: Handle::current() });
        let readers = readers(&config, &observer)?;
        let trail = Trail::of(&observatory);
        let quarantine = Quarantine::new(&reports, readers.clone(), trail.clone());
        let operator = Operator {
            queue,
            reports,
            quarantine,
            people: Arc::new(People::of(&config)),
            going_live: Arc::clone(&going_live),
            observer: Arc::clone(&observer),
            trail,
            tls_reports: tally.zip(config.tls_reports.clone()).map(|(tally, settings)| {
                Arc::new(TlsReports::new(settings, tally, &processor, &next_hops.deliverer))
            }),
        };
        let strangers = Arc::new(strangers(&next_hops, &observer)?);
        let doors = Doors::take(sockets, &config, &processor, &strangers, &next_hops, &readers)?;
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
            queue: Arc::clone(&operator.queue),
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

    /// What serves officers, where postern.toml has a console.
    fn officers(&self, ports: Ports) -> Result<Option<Arc<Console>>, StartError> {
        let Some((settings, listening)) = self.config.console.as_ref().zip(self.console) else {
            return Ok(None);
        };
        let node = self.config.node.name.to_string();
        let console = Console::new(settings, listening, node, &self.config.node.data_dir, ports);
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
        // Before the first scrape.
        keeper.tell_certificates();
        let queue = Arc::clone(&operator.queue);
        let shut_out = ShutOut::new(&self.config.limits);
        let capacity = Capacity::new(&self.config.limits);
        let partners = Arc::new(Partners {
            config: Arc::clone(&self.config),
            policies: Arc::clone(&operator.reports.policies),
            deliverer: dispatcher.deliverer.clone(),
            looks: Mutex::default(),
        });
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
            partners: Arc::clone(&partners),
            stopping: listening.stop.clone(),
        });
        let ports = ports(&operator, Arc::clone(&state) as _, &partners, &self.readers);
        let officers = self.officers(ports)?;
        let observatory = Arc::clone(&keeper.observatory);
        let page =
            observe::serve(metrics, observatory, Arc::clone(&state) as _, serving.stop.clone());
        serving.spawn(page_served("metrics", page));
        if let Some((socket, console)) = console.zip(officers) {
            let tls = self.config.console.as_ref().map(|console| console.tls.clone());
            let tls = tls.unwrap_or(ConsoleTls::Loopback);
            serving.spawn(console.serve(socket, tls, serving.stop.clone()));
            serving.spawn(partners.follow(serving.stop.clone()));
        }
        if let Some(reports) = &operator.tls_reports {
            serving.spawn(Arc::clone(reports).run(serving.stop.clone()));
        }
        serving.spawn(operator.quarantine.clone().keep_terms(serving.stop.clone()));
        serving.spawn(Arc::new(operator).serve(control, serving.stop.clone()));
        serving.spawn(Arc::clone(&self.policy).follow(serving.stop.clone()));
        serving.spawn(Arc::clone(keeper).follow_calendar(serving.stop.clone()));
        let names =
            Names { config: Arc::clone(&self.config), deliverer: dispatcher.deliverer.clone() };
        serving.spawn(names.follow(serving.stop.clone()));
        let (config, observatory) = (Arc::clone(&self.config), Arc::clone(&keeper.observatory));
        serving.spawn(signing_keys::follow(config, observatory, serving.stop.clone()));
        let observatory = Arc::clone(&keeper.observatory);
        serving.spawn(verify_daily(observatory, serving.stop.clone()));
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
        Ok(())
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

/// Who writes to people, with the keys that it takes.
fn reports(
    config: &Arc<Config>,
    policies: &Arc<Policies>,
    queue: &Arc<Queue>,
    observer: &Arc<dyn Observer>,
) -> Result<Reports, StartError> {
    Ok(Reports {
        config: Arc::clone(config),
        policies: Arc::clone(policies),
        queue: Arc::clone(queue),
        passage_key: Arc::new(passage_key(&config.node.passage_key)?),
        signer: Arc::new(signer(config)?),
        observer: Arc::clone(observer),
        alarms: Arc::default(),
        requests: Arc::new(request_key(&config.node.data_dir)?),
    })
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

/// What listeners need beyond the grace they give their sessions.
const ENDING: Duration = Duration::from_secs(2);
