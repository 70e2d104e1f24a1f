//! `postern run`: the gateway.

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{MissedTickBehavior, interval},
};

use super::{exit::Failure, files};
use crate::{
    config::{Config, Confinement, Limits},
    gateway::{self, Gateway, StartError},
    observe::{Audit, AuditSettings, LogFormat, Metrics, Observatory, start_logging},
    service::{Manager, Sockets, confine, give_up_root, is_root},
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
    let manager = Manager::of_environment();
    allow_descriptors(&config.limits);
    // While there is one thread, for what is given up is given up by threads.
    let sockets = settle_in(&config, &arguments.config)?;
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::unavailable)?;
    runtime.block_on(async {
        let signals = Signals::new().map_err(Failure::unavailable)?;
        let audit = Audit::open(AuditSettings::of(&config)).map_err(Failure::unavailable)?;
        let metrics = Metrics::new().map_err(Failure::unavailable)?;
        let observatory = Arc::new(Observatory::new(metrics, audit));
        let gateway = Gateway::start_on(sockets, config, Arc::clone(&observatory), Vec::new())
            .await
            .map_err(start)?;
        for (listener, address) in gateway.addresses() {
            tracing::info!(listener, %address, "listening");
        }
        manager.ready().map_err(Failure::unavailable)?;
        serve(gateway, signals, manager).await;
        observatory.close();
        Ok(())
    })
}

/// Takes the sockets that there are, and gives up what is not needed after.
fn settle_in(config: &Config, file: &Path) -> Result<Sockets, Failure> {
    let mut sockets = Sockets::inherited().map_err(Failure::unavailable)?;
    match &config.node.user {
        Some(user) if is_root() => {
            for (name, address) in gateway::addresses(config) {
                sockets.bind(name, address).map_err(Failure::unavailable)?;
            }
            give_up_root(user).map_err(Failure::configuration)?;
        }
        _ => {}
    }
    std::fs::create_dir_all(&config.node.data_dir).map_err(|error| {
        Failure::unavailable(format!("{}: {error}", config.node.data_dir.display()))
    })?;
    // Only what is there can be allowed. Mail for one that cannot be made waits.
    for maildir in gateway::maildirs(config) {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(maildir);
        if let Err(error) = made {
            tracing::warn!(maildir = %maildir.display(), %error, "mail for it cannot be stored");
        }
    }
    let required = match config.node.confinement {
        Confinement::Off => return Ok(sockets),
        Confinement::BestEffort => false,
        Confinement::Required => true,
    };
    let program = std::env::current_exe().map_err(Failure::unavailable)?;
    match confine(&gateway::files(config, file, &program)) {
        Ok(confined) if confined.is_whole() => tracing::info!("confined"),
        Ok(confined) if required => {
            let why = format!("this kernel cannot confine it wholly: {confined:?}");
            return Err(Failure::configuration(why));
        }
        Ok(confined) => tracing::warn!(?confined, "this kernel cannot confine it wholly"),
        Err(error) if required => return Err(Failure::configuration(error)),
        Err(error) => tracing::warn!(%error, "not confined"),
    }
    Ok(sockets)
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
async fn serve(gateway: Gateway, mut signals: Signals, manager: Manager) {
    let mut alive = interval(manager.interval());
    alive.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            _ = alive.tick() => tell(manager.lives(&gateway.standing())),
            _ = signals.reload.recv() => gateway.reload(),
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
        }
    }
    tracing::info!("stopping");
    tell(manager.stopping());
    gateway.stop().await;
    tracing::info!("stopped");
}

fn tell(told: Result<(), impl std::fmt::Display>) {
    if let Err(error) = told {
        tracing::warn!(%error, "the service manager");
    }
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
