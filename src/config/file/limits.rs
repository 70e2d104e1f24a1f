//! `[limits]`.

use std::time::Duration;

use super::fields::{count, duration, size};
use crate::{config::Limits, policy::written::Table};

pub(super) fn limits(table: &Table<'_>, absent: Limits) -> Option<Limits> {
    // All are read before any may end it: every fault is shown at once.
    let usual = sessions(table, absent);
    let usual = times(table, absent).zip(usual).map(|(times, usual)| Limits {
        command_timeout: times.command_timeout,
        content_timeout: times.content_timeout,
        message_deadline: times.message_deadline,
        authentication_delay: times.authentication_delay,
        shut_out_for: times.shut_out_for,
        future_release: times.future_release,
        stop_grace: times.stop_grace,
        ..usual
    });
    let deliveries = count(table, "deliveries", absent.deliveries);
    let per_destination =
        count(table, "deliveries_per_destination", absent.deliveries_per_destination);
    let passages = count(table, "passages", absent.passages);
    Some(Limits {
        deliveries: deliveries?,
        deliveries_per_destination: per_destination?,
        passages: passages?,
        ..usual?
    })
}

fn sessions(table: &Table<'_>, absent: Limits) -> Option<Limits> {
    let sessions = count(table, "sessions", absent.sessions);
    let sessions_per_client = count(table, "sessions_per_client", absent.sessions_per_client);
    let recipients = count(table, "recipients", absent.recipients);
    let content_line = size(table, "content_line", absent.content_line);
    let memory = size(table, "memory", absent.memory);
    let messages_per_session = count(table, "messages_per_session", absent.messages_per_session);
    let commands = count(table, "commands", absent.commands);
    let bad_commands = count(table, "bad_commands", absent.bad_commands);
    let idle_commands = count(table, "idle_commands", absent.idle_commands);
    let failures = count(table, "authentication_failures", absent.authentication_failures);
    let shut_out_after = count(table, "shut_out_after", absent.shut_out_after);
    Some(Limits {
        sessions: sessions?,
        sessions_per_client: sessions_per_client?,
        recipients: recipients?,
        content_line: content_line?,
        memory: memory?,
        messages_per_session: messages_per_session?,
        commands: commands?,
        bad_commands: bad_commands?,
        idle_commands: idle_commands?,
        authentication_failures: failures?,
        shut_out_after: shut_out_after?,
        ..absent
    })
}

fn times(table: &Table<'_>, absent: Limits) -> Option<Limits> {
    let command_timeout = duration(table, "command_timeout", absent.command_timeout);
    let content_timeout = duration(table, "content_timeout", absent.content_timeout);
    let message_deadline = duration(table, "message_deadline", absent.message_deadline);
    let delay = duration(table, "authentication_delay", absent.authentication_delay);
    let shut_out_for = duration(table, "shut_out_for", absent.shut_out_for);
    let future_release = duration(table, "future_release", absent.future_release);
    let stop_grace = duration(table, "stop_grace", absent.stop_grace);
    Some(Limits {
        command_timeout: command_timeout?,
        content_timeout: content_timeout?,
        message_deadline: message_deadline?,
        authentication_delay: delay?,
        shut_out_for: shut_out_for?,
        future_release: future_release?,
        stop_grace: stop_grace?,
        ..absent
    })
}

pub(super) const LIMITS: &[&str] = &[
    "sessions",
    "sessions_per_client",
    "recipients",
    "content_line",
    "memory",
    "messages_per_session",
    "commands",
    "bad_commands",
    "idle_commands",
    "command_timeout",
    "content_timeout",
    "message_deadline",
    "authentication_failures",
    "authentication_delay",
    "shut_out_after",
    "shut_out_for",
    "future_release",
    "passages",
    "deliveries",
    "deliveries_per_destination",
    "stop_grace",
];

impl Default for Limits {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        Self {
            sessions: 2_000,
            sessions_per_client: 200,
            recipients: 1_000,
            content_line: 64 << 10,
            memory: 1 << 30,
            messages_per_session: 1_000,
            commands: 10_000,
            bad_commands: 20,
            idle_commands: 100,
            command_timeout: minutes(5),
            content_timeout: minutes(3),
            message_deadline: minutes(30),
            authentication_failures: 3,
            authentication_delay: Duration::from_secs(2),
            shut_out_after: 10,
            shut_out_for: minutes(15),
            future_release: minutes(7 * 24 * 60),
            passages: 3,
            deliveries: 200,
            deliveries_per_destination: 20,
            stop_grace: Duration::from_secs(30),
        }
    }
}
