//! `postern.toml`: how much may be had, how fast, and how often it is tried.

use serde_json::{Value, json};

use super::words::{
    UNIT, absent, any_of, any_span, count, holding, number, size, span, table, usual, with,
};
use crate::config::{Limits, Reader, Retry, Sending, Span};

pub(super) fn sending() -> Value {
    let held = Sending::default();
    let idle = "How long a connection waits for another message; \"0s\" keeps none.";
    let keys = vec![
        ("port", holding(number("Of exchanges.", 1, 65_535), held.port)),
        (
            "exchange_addresses",
            usual(
                "Which addresses of exchanges are connected to: remote leaves out this machine's \
                 own and multicast, any is for labs.",
                ["remote", "any"],
                "remote",
            ),
        ),
        ("idle", span(idle, held.idle)),
        (
            "messages_per_connection",
            count("Messages that one connection carries.", held.messages_per_connection),
        ),
    ];
    table("How mail goes out.", keys, &[])
}

pub(super) fn retry() -> Value {
    let held = Retry::default();
    let delays: Vec<String> = held.delays.iter().map(|&delay| Span(delay).to_string()).collect();
    let waits = |says| {
        let one = any_span(says);
        let unit = one.get(UNIT).cloned().unwrap_or_default();
        with(any_of(&one), UNIT, unit)
    };
    let keys = vec![
        (
            "delays",
            holding(
                waits("Waits before the second, third, … attempt; the last one repeats."),
                json!(delays),
            ),
        ),
        (
            "trials",
            absent(
                waits("Waits before each trial of a destination that is dead."),
                "as `delays`, none over 15m",
            ),
        ),
        ("expiry", span("When a message that could not be delivered is returned.", held.expiry)),
        ("delay_notice", span("When its sender is told that it is late.", held.delay_notice)),
        (
            "tls_notice",
            span(
                "How long it waits for TLS before its sender and the officers are told.",
                held.tls_notice,
            ),
        ),
    ];
    table("When it is tried again, and returned.", keys, &[])
}

pub(super) fn limits() -> Value {
    let held = Limits::default();
    let mut keys = sessions(&held);
    keys.extend([
        (
            "authentication_failures",
            count("Failures in one session, which then ends.", held.authentication_failures),
        ),
        (
            "authentication_delay",
            span("What the answer to a failed one waits for.", held.authentication_delay),
        ),
        (
            "shut_out_after",
            count("Failures that shut a client out, over all its sessions.", held.shut_out_after),
        ),
        ("shut_out_for", span("How long it stays out.", held.shut_out_for)),
        (
            "future_release",
            span("How far ahead FUTURERELEASE (RFC 4865) may reach.", held.future_release),
        ),
        (
            "passages",
            count("How often a message may come through in one direction.", held.passages),
        ),
        ("deliveries", count("Deliveries at one time.", held.deliveries)),
        (
            "deliveries_per_destination",
            count("Of them to one destination, at most.", held.deliveries_per_destination),
        ),
        (
            "initial_deliveries_per_destination",
            count("And before anything is known of it.", held.initial_deliveries_per_destination),
        ),
        (
            "stop_grace",
            span("How long an orderly stop waits for transactions to end.", held.stop_grace),
        ),
    ]);
    table("Nothing is unbounded.", keys, &[])
}

fn sessions(held: &Limits) -> Vec<super::words::Key> {
    vec![
        ("sessions", count("Open at one time, on all listeners.", held.sessions)),
        (
            "sessions_per_client",
            count("Of them from one client's address.", held.sessions_per_client),
        ),
        ("recipients", count("Of one message.", held.recipients)),
        ("content_line", size("One line of content.", held.content_line)),
        (
            "memory",
            size("Content that sessions hold in memory, all together; then 452.", held.memory),
        ),
        ("messages_per_session", count("In one session.", held.messages_per_session)),
        ("commands", count("In one session.", held.commands)),
        ("bad_commands", count("In one session, which then ends.", held.bad_commands)),
        (
            "idle_commands",
            count(
                "In one session since the last message, that bring none nearer.",
                held.idle_commands,
            ),
        ),
        ("command_timeout", span("How long a command is waited for.", held.command_timeout)),
        (
            "content_timeout",
            span("How long the next piece of content is waited for.", held.content_timeout),
        ),
        (
            "message_deadline",
            span("For one message, from MAIL to the end of its content.", held.message_deadline),
        ),
    ]
}

pub(super) fn reader() -> Value {
    let held = Reader::default();
    let keys = vec![
        (
            "processes",
            absent(number("At one time.", 1, i64::MAX), "as many as the machine has CPUs"),
        ),
        (
            "documents",
            count("That a process reads before another takes its place.", held.documents),
        ),
        ("patience", span("How long a message waits for a process; then 451.", held.patience)),
        ("deadline", span("For one document.", held.deadline)),
        ("message_deadline", span("For all documents of one message.", held.message_deadline)),
        ("memory", size("For a process, beside its program.", held.memory)),
        ("unfolded", size("What the files within a part may unfold to.", held.unfolded)),
        ("text", size("The text that may come of a part.", held.text)),
        ("files", count("Files within a part.", held.files)),
        ("depth", count("Files within files.", held.depth)),
        (
            "confinement",
            usual(
                "Whether it must be had: best-effort reads with what the kernel has.",
                ["required", "best-effort"],
                "required",
            ),
        ),
    ];
    table("The confined processes in which documents are read.", keys, &[])
}
