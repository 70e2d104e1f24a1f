//! Several observers as one: the observatory, and whoever watches beside it.

use std::sync::Arc;

use crate::{
    mail::{Event, Observer},
    observe::Observatory,
};

struct Chorus(Vec<Arc<dyn Observer>>);

impl Observer for Chorus {
    fn observe(&self, event: Event<'_>) {
        self.0.iter().for_each(|observer| observer.observe(event));
    }
}

pub(super) fn observers(
    observatory: &Arc<Observatory>,
    watchers: Vec<Arc<dyn Observer>>,
) -> Arc<dyn Observer> {
    let first: Arc<dyn Observer> = Arc::clone(observatory) as _;
    if watchers.is_empty() {
        return first;
    }
    Arc::new(Chorus(std::iter::once(first).chain(watchers).collect()))
}
