//! Logs: one line an event, as text or JSON on standard error, or for journald.
//! `postern manual logs` tells each event by name.

use std::{
    borrow::Cow,
    io::{self, IsTerminal, Write},
    path::Path,
};

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use super::journal::{self, Journal};

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people
    Text,
    /// An object a line
    Json,
    /// For journald, field by field; where none listens, text without a time,
    /// each line begun by its priority (sd-daemon(3))
    Journald,
}

/// Starts logging for the whole process. `POSTERN_LOG` filters
/// (`postern=debug`); a filter that cannot be read is an error worth words.
pub fn start_logging(format: LogFormat) -> Result<(), String> {
    let wanted = std::env::var("POSTERN_LOG").unwrap_or_else(|_| USUAL.to_owned());
    let filter: EnvFilter =
        wanted.parse().map_err(|error| format!("POSTERN_LOG={wanted}: {error}"))?;
    let registry = tracing_subscriber::registry().with(filter);
    if format == LogFormat::Journald
        && let Ok(journal) = Journal::at(Path::new(journal::SOCKET))
    {
        return registry.with(journal).try_init().map_err(|error| error.to_string());
    }
    let lines = fmt::layer().with_writer(Lines(format));
    let started = match format {
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
        LogFormat::Text => {
            let colour = io::stderr().is_terminal();
            registry.with(lines.with_ansi(colour)).try_init()
        }
        // It has the time of each line, and the fields are read by people.
        LogFormat::Journald => registry.with(lines.with_ansi(false).without_time()).try_init(),
    };
    started.map_err(|error| error.to_string())
}

/// Standard error, of which an event is one line.
struct Lines(LogFormat);

struct Line {
    priority: Option<u8>,
}

impl MakeWriter<'_> for Lines {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        Line { priority: None }
    }

    fn make_writer_for(&self, event: &Metadata<'_>) -> Line {
        let for_journald = self.0 == LogFormat::Journald;
        Line { priority: for_journald.then(|| priority(*event.level())) }
    }
}

/// The layer hands over a whole event at a time.
impl Write for Line {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        to_standard_error(event, self.priority)?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

pub(super) fn to_standard_error(event: &[u8], priority: Option<u8>) -> io::Result<()> {
    io::stderr().write_all(&one_line(event, priority))
}

/// What a stranger sends begins no line of its own, and claims no priority.
fn one_line(event: &[u8], priority: Option<u8>) -> Vec<u8> {
    let text = String::from_utf8_lossy(event);
    let text = text.trim_end_matches('\n');
    let text = match text.contains(['\n', '\r']) {
        true => Cow::Owned(text.replace('\n', "\\n").replace('\r', "\\r")),
        false => Cow::Borrowed(text),
    };
    let priority = priority.map(|number| format!("<{number}>")).unwrap_or_default();
    format!("{priority}{text}\n").into_bytes()
}

/// Of syslog: 3 is an error, 4 a warning, 6 information, 7 for finding faults.
pub(super) fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

/// Without the resolver's dumps of whole answers: what they mean for mail
/// stands with the message that waits for it.
const USUAL: &str = "info,hickory_net=off,hickory_resolver=off";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_stands_in_it() {
        let event = b"WARN refused reply=\"550 no\r\n<3>forged\"\n";
        let line = String::from_utf8(one_line(event, None)).unwrap();
        assert_eq!(line, "WARN refused reply=\"550 no\\r\\n<3>forged\"\n");
    }

    #[test]
    fn journald_is_told_how_much_a_line_matters() {
        assert_eq!(one_line(b"stopped\n", Some(priority(Level::INFO))), b"<6>stopped\n");
        assert_eq!(one_line(b"stopped\n", Some(priority(Level::ERROR))), b"<3>stopped\n");
    }
}
