//! `[limits]`.

use std::time::Duration;

use super::fields::{count, duration, size};
use crate::{config::Limits, policy::written::Table};

pub(super) fn limits(table: &Table<'_>) -> Limits {
    let absent = Limits::default();
    let count = |key, absent| count(table, key, absent);
    let size = |key, absent| size(table, key, absent);
    let duration = |key, absent| duration(table, key, absent);
    Limits {
        sessions: count("sessions", absent.sessions),
        sessions_per_client: count("sessions_per_client", absent.sessions_per_client),
        recipients: count("recipients", absent.recipients),
        content_line: size("content_line", absent.content_line),
        memory: size("memory", absent.memory),
        messages_per_session: count("messages_per_session", absent.messages_per_session),
        commands: count("commands", absent.commands),
        bad_commands: count("bad_commands", absent.bad_commands),
        idle_commands: count("idle_commands", absent.idle_commands),
        command_timeout: duration("command_timeout", absent.command_timeout),
        content_timeout: duration("content_timeout", absent.content_timeout),
        message_deadline: duration("message_deadline", absent.message_deadline),
        authentication_failures: count("authentication_failures", absent.authentication_failures),
        authentication_delay: duration("authentication_delay", absent.authentication_delay),
        shut_out_after: count("shut_out_after", absent.shut_out_after),
        shut_out_for: duration("shut_out_for", absent.shut_out_for),
        future_release: duration("future_release", absent.future_release),
        passages: count("passages", absent.passages),
        deliveries: count("deliveries", absent.deliveries),
        deliveries_per_destination: count(
            "deliveries_per_destination",
            absent.deliveries_per_destination,
        ),
        initial_deliveries_per_destination: count(
            "initial_deliveries_per_destination",
            absent.initial_deliveries_per_destination,
        ),
        stop_grace: duration("stop_grace", absent.stop_grace),
    }
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
    "initial_deliveries_per_destination",
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
            initial_deliveries_per_destination: 5,
            stop_grace: Duration::from_secs(30),
        }
    }
}
