//! Several observers as one.

use std::sync::Arc;

use crate::mail::{Event, Observer};

struct Chorus(Vec<Arc<dyn Observer>>);

impl Observer for Chorus {
    fn observe(&self, event: Event<'_>) {
        self.0.iter().for_each(|observer| observer.observe(event));
    }
}

/// Each is told of everything, in their order.
pub(super) fn chorus(observers: impl Iterator<Item = Arc<dyn Observer>>) -> Arc<dyn Observer> {
    Arc::new(Chorus(observers.collect()))
}
