//! `postern run`: the gateway.

use std::{io, path::PathBuf, sync::Arc};

use clap::Args;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{exit::Failure, files};
use crate::{
    config::Limits,
    gateway::{Gateway, StartError},
    observe::{Audit, AuditSettings, LogFormat, Metrics, Observatory, start_logging},
};

#[derive(Debug, Args)]
pub struct RunArguments {
    #[arg(long, value_name = "FILE", default_value = "/etc/postern/postern.toml")]
    config: PathBuf,
    /// How log lines are written; POSTERN_LOG filters them (`info`, `postern=debug`)
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log: LogFormat,
}

pub fn run(arguments: &RunArguments) -> Result<(), Failure> {
    start_logging(arguments.log).map_err(Failure::configuration)?;
    let config = files::configuration(&arguments.config)?;
    allow_descriptors(&config.limits);
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::unavailable)?;
    runtime.block_on(async {
        let signals = Signals::new().map_err(Failure::unavailable)?;
        let audit = Audit::open(AuditSettings::of(&config)).map_err(Failure::unavailable)?;
        let metrics = Metrics::new().map_err(Failure::unavailable)?;
        let observatory = Arc::new(Observatory::new(metrics, audit));
        let gateway =
            Gateway::start(config, Arc::clone(&observatory), Vec::new()).await.map_err(start)?;
        for (listener, address) in gateway.addresses() {
            tracing::info!(listener, %address, "listening");
        }
        serve(gateway, signals).await;
        observatory.close();
        Ok(())
    })
}

/// A session or a delivery takes a descriptor, and what most systems start
/// with, 1,024, is far below what the limits allow: as many as may be had.
fn allow_descriptors(limits: &Limits) {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        setrlimit(Resource::RLIMIT_NOFILE, soft.max(hard), hard).map(|()| hard)
    });
    let wanted = limits.sessions + limits.deliveries + BESIDES;
    match raised {
        Ok(allowed) if allowed >= wanted as u64 => {}
        Ok(allowed) => tracing::warn!(
            allowed,
            wanted,
            "fewer file descriptors than [limits] allows sessions: raise the hard limit"
        ),
        Err(error) => tracing::warn!(%error, "the limit of file descriptors cannot be raised"),
    }
}

/// Until a signal says stop.
async fn serve(gateway: Gateway, mut signals: Signals) {
    loop {
        tokio::select! {
            _ = signals.reload.recv() => gateway.reload(),
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
        }
    }
    tracing::info!("stopping");
    gateway.stop().await;
    tracing::info!("stopped");
}

struct Signals {
    reload: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            reload: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }
}

fn start(error: StartError) -> Failure {
    match error {
        StartError::Policy(diagnostics) | StartError::Users(diagnostics) => {
            files::show(&diagnostics);
            Failure::configuration(files::faults(&diagnostics))
        }
        other => Failure::unavailable(other),
    }
}

/// Descriptors for the spool, logs, doors and lookups.
const BESIDES: usize = 256;
