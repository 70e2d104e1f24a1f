//! Logs: one line an event, text or JSON, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// Starts logging for the whole process. `POSTERN_LOG` filters
/// (`postern=debug`); a filter that cannot be read is an error worth words.
pub fn start_logging(format: LogFormat) -> Result<(), String> {
    let wanted = std::env::var("POSTERN_LOG").unwrap_or_else(|_| USUAL.to_owned());
    let filter: EnvFilter =
        wanted.parse().map_err(|error| format!("POSTERN_LOG={wanted}: {error}"))?;
    let registry = tracing_subscriber::registry().with(filter);
    let started = match format {
        LogFormat::Json => {
            let lines = fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
            registry.with(lines).try_init()
        }
        LogFormat::Text => {
            let colour = std::io::stderr().is_terminal();
            let lines = fmt::layer().with_ansi(colour).with_writer(std::io::stderr);
            registry.with(lines).try_init()
        }
    };
    started.map_err(|error| error.to_string())
}

/// Without the resolver's dumps of whole answers: what they mean for mail
/// stands with the message that waits for it.
const USUAL: &str = "info,hickory_net=off,hickory_resolver=off";
