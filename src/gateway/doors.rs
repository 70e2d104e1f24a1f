//! Every door of the gateway, taken before any is opened: what is wrong with
//! an address, a certificate or a file of users is known before the first
//! session.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    net::{TcpListener, UnixListener},
    sync::Semaphore,
};

use super::{
    accounts::Accounts,
    admission::Desk,
    confinement::addresses,
    control_socket,
    parts::{StartError, at, authenticator, part},
    prober::NextHops,
    reception::{Intake, Processor},
    strangers::Strangers,
};
use crate::{
    config::{Config, Impostors, SOCKET_OF_CONSOLE, SOCKET_OF_METRICS, SenderAuthentication},
    listen::{BoundListener, Certificates},
    reader::Pool,
    service::Sockets,
};

pub(super) struct Doors {
    pub(super) listeners: Vec<(Desk, BoundListener)>,
    pub(super) control: UnixListener,
    pub(super) metrics: TcpListener,
    pub(super) console: Option<TcpListener>,
}

impl Doors {
    pub(super) fn take(
        mut sockets: Sockets,
        config: &Config,
        processor: &Arc<Processor>,
        strangers: &Arc<Strangers>,
        next_hops: &Arc<NextHops>,
        readers: &Pool,
    ) -> Result<Self, StartError> {
        let Config { node, limits, .. } = config;
        let control = control_socket::bind(&node.control_socket, node.control_group.as_deref())
            .map_err(|cause| part("the control socket", at(&node.control_socket, cause)))?;
        for (name, address) in addresses(config) {
            sockets.bind(name, address).map_err(|cause| part("an address", cause))?;
        }
        let mut socket = |name: &str| -> Result<Option<TcpListener>, StartError> {
            let taken = sockets.take(name).map(TcpListener::from_std).transpose();
            taken.map_err(|cause| part("a socket", format!("{name}: {cause}")))
        };
        let missing = |name: &str| part("a socket", format!("{name}: there is none"));
        let console = socket(SOCKET_OF_CONSOLE)?;
        let metrics = socket(SOCKET_OF_METRICS)?.ok_or_else(|| missing(SOCKET_OF_METRICS))?;
        let authenticator = Arc::new(authenticator(config)?);
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let pool = Arc::new(Semaphore::new(processors));
        let passwords = Arc::new(Semaphore::new(processors));
        let impostors = Impostors::new().map_err(|cause| part("authentication", cause))?;
        let impostors = Arc::new(impostors);
        let mut listeners = Vec::new();
        for listener in &config.listeners {
            let socket = socket(&listener.name)?.ok_or_else(|| missing(&listener.name))?;
            let bound = BoundListener::on(socket, listener, &node.name, limits)
                .map_err(|cause| part("a listener", cause))?;
            let authenticates = listener.authenticate == SenderAuthentication::On;
            let desk = Desk {
                listener: listener.name.clone(),
                accounts: Arc::new(Accounts::open(listener, &impostors, &passwords)?),
                certified: listener.certified.clone(),
                strangers: Arc::clone(strangers),
                next_hops: Arc::clone(next_hops),
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

    pub(super) fn addresses(&self) -> Vec<(String, SocketAddr)> {
        self.listeners
            .iter()
            .map(|(desk, bound)| (desk.listener.clone(), bound.address()))
            .collect()
    }

    pub(super) fn accounts(&self) -> Vec<Arc<Accounts>> {
        self.listeners.iter().map(|(desk, _)| Arc::clone(&desk.accounts)).collect()
    }

    pub(super) fn certificates(&self) -> Vec<(String, Arc<Certificates>)> {
        let certificates = |(desk, bound): &(Desk, BoundListener)| {
            Some((desk.listener.clone(), bound.certificates()?))
        };
        self.listeners.iter().filter_map(certificates).collect()
    }
}
