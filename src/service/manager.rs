//! What the service manager hears (sd_notify(3)): that mail is taken, that it
//! lives still, that it stops. Nothing is said where none listens.

use std::{io, time::Duration};

use sd_notify::NotifyState;

#[derive(Clone, Copy, Debug)]
pub struct Manager {
    /// How often it wants to hear that this lives.
    watchdog: Option<Duration>,
}

#[derive(Debug, thiserror::Error)]
#[error("the service manager cannot be told: {0}")]
pub struct ManagerError(#[from] io::Error);

impl Manager {
    /// As the environment says.
    pub fn of_environment() -> Self {
        Self { watchdog: sd_notify::watchdog_enabled() }
    }

    /// Sessions can come.
    pub fn ready(self) -> Result<(), ManagerError> {
        tell(&[NotifyState::Ready])
    }

    /// It ends what is under way.
    pub fn stopping(self) -> Result<(), ManagerError> {
        tell(&[NotifyState::Stopping])
    }

    /// It lives, and how it does: a line that `systemctl status` shows.
    pub fn lives(self, how: &str) -> Result<(), ManagerError> {
        match self.watchdog {
            Some(_) => tell(&[NotifyState::Watchdog, NotifyState::Status(how)]),
            None => tell(&[NotifyState::Status(how)]),
        }
    }

    /// How often to say so: twice within what the watchdog allows.
    pub fn interval(self) -> Duration {
        self.watchdog.map_or(STATUS_INTERVAL, |within| (within / 2).min(STATUS_INTERVAL))
    }
}

fn tell(states: &[NotifyState<'_>]) -> Result<(), ManagerError> {
    Ok(sd_notify::notify(states)?)
}

const STATUS_INTERVAL: Duration = Duration::from_secs(10);
