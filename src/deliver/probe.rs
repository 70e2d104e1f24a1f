//! What a next hop would say of a recipient, without a message: for a listener
//! that must know before it takes mail.
//!
//! A probe connects under the very demand a delivery would make, and its
//! connection is kept for one. Only next hops that a route names are asked:
//! an `mx` is somebody else's, and is not ours to question.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::time::{Instant, timeout_at};

use super::{
    connection::{Connection, Purpose, Why},
    deliverer::{Deliverer, RouteTls},
    offers::Smtputf8,
    requirement::Asked,
    resolve,
};
use crate::{
    mail::{Address, NextHop, Protection, Reply, ReversePath},
    smtp::client::{Answer, Dialect, Extensions, Question},
};

/// A question to a next hop.
#[derive(Clone, Debug)]
pub struct Probe {
    pub next_hop: NextHop,
    /// What a delivery there would ask for.
    pub protection: Protection,
    pub route: RouteTls,
    pub reverse_path: ReversePath,
    /// Nobody: only what the next hop offers is asked.
    pub recipient: Option<Address>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Probed {
    Answered {
        extensions: Extensions,
        /// The reply to RCPT, where a recipient was asked about: 2xx, 4xx or
        /// 5xx.
        verdict: Option<Reply>,
    },
    /// No answer, or none on the recipient; why, for the log.
    Unreachable(String),
}

impl Deliverer {
    /// Whether the next hop carries addresses beyond ASCII, as far as it is
    /// known without asking.
    pub fn smtputf8(&self, next_hop: &NextHop) -> Smtputf8 {
        self.offers.smtputf8(next_hop)
    }

    /// Asks a next hop. Takes no longer than ten seconds; cancelling closes
    /// the connection.
    pub async fn probe(&self, probe: &Probe) -> Probed {
        let deadline = Instant::now() + PATIENCE;
        let asked = timeout_at(deadline, self.ask(probe, deadline)).await;
        asked.unwrap_or_else(|_| Err("no answer in time".to_owned())).unwrap_or_else(|why| {
            self.offers.note_silence(&probe.next_hop);
            Probed::Unreachable(why)
        })
    }

    async fn ask(&self, probe: &Probe, deadline: Instant) -> Result<Probed, String> {
        let (host, port, dialect) = match &probe.next_hop {
            NextHop::Smtp { host, port } => (host, *port, Dialect::Smtp),
            NextHop::Lmtp { host, port } => (host, *port, Dialect::Lmtp),
            other => return Err(format!("{other} names no host to ask")),
        };
        let asked = Asked { protection: &probe.protection, route: &probe.route };
        let demand = self.demand(asked, host, port, deadline).await;
        let demand = demand.map_err(|unmeetable| unmeetable.to_string())?;
        let addresses = resolve::named_host(&self.resolver, host)
            .await
            .map_err(|unroutable| unroutable.to_string())?;
        let purpose = |address: IpAddr| Purpose {
            host: host.clone(),
            address: SocketAddr::new(address, port),
            dialect,
            demand: demand.clone(),
            identity: probe.route.identity.clone(),
        };
        let mut last = Err(format!("{host} has no address"));
        for purpose in addresses.into_iter().take(self.addresses).map(purpose) {
            last = self.ask_at(probe, purpose, deadline).await;
            if last.is_ok() {
                break;
            }
        }
        last
    }

    async fn ask_at(
        &self,
        probe: &Probe,
        purpose: Purpose,
        deadline: Instant,
    ) -> Result<Probed, String> {
        // One that waited may have been closed meanwhile: a new one decides.
        if let Some(connection) = self.pool.take(&purpose)
            && let Ok(answered) = self.ask_on(connection, probe, &purpose, deadline).await
        {
            return Ok(answered);
        }
        let connection =
            self.connect(&purpose, deadline).await.map_err(|refused| match refused.why {
                Why::Session(failed) => failed.to_string(),
                Why::Unreachable(error) => error,
            })?;
        self.offers.note(&probe.next_hop, connection.extensions);
        self.ask_on(connection, probe, &purpose, deadline).await
    }

    async fn ask_on(
        &self,
        mut connection: Connection,
        probe: &Probe,
        purpose: &Purpose,
        deadline: Instant,
    ) -> Result<Probed, String> {
        let extensions = connection.extensions;
        let verdict = match &probe.recipient {
            None => None,
            Some(recipient) => {
                let reverse_path = probe.reverse_path.clone();
                let question = Question { reverse_path, recipient: recipient.clone() };
                let answer = connection.ask(&self.means, &question, deadline).await;
                Some(verdict(answer.map_err(|failed| failed.to_string())?)?)
            }
        };
        let (pool, means, purpose) = (self.pool.clone(), self.means.clone(), purpose.clone());
        // Nobody waits for the reply to RSET.
        tokio::spawn(async move {
            if let Some(connection) = connection.rest(&means).await {
                pool.put(purpose, connection, means);
            }
        });
        Ok(Probed::Answered { extensions, verdict })
    }
}

fn verdict(answer: Answer) -> Result<Reply, String> {
    match answer {
        Answer::Recipient(reply) => Ok(reply),
        Answer::Sender(reply) => Err(format!("the sender is not wanted: {reply}")),
        Answer::Unspeakable => Err("SMTPUTF8 is needed and not offered".to_owned()),
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
