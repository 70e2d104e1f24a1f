//! Content: what a message is made of, and the text a person could read in it.

mod reading;

pub use reading::{OffsetMap, Reading, ReadingKind};
