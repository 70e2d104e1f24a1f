//! What clients and the schedule have been told, and therefore what a restart
//! must find: acknowledged = delivered + still queued, for ids, contents and
//! recorded outcomes.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{
    super::{Acceptance, Batch, DamageKind, Spool, SpoolError},
    SEGMENT, content, id,
};
use crate::mail::QueueId;

/// What a batch does to messages: the version each has afterwards, if any.
pub(super) type Effect = Vec<(QueueId, Option<u32>)>;

/// What the gateway has been told, and what it cannot know.
#[derive(Clone, Default)]
pub(super) struct Told {
    /// What is queued, for sure, in which version. What was accepted and is
    /// not here is known to have been delivered.
    pub(super) certain: BTreeMap<QueueId, u32>,
    /// Batches answered with an error since the last that was not: a power
    /// cut may leave each, whole, or none.
    pub(super) doubtful: Vec<Effect>,
    pub(super) next: u64,
    pub(super) versions: u32,
    /// How many keys there have been.
    pub(super) keys: u8,
}

impl Told {
    pub(super) fn hear(&mut self, effect: Effect, answer: &Result<(), SpoolError>) {
        match answer {
            Ok(()) => {
                apply(&effect, &mut self.certain);
                self.doubtful.clear();
            }
            Err(_) => self.doubtful.push(effect),
        }
    }

    /// Whether a restart may find this.
    pub(super) fn allows(&self, found: &BTreeMap<QueueId, u32>) -> bool {
        (0..1_u32 << self.doubtful.len()).any(|chosen| {
            let mut state = self.certain.clone();
            for (bit, effect) in self.doubtful.iter().enumerate() {
                if chosen & (1 << bit) != 0 {
                    apply(effect, &mut state);
                }
            }
            state == *found
        })
    }

    pub(super) fn find(&mut self, found: BTreeMap<QueueId, u32>) {
        self.certain = found;
        self.doubtful.clear();
    }
}

fn apply(effect: &Effect, state: &mut BTreeMap<QueueId, u32>) {
    for &(id, version) in effect {
        match version {
            Some(version) => state.insert(id, version),
            None => state.remove(&id),
        };
    }
}

/// A batch, and what it will have done.
pub(super) enum Step {
    Commit(Acceptance, Effect),
    Record(Batch, Effect),
}

pub(super) async fn take(spool: &Spool, step: Step) -> (Effect, Result<(), SpoolError>) {
    match step {
        Step::Commit(acceptance, effect) => (effect, spool.commit(acceptance).await.map(drop)),
        Step::Record(batch, effect) => (effect, spool.record(batch).await),
    }
}

/// That the running spool holds what it has said, and its contents.
pub(super) fn check_running(spool: &Spool, told: &Told) {
    let ids: Vec<QueueId> = told.certain.keys().copied().collect();
    assert_eq!(spool.ids(), ids);
    for (&id, version) in &told.certain {
        assert_eq!(spool.message(id).unwrap().unwrap().policy, version.to_string());
        assert_eq!(spool.content(id).unwrap().unwrap(), content_of(id));
    }
}

/// That nothing was passed over but what nobody had been told of.
pub(super) fn check_damage(spool: &Spool) {
    let torn = |kind| kind == DamageKind::Torn;
    assert!(spool.damage().iter().all(|damage| torn(damage.kind)), "{:?}", spool.damage());
}

/// Ids from `id(LARGE)` on are of messages that need a segment of their own.
pub(super) fn content_of(id: QueueId) -> Bytes {
    if id < self::id(LARGE) {
        return content(id);
    }
    let octet = id.to_bits().to_le_bytes()[0] | 1;
    vec![octet; 2 * SEGMENT as usize].into()
}

pub(super) const LARGE: u64 = 900_000;
