//! Readers that do what documents could make them do, and what the pool makes
//! of it. The program of these readers is the test binary itself (`actor`).

mod actor;
mod confinement;
mod faults;
mod places;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;

use super::{Pool, Reader, Settings};
use crate::{
    content::{Document, Extract, Limits, ReadDocument},
    mail::{Event, Observer, Opaque, OpaqueReason, ReaderOutcome},
};

/// No test waits for these: they are longer than anything takes.
fn settings() -> Settings {
    let long = Duration::from_secs(60);
    Settings {
        processes: 2,
        patience: long,
        deadline: long,
        message_deadline: long,
        memory: 256 << 20,
        limits: Limits { octets: 32 << 20, text: 32 << 20, files: 10, depth: 2 },
        program: actor::program(actor::Role::Obedient),
        ..Settings::default()
    }
}

/// What the pool tells of documents.
#[derive(Default)]
struct Outcomes(Mutex<Vec<ReaderOutcome>>);

impl Observer for Outcomes {
    fn observe(&self, event: Event<'_>) {
        if let Event::DocumentRead { outcome, .. } = event {
            self.0.lock().unwrap().push(outcome);
        }
    }
}

impl Outcomes {
    fn taken(&self) -> Vec<ReaderOutcome> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn pool(settings: Settings) -> (Pool, Arc<Outcomes>) {
    let outcomes = Arc::new(Outcomes::default());
    (Pool::new(settings, Some(Arc::clone(&outcomes) as _)), outcomes)
}

fn document(octets: impl Into<Bytes>) -> Document {
    Document { path: "2".to_owned(), octets: octets.into() }
}

fn told(reader: &mut Reader, order: &str) -> Extract {
    reader.read(&document(order.to_owned()))
}

/// What a reader that is well says to it.
fn is_well(reader: &mut Reader) {
    let extract = told(reader, "echo hello");
    assert_eq!(extract.readings[0].text, "echo hello");
}

fn process_id(reader: &mut Reader) -> i32 {
    told(reader, "who").readings[0].text.parse().unwrap()
}

fn opaque(reason: OpaqueReason) -> Vec<Opaque> {
    vec![Opaque { part: "2".to_owned(), reason }]
}
