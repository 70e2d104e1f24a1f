//! `[reader]`.

use std::time::Duration;

use super::fields::{count, duration, optional, size};
use crate::{
    config::{Reader, ReaderConfinement},
    policy::written::Table,
};

pub(super) fn reader(table: &Table<'_>) -> Reader {
    let absent = Reader::default();
    let count = |key, absent| count(table, key, absent);
    let size = |key, absent| size(table, key, absent);
    let duration = |key, absent| duration(table, key, absent);
    let reader = Reader {
        processes: count("processes", absent.processes),
        documents: count("documents", absent.documents),
        patience: duration("patience", absent.patience),
        deadline: duration("deadline", absent.deadline),
        message_deadline: duration("message_deadline", absent.message_deadline),
        memory: size("memory", absent.memory),
        unfolded: size("unfolded", absent.unfolded),
        text: size("text", absent.text),
        files: count("files", absent.files),
        depth: count("depth", absent.depth),
        confinement: optional(table, "confinement", absent.confinement, |value| {
            value.choice(&[
                ("required", ReaderConfinement::Required),
                ("best-effort", ReaderConfinement::BestEffort),
            ])
        }),
    };
    refuse_too_little_memory(table, &reader);
    refuse_long_waits(table, &reader);
    reader
}

/// It holds all that it unfolds until it has answered.
fn refuse_too_little_memory(table: &Table<'_>, reader: &Reader) {
    let needed = reader.unfolded.saturating_add(reader.text).saturating_add(WORKING_MEMORY);
    let written = ["memory", "unfolded", "text"].iter().find_map(|key| table.value(key));
    if let Some(value) = written.filter(|_| reader.memory < needed) {
        let why = format!(
            "`memory` must hold `unfolded`, `text` and {} MiB to work in: {} MiB at least",
            WORKING_MEMORY >> 20,
            needed.div_ceil(1 << 20)
        );
        value.invalid::<()>("reader-memory", why);
    }
}

/// Of a message whose reply comes later the sender's server knows nothing,
/// and sends it again.
fn refuse_long_waits(table: &Table<'_>, reader: &Reader) {
    let longest = reader.patience.saturating_add(reader.message_deadline);
    let written = ["message_deadline", "patience"].iter().find_map(|key| table.value(key));
    if let Some(value) = written.filter(|_| longest > LONGEST_WAIT) {
        let why = "`patience` and `message_deadline` together must be 5 minutes at most: senders \
                   wait 10 for the reply to a message (RFC 5321 section 4.5.3.2.6)";
        value.invalid::<()>("reader-deadline", why);
    }
}

pub(super) const READER: &[&str] = &[
    "processes",
    "documents",
    "patience",
    "deadline",
    "message_deadline",
    "memory",
    "unfolded",
    "text",
    "files",
    "depth",
    "confinement",
];
const WORKING_MEMORY: usize = 64 << 20;
const LONGEST_WAIT: Duration = Duration::from_secs(5 * 60);
